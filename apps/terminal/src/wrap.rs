//! Text in rows of a terminal.

use ratatui::text::Span;

/// `text` in rows of at most `width` columns, broken at spaces where there are any.
#[must_use]
pub fn wrapped(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(2));
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let mut row = String::new();
        let mut columns = 0;
        for character in line.chars() {
            let wide = Span::raw(character.to_string()).width();
            if columns + wide > width {
                let rest = row.rfind(' ').map_or_else(String::new, |at| row.split_off(at + 1));
                rows.push(std::mem::replace(&mut row, rest).trim_end().to_owned());
                columns = Span::raw(row.as_str()).width();
            }
            row.push(character);
            columns += wide;
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn rows_break_at_spaces_and_where_there_are_none_anywhere() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("한글한글", 5), ["한글", "한글"]);
        assert_eq!(wrapped("a\n\nb", 10), ["a", "", "b"]);
        assert_eq!(wrapped("한", 0), ["한"]);
    }
}
