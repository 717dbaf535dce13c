//! Lanes: bands of block rows that are coded independently, so that several threads can.
//!
//! The first lane uses the line's models and trains them. Each other lane starts with a copy of
//! them as they stood before the update, which it throws away; of the pixels above its band it
//! sees only what both sides know without the other lanes.

use std::ops::Range;

use super::block_map::{BLOCK, BlockMap, Mode};
use super::coder::Coder;
use super::graphics::{Graphics, Older, RUN};
use super::photo::{self, Photo};
use super::picture::Picture;
use super::transform::{Place, Surroundings, Transform};
use crate::colour::Colours;
use crate::kernels::{self, Vectorized};

/// Most lanes of an update.
pub(crate) const MAX_LANES: usize = 4;

/// Blocks with pixels for each lane, at least: 131,072 pixels. A lane learns from its own pixels
/// alone, which smaller lanes would pay for in bytes.
const LANE_BLOCKS: usize = 2048;

/// Rows above a band that the models look at.
const ROWS_ABOVE: usize = 2;

/// All models of pixels.
#[derive(Clone, Debug)]
pub(super) struct PixelModels {
    graphics: Graphics,
    photo: Photo,
    transform: Transform,
}

impl PixelModels {
    pub(super) fn new() -> Self {
        Self { graphics: Graphics::new(), photo: Photo::NEW, transform: Transform::NEW }
    }
}

/// One lane.
#[derive(Debug)]
pub(super) struct Lane {
    /// Its rows of blocks.
    rows: Range<usize>,
    models: Box<PixelModels>,
    /// The picture's pixels from index `offset` on: all of them for the first lane.
    band: Vec<u32>,
    offset: usize,
    spans: Vec<Span>,
    surroundings: Surroundings,
}

/// Neighbouring blocks of one mode.
#[derive(Clone, Copy, Debug)]
struct Span {
    columns: (usize, usize),
    mode: Mode,
}

/// The lanes of the update at hand.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    count: usize,
}

/// What lanes only read.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) map: &'a BlockMap,
    pub(super) previous: &'a Picture,
    pub(super) past: &'a [Picture; 2],
    pub(super) colours: &'a Colours,
}

/// A lane with the stream that it is coded in.
pub(super) struct LaneJob<'a, C> {
    lane: &'a mut Lane,
    coder: &'a mut C,
}

impl Lanes {
    pub(super) fn new() -> Self {
        Self { lanes: Vec::new(), count: 0 }
    }

    /// Forgets what the models have learnt.
    pub(super) fn reset(&mut self) {
        if let Some(first) = self.lanes.first_mut() {
            *first.models = PixelModels::new();
        }
    }

