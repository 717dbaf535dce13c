//! A cable between two network namespaces of the test's own, which can be pulled.

use std::process::Command;

/// Addresses for documentation (RFC 5737), which no machine has.
const NEAR_IP: &str = "198.51.100.1";
const FAR_IP: &str = "198.51.100.2";

/// Both ends of the cable; gone when dropped.
pub(crate) struct Cable {
    near: String,
    far: String,
}

impl Cable {
    /// Lays a cable; an error where this machine does not let us.
    pub(crate) fn lay() -> Result<Self, String> {
        let name = |end| format!("tessera-{}-{end}", std::process::id());
        let cable = Self { near: name("near"), far: name("far") };
        let (near, far) = (cable.near.as_str(), cable.far.as_str());
        ip(&["netns", "add", near])?;
        ip(&["netns", "add", far])?;
        ip(&[
            "-n", near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns",
            far,
        ])?;
        for (end, address) in [(near, NEAR_IP), (far, FAR_IP)] {
            ip(&["-n", end, "addr", "add", &format!("{address}/30"), "dev", "cable"])?;
            ip(&["-n", end, "link", "set", "lo", "up"])?;
            ip(&["-n", end, "link", "set", "cable", "up"])?;
        }
        Ok(cable)
    }

    pub(crate) fn near(&self) -> &str {
        &self.near
    }

    pub(crate) fn far(&self) -> &str {
        &self.far
    }

    /// How the far end reaches the near one.
    pub(crate) const fn near_ip(&self) -> &'static str {
        NEAR_IP
    }

    /// Pulls the cable out at the far end.
    pub(crate) fn pull(&self) {
        ip(&["-n", &self.far, "link", "set", "cable", "down"]).expect("pulled");
    }

    /// Puts it in again.
    pub(crate) fn plug(&self) {
        ip(&["-n", &self.far, "link", "set", "cable", "up"]).expect("plugged");
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in [&self.near, &self.far] {
            // Where laying it failed half-way, one is not there.
            let _ = ip(&["netns", "del", end]);
        }
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output =
        Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(errors) }
}
