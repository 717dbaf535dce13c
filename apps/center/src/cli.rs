//! Command line: flags as typed, and the defaults that stand in for them.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tessera_transport::Fingerprint;
use tessera_transport::center::RelayPlace;

use crate::error::Error;
use crate::relay::TunnelAddress;

/// The center of a Tessera installation: it enrols support representatives (CSRs) and introduces customers to
/// them by session number.
#[derive(Debug, Parser)]
#[command(name = "tessera-center", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// Folder of the certificate, and of the center's database [default: tessera-center in the XDG data folder]
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the center until it is told to stop (SIGINT or SIGTERM)
    Serve(Serve),
    /// Run a relay alone, for a center on another machine, until it is told to stop
    Relay(Relay),
    /// Print a new one-time enrolment token; the center may be running
    Token,
    /// List or remove enrolled CSRs; the center may be running
    #[command(subcommand)]
    Csr(Csr),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// UDP address for CSRs and customers; the default is every IPv4 address of this machine
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7443")]
    pub(crate) listen: SocketAddr,

    /// TCP address of /healthz and /metrics; not encrypted, so keep it on loopback or behind a proxy
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7480")]
    pub(crate) http: SocketAddr,

    /// UDP address of the relay [default: the port after that of --listen, at the same address]
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Option<SocketAddr>,

    /// TCP address for participants whom UDP does not reach, or `off` [default: port 443 beside the UDP address,
    /// where that is allowed]
    #[arg(long, value_name = "ADDR|off", value_parser = parse_tunnel)]
    pub(crate) tunnel: Option<TunnelAddress>,

    /// Further relay for the participants, up to three: what `tessera-center relay` prints there as `relay`
    #[arg(long = "other-relay", value_name = "IP:PORT#FINGERPRINT")]
    pub(crate) other_relays: Vec<RelayPlace>,

    /// What each relay forwards of one session in the long run, in Mbit/s
    #[arg(long, value_name = "MBIT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) relay_rate: u32,

    /// Log one JSON object a line to standard error
    #[arg(long)]
    pub(crate) log_json: bool,

    /// How long a session waits for its CSR to come back after a lost connection
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) grace_seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Relay {
    /// Fingerprint of the center whose sessions are relayed, as `serve` prints it
    #[arg(long, value_name = "FINGERPRINT")]
    pub(crate) key: Fingerprint,

    /// UDP address for participants; the default is every IPv4 address of this machine
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7444")]
    pub(crate) listen: SocketAddr,

    /// TCP address for participants whom UDP does not reach, or `off` [default: port 443 beside the UDP address,
    /// where that is allowed]
    #[arg(long, value_name = "ADDR|off", value_parser = parse_tunnel)]
    pub(crate) tunnel: Option<TunnelAddress>,

    /// TCP address of /healthz and /metrics; not encrypted, so keep it on loopback or behind a proxy
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7481")]
    pub(crate) metrics: SocketAddr,

    /// Event loops [default: one for each core]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,

    /// Send each packet by itself, for networks whose driver mishandles segmentation offload
    #[arg(long)]
    pub(crate) no_offload: bool,

    /// Log one JSON object a line to standard error
    #[arg(long)]
    pub(crate) log_json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Csr {
    /// Print name, fingerprint and time of enrolment of every CSR
    List,
    /// Take a CSR's enrolment away; its sessions end within seconds
    Remove {
        /// Name or fingerprint as `csr list` prints it
        #[arg(value_name = "NAME|FINGERPRINT")]
        csr: String,
    },
}

fn parse_tunnel(text: &str) -> Result<TunnelAddress, String> {
    match text {
        "off" => Ok(TunnelAddress::Off),
        text => text
            .parse()
            .map(TunnelAddress::At)
            .map_err(|_| "write an address and a port, such as 0.0.0.0:443, or off".to_owned()),
    }
}

/// Where tunnels are taken in unless `--tunnel` says: where few firewalls object.
fn default_tunnel(beside: SocketAddr) -> TunnelAddress {
    // Any free port for packets means any for tunnels.
    let port = if beside.port() == 0 { 0 } else { 443 };
    TunnelAddress::IfAllowed(SocketAddr::new(beside.ip(), port))
}

impl Relay {
    /// Where tunnels are taken in.
    pub(crate) fn tunnel_address(&self) -> TunnelAddress {
        self.tunnel.unwrap_or_else(|| default_tunnel(self.listen))
    }
}

impl Serve {
    /// Where tunnels are taken in.
    pub(crate) fn tunnel_address(&self) -> TunnelAddress {
        self.tunnel.unwrap_or_else(|| default_tunnel(self.listen))
    }

    /// Where the relay listens: as given, else beside `--listen`.
    pub(crate) fn relay_address(&self) -> SocketAddr {
        self.relay.unwrap_or_else(|| {
            let port = match self.listen.port() {
                // Any free port for the center means any for the relay; no port follows the last.
                0 | u16::MAX => 0,
                port => port + 1,
            };
            SocketAddr::new(self.listen.ip(), port)
        })
    }
}

impl Cli {
    /// The folder given with `--data`, else the one the XDG base directory specification names
    /// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Error> {
        if let Some(dir) = &self.data {
            return Ok(dir.clone());
        }
        let xdg = env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        xdg.or_else(home).map(|dir| dir.join("tessera-center")).ok_or(Error::NoDataDir)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_http_side_is_on_loopback_unless_asked_otherwise() {
        let cli = Cli::try_parse_from(["tessera-center", "serve"]).expect("valid arguments");
        let Command::Serve(serve) = cli.command else { panic!("not serve") };
        assert!(serve.http.ip().is_loopback());
    }
}
