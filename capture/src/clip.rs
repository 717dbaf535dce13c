//! Recorded desktops, played back as a screen or read frame by frame.
//!
//! # Format
//! A clip `NAME` is two files:
//!
//! - `NAME.json` — an object with `width` and `height` (pixels, 1 to 16384), `fps` (frames a second,
//!   above 0, at most 1000), `frames` (their number, at least 1), `stride` (bytes from one row to
//!   the next, from `4 * width` to 65536 + 4096), `pixel_format` (`"BGRX"`), and `description`
//!   (text). Further members are ignored.
//! - `NAME.bgrx.zst` — all frames one after another as one zstd stream (RFC 8878) whose window is at
//!   most 2^27 bytes. The fourth byte of a pixel and what follows a row's pixels have no meaning.
//!
//! [`ClipReader`] iterates over the frames; [`ClipSource`] plays them and finds the damage by
//! comparing each frame with the one before. Recording is not here.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tessera_codec::{BYTES_PER_PIXEL, Frame, MAX_DIMENSION, Region, Size, TileIndex};

use crate::pacing::{Pacer, Tick};
use crate::pattern::copy_region;
use crate::{CaptureError, Monitor, Pace, ScreenSource, SourceEvent, SourceWaker, Wake};

/// Window of the zstd stream: 2^27 bytes hold the last sixteen frames of 1920x1080.
const WINDOW_LOG: u32 = 27;

/// Bound on the description file (arbitrary; safe because a real one has under 1 KiB).
const MAX_DESCRIPTION_BYTES: u64 = 64 * 1024;

const MAX_FPS: f64 = 1000.0;

/// Bound on a row's bytes: the widest canvas, and what a system may pad rows with.
const MAX_STRIDE: usize = MAX_DIMENSION as usize * BYTES_PER_PIXEL + 4096;

/// What a clip's `.json` says.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipInfo {
    /// Size of every frame.
    pub size: Size,
    /// Number of frames, at least 1.
    pub frames: u64,
    /// Time from one frame to the next when played as recorded.
    pub interval: Duration,
    /// Bytes from one row to the next in the file; rows of a [`Frame`] are packed.
    pub stride_bytes: usize,
    /// What can be seen, for people.
    pub description: String,
}

#[derive(Deserialize)]
struct Document {
    width: u16,
    height: u16,
    fps: f64,
    frames: u64,
    stride: usize,
    pixel_format: String,
    #[serde(default)]
    description: String,
}

impl Document {
    fn check(self) -> Result<ClipInfo, String> {
        let size = Size::new(self.width, self.height);
        if size.is_empty() || self.width > MAX_DIMENSION || self.height > MAX_DIMENSION {
            return Err(format!(
                "{}x{} is not within 1x1 to {MAX_DIMENSION}x{MAX_DIMENSION}",
                self.width, self.height
            ));
        }
        let row_bytes = usize::from(self.width) * BYTES_PER_PIXEL;
        if !(row_bytes..=MAX_STRIDE).contains(&self.stride) {
            return Err(format!(
                "stride {} is not within {row_bytes} (4 times the width) to {MAX_STRIDE}",
                self.stride
            ));
        }
        if self.pixel_format != "BGRX" {
            return Err("the pixel format is not \"BGRX\"".into());
        }
        if !(self.fps > 0.0 && self.fps <= MAX_FPS) {
            return Err(format!("{} frames a second is not within 0 to {MAX_FPS}", self.fps));
        }
        let interval = Duration::try_from_secs_f64(self.fps.recip())
            .map_err(|_| format!("{} frames a second is too slow", self.fps))?;
        if self.frames == 0 {
            return Err("the clip has no frames".into());
        }
        Ok(ClipInfo {
            size,
            frames: self.frames,
            interval,
            stride_bytes: self.stride,
            description: self.description,
        })
    }
}

/// Reads a clip's frames in order.
pub struct ClipReader {
    info: ClipInfo,
    pixels_path: PathBuf,
    stream: zstd::Decoder<'static, BufReader<File>>,
    next: u64,
}

