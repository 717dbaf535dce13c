//! How the shared pictures look: the session's display mode and a viewer's number of colours.
//!
//! The display mode is the primary representative's choice for the session. How many colours
//! pictures have within Screen sampling is each viewer's own choice.

use serde::{Deserialize, Serialize};
use tessera_codec::ColourMode;

/// Image quality or performance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisplayMode {
    /// Good image quality: at rest every pixel is exact.
    #[default]
    Standard,
    /// Screen sampling, good performance: fewer colours.
    Sampling,
}

/// Colours of pictures in Screen sampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColourCount {
    /// 256: the least bandwidth.
    #[serde(rename = "256")]
    Colours256,
    /// High colour, 16 bit: better image quality.
    #[default]
    #[serde(rename = "16bit")]
    HighColour,
}

/// Both choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Display {
    /// The session's display mode.
    pub mode: DisplayMode,
    /// The viewer's number of colours; it counts only in Screen sampling.
    pub colours: ColourCount,
}

impl Display {
    /// What the pictures are coded in.
    #[must_use]
    pub const fn colour_mode(self) -> ColourMode {
        match (self.mode, self.colours) {
            (DisplayMode::Standard, _) => ColourMode::Standard,
            (DisplayMode::Sampling, ColourCount::HighColour) => ColourMode::HighColour,
            (DisplayMode::Sampling, ColourCount::Colours256) => ColourMode::Palette,
        }
    }
}

impl std::fmt::Display for Display {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match (self.mode, self.colours) {
            (DisplayMode::Standard, _) => "Standard",
            (DisplayMode::Sampling, ColourCount::HighColour) => {
                "Screen sampling, high colour (16 bit)"
            }
            (DisplayMode::Sampling, ColourCount::Colours256) => "Screen sampling, 256 colours",
        })
    }
}
