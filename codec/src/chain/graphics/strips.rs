//! Strips of pixels that follow below the same pixels as they did before.
//!
//! What was drawn lately is kept in the order in which it was coded. A table leads from what lies
//! above a pixel to where the same lay above the last time: the pixels that stand there may follow
//! again. Letters that were drawn before are copied so, strip by strip: long ones, and short ones
//! where no long one follows. Each have a table of their own.

use crate::kernels;

/// Pixels of a long and of a short strip.
pub(super) const STRIP: usize = 16;
pub(super) const SHORT_STRIP: usize = 8;

/// Logarithms of the pixels that are kept, and of the places of each table.
const HISTORY_BITS: u32 = 19;
const TABLE_BITS: u32 = 15;

const HISTORY: usize = 1 << HISTORY_BITS;
const CONFIDENCE_BITS: u32 = 2;
const MAX_CONFIDENCE: u32 = (1 << CONFIDENCE_BITS) - 1;
const TAG_BITS: u32 = 32 - HISTORY_BITS - CONFIDENCE_BITS;
const TAG: u32 = (1 << TAG_BITS) - 1;

/// Contexts of whether a strip follows: its confidence, and whether the pixel before it is as it
/// was.
pub(super) const CONTEXTS: usize = 2 << CONFIDENCE_BITS;

/// Where a strip begins in the history, how often it has followed since (2 bits), and a tag (11).
/// The history has nothing at index 0, so a slot of 0 is empty.
#[derive(Clone, Copy, Debug, Default)]
struct Slot(u32);

/// Pixels drawn lately, and where to find them.
#[derive(Debug)]
pub(super) struct Strips {
    long: Places,
    short: Places,
    history: Vec<u32>,
    /// Where the history goes on.
    end: usize,
}

/// Where strips of one length begin.
#[derive(Debug)]
pub(super) struct Places(Vec<Slot>);

/// A strip that may follow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<const LENGTH: usize> {
    pub(super) pixels: [u32; LENGTH],
    pub(super) context: usize,
}

impl Places {
    fn new() -> Self {
        Self(vec![Slot::default(); 1 << TABLE_BITS])
    }

    /// The place and the tag of `key`.
    #[inline(always)]
    const fn of(key: u32) -> (usize, u32) {
        ((key >> (32 - TABLE_BITS)) as usize, key & TAG)
    }

    /// Brings the places of `keys` near.
    #[inline(always)]
    fn prefetch(&self, keys: &[u32]) {
        for &key in keys {
            kernels::prefetch(&self.0, Self::of(key).0);
        }
    }

    /// Where a strip below `key` begins, and how often it has followed.
    #[inline(always)]
    fn find(&self, key: u32) -> Option<(usize, u32)> {
        let (at, tag) = Self::of(key);
        let Slot(slot) = self.0[at];
        let first = (slot >> (TAG_BITS + CONFIDENCE_BITS)) as usize;
        (slot != 0 && slot & TAG == tag).then_some((first, slot >> TAG_BITS & MAX_CONFIDENCE))
    }

    /// Notes that a strip below `key` has followed.
    #[inline(always)]
    fn confirm(&mut self, key: u32) {
        let Slot(slot) = &mut self.0[Self::of(key).0];
        let rises = *slot >> TAG_BITS & MAX_CONFIDENCE < MAX_CONFIDENCE;
        *slot += u32::from(rises) << TAG_BITS;
    }

    /// Notes that what is kept from `first` on lies below `key`.
    #[inline(always)]
    fn learn(&mut self, key: u32, first: usize) {
        let (at, tag) = Self::of(key);
        self.0[at] = Slot((first as u32) << (TAG_BITS + CONFIDENCE_BITS) | tag);
    }
}

impl Strips {
    pub(super) fn new() -> Self {
        // A strip that begins at the history's end goes on beyond it, in black.
        let history = vec![0; HISTORY + STRIP];
        Self { long: Places::new(), short: Places::new(), history, end: 1 }
    }

    /// Brings near what keys of long and of short strips lead to.
    #[inline(always)]
    pub(super) fn prefetch(&self, [long, short]: [&[u32]; 2]) {
        self.long.prefetch(long);
        self.short.prefetch(short);
    }

    /// Begins a span of `pixels` to the right of `west`.
    #[inline(always)]
    pub(super) fn begin(&mut self, west: u32, pixels: usize) {
        if self.end + 1 + pixels > HISTORY {
            self.end = 1;
        }
        self.push(west);
    }

    /// The strip that may follow `west` below `key`.
    #[inline(always)]
    pub(super) fn find<const LENGTH: usize>(
        &self,
        key: u32,
        west: u32,
    ) -> Option<Candidate<LENGTH>> {
        let places = if LENGTH == STRIP { &self.long } else { &self.short };
        let (first, confidence) = places.find(key)?;
        let &[before, ref rest @ ..] = self.history.get(first.wrapping_sub(1)..)? else {
            return None;
        };
        let context = confidence as usize + (usize::from(before == west) << CONFIDENCE_BITS);
        Some(Candidate { pixels: *rest.first_chunk()?, context })
    }

    /// Notes that a strip below `key` has followed, and keeps it.
    #[inline(always)]
    pub(super) fn confirm<const LENGTH: usize>(&mut self, key: u32, strip: &[u32; LENGTH]) {
        let places = if LENGTH == STRIP { &mut self.long } else { &mut self.short };
        places.confirm(key);
        self.extend(strip);
    }

    /// Notes that what is kept next lies below `key`.
    #[inline(always)]
    pub(super) fn learn<const LENGTH: usize>(&mut self, key: u32) {
        let places = if LENGTH == STRIP { &mut self.long } else { &mut self.short };
        places.learn(key, self.end);
    }

    /// Keeps a pixel.
    #[inline(always)]
    pub(super) fn push(&mut self, pixel: u32) {
        if let Some(place) = self.history.get_mut(self.end) {
            *place = pixel;
        }
        self.end += 1;
    }

    /// Keeps pixels.
    #[inline(always)]
    pub(super) fn extend<const N: usize>(&mut self, pixels: &[u32; N]) {
        if let Some(place) = self.history.get_mut(self.end..self.end + N) {
            place.copy_from_slice(pixels);
        }
        self.end += N;
    }
}
