//! Chat: words between participants, made safe to show.
//!
//! What arrives is cleaned once, by [`clean`]: nothing that could move a terminal's cursor, turn the
//! reading direction or hide characters is left. Links stay words: nothing is ever opened by itself,
//! and [`with_hosts`] puts behind each where it really leads. A [`History`] is bounded and counts what
//! has not been read.
//!
//! Who may say what to whom is a rule of the session and not here.

mod history;
mod links;
mod phrases;

pub use history::{Entry, History, Speaker};
pub use links::with_hosts;
pub use phrases::{MAX_PHRASES, phrases};

use crate::session::text::plain_text;

/// Longest message in characters, line ends included. As JSON it always fits a control message: a
/// character takes 4 bytes at most, and those that JSON writes with more are not among them, but for
/// quotation marks and backslashes with 2.
pub const MAX_CHARS: usize = 1_000;

/// Lines of a message; the rest follow in one.
const MAX_LINES: usize = 50;

/// Makes a message safe to show: lines are kept, everything else as in [`plain_text`].
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let mut left = MAX_CHARS;
    for (at, line) in text.trim().splitn(MAX_LINES, ['\n', '\u{2028}', '\u{2029}']).enumerate() {
        if at > 0 {
            if left == 0 {
                break;
            }
            cleaned.push('\n');
            left -= 1;
        }
        let line = plain_text(line, left);
        left -= line.chars().count();
        cleaned.push_str(&line);
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Cuts a long output, of a script say, into messages that can be sent one after another.
#[must_use]
pub fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut chars, mut lines) = (0, 0);
    for line in text.lines() {
        let line: Vec<char> = plain_text(line, usize::MAX).chars().collect();
        for piece in line.chunks(MAX_CHARS) {
            let fits = chars + 1 + piece.len() <= MAX_CHARS && lines < MAX_LINES;
            match parts.last_mut().filter(|_| fits) {
                Some(part) => part.push('\n'),
                None => {
                    parts.push(String::new());
                    (chars, lines) = (0, 0);
                }
            }
            if let Some(part) = parts.last_mut() {
                part.push_str(piece.iter().collect::<String>().trim());
            }
            (chars, lines) = (chars + 1 + piece.len(), lines + 1);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use tessera_transport::json;

    use super::*;
    use crate::session::messages::{MAX_MESSAGE_BYTES, Message};

    #[test]
    fn lines_stay_and_what_could_deceive_goes() {
        assert_eq!(clean("one\r\n\ttwo\u{1b}[2J \u{202e}three\n\n"), "one\ntwo[2J three");
        assert_eq!(clean("a\u{2028}b\u{85}c"), "a\nb c");
        assert_eq!(clean(" \n "), "");
    }

    #[test]
    fn the_longest_message_fits_and_counts_characters() {
        for filler in ["\u{1f600}", "\"", "\\", "x\n"] {
            let text = clean(&filler.repeat(5_000));
            assert!(text.chars().count() <= MAX_CHARS, "{filler}");
            let bytes = json::to_bytes(&Message::Chat { to_all: true, text });
            assert!(bytes.len() <= MAX_MESSAGE_BYTES, "{filler}: {}", bytes.len());
        }
        assert_eq!(clean(&"\u{1f600}".repeat(5_000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn a_long_output_is_sent_in_parts_that_lose_nothing() {
        let output: String = (0..700).map(|at| format!("line {at} of the output\n")).collect();
        let output = format!("{output}{}", "y".repeat(2_500));
        let parts = parts(&output);
        assert!(parts.len() > 10);
        assert!(parts.iter().all(|part| clean(part) == *part), "each as it will arrive");
        let words = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(words(&parts.join("\n")), words(&output));
        assert!(super::parts("\n\n").is_empty());
    }
}
