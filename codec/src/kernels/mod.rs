//! Inner loops over pixels, each with a scalar reference; the choice of the instruction set is
//! made here and nowhere else.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod pixel;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "x86_64")]
mod xxh3;

pub(crate) use self::pixel::{above, bytes_of, last_at_most, median_edge, prefetch, restore};
use crate::colour::{CELLS, MAX_COLOURS};
use crate::frame::FrameView;
use crate::geometry::Rect;

/// Copies pixels and zeroes the fourth byte of each. Both slices have the same length, a multiple
/// of four.
pub(crate) fn mask_copy(from: &[u8], to: &mut [u8]) {
    scalar::mask_copy(from, to);
}

/// Reads a row of pixels as `0x00RRGGBB`. `to` has a place for each.
#[inline(always)]
pub(crate) fn load_row(from: &[u8], to: &mut [u32]) {
    scalar::load_row(from, to);
}

/// Reads a row of pixels as their high colours; as [`load_row`] otherwise.
pub(crate) fn load_high_colours(from: &[u8], to: &mut [u32]) {
    vectorize(Row(|| scalar::load_high_colours(from, to)));
}

/// Reads a row of pixels as the colours of a palette; as [`load_row`] otherwise. `by_cell` holds the
/// index of each cell's colour.
///
/// Looking up is most of the work, and gathers are slower than loads: of noise, 1920x1080 pixels
/// took 1.8 ms with them, 1.3 ms so, and 2.0 ms compiled without AVX2.
pub(crate) fn load_palette_colours(
    from: &[u8],
    to: &mut [u32],
    by_cell: &[u8; CELLS],
    colours: &[u32; MAX_COLOURS],
) {
    vectorize(Row(|| scalar::load_palette_colours(from, to, by_cell, colours)));
}

/// The sum of the squared differences of a row of pixels from `quantized` ones, over three channels.
/// The row is at most a tile's.
pub(crate) fn squared_error(row: &[u8], quantized: &[u32]) -> u32 {
    vectorize(Row(|| scalar::squared_error(row, quantized)))
}

/// Work on a row.
struct Row<F>(F);

impl<R, F: FnOnce() -> R> Vectorized for Row<F> {
    type Output = R;

    #[inline(always)]
    fn run(self) -> R {
        (self.0)()
    }
}

/// Work over pixels in plain code that is worth compiling for several instruction sets. `run` and
/// all that it calls must be `#[inline(always)]` to take part.
pub(crate) trait Vectorized {
    /// What the work returns.
    type Output;

    /// Does the work.
    fn run(self) -> Self::Output;
}

/// Does `work` as compiled for the best instruction set of the machine. There is one source for
/// all, so the outcome is the same.
pub(crate) fn vectorize<W: Vectorized>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        return vectorize_avx2(work);
    }
    work.run()
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
        && std::arch::is_x86_feature_detected!("popcnt")
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "the caller has checked the instruction set")]
fn vectorize_avx2<W: Vectorized>(work: W) -> W::Output {
    debug_assert!(has_avx2());
    // SAFETY: `vectorize`, the only caller, has found all the features that the function enables.
    unsafe { avx2::run(work) }
}

/// Channels differ by more than this between unlike pixels of a photograph and of drawn content.
const TEXTURE_DISTANCE: u8 = 12;

/// What tells drawn content from photographs in a row of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Texture {
    /// Pixels that equal the one to the left, the one above, or an older one of their place.
    pub(crate) repeated: u32,
    /// Other pixels, in which a channel differs much from both the left and the upper one.
    pub(crate) far: u32,
}

/// The texture of the first `width` pixels of a row of a block.
#[inline(always)]
pub(crate) fn texture(
    block: &[u32; 8],
    west: &[u32; 8],
    north: &[u32; 8],
    older: [&[u32; 8]; 3],
    width: usize,
) -> Texture {
    scalar::texture(block, west, north, older, width)
}

/// Zeroes the fourth byte of each pixel.
pub(crate) fn mask(pixels: &mut [u8]) {
    scalar::mask(pixels);
}

/// The XXH3 hash with 128 bits of the rows of `rect` in `frame`, fourth bytes taken as zero.
/// `scratch` holds at least a tile, which `rect` is at most.
pub(crate) fn hash_tile(frame: FrameView<'_>, rect: Rect, scratch: &mut [u8]) -> u128 {
    #[cfg(target_arch = "x86_64")]
    if let Some(hash) = Stripes::ALL.into_iter().find_map(|kernel| kernel.hash_tile(frame, rect)) {
        return hash;
    }
    scalar::hash_tile(frame, rect, scratch)
}

