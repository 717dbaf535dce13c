//! Entries for fuzz targets and for the tests that replay their corpora: each parses bytes of a peer, and checks what
//! must hold of whatever came out.

use crate::acknowledgement::Acknowledgement;
use crate::chain::UpdateHeader;
use crate::datagram::Datagram;
use crate::framing::{Deframer, FrameHeader};
use crate::link::Link;
use crate::pairing::Code;
use crate::pairing::message::Message;
use bytes::Bytes;

/// Limit of the frames that [`frames`] reads.
const FRAME_LIMIT_BYTES: usize = 1 << 16;

/// Cuts `data` into frames twice, whole and in chunks whose length its first byte says; both must agree.
pub fn frames(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let whole = read_frames(stream, stream.len().max(1));
    let chunked = read_frames(stream, usize::from(*step).max(1));
    assert_eq!(whole, chunked);
}

fn read_frames(stream: &[u8], step: usize) -> (Vec<Bytes>, bool) {
    let mut deframer = Deframer::<UpdateHeader>::new(FRAME_LIMIT_BYTES);
    let mut payloads = Vec::new();
    for chunk in stream.chunks(step) {
        deframer.push(Bytes::copy_from_slice(chunk));
        loop {
            match deframer.poll_frame() {
                Ok(Some((header, payload))) => {
                    assert_eq!(header.payload_bytes() as usize, payload.len());
                    payloads.push(payload);
                }
                Ok(None) => break,
                Err(_) => return (payloads, false),
            }
        }
    }
    (payloads, true)
}

/// Parses `data` as a datagram; what is understood must be written as it was read.
pub fn datagram(data: &[u8]) {
    if let Ok(datagram) = Datagram::parse(Bytes::copy_from_slice(data)) {
        assert_eq!(datagram.to_bytes(), data);
    }
}

/// Parses `data` as the binary messages: an acknowledgement and one of pairing, which must be written as it was read.
pub fn messages(data: &[u8]) {
    let _ = Acknowledgement::parse(Bytes::copy_from_slice(data));
    if let Ok(message) = Message::parse(Bytes::copy_from_slice(data)) {
        assert_eq!(message.to_bytes(), data);
    }
}

/// Parses `data` as JSON and, where it is text, as a code, which must be read again as it is shown.
pub fn text(data: &[u8]) {
    let _ = crate::json::parse::<std::collections::BTreeMap<String, Vec<String>>>(
        &mut data.to_vec(),
        FRAME_LIMIT_BYTES,
    );
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(code) = text.parse::<Code>()
    {
        assert!(code.reveal().parse::<Code>().is_ok_and(|again| again == code));
    }
}

/// Sends `bytes` as a whole unidirectional stream, for the tests of what a peer may not send.
pub async fn send_raw_stream(link: &Link, bytes: Vec<u8>) {
    if let Ok(mut send) = link.connection().open_uni().await {
        let _ = send.write_all(&bytes).await;
        let _ = send.finish();
    }
}
