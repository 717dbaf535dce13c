//! Clips as sequences of frames: the project's own format, or whatever ffmpeg reads.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use tessera_capture::clip::ClipReader;
use tessera_codec::{Frame, MAX_DIMENSION, Size};

use crate::error::BenchError;

/// A clip that can be read any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    /// File name without its ending.
    pub(crate) name: String,
    /// Size of every frame.
    pub(crate) size: Size,
    /// Frames a second.
    pub(crate) fps: f64,
    path: PathBuf,
    limit: usize,
    format: Format,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Recorded,
    Video,
}

/// File endings that are handed to ffmpeg when a folder is searched.
const VIDEO_ENDINGS: [&str; 7] = ["mkv", "mp4", "webm", "avi", "mov", "y4m", "gif"];

/// The frames of one pass over a clip.
pub(crate) struct Frames {
    path: PathBuf,
    source: Source,
    left: usize,
}

enum Source {
    Recorded(Box<ClipReader>),
    /// A video that has been decoded: ffmpeg does nothing any more while times are taken.
    Decoded(File),
    /// A video that is too long for that.
    Video {
        child: Child,
        pixels: ChildStdout,
    },
}

/// Bytes of pixels up to which a video is decoded before its first frame is read.
const MAX_DECODED_BYTES: u64 = 1 << 30;

impl Clip {
    /// Opens one clip; at most `limit` frames of it are read.
    pub(crate) fn open(path: &Path, limit: Option<usize>) -> Result<Self, BenchError> {
        let limit = limit.unwrap_or(usize::MAX);
        let path = &recording_as_video(path);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("");
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .map(|name| name.split('.').next().unwrap_or(name).to_owned())
            .ok_or_else(|| BenchError::NoClip(path.to_owned()))?;
        if VIDEO_ENDINGS.contains(&ending) {
            let (size, fps) = probe(path)?;
            return Ok(Self {
                name,
                size,
                fps,
                path: path.to_owned(),
                limit,
                format: Format::Video,
            });
        }
        let reader = ClipReader::open(path)?;
        Ok(Self {
            name,
            size: reader.info().size,
            fps: reader.info().interval.as_secs_f64().recip(),
            path: path.to_owned(),
            limit,
            format: Format::Recorded,
        })
    }

    /// All clips in `paths`, folders searched one level deep, in order of their names.
    pub(crate) fn find(paths: &[PathBuf], limit: Option<usize>) -> Result<Vec<Self>, BenchError> {
        let mut clips = Vec::new();
        for path in paths {
            if !path.is_dir() {
                clips.push(Self::open(path, limit)?);
                continue;
            }
            let mut found: Vec<PathBuf> = std::fs::read_dir(path)?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| {
                    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
                    name.ends_with(".bgrx.zst")
                        || VIDEO_ENDINGS.iter().any(|ending| name.ends_with(&format!(".{ending}")))
                })
                .collect();
            found.sort();
            if found.is_empty() {
                return Err(BenchError::NoClip(path.clone()));
            }
            for path in found {
                clips.push(Self::open(&path, limit)?);
            }
        }
        Ok(clips)
    }

    /// Starts a pass over the frames.
    pub(crate) fn frames(&self) -> Result<Frames, BenchError> {
        let source = match self.format {
            Format::Recorded => Source::Recorded(Box::new(ClipReader::open(&self.path)?)),
            Format::Video => {
                if let Some(decoded) = self.decode()? {
                    let source = Source::Decoded(decoded);
                    return Ok(Frames { path: self.path.clone(), source, left: self.limit });
                }
                let mut child = self
                    .ffmpeg(&[])
                    .stdout(Stdio::piped())
                    .spawn()
                    .map_err(|error| self.no_ffmpeg(&error))?;
                let pixels = child.stdout.take().ok_or_else(|| {
                    BenchError::Clip(self.path.clone(), "ffmpeg has no output".into())
                })?;
                Source::Video { child, pixels }
            }
        };
        Ok(Frames { path: self.path.clone(), source, left: self.limit })
    }

    /// The pixels of a video in a file without a name, unless they are too many.
    fn decode(&self) -> Result<Option<File>, BenchError> {
        let mut file = tempfile::tempfile()?;
        let limits = [
            "-fs".to_owned(),
            MAX_DECODED_BYTES.to_string(),
            "-frames:v".to_owned(),
            self.limit.min(i32::MAX as usize).to_string(),
        ];
        let status = self.ffmpeg(&limits).stdout(file.try_clone()?).status();
        if !status.map_err(|error| self.no_ffmpeg(&error))?.success() {
            return Err(BenchError::Clip(self.path.clone(), STOPPED.into()));
        }
        let frame_bytes = self.size.area() as u64 * 4;
        file.rewind()?;
        // ffmpeg stops before the frame that would be too much, or after it.
        let is_whole = file.metadata()?.len() + frame_bytes < MAX_DECODED_BYTES;
        Ok(is_whole.then_some(file))
    }

    fn ffmpeg(&self, limits: &[String]) -> Command {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(&self.path).args(limits);
        command.args(["-f", "rawvideo", "-pix_fmt", "bgr0", "-"]).stdin(Stdio::null());
        command
    }

    fn no_ffmpeg(&self, error: &std::io::Error) -> BenchError {
        BenchError::Clip(self.path.clone(), format!("ffmpeg does not run: {error}"))
    }
}

