//! The chat as the person here sees it: what was said, and a line to say something.

use tessera::chat::{Entry, History, MAX_CHARS, Speaker};
use tessera_terminal::{Editor, Key};

/// See the module text.
#[derive(Debug)]
pub(crate) struct Talk {
    history: History,
    line: Editor,
    is_typing: bool,
}

impl Default for Talk {
    fn default() -> Self {
        Self { history: History::default(), line: Editor::line(MAX_CHARS), is_typing: false }
    }
}

impl Talk {
    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    pub(crate) const fn line(&self) -> &Editor {
        &self.line
    }

    /// Whether keys go into the line.
    pub(crate) const fn is_typing(&self) -> bool {
        self.is_typing
    }

    /// Keys go into the line from now on.
    pub(crate) const fn begin(&mut self) {
        self.is_typing = true;
    }

    /// Somebody called `name` said something. It is on the screen at once.
    pub(crate) fn heard(&mut self, name: &str, to_all: bool, text: &str) {
        let to = (!to_all).then(|| "you".to_owned());
        let speaker = Speaker::Other(name.to_owned());
        self.history.add(Entry { speaker, to, text: text.to_owned() });
    }

    /// What was said here; what could not be sent goes back into the line.
    pub(crate) fn said(&mut self, text: &str, sent: bool) {
        if sent {
            self.history.add(Entry { speaker: Speaker::Own, to: None, text: text.to_owned() });
        } else if self.line.text().is_empty() {
            self.line.set(text);
        }
    }

    /// A key was pressed while typing; the words that are to be sent.
    pub(crate) fn on_key(&mut self, key: Key) -> Option<String> {
        match key {
            Key::Escape | Key::Interrupt => {
                self.is_typing = false;
                None
            }
            Key::Enter => Some(self.line.take()).filter(|text| !text.trim().is_empty()),
            key => {
                self.line.on_key(key);
                None
            }
        }
    }
}
