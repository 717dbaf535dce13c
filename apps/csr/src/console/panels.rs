//! Panels that have the keyboard while they are open: chat, notes, invitation.

use tessera::chat::{Entry, History, Speaker};
use tessera::notes;
use tessera_terminal::{Editor, Key};

/// Longest address of a recipient that is typed, in characters.
const MAX_RECIPIENT_CHARS: usize = 254;

/// A panel that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    /// What was said, and a line to say something.
    Chat,
    /// What is written down about the session.
    Notes {
        /// Whether the session has ended, and the program with it once they are read.
        review: bool,
    },
    /// How somebody is invited.
    Invitation,
}

/// What a panel asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// To close it.
    Close,
    /// To say something to everybody.
    Say(String),
    /// To keep the notes.
    Keep(String),
    /// To write the invitation of this recipient, who may be nobody, into a file.
    Invite(String),
}

/// What is typed in the panels and what was said.
#[derive(Debug)]
pub(crate) struct Panels {
    open: Option<Panel>,
    history: History,
    saying: Editor,
    notes: Editor,
    recipient: Editor,
    /// Sentences to choose from, and which one was chosen last.
    phrases: Vec<String>,
    phrase: Option<usize>,
}

impl Default for Panels {
    fn default() -> Self {
        Self {
            open: None,
            history: History::default(),
            saying: Editor::line(tessera::chat::MAX_CHARS),
            notes: Editor::lines(notes::MAX_CHARS),
            recipient: Editor::line(MAX_RECIPIENT_CHARS),
            phrases: Vec::new(),
            phrase: None,
        }
    }
}

impl Panels {
    pub(crate) const fn open(&self) -> Option<Panel> {
        self.open
    }

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }

    pub(crate) const fn saying(&self) -> &Editor {
        &self.saying
    }

    pub(crate) const fn notes(&self) -> &Editor {
        &self.notes
    }

    pub(crate) const fn recipient(&self) -> &Editor {
        &self.recipient
    }

    pub(crate) const fn has_phrases(&self) -> bool {
        !self.phrases.is_empty()
    }

    /// Sentences to choose from.
    pub(crate) fn set_phrases(&mut self, phrases: Vec<String>) {
        self.phrases = phrases;
    }

    /// Opens a panel; the chat counts as read from then on.
    pub(crate) fn show(&mut self, panel: Panel) {
        self.open = Some(panel);
        if panel == Panel::Chat {
            self.history.read();
        }
    }

    /// Closes whatever is open.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }

    /// Somebody said something.
    pub(crate) fn heard(&mut self, name: &str, to_all: bool, text: &str) {
        let to = (!to_all).then(|| "you".to_owned());
        let speaker = Speaker::Other(name.to_owned());
        self.history.add(Entry { speaker, to, text: text.to_owned() });
        if self.open == Some(Panel::Chat) {
            self.history.read();
        }
    }

    /// What was said here; what could not be sent goes back into the line.
    pub(crate) fn said(&mut self, text: &str, sent: bool) {
        if sent {
            self.history.add(Entry { speaker: Speaker::Own, to: None, text: text.to_owned() });
        } else if self.saying.text().is_empty() {
            self.saying.set(text);
        }
    }

    /// A key was pressed while a panel is open.
    pub(crate) fn on_key(&mut self, key: Key) -> Asked {
        match (self.open, key) {
            (None, _) => Asked::Nothing,
            (Some(_), Key::Escape | Key::Interrupt) => Asked::Close,
            (Some(Panel::Chat), Key::Enter) => match self.saying.take() {
                text if text.trim().is_empty() => Asked::Nothing,
                text => Asked::Say(text),
            },
            (Some(Panel::Chat), Key::Up | Key::Down) => {
                self.choose_phrase(key == Key::Up);
                Asked::Nothing
            }
            (Some(Panel::Chat), key) => {
                self.saying.on_key(key);
                Asked::Nothing
            }
            (Some(Panel::Notes { .. }), key) => {
                if self.notes.on_key(key) {
                    Asked::Keep(self.notes.text())
                } else {
                    Asked::Nothing
                }
            }
            (Some(Panel::Invitation), Key::Enter) => Asked::Invite(self.recipient.text()),
            (Some(Panel::Invitation), key) => {
                self.recipient.on_key(key);
                Asked::Nothing
            }
        }
    }

    fn choose_phrase(&mut self, back: bool) {
        let Some(last) = self.phrases.len().checked_sub(1) else { return };
        let next = match (self.phrase, back) {
            (None, false) => 0,
            (None, true) => last,
            (Some(at), false) => {
                if at == last {
                    0
                } else {
                    at + 1
                }
            }
            (Some(at), true) => at.checked_sub(1).unwrap_or(last),
        };
        self.phrase = Some(next);
        self.saying.set(&self.phrases[next]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(panels: &mut Panels, text: &str) {
        for typed in text.chars() {
            panels.on_key(Key::Char(typed));
        }
    }

    #[test]
    fn what_could_not_be_sent_can_be_sent_again() {
        let mut panels = Panels::default();
        panels.show(Panel::Chat);
        assert_eq!(panels.on_key(Key::Enter), Asked::Nothing);
        typed(&mut panels, "Hello");
        assert_eq!(panels.on_key(Key::Enter), Asked::Say("Hello".to_owned()));
        panels.said("Hello", false);
        assert_eq!(
            (panels.saying().text().as_str(), panels.history().entries().count()),
            ("Hello", 0)
        );
        assert_eq!(panels.on_key(Key::Enter), Asked::Say("Hello".to_owned()));
        panels.said("Hello", true);
        assert_eq!(panels.history().entries().count(), 1);
    }

    #[test]
    fn words_are_unread_until_the_panel_shows_them() {
        let mut panels = Panels::default();
        panels.heard("Kim", true, "one");
        assert_eq!(panels.history().unread(), 1);
        panels.show(Panel::Chat);
        panels.heard("Kim", true, "two");
        assert_eq!(panels.history().unread(), 0);
        assert_eq!(panels.on_key(Key::Escape), Asked::Close);
        panels.close();
        panels.heard("Kim", true, "three");
        assert_eq!(panels.history().unread(), 1);
    }

    #[test]
    fn phrases_are_walked_through_and_can_be_changed() {
        let mut panels = Panels::default();
        panels.show(Panel::Chat);
        panels.on_key(Key::Down);
        assert_eq!(panels.saying().text(), "", "there are none");
        panels.set_phrases(vec!["First".to_owned(), "Second".to_owned()]);
        for expected in ["First", "Second", "First"] {
            panels.on_key(Key::Down);
            assert_eq!(panels.saying().text(), expected);
        }
        panels.on_key(Key::Up);
        typed(&mut panels, "!");
        assert_eq!(panels.on_key(Key::Enter), Asked::Say("Second!".to_owned()));
    }

    #[test]
    fn every_change_of_the_notes_is_kept() {
        let mut panels = Panels::default();
        panels.show(Panel::Notes { review: false });
        assert_eq!(panels.on_key(Key::Char('a')), Asked::Keep("a".to_owned()));
        assert_eq!(panels.on_key(Key::Enter), Asked::Keep("a\n".to_owned()));
        assert_eq!(panels.on_key(Key::Left), Asked::Nothing);
    }
}
