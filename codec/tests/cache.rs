//! Content that left the screen returns from the cache, wherever it returns.

mod desk;

use desk::Desk;
use tessera_codec::{EncoderConfig, Frame, Policy, Rect, Report, Size};

const SIZE: Size = Size::new(640, 512);

fn desk() -> Desk {
    Desk::new(SIZE, EncoderConfig { policy: Policy::Exact, ..EncoderConfig::default() })
}

/// Shows `screen` and checks that it arrives.
fn show(desk: &mut Desk, screen: u64) -> Report {
    desk.draw_photo(screen);
    let report = desk.send();
    desk.assert_equal();
    report
}

#[test]
fn the_screen_before_the_last_two_returns() {
    let mut desk = desk();
    let first = show(&mut desk, 1);
    for screen in 2..4 {
        show(&mut desk, screen);
    }
    // Older contents of each place reach no further back than one change.
    let again = show(&mut desk, 1);
    assert_eq!(again.photo_blocks, 0);
    assert!(again.bytes * 100 < first.bytes, "{} of {} bytes", again.bytes, first.bytes);
}

#[test]
fn a_screen_that_returns_but_for_one_tile_is_copied_but_for_that() {
    let mut desk = desk();
    let tiles = u32::from(SIZE.width / 64) * u32::from(SIZE.height / 64);
    for screen in [1, 2, 3, 1, 2] {
        show(&mut desk, screen);
    }
    desk.draw_photo(3);
    desk.draw_photo_in(64, 128, 64, 64, 9);
    let report = desk.send();
    desk.assert_equal();
    assert_eq!((report.photo_blocks, report.moved_blocks), (64, (tiles - 1) * 64));
    // Most of it is new, and the rest stands where it did.
    desk.draw_photo(4);
    desk.draw_photo_in(0, 0, SIZE.width, 320, 1);
    desk.send();
    desk.assert_equal();
}

#[test]
fn what_left_the_screen_beside_a_returning_one_is_found_where_it_moved() {
    let mut desk = desk();
    for screen in [1, 2, 3, 1] {
        show(&mut desk, screen);
    }
    // The second screen was replaced by one that returned as a whole; now it comes back displaced.
    let mut moved = desk.frame.clone();
    desk.draw_photo(2);
    for y in 0..SIZE.height - 11 {
        moved.span_mut(0, y, SIZE.width).copy_from_slice(desk.frame.view().span(
            0,
            y + 11,
            SIZE.width,
        ));
    }
    desk.frame = moved;
    desk.damage.fill();
    let report = desk.send();
    desk.assert_equal();
    assert!(report.photo_blocks * 8 < report.chain_blocks, "{report:?}");
}

#[test]
fn a_full_cache_forgets_what_was_used_least() {
    let mut desk = desk();
    // The cache holds four such screens. The first is used now and then, the others are not.
    for screen in 2..12 {
        show(&mut desk, 1);
        show(&mut desk, screen);
    }
    show(&mut desk, 12);
    assert_eq!(show(&mut desk, 1).photo_blocks, 0);
    assert!(show(&mut desk, 2).photo_blocks > 0, "ten screens old, and held still");
}

#[test]
fn what_scrolled_away_returns_between_tiles() {
    let mut desk = desk();
    let mut page = Desk::new(Size::new(SIZE.width, 3 * SIZE.height), EncoderConfig::default());
    page.draw_photo(5);
    let scroll = |desk: &mut Desk, y: u16| {
        copy_rows(&page.frame, y, &mut desk.frame);
        desk.damage.fill();
        let report = desk.send();
        desk.assert_equal();
        report
    };
    let last = 2 * SIZE.height;
    let down: u32 = (0..=last).step_by(37).map(|y| scroll(&mut desk, y).photo_blocks).sum();
    let up: u32 = (1..=last).rev().step_by(53).map(|y| scroll(&mut desk, y).photo_blocks).sum();
    assert!(up * 4 < down, "{up} blocks on the way back, {down} before");
}

fn copy_rows(page: &Frame, first: u16, into: &mut Frame) {
    for y in 0..SIZE.height {
        into.span_mut(0, y, SIZE.width).copy_from_slice(page.view().span(0, first + y, SIZE.width));
    }
}

#[test]
fn what_a_reset_forgot_is_coded_again() {
    let mut desk = desk();
    for screen in 1..4 {
        show(&mut desk, screen);
    }
    desk.encoder.reset_line();
    desk.draw_photo_in(0, 0, 64, 64, 9);
    desk.send();
    assert!(show(&mut desk, 1).photo_blocks > 0, "the cache outlived the line");
    // The cache begins anew, and works.
    show(&mut desk, 5);
    show(&mut desk, 6);
    assert_eq!(show(&mut desk, 1).photo_blocks, 0);
}

#[test]
fn an_odd_canvas_keeps_its_edges() {
    for (width, height) in [(1, 1), (63, 65), (200, 9), (65, 300)] {
        let config = EncoderConfig { policy: Policy::Exact, ..EncoderConfig::default() };
        let mut desk = Desk::new(Size::new(width, height), config);
        for screen in [1, 2, 3, 1, 4, 2, 5, 6, 7, 3, 1] {
            show(&mut desk, screen);
            desk.damage.add(Rect::new(0, 0, width, height));
        }
    }
}
