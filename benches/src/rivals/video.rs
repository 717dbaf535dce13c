//! Video coders through ffmpeg, where it is installed.
//!
//! ffmpeg runs once to encode and once to decode; packet sizes come from the coded file and times
//! are the processor time of the process as ffmpeg's own `-benchmark` reports it, conversion of
//! colours included, divided by the frames.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tessera_codec::{Frame, Size};

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

/// The coders that the installed ffmpeg has; empty when there is no ffmpeg.
pub(crate) fn video_coders() -> Vec<&'static VideoCoder> {
    let Ok(listing) = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output() else {
        return Vec::new();
    };
    let listing = String::from_utf8_lossy(&listing.stdout);
    let has = |name: &str| listing.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
    VIDEO_CODERS.iter().filter(|coder| has(coder.encoder)).collect()
}

/// Runs `coder` over all frames of a clip: `open` starts the clip anew.
pub(crate) fn measure(
    coder: &VideoCoder,
    size: Size,
    fps: f64,
    open: &mut dyn FnMut() -> Result<crate::clip::Frames, BenchError>,
) -> Result<Tally, BenchError> {
    let folder = tempfile::tempdir()?;
    let coded = folder.path().join("coded.mkv");
    let encode = encode(coder, size, fps, &mut open()?, &coded)?;
    let packets = packet_sizes(&coded)?;
    let mut decoder = Command::new("ffmpeg")
        .args(["-v", "info", "-nostats", "-benchmark", "-threads", "1", "-i"])
        .arg(&coded)
        .args(["-f", "rawvideo", "-pix_fmt", "bgr0", "-"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut errors = decoder.stderr.take().ok_or(BenchError::Rival("ffmpeg without an output"))?;
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text)
    });
    let mut pictures =
        decoder.stdout.take().ok_or(BenchError::Rival("ffmpeg without an output"))?;
    let mut frames = open()?;
    let (mut source, mut decoded) = (Frame::black(size), Frame::black(size));
    let count = packets.len().max(1) as u32;
    let mut tally = Tally::default();
    for bytes in packets {
        if !frames.next_into(&mut source)? {
            break;
        }
        pictures.read_exact(decoded.data_mut())?;
        let cost = Cost { bytes, encode: encode / count, ..Cost::default() };
        tally.add(cost, source.view(), decoded.view());
    }
    drop(pictures);
    decoder.wait()?;
    let text = log.join().map_err(|_| BenchError::Rival("reading ffmpeg's report"))??;
    tally.set_decode(processor_time(&text) / count);
    Ok(tally)
}

fn encode(
    coder: &VideoCoder,
    size: Size,
    fps: f64,
    frames: &mut crate::clip::Frames,
    coded: &Path,
) -> Result<Duration, BenchError> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "info", "-nostats", "-benchmark", "-y", "-f", "rawvideo", "-pix_fmt", "bgr0"])
        .args(["-s", &format!("{}x{}", size.width, size.height), "-r", &fps.to_string(), "-i", "-"])
        .args(["-threads", "1", "-g", "99999", "-c:v", coder.encoder])
        .args(coder.arguments)
        .arg(coded)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut errors = child.stderr.take().ok_or(BenchError::Rival("ffmpeg without an output"))?;
    let log = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text)
    });
    let mut input = child.stdin.take().ok_or(BenchError::Rival("ffmpeg without an input"))?;
    let mut frame = Frame::black(size);
    while frames.next_into(&mut frame)? {
        input.write_all(frame.data())?;
    }
    drop(input);
    let status = child.wait()?;
    let text = log.join().map_err(|_| BenchError::Rival("reading ffmpeg's report"))??;
    if !status.success() {
        return Err(BenchError::Rival(coder.name));
    }
    Ok(processor_time(&text))
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
