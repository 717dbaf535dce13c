//! What a link is like, and the links that measurements name.

use std::time::Duration;

/// One direction of a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Bits of IP packets a second; `None` for as fast as the machine is.
    pub rate_bits: Option<u64>,
    /// Time on the way, after a packet has left the queue.
    pub delay: Duration,
    /// Probability that a packet is lost on the way, 0 to 1. It has taken its time on the link by then.
    pub loss: f64,
    /// The longest that a packet may wait for its turn; one that would wait longer is dropped at the queue's tail.
    pub queue: Duration,
}

impl Shape {
    /// No limit, no delay, no loss.
    pub const CLEAR: Self =
        Self { rate_bits: None, delay: Duration::ZERO, loss: 0.0, queue: Duration::ZERO };

    /// How long `bytes` keep the link busy.
    pub(crate) fn serialization(&self, bytes: usize) -> Duration {
        self.rate_bits.map_or(Duration::ZERO, |rate_bits| {
            let nanoseconds = bytes as u64 * 8 * 1_000_000_000 / rate_bits.max(1);
            Duration::from_nanos(nanoseconds)
        })
    }
}

/// A link with a name, alike in both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// As it stands in reports.
    pub name: &'static str,
    /// Each direction.
    pub shape: Shape,
}

impl Profile {
    /// A local network: nothing is limited.
    pub const LAN: Self = Self { name: "lan", shape: Shape::CLEAR };
    /// A home's line: 20 Mbit/s, a round trip of 40 ms, 150 ms of queue.
    pub const DSL: Self = Self {
        name: "dsl",
        shape: Shape {
            rate_bits: Some(20_000_000),
            delay: Duration::from_millis(20),
            loss: 0.0,
            queue: Duration::from_millis(150),
        },
    };
    /// A bad mobile network: 4 Mbit/s, a round trip of 100 ms, 2 % random loss each way, 200 ms of queue.
    pub const BAD: Self = Self {
        name: "bad",
        shape: Shape {
            rate_bits: Some(4_000_000),
            delay: Duration::from_millis(50),
            loss: 0.02,
            queue: Duration::from_millis(200),
        },
    };
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LAN, Self::DSL, Self::BAD];

    /// The time of a packet there and one back on an empty link.
    pub fn round_trip(&self) -> Duration {
        self.shape.delay * 2
    }
}
