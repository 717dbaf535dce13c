//! Whole sessions: both sides as the programs run them, over real QUIC on loopback.

mod annotating;
mod applications;
mod local_click;
mod network;
mod people;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use network::Network;
use people::{
    Customer, Injected, PATIENCE, Representative, look_until, next, paint, take, wait_until,
};
use tessera::csr::EndReason;
use tessera::customer::Entrance;
use tessera::{Activity, Code, InputEvent, Kept, csr, customer};
use tessera_transport::{Endpoint, Identity, Protocol, Trust};

fn data_dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn a_session_outlives_a_broken_connection_and_the_share_goes_on() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let customer = Customer::joined(&network, data.path(), &csr);
    let (mut canvas, mut view) = customer.shares(&csr);

    network.cut(true);
    take!(csr.events, csr::Event::CustomerSilent { silent: true });
    take!(customer.events, customer::Event::CsrSilent { silent: true });
    network.cut(false);
    take!(csr.events, csr::Event::CustomerSilent { silent: false });
    take!(customer.events, customer::Event::CsrSilent { silent: false });
    paint(&mut canvas, 60);
    look_until(&mut view, 60);

    network.cut(true);
    take!(csr.events, csr::Event::CustomerSilent { silent: true });
    take!(customer.events, customer::Event::CsrSilent { silent: true });
    take!(csr.events, csr::Event::ShareEnded { reason: EndReason::ConnectionLost });
    take!(csr.events, csr::Event::CustomerLost { .. });
    take!(
        customer.events,
        customer::Event::Sharing { on: false, reason: Some(EndReason::ConnectionLost) }
    );
    take!(customer.events, customer::Event::CsrLost { .. });
    assert!(!view.advance(), "nothing more is seen");

    network.cut(false);
    take!(csr.events, csr::Event::CustomerJoined { again: true, .. });
    let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    let mut canvas = next(&customer.opened);
    paint(&mut canvas, 120);
    look_until(&mut view, 120);
    csr.handle.end();
}

/// Environment of the processes that are killed here.
const CENTER: &str = "TESSERA_TEST_CENTER";
const CODE: &str = "TESSERA_TEST_CODE";
const DATA_DIR: &str = "TESSERA_TEST_DATA_DIR";

/// A process that is killed, and not asked, when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn customer_process(network: &Network, data_dir: &std::path::Path, code: &Code) -> Killed {
    let process = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["--exact", "the_customer_of_another_process", "--ignored", "--nocapture"])
        .env(CENTER, &network.center)
        .env(CODE, code.reveal().as_str())
        .env(DATA_DIR, data_dir)
        .stdout(Stdio::null())
        .spawn();
    Killed(process.expect("a process"))
}

#[test]
#[ignore = "run as a process of its own by the tests that kill it"]
fn the_customer_of_another_process() {
    let variable = |name| std::env::var(name).expect("set by the test that starts this");
    let data_dir = variable(DATA_DIR);
    let entrance = match Customer::kept(data_dir.as_ref()) {
        Some(kept) => Entrance::Return(kept),
        None => Entrance::Code(variable(CODE).parse().expect("a code")),
    };
    let consent = vec![Activity::View];
    let customer = Customer::enter(&variable(CENTER), data_dir.as_ref(), entrance, consent);
    let mut canvas = next(&customer.opened);
    paint(&mut canvas, 77);
    let _ = customer.events.iter().last();
}

/// Waits until the killed customer's silence has been taken for a loss: its port is not the one that the wire leads from,
/// so that nothing else tells.
fn is_lost(csr: &Representative) {
    take!(csr.events, csr::Event::CustomerSilent { silent: true });
    if let csr::Event::ShareEnded { reason } = next(&csr.events) {
        assert_eq!(reason, EndReason::ConnectionLost);
        take!(csr.events, csr::Event::CustomerLost { .. });
    }
}

#[test]
fn a_killed_customer_comes_back_without_the_code_and_shows_the_desktop_again() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let process = customer_process(&network, data.path(), &csr.code);
    take!(csr.events, csr::Event::CustomerJoined { again: false, .. });
    csr.handle.request(Activity::View);
    take!(csr.events, csr::Event::RequestReceived { .. });
    take!(csr.events, csr::Event::Answered { granted: true, .. });
    let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    look_until(&mut view, 77);
    wait_until("the share to be kept", || {
        Customer::kept(data.path()).is_some_and(|kept| kept.shows())
    });
    drop(process);
    is_lost(&csr);

    let _process = customer_process(&network, data.path(), &csr.code);
    take!(csr.events, csr::Event::CustomerJoined { again: true, .. });
    let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    look_until(&mut view, 77);
    csr.handle.end();
    take!(csr.events, csr::Event::ShareEnded { .. });
    take!(csr.events, csr::Event::Ended);
    wait_until("the ended session to be forgotten", || Customer::kept(data.path()).is_none());
}

