//! Sentences that a representative picks instead of typing.

use crate::session::text::plain_text;

/// Quick phrases that are offered.
pub const MAX_PHRASES: usize = 30;

/// Longest of them, in characters.
const MAX_PHRASE_CHARS: usize = 200;

/// The phrases of a file: one a line, without empty lines and those that begin with `#`.
#[must_use]
pub fn phrases(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| plain_text(line, MAX_PHRASE_CHARS))
        .filter(|phrase| !phrase.is_empty())
        .take(MAX_PHRASES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_phrases_and_there_are_not_too_many() {
        let text = "# ours\n\n How can I help you?\r\nPlease wait \u{1b}a moment.\n";
        assert_eq!(phrases(text), ["How can I help you?", "Please wait a moment."]);
        assert_eq!(phrases(&"x\n".repeat(1_000)).len(), MAX_PHRASES);
    }
}
