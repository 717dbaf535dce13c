//! What a program may use of the network.

use tessera_transport::path::Proxy;

/// What a program may use of the network to reach the others.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Network {
    /// Which ways to the other side.
    pub paths: Paths,
    /// The HTTP proxy that TCP connections have to take, if there is one. UDP does without.
    pub proxy: Option<Proxy>,
}

impl Network {
    /// The network with these ways and this proxy.
    #[must_use]
    pub const fn new(paths: Paths, proxy: Option<Proxy>) -> Self {
        Self { paths, proxy }
    }
}

/// Which ways to the other side may be used. Straight ones show each side where the other is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paths {
    /// Every way that works; the fastest carries the session.
    #[default]
    Any,
    /// Those that the center tells, and no further ones between the two programs.
    Introduced,
    /// Only through a relay: neither side learns the other's addresses.
    Relayed,
}
