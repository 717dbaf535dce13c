//! A real `tessera-center` in a folder of its own, and programs that talk to it over loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tessera_transport::center::{CenterAddress, Client, EnrolmentToken};
use tessera_transport::{Endpoint, Fingerprint, Identity};

/// Longest wait for the program; far above what it needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with these arguments.
pub(crate) fn command(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera-center"));
    command.args(arguments).arg("--data").arg(data).env_remove("TESSERA_LOG");
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str], data: &Path) -> Output {
    command(arguments, data).output().expect("the program runs")
}

/// What a program that ended wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A serving center; killed when dropped.
pub(crate) struct Center {
    child: Child,
    log: Option<JoinHandle<String>>,
    /// What it printed when it began to serve.
    pub(crate) announcement: Vec<String>,
}

impl Center {
    /// Serves from `data` on free ports of loopback, with further `arguments`.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        let all = ["serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-json"];
        Self::run(&[&all, arguments].concat(), data)
    }

    /// A relay alone at `listen`, for the center with this fingerprint.
    pub(crate) fn start_relay(data: &Path, center: Fingerprint, listen: &str) -> Self {
        let center = center.to_string();
        let alone = ["relay", "--key", &center, "--listen", listen, "--metrics", "127.0.0.1:0"];
        Self::run(&alone, data)
    }

    fn run(arguments: &[&str], data: &Path) -> Self {
        let child = command(arguments, data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut center = Self { child, log: None, announcement: Vec::new() };
        let mut log = center.child.stderr.take().expect("a pipe");
        center.log = Some(thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).expect("the log is text");
            text
        }));
        let out = center.child.stdout.take().expect("a pipe");
        for line in BufReader::new(out).lines() {
            let line = line.expect("a line");
            let is_last = line.starts_with("http ");
            center.announcement.push(line);
            if is_last {
                return center;
            }
        }
        let (status, log) = center.wait();
        panic!("the center ended early with {status}: {log}");
    }

    /// The value of the only announced line called `name`.
    pub(crate) fn announced(&self, name: &str) -> Option<&str> {
        let mut values = self.announcement.iter().filter_map(|line| line.strip_prefix(name));
        let value = values.next()?.trim();
        assert!(values.next().is_none(), "{name} is announced once");
        Some(value)
    }

    pub(crate) fn address(&self) -> CenterAddress {
        self.announced("center ").expect("announced").parse().expect("an address")
    }

    /// Where the program listens for packets.
    pub(crate) fn listens_on(&self) -> SocketAddr {
        let text = self.announced("listening on ").expect("announced");
        text.trim_end_matches("/udp").parse().expect("an address")
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.announced("fingerprint ").expect("announced").parse().expect("a fingerprint")
    }

    pub(crate) fn token(&self) -> EnrolmentToken {
        self.announced("enrolment token ").expect("announced").parse().expect("a token")
    }

    /// The program's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the program's end and returns its log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let log = self.log.take().expect("waited for once");
        let (send, receive) = mpsc::channel();
        // The log ends when the program does.
        thread::spawn(move || send.send(log.join().expect("a log")));
        let log = receive.recv_timeout(PATIENCE).expect("the program ends in time");
        (self.child.wait().expect("a status"), log)
    }

    /// The body that the HTTP side answers at `path`.
    pub(crate) fn http(&self, path: &str) -> String {
        let urls = self.announced("http ").expect("announced");
        let (_, rest) = urls.split_once("http://").expect("a URL");
        let (address, _) = rest.split_once('/').expect("a path");
        let mut stream = TcpStream::connect(address).expect("connected");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        body.to_owned()
    }

    /// The value of a metric.
    pub(crate) fn metric(&self, sample: &str) -> u64 {
        let text = self.http("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(sample)).expect(sample);
        value.trim().parse().expect("a whole number")
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program with a key of its own.
pub(crate) struct Program {
    pub(crate) identity: Arc<Identity>,
    pub(crate) endpoint: Endpoint,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    /// A program that others see at `ip`.
    pub(crate) fn at(ip: Ipv4Addr) -> Self {
        let identity = Arc::new(Identity::ephemeral().expect("a key"));
        let address = SocketAddr::from((ip, 0));
        let endpoint = Endpoint::bind(address, identity.clone(), None).expect("a socket");
        Self { identity, endpoint }
    }

    pub(crate) async fn connect(&self, center: &Center) -> Client {
        Client::connect(&self.endpoint, &center.address(), None, None).await.expect("connected")
    }

    /// Connects and enrols.
    pub(crate) async fn enrolled(
        center: &Center,
        token: &EnrolmentToken,
        name: &str,
    ) -> (Self, Client) {
        let program = Self::new();
        let mut client = program.connect(center).await;
        client.enrol(token.secret.clone(), name.to_owned()).await.expect("enrolled");
        (program, client)
    }
}

/// Addresses for a session that nobody joins.
pub(crate) fn addresses(port: u16) -> Vec<SocketAddr> {
    vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]
}
