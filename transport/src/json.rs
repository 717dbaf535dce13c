//! The one place where JSON is read and written, with simd-json.
//!
//! Limits come before parsing: length and nesting depth. Fields unknown to this version are ignored (serde's default);
//! for unknown kinds each protocol's enum has a variant of its own.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Deepest nesting of arrays and objects accepted: deserialising recurses, and a peer must not choose our stack's depth.
pub const MAX_DEPTH: usize = 32;

/// Why a message was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is longer than allowed.
    #[error("{length_bytes} bytes of JSON exceed the limit of {limit_bytes}")]
    TooLong {
        /// Its length.
        length_bytes: usize,
        /// What is allowed.
        limit_bytes: usize,
    },
    /// It nests deeper than [`MAX_DEPTH`].
    #[error("JSON nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It is no JSON, or not of the shape that is due.
    #[error("not the JSON that is due ({0})")]
    Malformed(String),
}

/// Parses `message`, which serves as scratch space and is changed.
pub fn parse<T: DeserializeOwned>(message: &mut [u8], limit_bytes: usize) -> Result<T, JsonError> {
    if message.len() > limit_bytes {
        return Err(JsonError::TooLong { length_bytes: message.len(), limit_bytes });
    }
    if depth(message) > MAX_DEPTH {
        return Err(JsonError::TooDeep);
    }
    // The error kind alone: its text would repeat the peer's.
    simd_json::serde::from_slice(message).map_err(|error| {
        let kind = format!("{:?}", error.error());
        JsonError::Malformed(crate::sanitize::printable(&kind, 120))
    })
}

/// Writes `message` as JSON.
pub fn to_bytes<T: Serialize>(message: &T) -> Bytes {
    // Fails only for maps with keys that are not strings, which no message type has.
    simd_json::serde::to_vec(message).map(Bytes::from).unwrap_or_default()
}

/// Deepest nesting of brackets outside of strings. Right for well-formed JSON; for anything else the parser decides.
fn depth(message: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in message {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Message {
        Greet {
            name: String,
            count: u64,
        },
        #[serde(other)]
        Unknown,
    }

    fn read(text: &str) -> Result<Message, JsonError> {
        parse(&mut text.as_bytes().to_vec(), 1000)
    }

    #[test]
    fn messages_survive_and_newer_ones_are_tolerated() {
        let greet = Message::Greet { name: "é\"\n".to_owned(), count: u64::MAX };
        assert_eq!(parse(&mut to_bytes(&greet).to_vec(), 1000), Ok(greet));
        let newer = r#"{"kind":"greet","name":"a","count":1,"since":[1,{"x":null}]}"#;
        assert_eq!(read(newer), Ok(Message::Greet { name: "a".to_owned(), count: 1 }));
        assert_eq!(read(r#"{"kind":"sing","song":3}"#), Ok(Message::Unknown));
    }

    #[test]
    fn limits_come_before_parsing() {
        assert!(matches!(read(&"[".repeat(1001)), Err(JsonError::TooLong { .. })));
        assert_eq!(read(&"[".repeat(40)), Err(JsonError::TooDeep));
        let text = format!(r#"{{"kind":"greet","name":"{}\"","count":1}}"#, "[".repeat(100));
        assert!(read(&text).is_ok(), "brackets in strings do not nest");
        for bad in ["", "{", "null", r#"{"kind":"greet"}"#, r#"{"kind":[]}"#] {
            assert!(matches!(read(bad), Err(JsonError::Malformed(_))), "{bad}");
        }
    }
}
