//! Chooses a palette for a picture.
//!
//! Pixels are counted by cell. The cells are divided by median cut (Heckbert, "Color image
//! quantization for frame buffer display", 1982), in the variant that always divides the box with
//! the largest squared error, at the mean of its widest axis (Wu, "Efficient statistical
//! computations for optimal color quantization", 1991). Steps of k-means then move each colour to
//! the mean of the pixels that it is nearest to.

use super::palette::Channels;
use super::{CELLS, MAX_COLOURS, Palette, cell};
use crate::frame::{BYTES_PER_PIXEL, FrameView};
use crate::kernels::{self, Vectorized};

/// Steps of k-means. Each gains less than the one before.
const STEPS: usize = 3;

/// Pixels counted of a picture at most; of a larger one a grid of pixels is taken.
const MAX_SAMPLES: usize = 1 << 19;

/// The pixels of one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    pixels: u32,
    /// Sums of blue, green and red.
    sums: [u32; 3],
}

/// Cells with pixels of one cluster.
#[derive(Clone, Copy, Debug, Default)]
struct Cluster {
    pixels: f64,
    sums: [f64; 3],
    squares: [f64; 3],
}

impl Cluster {
    fn add(&mut self, point: &Point) {
        self.pixels += point.pixels;
        for channel in 0..3 {
            self.sums[channel] += point.pixels * point.mean[channel];
            self.squares[channel] += point.pixels * point.mean[channel].powi(2);
        }
    }

    /// The summed squared error of a channel, were all its pixels their mean.
    fn error(&self, channel: usize) -> f64 {
        self.squares[channel] - self.sums[channel].powi(2) / self.pixels.max(1.0)
    }

    fn mean(&self, channel: usize) -> f64 {
        self.sums[channel] / self.pixels.max(1.0)
    }

    fn colour(&self) -> u32 {
        let channel = |at: usize| self.mean(at).round().clamp(0.0, 255.0) as u32;
        channel(2) << 16 | channel(1) << 8 | channel(0)
    }
}

/// One cell's pixels, as their mean.
#[derive(Clone, Copy, Debug)]
struct Point {
    pixels: f64,
    mean: [f64; 3],
}

