//! What has been handed to QUIC and not been sent yet: QUIC does not tell, so it is reckoned.
//!
//! What is handed over is added and what packets can carry is taken off, exact damage first, as `priority` has it. What is
//! lost has to be sent again. Headers are reckoned a little too long, so that the rest is never below the truth for long;
//! what is too much is forgotten whenever QUIC says that it has nothing to send.

use super::window::PACKET_BYTES;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// At most what a packet has beside the data of its streams: short header and authentication tag 27 bytes, the frame's own
/// header up to 13 (RFC 9000, sections 17.3.1 and 19.8).
const OVERHEAD_BYTES: u64 = 40;

/// What waits, by what it waits for. Sender and connection may be on different threads; each figure is a gauge.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    again_bytes: AtomicU64,
    exact_bytes: AtomicU64,
    pictures_bytes: AtomicU64,
    /// Whether something was handed over and QUIC has not looked at it.
    is_new: AtomicBool,
}

/// Takes up to `bytes` off `gauge` and returns what is left of them.
fn take(gauge: &AtomicU64, bytes: u64) -> u64 {
    let before = gauge.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
        Some(waiting.saturating_sub(bytes))
    });
    bytes.saturating_sub(before.unwrap_or_default())
}

impl Unsent {
    /// So many bytes of exact damage are about to be handed over.
    pub(super) fn exact(&self, bytes: u64) {
        self.exact_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.is_new.store(true, Ordering::Relaxed);
    }

    /// So many bytes of pictures are about to be handed over.
    pub(super) fn pictures(&self, bytes: u64) {
        self.pictures_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.is_new.store(true, Ordering::Relaxed);
    }

    /// Packets with together so many bytes have been sent.
    pub(super) fn on_sent(&self, bytes: u64) {
        let overhead_bytes = bytes.div_ceil(PACKET_BYTES) * OVERHEAD_BYTES;
        let rest = take(&self.again_bytes, bytes.saturating_sub(overhead_bytes));
        let rest = take(&self.exact_bytes, rest);
        take(&self.pictures_bytes, rest);
        self.is_new.store(false, Ordering::Relaxed);
    }

    /// Packets with together so many bytes are given up: what was in them is sent again.
    pub(super) fn on_lost(&self, bytes: u64) {
        self.again_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// QUIC had nothing to send when it looked last.
    pub(super) fn on_idle(&self) {
        if !self.is_new.load(Ordering::Relaxed) {
            for gauge in [&self.again_bytes, &self.exact_bytes, &self.pictures_bytes] {
                gauge.store(0, Ordering::Relaxed);
            }
        }
    }

    /// Exact damage that waits, with what has to be sent again, in bytes.
    pub(super) fn exact_bytes(&self) -> u64 {
        self.again_bytes.load(Ordering::Relaxed) + self.exact_bytes.load(Ordering::Relaxed)
    }

    /// Pictures that wait, in bytes.
    pub(super) fn pictures_bytes(&self) -> u64 {
        self.pictures_bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_damage_leaves_before_pictures_and_what_was_lost_before_both() {
        let unsent = Unsent::default();
        unsent.pictures(10_000);
        unsent.exact(2_000);
        unsent.on_lost(1_200);
        assert_eq!((unsent.exact_bytes(), unsent.pictures_bytes()), (3_200, 10_000));
        // Two full packets carry 2,320 bytes.
        unsent.on_sent(2_400);
        assert_eq!((unsent.exact_bytes(), unsent.pictures_bytes()), (880, 10_000));
        unsent.on_sent(2_400);
        assert_eq!((unsent.exact_bytes(), unsent.pictures_bytes()), (0, 8_560));
    }

    #[test]
    fn what_is_reckoned_too_much_is_forgotten_when_nothing_waits() {
        let unsent = Unsent::default();
        unsent.exact(5_000);
        unsent.on_idle();
        assert_eq!(unsent.exact_bytes(), 5_000, "QUIC has not seen it yet");
        unsent.on_sent(4_900);
        assert!(unsent.exact_bytes() > 0);
        unsent.on_idle();
        assert_eq!(unsent.exact_bytes(), 0);
    }

    #[test]
    fn acknowledgements_alone_carry_nothing() {
        let unsent = Unsent::default();
        unsent.exact(500);
        unsent.on_sent(38);
        assert_eq!(unsent.exact_bytes(), 500);
    }
}
