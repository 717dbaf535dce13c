//! What the relay has done since it started, for Prometheus.

use std::fmt::{self, Formatter};

use crate::metrics::{Counter, Family};

/// All loops of a relay together.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(super) packets_forwarded: Counter,
    pub(super) bytes_forwarded: Counter,
    pub(super) packets_unknown: Counter,
    pub(super) packets_unpaired: Counter,
    pub(super) packets_over_rate: Counter,
    pub(super) packets_unsent: Counter,
    pub(super) messages_malformed: Counter,
    pub(super) cookies_sent: Counter,
    pub(super) binds_accepted: Counter,
    pub(super) binds_refused: Counter,
    pub(super) binds_limited: Counter,
    pub(super) tunnels_accepted: Counter,
    pub(super) tunnels_refused: Counter,
}

impl Counters {
    /// Writes the counters and how much is live in Prometheus' text format.
    pub(super) fn write(
        &self,
        channels: usize,
        tunnels: usize,
        f: &mut Formatter<'_>,
    ) -> fmt::Result {
        let gauge = |name, help| Family { name, kind: "gauge", help };
        gauge("tessera_relay_channels", "Channels with an end that is bound.")
            .write(f, &[("", channels as u64)])?;
        gauge("tessera_relay_tunnels", "Open tunnels.").write(f, &[("", tunnels as u64)])?;
        let counter = |name, help| Family { name, kind: "counter", help };
        counter("tessera_relay_packets_forwarded_total", "Packets forwarded.")
            .write(f, &[("", self.packets_forwarded.value())])?;
        counter("tessera_relay_bytes_forwarded_total", "Bytes of UDP payload forwarded.")
            .write(f, &[("", self.bytes_forwarded.value())])?;
        counter("tessera_relay_packets_dropped_total", "Packets dropped, by reason.").write(
            f,
            &[
                ("{reason=\"unknown\"}", self.packets_unknown.value()),
                ("{reason=\"unpaired\"}", self.packets_unpaired.value()),
                ("{reason=\"rate\"}", self.packets_over_rate.value()),
                ("{reason=\"unsent\"}", self.packets_unsent.value()),
                ("{reason=\"malformed\"}", self.messages_malformed.value()),
            ],
        )?;
        counter("tessera_relay_cookies_total", "Cookies sent.")
            .write(f, &[("", self.cookies_sent.value())])?;
        counter("tessera_relay_binds_total", "Ends bound, or bound anew.")
            .write(f, &[("", self.binds_accepted.value())])?;
        counter("tessera_relay_binds_refused_total", "Binds refused, by reason.").write(
            f,
            &[
                ("{reason=\"invalid\"}", self.binds_refused.value()),
                ("{reason=\"limited\"}", self.binds_limited.value()),
            ],
        )?;
        counter("tessera_relay_tunnels_accepted_total", "Connections taken in for tunnels.")
            .write(f, &[("", self.tunnels_accepted.value())])?;
        counter("tessera_relay_tunnels_refused_total", "Connections turned away at a limit.")
            .write(f, &[("", self.tunnels_refused.value())])
    }
}
