//! The commands of the console without a full screen: one a line.

use tessera::{Activity, ColourCount, DisplayMode};

use crate::console::Action;

/// What can be typed.
pub(crate) const COMMANDS: &str = "Commands are: view, control, view-application, control-application, stop, annotate, operate, standard, sampling, 256, 16bit, chat TEXT, note TEXT, invite [ADDRESS], end";

/// What a line means; `None` for what is no command.
pub(crate) fn command(line: &str) -> Option<Action> {
    let line = line.trim();
    if let Some((word, rest)) = line.split_once(' ') {
        return match word {
            "chat" => Some(Action::Say(rest.to_owned())),
            "note" => Some(Action::Note(rest.to_owned())),
            "invite" => Some(Action::Invite(rest.trim().to_owned())),
            _ => None,
        };
    }
    match line {
        "view" => Some(Action::Request(Activity::View)),
        "control" => Some(Action::Request(Activity::Control)),
        "view-application" => Some(Action::Request(Activity::ViewApplication)),
        "control-application" => Some(Action::Request(Activity::ControlApplication)),
        "invite" => Some(Action::Invite(String::new())),
        "annotate" => Some(Action::Annotate(true)),
        "operate" => Some(Action::Annotate(false)),
        "stop" => Some(Action::StopShare),
        "standard" => Some(Action::DisplayMode(DisplayMode::Standard)),
        "sampling" => Some(Action::DisplayMode(DisplayMode::Sampling)),
        "256" => Some(Action::Colours(ColourCount::Colours256)),
        "16bit" => Some(Action::Colours(ColourCount::HighColour)),
        "end" => Some(Action::End),
        _ => None,
    }
}
