//! Congestion control of our own: little delay, full use, and no fear of random loss.
//!
//! CUBIC takes every lost packet for a full queue: at 2 % of random loss and 100 ms it keeps 0.8 to 1.5 Mbit/s of any
//! link. And it fills queues until they overflow, which a remote desktop feels as lag. `window` aims at a short queue
//! instead, in the manner of Copa (Arun and Balakrishnan, NSDI 2018) and FAST (Wei et al., 2006). It is pure: time is an
//! argument. `quic` puts it behind quinn's `Controller`; [`Handle`] shows its figures to whoever decides what to send.
//!
//! Not here: what is sent when there is room (the engine), and pacing (quinn, at 1.25 windows a round trip).

mod cubic;
mod delivery;
mod handle;
mod jitter;
mod loss;
mod quic;
mod unsent;
mod window;

pub use handle::Handle;
pub(crate) use quic::{Factory, handle_of};
