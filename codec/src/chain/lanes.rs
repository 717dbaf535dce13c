//! Lanes: bands of block rows that are coded independently, so that several threads can.
//!
//! Each lane has models of its own, which it trains from update to update; of the pixels above its
//! band it sees only what both sides know without the other lanes. The encoder says where lanes
//! part.

use std::ops::Range;

use super::block_map::{BLOCK, BlockMap, MAX_LANES, Mode};
use super::coder::Coder;
use super::graphics::{Graphics, Older};
use super::photo::Photo;
use super::picture::Picture;
use super::transform::{Place, Surroundings, Transform};
use crate::colour::Colours;
use crate::kernels::{self, Vectorized};
use crate::parallel::Workers;

/// Rows above a band that the models look at.
const ROWS_ABOVE: usize = 2;

/// Blocks of drawn content from which on their tables are brought near as a whole. By measurement on
/// one machine: of so many blocks some hundreds of pixels are looked up.
const MANY_BLOCKS: usize = 128;

/// All models of pixels.
#[derive(Debug)]
struct PixelModels {
    graphics: Graphics,
    photo: Photo,
    transform: Transform,
}

impl PixelModels {
    fn new() -> Self {
        Self { graphics: Graphics::new(), photo: Photo::NEW, transform: Transform::NEW }
    }
}

/// One lane.
#[derive(Debug)]
struct Lane {
    /// Its rows of blocks.
    rows: Range<usize>,
    models: Box<PixelModels>,
    /// Of a lane other than the first: its first row of blocks below the rows that the models see
    /// above it. All other pixels are coded where they stand.
    head: Vec<u32>,
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
}

/// What lanes only read.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) map: &'a BlockMap,
    pub(super) previous: &'a Picture,
    pub(super) past: [&'a Picture; 2],
    pub(super) colours: &'a Colours,
}

/// A lane with the stream that it is coded in.
struct LaneJob<'a, C> {
    lane: &'a mut Lane,
    coder: &'a mut C,
    /// The picture's pixels from index `offset` on, up to the next lane's.
    pixels: &'a mut [u32],
    offset: usize,
}

impl Lanes {
    pub(super) const fn new() -> Self {
        Self { lanes: Vec::new() }
    }

    /// Forgets what the models have learnt.
    pub(super) fn reset(&mut self) {
        for lane in &mut self.lanes {
            *lane.models = PixelModels::new();
        }
    }

    /// Codes the pixels of `current` in the lanes of the map, each with its coder.
    pub(super) fn code<C: Coder + Send, W: Send>(
        &mut self,
        current: &mut Picture,
        coders: &mut [C],
        sources: Sources<'_>,
        workers: &Workers<W>,
    ) {
        let map = sources.map;
        let count = map.lanes();
        while self.lanes.len() < count {
            self.lanes.push(Lane::new());
        }
        let lanes = &mut self.lanes[..count];
        for (at, lane) in lanes.iter_mut().enumerate() {
            lane.rows = map.lane(at);
            if at > 0 {
                lane.take_head(current, sources);
            }
        }
        let mut offset = 0;
        let starts: [usize; MAX_LANES] = std::array::from_fn(|at| match lanes.get(at + 1) {
            Some(next) => current.row_start(next.rows.start * BLOCK),
            None => current.pixels().len(),
        });
        let mut rest = current.pixels_mut();
        let mut lanes = lanes.iter_mut().zip(coders).zip(starts);
        let mut jobs: [_; MAX_LANES] = std::array::from_fn(|_| {
            let ((lane, coder), end) = lanes.next()?;
            let (pixels, after) = std::mem::take(&mut rest).split_at_mut(end - offset);
            rest = after;
            let job = LaneJob { lane, coder, pixels, offset };
            offset = end;
            Some(job)
        });
        workers.run(&mut jobs[..count], 1, |job, _| {
            if let Some(LaneJob { lane, coder, pixels, offset }) = job {
                let offset = *offset;
                kernels::vectorize(PixelWalk { lane, coder: *coder, pixels, offset, sources });
                coder.end();
            }
        });
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            rows: 0..0,
            models: Box::new(PixelModels::new()),
            head: Vec::new(),
            spans: Vec::new(),
            surroundings: Surroundings::default(),
        }
    }

    /// Copies the first row of blocks and the rows above it out of `current`.
    fn take_head(&mut self, current: &Picture, Sources { map, previous, .. }: Sources<'_>) {
        let row = self.rows.start;
        let top = row * BLOCK;
        let bottom = (top + BLOCK).min(usize::from(current.size().height));
        let start = current.row_start(top - ROWS_ABOVE);
        self.head.clear();
        self.head.extend_from_slice(&current.pixels()[start..current.row_start(bottom)]);
        // The lane above is not coded yet where it has pixels.
        let above = map.row(row - 1).iter().enumerate();
        for (column, _) in above.filter(|(_, mode)| mode.has_pixels()) {
            let rect = map.rect(column, row - 1);
            for y in top - ROWS_ABOVE..top {
                let at = current.at(usize::from(rect.x), y);
                let width = usize::from(rect.width);
                self.head[at - start..at - start + width]
                    .copy_from_slice(&previous.pixels()[at..at + width]);
            }
        }
    }
}

