//! What lies above the pixels of a row, for many of them at once: all that does not need the pixel to
//! the left, which a decoder knows only when it has decoded it.

use super::Older;
use super::strips::STRIP;

/// Pixels looked at together.
pub(super) const BATCH: usize = 32;

/// The same, with those beyond that a strip from the last of them lies below.
const ALL: usize = BATCH + STRIP;

/// Pixels whose sums are made at a time.
const STEP: usize = 8;

/// Flag of a pixel: those of the row above that its hashes take in are equal.
pub(super) const FLAT: u32 = 1 << 0;
/// The second pixel above equals the one above.
pub(super) const NORTH: u32 = 1 << 1;
/// The second to the left in the row above equals the one above.
pub(super) const WEST: u32 = 1 << 2;
/// Shift of three flags: in the previous, the former and the stable picture the place above is equal.
pub(super) const OLDER: u32 = 3;

/// Pixels from the first of a strip to those whose sums make its key, with the factors of these.
const KEY: [(usize, u32); 6] = [
    (0, 1),
    (3, 0x9e37_79b1),
    (6, 0x85eb_ca77),
    (9, 0xc2b2_ae3d),
    (12, 0x27d4_eb2f),
    (14, 0x1656_67b1),
];

/// The same for a short strip.
const SHORT_KEY: [(usize, u32); 4] = [(0, 1), (2, 0x9e37_79b1), (4, 0x85eb_ca77), (6, 0xc2b2_ae3d)];

/// What lies above [`BATCH`] pixels.
pub(super) struct Above {
    /// Index of the first pixel.
    first: usize,
    /// Sums of the three nearest pixels in the row above, and of the five around them.
    near: [u32; ALL],
    far: [u32; ALL],
    flags: [u32; ALL],
    keys: [u32; BATCH],
    short_keys: [u32; BATCH],
}

impl Above {
    /// Covers no pixel of a picture.
    pub(super) const NOTHING: Self = Self {
        first: usize::MAX - BATCH,
        near: [0; ALL],
        far: [0; ALL],
        flags: [0; ALL],
        keys: [0; BATCH],
        short_keys: [0; BATCH],
    };

    /// Whether the pixel at index `i` is one of those looked at.
    #[inline(always)]
    pub(super) const fn covers(&self, i: usize) -> bool {
        i.wrapping_sub(self.first) < BATCH
    }

    #[inline(always)]
    const fn at(&self, i: usize) -> usize {
        i.wrapping_sub(self.first) % BATCH
    }

    /// The flags of the pixel at index `i`.
    #[inline(always)]
    pub(super) const fn flags(&self, i: usize) -> u32 {
        self.flags[self.at(i)]
    }

    /// The hashes of what lies above a long and a short strip from index `i` on; 0 where that is plain.
    #[inline(always)]
    pub(super) const fn keys(&self, i: usize) -> [u32; 2] {
        [self.keys[self.at(i)], self.short_keys[self.at(i)]]
    }

    /// The keys of the first pixels, at most so many.
    #[inline(always)]
    pub(super) fn first_keys(&self, count: usize) -> [&[u32]; 2] {
        let count = count.min(BATCH);
        [&self.keys[..count], &self.short_keys[..count]]
    }

    /// The hashes of four and of ten neighbours of the pixel at index `i`, of which two lie to its
    /// left.
    #[inline(always)]
    pub(super) const fn hashes(&self, i: usize, west: u32, far_west: u32) -> [u32; 2] {
        let at = self.at(i);
        hashes(self.near[at], self.far[at], west, far_west)
    }

    /// The same of all pixels, when those to their left are known.
    #[inline(always)]
    pub(super) fn all_hashes(&self, pixels: &[u32]) -> [[u32; BATCH]; 2] {
        let mut spare = [0; BATCH + 2];
        let row = row_at(pixels, self.first.wrapping_sub(2), &mut spare);
        let mut all = [[0; BATCH]; 2];
        for x in 0..BATCH {
            [all[0][x], all[1][x]] = hashes(self.near[x], self.far[x], row[x + 1], row[x]);
        }
        all
    }

