//! Codecs of single pictures, and zstd as a stream, on the changed tiles of each frame.

use tessera_codec::{BYTES_PER_PIXEL, Frame, FrameView, Rect, TILE, TileGrid, TileIndex};
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

use crate::clip::Clip;
use crate::clock::Clock;
use crate::error::BenchError;
use crate::metrics::{Cost, Tally};

/// Window of the zstd stream: 16 MB, two 1080p frames.
const ZSTD_WINDOW_LOG: u32 = 24;

/// Most tiles in one picture: 65472 rows, the most that a JPEG can have.
const MAX_STACK_TILES: usize = 1023;

/// A codec for a picture of 64 pixels width.
pub(crate) trait Still {
    /// Name and settings, as they stand in reports.
    fn name(&self) -> &'static str;
    /// Codes `pixels` (BGRX, `height` rows of 64) into `out`.
    fn encode(&mut self, pixels: &[u8], height: usize, out: &mut Vec<u8>)
    -> Result<(), BenchError>;
    /// Decodes into `pixels`, which has the size that was coded.
    fn decode(&mut self, coded: &[u8], height: usize, pixels: &mut [u8]) -> Result<(), BenchError>;
}

/// Every still-picture codec that takes part.
pub(crate) fn stills() -> Result<Vec<Box<dyn Still>>, BenchError> {
    Ok(vec![
        Box::new(ZstdStream::new()?),
        Box::new(Qoi),
        Box::new(Jpeg::new("libjpeg-turbo q90 4:4:4", 90, turbojpeg::Subsamp::None)?),
        Box::new(Jpeg::new("libjpeg-turbo q80 4:2:0", 80, turbojpeg::Subsamp::Sub2x2)?),
    ])
}

/// Runs `codec` over all frames of `clip`, once: what it takes is processor time.
pub(crate) fn measure(codec: &mut dyn Still, clip: &Clip) -> Result<Tally, BenchError> {
    let grid = TileGrid::new(clip.size);
    let mut source = Frame::black(clip.size);
    let mut previous: Option<Frame> = None;
    let mut decoded = Frame::black(clip.size);
    let mut tally = Tally::new(grid);
    let (mut stack, mut coded, mut unpacked) = (Vec::new(), Vec::new(), Vec::new());
    let mut frames = clip.frames()?;
    while frames.next_into(&mut source)? {
        let changed: Vec<Rect> = (0..grid.tiles())
            .map(|tile| grid.rect(TileIndex(tile)))
            .filter(|&rect| previous.as_ref().is_none_or(|p| !equal(p.view(), source.view(), rect)))
            .collect();
        // An address per tile, as two bytes.
        let mut cost = Cost { bytes: changed.len() * 2, ..Cost::default() };
        for changed in changed.chunks(MAX_STACK_TILES) {
            let height = changed.len() * usize::from(TILE);
            stack_tiles(source.view(), changed, &mut stack);
            unpacked.resize(stack.len(), 0);
            coded.clear();
            let (outcome, encode) =
                Clock::Processor.time(|| codec.encode(&stack, height, &mut coded));
            outcome?;
            let (outcome, decode) =
                Clock::Processor.time(|| codec.decode(&coded, height, &mut unpacked));
            outcome?;
            cost.encode += encode;
            cost.decode += decode;
            cost.bytes += coded.len();
            place_tiles(&unpacked, changed, &mut decoded);
        }
        tally.add(cost, source.view(), decoded.view());
        previous
            .get_or_insert_with(|| Frame::black(clip.size))
            .data_mut()
            .copy_from_slice(source.data());
    }
    Ok(tally)
}

fn equal(a: FrameView<'_>, b: FrameView<'_>, rect: Rect) -> bool {
    (rect.y..rect.y + rect.height)
        .all(|y| a.span(rect.x, y, rect.width) == b.span(rect.x, y, rect.width))
}

const STACK_ROW_BYTES: usize = TILE as usize * BYTES_PER_PIXEL;

fn stack_tiles(frame: FrameView<'_>, tiles: &[Rect], stack: &mut Vec<u8>) {
    stack.clear();
    stack.resize(tiles.len() * usize::from(TILE) * STACK_ROW_BYTES, 0);
    for (tile, block) in
        tiles.iter().zip(stack.chunks_exact_mut(usize::from(TILE) * STACK_ROW_BYTES))
    {
        for (y, row) in (tile.y..tile.y + tile.height).zip(block.chunks_exact_mut(STACK_ROW_BYTES))
        {
            let span = frame.span(tile.x, y, tile.width);
            row[..span.len()].copy_from_slice(span);
        }
    }
}

