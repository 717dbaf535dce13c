//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tessera::{Activity, ColourCount, DisplayMode, Proxy};

/// Help customers live: see and operate their desktop with their consent.
#[derive(Debug, Parser)]
#[command(name = "tessera-csr", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a support session and show the code that the customer joins with
    Start(Start),
}

/// How to start a session.
#[derive(Clone, Debug, Args)]
pub(crate) struct Start {
    /// Address of the center: HOST:PORT, or HOST:PORT#FINGERPRINT to pin its certificate
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443")]
    pub(crate) center: String,
    /// File with the enrolment token that the center printed; needed once, else it is asked for
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// File to write the customer's code to, readable by you alone
    #[arg(long, value_name = "FILE")]
    pub(crate) code_file: Option<PathBuf>,
    /// Ask for this as soon as a customer has joined
    #[arg(long, value_name = "ACTIVITY")]
    pub(crate) request: Option<Request>,
    /// Display mode of the session
    #[arg(long, value_name = "MODE", value_enum, default_value_t = ShownAs::Standard)]
    pub(crate) display_mode: ShownAs,
    /// Colours in Screen sampling
    #[arg(long, value_name = "COLOURS", value_enum, default_value_t = Colours::HighColour)]
    pub(crate) colours: Colours,
    /// File with sentences to choose from in the chat, one a line [default: phrases.txt in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) phrases: Option<PathBuf>,
    /// Open the invitation as soon as the session has begun
    #[arg(long)]
    pub(crate) invite: bool,
    /// Show the customer's desktop on the full screen; Ctrl+Alt+Enter switches
    #[arg(long)]
    pub(crate) fullscreen: bool,
    /// Directory for pictures of the customer's desktop (Ctrl+Alt+S) [default: pictures in the data directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) shots: Option<PathBuf>,
    /// Your name as the customer sees it [default: your user name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Address and port to listen on for the customer [default: a free port on every address]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Reach the other side through a relay only: neither side learns the other's addresses
    #[arg(long)]
    pub(crate) relay_only: bool,
    /// HTTP proxy for TCP where UDP is blocked: HOST:PORT [default: that of the environment]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) proxy: Option<Proxy>,
    /// X display for the share window [default: $DISPLAY]
    #[arg(long)]
    pub(crate) display: Option<String>,
    /// Directory for keys, pinned centers and the log [default: ~/.local/share/tessera-csr]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// Write the log as one JSON object a line
    #[arg(long)]
    pub(crate) log_json: bool,
    /// Print one line for each event instead of the console, and read commands from the input:
    /// view, control, view-application, control-application, stop, annotate, operate, standard,
    /// sampling, 256, 16bit, chat TEXT, note TEXT, invite or invite ADDRESS, end
    #[arg(long)]
    pub(crate) no_console: bool,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Request {
    /// To see the desktop
    View,
    /// To operate the desktop
    Control,
}

impl From<Request> for Activity {
    fn from(request: Request) -> Self {
        match request {
            Request::View => Self::View,
            Request::Control => Self::Control,
        }
    }
}

/// Image quality or performance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShownAs {
    /// Good image quality: every pixel is exact at rest
    Standard,
    /// Screen sampling, good performance: fewer colours
    Sampling,
}

impl From<ShownAs> for DisplayMode {
    fn from(mode: ShownAs) -> Self {
        match mode {
            ShownAs::Standard => Self::Standard,
            ShownAs::Sampling => Self::Sampling,
        }
    }
}

/// How many colours pictures have in Screen sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colours {
    /// For slow links
    #[value(name = "256")]
    Colours256,
    /// High colour, better image quality
    #[value(name = "16bit")]
    HighColour,
}

impl From<Colours> for ColourCount {
    fn from(colours: Colours) -> Self {
        match colours {
            Colours::Colours256 => Self::Colours256,
            Colours::HighColour => Self::HighColour,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
