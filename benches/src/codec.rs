//! The `codec` subcommand: a table per clip.

use crate::cli::{CodecArgs, Only, PolicyName};
use crate::clip::Clip;
use crate::error::BenchError;
use crate::ours::{self, Setting};
use crate::report::{Row, heading};
use crate::rivals;

/// Runs every codec over every clip and prints each result as soon as it is there.
pub(crate) fn run(arguments: &CodecArgs) -> Result<(), BenchError> {
    let policies: &[PolicyName] = if arguments.policy.is_empty() {
        &[PolicyName::Exact, PolicyName::Live]
    } else {
        &arguments.policy
    };
    for clip in Clip::find(&arguments.clips, arguments.frames)? {
        if !arguments.json {
            println!("{}", heading(&clip.name, clip.size.width, clip.size.height));
        }
        for &policy in policies {
            emit(&ours(&clip, policy)?, arguments.json);
        }
        if arguments.only == Only::All {
            rivals(&clip, arguments.json)?;
        }
    }
    Ok(())
}

fn emit(row: &Row, json: bool) {
    if json {
        println!("{}", serde_json_line(row));
    } else {
        println!("{}", row.line());
    }
}

fn serde_json_line(row: &Row) -> String {
    simd_json::to_string(row).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"))
}

fn ours(clip: &Clip, policy: PolicyName) -> Result<Row, BenchError> {
    let setting = Setting { policy, threads: 1, ack_delay: 0 };
    let one = ours::measure(clip, setting)?;
    let two = ours::measure(clip, Setting { threads: 2, ..setting })?;
    let mut row = Row::new(&clip.name, "tessera", clip.size.area(), &one);
    row.policy = Some(policy.as_str());
    row.ack_delay = Some(setting.ack_delay);
    row.encode_ms_2t = Some(two.encode_ms());
    row.decode_ms_2t = Some(two.decode_ms());
    Ok(row)
}

fn rivals(clip: &Clip, json: bool) -> Result<(), BenchError> {
    let pixels = clip.size.area();
    for mut codec in rivals::stills()? {
        let mut frames = clip.frames()?;
        let mut next = |frame: &mut tessera_codec::Frame| frames.next_into(frame);
        let tally = rivals::measure_still(codec.as_mut(), clip.size, &mut next)?;
        emit(&Row::new(&clip.name, codec.name(), pixels, &tally), json);
    }
    for coder in rivals::video_coders() {
        let tally = rivals::measure_video(coder, clip.size, clip.fps, &mut || clip.frames())?;
        emit(&Row::new(&clip.name, coder.name, pixels, &tally), json);
    }
    Ok(())
}
