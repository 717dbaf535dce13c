//! What is known about a link's path, as values: round trip, window, bytes in flight, delivery rate, losses.
//!
//! quinn counts packets and bytes; the rest is what congestion control measures.

use crate::congestion::Handle;

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
    /// What stands in the path's queues, in microseconds.
    pub queue_delay_us: u64,
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

impl Figures {
    pub(crate) fn of(connection: &quinn::Connection, congestion: &Handle) -> Self {
        let stats = connection.stats();
        Self {
            rtt_us: u64::try_from(stats.path.rtt.as_micros()).unwrap_or(u64::MAX),
            min_rtt_us: congestion.min_rtt_us(),
            window_bytes: congestion.window_bytes(),
            in_flight_bytes: congestion.in_flight_bytes(),
            delivery_rate_bytes_per_s: congestion.delivery_rate_bytes_per_s(),
            queue_delay_us: congestion.queue_delay_us(),
            sent_packets: stats.path.sent_packets,
            lost_packets: stats.path.lost_packets,
            lost_bytes: stats.path.lost_bytes,
            sent_bytes: stats.udp_tx.bytes,
            received_bytes: stats.udp_rx.bytes,
        }
    }
}
