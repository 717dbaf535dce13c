//! Invitations: what a representative sends or reads out so that somebody finds the session.
//!
//! A link holds the center, the session's number and, behind the `#`, the secret. It is made here, in
//! the representative's program, and goes by the representative's own mail or messenger: a center
//! never has the secret, so that a link of its making ([`Invitation::public_link`]) cannot carry it.
//! A link is worth nothing when the session is over or its secret renewed.

use std::fmt::Write as _;

use crate::{Code, plain_text};

/// What links begin with.
const SCHEME: &str = "tessera:join?";

/// Longest link that is read, in bytes.
const MAX_LINK_BYTES: usize = 1_024;

/// Longest address of a recipient, in characters (RFC 5321, section 4.5.3.1.3, less the brackets).
const MAX_RECIPIENT_CHARS: usize = 254;

/// An invitation of a customer into one session.
#[derive(Clone, Debug)]
pub struct Invitation {
    center: String,
    code: Code,
    csr_name: String,
}

/// Where a link leads.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The center, as its address is given to a program.
    pub center: String,
    /// The session's code.
    pub code: Code,
}

impl Invitation {
    /// An invitation by `csr_name` into the session of `code` at `center`.
    #[must_use]
    pub fn new(center: &str, code: &Code, csr_name: &str) -> Self {
        Self {
            center: center.to_owned(),
            code: code.clone(),
            csr_name: plain_text(csr_name, crate::session::messages::MAX_NAME_CHARS),
        }
    }

    /// The link that lets in whoever has it, once, while the session waits for a customer.
    #[must_use]
    pub fn link(&self) -> String {
        format!("{}#{}", self.public_link(), self.digits().1)
    }

    /// The link without the secret, which the customer is told another way.
    #[must_use]
    pub fn public_link(&self) -> String {
        format!("{SCHEME}center={}&number={}", encode(&self.center), self.digits().0)
    }

    /// What the message is about.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("Remote support with {}", self.csr_name)
    }

    /// The message, in lines.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{} invites you to a support session.\n\n\
             Start the customer's program of Tessera and give it this link when it asks for the code:\n\n\
             {}\n\n\
             Or start it with the center {} and give this code:\n\n{}\n\n\
             Link and code are for you alone and end with the session. Nothing is shown of your computer \
             before you allow it.\n",
            self.csr_name,
            self.link(),
            self.center,
            self.code.reveal().as_str()
        )
    }

    /// A `mailto:` address (RFC 6068) that opens the message, ready to be sent, in a mail program.
    /// `to` may be empty; the mail program then asks.
    #[must_use]
    pub fn mailto(&self, to: &str) -> String {
        let to = plain_text(to, MAX_RECIPIENT_CHARS);
        // Line ends are %0D%0A there (RFC 6068, section 5).
        let body = self.text().replace('\n', "\r\n");
        // The @ of the address may stand as it is.
        let to = encode(&to).replace("%40", "@");
        format!("mailto:{to}?subject={}&body={}", encode(&self.subject()), encode(&body))
    }

    /// Number and secret, digits alone.
    fn digits(&self) -> (String, String) {
        let revealed = self.code.reveal();
        let digits = |part: &str| part.chars().filter(char::is_ascii_digit).collect();
        let (number, secret) = revealed.as_str().split_once('-').unwrap_or_default();
        (digits(number), digits(secret))
    }
}

impl Destination {
    /// Reads a link with a secret; `None` when `text` is none.
    #[must_use]
    pub fn of_link(text: &str) -> Option<Self> {
        let text = text.trim();
        let scheme = text.get(..SCHEME.len()).filter(|it| it.eq_ignore_ascii_case(SCHEME))?;
        let (query, secret) = text[scheme.len()..].split_once('#')?;
        if text.len() > MAX_LINK_BYTES {
            return None;
        }
        let field = |name: &str| {
            let mut fields = query.split('&').filter_map(|field| field.split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let center = decode(field("center")?)?;
        let plain = !center.is_empty() && center.chars().all(|c| c.is_ascii_graphic());
        let code = format!("{}-{secret}", field("number")?).parse().ok()?;
        plain.then_some(Self { center, code })
    }
}

/// Percent-encoding of everything but unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                u8::try_from(value).ok()?
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTER: &str = "support.example.com:7443#00ff";

    fn invitation() -> Invitation {
        let code = "123 456 789-1234 5678".parse().expect("a code");
        Invitation::new(CENTER, &code, "Lee & Söhne\r\nBcc: x@y")
    }

    #[test]
    fn a_link_leads_where_it_was_made_for() {
        let link = invitation().link();
        let expected =
            "tessera:join?center=support.example.com%3A7443%2300ff&number=123456789#12345678";
        assert_eq!(link, expected);
        let found = Destination::of_link(&format!("  {link}\n")).expect("a link");
        assert_eq!(found.center, CENTER);
        assert_eq!(found.code.reveal().as_str(), "123 456 789-1234 5678");
        let public = invitation().public_link();
        assert!(!public.ends_with("5678") && !public.contains('#'), "{public}");
        assert!(Destination::of_link(&public).is_none(), "without a secret nobody gets in");
    }

    #[test]
    fn broken_links_are_none() {
        for link in [
            "",
            "tessera:join?",
            "tessera:join?center=a%3A1&number=123456789#1234567",
            "tessera:join?center=a%3A1&number=023456789#12345678",
            "tessera:join?center=a%&number=123456789#12345678",
            "tessera:join?center=a%0Ab&number=123456789#12345678",
            "tessera:join?center=a%C3%28&number=123456789#12345678",
            "tessera:join?center=&number=123456789#12345678",
            "tessera:join?number=123456789#12345678",
            "https://evil.example/?center=a%3A1&number=123456789#12345678",
            "tessera:jöin?",
        ] {
            assert!(Destination::of_link(link).is_none(), "{link}");
        }
    }

    #[test]
    fn the_mail_program_gets_the_message_and_nothing_smuggled() {
        let mailto = invitation().mailto("kim+support@example.com?cc=x@y&body=z\r\n");
        let (to, fields) = mailto.split_once('?').expect("fields");
        assert_eq!(to, "mailto:kim%2Bsupport@example.com%3Fcc%3Dx@y%26body%3Dz");
        let fields: Vec<(&str, &str)> =
            fields.split('&').filter_map(|field| field.split_once('=')).collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["subject", "body"]);
        assert_eq!(decode(fields[0].1).expect("text"), "Remote support with Lee & Söhne Bcc: x@y");
        let body = decode(fields[1].1).expect("text");
        assert_eq!(body.replace("\r\n", "\n"), invitation().text());
        assert!(mailto.is_ascii() && !mailto.contains([' ', '\n', '"', '<']), "{mailto}");
    }
}
