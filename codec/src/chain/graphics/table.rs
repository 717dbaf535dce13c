//! A table of what followed a neighbourhood.

use crate::kernels;

/// What followed a neighbourhood: pixel (24 bits), confidence (4), tag (4).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot(u32);

/// Slots in a line of a processor's caches, or fewer.
const SLOTS_PER_LINE: usize = 16;

/// A confidence above this survives a contradiction, lowered.
const STUBBORN: u32 = 3;
const MAX_CONFIDENCE: u32 = 15;

impl Slot {
    #[inline(always)]
    pub(super) const fn pixel(self) -> u32 {
        self.0 & 0x00ff_ffff
    }

    /// The confidence of a slot whose tag is `tag`; 0 when it is another's or empty.
    #[inline(always)]
    pub(super) const fn confidence(self, tag: u32) -> usize {
        if self.0 >> 28 == tag { (self.0 >> 24 & 15) as usize } else { 0 }
    }

    #[inline(always)]
    fn adapt(&mut self, tag: u32, pixel: u32) {
        let confidence = self.0 >> 24 & 15;
        let (kept, confidence) = if self.0 >> 28 != tag {
            (pixel, 1)
        } else if self.pixel() == pixel {
            (pixel, (confidence + 1).min(MAX_CONFIDENCE))
        } else if confidence > STUBBORN {
            (self.pixel(), confidence / 4)
        } else {
            (pixel, 1)
        };
        self.0 = kept | confidence << 24 | tag << 28;
    }
}

/// The place of a neighbourhood in a table, and the tag that tells it from others of that place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    at: usize,
    pub(super) tag: u32,
}

/// A table of `1 << BITS` slots.
#[derive(Debug)]
pub(super) struct Table<const BITS: u32> {
    slots: Vec<Slot>,
}

impl<const BITS: u32> Table<BITS> {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); 1 << BITS] }
    }

    /// The place of a neighbourhood with `hash`.
    #[inline(always)]
    pub(super) const fn place(hash: u32) -> Place {
        Place { at: (hash >> (32 - BITS)) as usize, tag: hash >> 8 & 15 }
    }

    #[inline(always)]
    pub(super) fn slot(&self, place: Place) -> Slot {
        self.slots[place.at]
    }

    /// Notes that `pixel` followed.
    #[inline(always)]
    pub(super) fn adapt(&mut self, place: Place, pixel: u32) {
        self.slots[place.at].adapt(place.tag, pixel);
    }

    /// Brings the whole table near.
    pub(super) fn fetch(&self) {
        for at in (0..self.slots.len()).step_by(SLOTS_PER_LINE) {
            kernels::prefetch(&self.slots, at);
        }
    }

    /// Brings a place near that is looked up soon.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        kernels::prefetch(&self.slots, place.at);
    }
}