impl ClipReader {
    /// Opens the clip called `path`, with or without `.json` or `.bgrx.zst` at its end.
    ///
    /// # Errors
    /// [`CaptureError::Clip`] when a file cannot be opened or the description breaks the format.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let (description_path, pixels_path) = clip_files(path);
        let info = read_info(&description_path)
            .map_err(|reason| CaptureError::Clip { path: description_path, reason })?;
        let stream = open_stream(&pixels_path)?;
        Ok(Self { info, pixels_path, stream, next: 0 })
    }

    /// What the description says.
    #[must_use]
    pub const fn info(&self) -> &ClipInfo {
        &self.info
    }

    /// Number of the frame that comes next, from 0.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Reads the next frame into `frame`, which becomes of the clip's size. Returns whether there
    /// was one.
    ///
    /// # Errors
    /// [`CaptureError::Clip`] when the pixel file is damaged or shorter than described.
    pub fn read_frame(&mut self, frame: &mut Frame) -> Result<bool, CaptureError> {
        if self.next == self.info.frames {
            return Ok(false);
        }
        if frame.size() != self.info.size {
            *frame = Frame::black(self.info.size);
        }
        self.read_pixels(frame).map_err(|error| CaptureError::Clip {
            path: self.pixels_path.clone(),
            reason: format!("frame {} of {}: {error}", self.next, self.info.frames),
        })?;
        self.next += 1;
        Ok(true)
    }

    fn read_pixels(&mut self, frame: &mut Frame) -> std::io::Result<()> {
        let Size { width, height } = self.info.size;
        let padding = self.info.stride_bytes - usize::from(width) * BYTES_PER_PIXEL;
        if padding == 0 {
            return self.stream.read_exact(frame.data_mut());
        }
        for y in 0..height {
            self.stream.read_exact(frame.span_mut(0, y, width))?;
            let skipped =
                std::io::copy(&mut (&mut self.stream).take(padding as u64), &mut std::io::sink())?;
            if skipped < padding as u64 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Goes back to frame 0.
    ///
    /// # Errors
    /// [`CaptureError::Clip`] when the pixel file cannot be opened any more.
    pub fn rewind(&mut self) -> Result<(), CaptureError> {
        self.stream = open_stream(&self.pixels_path)?;
        self.next = 0;
        Ok(())
    }
}

impl std::fmt::Debug for ClipReader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ClipReader")
            .field("info", &self.info)
            .field("pixels_path", &self.pixels_path)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

fn clip_files(path: &Path) -> (PathBuf, PathBuf) {
    let text = path.as_os_str().to_string_lossy();
    let name = text.strip_suffix(".json").or(text.strip_suffix(".bgrx.zst"));
    let base = name.map_or_else(|| path.as_os_str().to_owned(), Into::into);
    let with = |suffix: &str| {
        let mut file = base.clone();
        file.push(suffix);
        PathBuf::from(file)
    };
    (with(".json"), with(".bgrx.zst"))
}

fn read_info(path: &Path) -> Result<ClipInfo, String> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_DESCRIPTION_BYTES).read_to_end(&mut text))
        .map_err(|error| error.to_string())?;
    let document: Document =
        simd_json::serde::from_slice(&mut text).map_err(|error| error.to_string())?;
    document.check()
}

fn open_stream(path: &Path) -> Result<zstd::Decoder<'static, BufReader<File>>, CaptureError> {
    let open = || {
        let mut stream = zstd::Decoder::new(File::open(path)?)?;
        stream.window_log_max(WINDOW_LOG)?;
        Ok(stream)
    };
    open().map_err(|error: std::io::Error| CaptureError::Clip {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// What a played clip does after its last frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// The last frame stands still.
    Stop,
    /// The first frame comes next.
    Repeat,
}

/// A clip as a screen.
#[derive(Debug)]
pub struct ClipSource {
    reader: ClipReader,
    current: Frame,
    previous: Frame,
    monitors: [Monitor; 1],
    pacer: Pacer,
    at_end: AtEnd,
    started: bool,
}

impl ClipSource {
    /// Opens the clip called `path` and shows its first frame. `pace` `None` plays it as it was
    /// recorded.
    ///
    /// # Errors
    /// Those of [`ClipReader::open`] and [`ClipReader::read_frame`], and [`CaptureError::System`]
    /// when the system gives no event queue.
    pub fn open(path: &Path, pace: Option<Pace>, at_end: AtEnd) -> Result<Self, CaptureError> {
        let mut reader = ClipReader::open(path)?;
        let size = reader.info().size;
        let mut current = Frame::black(size);
        reader.read_frame(&mut current)?;
        let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into());
        let pace = pace.unwrap_or(Pace::Every(reader.info().interval));
        Ok(Self {
            reader,
            current,
            previous: Frame::black(size),
            monitors: [Monitor { name, rect: size.rect(), primary: true }],
            pacer: Pacer::new(pace)?,
            at_end,
            started: false,
        })
    }

    /// The clip being played; its position is the number of the frame after the one shown.
    #[must_use]
    pub const fn reader(&self) -> &ClipReader {
        &self.reader
    }

    fn ended(&self) -> bool {
        self.at_end == AtEnd::Stop && self.reader.position() == self.reader.info().frames
    }

    fn advance(&mut self, damage: &mut Region) -> Result<(), CaptureError> {
        if self.reader.position() == self.reader.info().frames {
            self.reader.rewind()?;
        }
        std::mem::swap(&mut self.current, &mut self.previous);
        self.reader.read_frame(&mut self.current)?;
        add_changed_tiles(&self.previous, &self.current, damage);
        Ok(())
    }
}

