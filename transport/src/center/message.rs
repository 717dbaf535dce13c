//! Requests and replies, and the bounds that both sides keep.

use crate::center::{EnrolmentSecret, Introduction};
use crate::identity::Fingerprint;
use crate::pairing::Number;
use crate::sanitize::printable;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Longest request or reply: a session with [`MAX_ADDRESSES`] addresses and room for fields of later versions.
pub const MAX_MESSAGE_BYTES: usize = 4 << 10;
/// Most addresses of one session.
pub const MAX_ADDRESSES: usize = 16;
/// Longest name of a CSR, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// What a program asks of the center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Enrol the key of this connection as a CSR.
    Enrol {
        /// The secret of an unused enrolment token.
        secret: EnrolmentSecret,
        /// How the CSR is called: see [`is_plain_name`].
        name: String,
    },
    /// Open a session, live for as long as this connection and the center's grace period after it. Enrolled CSRs only.
    OpenSession {
        /// Where joiners connect: 1 to [`MAX_ADDRESSES`], each [`is_joinable`].
        addresses: Vec<SocketAddr>,
        /// A session of this CSR to take up again under its number, with these addresses, instead of a new one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Number>,
    },
    /// End a session of this CSR at once.
    CloseSession {
        /// Which one.
        number: Number,
    },
    /// Where to join a session.
    Find {
        /// Its number.
        number: Number,
    },
    /// A request that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What the center says: one reply to each request in order, and between them [`Reply::Introduced`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// The key of this connection is enrolled.
    Enrolled,
    /// The session is live under this number.
    Opened {
        /// Its number.
        number: Number,
    },
    /// The session has ended.
    Closed,
    /// Where the session is joined.
    Found {
        /// Where its CSR listens; to be tried all.
        addresses: Vec<SocketAddr>,
        /// Who must answer there.
        csr: Fingerprint,
        /// The way there through relays; none while the CSR's program is away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        introduction: Option<Introduction>,
    },
    /// Not asked for: somebody was told where this session is.
    Introduced {
        /// Which session.
        number: Number,
        /// Who asked, as the center says. The way is for this key alone, but only pairing shows whose it is.
        joiner: Fingerprint,
        /// The way there through relays.
        introduction: Introduction,
    },
    /// The request was not done.
    Refused {
        /// Why.
        reason: Refusal,
        /// When it may succeed, for [`Refusal::Busy`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// A reply that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why the center did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// No such session is live: the number never was one, or no longer is.
    #[error("no session is open under this number: check it with the person who gave it to you")]
    NotFound,
    /// Too many requests of this kind from here or altogether.
    #[error("the center has had too many requests: wait a little and try again")]
    Busy,
    /// The token is unknown, used up or expired.
    #[error(
        "the enrolment token is wrong, used or expired: make a new one with `tessera-center token`"
    )]
    Token,
    /// The name is empty, too long or holds characters that are not shown.
    #[error("the name is not acceptable: use 1 to {MAX_NAME_CHARS} visible characters")]
    Name,
    /// The key of this connection is not that of an enrolled CSR.
    #[error("this program is not enrolled: enrol it with a token from `tessera-center token`")]
    NotEnrolled,
    /// The CSR holds as many sessions as it may.
    #[error("too many sessions are open: end one of them first")]
    TooManySessions,
    /// The addresses are none, too many or cannot be joined.
    #[error("the addresses to join at are not acceptable: give 1 to {MAX_ADDRESSES} with --listen")]
    Addresses,
    /// The center does not know this kind of request.
    #[error(
        "the center does not know this request: install the same Tessera version on both sides"
    )]
    UnknownRequest,
    /// The center could not do it.
    #[error("the center has a fault of its own: ask its operator to look into its log")]
    Internal,
    /// A reason that this version does not know.
    #[error(
        "the center refused for a reason unknown to this version: install the same Tessera version on both sides"
    )]
    #[serde(other)]
    Other,
}