#[test]
fn a_copied_ticket_is_refused_and_reported() {
    let (network, data, elsewhere) = (Network::start(), data_dir(), data_dir());
    let csr = Representative::open(&network, data.path());
    let process = customer_process(&network, data.path(), &csr.code);
    take!(csr.events, csr::Event::CustomerJoined { again: false, .. });
    wait_until("the session to be kept", || Customer::kept(data.path()).is_some());
    drop(process);
    // A thief has the key, and the ticket that is good now.
    let (own, copy) = (data.path().join("customer"), elsewhere.path().join("customer"));
    std::fs::create_dir(&copy).expect("a folder");
    for name in ["identity.pem", "session.json"] {
        std::fs::copy(own.join(name), copy.join(name)).expect("copied");
    }
    let copied = Customer::kept(elsewhere.path()).expect("a ticket");
    is_lost(&csr);

    let process = customer_process(&network, data.path(), &csr.code);
    take!(csr.events, csr::Event::CustomerJoined { again: true, .. });
    wait_until("the next ticket", || {
        Customer::kept(data.path()).is_some_and(|kept| kept != copied)
    });
    csr.handle.request(Activity::View);
    take!(csr.events, csr::Event::RequestReceived { .. });
    take!(csr.events, csr::Event::Answered { .. });
    let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
    look_until(&mut view, 77);
    // That the desktop is shown is written behind the ticket, so that by then the word of that has come too.
    wait_until("the share to be kept", || {
        Customer::kept(data.path()).is_some_and(|kept| kept.shows())
    });
    drop(process);
    wait_until("the customer to be lost", || {
        csr.events.try_iter().any(|event| matches!(event, csr::Event::CustomerLost { .. }))
    });

    let entrance = Entrance::Return(copied);
    let thief = Customer::enter(&network.center, elsewhere.path(), entrance, Vec::new());
    take!(csr.events, csr::Event::TicketCopied);
    let told = failure(&thief);
    assert!(told.contains("this way back into the session was used before"), "{told}");

    let _process = customer_process(&network, data.path(), &csr.code);
    take!(csr.events, csr::Event::CustomerJoined { again: true, .. });
    csr.handle.end();
}

#[test]
fn a_killed_customer_is_reported_and_may_come_back_with_the_code() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    for again in [false, true] {
        // As on a machine that lost everything but its key.
        Kept::forget(&data.path().join("customer")).expect("forgotten");
        let process = customer_process(&network, data.path(), &csr.code);
        let returned = take!(csr.events, csr::Event::CustomerJoined { again, .. } => again);
        assert_eq!(returned, again);
        csr.handle.request(Activity::View);
        take!(csr.events, csr::Event::RequestReceived { .. });
        take!(csr.events, csr::Event::Answered { granted: true, .. });
        let mut view = take!(csr.events, csr::Event::ShareStarted(view) => view);
        look_until(&mut view, 77);
        drop(process);
        is_lost(&csr);
    }
    csr.handle.end();
    take!(csr.events, csr::Event::Ended);
}

#[test]
fn stopping_ends_the_share_at_once_and_no_picture_follows() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let customer = Customer::joined(&network, data.path(), &csr);
    let (mut canvas, mut view) = customer.shares(&csr);

    customer.handle.stop();
    let stopped = Some(EndReason::StoppedByCustomer);
    let reason = take!(customer.events, customer::Event::Sharing { on: false, reason } => reason);
    assert_eq!(reason, stopped);
    take!(csr.events, csr::Event::ShareEnded { reason: EndReason::StoppedByCustomer });
    let (sent, received) = (customer.handle.figures(), csr.handle.figures());
    for shade in 100..120 {
        paint(&mut canvas, shade);
        // A request goes there and back: a picture sent meanwhile would show in the figures.
        customer.answers(&csr, Activity::View, false);
    }
    assert_eq!(customer.handle.figures().frames, sent.frames, "updates sent");
    assert_eq!(csr.handle.figures().bytes, received.bytes, "bytes received");
    assert!(!view.advance());
    csr.handle.end();
}

/// Places that the strangers' three addresses can hold of those that the representative's program has.
const PLACES: usize = 6;

