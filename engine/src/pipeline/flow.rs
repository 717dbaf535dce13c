//! When the sharer may send, and how much: pure functions of what is known about the viewer.
//!
//! A send slot is open while the viewer keeps up with presenting and the path has room. With an
//! open slot any damage goes at once; without one it waits as damage and merges, so that nothing
//! stale is ever encoded.

/// Pictures that a viewer may have received and not yet presented, each of one update or of two:
/// on the chain and on a leaf. Two let the decoder work on one while the other is shown; more would
/// only queue. What is still on its way does not count: a fixed number in flight would tie the rate
/// to the round trip.
pub(crate) const MAX_UNPRESENTED: u64 = 2;

/// Frames of film that a viewer may have received and not yet decoded. They are decoded apart and hold
/// nothing else up.
pub(crate) const MAX_UNDECODED_FILM: u64 = 1;

/// Data that may wait in QUIC for the window, as time at the pace at which the window lets it out,
/// in microseconds: enough to bridge the coding of the next update. It is sent in any case, however
/// old it gets.
const UNSENT_US: u64 = 10_000;

/// Room that a send slot needs, as time at that pace, in microseconds, or a part of the window if
/// that is less: with less room the path would be filled with slivers.
const ROOM_US: u64 = 5_000;
const ROOM_PART: u64 = 8;

/// Smallest window and update, in bytes: three packets, so that a path without a measured rate can
/// begin and a slow one is not filled with headers.
const MIN_BYTES: u64 = 3_600;

/// Part of the delivery rate that pictures in motion may take while the path is full, in percent:
/// the rest is for what changes besides, which goes first.
const PICTURES_PERCENT: u64 = 90;

/// How fast the rate of pictures rises again, in percent for each round trip.
const RISE_PERCENT: u64 = 5;

/// Shortest time for which it rises, in microseconds, where round trips are shorter.
const MIN_RISE_US: u64 = 20_000;

/// Largest update in bytes, whatever the path carries: bounds what a pooled buffer grows to.
const MAX_UPDATE_BYTES: u64 = 8 << 20;

/// What is known about a path and the viewer at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Pictures that the viewer has reported as received.
    pub(crate) received: u64,
    /// Pictures that it has reported as presented.
    pub(crate) presented: u64,
    /// Bytes encoded and not yet reported as received.
    pub(crate) in_flight_bytes: u64,
    /// Congestion window of the connection.
    pub(crate) congestion_window_bytes: u64,
    /// Measured delivery rate in bytes per second; 0 before the first sample.
    pub(crate) delivery_rate_bytes_per_s: u64,
    /// Smallest round trip seen on the path.
    pub(crate) min_rtt_us: u64,
}

impl State {
    fn window_bytes(&self) -> u64 {
        self.congestion_window_bytes.max(MIN_BYTES)
    }

    /// Rate at which the window lets data out, in bytes per second: while the path is not known well
    /// it is more than what was delivered.
    fn pace_bytes_per_s(&self) -> u64 {
        let pace = match self.min_rtt_us {
            0 => 0,
            rtt_us => u128::from(self.window_bytes()) * 1_000_000 / u128::from(rtt_us),
        };
        u64::try_from(pace).unwrap_or(u64::MAX).max(self.delivery_rate_bytes_per_s)
    }

    /// Whether a send slot is open: the viewer keeps up, and the window has room.
    pub(crate) fn is_open(&self) -> bool {
        let window_bytes = self.window_bytes();
        let room_bytes = bytes_in(self.pace_bytes_per_s(), ROOM_US).min(window_bytes / ROOM_PART);
        self.received.saturating_sub(self.presented) <= MAX_UNPRESENTED
            && self.in_flight_bytes.saturating_add(room_bytes) < window_bytes
    }

    /// Most bytes that the next update may have: what the window has room for, and what may wait
    /// for it. The rest stays damage, and is newer when it is coded.
    pub(crate) fn budget_bytes(&self) -> usize {
        let unsent_bytes = bytes_in(self.pace_bytes_per_s(), UNSENT_US);
        let budget = self
            .window_bytes()
            .saturating_add(unsent_bytes)
            .saturating_sub(self.in_flight_bytes)
            .clamp(MIN_BYTES, MAX_UPDATE_BYTES);
        usize::try_from(budget).unwrap_or(usize::MAX)
    }

