//! The code that a customer types: a public number that finds the session, and a secret that proves the invitation.

use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize, Zeroizing};

/// A session's number: nine digits, the first not 0. It is public and only finds the session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Number(u32);

/// How many numbers there are.
const NUMBERS: u32 = 900_000_000;

impl Number {
    /// The smallest number.
    pub(crate) const FIRST: u32 = 100_000_000;

    /// The number at `index`, which counts from 0 to 899,999,999; `None` beyond. Whoever draws numbers draws the index
    /// from a random source.
    pub fn from_index(index: u32) -> Option<Self> {
        (index < NUMBERS).then_some(Self(Self::FIRST + index))
    }

    /// The number as its nine digits say.
    pub fn value(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.to_string()
    }
}

impl TryFrom<String> for Number {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        text.parse()
    }
}

impl FromStr for Number {
    type Err = CodeError;

    /// Reads nine digits, with spaces and hyphens anywhere between them.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let digits: [u8; NUMBER_DIGITS] = digits(text)?;
        number_of(&digits)
    }
}

const NUMBER_DIGITS: usize = 9;
const SECRET_DIGITS: usize = 8;

/// A text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Something that is neither a digit nor a space nor a hyphen.
    #[error("a code holds only digits, spaces and hyphens: type it again as it was told")]
    NotDigits,
    /// Too few or too many digits.
    #[error("{expected} digits are needed, {found} were given: type the code again as it was told")]
    Length {
        /// How many are needed.
        expected: usize,
        /// How many there are; more than twice the expected ones are not counted on.
        found: usize,
    },
    /// No session number begins with 0.
    #[error("no session number begins with 0: type the code again as it was told")]
    LeadingZero,
}

/// The digits of `text`, of which there must be `N`. Accepts what people and word processors put between digits.
fn digits<const N: usize>(text: &str) -> Result<[u8; N], CodeError> {
    let mut digits = [0; N];
    let mut found = 0;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                if let Some(digit) = digits.get_mut(found) {
                    *digit = c as u8;
                }
                found += 1;
                if found > 2 * N {
                    break;
                }
            }
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            c if c.is_whitespace() => {}
            _ => {
                digits.zeroize();
                return Err(CodeError::NotDigits);
            }
        }
    }
    if found != N {
        digits.zeroize();
        return Err(CodeError::Length { expected: N, found });
    }
    Ok(digits)
}

fn number_of(digits: &[u8]) -> Result<Number, CodeError> {
    let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    value.checked_sub(Number::FIRST).and_then(Number::from_index).ok_or(CodeError::LeadingZero)
}

/// The secret half of a code: eight digits, that is 26.5 random bits. Made and checked on the CSR's machine; it never
/// reaches the center, a log or an argument.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; SECRET_DIGITS]>);

/// The system's random source failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source failed: a code cannot be made without it; restart the machine")]
pub struct NoRandomness;

impl Secret {
    /// A secret from the system's random source.
    pub fn generate() -> Result<Self, NoRandomness> {
        /// The largest multiple of 10 within a byte: beyond it, low digits would be more likely.
        const FAIR: u8 = 250;
        let mut secret = Self(Zeroizing::new([b'0'; SECRET_DIGITS]));
        for digit in secret.0.iter_mut() {
            *digit = loop {
                let mut byte = [0];
                OsRng.try_fill_bytes(&mut byte).map_err(|_| NoRandomness)?;
                let [byte] = byte;
                if byte < FAIR {
                    break b'0' + byte % 10;
                }
            };
        }
        Ok(secret)
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// A whole code. There is no `Display`: showing it is [`Code::reveal`], on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Finds the session.
    pub number: Number,
    /// Proves the invitation.
    pub secret: Secret,
}

impl Code {
    /// The code as it is read out, `123 456 789-1234 5678`. The caller must keep it out of logs.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = String::with_capacity(NUMBER_DIGITS + SECRET_DIGITS + 4);
        for (position, digit) in self.number.to_string().chars().enumerate() {
            if position > 0 && position % 3 == 0 {
                text.push(' ');
            }
            text.push(digit);
        }
        text.push('-');
        for (position, digit) in self.secret.0.iter().enumerate() {
            if position == SECRET_DIGITS / 2 {
                text.push(' ');
            }
            text.push(char::from(*digit));
        }
        Zeroizing::new(text)
    }
}

impl FromStr for Code {
    type Err = CodeError;

    /// Reads seventeen digits, with spaces and hyphens anywhere between them.
    fn from_str(text: &str) -> Result<Self, CodeError> {
        let digits = Zeroizing::new(digits::<{ NUMBER_DIGITS + SECRET_DIGITS }>(text)?);
        let (number, secret) = digits.split_at(NUMBER_DIGITS);
        let mut kept = Secret(Zeroizing::new([b'0'; SECRET_DIGITS]));
        kept.0.copy_from_slice(secret);
        Ok(Self { number: number_of(number)?, secret: kept })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_people_type_it() {
        let secret = Secret::generate().expect("random");
        let code = Code { number: Number::from_index(23_456_789).expect("in range"), secret };
        assert_eq!(code.reveal().parse(), Ok(code));
        let typed: Code = " 123456789 - 1234\u{2013}5678\r\n".parse().expect("read");
        assert_eq!(*typed.reveal(), "123 456 789-1234 5678");
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<Code>().expect_err("refused");
        assert_eq!(refused("123456789-1234567"), CodeError::Length { expected: 17, found: 16 });
        assert_eq!(refused("123456789-123456789"), CodeError::Length { expected: 17, found: 18 });
        assert!(matches!(refused(&"1".repeat(9999)), CodeError::Length { .. }));
        assert_eq!(refused("12345678x-12345678"), CodeError::NotDigits);
        assert_eq!(refused("023456789-12345678"), CodeError::LeadingZero);
        assert_eq!(refused("١23456789-12345678"), CodeError::NotDigits);
    }

    #[test]
    fn numbers_fill_their_range_and_no_more() {
        assert_eq!(Number::from_index(0).map(Number::value), Some(100_000_000));
        assert_eq!(Number::from_index(899_999_999).map(Number::value), Some(999_999_999));
        assert_eq!(Number::from_index(900_000_000), None);
        let number: Number = "123 456 789".parse().expect("read");
        assert_eq!(number.to_string(), "123456789");
    }

    #[test]
    fn secrets_differ_and_are_not_shown() {
        let secrets: Vec<Secret> = (0..50).map(|_| Secret::generate().expect("random")).collect();
        let first = &secrets[0];
        assert!(secrets[1..].iter().any(|other| other != first));
        assert!(secrets.iter().all(|secret| secret.0.iter().all(u8::is_ascii_digit)));
        let code = Code { number: Number::from_index(5).expect("in range"), secret: first.clone() };
        let shown = format!("{code:?}");
        let digits = String::from_utf8(first.0.to_vec()).expect("digits");
        assert!(!shown.contains(&digits), "{shown}");
    }
}
