//! The `record` subcommand: a live display as a clip.
//!
//! The display is looked at at fixed times. A look that came too late for one or more of those
//! times stands for them too, so that the clip keeps its time base; they count as dropped. The
//! pointer is not in the pictures. Compression runs on a thread of its own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tessera_capture::x11::X11Source;
use tessera_capture::{CaptureError, ScreenSource};
use tessera_codec::{BYTES_PER_PIXEL, Frame, Region, Size};

use crate::cli::RecordArgs;
use crate::error::BenchError;
use crate::json;

/// Window of the zstd stream, the largest that readers of the format must take.
const WINDOW_LOG: u32 = 27;

/// Pictures that wait for the compressor at most: 0.5 s at 30 a second.
const QUEUE: usize = 16;

/// What `NAME.json` says.
#[derive(serde::Serialize)]
struct Description<'a> {
    width: u16,
    height: u16,
    fps: f64,
    frames: u64,
    stride: usize,
    pixel_format: &'static str,
    description: &'a str,
}

/// What was recorded, as `--json` prints it.
#[derive(Debug, serde::Serialize)]
struct Recorded {
    clip: String,
    width: u16,
    height: u16,
    fps: f64,
    frames: u64,
    dropped: u64,
    bytes: u64,
}

/// Runs the subcommand.
pub(crate) fn run(arguments: &RecordArgs) -> Result<(), BenchError> {
    let mut source = X11Source::open(arguments.display.as_deref())?;
    let recorded = record(&mut source, arguments)?;
    if arguments.json {
        println!("{}", json::line(&recorded));
    } else {
        let Recorded { width, height, fps, frames, dropped, bytes, .. } = recorded;
        println!(
            "{frames} frames of {width}x{height} at {fps} a second in {bytes} bytes; {dropped} \
             dropped (the picture before stands for them)"
        );
    }
    Ok(())
}

fn record(source: &mut dyn ScreenSource, arguments: &RecordArgs) -> Result<Recorded, BenchError> {
    let interval = Duration::from_secs_f64(arguments.fps.recip());
    let wanted = (arguments.seconds * arguments.fps).round().max(1.0) as u64;
    let size = source.size();
    let mut writer = ClipWriter::create(&arguments.out, size, arguments.level)?;
    let mut damage = Region::full(size);
    let mut events = Vec::new();
    let mut frame = Frame::black(size);
    let mut dropped = 0;
    let start = Instant::now();
    while writer.frames < wanted {
        let due = start + interval * writer.frames as u32;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            source.wait(Some(left), &mut damage, &mut events)?;
            events.clear();
            if left.is_zero() {
                break;
            }
        }
        match source.read(&damage, &mut frame) {
            Ok(()) => damage.clear(),
            Err(CaptureError::SizeChanged) => {
                eprintln!("tessera-bench: the display changed its size; the clip ends there");
                break;
            }
            Err(error) => return Err(error.into()),
        }
        let late = Instant::now().saturating_duration_since(due).as_secs_f64();
        let missed = ((late * arguments.fps) as u64).min(wanted - writer.frames - 1);
        dropped += missed;
        for _ in 0..=missed {
            writer.write(frame.clone())?;
        }
    }
    let name = writer.name.clone();
    let description = arguments.description.as_deref().unwrap_or(&name);
    let (frames, bytes) = writer.finish(arguments.fps, description)?;
    let Size { width, height } = size;
    Ok(Recorded { clip: name, width, height, fps: arguments.fps, frames, dropped, bytes })
}

/// Writes the two files of a clip.
struct ClipWriter {
    name: String,
    size: Size,
    description_path: PathBuf,
    frames: u64,
    queue: SyncSender<Frame>,
    compressor: JoinHandle<std::io::Result<u64>>,
}

