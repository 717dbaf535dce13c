//! A palette and what follows from it: the colour of each cell, and which colours lie near which.
//!
//! All of it is a function of the colours alone, the same for encoder and decoder; section 11 of
//! `docs/bitstream.md` defines it.

use std::sync::Arc;

use super::{CELLS, cell, colour_of_cell};
use crate::kernels::{self, Vectorized};

/// Most colours of a palette.
pub(crate) const MAX_COLOURS: usize = 256;

/// At most 256 colours, no two in one cell, in the order of their cells. Cheap to clone.
#[derive(Clone)]
pub struct Palette(Arc<Tables>);

struct Tables {
    count: usize,
    /// The colours, black behind them.
    padded: [u32; MAX_COLOURS],
    /// For each cell the index of its colour: the nearest to its middle, unless one lies in it.
    by_cell: Box<[u8; CELLS]>,
    /// For each colour all others, the nearest first; itself is the first.
    by_rank: Vec<u8>,
    /// For each colour the place of each other in that order.
    rank: Vec<u8>,
}

/// Why colours are no palette.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaletteError {
    /// There are none, or more than [`MAX_COLOURS`].
    Count,
    /// They do not stand in the order of their cells, or two share one.
    Order,
}

impl Palette {
    /// The palette of `colours`, `0x00RRGGBB` each.
    pub(crate) fn new(colours: &[u32]) -> Result<Self, PaletteError> {
        if colours.is_empty() || colours.len() > MAX_COLOURS {
            return Err(PaletteError::Count);
        }
        if colours.windows(2).any(|pair| cell(pair[0]) >= cell(pair[1])) {
            return Err(PaletteError::Order);
        }
        let channels = Channels::of(colours);
        let mut by_cell = indices();
        kernels::vectorize(MapCells { channels: &channels, by_cell: &mut by_cell });
        // A colour stands for itself, even where another is nearer to the middle of its cell.
        for (at, &colour) in colours.iter().enumerate() {
            by_cell[cell(colour)] = at as u8;
        }
        let count = colours.len();
        let mut by_rank = vec![0; count * MAX_COLOURS];
        let mut rank = vec![0; count * MAX_COLOURS];
        let mut keys = vec![0; count];
        for (at, &colour) in colours.iter().enumerate() {
            kernels::vectorize(Measure { channels: &channels, from: colour, into: &mut keys });
            keys.sort_unstable();
            for (place, key) in keys.iter().enumerate() {
                by_rank[at * MAX_COLOURS + place] = *key as u8;
                rank[at * MAX_COLOURS + (*key & 255) as usize] = place as u8;
            }
        }
        let mut padded = [0; MAX_COLOURS];
        padded[..count].copy_from_slice(colours);
        Ok(Self(Arc::new(Tables { count, padded, by_cell, by_rank, rank })))
    }

    /// The colours, `0x00RRGGBB` each, in the order of their cells.
    #[must_use]
    pub fn colours(&self) -> &[u32] {
        &self.0.padded[..self.0.count]
    }

    /// The colours, black behind them.
    #[inline(always)]
    pub(crate) fn padded(&self) -> &[u32; MAX_COLOURS] {
        &self.0.padded
    }

    /// For each cell the index of its colour.
    #[inline(always)]
    pub(crate) fn by_cell(&self) -> &[u8; CELLS] {
        &self.0.by_cell
    }

    /// The index of the colour that stands for `pixel`.
    #[inline(always)]
    pub(crate) fn index(&self, pixel: u32) -> usize {
        usize::from(self.0.by_cell[cell(pixel)])
    }

    /// The colour that stands for `pixel`.
    #[inline(always)]
    pub(crate) fn nearest(&self, pixel: u32) -> u32 {
        self.0.padded[self.index(pixel)]
    }

    /// How many colours are nearer to colour `from` than `to` is. Both are indices.
    #[inline(always)]
    pub(crate) fn rank(&self, from: usize, to: usize) -> usize {
        usize::from(self.0.rank[from * MAX_COLOURS + to])
    }

