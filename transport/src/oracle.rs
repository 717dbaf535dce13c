//! Entries for fuzz targets and for the tests that replay their corpora: each parses bytes of a peer, and checks what
//! must hold of whatever came out.

use crate::center::{self, CenterAddress, EnrolmentToken, is_plain_name};
use crate::chain::UpdateHeader;
use crate::datagram::Datagram;
use crate::framing::{Deframer, FrameHeader, MessageHeader};
use crate::identity::Fingerprint;
use crate::json;
use crate::link::Link;
use crate::pairing::message::Message;
use crate::pairing::{Code, Number};
use crate::path::{Candidates, MAX_CANDIDATES, Seal, Secrets};
use crate::relay;
use crate::report::Report;
use crate::sanitize::printable;
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Limit of the frames that [`frames`] reads.
const FRAME_LIMIT_BYTES: usize = 1 << 10;

/// Cuts `data` into frames of each layout twice, whole and in chunks whose length its first byte says; both must agree.
///
/// # Panics
/// When they do not, or when a frame exceeds its limit.
pub fn frames(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let step = usize::from(*step).max(1);
    let whole = stream.len().max(1);
    assert_eq!(
        read_frames::<MessageHeader>(stream, whole),
        read_frames::<MessageHeader>(stream, step)
    );
    assert_eq!(
        read_frames::<UpdateHeader>(stream, whole),
        read_frames::<UpdateHeader>(stream, step)
    );
}

