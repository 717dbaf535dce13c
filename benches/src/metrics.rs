//! What a codec did to a clip: bytes, time, exact pixels and error, frame by frame.

use std::time::Duration;

use tessera_codec::{Frame, FrameView, Rect, TileGrid, TileIndex};

/// What coding one frame cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Every byte that a viewer needs, headers included.
    pub(crate) bytes: usize,
    /// Time of the encoder alone.
    pub(crate) encode: Duration,
    /// Time of the decoder alone.
    pub(crate) decode: Duration,
}

/// The error of the tiles that are not exact.
#[derive(Clone, Copy, Debug, Default)]
struct Fault {
    squared: u64,
    samples: u64,
}

impl Fault {
    fn of<'a>(frames: impl Iterator<Item = &'a Coded>) -> Self {
        frames.fold(Self::default(), |sum, frame| Self {
            squared: sum.squared + frame.fault.squared,
            samples: sum.samples + frame.fault.samples,
        })
    }
}

/// One frame: its cost, and how the decoded picture compares with the source.
#[derive(Clone, Copy, Debug)]
struct Coded {
    cost: Cost,
    /// Whether the source differs from the frame before.
    moving: bool,
    exact_pixels: u64,
    fault: Fault,
}

/// Every frame of one clip, and what followed while its last picture stood still.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    grid: TileGrid,
    frames: Vec<Coded>,
    rest: Vec<Coded>,
    source_before: Option<Frame>,
}

/// Figures of the frames in which the source changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moving {
    /// How many frames there are.
    pub(crate) frames: usize,
    /// Mean bytes of one.
    pub(crate) bytes_per_frame: f64,
    /// PSNR in their tiles that are not exact, in decibels; `None` when all are exact.
    pub(crate) psnr_db: Option<f64>,
}

impl Tally {
    pub(crate) const fn new(grid: TileGrid) -> Self {
        Self { grid, frames: Vec::new(), rest: Vec::new(), source_before: None }
    }

    /// Adds a frame: its cost and how the decoded picture compares with the source.
    ///
    /// The first frame added is the key frame and counts in no per-frame figure.
    pub(crate) fn add(&mut self, cost: Cost, source: FrameView<'_>, decoded: FrameView<'_>) {
        let frame = self.compare(cost, source, decoded);
        self.frames.push(frame);
        self.source_before
            .get_or_insert_with(|| Frame::black(source.size()))
            .data_mut()
            .copy_from_slice(source.data());
    }

    /// Adds a frame after the clip's end, while its last picture stands still. Only
    /// [`Self::exact_after`] and [`Self::rest_bytes`] know of it.
    pub(crate) fn add_rest(&mut self, cost: Cost, source: FrameView<'_>, decoded: FrameView<'_>) {
        let frame = self.compare(cost, source, decoded);
        self.rest.push(frame);
    }

    /// Keeps the smaller of the times known and those of `costs`, another pass over the clip.
    pub(crate) fn keep_faster(&mut self, costs: &[Cost]) {
        for (frame, other) in self.frames.iter_mut().zip(costs) {
            frame.cost.encode = frame.cost.encode.min(other.encode);
            frame.cost.decode = frame.cost.decode.min(other.decode);
        }
    }

    /// Replaces the times by one mean each, for coders that take a clip in one go.
    pub(crate) fn set_times(&mut self, encode: Duration, decode: Duration) {
        for frame in &mut self.frames {
            (frame.cost.encode, frame.cost.decode) = (encode, decode);
        }
    }

    fn compare(&self, cost: Cost, source: FrameView<'_>, decoded: FrameView<'_>) -> Coded {
        let size = source.size();
        assert_eq!(size, decoded.size(), "a codec changed the size of the picture");
        let moving =
            self.source_before.as_ref().is_some_and(|before| before.data() != source.data());
        let mut frame = Coded { cost, moving, exact_pixels: 0, fault: Fault::default() };
        if source == decoded {
            frame.exact_pixels = size.area() as u64;
            return frame;
        }
        for tile in (0..self.grid.tiles()).map(TileIndex) {
            let rect = self.grid.rect(tile);
            let (wrong_pixels, squared) = difference(source, decoded, rect);
            frame.exact_pixels += rect.area() as u64 - wrong_pixels;
            if wrong_pixels > 0 {
                frame.fault.squared += squared;
                frame.fault.samples += rect.area() as u64 * 3;
            }
        }
        frame
    }

    /// Frames added.
    pub(crate) const fn frames(&self) -> usize {
        self.frames.len()
    }

    /// The cost of the key frame.
    pub(crate) fn key(&self) -> Cost {
        self.frames.first().map_or_else(Cost::default, |frame| frame.cost)
    }

