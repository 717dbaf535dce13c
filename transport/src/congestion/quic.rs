//! The window behind quinn's trait.
//!
//! quinn calls from within the connection, in this order: `on_sent` once for each burst; for each batch of
//! acknowledgements `on_ack` for every packet and `on_end_acks` once, before its own estimate of the round trip is
//! updated; then `on_congestion_event` for what is thereby found lost.

use super::handle::{Gauges, Handle};
use super::window::{INITIAL_WINDOW_BYTES, Window};
use crate::path::PathEpoch;
use quinn::congestion::{Controller, ControllerFactory};
use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

/// Makes the controllers of one connection.
#[derive(Debug)]
pub(crate) struct Factory {
    epoch: PathEpoch,
}

impl Factory {
    /// For the connection whose path switches are counted by `epoch`.
    pub(crate) fn new(epoch: PathEpoch) -> Self {
        Self { epoch }
    }
}

impl ControllerFactory for Factory {
    fn build(self: Arc<Self>, now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        let window = Window::new(0);
        let handle = Arc::default();
        let seen_epoch = self.epoch.current();
        let controller =
            WindowController { began: now, window, epoch: self.epoch.clone(), seen_epoch, handle };
        controller.publish();
        Box::new(controller)
    }
}

/// The handle of `connection`'s controller.
pub(crate) fn handle_of(connection: &quinn::Connection) -> Arc<Handle> {
    connection
        .congestion_state()
        .into_any()
        .downcast::<WindowController>()
        .map(|controller| controller.handle)
        .unwrap_or_default()
}

#[derive(Clone)]
struct WindowController {
    /// Time 0 of the window.
    began: Instant,
    window: Window,
    epoch: PathEpoch,
    seen_epoch: u64,
    handle: Arc<Handle>,
}

impl WindowController {
    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_micros()).unwrap_or(u64::MAX)
    }

    /// The time, and a new window if the path has changed.
    fn arrive(&mut self, now: Instant) -> u64 {
        let now_us = self.micros(now);
        let epoch = self.epoch.current();
        if epoch != self.seen_epoch {
            self.seen_epoch = epoch;
            self.window.on_path_change(now_us);
        }
        now_us
    }

    fn publish(&self) {
        self.handle.publish(Gauges {
            window_bytes: self.window.window_bytes(),
            in_flight_bytes: self.window.in_flight_bytes(),
            delivery_rate_bytes_per_s: self.window.rate_bytes_per_s(),
            min_rtt_us: self.window.min_rtt_us(),
            queue_delay_us: self.window.queue_delay_us(),
        });
    }
}

impl Controller for WindowController {
    fn on_sent(&mut self, now: Instant, bytes: u64, _last_packet_number: u64) {
        let now_us = self.arrive(now);
        self.window.on_sent(now_us, bytes);
        self.handle.unsent().on_sent(bytes);
        self.publish();
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        _app_limited: bool,
        _rtt: &quinn_proto::RttEstimator,
    ) {
        self.arrive(now);
        let sent_us = self.micros(sent);
        self.window.on_ack(sent_us, bytes);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        _largest_packet_num_acked: Option<u64>,
    ) {
        let now_us = self.arrive(now);
        self.window.on_end_acks(now_us, in_flight, app_limited);
        if app_limited {
            self.handle.unsent().on_idle();
        }
        self.publish();
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        let now_us = self.arrive(now);
        let sent_us = self.micros(sent);
        self.window.on_loss(now_us, sent_us, lost_bytes, is_persistent_congestion);
        self.handle.unsent().on_lost(lost_bytes);
        self.publish();
    }

    /// Packets have one size on all paths.
    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        if self.epoch.current() != self.seen_epoch {
            // The path has just changed: what is in flight is not on it.
            return self.window.in_flight_bytes()
                + self.window.foreign_bytes()
                + INITIAL_WINDOW_BYTES;
        }
        self.window.window_bytes() + self.window.foreign_bytes()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        INITIAL_WINDOW_BYTES
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_switch_of_the_path_is_followed_with_the_next_call() {
        let epoch = PathEpoch::default();
        let began = Instant::now();
        let made = Arc::new(Factory::new(epoch.clone())).build(began, 1200);
        let mut controller = made.into_any().downcast::<WindowController>().expect("ours");
        let at = |ms| began + Duration::from_millis(ms);
        // A few round trips of 40 ms, in which the window grows.
        for round in 0..6 {
            let window = controller.window();
            controller.on_sent(at(40 * round), window, 0);
            for _ in 0..window / 1200 {
                // What quinn calls does nothing else with it, and its estimate of the round trip cannot be made here.
                controller.window.on_ack(40_000 * round, 1200);
            }
            controller.on_end_acks(at(40 * (round + 1)), 0, false, None);
        }
        let grown = controller.window();
        assert!(grown > 4 * INITIAL_WINDOW_BYTES, "{grown}");
        assert_eq!(controller.handle.min_rtt_us(), 40_000);
        let in_flight = grown / 1200 / 2 * 1200;
        controller.on_sent(at(240), in_flight, 0);

        epoch.raise();
        // What is on the old path takes no room on the new one.
        assert_eq!(controller.window(), in_flight + INITIAL_WINDOW_BYTES);
        controller.on_sent(at(250), 1200, 0);
        assert_eq!(controller.window(), in_flight + INITIAL_WINDOW_BYTES);
        for _ in 0..in_flight / 1200 {
            controller.window.on_ack(240_000, 1200);
        }
        controller.on_end_acks(at(280), 1200, false, None);
        assert_eq!(controller.window(), INITIAL_WINDOW_BYTES);
        let handle = &controller.handle;
        assert_eq!((handle.min_rtt_us(), handle.delivery_rate_bytes_per_s()), (0, 0));
    }
}
