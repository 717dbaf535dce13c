//! The commands of the console without a full screen: one a line.

use tessera::Activity;

use crate::console::Action;

/// What a line means; `None` for what is no command.
pub(crate) fn command(line: &str) -> Option<Action> {
    match line.trim() {
        "view" => Some(Action::Request(Activity::View)),
        "control" => Some(Action::Request(Activity::Control)),
        "stop" => Some(Action::StopShare),
        "end" => Some(Action::End),
        _ => None,
    }
}