/// The payloads up to the end or the first error, and whether there was none.
fn read_frames<H: FrameHeader>(stream: &[u8], step: usize) -> (Vec<Bytes>, bool) {
    let mut deframer = Deframer::<H>::new(FRAME_LIMIT_BYTES);
    let mut payloads = Vec::new();
    for chunk in stream.chunks(step) {
        deframer.push(Bytes::copy_from_slice(chunk));
        loop {
            match deframer.poll_frame() {
                Ok(Some((header, payload))) => {
                    assert_eq!(header.payload_bytes() as usize, payload.len());
                    assert!(payload.len() <= FRAME_LIMIT_BYTES, "longer than allowed");
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
///
/// # Panics
/// When it is not.
pub fn datagram(data: &[u8]) {
    if let Ok(datagram) = Datagram::parse(Bytes::copy_from_slice(data)) {
        assert_eq!(datagram.to_bytes(), data);
    }
}

/// Parses `data` as each kind of message: a report and a message of pairing, which must be written as they
/// were read, and what the center and its clients say, which must mean the same when it is written and read again.
///
/// # Panics
/// When one does not.
pub fn messages(data: &[u8]) {
    if let Ok(report) = Report::parse(Bytes::copy_from_slice(data)) {
        let mut written = BytesMut::new();
        report.write(&mut written);
        assert_eq!(written, data);
    }
    if let Ok(message) = Message::parse(Bytes::copy_from_slice(data)) {
        assert_eq!(message.to_bytes(), data);
    }
    json_message::<center::Request>(data);
    json_message::<center::Reply>(data);
}

/// Parses `data` as a message between a participant and a relay; what is understood must be written as it was read, and no
/// bind of arbitrary bytes may be accepted. Cut into the packets of a tunnel, whole and in chunks whose length its first
/// byte says, it must give the same.
///
/// # Panics
/// When it does not hold.
pub fn relay(data: &[u8]) {
    if let Some((step, stream)) = data.split_first() {
        let step = usize::from(*step).max(1);
        assert_eq!(read_packets(stream, stream.len().max(1)), read_packets(stream, step));
    }
    let Ok(message) = relay::Message::parse(data) else { return };
    assert!(relay::is_relay_message(data) && data.len() <= relay::MAX_MESSAGE_BYTES);
    assert_eq!(message.to_bytes(), data);
    if let relay::Message::Bind(bind) = message {
        let nobody = Fingerprint::from([0; 32]);
        assert!(bind.verify(nobody, nobody, 0).is_err(), "a token of nobody's is accepted");
        let text = String::from(bind.token.clone());
        assert_eq!(relay::SignedToken::try_from(text), Ok(bind.token));
    }
}

/// The packets up to the end or the first error, and whether there was none.
fn read_packets(stream: &[u8], step: usize) -> (Vec<Bytes>, bool) {
    let mut inbound = relay::tunnel::Inbound::default();
    let mut packets = Vec::new();
    for chunk in stream.chunks(step) {
        let read = inbound.push(chunk);
        packets.extend(std::iter::from_fn(|| inbound.pop()));
        if read.is_err() {
            return (packets, false);
        }
    }
    (packets, true)
}

/// Parses `data` as candidates, which must be few, places that can be reached, and read again as they are written; and
/// takes it as what a network does to sealed probes: each group of three bytes says which of those on their way arrives, and
/// which of its bytes is altered how. What was altered or has arrived before must not open, everything else must, unless it
/// is older than the window.
///
/// # Panics
/// When it does not hold.
pub fn paths(data: &[u8]) {
    if let Ok(candidates) = Candidates::parse(data) {
        assert!(candidates.addresses.len() <= MAX_CANDIDATES);
        assert!(candidates.addresses.iter().all(center::is_joinable));
        assert_eq!(Candidates::parse(&candidates.to_bytes()), Ok(candidates));
    }
    let secrets =
        || Secrets { from_client: [1; 32], from_server: [2; 32], names: [[3; 8], [4; 8]] };
    let (Some(mut near), Some(mut far)) =
        (Seal::new(&secrets(), true), Seal::new(&secrets(), false))
    else {
        return;
    };
    assert!(far.open(data).is_none(), "forged");
    let (mut on_their_way, mut newest) = (Vec::new(), 0);
    for group in data.chunks_exact(3) {
        let &[which, place, change] = group else { continue };
        let sealed = match place % 2 {
            0 => near.probe().map(|(_, packet)| packet),
            _ => near.answer(u64::from(which)),
        };
        on_their_way.extend(sealed.map(|packet| (packet, false)));
        let count = on_their_way.len();
        let Some((packet, has_arrived)) = on_their_way.get_mut(usize::from(which) % count.max(1))
        else {
            continue;
        };
        let number = u64::from(which) % count as u64 + 1;
        let mut altered = *packet;
        altered[usize::from(place) % packet.len()] ^= change;
        let is_new = !*has_arrived && number + u64::from(u128::BITS) > newest;
        let opens = far.open(&altered).is_some();
        assert_eq!(opens, change == 0 && is_new, "{number} of {count}");
        if opens {
            *has_arrived = true;
            newest = newest.max(number);
        }
    }
}

fn json_message<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    if let Ok(message) = json::parse::<T>(&mut data.to_vec(), center::MAX_MESSAGE_BYTES) {
        // Escapes may make it longer than it came.
        let mut written = json::to_bytes(&message).to_vec();
        assert_eq!(json::parse(&mut written, usize::MAX), Ok(message));
    }
}

/// Reads `data`, where it is text, as everything that people type or paste; what is understood must be read again as it
/// is shown. Any text must be fit for a terminal once it is made printable.
///
/// # Panics
/// When it does not hold.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(code) = text.parse::<Code>() {
        assert_eq!(code.reveal().parse(), Ok(code));
    }
    if let Ok(token) = text.parse::<EnrolmentToken>() {
        assert_eq!(token.reveal().parse(), Ok(token));
    }
    shown_as_read::<Number>(text);
    shown_as_read::<Fingerprint>(text);
    if let Ok(address) = text.parse::<CenterAddress>() {
        let tunnel_port = center::DEFAULT_TUNNEL_PORT;
        let place = CenterAddress { fingerprint: None, tunnel_port, ..address };
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    let shown = printable(text, center::MAX_NAME_CHARS);
    assert!(shown.trim().is_empty() || is_plain_name(&shown), "{shown:?}");
}

fn shown_as_read<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value));
    }
}

/// Sends `bytes` on the control stream behind its kind, for the same tests; `ends` says whether the stream ends there.
pub async fn send_raw_control(link: &Link, bytes: &[u8], ends: bool) {
    if let Ok((mut send, _)) = link.connection().open_bi().await {
        let _ = send.write_all(&[0]).await;
        let _ = send.write_all(bytes).await;
        if ends {
            let _ = send.finish();
        }
        // Dropped, it would end.
        let _ = link.closed().await;
    }
}

/// Sends `bytes` as a whole unidirectional stream, for the tests of what a peer may not send.
pub async fn send_raw_stream(link: &Link, bytes: Vec<u8>) {
    if let Ok(mut send) = link.connection().open_uni().await {
        let _ = send.write_all(&bytes).await;
        let _ = send.finish();
    }
}
