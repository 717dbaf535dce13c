//! From the window library's keys to X keysyms.
//!
//! Keys travel as keysyms (X11 protocol, appendix A, and `keysymdef.h` of the X.Org project): what
//! the key means on this keyboard, not where it lies, so that the two computers may have different
//! layouts. The customer's computer finds the key, or makes one, that means the same there.
//!
//! Dead keys and the Compose key act here: only the character that they make is sent, because a
//! dead key sent along would be composed a second time at the customer.

use winit::event::KeyEvent;
use winit::keyboard::{Key, KeyLocation, NamedKey, NativeKey};

/// Keysyms that one key makes at once; more than one only where a compose sequence gives several
/// characters.
pub(crate) type Keysyms = Vec<u32>;

/// Keysyms in Latin-1 have the character's own number.
const LATIN_1: [std::ops::RangeInclusive<u32>; 2] = [0x20..=0x7e, 0xa0..=0xff];

/// Keysyms for every other character are its Unicode number plus this.
const UNICODE_OFFSET: u32 = 0x0100_0000;

/// The keysyms that `event` means; none for a dead key and for keys without a keysym.
pub(crate) fn keysyms(event: &KeyEvent) -> Keysyms {
    of_key(&event.logical_key, event.location, event.text.as_deref())
}

fn of_key(key: &Key, location: KeyLocation, text: Option<&str>) -> Keysyms {
    match key {
        Key::Dead(_) => Vec::new(),
        // A space after a dead key types the accent alone.
        Key::Named(NamedKey::Space) => of_text(text.unwrap_or(" "), location),
        Key::Named(named) => of_named(*named, location).into_iter().collect(),
        Key::Character(text) => of_text(text, location),
        Key::Unidentified(NativeKey::Xkb(keysym)) if !is_dead(*keysym) => vec![*keysym],
        Key::Unidentified(_) => Vec::new(),
    }
}

/// Whether `keysym` is one of the accents that combine with the next key (`dead_grave` and on).
const fn is_dead(keysym: u32) -> bool {
    matches!(keysym, 0xfe50..=0xfe93)
}

fn of_text(text: &str, location: KeyLocation) -> Keysyms {
    let keypad = location == KeyLocation::Numpad;
    text.chars()
        .filter_map(|character| {
            keypad.then(|| of_keypad_char(character)).flatten().or_else(|| of_char(character))
        })
        .collect()
}

/// The keysym of a character; none for control characters.
pub(crate) fn of_char(character: char) -> Option<u32> {
    let number = u32::from(character);
    if LATIN_1.iter().any(|range| range.contains(&number)) {
        Some(number)
    } else if character.is_control() {
        None
    } else {
        Some(UNICODE_OFFSET + number)
    }
}

fn of_keypad_char(character: char) -> Option<u32> {
    Some(match character {
        '0'..='9' => 0xffb0 + u32::from(character) - u32::from('0'),
        '*' => 0xffaa,
        '+' => 0xffab,
        ',' => 0xffac,
        '-' => 0xffad,
        '.' => 0xffae,
        '/' => 0xffaf,
        '=' => 0xffbd,
        _ => return None,
    })
}

fn of_named(key: NamedKey, location: KeyLocation) -> Option<u32> {
    if location == KeyLocation::Numpad
        && let Some(keysym) = of_keypad_named(key)
    {
        return Some(keysym);
    }
    let right = location == KeyLocation::Right;
    if let Some(keysym) = of_modifier(key, right) {
        return Some(keysym);
    }
    NAMED.iter().find(|(named, _)| *named == key).map(|(_, keysym)| *keysym)
}

fn of_modifier(key: NamedKey, right: bool) -> Option<u32> {
    let [left_keysym, right_keysym] = match key {
        NamedKey::Shift => [0xffe1, 0xffe2],
        NamedKey::Control => [0xffe3, 0xffe4],
        NamedKey::Meta => [0xffe7, 0xffe8],
        NamedKey::Alt => [0xffe9, 0xffea],
        NamedKey::Super => [0xffeb, 0xffec],
        NamedKey::Hyper => [0xffed, 0xffee],
        _ => return None,
    };
    Some(if right { right_keysym } else { left_keysym })
}

fn of_keypad_named(key: NamedKey) -> Option<u32> {
    Some(match key {
        NamedKey::Tab => 0xff89,
        NamedKey::Enter => 0xff8d,
        NamedKey::Home => 0xff95,
        NamedKey::ArrowLeft => 0xff96,
        NamedKey::ArrowUp => 0xff97,
        NamedKey::ArrowRight => 0xff98,
        NamedKey::ArrowDown => 0xff99,
        NamedKey::PageUp => 0xff9a,
        NamedKey::PageDown => 0xff9b,
        NamedKey::End => 0xff9c,
        NamedKey::Insert => 0xff9e,
        NamedKey::Delete => 0xff9f,
        _ => return None,
    })
}

