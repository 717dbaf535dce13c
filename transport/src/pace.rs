//! Keeps datagrams few. They go ahead of all streams, which costs those nothing as long as there are few of them.
//!
//! Pure: bytes and time go in, and when the next datagram may go comes out. What waits is merged meanwhile by whoever
//! makes it, so that it is the newest when it goes; no queue of datagrams exists.

/// Most that the datagrams of one side take, whatever is in them: input, cursor, receipts, and one day voice.
pub const DATAGRAM_BITS_PER_S: u64 = 100_000;

/// What a datagram takes besides itself: headers of IPv4 and UDP (28), QUIC's short header, tag and frame (at most 44).
pub const AROUND_BYTES: usize = 72;

/// What may be overdrawn, as time at that rate, by what a newer one replaces: a few motions at once after a pause.
const NEWEST_CREDIT_US: u64 = 20_000;

/// The same by what must arrive: one datagram of the largest size, or a handful of keys right behind motions.
const EACH_CREDIT_US: u64 = 100_000;

/// How much a datagram's delay matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A newer one replaces it: a motion, a position.
    Newest,
    /// It must arrive, and soon: a key, a button, the word that input was received.
    Each,
}

/// The datagrams of one side of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatagramPace {
    /// When all that was sent will have been paid for, at [`DATAGRAM_BITS_PER_S`].
    paid_at_us: u64,
}

impl DatagramPace {
    /// From when on a datagram may go.
    pub fn due_us(&self, urgency: Urgency) -> u64 {
        self.paid_at_us.saturating_sub(match urgency {
            Urgency::Newest => NEWEST_CREDIT_US,
            Urgency::Each => EACH_CREDIT_US,
        })
    }

    /// A datagram of so many bytes goes.
    pub fn spend(&mut self, datagram_bytes: usize, now_us: u64) {
        let bits = (datagram_bytes + AROUND_BYTES) as u64 * 8;
        self.paid_at_us = self.paid_at_us.max(now_us) + bits * 1_000_000 / DATAGRAM_BITS_PER_S;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that go within `time_us` when there always is a datagram of `bytes`.
    fn sent(bytes: usize, urgency: Urgency, time_us: u64) -> u64 {
        let (mut pace, mut now_us, mut count) = (DatagramPace::default(), 0, 0);
        loop {
            now_us = pace.due_us(urgency).max(now_us);
            if now_us >= time_us {
                return count * (bytes + AROUND_BYTES) as u64;
            }
            pace.spend(bytes, now_us);
            count += 1;
        }
    }

    #[test]
    fn no_more_than_the_rate_goes_whatever_there_is_to_send() {
        for bytes in [1, 17, 100, 1150] {
            for urgency in [Urgency::Newest, Urgency::Each] {
                let bits = 8 * sent(bytes, urgency, 10_000_000);
                // The credit, and a last datagram that overdraws it.
                let most = 1_010_000 + 8 * (bytes + AROUND_BYTES) as u64;
                assert!(bits <= most && bits > 990_000, "{bytes} {urgency:?}: {bits}");
            }
        }
    }

    #[test]
    fn a_key_goes_at_once_behind_any_number_of_motions() {
        let mut pace = DatagramPace::default();
        for _ in 0..100 {
            let now_us = pace.due_us(Urgency::Newest);
            pace.spend(20, now_us);
            assert!(pace.due_us(Urgency::Each) <= now_us);
        }
    }
}
