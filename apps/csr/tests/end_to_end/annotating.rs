//! Annotations between the real programs, as a third client sees them on both displays.

use std::fs;

use crate::desk::Desk;
use crate::program::{Program, Setting, wait_until};

/// Keycodes of the server's default keyboard.
const KEY_2: u8 = 11;
const KEY_ESCAPE: u8 = 9;
const KEY_C: u8 = 54;
const KEY_X: u8 = 53;
const KEY_P: u8 = 33;

/// The colour of the representative's marks.
const RED: [u8; 3] = [213, 50, 0];

#[test]
fn a_stroke_over_the_shared_picture_is_drawn_captured_and_cleared() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    shared.paint(0xa_11);
    let mut csr = setting.csr(&seen, &["--request", "control", "--fullscreen"]);
    let mut customer = setting.customer(&shared, &["--consent", "view,control"]);
    csr.expect("You may control it");
    wait_until("the share window", || seen.has_window("Kim: viewing, click to control"));
    seen.focus("Kim: viewing");
    seen.click(600, 400);
    wait_until("control", || seen.has_window("Kim: controlling"));
    wait_until("both displays to be equal", || seen.grab() == shared.grab());

    csr.type_line("annotate");
    csr.expect("Annotation mode");
    customer.expect("cannot use your mouse and keyboard");
    customer.expect("Lee draws over what they see");
    wait_until("the title to say so", || seen.has_window("Kim: annotating"));
    // The palette covers a part of the picture until it is hidden.
    wait_until("the palette", || seen.pixel(10, 10) != shared.pixel(10, 10));
    seen.tap_key(KEY_P);
    seen.tap_key(KEY_2);
    seen.drag((300, 400), (500, 300));
    wait_until("the stroke", || seen.pixel(400, 350) == RED);
    wait_until("the stroke on the shared desktop", || shared.pixel(400, 350) == RED);
    assert_eq!(shared.keys_down(), 0);
    wait_until("the palette to be gone", || seen.pixel(10, 10) == shared.pixel(10, 10));

    seen.tap_key(KEY_C);
    let written = csr.expect("Picture saved: ");
    let file = written.split("Picture saved: ").nth(1).expect("a name").to_owned();
    assert!(fs::metadata(file).expect("there").len() > 1_000);

    seen.tap_key(KEY_X);
    wait_until("the stroke to be gone", || seen.pixel(400, 350) != RED);
    wait_until("it to be gone there too", || shared.pixel(400, 350) != RED);
    seen.tap_key(KEY_ESCAPE);
    csr.expect("Nobody annotates any more");
    wait_until("the title to say so", || !seen.has_window("Kim: annotating"));
    seen.click(600, 400);
    customer.expect("may now use your mouse and keyboard");
    wait_until("both displays to be equal again", || seen.grab() == shared.grab());
    Program::end_both(&mut csr, &mut customer);
}