    fn after_key(&self) -> &[Coded] {
        self.frames.get(1..).unwrap_or_default()
    }

    /// Mean over the frames after the first.
    fn mean(&self, of: impl Fn(&Coded) -> f64) -> f64 {
        let frames = self.after_key();
        frames.iter().map(of).sum::<f64>() / frames.len().max(1) as f64
    }

    /// Mean bytes of the frames after the first.
    pub(crate) fn bytes_per_frame(&self) -> f64 {
        self.mean(|frame| frame.cost.bytes as f64)
    }

    /// Mean encode time of the frames after the first, in milliseconds.
    pub(crate) fn encode_ms(&self) -> f64 {
        self.mean(|frame| milliseconds(frame.cost.encode))
    }

    /// Mean decode time of the frames after the first, in milliseconds.
    pub(crate) fn decode_ms(&self) -> f64 {
        self.mean(|frame| milliseconds(frame.cost.decode))
    }

    fn pixels(&self) -> u64 {
        self.grid.size().area() as u64
    }

    /// Share of pixels that equal the source at each frame's end, 0 to 1.
    pub(crate) fn exact_share(&self) -> f64 {
        if self.after_key().is_empty() || self.pixels() == 0 {
            return 1.0;
        }
        self.mean(|frame| frame.exact_pixels as f64) / self.pixels() as f64
    }

    /// The smallest share of exact pixels at the end of any frame after the first, 0 to 1.
    pub(crate) fn least_exact_share(&self) -> f64 {
        let least = self.after_key().iter().map(|frame| frame.exact_pixels).min();
        least.map_or(1.0, |pixels| pixels as f64 / self.pixels().max(1) as f64)
    }

    /// PSNR in the tiles that are not exact at a frame's end, in decibels: what is in motion.
    /// `None` when all are.
    pub(crate) fn psnr_db(&self) -> Option<f64> {
        let fault = Fault::of(self.after_key().iter());
        psnr_db(fault.squared, fault.samples)
    }

    /// PSNR over the whole screen in RGB, in decibels; `None` when every pixel is exact.
    pub(crate) fn screen_psnr_db(&self) -> Option<f64> {
        let fault = Fault::of(self.after_key().iter());
        psnr_db(fault.squared, self.pixels() * 3 * self.after_key().len() as u64)
    }

    /// Figures of the frames in which the source changed.
    pub(crate) fn moving(&self) -> Moving {
        let moving = || self.after_key().iter().filter(|frame| frame.moving);
        let frames = moving().count();
        let bytes: usize = moving().map(|frame| frame.cost.bytes).sum();
        let fault = Fault::of(moving());
        Moving {
            frames,
            bytes_per_frame: bytes as f64 / frames.max(1) as f64,
            psnr_db: psnr_db(fault.squared, fault.samples),
        }
    }

    /// The longest that the picture stayed inexact after a change that no other followed, in
    /// frames; `None` when it was not exact at the end.
    pub(crate) fn exact_after(&self) -> Option<usize> {
        let (mut longest, mut since_change, mut waits) = (0, 0, false);
        for frame in self.frames.iter().chain(&self.rest) {
            (since_change, waits) =
                if frame.moving { (0, true) } else { (since_change + 1, waits) };
            if waits && frame.exact_pixels == self.pixels() {
                longest = longest.max(since_change);
                waits = false;
            }
        }
        (!waits).then_some(longest)
    }

    /// Bytes sent after the clip's end to make its last picture exact.
    pub(crate) fn rest_bytes(&self) -> usize {
        self.rest.iter().map(|frame| frame.cost.bytes).sum()
    }

    /// The frames that took longer than `floor` here, and what they took here and in `other`; the
    /// key frame counts. `time` picks encoding or decoding.
    pub(crate) fn slow(
        &self,
        other: &Self,
        floor: Duration,
        time: impl Fn(&Cost) -> Duration,
    ) -> Slow {
        let pairs = self.frames.iter().zip(&other.frames);
        pairs.map(|(a, b)| (time(&a.cost), time(&b.cost))).filter(|times| times.0 > floor).fold(
            Slow::default(),
            |sum, times| Slow {
                frames: sum.frames + 1,
                here: sum.here + times.0,
                other: sum.other + times.1,
            },
        )
    }
}

/// Frames that took long, and their times in two tallies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slow {
    pub(crate) frames: usize,
    pub(crate) here: Duration,
    pub(crate) other: Duration,
}

