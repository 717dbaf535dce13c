//! What the tests over loopback have in common: two linked endpoints and a window without a screen.

#![allow(dead_code, reason = "each test uses a part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tessera::{ColourMode, Figures, view};
use tessera_codec::{EncodeRequest, Encoder, EncoderConfig, Frame, Payloads, Region};
use tessera_transport::{Endpoint, Identity, Link, Protocol, Trust};
use tokio::sync::Notify;

/// Longest time that any test waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test on a runtime like the driver's, for at most [`PATIENCE`].
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let in_time = async { tokio::time::timeout(PATIENCE, test).await };
    runtime.block_on(in_time).expect("what was waited for has not happened");
}

fn endpoint() -> Endpoint {
    let identity = Arc::new(Identity::ephemeral().expect("an identity"));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Endpoint::bind(any, identity, Some(Protocol::SESSION)).expect("an endpoint")
}

/// Both ends of one link on loopback.
pub(crate) async fn connected() -> (Link, Link) {
    let (connecting, listening) = (endpoint(), endpoint());
    let address = listening.local_address().expect("an address");
    let trust = Trust::Only(listening.fingerprint());
    let (connected, accepted) =
        tokio::join!(connecting.connect(address, Protocol::SESSION, trust), async {
            listening.accept().await.expect("a peer").accept(Trust::AnyKey).await
        });
    (connected.expect("connected"), accepted.expect("accepted"))
}

/// A window that keeps what it shows in memory, built from the changed tiles alone.
pub(crate) struct Window {
    handle: view::Handle,
    woken: Arc<Notify>,
    shown: Option<Frame>,
    /// Pictures presented so far.
    pub(crate) pictures: u64,
}

impl Window {
    pub(crate) fn new(handle: view::Handle) -> Self {
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        handle.on_wake(move || wake.notify_one());
        Self { handle, woken, shown: None, pictures: 0 }
    }

    /// Presents pictures until `condition` holds.
    pub(crate) async fn until(&mut self, condition: impl Fn(&Self) -> bool) {
        loop {
            self.present();
            if condition(self) {
                return;
            }
            self.woken.notified().await;
        }
    }

    /// Waits until there may be a picture to present.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Presents the newest picture, if there is one.
    pub(crate) fn present(&mut self) {
        if !self.handle.advance() {
            return;
        }
        let picture = self.handle.picture().expect("just taken");
        let size = picture.frame.size();
        let shown = match &mut self.shown {
            Some(shown) if shown.size() == size => shown,
            other => other.insert(Frame::black(size)),
        };
        for rect in picture.changed.rects() {
            shown.copy_rect(picture.frame, rect);
        }
        self.pictures += 1;
        self.handle.presented();
    }

    pub(crate) fn shown(&self) -> Option<&Frame> {
        self.shown.as_ref()
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.handle.picture().is_some_and(|picture| picture.info.exact)
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.handle.picture().is_some_and(|picture| picture.info.verified)
    }

    pub(crate) fn figures(&self) -> Figures {
        self.handle.figures()
    }

    pub(crate) fn handle(&mut self) -> &mut view::Handle {
        &mut self.handle
    }
}

/// `frame` in the colours of `mode`; a palette is a function of the frame that it is made for.
pub(crate) fn quantized(frame: &Frame, mode: ColourMode) -> Frame {
    let size = frame.size();
    let config = EncoderConfig { colours: mode, ..EncoderConfig::default() };
    let mut encoder = Encoder::new(size, config).expect("an encoder");
    let request = EncodeRequest { now_us: 0, budget_bytes: usize::MAX, pointer: None };
    let mut payloads = Payloads::new();
    encoder.encode(frame.view(), &mut Region::full(size), &request, &mut payloads);
    let mut quantized = Frame::black(size);
    encoder.quantize(frame.view(), &mut quantized);
    quantized
}