#[test]
fn a_flood_of_strangers_from_a_few_addresses_keeps_nobody_out() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let exit = network.exit();
    let (tell, told) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let flood = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut strangers = tokio::task::JoinSet::new();
            // From three addresses, again and again.
            for number in 0..100_u8 {
                let tell = tell.clone();
                strangers.spawn(async move {
                    let ip = std::net::Ipv4Addr::new(127, 1, 0, 1 + number % 3);
                    let identity = Arc::new(Identity::ephemeral().expect("an identity"));
                    let endpoint = Endpoint::bind((ip, 0).into(), identity, None).expect("bound");
                    loop {
                        let knock = endpoint.connect(exit, Protocol::SESSION, Trust::AnyKey);
                        if let Ok(link) = knock.await {
                            let _ = tell.send(());
                            link.closed().await;
                        }
                    }
                });
            }
            // Until the other end is dropped.
            let _ = tokio::task::spawn_blocking(move || ended.recv()).await.expect("waited");
        });
    });
    for _ in 0..PLACES {
        told.recv_timeout(PATIENCE).expect("strangers take what they can");
    }
    let customer = Customer::joined(&network, data.path(), &csr);
    let (_canvas, _view) = customer.shares(&csr);
    drop(end);
    flood.join().expect("no panic");
    csr.handle.end();
}

#[test]
fn nothing_is_captured_without_consent() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let customer = Customer::joined(&network, data.path(), &csr);
    for activity in [Activity::View, Activity::Control] {
        customer.answers(&csr, activity, false);
    }
    // One more round trip: whatever a refusal might have set off has happened by now.
    customer.answers(&csr, Activity::View, false);
    assert!(customer.opened.is_empty(), "no screen was opened");
    assert!(csr.events.is_empty(), "no share was announced");
    assert_eq!((customer.handle.figures().frames, csr.handle.figures().bytes), (0, 0));
    csr.handle.end();
}

#[test]
fn input_reaches_the_desktop_only_while_control_is_granted() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let customer = Customer::joined(&network, data.path(), &csr);
    let (_canvas, view) = customer.shares(&csr);
    let key = |keysym| InputEvent::Key { keysym, pressed: true };
    let discarded = |count| {
        wait_until("input to be discarded", || customer.handle.figures().inputs_discarded == count);
    };

    assert!(view.send_input(key(1)), "sent, although it is only viewed");
    discarded(1);
    assert!(customer.injected.is_empty(), "viewing is not operating");

    customer.answers(&csr, Activity::Control, true);
    take!(customer.events, customer::Event::Controlled { on: true });
    take!(csr.events, csr::Event::ControlChanged { allowed: true });
    assert!(view.send_input(key(2)));
    assert_eq!(next(&customer.injected), Injected::Event(key(2)));

    customer.handle.withdraw_control();
    take!(customer.events, customer::Event::Controlled { on: false });
    take!(csr.events, csr::Event::ControlChanged { allowed: false });
    assert_eq!(next(&customer.injected), Injected::AllReleased);
    assert!(view.send_input(key(3)));
    discarded(2);

    // Granted anew, only what is sent from now on arrives.
    customer.answers(&csr, Activity::Control, true);
    take!(customer.events, customer::Event::Controlled { on: true });
    take!(csr.events, csr::Event::ControlChanged { allowed: true });
    assert!(view.send_input(key(4)));
    assert_eq!(next(&customer.injected), Injected::Event(key(4)));
    csr.handle.end();
}

fn failure(customer: &Customer) -> String {
    take!(customer.events, customer::Event::Failed(error) => error.to_string())
}

#[test]
fn a_wrong_code_and_one_whose_session_is_over_are_told_apart() {
    let (network, data) = (Network::start(), data_dir());
    let csr = Representative::open(&network, data.path());
    let right = csr.code.reveal();
    let last = if right.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &right[..right.len() - 1]).parse().expect("a code");
    let guesser = Customer::join(&network.center, data.path(), wrong, Vec::new());
    assert_eq!(
        failure(&guesser),
        "this code is not right: compare it with the one that the support representative sees and \
         type it again"
    );
    assert!(csr.events.is_empty(), "nobody has joined");

    csr.handle.end();
    take!(csr.events, csr::Event::Ended);
    let late = Customer::join(&network.center, data.path(), csr.code.clone(), Vec::new());
    assert_eq!(
        failure(&late),
        "the center knows no open session with this number; ask the representative for the current \
         code"
    );
    assert!(late.opened.is_empty(), "no screen was opened");
}