impl Slow {
    /// How many times as fast the other tally was; `None` without frames.
    pub(crate) fn speed_up(self) -> Option<f64> {
        let is_known = self.other > Duration::ZERO;
        is_known.then(|| self.here.as_secs_f64() / self.other.as_secs_f64())
    }
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// How many pixels of `rect` differ, the fourth byte aside, and the sum of their squared errors.
pub(crate) fn difference(source: FrameView<'_>, decoded: FrameView<'_>, rect: Rect) -> (u64, u64) {
    let (mut wrong, mut squared) = (0, 0);
    for y in rect.y..rect.y + rect.height {
        let rows = (source.span(rect.x, y, rect.width), decoded.span(rect.x, y, rect.width));
        if rows.0 == rows.1 {
            continue;
        }
        for (a, b) in rows.0.chunks_exact(4).zip(rows.1.chunks_exact(4)) {
            if a[..3] != b[..3] {
                let error = |channel: usize| u64::from(a[channel].abs_diff(b[channel])).pow(2);
                wrong += 1;
                squared += error(0) + error(1) + error(2);
            }
        }
    }
    (wrong, squared)
}

/// PSNR of `samples` 8-bit samples with the summed `squared` error, in decibels.
pub(crate) fn psnr_db(squared: u64, samples: u64) -> Option<f64> {
    (squared > 0).then(|| 10.0 * (255.0_f64.powi(2) * samples as f64 / squared as f64).log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_codec::Size;

    const SIZE: Size = Size::new(100, 70);

    fn cost(bytes: usize, encode_ms: u64) -> Cost {
        Cost { bytes, encode: Duration::from_millis(encode_ms), ..Cost::default() }
    }

    #[test]
    fn one_wrong_channel_in_the_second_frame_shows() {
        let source = Frame::black(SIZE);
        let mut wrong = source.clone();
        wrong.data_mut()[0] = 255;
        wrong.data_mut()[7] = 9;
        let mut tally = Tally::new(TileGrid::new(SIZE));
        tally.add(cost(9, 1), source.view(), wrong.view());
        assert_eq!(tally.psnr_db(), None, "the key frame does not count");
        tally.add(cost(7, 1), source.view(), wrong.view());
        assert!(
            (tally.exact_share() - 6_999.0 / 7_000.0).abs() < 1e-9,
            "the X byte does not count"
        );
        let near = |db: Option<f64>, samples: f64| {
            (db.unwrap_or(0.0) - 10.0 * samples.log10()).abs() < 1e-9
        };
        assert!(near(tally.psnr_db(), 64.0 * 64.0 * 3.0), "of the tile that is not exact");
        assert!(near(tally.screen_psnr_db(), 7_000.0 * 3.0));
        assert!((tally.bytes_per_frame() - 7.0).abs() < 1e-9);
        assert_eq!(tally.moving().frames, 0);
        assert_eq!(tally.exact_after(), Some(0), "it never moved");
    }

    #[test]
    fn rest_is_counted_from_the_last_change() {
        let mut tally = Tally::new(TileGrid::new(SIZE));
        let pictures: Vec<Frame> = (0..3)
            .map(|shade| {
                let mut frame = Frame::black(SIZE);
                frame.data_mut().fill(shade);
                frame
            })
            .collect();
        let [black, one, two] = [0, 1, 2].map(|at| pictures[at].view());
        tally.add(cost(100, 9), black, black);
        tally.add(cost(8, 1), one, black);
        assert_eq!(tally.exact_after(), None);
        tally.add(cost(4, 1), one, black);
        // Another change before the picture was exact: only the later one counts.
        tally.add(cost(6, 1), two, one);
        tally.add(cost(0, 1), two, one);
        let moving = Moving { frames: 2, bytes_per_frame: 7.0, psnr_db: psnr_db(1, 1) };
        assert_eq!(tally.moving(), moving);
        tally.add_rest(cost(3, 1), two, two);
        assert_eq!((tally.exact_after(), tally.rest_bytes()), (Some(2), 3));
        assert!((tally.bytes_per_frame() - 4.5).abs() < 1e-9, "rest is not the clip");
    }

    #[test]
    fn the_speed_up_is_that_of_slow_frames() {
        let black = Frame::black(SIZE);
        let mut tallies = [[10, 1, 6], [5, 9, 3]].map(|times| {
            let mut tally = Tally::new(TileGrid::new(SIZE));
            for time in times {
                tally.add(cost(1, time), black.view(), black.view());
            }
            tally
        });
        let speed_up = |tallies: &[Tally; 2]| {
            tallies[0].slow(&tallies[1], Duration::from_millis(5), |cost| cost.encode).speed_up()
        };
        assert_eq!(speed_up(&tallies), Some(2.0));
        tallies[1].keep_faster(&[cost(1, 4), cost(1, 9), cost(1, 4)]);
        assert_eq!(speed_up(&tallies), Some(16.0 / 7.0));
        tallies[0].set_times(Duration::ZERO, Duration::ZERO);
        assert_eq!(speed_up(&tallies), None);
    }
}