    /// Whether the path carries about as much as it can.
    fn is_full(&self) -> bool {
        self.in_flight_bytes >= self.window_bytes() / 4 * 3
    }
}

/// The rate that pictures in motion may take: they lose quality before anything loses frames, and
/// text loses none.
///
/// It follows the delivery rate down at once while the path is full, rises slowly while it is not,
/// and is forgotten when it is far above what is delivered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PictureRate {
    bytes_per_s: Option<u64>,
    risen_us: u64,
}

impl PictureRate {
    /// The rate in bytes per second for an update coded at `now_us`; `None` while pictures may have
    /// their best quality.
    pub(crate) fn at(&mut self, now_us: u64, state: &State) -> Option<u64> {
        let delivered = state.delivery_rate_bytes_per_s;
        if delivered > 0 && state.is_full() {
            let limit = delivered / 100 * PICTURES_PERCENT;
            self.bytes_per_s = Some(self.bytes_per_s.map_or(limit, |rate| rate.min(limit)));
            self.risen_us = now_us;
        } else if let Some(rate) = self.bytes_per_s {
            let step_us = state.min_rtt_us.max(MIN_RISE_US);
            let steps = (now_us.saturating_sub(self.risen_us) / step_us).min(100);
            self.risen_us += steps * step_us;
            let rate = (0..steps).fold(rate, |rate, _| rate + rate * RISE_PERCENT / 100 + 1);
            self.bytes_per_s = (rate <= delivered.saturating_mul(2)).then_some(rate);
        }
        self.bytes_per_s
    }
}

fn bytes_in(rate_bytes_per_s: u64, time_us: u64) -> u64 {
    u64::try_from(u128::from(rate_bytes_per_s) * u128::from(time_us) / 1_000_000)
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_path_may_send() {
        assert!(State::default().is_open());
        assert_eq!(State::default().budget_bytes() as u64, MIN_BYTES);
    }

    #[test]
    fn a_viewer_that_does_not_present_closes_the_slot() {
        let behind = |received| State { received, presented: 5, ..State::default() };
        assert!(behind(7).is_open());
        assert!(!behind(8).is_open());
    }

    /// 20 Mbit/s and 40 ms under a window of 52 ms.
    fn dsl(in_flight_bytes: u64) -> State {
        State {
            congestion_window_bytes: 130_000,
            delivery_rate_bytes_per_s: 2_500_000,
            min_rtt_us: 40_000,
            in_flight_bytes,
            ..State::default()
        }
    }

    #[test]
    fn updates_on_their_way_are_limited_by_the_window() {
        // 5 ms at 130 kB in 40 ms: 16,250 bytes, which is an eighth of the window.
        assert!(dsl(113_749).is_open());
        assert!(!dsl(113_750).is_open());
    }

    #[test]
    fn no_more_than_ten_milliseconds_wait_for_the_window() {
        for in_flight_bytes in [0, 60_000, 113_000] {
            let after = in_flight_bytes + dsl(in_flight_bytes).budget_bytes() as u64;
            assert_eq!(after, 130_000 + 32_500);
        }
    }

    #[test]
    fn a_short_path_of_which_little_is_known_takes_a_whole_picture() {
        let lan = State { congestion_window_bytes: 12_000, min_rtt_us: 300, ..State::default() };
        assert!(lan.is_open());
        assert!(lan.budget_bytes() > 300_000, "{}", lan.budget_bytes());
    }

    #[test]
    fn pictures_give_way_at_once_and_return_slowly() {
        let mut pictures = PictureRate::default();
        assert_eq!(pictures.at(0, &dsl(20_000)), None, "there is room");
        assert_eq!(pictures.at(1_000, &dsl(100_000)), Some(2_250_000));
        let half = State { delivery_rate_bytes_per_s: 1_250_000, ..dsl(100_000) };
        assert_eq!(pictures.at(2_000, &half), Some(1_125_000), "within an update");
        assert_eq!(pictures.at(41_000, &dsl(20_000)), Some(1_125_000), "not yet a round trip");
        let after_ten = pictures.at(402_000, &dsl(20_000)).expect("still limited");
        // 1.05^10 = 1.63.
        assert!((1_800_000..1_860_000).contains(&after_ten), "{after_ten}");
        assert_eq!(pictures.at(4_000_000, &dsl(20_000)), None, "the limit is forgotten");
    }
}
