//! What 256 colours can show at the least: each frame in a palette of its own, by median cut.
//!
//! Heckbert, "Color image quantization for frame buffer display", 1982: the box with most pixels is
//! divided at the median of its longest side until there are 256; each becomes the mean of its
//! pixels, and each pixel the nearest of those. No dithering.

use tessera_codec::{Frame, FrameView};

use crate::clip::Clip;
use crate::error::BenchError;
use crate::metrics::psnr_db;

const COLOURS: usize = 256;

/// A colour, blue, green and red, and its number of pixels.
type Counted = ([u8; 3], u64);

/// PSNR over the whole screen of all frames after the first, in RGB; none when all fit.
pub(crate) fn screen_psnr_db(clip: &Clip) -> Result<Option<f64>, BenchError> {
    let mut frames = clip.frames()?;
    let (mut source, mut before) = (Frame::black(clip.size), Frame::black(clip.size));
    let (mut squared, mut of_last, mut count) = (0, None, 0_u64);
    while frames.next_into(&mut source)? {
        let error = match of_last {
            Some(error) if source.data() == before.data() => error,
            _ => squared_error(source.view()),
        };
        // The first frame is the key frame.
        squared += of_last.replace(error).map_or(0, |_| error);
        count += 1;
        before.data_mut().copy_from_slice(source.data());
    }
    Ok(psnr_db(squared, clip.size.area() as u64 * 3 * count.saturating_sub(1)))
}

/// The summed squared error of `frame` in a palette of its own.
fn squared_error(frame: FrameView<'_>) -> u64 {
    let size = frame.size();
    let mut pixels: Vec<[u8; 3]> = (0..size.height)
        .flat_map(|y| frame.span(0, y, size.width).as_chunks::<4>().0)
        .map(|&[blue, green, red, _]| [blue, green, red])
        .collect();
    pixels.sort_unstable();
    let mut colours: Vec<Counted> =
        pixels.chunk_by(|a, b| a == b).map(|equal| (equal[0], equal.len() as u64)).collect();
    let palette = palette(&mut colours);
    let error = |colour: &[u8; 3], of: &[i32; 3]| {
        let channels = colour.iter().zip(of);
        channels.map(|(&a, b)| (i32::from(a) - b).pow(2)).sum::<i32>()
    };
    let nearest = |colour| palette.iter().map(|of| error(colour, of)).min().unwrap_or(0);
    colours.iter().map(|(colour, count)| nearest(colour) as u64 * count).sum()
}

fn palette(colours: &mut [Counted]) -> Vec<[i32; 3]> {
    let weight = |part: &[Counted]| part.iter().map(|&(_, count)| count).sum::<u64>();
    let whole = 0..colours.len();
    let mut boxes = vec![(weight(colours), whole)];
    while boxes.len() < COLOURS {
        let divisible = boxes.iter().enumerate().filter(|(_, (_, range))| range.len() > 1);
        let Some((at, (pixels, range))) = divisible.max_by_key(|(_, (pixels, _))| *pixels) else {
            break;
        };
        let (pixels, range) = (*pixels, range.clone());
        let part = &mut colours[range.clone()];
        let longest = (0..3).max_by_key(|&channel| {
            let of = || part.iter().map(|(colour, _)| colour[channel]);
            of().max().unwrap_or(0) - of().min().unwrap_or(0)
        });
        part.sort_unstable_by_key(|(colour, _)| colour[longest.unwrap_or(0)]);
        let mut passed = 0;
        let median = part.iter().position(|&(_, count)| {
            passed += count;
            passed * 2 >= pixels
        });
        let middle = (median.unwrap_or(0) + 1).min(part.len() - 1);
        let lower = weight(&part[..middle]);
        boxes[at] = (lower, range.start..range.start + middle);
        boxes.push((pixels - lower, range.start + middle..range.end));
    }
    let mean = |(pixels, range): &(u64, std::ops::Range<usize>)| {
        std::array::from_fn(|channel| {
            let part = &colours[range.clone()];
            let sum: u64 = part.iter().map(|(of, count)| u64::from(of[channel]) * count).sum();
            ((sum + pixels / 2) / (*pixels).max(1)) as i32
        })
    };
    boxes.iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_colours_as_the_palette_has_lose_nothing_and_one_more_does() {
        let frame = |colours: usize| {
            let mut frame = Frame::black(tessera_codec::Size::new(64, 16));
            for (at, pixel) in frame.data_mut().as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let colour = at % colours;
                *pixel = [(colour % 16 * 16) as u8, (colour / 16 * 8) as u8, 7, 0xff];
            }
            squared_error(frame.view())
        };
        assert_eq!(frame(256), 0);
        // Of 257 colours two share one: the pixels of the rarer are off by at least a half.
        assert!((1..64 * 16 * 16 * 16).contains(&frame(257)));
    }
}
