//! The commands of the console without a full screen: one a line.

use tessera::{Activity, ColourCount, DisplayMode};

use crate::console::Action;

/// What a line means; `None` for what is no command.
pub(crate) fn command(line: &str) -> Option<Action> {
    match line.trim() {
        "view" => Some(Action::Request(Activity::View)),
        "control" => Some(Action::Request(Activity::Control)),
        "view-application" => Some(Action::Request(Activity::ViewApplication)),
        "control-application" => Some(Action::Request(Activity::ControlApplication)),
        "stop" => Some(Action::StopShare),
        "standard" => Some(Action::DisplayMode(DisplayMode::Standard)),
        "sampling" => Some(Action::DisplayMode(DisplayMode::Sampling)),
        "256" => Some(Action::Colours(ColourCount::Colours256)),
        "16bit" => Some(Action::Colours(ColourCount::HighColour)),
        "end" => Some(Action::End),
        _ => None,
    }
}