/// Whether `name` may stand in a list on a terminal as it is: 1 to [`MAX_NAME_CHARS`] characters, none of them a
/// control character or one that hides or reorders text, and not only blanks.
pub fn is_plain_name(name: &str) -> bool {
    !name.trim().is_empty() && printable(name, MAX_NAME_CHARS) == name
}

/// Whether somebody can connect to `address`: a unicast address and a port.
pub fn is_joinable(address: &SocketAddr) -> bool {
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::center::{MAX_RELAYS, RelayPlace};
    use crate::json;
    use crate::relay::{SignedToken, TOKEN_BYTES};

    fn number() -> Number {
        "123456789".parse().expect("a number")
    }

    fn text<T: Serialize>(message: &T) -> String {
        String::from_utf8(json::to_bytes(message).to_vec()).expect("JSON is UTF-8")
    }

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
        json::parse(&mut text.as_bytes().to_vec(), MAX_MESSAGE_BYTES).ok()
    }

    #[test]
    fn messages_look_as_documented_and_are_read_back() {
        let open = Request::OpenSession {
            addresses: vec!["192.0.2.1:4000".parse().expect("an address")],
            resume: Some(number()),
        };
        let open_text =
            r#"{"request":"open_session","addresses":["192.0.2.1:4000"],"resume":"123456789"}"#;
        assert_eq!(text(&open), open_text);
        assert_eq!(read(open_text), Some(open));
        let refused = Reply::Refused { reason: Refusal::Busy, retry_after_ms: Some(2_000) };
        let refused_text = r#"{"reply":"refused","reason":"busy","retry_after_ms":2000}"#;
        assert_eq!(text(&refused), refused_text);
        assert_eq!(read(refused_text), Some(refused));
        assert_eq!(text(&Reply::Enrolled), r#"{"reply":"enrolled"}"#);
    }

    #[test]
    fn what_a_newer_version_says_is_told_apart_from_garbage() {
        assert_eq!(read(r#"{"request":"dance","style":1}"#), Some(Request::Unknown));
        let newer = r#"{"reply":"refused","reason":"too_late","at":[1]}"#;
        assert_eq!(
            read(newer),
            Some(Reply::Refused { reason: Refusal::Other, retry_after_ms: None })
        );
        for bad in [r#"{"request":"find"}"#, r#"{"request":"find","number":"12345678"}"#, "[]"] {
            assert_eq!(read::<Request>(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_largest_message_fits() {
        let address = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff%4294967295]:65535";
        let addresses = vec![address.parse().expect("an address"); MAX_ADDRESSES];
        let open = Request::OpenSession { addresses: addresses.clone(), resume: Some(number()) };
        assert!(text(&open).len() <= MAX_MESSAGE_BYTES);
        let fingerprint = Fingerprint::from([0xff; 32]);
        let place = RelayPlace {
            ip: Some("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().expect("an address")),
            port: u16::MAX,
            tunnel: Some(u16::MAX),
            fingerprint,
        };
        let token = SignedToken::from([0xff; TOKEN_BYTES]);
        let introduction = Some(Introduction { token, relays: vec![place; MAX_RELAYS] });
        let found = Reply::Found { addresses, csr: fingerprint, introduction };
        assert!(text(&found).len() <= MAX_MESSAGE_BYTES);
    }

    #[test]
    fn names_that_could_deceive_are_not_plain() {
        assert!(is_plain_name("Ann O'Nym (이순신)"));
        for bad in ["", "  ", "a\nb", "a\u{1b}[2J", "a\u{202e}b", &"x".repeat(MAX_NAME_CHARS + 1)] {
            assert!(!is_plain_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn only_unicast_addresses_with_a_port_are_joinable() {
        let joinable = |text: &str| is_joinable(&text.parse().expect("an address"));
        assert!(joinable("192.0.2.1:4000") && joinable("[::1]:4000"));
        for bad in ["192.0.2.1:0", "0.0.0.0:4000", "[::]:4000", "224.0.0.1:4000", "[ff02::1]:4000"]
        {
            assert!(!joinable(bad), "{bad}");
        }
    }
}
