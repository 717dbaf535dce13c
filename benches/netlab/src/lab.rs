//! Makes namespaces with names of their own and joins them.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::emulator::Link;
use crate::error::NetlabError;
use crate::namespace::{Namespace, run};
use crate::shape::Shape;

/// What every namespace's name begins with, before the number of the process.
const PREFIX: &str = "tessera-lab";

/// Counts the namespaces of this process.
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// Makes networks. Namespaces of several labs never meet.
#[derive(Debug)]
pub struct Lab {
    subnets: AtomicU32,
}

/// A device of a namespace, one end of a cable or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The device's name in its namespace.
    pub device: String,
    /// Its address, in a network of 24 bits.
    pub address: Ipv4Addr,
    /// The address of the other end.
    pub peer: Ipv4Addr,
}

impl Lab {
    /// Finds out whether networks can be made here, and removes what processes that were killed have left.
    ///
    /// # Errors
    ///
    /// [`NetlabError::NotPermitted`] when namespaces or TUN devices cannot be had.
    pub fn new() -> Result<Self, NetlabError> {
        let lab = Self { subnets: AtomicU32::new(0) };
        sweep();
        // Making one of each tells more than any look at rights.
        let attempt = || {
            let [a, b] = [lab.namespace("a")?, lab.namespace("b")?];
            lab.link(&a, &b, Shape::CLEAR, 0).map(drop)
        };
        match attempt() {
            Ok(()) => Ok(lab),
            Err(error) => Err(NetlabError::NotPermitted(error.to_string())),
        }
    }

    /// A lab, or `None` after a line on standard error that says why `test` is skipped.
    pub fn or_skip(test: &str) -> Option<Self> {
        match Self::new() {
            Ok(lab) => Some(lab),
            Err(error) => {
                eprintln!("{test} skipped: {error}");
                None
            }
        }
    }

    /// A new namespace; `role` is part of its name.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn namespace(&self, role: &str) -> Result<Namespace, NetlabError> {
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        Namespace::create(format!("{PREFIX}-{}-{number}-{role}", std::process::id()))
    }

    /// Joins two namespaces by a virtual cable as fast as the machine is; it goes when one of them goes.
    ///
    /// # Errors
    ///
    /// When the devices cannot be made.
    pub fn cable(&self, a: &Namespace, b: &Namespace) -> Result<[End; 2], NetlabError> {
        let ends = self.ends("cable");
        let [first, second] = &ends;
        a.ip(&format!(
            "link add {} type veth peer name {} netns {}",
            first.device,
            second.device,
            b.name()
        ))?;
        for (namespace, end) in [(a, first), (b, second)] {
            set_up(namespace, end)?;
        }
        Ok(ends)
    }

    /// Joins two namespaces by an emulated link of this shape in both directions. The seed decides which packets are
    /// lost. The link works until the value is dropped.
    ///
    /// # Errors
    ///
    /// When the devices cannot be made.
    pub fn link(
        &self,
        a: &Namespace,
        b: &Namespace,
        shape: Shape,
        seed: u64,
    ) -> Result<Link, NetlabError> {
        Link::start([a, b], self.ends("link"), shape, seed)
    }

    /// Gives the device of `end` in `namespace` another address in the same network, as after a change of networks:
    /// sockets bound to the old one no longer reach anyone. The default route through it is kept.
    ///
    /// # Errors
    ///
    /// When the addresses cannot be changed.
    pub fn renumber(&self, namespace: &Namespace, end: &End) -> Result<End, NetlabError> {
        let [a, b, c, last] = end.address.octets();
        let new = End { address: Ipv4Addr::new(a, b, c, last.wrapping_add(10)), ..end.clone() };
        let device = &end.device;
        namespace.ip(&format!(
            "addr add {}/24 dev {device}\naddr del {}/24 dev {device}\n",
            new.address, end.address
        ))?;
        Ok(new)
    }

    /// Two ends in a network that no other of this lab has.
    fn ends(&self, kind: &str) -> [End; 2] {
        let number = self.subnets.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = number.to_be_bytes();
        let [first, second] = [1, 2].map(|host| Ipv4Addr::new(10, high, low, host));
        let device = format!("{kind}{number}");
        [
            End { device: device.clone(), address: first, peer: second },
            End { device, address: second, peer: first },
        ]
    }
}

/// Packets that the kernel keeps for a device whose reader is late. Far more than any queue that a link emulates, so
/// that what is dropped is dropped by the link, which counts it.
const DEVICE_QUEUE_PACKETS: u32 = 10_000;

/// Gives a device its address and switches it on.
pub(crate) fn set_up(namespace: &Namespace, end: &End) -> Result<(), NetlabError> {
    namespace.ip(&format!(
        "addr add {}/24 dev {device}\nlink set {device} txqueuelen {DEVICE_QUEUE_PACKETS} up\n",
        end.address,
        device = end.device
    ))
}

/// Removes namespaces of processes that are gone.
fn sweep() {
    // Where there is no such folder there is nothing to remove.
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
        if maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another lab may be sweeping too.
            let _ = run(Command::new("ip").args(["netns", "del", &name]), "");
        }
    }
}
