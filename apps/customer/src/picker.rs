//! Choosing what to share: an application that runs, or one to be started.
//!
//! A state machine without display or terminal, like the situation that it is a part of.

use tessera_terminal::Key;

/// What can be chosen, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picker {
    running: Vec<String>,
    installed: Vec<String>,
    /// Whether the list of those to be started is shown.
    starting: bool,
    selected: usize,
}

/// What was chosen, by its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// One that runs.
    Running(usize),
    /// One to be started.
    Installed(usize),
    /// None.
    Nothing,
}

impl Picker {
    pub(crate) fn new(running: Vec<String>, installed: Vec<String>) -> Self {
        Self { running, installed, ..Self::default() }
    }

    /// The names to choose from, and which of them is selected.
    pub(crate) fn list(&self) -> (&[String], usize) {
        (if self.starting { &self.installed } else { &self.running }, self.selected)
    }

    pub(crate) const fn is_starting(&self) -> bool {
        self.starting
    }

    /// A key was pressed.
    pub(crate) fn on_key(&mut self, key: Key) -> Option<Choice> {
        let last = self.list().0.len().saturating_sub(1);
        match key {
            Key::Down => self.selected = (self.selected + 1).min(last),
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Char('n' | 'N') | Key::Tab => {
                self.starting = !self.starting;
                self.selected = 0;
            }
            Key::Char('x' | 'X') => return Some(Choice::Nothing),
            Key::Enter => return self.chosen(self.starting, self.selected),
            _ => {}
        }
        None
    }

    /// A line was typed: a number of the list of what runs, `n` and a number of the other, or `x`.
    pub(crate) fn on_line(&self, line: &str) -> Option<Choice> {
        let line = line.trim().to_ascii_lowercase();
        if line == "x" {
            return Some(Choice::Nothing);
        }
        let (starting, number) = match line.strip_prefix('n') {
            Some(number) => (true, number),
            None => (false, line.as_str()),
        };
        self.chosen(starting, number.trim().parse::<usize>().ok()?.checked_sub(1)?)
    }

    fn chosen(&self, starting: bool, place: usize) -> Option<Choice> {
        let (list, choice): (_, fn(usize) -> Choice) = match starting {
            true => (&self.installed, Choice::Installed),
            false => (&self.running, Choice::Running),
        };
        (place < list.len()).then(|| choice(place))
    }

    /// What is printed where the program has no screen.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec!["Choose what to share: a number, or x for nothing.".to_owned()];
        let numbered = |list: &[String], prefix: &str| -> Vec<String> {
            (1..).zip(list).map(|(number, name)| format!("  {prefix}{number}  {name}")).collect()
        };
        lines.extend(numbered(&self.running, ""));
        lines.push("To be started:".to_owned());
        lines.extend(numbered(&self.installed, "n "));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Picker::new(names(&["Letter", "Shell"]), names(&["Browser"]))
    }

    #[test]
    fn keys_choose_from_both_lists() {
        let mut picker = picker();
        assert_eq!(picker.on_key(Key::Up), None);
        for _ in 0..5 {
            picker.on_key(Key::Down);
        }
        assert_eq!(picker.on_key(Key::Enter), Some(Choice::Running(1)));
        picker.on_key(Key::Char('n'));
        assert_eq!((picker.list().0[0].as_str(), picker.is_starting()), ("Browser", true));
        assert_eq!(picker.on_key(Key::Enter), Some(Choice::Installed(0)));
        assert_eq!(picker.on_key(Key::Char('x')), Some(Choice::Nothing));
        assert_eq!(Picker::default().on_key(Key::Enter), None, "there is nothing to choose");
    }

    #[test]
    fn lines_choose_as_well() {
        let picker = picker();
        assert_eq!(picker.on_line("2"), Some(Choice::Running(1)));
        assert_eq!(picker.on_line(" n 1 "), Some(Choice::Installed(0)));
        assert_eq!(picker.on_line("X"), Some(Choice::Nothing));
        for line in ["0", "3", "n2", "", "y", "-1"] {
            assert_eq!(picker.on_line(line), None, "{line}");
        }
        assert_eq!(picker.lines()[2], "  2  Shell");
    }
}