/// Keys with one keysym wherever they lie. From `keysymdef.h` and, below F35, `XF86keysym.h`.
const NAMED: &[(NamedKey, u32)] = &[
    (NamedKey::AltGraph, 0xfe03),
    (NamedKey::GroupNext, 0xfe08),
    (NamedKey::GroupPrevious, 0xfe0a),
    (NamedKey::GroupFirst, 0xfe0c),
    (NamedKey::GroupLast, 0xfe0e),
    (NamedKey::Backspace, 0xff08),
    (NamedKey::Tab, 0xff09),
    (NamedKey::Clear, 0xff0b),
    (NamedKey::Enter, 0xff0d),
    (NamedKey::Pause, 0xff13),
    (NamedKey::ScrollLock, 0xff14),
    (NamedKey::Escape, 0xff1b),
    (NamedKey::KanjiMode, 0xff21),
    (NamedKey::NonConvert, 0xff22),
    (NamedKey::Convert, 0xff23),
    (NamedKey::Romaji, 0xff24),
    (NamedKey::Hiragana, 0xff25),
    (NamedKey::HiraganaKatakana, 0xff27),
    (NamedKey::Zenkaku, 0xff28),
    (NamedKey::Hankaku, 0xff29),
    (NamedKey::ZenkakuHankaku, 0xff2a),
    (NamedKey::KanaMode, 0xff2d),
    (NamedKey::Alphanumeric, 0xff30),
    (NamedKey::CodeInput, 0xff37),
    (NamedKey::SingleCandidate, 0xff3c),
    (NamedKey::AllCandidates, 0xff3d),
    (NamedKey::PreviousCandidate, 0xff3e),
    (NamedKey::Home, 0xff50),
    (NamedKey::ArrowLeft, 0xff51),
    (NamedKey::ArrowUp, 0xff52),
    (NamedKey::ArrowRight, 0xff53),
    (NamedKey::ArrowDown, 0xff54),
    (NamedKey::PageUp, 0xff55),
    (NamedKey::PageDown, 0xff56),
    (NamedKey::End, 0xff57),
    (NamedKey::Select, 0xff60),
    (NamedKey::PrintScreen, 0xff61),
    (NamedKey::Execute, 0xff62),
    (NamedKey::Insert, 0xff63),
    (NamedKey::Undo, 0xff65),
    (NamedKey::Redo, 0xff66),
    (NamedKey::ContextMenu, 0xff67),
    (NamedKey::Find, 0xff68),
    (NamedKey::Cancel, 0xff69),
    (NamedKey::Help, 0xff6a),
    (NamedKey::ModeChange, 0xff7e),
    (NamedKey::NumLock, 0xff7f),
    (NamedKey::F1, 0xffbe),
    (NamedKey::F2, 0xffbf),
    (NamedKey::F3, 0xffc0),
    (NamedKey::F4, 0xffc1),
    (NamedKey::F5, 0xffc2),
    (NamedKey::F6, 0xffc3),
    (NamedKey::F7, 0xffc4),
    (NamedKey::F8, 0xffc5),
    (NamedKey::F9, 0xffc6),
    (NamedKey::F10, 0xffc7),
    (NamedKey::F11, 0xffc8),
    (NamedKey::F12, 0xffc9),
    (NamedKey::F13, 0xffca),
    (NamedKey::F14, 0xffcb),
    (NamedKey::F15, 0xffcc),
    (NamedKey::F16, 0xffcd),
    (NamedKey::F17, 0xffce),
    (NamedKey::F18, 0xffcf),
    (NamedKey::F19, 0xffd0),
    (NamedKey::F20, 0xffd1),
    (NamedKey::F21, 0xffd2),
    (NamedKey::F22, 0xffd3),
    (NamedKey::F23, 0xffd4),
    (NamedKey::F24, 0xffd5),
    (NamedKey::F25, 0xffd6),
    (NamedKey::F26, 0xffd7),
    (NamedKey::F27, 0xffd8),
    (NamedKey::F28, 0xffd9),
    (NamedKey::F29, 0xffda),
    (NamedKey::F30, 0xffdb),
    (NamedKey::F31, 0xffdc),
    (NamedKey::F32, 0xffdd),
    (NamedKey::F33, 0xffde),
    (NamedKey::F34, 0xffdf),
    (NamedKey::F35, 0xffe0),
    (NamedKey::CapsLock, 0xffe5),
    (NamedKey::Delete, 0xffff),
    (NamedKey::AudioVolumeDown, 0x1008_ff11),
    (NamedKey::AudioVolumeMute, 0x1008_ff12),
    (NamedKey::AudioVolumeUp, 0x1008_ff13),
    (NamedKey::MediaPlay, 0x1008_ff14),
    (NamedKey::MediaStop, 0x1008_ff15),
    (NamedKey::MediaTrackPrevious, 0x1008_ff16),
    (NamedKey::MediaTrackNext, 0x1008_ff17),
    (NamedKey::BrowserHome, 0x1008_ff18),
    (NamedKey::LaunchMail, 0x1008_ff19),
    (NamedKey::BrowserSearch, 0x1008_ff1b),
    (NamedKey::BrowserBack, 0x1008_ff26),
    (NamedKey::BrowserForward, 0x1008_ff27),
    (NamedKey::BrowserRefresh, 0x1008_ff29),
    (NamedKey::BrowserFavorites, 0x1008_ff30),
    (NamedKey::Copy, 0x1008_ff57),
    (NamedKey::Cut, 0x1008_ff58),
    (NamedKey::Open, 0x1008_ff6b),
    (NamedKey::Paste, 0x1008_ff6d),
    (NamedKey::Save, 0x1008_ff77),
    (NamedKey::ZoomIn, 0x1008_ff8b),
    (NamedKey::ZoomOut, 0x1008_ff8c),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn named(key: NamedKey, location: KeyLocation) -> Keysyms {
        of_key(&Key::Named(key), location, None)
    }

    fn character(text: &str, location: KeyLocation) -> Keysyms {
        of_key(&Key::Character(text.into()), location, Some(text))
    }

    #[test]
    fn characters_become_latin_1_or_unicode_keysyms() {
        assert_eq!(character("a", KeyLocation::Standard), [0x61]);
        assert_eq!(character("A", KeyLocation::Standard), [0x41]);
        assert_eq!(character("é", KeyLocation::Standard), [0xe9]);
        assert_eq!(character("€", KeyLocation::Standard), [0x0100_20ac]);
        assert_eq!(character("한", KeyLocation::Standard), [0x0100_d55c]);
        assert_eq!(character("\u{1b}", KeyLocation::Standard), [0u32; 0]);
    }

    #[test]
    fn left_and_right_modifiers_differ() {
        assert_eq!(named(NamedKey::Shift, KeyLocation::Left), [0xffe1]);
        assert_eq!(named(NamedKey::Shift, KeyLocation::Right), [0xffe2]);
        assert_eq!(named(NamedKey::Control, KeyLocation::Right), [0xffe4]);
        assert_eq!(named(NamedKey::Alt, KeyLocation::Left), [0xffe9]);
        assert_eq!(named(NamedKey::AltGraph, KeyLocation::Standard), [0xfe03]);
    }

    #[test]
    fn the_keypad_has_keysyms_of_its_own() {
        assert_eq!(character("7", KeyLocation::Numpad), [0xffb7]);
        assert_eq!(character("7", KeyLocation::Standard), [0x37]);
        assert_eq!(character(",", KeyLocation::Numpad), [0xffac]);
        assert_eq!(named(NamedKey::Enter, KeyLocation::Numpad), [0xff8d]);
        assert_eq!(named(NamedKey::Enter, KeyLocation::Standard), [0xff0d]);
        assert_eq!(named(NamedKey::Home, KeyLocation::Numpad), [0xff95]);
    }

    #[test]
    fn function_keys_count_up() {
        assert_eq!(named(NamedKey::F1, KeyLocation::Standard), [0xffbe]);
        assert_eq!(named(NamedKey::F12, KeyLocation::Standard), [0xffc9]);
        assert_eq!(named(NamedKey::F35, KeyLocation::Standard), [0xffe0]);
    }

    #[test]
    fn only_what_a_dead_key_makes_is_sent() {
        assert_eq!(of_key(&Key::Dead(Some('´')), KeyLocation::Standard, None), [0u32; 0]);
        let lone_dead_acute = Key::Unidentified(NativeKey::Xkb(0xfe51));
        assert_eq!(of_key(&lone_dead_acute, KeyLocation::Standard, None), [0u32; 0]);
        // dead_acute, then space: the accent by itself.
        let space = Key::Named(NamedKey::Space);
        assert_eq!(of_key(&space, KeyLocation::Standard, Some("´")), [0xb4]);
        assert_eq!(of_key(&space, KeyLocation::Standard, Some(" ")), [0x20]);
        assert_eq!(of_key(&space, KeyLocation::Standard, None), [0x20]);
    }

    #[test]
    fn keys_that_the_window_library_does_not_name_keep_their_keysym() {
        let kp_begin = Key::Unidentified(NativeKey::Xkb(0xff9d));
        assert_eq!(of_key(&kp_begin, KeyLocation::Numpad, None), [0xff9d]);
        assert_eq!(
            of_key(&Key::Unidentified(NativeKey::Unidentified), KeyLocation::Standard, None),
            [0u32; 0]
        );
    }

    #[test]
    fn the_table_names_each_key_and_each_keysym_once() {
        for (at, (key, keysym)) in NAMED.iter().enumerate() {
            for (other_key, other_keysym) in &NAMED[at + 1..] {
                assert!(key != other_key && keysym != other_keysym, "{key:?} {keysym:#x}");
            }
        }
    }
}
