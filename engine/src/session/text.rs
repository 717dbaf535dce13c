//! Makes a peer's text safe to show in a terminal.

/// Returns at most `max_chars` characters of `text` without those that could move the cursor,
/// change colours, reverse the reading direction or hide: control characters, bidirectional
/// overrides and isolates, zero-width characters, line and paragraph separators, private-use and
/// tag characters. Runs of white space become one space.
#[must_use]
pub fn plain_text(text: &str, max_chars: usize) -> String {
    let mut plain = String::new();
    let mut chars = 0;
    for word in text.split(char::is_whitespace) {
        let mut visible = word.chars().filter(|&c| is_plain(c)).peekable();
        if visible.peek().is_some() && chars > 0 {
            if chars + 1 >= max_chars {
                break;
            }
            plain.push(' ');
            chars += 1;
        }
        for c in visible.take(max_chars - chars) {
            plain.push(c);
            chars += 1;
        }
    }
    plain
}

fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn escapes_overrides_and_invisible_characters_vanish() {
        assert_eq!(plain_text("\u{1b}[31mred\u{202e}txt.exe\u{200b}", 64), "[31mredtxt.exe");
        assert_eq!(plain_text("  two\r\n\twords\u{2028}here ", 64), "two words here");
    }

    #[test]
    fn length_counts_characters_and_never_splits_one() {
        assert_eq!(plain_text("지원담당자", 3), "지원담");
        assert_eq!(plain_text("ab cd", 3), "ab", "no space at the end");
        assert_eq!(plain_text("ab cd", 4), "ab c");
        assert_eq!(plain_text("anything", 0), "");
    }
}
