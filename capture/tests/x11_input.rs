//! Operating a real X server: what its clients receive.

use std::process::Command;
use std::time::Instant;

use tessera_capture::x11::X11Input;
use tessera_capture::{CaptureError, InputEvent, InputSink, PointerButton};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ConnectionExt as _, KeyPressEvent};
use xvfb::{Client, PATIENCE, Xvfb};

mod xvfb;

const ARGUMENTS: [&str; 3] = ["-screen", "0", "640x480x24"];
const SHIFT_L: u32 = 0xffe1;
const CONTROL_L: u32 = 0xffe3;
const RETURN: u32 = 0xff0d;
const TAB: u32 = 0xff09;

const fn unicode(character: char) -> u32 {
    0x0100_0000 + character as u32
}

fn key(keysym: u32, pressed: bool) -> InputEvent {
    InputEvent::Key { keysym, pressed }
}

fn strike(input: &mut X11Input, keysym: u32) {
    input.inject(&key(keysym, true)).expect("press");
    input.inject(&key(keysym, false)).expect("release");
}

fn next_press(client: &Client) -> KeyPressEvent {
    client.wait_for(|event| match event {
        Event::KeyPress(press) => Some(*press),
        _ => None,
    })
}

/// Keys that the server holds to be down.
fn keys_down(client: &Client) -> Vec<u8> {
    let keys = client.conn.query_keymap().expect("request").reply().expect("keymap").keys;
    (0..=255).filter(|&code: &u8| keys[usize::from(code / 8)] >> (code % 8) & 1 == 1).collect()
}

/// Waits until so many keys are down, and returns them.
fn wait_for_keys(client: &Client, count: usize) -> Vec<u8> {
    let end = Instant::now() + PATIENCE;
    loop {
        let down = keys_down(client);
        if down.len() == count {
            return down;
        }
        assert!(Instant::now() < end, "{down:?} instead of {count} keys are down");
    }
}

/// The keysyms of every key, as a client without XKB sees them.
fn mapping(client: &Client) -> Vec<u32> {
    let setup = client.conn.setup();
    let count = setup.max_keycode - setup.min_keycode;
    let reply = client.conn.get_keyboard_mapping(setup.min_keycode, count).expect("request");
    reply.reply().expect("mapping").keysyms
}

/// Types text into a real terminal whose shell writes what it reads to a file.
fn type_into_xterm(layout: &[&str], text: &str) -> Option<String> {
    let server = Xvfb::start(&ARGUMENTS)?;
    server.run("setxkbmap", layout);
    let folder = tempfile::tempdir().expect("folder");
    let typed = folder.path().join("typed");
    let ready = folder.path().join("ready");
    let script = format!(
        "touch {}; head -n 1 > {typed}.part; mv {typed}.part {typed}",
        ready.display(),
        typed = typed.display()
    );
    let mut terminal = Command::new("xterm")
        .args(["-u8", "-e", "sh", "-c", &script])
        .env("DISPLAY", &server.name)
        .env("LC_ALL", "C.UTF-8")
        .spawn()
        .expect("xterm");
    let watch = Client::connect(&server.name, 1, 1);
    let wait_for = |path: &std::path::Path| {
        let end = Instant::now() + PATIENCE;
        while !path.exists() {
            let part = std::fs::read_to_string(path.with_extension("part"));
            assert!(Instant::now() < end, "{} did not appear; so far: {part:?}", path.display());
            keys_down(&watch);
        }
    };
    wait_for(&ready);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    // Without a window manager the focus follows the pointer.
    watch.focus_follows_pointer();
    input.inject(&InputEvent::Pointer { x: 100, y: 100 }).expect("pointer");
    watch.wait_for_window_under_pointer();
    for character in text.chars() {
        strike(&mut input, unicode(character));
    }
    strike(&mut input, RETURN);
    wait_for(&typed);
    terminal.kill().expect("xterm");
    terminal.wait().expect("xterm's end");
    Some(std::fs::read_to_string(&typed).expect("typed text").trim_end().to_owned())
}

#[test]
fn a_terminal_reads_what_was_typed_in_layouts_that_have_or_lack_the_characters() {
    let text = "ÄäßЖ€Aa!/7&@{z}yZ~^`\"'é漢🦀 \\|";
    for layout in [&["us"][..], &["de"], &["us,ru"], &["fr", "-variant", "oss"]] {
        let Some(typed) = type_into_xterm(layout, text) else { return };
        assert_eq!(typed, text, "layout {layout:?}");
    }
}

