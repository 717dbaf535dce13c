//! The code that a customer types.

/// Number and secret of a session, as read out to the customer. Its `Debug` form hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl std::str::FromStr for Code {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if digits == 17 { Ok(Self(text.to_owned())) } else { Err(crate::Error::CodeMalformed) }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Code(..)")
    }
}
