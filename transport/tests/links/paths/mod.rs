//! Links whose packets go through a relay, through a middlebox, or straight.

mod attacks;
mod network;
mod session;
mod switches;