#[test]
fn a_level_is_reached_and_the_modifiers_are_as_before() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    server.run("setxkbmap", &["de"]);
    let client = Client::connect(&server.name, 50, 50);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    // '€' is AltGr+E on a German keyboard: the press carries Mod5, the next one does not.
    strike(&mut input, unicode('€'));
    strike(&mut input, u32::from(b'e'));
    let euro = next_press(&client);
    let letter = next_press(&client);
    assert_eq!(euro.detail, letter.detail);
    assert_eq!((u16::from(euro.state), u16::from(letter.state)), (0x80, 0));
}

#[test]
fn held_modifiers_are_lifted_for_characters_and_kept_for_functions() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    server.run("setxkbmap", &["us"]);
    let client = Client::connect(&server.name, 50, 50);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    input.inject(&key(SHIFT_L, true)).expect("press");
    let shift = next_press(&client).detail;
    // Shift+7 is '/' on a German keyboard; on this one '/' needs Shift up.
    strike(&mut input, u32::from(b'/'));
    let slash = next_press(&client);
    assert_eq!(u16::from(slash.state), 0);
    assert_eq!(next_press(&client).detail, shift);
    strike(&mut input, TAB);
    assert_eq!(u16::from(next_press(&client).state), 1);
    assert_eq!(wait_for_keys(&client, 1), [shift]);

    input.inject(&key(SHIFT_L, false)).expect("release");
    input.inject(&key(CONTROL_L, true)).expect("press");
    next_press(&client);
    strike(&mut input, u32::from(b'c'));
    assert_eq!(u16::from(next_press(&client).state), 4);
}

#[test]
fn a_layout_switched_while_running_is_followed() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    server.run("setxkbmap", &["us"]);
    let client = Client::connect(&server.name, 50, 50);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    strike(&mut input, u32::from(b'z'));
    let american = next_press(&client).detail;
    server.run("setxkbmap", &["de"]);
    strike(&mut input, u32::from(b'z'));
    strike(&mut input, u32::from(b'y'));
    assert_ne!(next_press(&client).detail, american);
    assert_eq!(next_press(&client).detail, american);
}

#[test]
fn the_pointer_its_buttons_and_the_wheel_reach_the_window() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, 640, 480);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    input.inject(&InputEvent::Pointer { x: 33, y: 44 }).expect("pointer");
    for pressed in [true, false] {
        let button = PointerButton::Right;
        input.inject(&InputEvent::Button { button, pressed }).expect("button");
    }
    input.inject(&InputEvent::Wheel { right: -1, down: 2 }).expect("wheel");
    input.inject(&InputEvent::Pointer { x: u16::MAX, y: u16::MAX }).expect("pointer");
    let mut presses = Vec::new();
    let corner = client.wait_for(|event| match event {
        Event::ButtonPress(press) => {
            presses.push((press.detail, press.event_x, press.event_y));
            None
        }
        Event::MotionNotify(motion) if motion.event_x > 33 => {
            Some((motion.event_x, motion.event_y))
        }
        _ => None,
    });
    assert_eq!(presses, [3, 6, 5, 5].map(|button| (button, 33, 44)));
    assert_eq!(corner, (639, 479));
}

#[test]
fn a_dropped_sink_leaves_no_key_button_or_binding_behind() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, 640, 480);
    let before = mapping(&client);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    input.inject(&InputEvent::Button { button: PointerButton::Left, pressed: true }).expect("down");
    for keysym in [SHIFT_L, CONTROL_L, unicode('漢'), u32::from(b'q')] {
        input.inject(&key(keysym, true)).expect("press");
    }
    wait_for_keys(&client, 4);
    assert_ne!(mapping(&client), before);
    drop(input);
    assert!(keys_down(&client).is_empty());
    assert_eq!(mapping(&client).len(), before.len());
    assert_eq!(mapping(&client), before);
    let pointer = client.conn.query_pointer(client.window).expect("request").reply();
    assert_eq!(u16::from(pointer.expect("pointer").mask), 0);
}

#[test]
fn keysyms_that_no_key_can_have_are_refused_and_the_rest_works() {
    let Some(server) = Xvfb::start(&ARGUMENTS) else { return };
    let client = Client::connect(&server.name, 50, 50);
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    for keysym in [0, u32::MAX] {
        let refused = input.inject(&key(keysym, true));
        assert!(matches!(refused, Err(CaptureError::NoKey { keysym: k }) if k == keysym));
    }
    strike(&mut input, u32::from(b'a'));
    next_press(&client);
}

#[test]
fn a_killed_server_is_an_error_and_dropping_the_sink_is_quiet() {
    let Some(mut server) = Xvfb::start(&ARGUMENTS) else { return };
    let mut input = X11Input::open(Some(&server.name)).expect("input");
    input.inject(&key(SHIFT_L, true)).expect("press");
    server.kill();
    let lost = input.inject(&key(RETURN, true));
    assert!(matches!(lost, Err(CaptureError::Lost { .. })), "{lost:?}");
}
