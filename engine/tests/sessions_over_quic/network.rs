//! What lies between the two programs: a center that keeps sessions in memory, and a wire that can
//! be cut.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use crossbeam::atomic::AtomicCell;
use tessera_transport::center::{MAX_MESSAGE_BYTES, Refusal, Reply, Request};
use tessera_transport::pairing::Number;
use tessera_transport::{Endpoint, Fingerprint, Identity, Incoming, Protocol, Trust, json};
use tokio::net::UdpSocket;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs on a thread of its own until the process ends.
pub(crate) struct Network {
    /// Where the center is.
    pub(crate) center: String,
    cut: Arc<AtomicBool>,
    exit: Arc<AtomicCell<Option<SocketAddr>>>,
}

impl Network {
    pub(crate) fn start() -> Self {
        let cut = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let is_cut = Arc::clone(&cut);
        let exit = Arc::new(AtomicCell::new(None));
        let leads_to = Arc::clone(&exit);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, async {
                let identity = Arc::new(Identity::ephemeral().expect("an identity"));
                let center = Endpoint::bind(ANY, identity, Some(Protocol::CENTER)).expect("bound");
                let entrance = UdpSocket::bind(ANY).await.expect("bound");
                let directory = Rc::new(Directory {
                    entrance: entrance.local_addr().expect("bound"),
                    sessions: RefCell::default(),
                    exit: leads_to,
                });
                let _ = tell.send(center.local_address().expect("bound").to_string());
                tokio::join!(serve(&center, &directory), forward(&entrance, &directory, &is_cut));
            });
        });
        Self { center: told.recv().expect("a center"), cut, exit }
    }

    /// Where the representative's program is, for those who go there without the wire.
    pub(crate) fn exit(&self) -> SocketAddr {
        self.exit.load().expect("a session is open")
    }

    /// Cuts the wire between the programs, or mends it. Neither of them is told.
    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::SeqCst);
    }
}

struct Directory {
    /// Where customers are sent: our end of the wire.
    entrance: SocketAddr,
    sessions: RefCell<HashMap<Number, Fingerprint>>,
    /// Where the wire leads: the representative's program.
    exit: Arc<AtomicCell<Option<SocketAddr>>>,
}

impl Directory {
    fn answer(&self, request: Request, asked_by: Fingerprint) -> Reply {
        match request {
            Request::OpenSession { addresses, .. } => {
                let mut sessions = self.sessions.borrow_mut();
                let number = Number::from_index(sessions.len() as u32).expect("few sessions");
                sessions.insert(number, asked_by);
                self.exit.store(addresses.first().copied());
                Reply::Opened { number }
            }
            Request::CloseSession { number } => {
                self.sessions.borrow_mut().remove(&number);
                Reply::Closed
            }
            Request::Find { number } => match self.sessions.borrow().get(&number) {
                Some(&csr) => {
                    Reply::Found { addresses: vec![self.entrance], csr, introduction: None }
                }
                None => Reply::Refused { reason: Refusal::NotFound, retry_after_ms: None },
            },
            _ => Reply::Refused { reason: Refusal::UnknownRequest, retry_after_ms: None },
        }
    }
}

async fn serve(center: &Endpoint, directory: &Rc<Directory>) {
    while let Some(incoming) = center.accept().await {
        let directory = Rc::clone(directory);
        tokio::task::spawn_local(async move { converse(incoming, &directory).await });
    }
}

async fn converse(incoming: Incoming, directory: &Directory) -> Option<()> {
    let link = incoming.accept(Trust::AnyKey).await.ok()?;
    let (mut sender, mut receiver) = link.control().await.ok()?;
    loop {
        let message = receiver.next().await.ok()??;
        let request = json::parse(&mut message.to_vec(), MAX_MESSAGE_BYTES).ok()?;
        sender.send_message(&directory.answer(request, link.peer())).await.ok()?;
    }
}

/// Carries packets between the representative's program and whoever knocked last.
async fn forward(entrance: &UdpSocket, directory: &Directory, is_cut: &AtomicBool) {
    let far = UdpSocket::bind(ANY).await.expect("bound");
    let (mut from_customer, mut from_csr) = ([0; 2048], [0; 2048]);
    let mut customer = None;
    loop {
        // Errors are those of a peer that has gone: the packet is lost, as on any wire.
        tokio::select! {
            received = entrance.recv_from(&mut from_customer) => {
                let Ok((bytes, address)) = received else { continue };
                customer = Some(address);
                let exit = directory.exit.load();
                if let Some(exit) = exit.filter(|_| !is_cut.load(Ordering::SeqCst)) {
                    let _ = far.send_to(&from_customer[..bytes], exit).await;
                }
            }
            received = far.recv_from(&mut from_csr) => {
                let Ok((bytes, _)) = received else { continue };
                if let Some(customer) = customer.filter(|_| !is_cut.load(Ordering::SeqCst)) {
                    let _ = entrance.send_to(&from_csr[..bytes], customer).await;
                }
            }
        }
    }
}
