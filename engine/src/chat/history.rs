//! What was said.

use std::collections::VecDeque;

/// Messages that are kept.
const MAX_ENTRIES: usize = 200;

/// Who has said something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The person here.
    Own,
    /// Somebody of this name.
    Other(String),
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who said it.
    pub speaker: Speaker,
    /// Whom it was said to; `None`: to everybody in the session.
    pub to: Option<String>,
    /// What was said, cleaned.
    pub text: String,
}

/// The latest messages and how many of them are new.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    unread: usize,
}

impl History {
    /// Adds a message. Those of others are unread until [`Self::read`].
    pub fn add(&mut self, entry: Entry) {
        if self.entries.len() == MAX_ENTRIES {
            self.entries.pop_front();
        }
        if entry.speaker != Speaker::Own {
            self.unread = (self.unread + 1).min(MAX_ENTRIES);
        }
        self.entries.push_back(entry);
    }

    /// What was said, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many messages are new.
    #[must_use]
    pub const fn unread(&self) -> usize {
        self.unread
    }

    /// Everything is on the screen.
    pub const fn read(&mut self) {
        self.unread = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_counts_what_others_said() {
        let mut history = History::default();
        let said = |speaker| Entry { speaker, to: None, text: "x".to_owned() };
        for _ in 0..3 * MAX_ENTRIES {
            history.add(said(Speaker::Other("Kim".to_owned())));
            history.add(said(Speaker::Own));
        }
        assert_eq!((history.entries().count(), history.unread()), (MAX_ENTRIES, MAX_ENTRIES));
        history.read();
        history.add(said(Speaker::Own));
        assert_eq!(history.unread(), 0);
        history.add(said(Speaker::Other("Kim".to_owned())));
        assert_eq!(history.unread(), 1);
    }
}