/// Adds the tiles in which two pictures of one size differ, the meaningless byte aside.
fn add_changed_tiles(before: &Frame, after: &Frame, damage: &mut Region) {
    let grid = damage.grid();
    for tile in (0..grid.tiles()).map(TileIndex) {
        let rect = grid.rect(tile);
        let differs = (rect.y..rect.y + rect.height).any(|y| {
            let old = before.view().span(rect.x, y, rect.width);
            let new = after.view().span(rect.x, y, rect.width);
            old != new
                && old
                    .chunks_exact(BYTES_PER_PIXEL)
                    .zip(new.chunks_exact(BYTES_PER_PIXEL))
                    .any(|(old, new)| old[..3] != new[..3])
        });
        if differs {
            damage.insert(tile);
        }
    }
}

impl ScreenSource for ClipSource {
    fn size(&self) -> Size {
        self.current.size()
    }

    fn monitors(&self) -> &[Monitor] {
        &self.monitors
    }

    fn waker(&self) -> SourceWaker {
        self.pacer.waker()
    }

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        damage: &mut Region,
        _events: &mut Vec<SourceEvent>,
    ) -> Result<Wake, CaptureError> {
        if !self.started || damage.grid().size() != self.size() {
            self.started = true;
            *damage = Region::full(self.size());
            return Ok(Wake::Activity);
        }
        let ended = self.ended();
        Ok(match self.pacer.wait(timeout, ended)? {
            Tick::Due => {
                self.advance(damage)?;
                Wake::Activity
            }
            Tick::Woken => Wake::Woken,
            Tick::TimedOut => Wake::TimedOut,
        })
    }

    fn read(&mut self, region: &Region, into: &mut Frame) -> Result<(), CaptureError> {
        copy_region(&self.current, region, into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;

    const SIZE: Size = Size::new(200, 150);
    const FRAMES: u64 = 5;

    /// Writes a clip of a test pattern and returns its frames.
    fn record(name: &Path) -> Vec<Frame> {
        let mut pattern = Pattern::new(SIZE, 11);
        let mut damage = Region::empty(SIZE);
        let mut frames = vec![pattern.frame().clone()];
        while (frames.len() as u64) < FRAMES {
            pattern.advance(&mut damage);
            frames.push(pattern.frame().clone());
        }
        let (json, pixels) = clip_files(name);
        let description = format!(
            r#"{{"name":"t","width":{},"height":{},"fps":25,"frames":{FRAMES},"stride":{},
                "pixel_format":"BGRX","late_grabs":0,"description":"bars"}}"#,
            SIZE.width,
            SIZE.height,
            SIZE.width * 4
        );
        std::fs::write(json, description).expect("description");
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.data().to_vec()).collect();
        std::fs::write(pixels, zstd::encode_all(&bytes[..], 1).expect("zstd")).expect("pixels");
        frames
    }

    #[test]
    fn a_reader_gives_every_frame_and_then_none() {
        let folder = tempfile::tempdir().expect("folder");
        let name = folder.path().join("clip.v1");
        let frames = record(&name);
        for path in [name.clone(), folder.path().join("clip.v1.json")] {
            let mut reader = ClipReader::open(&path).expect("open");
            assert_eq!(reader.info().interval, Duration::from_millis(40));
            let mut frame = Frame::black(Size::default());
            for round in 0..2 {
                for expected in &frames {
                    assert!(reader.read_frame(&mut frame).expect("frame"));
                    assert!(&frame == expected, "round {round}");
                }
                assert!(!reader.read_frame(&mut frame).expect("end"));
                reader.rewind().expect("rewind");
            }
        }
    }

    #[test]
    fn what_follows_the_pixels_of_a_row_is_skipped() {
        let folder = tempfile::tempdir().expect("folder");
        let name = folder.path().join("padded");
        let frames = record(&name);
        let (json, pixels) = clip_files(&name);
        let text = std::fs::read_to_string(&json).expect("description");
        std::fs::write(&json, text.replace("\"stride\":800", "\"stride\":832")).expect("written");
        let mut bytes = Vec::new();
        for row in frames.iter().flat_map(|frame| frame.data().chunks_exact(800)) {
            bytes.extend_from_slice(row);
            bytes.extend_from_slice(&[7; 32]);
        }
        let coded = |bytes: &[u8]| zstd::encode_all(bytes, 1).expect("zstd");
        std::fs::write(&pixels, coded(&bytes)).expect("pixels");
        let mut frame = Frame::black(SIZE);
        let mut reader = ClipReader::open(&name).expect("open");
        for expected in &frames {
            assert!(reader.read_frame(&mut frame).expect("frame"));
            assert!(&frame == expected);
        }
        std::fs::write(&pixels, coded(&bytes[..bytes.len() - 1])).expect("pixels");
        reader.rewind().expect("rewind");
        for _ in 1..FRAMES {
            assert!(reader.read_frame(&mut frame).expect("frame"));
        }
        let error = reader.read_frame(&mut frame).expect_err("it is cut").to_string();
        assert!(error.contains("frame 4 of 5"), "{error}");
    }

    #[test]
    fn damage_covers_every_change_and_the_clip_repeats() {
        let folder = tempfile::tempdir().expect("folder");
        let name = folder.path().join("clip");
        let frames = record(&name);
        let mut source = ClipSource::open(&name, Some(Pace::Unpaced), AtEnd::Repeat).expect("open");
        let mut seen = Frame::black(SIZE);
        let mut events = Vec::new();
        for expected in frames.iter().cycle().take(12) {
            let mut damage = Region::empty(SIZE);
            source.wait(None, &mut damage, &mut events).expect("wait");
            source.read(&damage, &mut seen).expect("read");
            assert!(&seen == expected);
        }
    }

    #[test]
    fn damage_leaves_out_equal_tiles_and_the_meaningless_byte() {
        let before = Frame::black(SIZE);
        let mut after = before.clone();
        after.span_mut(130, 70, 1)[1] = 9;
        after.span_mut(0, 0, 1)[3] = 255;
        let mut damage = Region::empty(SIZE);
        add_changed_tiles(&before, &after, &mut damage);
        let grid = damage.grid();
        assert_eq!(damage.iter().collect::<Vec<_>>(), [grid.index(2, 1)]);
    }

    #[test]
    fn a_clip_that_stops_waits_without_an_end() {
        let folder = tempfile::tempdir().expect("folder");
        let name = folder.path().join("clip");
        record(&name);
        let mut source = ClipSource::open(&name, Some(Pace::Unpaced), AtEnd::Stop).expect("open");
        let mut damage = Region::empty(SIZE);
        let mut events = Vec::new();
        for _ in 0..FRAMES {
            let wake = source.wait(None, &mut damage, &mut events).expect("wait");
            assert_eq!(wake, Wake::Activity);
        }
        let soon = Some(Duration::from_millis(1));
        assert_eq!(source.wait(soon, &mut damage, &mut events).expect("wait"), Wake::TimedOut);
    }

    #[test]
    fn broken_clips_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("folder");
        let name = folder.path().join("clip");
        record(&name);
        let (json, pixels) = clip_files(&name);
        let good = std::fs::read_to_string(&json).expect("description");
        let cases = [
            ("\"width\":200", "\"width\":0", "not within"),
            ("\"width\":200", "\"width\":20000", "not within"),
            ("\"stride\":800", "\"stride\":796", "stride"),
            ("\"stride\":800", "\"stride\":69633", "stride"),
            ("BGRX", "RGBX", "pixel format"),
            ("\"fps\":25", "\"fps\":0", "frames a second"),
            ("\"fps\":25", "\"fps\":1e-300", "too slow"),
            ("\"frames\":5", "\"frames\":0", "no frames"),
            ("{", "[", ""),
        ];
        for (from, to, reason) in cases {
            std::fs::write(&json, good.replacen(from, to, 1)).expect("description");
            let error = ClipReader::open(&name).expect_err(to).to_string();
            assert!(error.contains(reason) && error.contains("clip.json"), "{error}");
        }
        std::fs::write(&json, &good).expect("description");
        let bytes = std::fs::read(&pixels).expect("pixels");
        std::fs::write(&pixels, &bytes[..bytes.len() / 2]).expect("pixels");
        let mut reader = ClipReader::open(&name).expect("open");
        let mut frame = Frame::black(SIZE);
        let error = loop {
            match reader.read_frame(&mut frame) {
                Ok(more) => assert!(more, "a cut clip came to its end"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("of 5"), "{error}");
    }
}
