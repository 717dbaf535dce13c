//! Video coders through ffmpeg, where it is installed.
//!
//! ffmpeg runs once to encode and once to decode; packet sizes come from the coded file and times
//! are the processor time of the process as ffmpeg's own `-benchmark` reports it, conversion of
//! colours included, divided by the frames.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use tessera_codec::{Frame, Size, TileGrid};

use crate::clip::Clip;
use crate::error::BenchError;
use crate::metrics::{Cost, Tally};

/// A video coder and its real-time settings.
pub(crate) struct VideoCoder {
    /// Name and settings, as they stand in reports.
    pub(crate) name: &'static str,
    encoder: &'static str,
    arguments: &'static [&'static str],
}

const VIDEO_CODERS: [VideoCoder; 3] = [
    VideoCoder {
        name: "x264 veryfast crf18 4:4:4",
        encoder: "libx264",
        arguments: &[
            "-preset",
            "veryfast",
            "-tune",
            "zerolatency",
            "-crf",
            "18",
            "-pix_fmt",
            "yuv444p",
        ],
    },
    VideoCoder {
        name: "SVT-AV1 p12 screen",
        encoder: "libsvtav1",
        arguments: &[
            "-preset",
            "12",
            "-crf",
            "30",
            "-svtav1-params",
            "scm=1:pred-struct=1:lp=1",
            "-pix_fmt",
            "yuv420p",
        ],
    },
    VideoCoder {
        name: "aom-AV1 rt10 screen",
        encoder: "libaom-av1",
        arguments: &[
            "-usage",
            "realtime",
            "-crf",
            "30",
            "-lag-in-frames",
            "0",
            "-aom-params",
            "cpu-used=10:tune-content=screen",
            "-pix_fmt",
            "yuv420p",
        ],
    },
];

/// The coders that the installed ffmpeg has; says which it has not.
pub(crate) fn video_coders() -> Vec<&'static VideoCoder> {
    let Ok(listing) = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output() else {
        eprintln!(
            "tessera-bench: there is no ffmpeg, so x264 and AV1 are left out; install it, or leave \
             all rivals out with --only ours"
        );
        return Vec::new();
    };
    let listing = String::from_utf8_lossy(&listing.stdout);
    let has = |name: &str| listing.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    let (there, missing): (Vec<_>, Vec<_>) =
        VIDEO_CODERS.iter().partition(|coder| has(coder.encoder));
    for coder in missing {
        eprintln!(
            "tessera-bench: {} is left out: the installed ffmpeg has no encoder {}; install one that \
             has it, or leave all rivals out with --only ours",
            coder.name, coder.encoder
        );
    }
    there
}

/// Runs `coder` over all frames of `clip`.
pub(crate) fn measure(coder: &VideoCoder, clip: &Clip) -> Result<Tally, BenchError> {
    let failed = |_: std::io::Error| BenchError::Rival(coder.name);
    let folder = tempfile::tempdir()?;
    let coded = folder.path().join("coded.mkv");
    let encode = encode(coder, clip, &coded)?;
    let packets = packet_sizes(&coded)?;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "info", "-nostats", "-benchmark", "-threads", "1", "-i"])
        .arg(&coded)
        .args(["-f", "rawvideo", "-pix_fmt", "bgr0", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut decoder = Running::start(&mut ffmpeg, coder)?;
    let mut pictures = decoder.child.stdout.take().ok_or(BenchError::Rival(coder.name))?;
    let mut frames = clip.frames()?;
    let (mut source, mut decoded) = (Frame::black(clip.size), Frame::black(clip.size));
    let count = packets.len().max(1) as u32;
    let mut tally = Tally::new(TileGrid::new(clip.size));
    for bytes in packets {
        if !frames.next_into(&mut source)? {
            break;
        }
        pictures.read_exact(decoded.data_mut()).map_err(failed)?;
        tally.add(Cost { bytes, ..Cost::default() }, source.view(), decoded.view());
    }
    drop(pictures);
    let decode = decoder.finish(coder)?;
    tally.set_times(encode / count, decode / count);
    Ok(tally)
}

/// Codes the clip into the file `coded` and returns the processor time of that.
fn encode(coder: &VideoCoder, clip: &Clip, coded: &Path) -> Result<Duration, BenchError> {
    let Size { width, height } = clip.size;
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "info", "-nostats", "-benchmark", "-y", "-f", "rawvideo", "-pix_fmt", "bgr0"])
        .args(["-s", &format!("{width}x{height}"), "-r", &clip.fps.to_string(), "-i", "-"])
        .args(["-threads", "1", "-g", "99999", "-c:v", coder.encoder])
        .args(coder.arguments)
        .arg(coded)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut running = Running::start(&mut ffmpeg, coder)?;
    let mut input = running.child.stdin.take().ok_or(BenchError::Rival(coder.name))?;
    let mut frames = clip.frames()?;
    let mut frame = Frame::black(clip.size);
    while frames.next_into(&mut frame)? {
        // When it has ended early, its report says why.
        if input.write_all(frame.data()).is_err() {
            break;
        }
    }
    drop(input);
    running.finish(coder)
}

/// An ffmpeg under way, its report being read on a thread of its own.
struct Running {
    child: Child,
    report: Option<JoinHandle<std::io::Result<String>>>,
}

impl Running {
    fn start(command: &mut Command, coder: &VideoCoder) -> Result<Self, BenchError> {
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut errors = child.stderr.take().ok_or(BenchError::Rival(coder.name))?;
        let report = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).map(|_| text)
        });
        Ok(Self { child, report: Some(report) })
    }

    /// Waits for its end and returns the processor time that it took.
    fn finish(mut self, coder: &VideoCoder) -> Result<Duration, BenchError> {
        let report = self.report.take().and_then(|report| report.join().ok());
        let text = report.ok_or(BenchError::Rival(coder.name))??;
        if !self.child.wait()?.success() {
            for line in text.lines().filter(|line| line.contains("rror")) {
                eprintln!("{line}");
            }
            return Err(BenchError::Rival(coder.name));
        }
        Ok(processor_time(&text))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; what matters is that none is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sum of user and system time in the line `bench: utime=1.2s stime=0.1s rtime=...`.
fn processor_time(log: &str) -> Duration {
    let seconds = |key: &str| -> f64 {
        log.lines()
            .filter_map(|line| line.strip_prefix("bench: utime").map(|_| line))
            .flat_map(str::split_whitespace)
            .filter_map(|word| word.strip_prefix(key)?.strip_suffix('s')?.parse::<f64>().ok())
            .sum()
    };
    Duration::from_secs_f64(seconds("utime=") + seconds("stime="))
}

fn packet_sizes(coded: &Path) -> Result<Vec<usize>, BenchError> {
    let listing = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=size",
            "-of",
            "csv=p=0",
        ])
        .arg(coded)
        .output()?;
    Ok(String::from_utf8_lossy(&listing.stdout)
        .lines()
        .filter_map(|line| line.trim_end_matches(',').parse().ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_from_the_benchmark_line() {
        let log = "frame= 10\nbench: utime=1.250s stime=0.250s rtime=9.000s\nbench: maxrss=10kB\n";
        assert_eq!(processor_time(log), Duration::from_millis(1500));
    }
}
