//! What is shared, who operates it, and why a share ended: the words that both ends of a share use.

use serde::{Deserialize, Serialize};

use super::activity::Surface;
use super::text::plain_text;

/// Windows that a share of applications may have.
pub const MAX_WINDOWS: usize = 16;

/// Longest name of a shared window, in characters.
pub const MAX_WINDOW_NAME_CHARS: usize = 64;

/// What a sharer shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ShareTarget {
    /// The desktop.
    Desktop {
        /// One monitor of it, counted by the sharer's program from 0; `None` for all.
        monitor: Option<u32>,
    },
    /// Windows of applications, and nothing else.
    Applications {
        /// At least one and at most [`MAX_WINDOWS`].
        windows: Vec<SharedWindow>,
    },
}

impl ShareTarget {
    /// The whole desktop.
    pub const DESKTOP: Self = Self::Desktop { monitor: None };

    /// Desktop or application.
    #[must_use]
    pub const fn surface(&self) -> Surface {
        match self {
            Self::Desktop { .. } => Surface::Desktop,
            Self::Applications { .. } => Surface::Application,
        }
    }

    /// Whether the number of windows is within its bounds.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        match self {
            Self::Desktop { .. } => true,
            Self::Applications { windows } => !windows.is_empty() && windows.len() <= MAX_WINDOWS,
        }
    }

    /// Makes every name safe to show.
    #[must_use]
    pub fn clean(self) -> Self {
        match self {
            Self::Applications { windows } => {
                let clean = |SharedWindow { id, name }| SharedWindow {
                    id,
                    name: plain_text(&name, MAX_WINDOW_NAME_CHARS),
                };
                Self::Applications { windows: windows.into_iter().map(clean).collect() }
            }
            desktop @ Self::Desktop { .. } => desktop,
        }
    }
}

/// A window of an application that is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedWindow {
    /// Chosen by the sharer's program.
    pub id: u32,
    /// What it is called there.
    pub name: String,
}

/// Whether somebody operates what is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Nobody may: it is only watched.
    #[default]
    Off,
    /// The controller may begin, with a click in the share window.
    Offered,
    /// The controller operates it.
    Taken,
}

/// Why a share ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndReason {
    /// The customer stopped it.
    StoppedByCustomer,
    /// The representative stopped it.
    StoppedByCsr,
    /// The connection was lost; viewing resumes by itself when the customer is back.
    ConnectionLost,
    /// What was shared can no longer be captured.
    ScreenGone,
    /// The session or the customer's part in it is over.
    SessionOver,
    /// The representative turned to another customer.
    CustomerSwitched,
    /// Another representative holds control of the session, or nobody for now.
    ControlPassed,
    /// The customer's computer restarts, or another user logs on to it.
    ComputerAway,
}
