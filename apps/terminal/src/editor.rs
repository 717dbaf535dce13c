//! Text that a person types: a line or several, with a cursor.
//!
//! Pure: keys in, text and rows to draw out.

use ratatui::text::Span;

use crate::Key;

/// See the module text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editor {
    text: Vec<char>,
    cursor: usize,
    max_chars: usize,
    has_lines: bool,
}

/// Rows of an editor that fit a place, and where the cursor is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// From the top.
    pub rows: Vec<String>,
    /// Column and row of the cursor.
    pub cursor: (u16, u16),
}

impl Editor {
    /// One line of at most `max_chars` characters.
    #[must_use]
    pub const fn line(max_chars: usize) -> Self {
        Self { text: Vec::new(), cursor: 0, max_chars, has_lines: false }
    }

    /// Any number of lines, at most `max_chars` characters in all.
    #[must_use]
    pub const fn lines(max_chars: usize) -> Self {
        Self { text: Vec::new(), cursor: 0, max_chars, has_lines: true }
    }

    /// What is typed so far.
    #[must_use]
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// Replaces everything; the cursor is behind it.
    pub fn set(&mut self, text: &str) {
        self.text = text.chars().filter(|&c| self.takes(c)).take(self.max_chars).collect();
        self.cursor = self.text.len();
    }

    /// Takes everything out.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text).into_iter().collect()
    }

    /// A key was pressed; whether the text is another one now. Enter begins a line where there are
    /// several.
    pub fn on_key(&mut self, key: Key) -> bool {
        let before = self.text.len();
        match key {
            Key::Char(typed) => self.insert(typed),
            Key::Enter if self.has_lines => self.insert('\n'),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.text.remove(self.cursor);
            }
            Key::Delete if self.cursor < self.text.len() => {
                self.text.remove(self.cursor);
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.text.len()),
            Key::Home => self.cursor = self.line_start(self.cursor),
            Key::End => self.cursor = self.line_end(self.cursor),
            Key::Up if self.has_lines => {
                let start = self.line_start(self.cursor);
                if start > 0 {
                    let above = self.line_start(start - 1);
                    self.cursor = (above + self.cursor - start).min(start - 1);
                }
            }
            Key::Down if self.has_lines => {
                let end = self.line_end(self.cursor);
                if end < self.text.len() {
                    let column = self.cursor - self.line_start(self.cursor);
                    self.cursor = (end + 1 + column).min(self.line_end(end + 1));
                }
            }
            _ => {}
        }
        self.text.len() != before
    }

    /// The rows around the cursor, wrapped to `width` columns and no more than `height`.
    #[must_use]
    pub fn rows(&self, width: u16, height: u16) -> Rows {
        let (width, height) = (usize::from(width.max(2)), usize::from(height.max(1)));
        let mut rows = vec![String::new()];
        let (mut column, mut cursor) = (0, (0, 0));
        for (at, &character) in self.text.iter().enumerate() {
            if at == self.cursor {
                cursor = (column, rows.len() - 1);
            }
            if character == '\n' {
                rows.push(String::new());
                column = 0;
                continue;
            }
            let shown = character.to_string();
            let wide = Span::raw(shown.as_str()).width();
            // The cursor needs a column behind the last character.
            if column + wide > width - 1 {
                rows.push(String::new());
                column = 0;
            }
            if let Some(row) = rows.last_mut() {
                row.push(character);
            }
            column += wide;
        }
        if self.cursor == self.text.len() {
            cursor = (column, rows.len() - 1);
        }
        let first = (cursor.1 + 1).saturating_sub(height);
        let rows = rows.into_iter().skip(first).take(height).collect();
        // Within a terminal, whose columns and rows are 16 bits.
        Rows { rows, cursor: (cursor.0 as u16, (cursor.1 - first) as u16) }
    }

    fn takes(&self, character: char) -> bool {
        !character.is_control() || (character == '\n' && self.has_lines)
    }

    fn insert(&mut self, typed: char) {
        if self.takes(typed) && self.text.len() < self.max_chars {
            self.text.insert(self.cursor, typed);
            self.cursor += 1;
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].iter().rposition(|&c| c == '\n').map_or(0, |end| end + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].iter().position(|&c| c == '\n').map_or(self.text.len(), |end| at + end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(editor: &mut Editor, text: &str) {
        text.chars().for_each(|typed| {
            editor.on_key(if typed == '\n' { Key::Enter } else { Key::Char(typed) });
        });
    }

    #[test]
    fn text_is_edited_where_the_cursor_is() {
        let mut editor = Editor::lines(100);
        typed(&mut editor, "one\nthree");
        for key in [Key::Home, Key::Char('t'), Key::Char('w'), Key::Char('o'), Key::Enter, Key::Up]
        {
            editor.on_key(key);
        }
        editor.on_key(Key::End);
        editor.on_key(Key::Char('!'));
        assert_eq!(editor.text(), "one\ntwo!\nthree");
        editor.on_key(Key::Up);
        editor.on_key(Key::Delete);
        editor.on_key(Key::Backspace);
        assert_eq!(editor.text(), "ontwo!\nthree", "up went to the end of the shorter line");
        editor.on_key(Key::Down);
        editor.on_key(Key::Char('-'));
        assert_eq!(editor.text(), "ontwo!\nth-ree");
        assert!(!editor.on_key(Key::Left) && !editor.on_key(Key::Escape));
    }

    #[test]
    fn a_line_has_no_line_ends_and_a_limit() {
        let mut editor = Editor::line(5);
        typed(&mut editor, "ab\ncdefg");
        editor.on_key(Key::Char('\u{1b}'));
        assert_eq!(editor.text(), "abcde");
        editor.set("x\ny\u{7}z and more");
        assert_eq!(editor.take(), "xyz a");
        assert_eq!(editor.text(), "");
    }

    #[test]
    fn rows_wrap_by_width_and_follow_the_cursor() {
        let mut editor = Editor::lines(100);
        typed(&mut editor, "abcdef한글\nz");
        let rows = editor.rows(5, 10);
        assert_eq!(rows.rows, ["abcd", "ef한", "글", "z"]);
        assert_eq!(rows.cursor, (1, 3));
        let rows = editor.rows(5, 2);
        assert_eq!((rows.rows, rows.cursor), (vec!["글".to_owned(), "z".to_owned()], (1, 1)));
        editor.on_key(Key::Home);
        editor.on_key(Key::Left);
        assert_eq!(editor.rows(5, 2).cursor, (2, 1));
        assert_eq!(Editor::line(3).rows(0, 0).cursor, (0, 0));
    }
}
