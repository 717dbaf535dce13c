//! The `codec` subcommand: a table per clip.

use std::path::PathBuf;

use crate::cli::{CodecArgs, ColourName, Only, PolicyName};
use crate::clip::Clip;
use crate::error::BenchError;
use crate::json;
use crate::median_cut;
use crate::ours::{self, Setting};
use crate::report::{LEGEND, Row, heading};
use crate::rivals;

/// Frames between an update and its acknowledgement when none are named.
const ACK_DELAYS: [usize; 2] = [0, 3];

/// The project's own clips.
pub(crate) const OWN_CLIPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clips");

/// Runs every codec over every clip and prints each result as soon as it is there.
pub(crate) fn run(arguments: &CodecArgs) -> Result<(), BenchError> {
    let own = [PathBuf::from(OWN_CLIPS)];
    let paths = if arguments.clips.is_empty() { &own[..] } else { &arguments.clips };
    let clips = Clip::find(paths, arguments.frames)?;
    if !arguments.json {
        println!("{LEGEND}");
    }
    let with_rivals = arguments.only == Only::All;
    let coders = if with_rivals { rivals::video_coders() } else { Vec::new() };
    for clip in clips {
        if !arguments.json {
            println!("{}", heading(&clip));
        }
        for setting in settings(arguments) {
            emit(&ours(&clip, setting, usize::from(arguments.passes))?, arguments.json);
        }
        if with_rivals {
            stills(&clip, arguments)?;
        }
        for coder in &coders {
            match rivals::measure_video(coder, &clip) {
                Ok(tally) => emit(&Row::new(&clip, coder.name, &tally), arguments.json),
                // What a rival cannot do must not hide the others' figures.
                Err(error) => eprintln!("tessera-bench: {}: {error}", clip.name),
            }
        }
    }
    Ok(())
}

fn emit(row: &Row, json: bool) {
    if json {
        println!("{}", json::line(row));
    } else {
        println!("{}", row.lines());
    }
}

/// Every combination of what the arguments ask for.
fn settings(arguments: &CodecArgs) -> Vec<Setting> {
    let policies: &[PolicyName] = if arguments.policy.is_empty() {
        &[PolicyName::Exact, PolicyName::Live]
    } else {
        &arguments.policy
    };
    let delays =
        if arguments.ack_delay.is_empty() { &ACK_DELAYS[..] } else { &arguments.ack_delay };
    let lose_leaf = arguments.lose_leaf;
    policies
        .iter()
        .flat_map(|&policy| {
            delays.iter().map(move |&ack_delay| Setting {
                policy,
                colours: arguments.colours,
                threads: 1,
                ack_delay,
                lose_leaf,
            })
        })
        .collect()
}

fn ours(clip: &Clip, setting: Setting, passes: usize) -> Result<Row, BenchError> {
    let [one, two] = ours::measure_both(clip, setting, passes)?;
    let median_cut_db = match setting.colours {
        ColourName::Palette => median_cut::screen_psnr_db(clip)?,
        _ => None,
    };
    Ok(Row::ours(clip, setting, &one, &two.tally, median_cut_db))
}

fn stills(clip: &Clip, arguments: &CodecArgs) -> Result<(), BenchError> {
    for mut codec in rivals::stills()? {
        let tally = rivals::measure_still(codec.as_mut(), clip)?;
        emit(&Row::new(clip, codec.name(), &tally), arguments.json);
    }
    Ok(())
}
