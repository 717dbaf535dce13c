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

/// Exact damage that may wait for the window, as time at the pace at which the window lets it out,
/// in microseconds: enough to bridge the coding of the next update. It is sent in any case, however
/// old it gets.
const UNSENT_US: u64 = 10_000;

/// Room that a send slot needs, as time at that pace, in microseconds, or a part of the window if
/// that is less: with less room the path would be filled with slivers.
const ROOM_US: u64 = 5_000;
const ROOM_PART: u64 = 8;

/// Longest update, as time at that pace, in microseconds, and bytes that it may have in any case: what
/// is larger is cut, since all of an update must have come before any of it is shown.
const UPDATE_US: u64 = 30_000;
const UPDATE_BYTES: u64 = 12_000;

/// Refinement that may be under way at once, as time at that pace, in microseconds. Damage that comes
/// meanwhile waits for it.
const REFINEMENT_US: u64 = 20_000;

/// Smallest window and update, in bytes: three packets, so that a path without a measured rate can
/// begin and a slow one is not filled with headers.
const MIN_BYTES: u64 = 3_600;

/// Windows of data that the viewer may not have reported yet. After a loss what comes behind it is not
/// reported for two round trips or three; a viewer that reports nothing is not sent more.
const UNREPORTED_WINDOWS: u64 = 4;

/// Part of the delivery rate that pictures in motion may take while the path is full, in percent, and
/// of the pace while it is not: the rest is for what changes besides, which goes first.
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
    pub(crate) unreported_bytes: u64,
    /// Of these, exact damage and pictures that have not been sent yet.
    pub(crate) unsent_exact_bytes: u64,
    pub(crate) unsent_pictures_bytes: u64,
    /// Bytes that QUIC has in flight.
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

    /// Room that is worth an update.
    fn least_room_bytes(&self) -> u64 {
        bytes_in(self.pace_bytes_per_s(), ROOM_US).min(self.window_bytes() / ROOM_PART)
    }

    /// Sent, or handed over to be sent.
    fn taken_bytes(&self) -> u64 {
        self.in_flight_bytes
            .saturating_add(self.unsent_exact_bytes)
            .saturating_add(self.unsent_pictures_bytes)
    }

    /// Whether the viewer shows what it receives, and says so.
    fn keeps_up(&self) -> bool {
        self.received.saturating_sub(self.presented) <= MAX_UNPRESENTED
            && self.unreported_bytes < self.window_bytes().saturating_mul(UNREPORTED_WINDOWS)
    }

    /// What exact damage finds room for: all that the window has and a little that waits. Pictures
    /// that wait do not count, since exact damage goes before them.
    fn exact_room_bytes(&self) -> u64 {
        self.window_bytes()
            .saturating_sub(self.in_flight_bytes)
            .saturating_add(bytes_in(self.pace_bytes_per_s(), UNSENT_US))
            .saturating_sub(self.unsent_exact_bytes)
    }

    /// Whether a send slot is open for exact damage: the viewer keeps up, and there is room.
    pub(crate) fn is_open(&self) -> bool {
        self.keeps_up() && self.exact_room_bytes() > self.least_room_bytes()
    }

    /// Whether a slot is open for pictures in motion: the window has room for them behind all that
    /// waits.
    pub(crate) fn is_open_for_pictures(&self) -> bool {
        self.keeps_up()
            && self.taken_bytes().saturating_add(self.least_room_bytes()) < self.window_bytes()
    }

    /// Most bytes of exact damage that the next update may have. The rest stays damage, and is newer
    /// when it is coded.
    pub(crate) fn budget_bytes(&self) -> usize {
        let longest = bytes_in(self.pace_bytes_per_s(), UPDATE_US).max(UPDATE_BYTES);
        let budget = self.exact_room_bytes().min(longest).clamp(MIN_BYTES, MAX_UPDATE_BYTES);
        usize::try_from(budget).unwrap_or(usize::MAX)
    }

    /// Most bytes of refinement that may go now; 0 where something else has the path to itself. It
    /// leaves a quarter of the window free: what the window has beyond rate x round trip would stand in
    /// the queue.
    pub(crate) fn refinement_bytes(&self) -> usize {
        let free = (self.window_bytes() / 4 * 3).saturating_sub(self.taken_bytes());
        if !self.keeps_up() || free <= self.least_room_bytes() {
            return 0;
        }
        let pace = self.pace_bytes_per_s();
        let bytes = free.max(bytes_in(pace, UNSENT_US)).min(bytes_in(pace, REFINEMENT_US));
        usize::try_from(bytes.clamp(MIN_BYTES, MAX_UPDATE_BYTES)).unwrap_or(usize::MAX)
    }

    /// Whether the path carries about as much as it can.
    fn is_full(&self) -> bool {
        self.taken_bytes() >= self.window_bytes() / 4 * 3
    }
}

/// The rate that pictures in motion may take: they lose quality before anything loses frames, and
/// text loses none.
///
/// It is a part of what is delivered while the path is full, rises from there slowly while it is not,
/// and is forgotten when it is far above. Nor is it ever more than the window lets out, so that the
/// first picture after a pause is not one that fills the path for long.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PictureRate {
    bytes_per_s: Option<u64>,
    risen_us: u64,
}

