//! What is known about a link's path, as values: round trip, window, bytes in flight, delivery rate, losses.
//!
//! quinn tells most of it; bytes in flight and the delivery rate are measured beside the congestion controller, the one
//! place that sees every packet sent and acknowledged. The controller itself is quinn's CUBIC, wrapped; a
//! delay-targeting one takes its place behind the same trait without a change above.

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, CubicConfig};
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A link's figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Smoothed round-trip time, in microseconds.
    pub rtt_us: u64,
    /// Smallest round-trip time seen on this path, in microseconds.
    pub min_rtt_us: u64,
    /// Congestion window, in bytes.
    pub window_bytes: u64,
    /// Bytes sent and neither acknowledged nor given up.
    pub in_flight_bytes: u64,
    /// Rate at which the peer acknowledged what was sent, in bytes per second; 0 before the first measurement.
    /// Samples taken while there was too little to send only ever raise it.
    pub delivery_rate_bytes_per_s: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets given up as lost.
    pub lost_packets: u64,
    /// Bytes given up as lost.
    pub lost_bytes: u64,
    /// UDP payload bytes sent, headers of QUIC included.
    pub sent_bytes: u64,
    /// UDP payload bytes received, headers of QUIC included.
    pub received_bytes: u64,
}

/// The figures that the controller measures, shared with the link. Each is an independent gauge, hence `Relaxed`.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    in_flight_bytes: AtomicU64,
    delivery_rate_bytes_per_s: AtomicU64,
}

impl Meter {
    /// The meter of `connection`, whose endpoint uses [`MeteredFactory`].
    pub(crate) fn of(connection: &quinn::Connection) -> Arc<Self> {
        connection
            .congestion_state()
            .into_any()
            .downcast::<Metered>()
            .map(|metered| metered.meter)
            .unwrap_or_default()
    }

    pub(crate) fn figures(&self, connection: &quinn::Connection) -> Figures {
        let stats = connection.stats();
        Figures {
            rtt_us: micros(stats.path.rtt),
            min_rtt_us: micros(stats.path.min_rtt),
            window_bytes: stats.path.cwnd,
            in_flight_bytes: self.in_flight_bytes.load(Ordering::Relaxed),
            delivery_rate_bytes_per_s: self.delivery_rate_bytes_per_s.load(Ordering::Relaxed),
            sent_packets: stats.path.sent_packets,
            lost_packets: stats.path.lost_packets,
            lost_bytes: stats.path.lost_bytes,
            sent_bytes: stats.udp_tx.bytes,
            received_bytes: stats.udp_rx.bytes,
        }
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// How many packets in flight are remembered for rate samples. 4096 packets of 1,200 bytes cover 4.9 MB in flight; of
/// more, the oldest are forgotten and give no sample.
const REMEMBERED_PACKETS: usize = 4096;

/// What had been delivered when a packet was sent.
#[derive(Clone, Copy)]
struct Snapshot {
    sent: Instant,
    delivered_bytes: u64,
    delivered_at: Instant,
}

/// Delivery-rate samples in the manner of draft-cheng-iccrg-delivery-rate-estimation: what was delivered between the
/// sending of a packet and its acknowledgement, over the time it took.
#[derive(Clone)]
struct DeliveryRate {
    snapshots: VecDeque<Snapshot>,
    delivered_bytes: u64,
    delivered_at: Instant,
    newest_acked: Option<Snapshot>,
    rate_bytes_per_s: u64,
}

impl DeliveryRate {
    fn new(now: Instant) -> Self {
        Self {
            snapshots: VecDeque::with_capacity(REMEMBERED_PACKETS),
            delivered_bytes: 0,
            delivered_at: now,
            newest_acked: None,
            rate_bytes_per_s: 0,
        }
    }

    fn on_sent(&mut self, now: Instant, in_flight_bytes: u64) {
        if in_flight_bytes == 0 {
            // A pause in sending must not count as time that delivery took.
            self.delivered_at = now;
        }
        if self.snapshots.len() == REMEMBERED_PACKETS {
            self.snapshots.pop_front();
        }
        self.snapshots.push_back(Snapshot {
            sent: now,
            delivered_bytes: self.delivered_bytes,
            delivered_at: self.delivered_at,
        });
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64) {
        self.delivered_bytes += bytes;
        self.delivered_at = now;
        while let Some(snapshot) = self.snapshots.front().copied() {
            if snapshot.sent > sent {
                break;
            }
            self.snapshots.pop_front();
            self.newest_acked = Some(snapshot);
        }
    }

    fn on_end_acks(&mut self, app_limited: bool) {
        let Some(snapshot) = self.newest_acked.take() else { return };
        let delivered = self.delivered_bytes - snapshot.delivered_bytes;
        // The longer of the sending and the acknowledging interval: acknowledgements that arrive bunched together must
        // not look like a fast link.
        let sending = snapshot.sent.saturating_duration_since(snapshot.delivered_at);
        let acking = self.delivered_at.saturating_duration_since(snapshot.delivered_at);
        let interval_us = micros(sending.max(acking));
        if interval_us == 0 {
            return;
        }
        let sample = u64::try_from(u128::from(delivered) * 1_000_000 / u128::from(interval_us))
            .unwrap_or(u64::MAX);
        if sample >= self.rate_bytes_per_s {
            self.rate_bytes_per_s = sample;
        } else if !app_limited {
            // Weight 1/8 as in the smoothed round-trip time (RFC 9002, section 5.3).
            self.rate_bytes_per_s -= (self.rate_bytes_per_s - sample) / 8;
        }
    }
}

/// quinn's controller with a meter beside it.
struct Metered {
    inner: Box<dyn Controller>,
    meter: Arc<Meter>,
    rate: DeliveryRate,
    in_flight_bytes: u64,
}

impl Metered {
    fn publish(&self) {
        self.meter.in_flight_bytes.store(self.in_flight_bytes, Ordering::Relaxed);
        self.meter.delivery_rate_bytes_per_s.store(self.rate.rate_bytes_per_s, Ordering::Relaxed);
    }
}

impl Controller for Metered {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.rate.on_sent(now, self.in_flight_bytes);
        self.in_flight_bytes += bytes;
        self.publish();
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        rtt: &quinn_proto::RttEstimator,
    ) {
        self.rate.on_ack(now, sent, bytes);
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        self.in_flight_bytes = in_flight;
        self.rate.on_end_acks(app_limited);
        self.publish();
        self.inner.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.in_flight_bytes = self.in_flight_bytes.saturating_sub(lost_bytes);
        self.publish();
        self.inner.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.inner.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.inner.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            meter: self.meter.clone(),
            rate: self.rate.clone(),
            in_flight_bytes: self.in_flight_bytes,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Makes a metered controller for each connection.
#[derive(Debug, Default)]
pub(crate) struct MeteredFactory(Arc<CubicConfig>);

impl ControllerFactory for MeteredFactory {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Metered {
            inner: self.0.clone().build(now, current_mtu),
            meter: Arc::default(),
            rate: DeliveryRate::new(now),
            in_flight_bytes: 0,
        })
    }
}