impl ClipWriter {
    /// Starts the clip `path`, with or without one of the format's endings.
    fn create(path: &Path, size: Size, level: i32) -> Result<Self, BenchError> {
        let text = path.to_string_lossy();
        let base = text.strip_suffix(".json").or(text.strip_suffix(".bgrx.zst")).unwrap_or(&text);
        let name = Path::new(base)
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| BenchError::NoClip(path.to_owned()))?
            .to_owned();
        let file = BufWriter::new(File::create(format!("{base}.bgrx.zst"))?);
        let mut stream = zstd::Encoder::new(file, level)?;
        stream.window_log(WINDOW_LOG)?;
        stream.long_distance_matching(true)?;
        let (queue, pictures) = sync_channel(QUEUE);
        Ok(Self {
            name,
            size,
            description_path: PathBuf::from(format!("{base}.json")),
            frames: 0,
            queue,
            compressor: std::thread::spawn(move || compress(&pictures, stream)),
        })
    }

    /// Adds a picture; waits while the compressor is behind.
    fn write(&mut self, frame: Frame) -> Result<(), BenchError> {
        self.frames += 1;
        // Its error, when it has ended early, is told at the end.
        self.queue.send(frame).map_err(|_| BenchError::Recording(self.name.clone()))
    }

    /// Completes both files and returns the number of frames and of bytes.
    fn finish(self, fps: f64, description: &str) -> Result<(u64, u64), BenchError> {
        let Self { name, size, description_path, frames, queue, compressor } = self;
        drop(queue);
        let bytes = compressor.join().map_err(|_| BenchError::Recording(name))??;
        let text = json::line(&Description {
            width: size.width,
            height: size.height,
            fps,
            frames,
            stride: usize::from(size.width) * BYTES_PER_PIXEL,
            pixel_format: "BGRX",
            description,
        });
        std::fs::write(description_path, text + "\n")?;
        Ok((frames, bytes))
    }
}

/// Compresses pictures, their fourth bytes set to zero, until there are no more; returns the bytes.
fn compress(
    pictures: &Receiver<Frame>,
    mut stream: zstd::Encoder<'_, BufWriter<File>>,
) -> std::io::Result<u64> {
    for mut frame in pictures {
        frame.data_mut().chunks_exact_mut(BYTES_PER_PIXEL).for_each(|pixel| pixel[3] = 0);
        stream.write_all(frame.data())?;
    }
    let file = stream.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    Ok(file.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tessera_capture::Pace;
    use tessera_capture::clip::ClipReader;
    use tessera_capture::pattern::PatternSource;

    #[test]
    fn a_recording_is_a_clip_whose_pictures_move() {
        let folder = tempfile::tempdir().expect("a folder");
        let size = Size::new(97, 65);
        let pace = Pace::Every(Duration::from_millis(5));
        let mut source = PatternSource::new(size, 3, pace).expect("a pattern");
        let arguments = RecordArgs {
            display: None,
            seconds: 0.1,
            fps: 100.0,
            level: 1,
            description: Some("a \"pattern\"".into()),
            json: false,
            out: folder.path().join("moving.json"),
        };
        let recorded = record(&mut source, &arguments).expect("a recording");
        assert_eq!((recorded.clip.as_str(), recorded.frames), ("moving", 10));

        let mut reader = ClipReader::open(&folder.path().join("moving")).expect("a clip");
        assert_eq!((reader.info().size, reader.info().frames), (size, 10));
        assert_eq!(reader.info().interval, Duration::from_millis(10));
        assert_eq!(reader.info().description, "a \"pattern\"");
        let mut frame = Frame::black(size);
        let mut pictures = std::collections::HashSet::new();
        while reader.read_frame(&mut frame).expect("a frame") {
            assert!(frame.data().iter().skip(3).step_by(4).all(|&byte| byte == 0));
            pictures.insert(frame.data().to_vec());
        }
        assert!(pictures.len() as u64 + recorded.dropped > 5, "{} pictures", pictures.len());
    }
}
