//! The command line of `tessera-bench`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures Tessera beside others: its codec on recorded clips, its programs on displays.
#[derive(Debug, Parser)]
#[command(name = "tessera-bench", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bytes, exactness and time of codecs on clips.
    Codec(CodecArgs),
    /// Encode a clip into a file that `decode` reads.
    Encode(EncodeArgs),
    /// Decode what `encode` wrote into raw BGRX frames, X byte zero.
    Decode(DecodeArgs),
    /// Delays, bytes and processor time glass to glass, with the real programs across a network.
    Latency(LatencyArgs),
    /// What the relay forwards on one core, beside coturn.
    Relay(RelayArgs),
    /// Record a live X11 display as a clip.
    Record(RecordArgs),
    /// Draw results of `codec --json` as bar charts.
    Plot(PlotArgs),
    /// Write updates of a part of a clip as an input of the fuzz target `decode`.
    Seed(SeedArgs),
    /// How congestion control answers when a path changes, on a simulated network.
    Rate(RateArgs),
    /// What several viewers of one share cost, beside one viewer.
    Viewers(ViewersArgs),
}

/// Arguments of `rate`.
#[derive(Debug, Args)]
pub(crate) struct RateArgs {
    /// Seed of the network's weather.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON value for each step, with its samples.
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw each step into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) svg: Option<PathBuf>,
}

/// Arguments of `viewers`.
#[derive(Debug, Args)]
pub(crate) struct ViewersArgs {
    /// The clip that they see.
    pub(crate) clip: PathBuf,
    /// How many viewers, one run after the other; the others are compared with the first.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8")]
    pub(crate) viewers: Vec<usize>,
    /// Pictures that are counted, after some that are not.
    #[arg(long, default_value_t = 120)]
    pub(crate) frames: usize,
    /// Runs with each number of viewers; the fastest counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) passes: u16,
}

/// Arguments of `codec`.
#[derive(Debug, Args)]
pub(crate) struct CodecArgs {
    /// Clips (NAME.json beside NAME.bgrx.zst, or a file that ffmpeg reads) or folders of them; the
    /// project's own when none is named.
    pub(crate) clips: Vec<PathBuf>,
    /// Which codecs run.
    #[arg(long, value_enum, default_value_t = Only::All)]
    pub(crate) only: Only,
    /// Policies of our codec; both when none is named.
    #[arg(long, value_enum)]
    pub(crate) policy: Vec<PolicyName>,
    /// How many colours the pictures of our codec have.
    #[arg(long, value_enum, default_value_t = ColourName::Standard)]
    pub(crate) colours: ColourName,
    /// Frames between an update and what our encoder learns of it; 0 and 3 when none is named.
    #[arg(long, value_name = "FRAMES")]
    pub(crate) ack_delay: Vec<usize>,
    /// Lose every so manieth leaf update of our codec, to see what its repair costs; 0 for none.
    #[arg(long, value_name = "EVERY", default_value_t = 0)]
    pub(crate) lose_leaf: usize,
    /// Passes over each clip; of each frame's times the fastest counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) passes: u16,
    /// Code at most this many frames of each clip.
    #[arg(long, value_name = "FRAMES")]
    pub(crate) frames: Option<usize>,
    /// Print one JSON object per clip and codec instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `latency`.
#[derive(Debug, Args)]
pub(crate) struct LatencyArgs {
    /// The networks, one after the other.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "lan")]
    pub(crate) profile: Vec<ProfileName>,
    /// What happens on the desktop meanwhile, one after the other.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "idle,type,terminal,browser,film,drag"
    )]
    pub(crate) load: Vec<LoadName>,
    /// Other systems that are measured in the same run.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) against: Vec<Rival>,
    /// Measure the others only.
    #[arg(long)]
    pub(crate) without_ours: bool,
    /// Leave out single changes and keys.
    #[arg(long)]
    pub(crate) loads_only: bool,
    /// Notches a second by which the browser scrolls.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) notches: u32,
    /// Fewer changes and shorter loads: coarser figures.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Also cut the network for so many seconds and time until the desktop is seen again; not on lan.
    #[arg(long, value_name = "SECONDS", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) outage: Vec<u64>,
    /// How often the network is cut for each time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Also share the network with a TCP connection under CUBIC, for so many seconds, while the desktop has more to send
    /// than it carries; not on lan.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) beside_cubic: Option<u64>,
    /// Print one JSON object per measurement instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also draw the delays.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Also write one JSON object per measurement there.
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// Folder for the logs of everything that is started.
    #[arg(long, value_name = "DIR", default_value = "target/latency")]
    pub(crate) out: PathBuf,
}

