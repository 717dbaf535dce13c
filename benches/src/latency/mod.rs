//! The `latency` subcommand: how fast a customer's desktop is seen at the representative's, glass to glass, with the real
//! programs on real displays across a network, beside others in the same run.
//!
//! What is measured is what anyone could see: pixels of two displays and the bytes of a network device. The systems are
//! not asked.

mod chart;
mod load;
mod outage;
mod patch;
mod probes;
mod report;
mod scene;
mod stage;
mod system;

use std::path::Path;
use std::time::{Duration, Instant};

use tessera_netlab::Profile;
use tessera_witness::error::Error;
use tessera_witness::measure::{Delays, peak_memory_bytes, scheduled_time};
use tessera_witness::stop::Stop;

use self::load::Load;
use self::report::{Line, LoadFigures, Measure, Percentiles, Use};
use self::stage::{SCREEN, Stage};
use self::system::{Running, System};
use crate::cli::{LatencyArgs, LoadName, ProfileName};
use crate::error::BenchError;
use crate::json;

/// How much of each measurement a run does.
#[derive(Clone, Copy, Debug)]
struct Effort {
    changes: u32,
    keys: u32,
    full_screens: u16,
    /// How long a load is watched by itself, and as long again with the square.
    load: Duration,
}

/// Time for a load to get going before it is watched.
const WARM_UP: Duration = Duration::from_secs(1);

/// Runs the subcommand.
pub(crate) fn run(arguments: &LatencyArgs) -> Result<(), BenchError> {
    let stop = Stop::on_signals()?;
    let effort = if arguments.quick {
        Effort { changes: 40, keys: 30, full_screens: 10, load: Duration::from_secs(2) }
    } else {
        Effort { changes: 300, keys: 200, full_screens: 60, load: Duration::from_secs(6) }
    };
    let rivals = arguments.against.iter().copied().map(System::Rival);
    let ours = (!arguments.without_ours).then_some(System::Ours);
    let systems: Vec<System> = ours.into_iter().chain(rivals).collect();
    let mut lines = Vec::new();
    if !arguments.json {
        println!("{}", Line::HEAD);
    }
    for profile in arguments.profiles() {
        for system in &systems {
            let mut say = |measure: Measure| {
                let line =
                    Line { system: system.name().into(), profile: profile.name.into(), measure };
                println!("{}", if arguments.json { json::line(&line) } else { line.row() });
                lines.push(line);
            };
            let missing = system.missing();
            if !missing.is_empty() {
                let reason = format!("not installed: {}", missing.join(", "));
                say(Measure::Missing { reason });
                continue;
            }
            let out = arguments.out.join(profile.name).join(system.name());
            let measured = measure(*system, &profile, arguments, effort, &out, &stop, &mut say);
            match (measured, system) {
                // On a network that is too bad for another system the run goes on without it.
                (Err(BenchError::Witness(error)), System::Rival(_))
                    if !matches!(error, Error::Interrupted) =>
                {
                    say(Measure::Missing { reason: error.to_string() });
                }
                (measured, _) => measured?,
            }
        }
    }
    if let Some(path) = &arguments.results {
        std::fs::write(path, lines.iter().map(|line| json::line(line) + "\n").collect::<String>())?;
    }
    if let Some(path) = &arguments.svg {
        std::fs::write(path, chart::draw(&lines))?;
    }
    Ok(())
}

/// Measures one system on one network.
fn measure(
    system: System,
    profile: &Profile,
    arguments: &LatencyArgs,
    effort: Effort,
    out: &Path,
    stop: &Stop,
    say: &mut impl FnMut(Measure),
) -> Result<(), BenchError> {
    std::fs::create_dir_all(out)?;
    let mut stage = Stage::set_up(profile, out, stop)?;
    let mut running = system.start(&mut stage, stop)?;
    if let Some(joined) = running.joined {
        say(Measure::Join { join_ms: report::milliseconds(joined) });
    }
    probes::settled_share(&mut stage, stop)?;
    if arguments.loads_only {
        // One key all the same: with it the desktop is operated, and its pointer no longer drawn into the picture.
        probes::keys(&mut stage, 1, stop)?;
    } else {
        say(Measure::Key(Percentiles::from(&probes::keys(&mut stage, effort.keys, stop)?)));
        let changes = probes::single_changes(&mut stage, effort.changes, stop)?;
        say(Measure::Change(Percentiles::from(&changes)));
        let full_screens = probes::full_screen(&mut stage, effort.full_screens, stop)?;
        say(Measure::FullScreen(Percentiles::from(&full_screens)));
    }
    for load in &arguments.load {
        let (figures, keys) = under_load(*load, &mut stage, &mut running, arguments, effort, stop)?;
        say(Measure::Load(Box::new(figures)));
        if let Some(keys) = keys {
            let delays = Percentiles::from(&keys);
            say(Measure::KeyUnderLoad { load: load.as_str().into(), delays });
        }
    }
    if stage.network.link.is_some() {
        for outage_s in &arguments.outage {
            let outage = Duration::from_secs(*outage_s);
            let delays = outage::resume(&mut stage, &mut running, outage, arguments.runs, stop)?;
            let delays = Percentiles::from(&delays);
            say(Measure::Resume { outage_s: *outage_s, delays });
        }
        if let Some(seconds) = arguments.beside_cubic {
            let shares = outage::beside_cubic(&mut stage, Duration::from_secs(seconds), stop)?;
            say(Measure::BesideCubic {
                cubic_alone_kb_per_s: shares.cubic_alone / 1e3,
                cubic_kb_per_s: shares.cubic / 1e3,
                system_kb_per_s: shares.system / 1e3,
            });
        }
    }
    let [sharer, viewer] = running.ends();
    let megabytes = |pid| Ok::<_, Error>(peak_memory_bytes(pid)? as f64 / 1e6);
    say(Measure::Memory { sharer_mb: megabytes(sharer)?, viewer_mb: megabytes(viewer)? });
    Ok(())
}

