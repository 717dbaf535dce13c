//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use tessera::{Activity, Fingerprint, Proxy};

/// Let a support representative see or operate this desktop, with your consent at every step.
#[derive(Clone, Debug, Parser)]
#[command(name = "tessera-customer", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Address of the center: HOST:PORT, or HOST:PORT#FINGERPRINT to pin its certificate
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443")]
    pub(crate) center: String,
    /// File with the code, waited for until it is there; else the code is asked for
    #[arg(long, value_name = "FILE")]
    pub(crate) code_file: Option<PathBuf>,
    /// X display to share [default: $DISPLAY]
    #[arg(long)]
    pub(crate) display: Option<String>,
    /// Allow this without being asked, for the whole session; shown on the screen as a warning
    #[arg(long, value_name = "ACTIVITIES", value_delimiter = ',')]
    pub(crate) consent: Vec<Consent>,
    /// Your name as the representative sees it [default: your user name]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Reach the other side through a relay only: neither side learns the other's addresses
    #[arg(long)]
    pub(crate) relay_only: bool,
    /// HTTP proxy for TCP where UDP is blocked: HOST:PORT [default: that of the environment]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) proxy: Option<Proxy>,
    /// Directory for keys, pinned centers and the log [default: ~/.local/share/tessera-customer]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data: Option<PathBuf>,
    /// Write the log as one JSON object a line
    #[arg(long)]
    pub(crate) log_json: bool,
    /// Share something else than a display: 'pattern', or 'clip:FILE' for a recorded desktop
    #[arg(long, value_name = "SOURCE", conflicts_with = "display", hide = true)]
    pub(crate) source: Option<Source>,
}

/// What can be done without a session.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// What was allowed in earlier sessions
    #[command(subcommand)]
    Log(Log),
}

/// What can be done with a log of consent.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Log {
    /// Check a log of consent without anything else, and say what it proves
    Verify {
        /// The file, from the folder 'consent' in the data directory of either side
        file: PathBuf,
        /// Fingerprint of the customer's key, if it is known from elsewhere
        #[arg(long, value_name = "FINGERPRINT")]
        key: Option<Fingerprint>,
    },
}

/// What can be allowed beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Consent {
    /// To see the desktop
    View,
    /// To operate the desktop
    Control,
}

impl From<Consent> for Activity {
    fn from(consent: Consent) -> Self {
        match consent {
            Consent::View => Self::View,
            Consent::Control => Self::Control,
        }
    }
}

/// Pictures that do not come from a display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A drawn test picture.
    Pattern,
    /// A recorded desktop.
    Clip(PathBuf),
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "pattern" => Ok(Self::Pattern),
            Some(("clip", path)) if !path.is_empty() => Ok(Self::Clip(path.into())),
            _ => Err("write 'pattern' or 'clip:FILE'".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn consent_is_a_list() {
        let options = Options::try_parse_from(["x", "--consent", "view,control"]).expect("parsed");
        assert_eq!(options.consent, [Consent::View, Consent::Control]);
        assert!(Options::try_parse_from(["x", "--consent", "everything"]).is_err());
    }

    #[test]
    fn sources_are_named_exactly() {
        assert_eq!("pattern".parse(), Ok(Source::Pattern));
        assert_eq!("clip:a/b.json".parse(), Ok(Source::Clip("a/b.json".into())));
        assert!("clip:".parse::<Source>().is_err() && "camera".parse::<Source>().is_err());
    }
}