/// Arguments of `relay`.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// The program whose relay is measured.
    #[arg(long, value_name = "FILE", default_value = "target/release/tessera-center")]
    pub(crate) center: PathBuf,
    /// How long packets are sent at each rate that is tried.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 800, value_parser = clap::value_parser!(u32).range(50..=60_000))]
    pub(crate) trial_ms: u32,
    /// Print one JSON object per measurement instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Also draw the rates.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// Nothing is limited.
    Lan,
    /// 20 Mbit/s, 40 ms.
    Dsl,
    /// 4 Mbit/s, 100 ms, 2 % lost each way.
    Bad,
}

/// What happens on the desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoadName {
    /// Nothing but a clock.
    Idle,
    /// Keys are typed into a terminal.
    Type,
    /// A terminal scrolls.
    Terminal,
    /// A browser scrolls.
    Browser,
    /// A film plays.
    Film,
    /// A window is dragged.
    Drag,
    /// Noise in four colours, more than any network carries.
    Noise,
}

impl LoadName {
    /// The name as it stands in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Type => "type",
            Self::Terminal => "terminal",
            Self::Browser => "browser",
            Self::Film => "film",
            Self::Drag => "drag",
            Self::Noise => "noise",
        }
    }
}

/// Another system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rival {
    /// TigerVNC's scraping server and its viewer.
    #[value(name = "tigervnc")]
    TigerVnc,
    /// x11vnc and TigerVNC's viewer.
    #[value(name = "x11vnc")]
    X11Vnc,
}

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The clip.
    pub(crate) clip: PathBuf,
    /// The file to write.
    pub(crate) out: PathBuf,
    /// How the encoder treats pictures in motion.
    #[arg(long, value_enum, default_value_t = PolicyName::Exact)]
    pub(crate) policy: PolicyName,
    /// How many colours the pictures have.
    #[arg(long, value_enum, default_value_t = ColourName::Standard)]
    pub(crate) colours: ColourName,
    /// Print what was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// A file that `encode` wrote.
    pub(crate) input: PathBuf,
    /// The raw frames to write.
    pub(crate) raw: PathBuf,
    /// Print what was read as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `record`.
#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The display, such as `:0`; that of the environment when none is named.
    #[arg(long)]
    pub(crate) display: Option<String>,
    /// How long to record.
    #[arg(long, default_value_t = 5.0, value_parser = positive)]
    pub(crate) seconds: f64,
    /// Pictures a second.
    #[arg(long, default_value_t = 30.0, value_parser = positive)]
    pub(crate) fps: f64,
    /// Level of zstd, 1 to 19: a higher one may be too slow to keep up.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) level: i32,
    /// What can be seen, for people.
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Print what was recorded as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The clip to write: OUT.json and OUT.bgrx.zst.
    pub(crate) out: PathBuf,
}

/// Arguments of `plot`.
#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    /// What `codec --json` printed.
    pub(crate) results: PathBuf,
    /// The folder for the pictures, CLIP.svg for each clip.
    pub(crate) folder: PathBuf,
    /// Print what was drawn as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `seed`.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// The clip.
    pub(crate) clip: PathBuf,
    /// The file to write.
    pub(crate) out: PathBuf,
    /// Width of the part, which is taken from the middle.
    #[arg(long, default_value_t = 192, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) width: u16,
    /// Height of the part.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) height: u16,
    /// Frames to leave out at the beginning.
    #[arg(long, default_value_t = 0)]
    pub(crate) skip: usize,
    /// Frames to code.
    #[arg(long, default_value_t = 4)]
    pub(crate) frames: usize,
    /// How the encoder treats pictures in motion.
    #[arg(long, value_enum, default_value_t = PolicyName::Live)]
    pub(crate) policy: PolicyName,
    /// Print what was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A number above 0, at most 1000.
fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 1000.0 => Ok(number),
        _ => Err("a number above 0, at most 1000, is needed".into()),
    }
}

/// Which codecs take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Ours and every rival that is installed.
    All,
    /// Ours alone.
    Ours,
}

/// How our encoder treats pictures in motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    /// Every frame is exact when it ends.
    Exact,
    /// As in a session: pictures are lossy while they move and refined at rest.
    Live,
}

impl From<PolicyName> for tessera_codec::Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Exact => Self::Exact,
            PolicyName::Live => Self::Live,
        }
    }
}

impl PolicyName {
    /// The name as it stands in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Live => "live",
        }
    }
}

/// How many colours our encoder's pictures have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourName {
    /// All.
    Standard,
    /// 256, a palette for each scene.
    #[value(name = "256")]
    Palette,
    /// High colour, 65,536.
    #[value(name = "16bit")]
    HighColour,
}

impl From<ColourName> for tessera_codec::ColourMode {
    fn from(name: ColourName) -> Self {
        match name {
            ColourName::Standard => Self::Standard,
            ColourName::Palette => Self::Palette,
            ColourName::HighColour => Self::HighColour,
        }
    }
}