    /// Number of lanes of the update at hand.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    fn lane(&mut self, at: usize) -> &mut Lane {
        while self.lanes.len() <= at {
            self.lanes.push(Lane {
                rows: 0..0,
                models: Box::new(PixelModels::new()),
                band: Vec::new(),
                offset: 0,
                spans: Vec::new(),
                surroundings: Surroundings::default(),
            });
        }
        &mut self.lanes[at]
    }

    /// Splits the block rows of `map` into bands with about equally many blocks that have pixels.
    pub(super) fn split(&mut self, map: &BlockMap) {
        let (_, rows) = map.dimensions();
        let blocks_in = |row: usize| map.row(row).iter().filter(|mode| mode.has_pixels()).count();
        let total: usize = (0..rows).map(blocks_in).sum();
        let wanted = (total / LANE_BLOCKS).clamp(1, MAX_LANES);
        let (mut start, mut passed) = (0, 0);
        self.count = 0;
        for row in 0..rows {
            passed += blocks_in(row);
            let is_full = passed * wanted >= total * (self.count + 1);
            if self.count + 1 < wanted && row + 1 < rows && is_full {
                let at = self.count;
                self.lane(at).rows = start..row + 1;
                self.count += 1;
                start = row + 1;
            }
        }
        let at = self.count;
        self.lane(at).rows = start..rows;
        self.count += 1;
    }

    /// Takes `current` apart for the lanes; [`Self::join`] puts it together again.
    pub(super) fn take(&mut self, current: &mut Picture, sources: Sources<'_>) {
        let [first, others @ ..] = &mut self.lanes[..self.count] else { return };
        let stride = current.stride();
        for lane in others {
            (*lane.models).clone_from(&first.models);
            let top = lane.rows.start * BLOCK;
            let bottom = (lane.rows.end * BLOCK).min(usize::from(current.size().height));
            lane.offset = current.at(0, top - ROWS_ABOVE) - current.at(0, 0) % stride;
            let end = lane.offset + (bottom - top + ROWS_ABOVE) * stride;
            lane.band.clear();
            lane.band.extend_from_slice(&current.pixels()[lane.offset..end]);
            // The lane above is not coded yet where it has pixels.
            let row = lane.rows.start - 1;
            for (column, _) in
                sources.map.row(row).iter().enumerate().filter(|(_, mode)| mode.has_pixels())
            {
                let rect = sources.map.rect(column, row);
                for y in top - ROWS_ABOVE..top {
                    let at = current.at(usize::from(rect.x), y);
                    let width = usize::from(rect.width);
                    lane.band[at - lane.offset..at - lane.offset + width]
                        .copy_from_slice(&sources.previous.pixels()[at..at + width]);
                }
            }
        }
        first.offset = 0;
        std::mem::swap(&mut first.band, current.buffer());
    }

    /// The lanes with `coders`, of which there is one for each.
    pub(super) fn jobs<'a, C>(
        &'a mut self,
        coders: &'a mut [C],
    ) -> [Option<LaneJob<'a, C>>; MAX_LANES] {
        let mut jobs = self.lanes[..self.count].iter_mut().zip(coders);
        std::array::from_fn(|_| jobs.next().map(|(lane, coder)| LaneJob { lane, coder }))
    }

    /// Gives `current` back, with what the lanes wrote.
    pub(super) fn join(&mut self, current: &mut Picture) {
        let [first, others @ ..] = &mut self.lanes[..self.count] else { return };
        std::mem::swap(&mut first.band, current.buffer());
        let above = ROWS_ABOVE * current.stride();
        for lane in others {
            let start = lane.offset + above;
            let written = &lane.band[above..];
            current.pixels_mut()[start..start + written.len()].copy_from_slice(written);
        }
    }
}

impl<C: Coder> LaneJob<'_, C> {
    /// Codes the lane's pixels, and ends its stream.
    pub(super) fn run(&mut self, sources: Sources<'_>) {
        kernels::vectorize(PixelWalk { lane: self.lane, coder: self.coder, sources });
        self.coder.end();
    }
}

/// Codes the pixels of a lane's blocks: pixel row by pixel row over its full width, so that the
/// models see across blocks.
struct PixelWalk<'a, C> {
    lane: &'a mut Lane,
    coder: &'a mut C,
    sources: Sources<'a>,
}

