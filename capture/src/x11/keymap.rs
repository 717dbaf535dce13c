//! Which keys, with which modifiers, give a keysym: the server's keyboard layout as XKB tells it.
//!
//! A pure table with lookups. Pressing the keys is [`super::input`]'s.
//! Terms and rules are those of the X Keyboard Extension protocol, sections 6, 7 and 12.

use x11rb::protocol::xkb::{GetMapReply, KeySymMap, KeyType};

/// A keysym of the X protocol, normalised by [`Keysym::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keysym(pub(super) u32);

const UNICODE_BASE: u32 = 0x0100_0000;
const EURO: u32 = 0x20ac;
/// Keysyms have 29 bits.
const MAX_KEYSYM: u32 = 0x1fff_ffff;

impl Keysym {
    /// `None` for values that no key can carry. Unicode keysyms of characters that have a keysym
    /// from before Unicode in most layouts become that one: Latin-1 and the euro sign.
    pub(super) fn new(value: u32) -> Option<Self> {
        match value {
            0 => None,
            MAX_KEYSYM.. => None,
            _ => Some(Self(match value.wrapping_sub(UNICODE_BASE) {
                code @ (0x20..=0x7e | 0xa0..=0xff | EURO) => code,
                _ => value,
            })),
        }
    }

    /// Whether the key names a function (Return, F1, Shift) and not a character: then held
    /// modifiers are part of what the user means.
    pub(super) const fn is_function(self) -> bool {
        matches!(self.0, 0xfd00..=0xffff | 0x1008_0000..=0x1008_ffff)
    }

    /// Whether the key is a modifier itself.
    pub(super) const fn is_modifier(self) -> bool {
        matches!(self.0, 0xffe1..=0xffee | 0xfe01..=0xfe13 | 0xff7e | 0xff7f)
    }
}

/// A way to give a keysym.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) keycode: u8,
    /// The group that must be in effect, unless the key has one group only.
    pub(super) group: u8,
    /// Modifiers that the key looks at.
    pub(super) looked_at: u8,
    /// Those of them that must be set; the others must not be.
    pub(super) set: u8,
}

#[derive(Clone, Debug, Default)]
struct Key {
    keycode: u8,
    group_info: u8,
    types: [u8; 4],
    width: u8,
    syms: Vec<u32>,
    /// Real modifiers that the key sets.
    modifiers: u8,
}

impl Key {
    const fn groups(&self) -> u8 {
        self.group_info & 0x0f
    }

    fn is_unused(&self) -> bool {
        self.syms.iter().all(|&sym| sym == 0)
    }
}

/// The layout.
#[derive(Clone, Debug, Default)]
pub(super) struct Keymap {
    types: Vec<KeyType>,
    keys: Vec<Key>,
}

impl Keymap {
    /// The layout in a reply that holds types, symbols and the modifier map.
    pub(super) fn new(reply: GetMapReply) -> Self {
        let syms = reply.map.syms_rtrn.unwrap_or_default();
        let mut keys: Vec<Key> = (reply.first_key_sym..=u8::MAX)
            .zip(syms)
            .map(|(keycode, KeySymMap { kt_index, group_info, width, syms })| Key {
                keycode,
                group_info,
                types: kt_index,
                width,
                syms,
                modifiers: 0,
            })
            .collect();
        for entry in reply.map.modmap_rtrn.unwrap_or_default() {
            if let Some(key) = keys.iter_mut().find(|key| key.keycode == entry.keycode) {
                key.modifiers = u16::from(entry.mods) as u8;
            }
        }
        Self { types: reply.map.types_rtrn.unwrap_or_default(), keys }
    }

    /// Every way to give `keysym`.
    pub(super) fn strokes(&self, keysym: Keysym) -> impl Iterator<Item = Stroke> + '_ {
        self.keys.iter().flat_map(move |key| {
            let width = usize::from(key.width).max(1);
            let places = key.syms.iter().enumerate().filter(move |(_, sym)| **sym == keysym.0);
            places.flat_map(move |(at, _)| {
                self.strokes_at(key, (at / width) as u8, (at % width) as u8)
            })
        })
    }

    fn strokes_at(&self, key: &Key, group: u8, level: u8) -> impl Iterator<Item = Stroke> + '_ {
        let kind = (group < key.groups())
            .then(|| key.types.get(usize::from(group)))
            .flatten()
            .and_then(|&kind| self.types.get(usize::from(kind)));
        let keycode = key.keycode;
        kind.into_iter().flat_map(move |kind| {
            let looked_at = u16::from(kind.mods_mask) as u8;
            let base = (level == 0).then_some(0);
            let mapped = kind
                .map
                .iter()
                .filter(move |entry| entry.active && entry.level == level)
                .map(|entry| u16::from(entry.mods_mask) as u8);
            base.into_iter().chain(mapped).map(move |set| Stroke { keycode, group, looked_at, set })
        })
    }

    /// The group that `keycode` uses while `group` is in effect.
    pub(super) fn group_of(&self, keycode: u8, group: u8) -> u8 {
        let Some(key) = self.key(keycode) else { return group };
        let groups = key.groups();
        if group < groups || groups == 0 {
            return group;
        }
        match key.group_info >> 6 {
            1 => groups - 1,
            2 => Some(key.group_info >> 4 & 3).filter(|&redirect| redirect < groups).unwrap_or(0),
            _ => group % groups,
        }
    }

    /// Real modifiers that `keycode` sets while it is down.
    pub(super) fn modifiers(&self, keycode: u8) -> u8 {
        self.key(keycode).map_or(0, |key| key.modifiers)
    }

    /// Keys that give nothing at all, the highest codes first: real keyboards seldom have those.
    pub(super) fn unused(&self) -> impl Iterator<Item = u8> + '_ {
        self.keys.iter().rev().filter(|key| key.is_unused()).map(|key| key.keycode)
    }

    fn key(&self, keycode: u8) -> Option<&Key> {
        self.keys.iter().find(|key| key.keycode == keycode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_keysyms_of_latin_1_become_the_older_ones() {
        assert_eq!(Keysym::new(0x0100_00c4), Some(Keysym(0xc4)));
        assert_eq!(Keysym::new(0x0100_20ac), Some(Keysym(0x20ac)));
        assert_eq!(Keysym::new(0x0100_0416), Some(Keysym(0x0100_0416)));
        assert_eq!(Keysym::new(0x61), Some(Keysym(0x61)));
        assert_eq!(Keysym::new(0), None);
        assert_eq!(Keysym::new(u32::MAX), None);
    }

    #[test]
    fn a_group_beyond_the_keys_own_wraps_clamps_or_redirects() {
        let key = |keycode, group_info| Key { keycode, group_info, ..Key::default() };
        let keymap = Keymap {
            types: Vec::new(),
            keys: vec![key(10, 2), key(11, 0x42), key(12, 0x82 | 0x10)],
        };
        assert_eq!([10, 11, 12].map(|keycode| keymap.group_of(keycode, 2)), [0, 1, 1]);
        assert_eq!([10, 11, 12].map(|keycode| keymap.group_of(keycode, 1)), [1, 1, 1]);
    }
}
