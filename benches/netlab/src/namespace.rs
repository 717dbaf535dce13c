//! A network namespace: a machine's network stack of its own.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::NetlabError;
use crate::lab::End;

/// What a device has carried, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that went out.
    pub sent_bytes: u64,
    /// Bytes that came in.
    pub received_bytes: u64,
}

impl Traffic {
    /// Reads the line of `device` in the kernel's table; `proc_pid_net(5)` tells the columns.
    fn of(table: &str, device: &str) -> Option<Self> {
        let columns = table.lines().find_map(|line| {
            let (name, columns) = line.split_once(':')?;
            (name.trim() == device).then_some(columns)
        })?;
        let mut numbers = columns.split_ascii_whitespace().map(str::parse);
        let received_bytes = numbers.next()?.ok()?;
        let sent_bytes = numbers.nth(7)?.ok()?;
        Some(Self { sent_bytes, received_bytes })
    }
}

/// A network namespace with nothing but a loopback device in it; dropping it removes it and its devices, as soon as
/// the last process inside has ended.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name`, which must be unique on the machine.
    pub(crate) fn create(name: String) -> Result<Self, NetlabError> {
        run(Command::new("ip").args(["netns", "add", &name]), "")?;
        // From here on a failure removes it again.
        let namespace = Self { name };
        // Without IPv6 a network carries nothing but what its programs send: no solicitations, no listener reports.
        namespace.set("ipv6/conf/all/disable_ipv6")?;
        namespace.set("ipv6/conf/default/disable_ipv6")?;
        // A device that loses its first address keeps the others.
        namespace.set("ipv4/conf/all/promote_secondaries")?;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name, as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs `program` in this namespace. The process keeps the number that it is started with.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `work` on a thread of this process in this namespace. Sockets made there belong to the namespace and stay
    /// usable on every thread; threads that `work` starts are in the namespace too.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered.
    ///
    /// # Panics
    ///
    /// When `work` does.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetlabError> {
        let path = PathBuf::from("/run/netns").join(&self.name);
        let what = || format!("enter the namespace {}", self.name);
        let file = File::open(path).map_err(NetlabError::io(what()))?;
        let inside = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .map_err(|errno| NetlabError::io(what())(errno.into()))?;
            Ok(work())
        };
        thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// Carries out commands of `ip` (without that word) in this namespace, one a line.
    ///
    /// # Errors
    ///
    /// When one of them fails; those after it are not carried out.
    pub fn ip(&self, commands: &str) -> Result<(), NetlabError> {
        run(Command::new("ip").args(["-n", &self.name, "-batch", "-"]), commands)
    }

    /// Loads rules of nftables into this namespace.
    ///
    /// # Errors
    ///
    /// When nft is missing or refuses them.
    pub fn nft(&self, rules: &str) -> Result<(), NetlabError> {
        run(self.command("nft").args(["-f", "-"]), rules)
    }

    /// Sends everything that has no closer route through `end`, which must be this namespace's.
    ///
    /// # Errors
    ///
    /// When the route cannot be set.
    pub fn route_through(&self, end: &End) -> Result<(), NetlabError> {
        self.ip(&format!("route replace default via {} dev {}", end.peer, end.device))
    }

    /// What the device of `end`, which must be this namespace's, has sent and received since it was made, in bytes of IP
    /// packets for an emulated link and of Ethernet frames for a cable.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered or has no such device.
    pub fn traffic(&self, end: &End) -> Result<Traffic, NetlabError> {
        // The file shows the devices of the namespace that the opening thread is in.
        let table = self
            .enter(|| fs::read_to_string("/proc/thread-self/net/dev"))?
            .map_err(NetlabError::io("read the counters of a device"))?;
        Traffic::of(&table, &end.device).ok_or_else(|| {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            NetlabError::io(format!("find the counters of {}", end.device))(missing)
        })
    }

    /// Lets this namespace forward packets between its devices.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn forward(&self) -> Result<(), NetlabError> {
        self.set("ipv4/ip_forward")
    }

    /// Switches a setting of the network stack on.
    fn set(&self, setting: &str) -> Result<(), NetlabError> {
        let path = Path::new("/proc/sys/net").join(setting);
        // A kernel without IPv6 has none of its settings.
        if !path.exists() {
            return Ok(());
        }
        // The file shows the setting of the namespace that the opening thread is in.
        self.enter(|| fs::write(&path, "1"))?
            .map_err(NetlabError::io(format!("switch {setting} on in a namespace")))
    }

    /// Drops all UDP that comes to, leaves or passes this namespace.
    ///
    /// # Errors
    ///
    /// As [`Namespace::nft`].
    pub fn block_udp(&self) -> Result<(), NetlabError> {
        let chain = |hook| {
            format!(
                "chain {hook} {{ type filter hook {hook} priority 0; meta l4proto udp drop; }}\n"
            )
        };
        let chains: String = ["input", "output", "forward"].into_iter().map(chain).collect();
        self.nft(&format!("table inet no-udp {{\n{chains}}}\n"))
    }

    /// Takes back [`Namespace::block_udp`].
    ///
    /// # Errors
    ///
    /// When UDP was not blocked.
    pub fn unblock_udp(&self) -> Result<(), NetlabError> {
        self.nft("delete table inet no-udp\n")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nobody is left to tell; the next lab sweeps what stays.
        let _ = run(Command::new("ip").args(["netns", "del", &self.name]), "");
    }
}

/// Runs a command with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<(), NetlabError> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let name = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let failed = |reason: String| NetlabError::Command { command: name.clone(), reason };
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends early says why by itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(said.trim().replace('\n', "; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_the_kernels_table_are_found() {
        let table = "Inter-|   Receive                            |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n\
            link10:    5    1    0    0    0     0          0         0       6       1 0 0 0 0 0 0\n\
            \x20 link1: 1234   10    0    0    0     0          0         0    5678      20 0 0 0 0 0 0\n";
        let expected = Traffic { sent_bytes: 5678, received_bytes: 1234 };
        assert_eq!(Traffic::of(table, "link1"), Some(expected));
        assert_eq!(Traffic::of(table, "link2"), None);
    }
}