impl<C: Coder> Vectorized for PixelWalk<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { lane, coder, sources } = self;
        let Lane { rows, models, band, offset, spans, surroundings } = lane;
        let Sources { map, previous, past, colours } = sources;
        let size = previous.size();
        let (width, height) = (usize::from(size.width), usize::from(size.height));
        let stride = previous.stride();
        let [former, stable] = past;
        let older = Older {
            colours,
            previous: &previous.pixels()[*offset..],
            past: [&former.pixels()[*offset..], &stable.pixels()[*offset..]],
        };
        surroundings.reset(map.dimensions().0);
        for row in rows.clone() {
            code_transforms(
                coder,
                &mut models.transform,
                band,
                *offset,
                surroundings,
                sources,
                row,
            );
            find_spans(map.row(row), spans);
            if spans.is_empty() {
                continue;
            }
            for y in row * BLOCK..(row * BLOCK + BLOCK).min(height) {
                if coder.is_damaged() {
                    return;
                }
                let first = previous.at(0, y) - *offset;
                for &Span { columns: (start, end), mode } in spans.iter() {
                    let range = first + start * BLOCK..first + (end * BLOCK).min(width);
                    match (mode, colours) {
                        (Mode::GRAPHICS, _) => {
                            code_graphics(coder, &mut models.graphics, band, &older, range, stride);
                        }
                        (_, Colours::HighColour) => {
                            code_photo::<C, true>(coder, &mut models.photo, band, range, stride);
                        }
                        _ => {
                            code_photo::<C, false>(coder, &mut models.photo, band, range, stride);
                        }
                    }
                }
                coder.end_row();
            }
        }
    }
}

/// Codes the transform blocks of a row of blocks, before its pixels.
#[inline(always)]
fn code_transforms<C: Coder>(
    coder: &mut C,
    transform: &mut Transform,
    band: &mut [u32],
    offset: usize,
    surroundings: &mut Surroundings,
    Sources { map, previous, .. }: Sources<'_>,
    row: usize,
) {
    let modes = map.row(row);
    if !modes.contains(&Mode::TRANSFORM) {
        surroundings.reset(modes.len());
        return;
    }
    for (column, &mode) in modes.iter().enumerate() {
        if mode != Mode::TRANSFORM || coder.is_damaged() {
            surroundings.pass(column);
            continue;
        }
        let rect = map.rect(column, row);
        let west = column.checked_sub(1).and_then(|west| modes.get(west));
        let place = Place {
            at: previous.at(usize::from(rect.x), usize::from(rect.y)) - offset,
            stride: previous.stride(),
            width: usize::from(rect.width),
            height: usize::from(rect.height),
            reach: usize::from(previous.size().width - rect.x),
            west: west.is_some_and(|west| !west.is_by_pixel()),
            north: row > 0,
        };
        transform.code(coder, band, place, surroundings, column, &map.quantizer());
    }
    coder.end_row();
}

fn find_spans(modes: &[Mode], spans: &mut Vec<Span>) {
    spans.clear();
    for (column, &mode) in modes.iter().enumerate().filter(|(_, mode)| mode.is_by_pixel()) {
        match spans.last_mut() {
            Some(span) if span.columns.1 == column && span.mode == mode => {
                span.columns.1 = column + 1;
            }
            _ => spans.push(Span { columns: (column, column + 1), mode }),
        }
    }
}

#[inline(always)]
fn code_graphics<C: Coder>(
    coder: &mut C,
    graphics: &mut Graphics,
    band: &mut [u32],
    older: &Older<'_>,
    range: Range<usize>,
    stride: usize,
) {
    let mut i = range.start;
    // After a run that was not one, pixels are coded one by one for its length.
    let mut next_run = i;
    while i < range.end {
        if i >= next_run && i + RUN <= range.end && Graphics::may_run(band, i, stride) {
            if graphics.code_run(coder, band, older.previous, i, stride) {
                if !C::ENCODES {
                    let west = band[i - 1];
                    band[i..i + RUN].fill(west);
                }
                i += RUN;
                continue;
            }
            next_run = i + RUN;
        }
        band[i] = graphics.code(coder, band, older, i, stride, band[i]);
        i += 1;
    }
}

#[inline(always)]
fn code_photo<C: Coder, const HIGH: bool>(
    coder: &mut C,
    photo: &mut Photo,
    band: &mut [u32],
    range: Range<usize>,
    stride: usize,
) {
    for start in range.clone().step_by(photo::BATCH) {
        let classes = photo::classes_above(band, start, stride);
        for (i, class) in (start..range.end).zip(classes) {
            band[i] = photo.code::<C, HIGH>(coder, band, i, stride, band[i], class);
        }
    }
}
