//! The real program, run as an operator runs it and spoken to as CSRs and customers speak to it.

mod harness;
mod operation;
mod protocol;
mod relay;
mod relay_attacks;
mod relayed;
mod tunnel;