    /// The colour with `rank` colours nearer to colour `from`; 0 above the number of colours.
    #[inline(always)]
    pub(crate) fn at_rank(&self, from: usize, rank: usize) -> u32 {
        self.0.padded[usize::from(self.0.by_rank[from * MAX_COLOURS + rank])]
    }
}

impl PartialEq for Palette {
    fn eq(&self, other: &Self) -> bool {
        self.colours() == other.colours()
    }
}

impl Eq for Palette {}

impl std::fmt::Debug for Palette {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Palette").field("colours", &self.colours().len()).finish_non_exhaustive()
    }
}

fn indices() -> Box<[u8; CELLS]> {
    let Ok(array) = vec![0; CELLS].into_boxed_slice().try_into() else {
        unreachable!("the length is that of the array")
    };
    array
}

/// Colours by channel, for vector instructions; copies of the first colour fill it up.
pub(super) struct Channels {
    blue: [i32; MAX_COLOURS],
    green: [i32; MAX_COLOURS],
    red: [i32; MAX_COLOURS],
}

impl Channels {
    /// The channels of `colours`, of which there are 1 to [`MAX_COLOURS`].
    pub(super) fn of(colours: &[u32]) -> Self {
        let channel = |shift: u32| {
            std::array::from_fn(|at| {
                let colour = colours.get(at).or(colours.first()).copied().unwrap_or(0);
                (colour >> shift & 255) as i32
            })
        };
        Self { blue: channel(0), green: channel(8), red: channel(16) }
    }

    /// The squared distance of colour `at` from `[blue, green, red]`, times 256, plus `at`.
    #[inline(always)]
    fn key(&self, at: usize, [blue, green, red]: [i32; 3]) -> u32 {
        let (b, g, r) = (self.blue[at] - blue, self.green[at] - green, self.red[at] - red);
        (((b * b + g * g + r * r) << 8) + at as i32) as u32
    }

    /// The index of the colour nearest to `colour`; of equally near ones the first.
    #[inline(always)]
    pub(super) fn nearest(&self, colour: u32) -> u8 {
        let channels = [colour & 255, colour >> 8 & 255, colour >> 16 & 255].map(|c| c as i32);
        (0..MAX_COLOURS).fold(u32::MAX, |least, at| least.min(self.key(at, channels))) as u8
    }
}

struct MapCells<'a> {
    channels: &'a Channels,
    by_cell: &'a mut [u8; CELLS],
}

impl Vectorized for MapCells<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (cell, index) in self.by_cell.iter_mut().enumerate() {
            *index = self.channels.nearest(colour_of_cell(cell));
        }
    }
}

struct Measure<'a> {
    channels: &'a Channels,
    from: u32,
    into: &'a mut [u32],
}

impl Vectorized for Measure<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let from = [self.from & 255, self.from >> 8 & 255, self.from >> 16 & 255].map(|c| c as i32);
        for (at, key) in self.into.iter_mut().enumerate() {
            *key = self.channels.key(at, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_colour_stands_for_itself_and_ranks_are_inverse() {
        let colours: Vec<u32> = (0..256).map(|at| colour_of_cell(at * 251 + 3)).collect();
        let palette = Palette::new(&colours).expect("a palette");
        for (at, &colour) in colours.iter().enumerate() {
            assert_eq!(palette.index(colour), at);
            assert_eq!(palette.padded()[usize::from(palette.by_cell()[cell(colour)])], colour);
            assert_eq!(palette.rank(at, at), 0);
            for (to, &other) in colours.iter().enumerate() {
                assert_eq!(palette.at_rank(at, palette.rank(at, to)), other);
            }
        }
    }

    #[test]
    fn other_lists_are_refused() {
        assert_eq!(Palette::new(&[]), Err(PaletteError::Count));
        assert_eq!(Palette::new(&[0; 257]), Err(PaletteError::Count));
        assert_eq!(Palette::new(&[9, 9]), Err(PaletteError::Order));
        assert_eq!(Palette::new(&[1, 2]), Err(PaletteError::Order), "one cell");
        assert_eq!(Palette::new(&[0x20_0000, 0x10_0000]), Err(PaletteError::Order));
    }
}
