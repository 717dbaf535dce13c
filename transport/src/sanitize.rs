//! Text from a peer, made fit for a terminal and a log.

/// Keeps at most `limit` characters of `text` and replaces control characters (escape sequences, line breaks,
/// bidirectional overrides) by `?`, so that a peer's text can neither forge a log line nor drive a terminal.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    text.chars()
        .take(limit)
        .map(|c| if c.is_control() || is_invisible(c) { '?' } else { c })
        .collect()
}

/// Format characters that reorder or hide text (Unicode categories Cf and Zl/Zp, the ones that matter for display).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_and_overrides_are_replaced_and_length_is_bounded() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}c", 64), "a?[2Jb??c");
        assert_eq!(printable("ääää", 2), "ää");
    }
}