impl PictureRate {
    /// The rate in bytes per second for an update coded at `now_us`; `None` while nothing is known of
    /// the path.
    pub(crate) fn at(&mut self, now_us: u64, state: &State) -> Option<u64> {
        let delivered = state.delivery_rate_bytes_per_s;
        let least = delivered / 100 * PICTURES_PERCENT;
        if delivered > 0 && state.is_full() {
            self.bytes_per_s = Some(least);
            self.risen_us = now_us;
        } else if let Some(rate) = self.bytes_per_s {
            let step_us = state.min_rtt_us.max(MIN_RISE_US);
            let steps = (now_us.saturating_sub(self.risen_us) / step_us).min(100);
            self.risen_us += steps * step_us;
            let rate = (0..steps).fold(rate, |rate, _| rate + rate * RISE_PERCENT / 100 + 1);
            let rate = rate.max(least);
            self.bytes_per_s = (rate <= delivered.saturating_mul(2)).then_some(rate);
        }
        let most = match state.pace_bytes_per_s() {
            0 => None,
            pace => Some(pace / 100 * PICTURES_PERCENT),
        };
        most.into_iter().chain(self.bytes_per_s).min()
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
        assert!(State::default().is_open_for_pictures());
        assert_eq!(State::default().budget_bytes() as u64, MIN_BYTES);
    }

    #[test]
    fn a_viewer_that_does_not_present_closes_the_slot() {
        let behind = |received| State { received, presented: 5, ..State::default() };
        assert!(behind(7).is_open());
        assert!(!behind(8).is_open());
        assert!(!behind(8).is_open_for_pictures());
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

    /// 4 Mbit/s and 100 ms under a window of 120 ms.
    fn bad(in_flight_bytes: u64) -> State {
        State {
            congestion_window_bytes: 60_000,
            delivery_rate_bytes_per_s: 490_000,
            min_rtt_us: 100_000,
            in_flight_bytes,
            ..State::default()
        }
    }

    #[test]
    fn a_viewer_that_reports_nothing_is_sent_some_windows() {
        let silent = |unreported_bytes| State { unreported_bytes, ..dsl(0) };
        assert!(silent(4 * 130_000 - 1).is_open());
        assert!(!silent(4 * 130_000).is_open());
    }

    #[test]
    fn pictures_have_what_the_window_has_left() {
        // 5 ms at 130 kB in 40 ms: 16,250 bytes, which is an eighth of the window.
        assert!(dsl(113_749).is_open_for_pictures());
        assert!(!dsl(113_750).is_open_for_pictures());
        let waiting = State { unsent_exact_bytes: 50_000, unsent_pictures_bytes: 63_750, ..dsl(0) };
        assert!(!waiting.is_open_for_pictures());
    }

    #[test]
    fn pictures_never_close_the_slot_of_exact_damage() {
        for state in [dsl(130_000), bad(60_000)] {
            let busy = State { unsent_pictures_bytes: 500_000, ..state };
            assert!(busy.is_open());
            assert!(!busy.is_open_for_pictures());
        }
    }

    #[test]
    fn no_more_than_ten_milliseconds_wait_for_the_window() {
        for in_flight_bytes in [80_000, 113_000, 130_000] {
            let state = dsl(in_flight_bytes);
            let waits = in_flight_bytes + state.budget_bytes() as u64;
            assert_eq!(waits, 130_000 + 32_500);
            let full = State { unsent_exact_bytes: 17_000, ..dsl(130_000) };
            assert!(!full.is_open(), "what waits now comes first");
        }
    }

    #[test]
    fn an_update_takes_thirty_milliseconds_at_most() {
        // The window lets 600 bytes out in a millisecond.
        assert_eq!(bad(0).budget_bytes(), 18_000);
    }

    #[test]
    fn refinement_leaves_the_queue_empty() {
        assert_eq!(bad(0).refinement_bytes(), 12_000, "20 ms");
        assert!(bad(38_000).refinement_bytes() >= 6_000);
        assert_eq!(bad(43_000).refinement_bytes(), 0);
        let waiting = State { unsent_pictures_bytes: 43_000, ..bad(0) };
        assert_eq!(waiting.refinement_bytes(), 0);
    }

    #[test]
    fn a_short_path_of_which_little_is_known_takes_a_whole_picture() {
        let lan = State { congestion_window_bytes: 12_000, min_rtt_us: 300, ..State::default() };
        assert!(lan.is_open());
        assert!(lan.budget_bytes() > 300_000, "{}", lan.budget_bytes());
        assert!(lan.refinement_bytes() > 300_000, "{}", lan.refinement_bytes());
    }

    #[test]
    fn pictures_give_way_at_once_and_return_slowly() {
        let mut pictures = PictureRate::default();
        // 130 kB in 40 ms, and nine tenths of that.
        const MOST: Option<u64> = Some(2_925_000);
        assert_eq!(pictures.at(0, &dsl(20_000)), MOST, "there is room");
        assert_eq!(pictures.at(1_000, &dsl(100_000)), Some(2_250_000));
        let half = State { delivery_rate_bytes_per_s: 1_250_000, ..dsl(100_000) };
        assert_eq!(pictures.at(2_000, &half), Some(1_125_000), "within an update");
        let half_empty = State { in_flight_bytes: 20_000, ..half };
        assert_eq!(pictures.at(41_000, &half_empty), Some(1_125_000), "not yet a round trip");
        let after_ten = pictures.at(402_000, &half_empty).expect("still limited");
        // 1.05^10 = 1.63.
        assert!((1_800_000..1_860_000).contains(&after_ten), "{after_ten}");
        assert_eq!(pictures.at(403_000, &dsl(20_000)), Some(2_250_000), "so much is delivered");
        assert_eq!(pictures.at(4_000_000, &dsl(20_000)), MOST, "the limit is forgotten");
    }

    #[test]
    fn the_first_picture_after_a_pause_fits_the_small_window() {
        let rested = State { congestion_window_bytes: 12_000, ..bad(0) };
        assert_eq!(PictureRate::default().at(0, &rested), Some(441_000), "what was delivered");
        let new = State { delivery_rate_bytes_per_s: 0, ..rested };
        assert_eq!(PictureRate::default().at(0, &new), Some(108_000));
    }
}
