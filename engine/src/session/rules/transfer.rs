//! Moving the session to a queue or to agents (ASST-14 to ASST-22, RULE-08, RULE-33).

use serde::{Deserialize, Serialize};

use crate::session::roster::Role;

/// Longest private message to the agents, in characters (ASST-16, ASST-17).
pub const MAX_MESSAGE_CHARS: usize = 345;

/// Longest name of a queue or an agent, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// Most agents who are offered a session at a time. A choice.
pub const MAX_AGENTS: usize = 32;

/// Where a session goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// Exactly one queue.
    Queue(String),
    /// One or more agents.
    Agents(Vec<String>),
}

/// Whether one may give the session away (CON-17, RULE-08, RULE-33): the holder of control, if a queue agent, where there is
/// a queue module.
#[must_use]
pub const fn may_transfer(role: Role, is_agent: bool, has_queue_module: bool) -> bool {
    matches!(role, Role::Primary) && is_agent && has_queue_module
}

/// Whether the message is not too long (ASST-17): characters count, not bytes.
#[must_use]
pub fn message_fits(text: &str) -> bool {
    text.chars().count() <= MAX_MESSAGE_CHARS
}

/// Whether a session can go there (ASST-15).
#[must_use]
pub fn is_destination(destination: &Destination) -> bool {
    let is_name = |name: &String| !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS;
    match destination {
        Destination::Queue(queue) => is_name(queue),
        Destination::Agents(agents) => {
            !agents.is_empty() && agents.len() <= MAX_AGENTS && agents.iter().all(is_name)
        }
    }
}
