//! Center, representative and customer as the real programs, over real QUIC on loopback, on two X
//! displays of the test's own.

mod annotating;
mod cable;
mod desk;
mod program;
mod talking;

use std::fs;

use cable::Cable;
use desk::Desk;
use program::{Program, Setting, wait_until};

/// Keycode of the letter A on the server's default keyboard.
const KEYCODE_A: u8 = 38;

#[test]
fn the_desktop_is_shown_exactly_operated_and_let_go_of() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    shared.paint(0x7e55_e7a0);
    let mut csr = setting.csr(&seen, &["--request", "control", "--fullscreen"]);
    let mut customer = setting.customer(&shared, &["--consent", "view,control"]);
    customer.expect("Warning: Started with consent");
    customer.expect("may now use your mouse and keyboard");
    csr.expect("You may control it");

    // While only viewing, the remote pointer is drawn into the picture; a click begins control.
    wait_until("the share window", || seen.has_window("Kim: viewing, click to control"));
    seen.focus("Kim: viewing");
    seen.click(300, 200);
    wait_until("both displays to be equal", || seen.grab() == shared.grab());
    shared.paint(0x0dd_ba11);
    wait_until("both displays to be equal again", || seen.grab() == shared.grab());

    seen.press_key(KEYCODE_A);
    wait_until("the key to be down at the customer", || shared.keys_down() == 1);
    customer.terminate();
    assert_eq!(customer.wait(), Some(0));
    assert_eq!(shared.keys_down(), 0);
    assert!(!shared.has_window("Lee is "), "the sign is gone with the program");
    assert_eq!(customer.shared_memory(), 0);
    csr.expect("The customer has left");
    wait_until("the share window to close", || !seen.has_window("Kim: "));

    csr.terminate();
    assert_eq!(csr.wait(), Some(0));
    for program in [&csr, &customer] {
        let log = program.log();
        let figures: Vec<_> = log.lines().filter(|line| line.contains("\"figures\"")).collect();
        assert!(figures.len() == 1 && figures[0].contains("\"frames\":"), "{log}");
    }
}

#[test]
fn a_wrong_code_is_refused_and_the_right_one_still_works() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &[]);
    csr.expect("Session open");
    let right = fs::read_to_string(setting.code_file()).expect("the code");
    // Only the last digit, which belongs to the secret, differs.
    let wrong = match right.trim().strip_suffix('0') {
        Some(rest) => format!("{rest}1"),
        None => format!("{}0", &right.trim()[..right.trim().len() - 1]),
    };
    fs::write(setting.code_file(), wrong).expect("written");
    let mut guessing = setting.customer(&shared, &[]);
    assert_eq!(guessing.wait(), Some(1));
    let log = guessing.log();
    assert!(log.contains("tessera-customer: this code is not right"), "{log}");

    fs::write(setting.code_file(), right).expect("written");
    let mut customer = setting.customer(&shared, &[]);
    customer.expect("You are connected with Lee");
    csr.type_line("view");
    customer.expect("Lee asks");
    customer.type_line("n");
    csr.expect("The customer does not allow you to view the desktop");
    csr.type_line("view");
    customer.expect("Lee asks");
    customer.type_line("y");
    csr.expect("You see what the customer shares");
    wait_until("the sign on the shared desktop", || shared.has_window("Lee is viewing"));
    customer.type_line("s");
    csr.expect("Sharing has ended: the customer stopped it");
    wait_until("the sign to go", || !shared.has_window("Lee is viewing"));
    csr.type_line("end");
    customer.expect("Lee has ended the session");
    assert_eq!((csr.wait(), customer.wait()), (Some(0), Some(0)));
}