    /// Looks above the pixels from index `i` on, of which `count` are asked for at most.
    #[inline(always)]
    pub(super) fn look(
        &mut self,
        pixels: &[u32],
        older: &Older<'_>,
        i: usize,
        stride: usize,
        count: usize,
    ) {
        self.first = i;
        let (mut spare, mut spare2) = ([0; ALL + 4], [0; ALL + 2]);
        let row = row_at(pixels, i - stride - 2, &mut spare);
        let row2 = row_at(pixels, i - 2 * stride - 1, &mut spare2);
        let mut spares = [[0; ALL]; 3];
        let [first, second, third] = &mut spares;
        let previous = row_at(older.previous, i - stride, first);
        let former = row_at(older.past[0], i - stride, second);
        let stable = row_at(older.past[1], i - stride, third);
        let needed = count.min(BATCH) + STRIP;
        for start in (0..ALL).step_by(STEP).take_while(|start| *start < needed) {
            for x in start..start + STEP {
                let [nww, nw, n] = [row[x], row[x + 1], row[x + 2]];
                let [ne, nee] = [row[x + 3], row[x + 4]];
                let [nnw, nn, nne] = [row2[x], row2[x + 1], row2[x + 2]];
                self.near[x] = times(n, 0x9e37_79b1)
                    .wrapping_add(times(nw, 0x85eb_ca77))
                    .wrapping_add(times(ne, 0xc2b2_ae3d));
                self.far[x] = times(nee, 0x27d4_eb2f)
                    .wrapping_add(times(nn, 0x1656_67b1))
                    .wrapping_add(times(nne, 0xd3a2_646d))
                    .wrapping_add(times(nww, 0xfd70_46c5))
                    .wrapping_add(times(nnw, 0xb55a_4f09));
                self.flags[x] = flag((n ^ nw) | (n ^ ne) | (n ^ nee) == 0, FLAT)
                    | flag(nn == n, NORTH)
                    | flag(nww == n, WEST)
                    | flag(previous[x] == n, 1 << OLDER)
                    | flag(former[x] == n, 2 << OLDER)
                    | flag(stable[x] == n, 4 << OLDER);
            }
        }
        for start in (0..BATCH).step_by(STEP).take_while(|start| *start < count) {
            for x in start..start + STEP {
                self.keys[x] = self.key_at(x, KEY);
                self.short_keys[x] = self.key_at(x, SHORT_KEY);
            }
        }
    }

    #[inline(always)]
    fn key_at<const PARTS: usize>(&self, x: usize, parts: [(usize, u32); PARTS]) -> u32 {
        let mut sum = 0_u32;
        let mut flags = FLAT;
        for (ahead, factor) in parts {
            let part = self.near[x + ahead].rotate_left(11).wrapping_add(self.far[x + ahead]);
            sum = sum.wrapping_add(times(part, factor));
            flags &= self.flags[x + ahead];
        }
        let key = (sum ^ sum >> 15).wrapping_mul(0x2c1b_3c6d);
        if flags & FLAT == 0 { key } else { 0 }
    }
}

#[inline(always)]
const fn flag(is_set: bool, flag: u32) -> u32 {
    if is_set { flag } else { 0 }
}

#[inline(always)]
const fn times(pixel: u32, factor: u32) -> u32 {
    pixel.wrapping_mul(factor)
}

/// The hashes of four and of ten neighbours, by the sums above.
#[inline(always)]
const fn hashes(near: u32, far: u32, west: u32, far_west: u32) -> [u32; 2] {
    let near = near.wrapping_add(times(west, 0x2c1b_3c6d));
    let narrow = (near ^ near >> 15).wrapping_mul(0x297a_2d39);
    let wide = near.rotate_left(11).wrapping_add(far).wrapping_add(times(far_west, 0xa54f_f53b));
    let wide = (wide ^ wide >> 15).wrapping_mul(0x846c_a68b);
    [narrow, wide]
}

/// `N` pixels of a picture from index `first` on. Where the picture ends `spare` takes their place:
/// those beyond are black, and nobody asks for them.
#[inline(always)]
fn row_at<'a, const N: usize>(
    pixels: &'a [u32],
    first: usize,
    spare: &'a mut [u32; N],
) -> &'a [u32; N] {
    let rest = pixels.get(first..).unwrap_or_default();
    match rest.first_chunk() {
        Some(row) => row,
        None => {
            spare.iter_mut().zip(rest).for_each(|(into, pixel)| *into = *pixel);
            spare
        }
    }
}