fn place_tiles(stack: &[u8], tiles: &[Rect], frame: &mut Frame) {
    for (tile, block) in tiles.iter().zip(stack.chunks_exact(usize::from(TILE) * STACK_ROW_BYTES)) {
        for (y, row) in (tile.y..tile.y + tile.height).zip(block.chunks_exact(STACK_ROW_BYTES)) {
            let span = frame.span_mut(tile.x, y, tile.width);
            let bytes = span.len();
            span.copy_from_slice(&row[..bytes]);
        }
    }
}

/// One zstd context for the whole clip, level 1, flushed after every frame.
struct ZstdStream {
    encoder: zstd::stream::raw::Encoder<'static>,
    decoder: zstd::stream::raw::Decoder<'static>,
}

impl ZstdStream {
    fn new() -> Result<Self, BenchError> {
        let mut encoder = zstd::stream::raw::Encoder::new(1)?;
        encoder.set_parameter(zstd::stream::raw::CParameter::WindowLog(ZSTD_WINDOW_LOG))?;
        Ok(Self { encoder, decoder: zstd::stream::raw::Decoder::new()? })
    }
}

impl Still for ZstdStream {
    fn name(&self) -> &'static str {
        "zstd -1 stream, 16 MB"
    }

    fn encode(&mut self, pixels: &[u8], _: usize, out: &mut Vec<u8>) -> Result<(), BenchError> {
        out.resize(zstd::zstd_safe::compress_bound(pixels.len()) + 1024, 0);
        let mut output = OutBuffer::around(out.as_mut_slice());
        let mut input = InBuffer::around(pixels);
        while input.pos() < pixels.len() {
            self.encoder.run(&mut input, &mut output)?;
        }
        while self.encoder.flush(&mut output)? > 0 {}
        let written = output.pos();
        out.truncate(written);
        Ok(())
    }

    fn decode(&mut self, coded: &[u8], _: usize, pixels: &mut [u8]) -> Result<(), BenchError> {
        let wanted = pixels.len();
        let mut output = OutBuffer::around(pixels);
        let mut input = InBuffer::around(coded);
        while output.pos() < wanted {
            self.decoder.run(&mut input, &mut output)?;
        }
        Ok(())
    }
}

/// The Quite OK Image format; the conversion between BGRX and RGB is part of its time.
struct Qoi;

impl Still for Qoi {
    fn name(&self) -> &'static str {
        "QOI"
    }

    fn encode(
        &mut self,
        pixels: &[u8],
        height: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BenchError> {
        let rgb: Vec<u8> = pixels.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]).collect();
        *out = qoi::encode_to_vec(&rgb, u32::from(TILE), height as u32)?;
        Ok(())
    }

    fn decode(&mut self, coded: &[u8], _: usize, pixels: &mut [u8]) -> Result<(), BenchError> {
        let (_, rgb) = qoi::decode_to_vec(coded)?;
        for (pixel, rgb) in pixels.chunks_exact_mut(4).zip(rgb.chunks_exact(3)) {
            pixel.copy_from_slice(&[rgb[2], rgb[1], rgb[0], 0]);
        }
        Ok(())
    }
}

/// Baseline JPEG by libjpeg-turbo.
struct Jpeg {
    name: &'static str,
    compressor: turbojpeg::Compressor,
    decompressor: turbojpeg::Decompressor,
}

impl Jpeg {
    fn new(
        name: &'static str,
        quality: i32,
        subsampling: turbojpeg::Subsamp,
    ) -> Result<Self, BenchError> {
        let mut compressor = turbojpeg::Compressor::new()?;
        compressor.set_quality(quality)?;
        compressor.set_subsamp(subsampling)?;
        Ok(Self { name, compressor, decompressor: turbojpeg::Decompressor::new()? })
    }
}

impl Still for Jpeg {
    fn name(&self) -> &'static str {
        self.name
    }

    fn encode(
        &mut self,
        pixels: &[u8],
        height: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), BenchError> {
        *out = self.compressor.compress_to_vec(turbojpeg::Image {
            pixels,
            width: usize::from(TILE),
            pitch: STACK_ROW_BYTES,
            height,
            format: turbojpeg::PixelFormat::BGRX,
        })?;
        Ok(())
    }

    fn decode(&mut self, coded: &[u8], height: usize, pixels: &mut [u8]) -> Result<(), BenchError> {
        self.decompressor.decompress(
            coded,
            turbojpeg::Image {
                pixels,
                width: usize::from(TILE),
                pitch: STACK_ROW_BYTES,
                height,
                format: turbojpeg::PixelFormat::BGRX,
            },
        )?;
        Ok(())
    }
}