/// What is said when ffmpeg fails, beside what it says itself.
const STOPPED: &str = "ffmpeg stopped with the error above";

/// `NAME.json` and plain `NAME` mean the video beside it where there is no `NAME.bgrx.zst`.
fn recording_as_video(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    let base = text.strip_suffix(".json").unwrap_or(&text);
    let beside = |ending: &&str| PathBuf::from(format!("{base}.{ending}"));
    if text != base || path.extension().is_none() {
        let video = VIDEO_ENDINGS.iter().map(beside).find(|video| video.is_file());
        if let Some(video) = video.filter(|_| !beside(&"bgrx.zst").is_file()) {
            return video;
        }
    }
    path.to_owned()
}

/// Size and frame rate of a video file.
fn probe(path: &Path) -> Result<(Size, f64), BenchError> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "stream=width,height,r_frame_rate"])
        .arg(path)
        .output()
        .map_err(|error| {
            BenchError::Clip(path.to_owned(), format!("ffprobe does not run: {error}"))
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_probe(text.trim())
        .ok_or_else(|| BenchError::Clip(path.to_owned(), "ffprobe finds no picture in it".into()))
}

/// Reads `width,height,numerator/denominator`.
fn parse_probe(line: &str) -> Option<(Size, f64)> {
    let mut fields = line.split(',');
    let mut dimension = || {
        fields.next()?.parse::<u16>().ok().filter(|&pixels| (1..=MAX_DIMENSION).contains(&pixels))
    };
    let size = Size::new(dimension()?, dimension()?);
    let (numerator, denominator) = fields.next()?.split_once('/')?;
    let fps = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    (fps.is_finite() && fps > 0.0).then_some((size, fps))
}

impl Frames {
    /// Reads the next frame, its X bytes set to zero; returns whether there was one.
    pub(crate) fn next_into(&mut self, frame: &mut Frame) -> Result<bool, BenchError> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let more = match &mut self.source {
            Source::Recorded(reader) => reader.read_frame(frame)?,
            Source::Decoded(pixels) => match pixels.read_exact(frame.data_mut()) {
                Ok(()) => true,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
                Err(error) => return Err(error.into()),
            },
            Source::Video { child, pixels } => match pixels.read_exact(frame.data_mut()) {
                Ok(()) => true,
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    if !child.wait()?.success() {
                        return Err(BenchError::Clip(self.path.clone(), STOPPED.into()));
                    }
                    false
                }
                Err(error) => return Err(error.into()),
            },
        };
        if more {
            frame.data_mut().chunks_exact_mut(4).for_each(|pixel| pixel[3] = 0);
        }
        Ok(more)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let Source::Video { child, .. } = &mut self.source {
            // It may have ended by itself; what matters is that none is left behind.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_line_gives_size_and_rate() {
        assert_eq!(parse_probe("1920,1080,30/1"), Some((Size::new(1920, 1080), 30.0)));
        assert_eq!(parse_probe("1920,1080,0/0"), None);
        assert_eq!(parse_probe("70000,1080,30/1"), None);
    }
}