/// Counts a picture's pixels by cell.
#[derive(Debug)]
pub(crate) struct Histogram {
    weights: Vec<Weight>,
    points: Vec<Point>,
    indices: Vec<u8>,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { weights: vec![Weight::default(); CELLS], points: Vec::new(), indices: Vec::new() }
    }

    /// Counts the pixels of `frame` instead of what was counted before.
    fn count(&mut self, frame: FrameView<'_>) {
        self.weights.fill(Weight::default());
        let size = frame.size();
        let step = (1..).find(|step| size.area() / (step * step) <= MAX_SAMPLES).unwrap_or(1);
        for y in (0..size.height).step_by(step) {
            // Rows begin at different columns, lest a vertical pattern be missed.
            let row = frame.span(0, y, size.width);
            let skipped = usize::from(y) / step % step * BYTES_PER_PIXEL;
            let pixels = row.get(skipped..).unwrap_or_default();
            for bytes in pixels.as_chunks::<BYTES_PER_PIXEL>().0.iter().step_by(step) {
                let weight = &mut self.weights[cell(u32::from_le_bytes(*bytes))];
                weight.pixels += 1;
                for (sum, &byte) in weight.sums.iter_mut().zip(bytes) {
                    *sum += u32::from(byte);
                }
            }
        }
        self.points.clear();
        self.points.extend(self.weights.iter().filter(|weight| weight.pixels > 0).map(|weight| {
            let pixels = f64::from(weight.pixels);
            Point { pixels, mean: weight.sums.map(|sum| f64::from(sum) / pixels) }
        }));
    }

    /// A palette for `frame`, or `None` for a frame without pixels.
    pub(crate) fn palette(&mut self, frame: FrameView<'_>) -> Option<Palette> {
        self.count(frame);
        if self.points.is_empty() {
            return None;
        }
        let mut colours = self.cut();
        for _ in 0..STEPS {
            self.assign(&colours);
            let mut clusters = [Cluster::default(); MAX_COLOURS];
            for (point, &index) in self.points.iter().zip(&self.indices) {
                clusters[usize::from(index)].add(point);
            }
            for (colour, cluster) in colours.iter_mut().zip(&clusters) {
                if cluster.pixels > 0.0 {
                    *colour = cluster.colour();
                }
            }
        }
        colours.sort_unstable_by_key(|&colour| cell(colour));
        colours.dedup_by_key(|colour| cell(*colour));
        Palette::new(&colours).ok()
    }

    /// The mean squared distance of the pixels counted last from the colours of `palette`.
    pub(crate) fn error(&self, palette: &Palette) -> f32 {
        let (mut error, mut pixels) = (0.0, 0.0);
        for point in &self.points {
            let [blue, green, red] = point.mean.map(|mean| mean as u32);
            let colour = palette.nearest(red << 16 | green << 8 | blue).to_le_bytes();
            let distance = point.mean.iter().zip(colour).map(|(a, b)| (a - f64::from(b)).powi(2));
            error += point.pixels * distance.sum::<f64>();
            pixels += point.pixels;
        }
        (error / f64::max(pixels, 1.0)) as f32
    }

    /// The nearest of `colours` for each point.
    fn assign(&mut self, colours: &[u32]) {
        self.indices.resize(self.points.len(), 0);
        let channels = Channels::of(colours);
        let (points, indices) = (&self.points, &mut self.indices);
        kernels::vectorize(Assign { channels: &channels, points, indices });
    }

    /// Divides the points into at most [`MAX_COLOURS`] boxes and returns their means.
    fn cut(&mut self) -> Vec<u32> {
        let whole = Slice::of(&self.points, 0, self.points.len());
        let mut slices = vec![whole];
        while slices.len() < MAX_COLOURS {
            let worst = slices
                .iter()
                .enumerate()
                .filter(|(_, slice)| slice.end - slice.start > 1)
                .max_by(|(_, a), (_, b)| a.error.total_cmp(&b.error));
            let Some((at, &Slice { start, end, cluster, .. })) = worst else { break };
            let axis =
                (0..3).max_by(|&a, &b| cluster.error(a).total_cmp(&cluster.error(b))).unwrap_or(0);
            let mean = cluster.mean(axis);
            let middle = start + divide(&mut self.points[start..end], |p| p.mean[axis] < mean);
            // Equal means differ at least in their cells; any division of them will do.
            let middle = middle.clamp(start + 1, end - 1);
            slices[at] = Slice::of(&self.points, start, middle);
            slices.push(Slice::of(&self.points, middle, end));
        }
        slices.iter().map(|slice| slice.cluster.colour()).collect()
    }
}

/// A run of points: one box of the median cut.
#[derive(Clone, Copy, Debug)]
struct Slice {
    start: usize,
    end: usize,
    cluster: Cluster,
    error: f64,
}

impl Slice {
    fn of(points: &[Point], start: usize, end: usize) -> Self {
        let mut cluster = Cluster::default();
        for point in &points[start..end] {
            cluster.add(point);
        }
        let error = (0..3).map(|channel| cluster.error(channel)).sum();
        Self { start, end, cluster, error }
    }
}

/// Brings what is `first` to the front and returns how many that are.
fn divide<T>(items: &mut [T], first: impl Fn(&T) -> bool) -> usize {
    let mut count = 0;
    for at in 0..items.len() {
        if first(&items[at]) {
            items.swap(at, count);
            count += 1;
        }
    }
    count
}

struct Assign<'a> {
    channels: &'a Channels,
    points: &'a [Point],
    indices: &'a mut [u8],
}

impl Vectorized for Assign<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (point, index) in self.points.iter().zip(self.indices) {
            let [blue, green, red] = point.mean.map(|mean| mean as u32);
            *index = self.channels.nearest(red << 16 | green << 8 | blue);
        }
    }
}
