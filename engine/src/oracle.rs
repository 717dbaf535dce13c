//! Entry for the fuzz target of what participants say to each other, and for the test that replays its corpus.

use bytes::Bytes;
use tessera_transport::json;

use crate::driver::cursor;
use crate::pipeline::input;
use crate::plain_text;
use crate::session::messages::{MAX_MESSAGE_BYTES, MAX_TEXT_CHARS, Message};

/// Takes `data` as a control message, which must mean the same when it is written and read again, have no text that a
/// terminal would obey; as an image of the cursor, and as an input event,
/// which must be written as they were read.
///
/// # Panics
/// When it does not hold.
pub fn session(data: &[u8]) {
    if let Ok(message) = json::parse::<Message>(&mut data.to_vec(), MAX_MESSAGE_BYTES) {
        let mut written = json::to_bytes(&message).to_vec();
        // Escapes may make it longer than it came.
        assert_eq!(json::parse(&mut written, usize::MAX), Ok(message.clone()));
        if let Message::Roster(entry) = &message {
            // Whether somebody has signed it is not known here.
            drop(entry.verify());
        }
        match message.clean() {
            Message::Hello { name: text, .. } | Message::Request { text, .. } => {
                assert_eq!(plain_text(&text, MAX_TEXT_CHARS), text);
            }
            _ => {}
        }
    }
    if let Some(shape) = cursor::parse(data) {
        assert_eq!(cursor::to_bytes(&shape), Some(Bytes::copy_from_slice(data)));
    }
    if let Some(event) = input::parse(data) {
        assert_eq!(input::to_bytes(&event), data);
    }
}