/// Instruction sets in which tiles are hashed stripe by stripe.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
enum Stripes {
    Avx512,
    Avx2,
}

#[cfg(target_arch = "x86_64")]
impl Stripes {
    /// The fastest first.
    const ALL: [Self; 2] = [Self::Avx512, Self::Avx2];

    /// The hash of a tile, where the machine has the instructions and the rows are whole stripes.
    #[allow(unsafe_code, reason = "the instruction set is checked here")]
    fn hash_tile(self, frame: FrameView<'_>, rect: Rect) -> Option<u128> {
        let row_bytes = usize::from(rect.width) * crate::frame::BYTES_PER_PIXEL;
        let bytes = row_bytes * usize::from(rect.height);
        if !row_bytes.is_multiple_of(xxh3::STRIPE_BYTES) || bytes < xxh3::MIN_BYTES {
            return None;
        }
        let ys = (rect.y..).take(usize::from(rect.height));
        let rows = ys.map(|y| frame.span(rect.x, y, rect.width));
        match self {
            Self::Avx512 if std::arch::is_x86_feature_detected!("avx512f") => {
                // SAFETY: the machine has AVX-512F, as was just found; the function asks for nothing else.
                Some(unsafe { avx512::hash_rows(rows, bytes) })
            }
            Self::Avx2 if std::arch::is_x86_feature_detected!("avx2") => {
                // SAFETY: the machine has AVX2, as was just found; the function asks for nothing else.
                Some(unsafe { avx2::hash_rows(rows, bytes) })
            }
            Self::Avx512 | Self::Avx2 => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;
    use crate::geometry::{Size, TILE};
    use crate::hash::TILE_BYTES;

    #[test]
    fn hashes_equal_the_scalar_reference() {
        let mut frame = Frame::black(Size::new(3 * TILE, 2 * TILE));
        let mut scratch = vec![0; TILE_BYTES];
        let seed = 0x2545_f491_4f6c_dd1d_u64;
        println!("seed {seed}");
        let mut state = seed;
        for extreme in [None, Some(0), Some(255)] {
            for byte in frame.data_mut() {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = extreme.unwrap_or((state >> 32) as u8);
            }
            for width in 1..=TILE {
                for height in [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 56, 63, 64] {
                    let rect = Rect::new(width, height, width, height);
                    let expected = scalar::hash_tile(frame.view(), rect, &mut scratch);
                    assert_eq!(hash_tile(frame.view(), rect, &mut scratch), expected, "{rect:?}");
                    #[cfg(target_arch = "x86_64")]
                    for kernel in Stripes::ALL {
                        let hash = kernel.hash_tile(frame.view(), rect).unwrap_or(expected);
                        assert_eq!(hash, expected, "{kernel:?} {rect:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn quantized_rows_equal_the_scalar_reference() {
        let seed = 0x1234_5678_9abc_def1_u64;
        println!("seed {seed}");
        let mut state = seed;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u32
        };
        let mut by_cell = vec![0; CELLS];
        by_cell.iter_mut().for_each(|index| *index = next() as u8);
        let by_cell: &[u8; CELLS] = by_cell.first_chunk().expect("as many cells");
        let colours: [u32; MAX_COLOURS] = std::array::from_fn(|_| next() & 0x00ff_ffff);
        for width in (0..70).chain([1920]) {
            // Extremes often.
            let row: Vec<u8> = (0..width)
                .flat_map(|_| match next() >> 30 {
                    0 => [0, 0, 0, 255],
                    1 => [255; 4],
                    _ => next().to_le_bytes(),
                })
                .collect();
            let mut rows = [vec![0; width], vec![0; width]];
            load_high_colours(&row, &mut rows[0]);
            scalar::load_high_colours(&row, &mut rows[1]);
            assert_eq!(rows[0], rows[1]);
            load_palette_colours(&row, &mut rows[0], by_cell, &colours);
            scalar::load_palette_colours(&row, &mut rows[1], by_cell, &colours);
            assert_eq!(rows[0], rows[1]);
            let error = squared_error(&row, &rows[0]);
            assert_eq!(error, scalar::squared_error(&row, &rows[0]));
        }
    }
}