fn under_load(
    name: LoadName,
    stage: &mut Stage,
    running: &mut Running,
    arguments: &LatencyArgs,
    effort: Effort,
    stop: &Stop,
) -> Result<(LoadFigures, Option<Delays>), BenchError> {
    let mut load = Load::start(name, stage, arguments.notches, stop)?;
    stop.pause(WARM_UP)?;
    let [sharer, viewer] = running.ends();
    let used = |pid| scheduled_time(pid).unwrap_or_default();
    let before = (stage.network.traffic()?, used(sharer), used(viewer));
    let link_before = stage.network.link.as_ref().map(|link| {
        link.forget_longest();
        link.figures()[0]
    });
    let started = Instant::now();
    stop.pause(effort.load)?;
    let span = started.elapsed().as_secs_f64();
    let after = (stage.network.traffic()?, used(sharer), used(viewer));
    let link_after = stage.network.link.as_ref().map(|link| link.figures()[0]);
    let use_ = link_before.zip(link_after).and_then(|(before, after)| {
        let rate_bits = stage.network.rate_bits? as f64;
        let packets = (after.packets - before.packets).max(1) as f64;
        let queued = after.queued.saturating_sub(before.queued);
        Some(Use {
            share: (after.bytes - before.bytes) as f64 * 8.0 / span / rate_bits,
            queue_mean_ms: report::milliseconds(queued) / packets,
            queue_longest_ms: report::milliseconds(after.queued_longest),
        })
    });
    load.check()?;
    running.check()?;
    let rate = |before: u64, after: u64| (after - before) as f64 / span / 1e3;
    let share =
        |before: Duration, after: Duration| (after.saturating_sub(before)).as_secs_f64() / span;
    let figures = LoadFigures {
        load: name.as_str().into(),
        description: load.description.clone(),
        sent_kb_per_s: rate(before.0.sent_bytes, after.0.sent_bytes),
        received_kb_per_s: rate(before.0.received_bytes, after.0.received_bytes),
        sharer_cpu: share(before.1, after.1),
        viewer_cpu: share(before.2, after.2),
        seen_per_s: 0.0,
        drawn_per_s: 0.0,
        sharer_ms_per_megapixel: 0.0,
        delays: Percentiles { measured: 0, p50_ms: 0.0, p95_ms: 0.0, p99_ms: 0.0 },
        settled_exact_share: 0.0,
        exact_after_ms: None,
        use_,
    };
    let before = used(sharer);
    let followed = probes::follow(stage, effort.load, stop)?;
    let figures = figures.followed(&followed, used(sharer).saturating_sub(before), SCREEN);
    load.check()?;
    // Typed while a film plays: what a person does who waits for it to end.
    let keys =
        (name == LoadName::Film).then(|| probes::keys(stage, effort.keys / 2, stop)).transpose()?;
    load.stand_still()?;
    let exact_after_ms = probes::until_exact(stage, stop)?.map(report::milliseconds);
    let settled_exact_share = probes::settled_share(stage, stop)?;
    drop(load);
    Ok((LoadFigures { settled_exact_share, exact_after_ms, ..figures }, keys))
}

impl LatencyArgs {
    fn profiles(&self) -> Vec<Profile> {
        let profile = |name: &ProfileName| match name {
            ProfileName::Lan => Profile::LAN,
            ProfileName::Dsl => Profile::DSL,
            ProfileName::Bad => Profile::BAD,
        };
        self.profile.iter().map(profile).collect()
    }
}
