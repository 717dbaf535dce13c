//! The notice on top of a desktop, as another client sees it.

mod xvfb;

use std::sync::mpsc::channel;
use std::time::Instant;

use tessera_capture::x11::Notice;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, ImageFormat, StackMode, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::wrapper::ConnectionExt as _;
use xvfb::{Client, PATIENCE, Xvfb};

/// The amber of the notice, blue first.
const AMBER: [u8; 3] = [0x00, 0xc0, 0xff];

const BUTTON_PRESS: u8 = 4;
const BUTTON_RELEASE: u8 = 5;
const MOTION: u8 = 6;

fn root(client: &Client) -> Window {
    client.conn.setup().roots[0].root
}

fn named(client: &Client, name: &str) -> bool {
    let tree = client.conn.query_tree(root(client)).expect("sent").reply().expect("windows");
    tree.children.iter().any(|&child| {
        let request = (AtomEnum::WM_NAME, AtomEnum::STRING);
        let got = client.conn.get_property(false, child, request.0, request.1, 0, 64);
        let reply = got.ok().and_then(|got| got.reply().ok());
        reply.is_some_and(|reply| reply.value == name.as_bytes())
    })
}

/// Pixels of the notice's colour and others in the middle of the display's upper edge.
fn amber_and_other(client: &Client) -> (usize, usize) {
    let image =
        client.conn.get_image(ImageFormat::Z_PIXMAP, root(client), 620, 2, 40, 16, u32::MAX);
    let pixels = image.expect("sent").reply().expect("an image").data;
    let amber = pixels.chunks_exact(4).filter(|pixel| pixel[..3] == AMBER).count();
    (amber, 40 * 16 - amber)
}

fn wait_until(client: &Client, what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        client.conn.sync().expect("the server answers");
    }
}

#[test]
fn a_notice_is_seen_on_top_clicked_and_taken_away() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let client = Client::connect(&server.name, 1280, 720);
    let (clicked, clicks) = channel();
    let notice = Notice::open(Some(&server.name), "Kim is viewing this desktop", move || {
        clicked.send(()).expect("the test waits");
    })
    .expect("a notice");

    wait_until(&client, "the text stands on amber", || {
        let (amber, other) = amber_and_other(&client);
        amber > 300 && other > 20
    });
    assert!(named(&client, "Kim is viewing this desktop"));

    client
        .conn
        .configure_window(client.window, &ConfigureWindowAux::new().stack_mode(StackMode::ABOVE))
        .expect("sent");
    client.conn.sync().expect("covered");
    wait_until(&client, "it is on top again", || amber_and_other(&client).0 > 300);

    for (kind, detail) in [(MOTION, 0), (BUTTON_PRESS, 1), (BUTTON_RELEASE, 1)] {
        let fake = client.conn.xtest_fake_input(kind, detail, 0, root(&client), 640, 10, 0);
        fake.expect("sent").check().expect("done");
    }
    clicks.recv_timeout(PATIENCE).expect("a click");

    notice.set_text("Kim is controlling this desktop").expect("changed");
    wait_until(&client, "it has its new text", || {
        named(&client, "Kim is controlling this desktop")
    });
    drop(notice);
    wait_until(&client, "it is gone", || amber_and_other(&client).0 == 0);
}

#[test]
fn a_display_that_is_not_there_is_named() {
    let error = Notice::open(Some(":29999"), "text", || ()).expect_err("no such display");
    assert!(error.to_string().contains(":29999"), "{error}");
}
