//! Chat (CHAT).

use crate::chat::MAX_CHARS;
use crate::session::roster::Role;

/// Whether one takes part (CHAT-01): everybody who is in.
#[must_use]
pub const fn may_chat(role: Role) -> bool {
    matches!(role, Role::Primary | Role::Assisting | Role::Customer)
}

/// Whether a text is a message: not only blanks, not too long.
#[must_use]
pub fn is_message(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_CHARS
}

/// Whether a message goes to this participant (CHAT-03): to the chosen one alone, or to all.
#[must_use]
pub fn is_for<K: PartialEq>(recipient: Option<K>, participant: &K) -> bool {
    recipient.is_none_or(|chosen| chosen == *participant)
}