/// Codes the pixels of a lane's blocks: pixel row by pixel row over its full width, so that the
/// models see across blocks.
struct PixelWalk<'a, C> {
    lane: &'a mut Lane,
    coder: &'a mut C,
    pixels: &'a mut [u32],
    offset: usize,
    sources: Sources<'a>,
}

impl<C: Coder> Vectorized for PixelWalk<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { lane, coder, pixels, offset, sources } = self;
        let Lane { rows, models, head, spans, surroundings } = lane;
        let modes = rows.clone().flat_map(|row| sources.map.row(row));
        if modes.filter(|mode| **mode == Mode::GRAPHICS).count() >= MANY_BLOCKS {
            models.graphics.prepare::<C>();
        }
        let above = ROWS_ABOVE * sources.previous.stride();
        surroundings.reset(sources.map.dimensions().0);
        for row in rows.clone() {
            let mut walk = RowWalk { coder, models, spans, surroundings, sources };
            if row > 0 && row == rows.start {
                walk.run(row, head, offset - above);
                pixels[..head.len() - above].copy_from_slice(&head[above..]);
            } else {
                walk.run(row, pixels, offset);
            }
        }
    }
}

/// Codes the pixels of one row of blocks.
struct RowWalk<'a, C> {
    coder: &'a mut C,
    models: &'a mut PixelModels,
    spans: &'a mut Vec<Span>,
    surroundings: &'a mut Surroundings,
    sources: Sources<'a>,
}

impl<C: Coder> RowWalk<'_, C> {
    /// Codes row `row` in `band`, which holds the picture's pixels from index `offset` on.
    #[inline(always)]
    fn run(&mut self, row: usize, band: &mut [u32], offset: usize) {
        let Self { coder, models, spans, surroundings, sources } = self;
        let coder = &mut **coder;
        let Sources { map, previous, past: [former, stable], colours } = *sources;
        code_transforms(coder, &mut models.transform, band, offset, surroundings, *sources, row);
        find_spans(map.row(row), spans);
        if spans.is_empty() {
            return;
        }
        let older = Older {
            colours,
            previous: &previous.pixels()[offset..],
            past: [&former.pixels()[offset..], &stable.pixels()[offset..]],
        };
        let size = previous.size();
        let (width, height) = (usize::from(size.width), usize::from(size.height));
        let stride = previous.stride();
        for y in row * BLOCK..(row * BLOCK + BLOCK).min(height) {
            if coder.is_damaged() {
                return;
            }
            let first = previous.at(0, y) - offset;
            // The next row's pixels and what is older come from far away.
            let pictures = [&*band, older.previous, older.past[0], older.past[1]];
            for &Span { columns: (start, end), mode } in spans.iter() {
                let asked = if mode == Mode::GRAPHICS { &pictures[..] } else { &pictures[..1] };
                for column in (start..end).step_by(2) {
                    let below = first + stride + column * BLOCK;
                    asked.iter().for_each(|pixels| kernels::prefetch(pixels, below));
                }
            }
            for &Span { columns: (start, end), mode } in spans.iter() {
                let range = first + start * BLOCK..first + (end * BLOCK).min(width);
                match (mode, colours) {
                    (Mode::GRAPHICS, _) => {
                        models.graphics.code_span(coder, band, &older, range, stride);
                    }
                    (_, Colours::HighColour) => {
                        models.photo.code::<C, true>(coder, band, range, stride);
                    }
                    _ => {
                        models.photo.code::<C, false>(coder, band, range, stride);
                    }
                }
            }
            coder.end_row();
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
