//! Networks in a box: what real programs need to be tested and measured on a network of one's choice.
//!
//! A [`Lab`] makes network namespaces, joins them by virtual cables ([`Lab::cable`]) or by emulated links
//! ([`Lab::link`]) of a given [`Shape`], and turns namespaces into routers with NAT ([`Namespace::translate`]) or
//! without UDP ([`Namespace::block_udp`]). Everything lives in its own namespaces: the machine's own network is
//! neither used nor changed, and all of it is gone when the values are dropped, on failure too.
//!
//! It takes Linux and the rights of root, or of a container that may make namespaces; elsewhere [`Lab::new`] says
//! what is missing, and [`Lab::or_skip`] says that a test is skipped.
//!
//! Not here: simulated time. What happens here takes as long as it does on a real network.

mod emulator;
mod error;
mod lab;
mod namespace;
mod nat;
mod shape;

pub use emulator::{DirectionFigures, Link};
pub use error::NetlabError;
pub use lab::{End, Lab};
pub use namespace::{Namespace, Traffic};
pub use nat::Mapping;
pub use shape::{Profile, Shape};
