//! A world of a few namespaces: a hub with the center on it, and homes and offices around it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tessera_netlab::{End, Lab, Mapping, Namespace, NetlabError};

/// Where the center is: an address of the hub itself, the same from everywhere.
pub(crate) const CENTER_IP: &str = "10.200.0.1";

/// Where the other relay is.
const RELAY_IP: &str = "10.200.0.2";

/// The hub, the center's program on it, and everybody's data.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) hub: Namespace,
    pub(crate) data: TempDir,
    /// What participants give as the center's address.
    pub(crate) center: String,
    /// The token of the first representative.
    pub(crate) token: String,
    serving: Serving,
    relay: Option<Serving>,
    _alone: File,
}

impl World {
    /// A world with a center, or a line that says why there is none.
    pub(crate) fn or_skip(test: &str) -> Option<Self> {
        Self::made(test, false)
    }

    /// The same with another relay that the center tells of.
    pub(crate) fn with_another_relay_or_skip(test: &str) -> Option<Self> {
        Self::made(test, true)
    }

    fn made(test: &str, with_relay: bool) -> Option<Self> {
        let lab = Lab::or_skip(test)?;
        if Command::new("nft").arg("--version").output().is_err() {
            eprintln!("{test} skipped: nft is not installed");
            return None;
        }
        let alone = alone();
        let hub = lab.namespace("hub").expect("a namespace");
        hub.ip(&format!("addr add {CENTER_IP}/32 dev lo\naddr add {RELAY_IP}/32 dev lo"))
            .expect("addresses");
        hub.forward().expect("forwarding");
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("center");
        let listen = format!("{CENTER_IP}:7443");
        let mut arguments = vec!["serve", "--listen", &listen];
        let relay = with_relay.then(|| {
            // Serves once, so that there is a key that a relay can be told of.
            let first = Serving::start(&hub, &arguments, &folder);
            let key = first.announced("fingerprint ").to_owned();
            drop(first);
            let listen = format!("{RELAY_IP}:7444");
            let alone = ["relay", "--key", &key, "--listen", &listen];
            Serving::start(&hub, &alone, &data.path().join("relay"))
        });
        if let Some(relay) = &relay {
            arguments.extend(["--other-relay", relay.announced("relay ")]);
        }
        let serving = Serving::start(&hub, &arguments, &folder);
        Some(Self {
            center: serving.announced("center ").to_owned(),
            token: serving.announced("enrolment token ").to_owned(),
            lab,
            hub,
            data,
            serving,
            relay,
            _alone: alone,
        })
    }

    /// Kills the program, the center's or the other relay's, that has forwarded more while `used` ran.
    pub(crate) fn kill_the_busier_relay(&mut self, used: impl FnOnce()) {
        let relay = self.relay.as_mut().expect("another relay");
        let forwarded = |it: &Serving| it.forwarded(&self.hub);
        let before = [forwarded(&self.serving), forwarded(relay)];
        used();
        let grown = [forwarded(&self.serving) - before[0], forwarded(relay) - before[1]];
        // Each direction may go by another one.
        assert!(grown.iter().sum::<u64>() > 0, "neither is used");
        if grown[0] >= grown[1] { self.serving.kill() } else { relay.kill() }
    }

    /// A computer on the hub itself.
    pub(crate) fn office(&self, role: &str) -> Result<Office, NetlabError> {
        let host = self.lab.namespace(role)?;
        let [end, _] = self.lab.cable(&host, &self.hub)?;
        host.route_through(&end)?;
        Ok(Office { host, end })
    }

    /// A computer behind a router that translates addresses.
    pub(crate) fn home(&self, role: &str, mapping: Mapping) -> Result<Home, NetlabError> {
        let [host, router] = [self.lab.namespace(role)?, self.lab.namespace("router")?];
        let [end, _] = self.lab.cable(&host, &router)?;
        host.route_through(&end)?;
        let [outside, _] = self.lab.cable(&router, &self.hub)?;
        router.route_through(&outside)?;
        router.translate(&outside, mapping)?;
        Ok(Home { host, router })
    }
}

/// Waits for the other tests here: how long things take is looked at, and each has a dozen threads.
fn alone() -> File {
    let path = std::env::temp_dir().join("tessera-networks.lock");
    let file = File::create(path).expect("a file");
    // Until it is dropped.
    file.lock().expect("locked");
    file
}

/// A computer with an address that everybody reaches.
pub(crate) struct Office {
    pub(crate) host: Namespace,
    pub(crate) end: End,
}

/// A computer behind a router.
pub(crate) struct Home {
    pub(crate) host: Namespace,
    pub(crate) router: Namespace,
}

/// A running program of the center; killed when dropped.
struct Serving {
    child: Child,
    announcement: Vec<String>,
}

impl Serving {
    fn start(place: &Namespace, arguments: &[&str], data: &Path) -> Self {
        let mut child = place
            .command(env!("CARGO_BIN_EXE_tessera-center"))
            .args(arguments)
            .arg("--data")
            .arg(data)
            .env_remove("TESSERA_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut announcement = Vec::new();
        while !announcement.last().is_some_and(|line: &String| line.starts_with("http ")) {
            announcement.push(lines.next().expect("it serves").expect("a line"));
        }
        Self { child, announcement }
    }

    /// The first value announced under this name.
    fn announced(&self, name: &str) -> &str {
        let value = self.announcement.iter().find_map(|line| line.strip_prefix(name));
        value.expect(name).trim()
    }

    /// Packets that the relay in this program has forwarded.
    fn forwarded(&self, place: &Namespace) -> u64 {
        let urls = self.announced("http ");
        let (_, rest) = urls.split_once("http://").expect("a URL");
        let (address, _) = rest.split_once('/').expect("a path");
        let mut stream =
            place.enter(|| TcpStream::connect(address)).expect("entered").expect("connected");
        let request = "GET /metrics HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let name = "tessera_relay_packets_forwarded_total ";
        let value = answer.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        value.trim().parse().expect("a number")
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.kill();
    }
}