#[test]
fn a_customer_who_vanishes_is_reported_and_can_come_back() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &["--request", "view"]);
    let mut customer = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("You see what the customer shares");
    customer.kill();
    // Its system says that the port is closed, before a second of silence has passed.
    csr.expect_before("The connection to the customer is lost", "Nothing is heard");
    let mut again = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("Kim is back");
    csr.expect("You see what the customer shares");
    wait_until("the share window", || seen.has_window("Kim: viewing"));
    seen.close("Kim: viewing");
    again.expect("no longer sees what you share: they stopped it");
    Program::end_both(&mut csr, &mut again);
}

#[test]
fn a_pulled_cable_shows_as_silence_then_as_loss_and_mends_by_itself() {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(reason) => return println!("skipped: network namespaces are needed ({reason})"),
    };
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::between(Some(cable.near()), Some(cable.far()), cable.near_ip());
    let mut csr = setting.csr(&seen, &["--request", "view"]);
    let mut customer = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("You see what the customer shares");
    wait_until("the share window", || seen.has_window("Kim: viewing"));
    cable.pull();
    csr.expect_before("Nothing is heard from the customer's computer", "is lost");
    customer.expect_before("Nothing is heard from Lee's computer", "is lost");
    wait_until("the title to say so", || seen.has_window("Kim: nothing is heard"));
    csr.expect("The connection to the customer is lost");
    customer.expect("Nothing is shared");
    cable.plug();
    csr.expect("Kim is back");
    customer.expect("You are again connected with Lee");
    csr.expect("You see what the customer shares");
    Program::end_both(&mut csr, &mut customer);
}

#[test]
fn a_representative_who_vanishes_is_reported_and_nothing_stays_shared() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &["--request", "control"]);
    let mut customer = setting.customer(&shared, &["--consent", "view,control"]);
    customer.expect("may now use your mouse and keyboard");
    csr.kill();
    customer.expect_before("Nothing is shared", "Nothing is heard");
    wait_until("the sign to go", || !shared.has_window("Lee is "));
    customer.terminate();
    assert_eq!(customer.wait(), Some(0));

    // Started again with the same arguments: the token is used up, and not needed any more.
    let mut again = setting.csr(&seen, &[]);
    again.expect("Session open");
    again.terminate();
    assert_eq!(again.wait(), Some(0));
}

#[test]
fn a_share_window_whose_display_goes_away_ends_the_session_in_our_words() {
    let (mut seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &["--request", "view"]);
    let mut customer = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("You see what the customer shares");
    wait_until("the share window", || seen.has_window("Kim: viewing"));
    seen.stop();
    customer.expect("Lee has ended the session");
    assert_eq!(customer.wait(), Some(0));
    assert_eq!(csr.wait(), Some(1));
    let log = csr.log();
    let words = "tessera-csr: the display of the share window has gone";
    assert!(log.lines().next_back().is_some_and(|line| line.starts_with(words)), "{log}");
    assert!(!log.contains("X connection to"), "{log}");
}

#[test]
fn a_screen_that_can_be_neither_captured_nor_drawn_on_is_named_with_what_to_do() {
    let (old, shared) = (Desk::of_depth(16), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&old, &["--request", "view"]);
    csr.expect("Session open");
    let mut refused = setting.customer(&old, &[]);
    assert_eq!(refused.wait(), Some(1));
    let log = refused.log();
    assert!(log.contains("has depth 16; run it with"), "{log}");
    let mut customer = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("start again on one that has, named with --display");
    Program::end_both(&mut csr, &mut customer);
}

#[test]
fn a_display_that_goes_away_ends_the_share_and_is_said() {
    let (seen, mut shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &["--request", "view"]);
    let mut customer = setting.customer(&shared, &["--consent", "view"]);
    csr.expect("You see what the customer shares");
    shared.stop();
    csr.expect("Sharing has ended");
    assert_eq!(customer.wait(), Some(1));
    let log = customer.log();
    assert!(
        log.lines().next_back().is_some_and(|line| line.starts_with("tessera-customer: ")),
        "{log}"
    );
    csr.terminate();
    assert_eq!(csr.wait(), Some(0));
}
