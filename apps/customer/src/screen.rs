//! The customer's screen: who helps, what they see, what they ask, and which key stops it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use tessera::chat::{Speaker, with_hosts};
use tessera_terminal::wrapped;

use crate::picker::Picker;
use crate::situation::{Phase, Request, Situation};
use crate::wording;

/// Text that matters, on terminals with and without colours.
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// The sign that something is shared or allowed.
const ALERT: Style = Style::new().fg(Color::Black).bg(Color::Yellow).add_modifier(Modifier::BOLD);

/// Draws the whole screen.
pub(crate) fn draw(situation: &Situation, frame: &mut Frame<'_>) {
    let [who, sharing, warning, middle, notice, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(3),
        Constraint::Length(if situation.warning().is_some() { 2 } else { 0 }),
        Constraint::Min(9),
        Constraint::Length(2),
        Constraint::Length(2),
    ])
    .areas(frame.area());
    draw_who(situation, frame, who);
    draw_sharing(situation, frame, sharing);
    if let Some(text) = situation.warning() {
        let text = Paragraph::new(format!("! {text}")).style(ALERT).wrap(Wrap { trim: true });
        frame.render_widget(text, warning);
    }
    if situation.is_leaving() {
        draw_box(frame, middle, "Leave the session?", leaving());
    } else if let Some(picker) = situation.picker() {
        let title = match picker.is_starting() {
            true => "Start and share",
            false => "Share which application?",
        };
        draw_box(frame, middle, title, choices(picker, middle.height));
    } else if let Some(request) = situation.request() {
        let title = format!("{} asks you", situation.csr_name());
        let first = situation
            .talk()
            .is_typing()
            .then(|| Line::styled("You are writing to them: press Esc, then answer.", STRONG));
        draw_box(frame, middle, &title, first.into_iter().chain(question(request)).collect());
    } else {
        draw_talk(situation, frame, middle);
    }
    frame.render_widget(Paragraph::new(situation.notice()).wrap(Wrap { trim: true }), notice);
    frame.render_widget(Paragraph::new(keys_of(situation)).wrap(Wrap { trim: true }), keys);
}

fn draw_who(situation: &Situation, frame: &mut Frame<'_>, area: Rect) {
    let line = match situation.phase() {
        Phase::Joining => Line::raw("Connecting to the support representative ..."),
        Phase::Joined => Line::from(vec![
            Span::raw("You are being helped by "),
            Span::styled(situation.csr_name(), STRONG),
        ]),
        Phase::Silent => Line::from(vec![
            Span::raw("Nothing is heard from "),
            Span::styled(situation.csr_name(), STRONG),
            Span::raw(" for now. Waiting ..."),
        ]),
        Phase::Lost => Line::from(vec![
            Span::raw("Connection lost. Trying to reach "),
            Span::styled(situation.csr_name(), STRONG),
            Span::raw(" again ..."),
        ]),
    };
    frame.render_widget(Paragraph::new(line).block(Block::bordered().title(" Tessera ")), area);
}

fn draw_sharing(situation: &Situation, frame: &mut Frame<'_>, area: Rect) {
    let (text, style) = match (situation.is_sharing(), situation.is_controlled()) {
        (false, _) => ("Nobody sees your desktop.", Style::new()),
        (true, false) if !situation.applications().is_empty() => {
            ("AN APPLICATION OF YOURS IS BEING SEEN. Press s to stop.", ALERT)
        }
        (true, true) if !situation.applications().is_empty() => {
            ("AN APPLICATION OF YOURS IS BEING SEEN AND CONTROLLED. Press s to stop.", ALERT)
        }
        (true, false) => ("YOUR DESKTOP IS BEING SEEN. Press s to stop.", ALERT),
        (true, true) => ("YOUR DESKTOP IS BEING SEEN AND CONTROLLED. Press s to stop.", ALERT),
    };
    frame.render_widget(Paragraph::new(text).style(style).block(Block::bordered()), area);
}

/// What was said, and the line to say something while it is being typed.
fn draw_talk(situation: &Situation, frame: &mut Frame<'_>, area: Rect) {
    let talk = situation.talk();
    if talk.history().entries().next().is_none() && !talk.is_typing() {
        return;
    }
    let line_rows = if talk.is_typing() { 3 } else { 0 };
    let [said, line] =
        Layout::vertical([Constraint::Min(3), Constraint::Length(line_rows)]).areas(area);
    let block = Block::bordered().title(" Chat ");
    let room = block.inner(said);
    let rows: Vec<String> = talk
        .history()
        .entries()
        .flat_map(|entry| {
            let speaker = match &entry.speaker {
                Speaker::Own => "You",
                Speaker::Other(name) => name,
            };
            wrapped(&format!("{speaker}: {}", with_hosts(&entry.text)), room.width)
        })
        .collect();
    let hidden = rows.len().saturating_sub(usize::from(room.height));
    let rows: Vec<Line<'_>> = rows.into_iter().skip(hidden).map(Line::raw).collect();
    frame.render_widget(Paragraph::new(rows).block(block), said);
    if talk.is_typing() {
        let title = format!(" To {} ", situation.csr_name());
        let block = Block::bordered().title(title).border_style(STRONG);
        let room = block.inner(line);
        let typed = talk.line().rows(room.width, room.height);
        let rows: Vec<Line<'_>> = typed.rows.into_iter().map(Line::raw).collect();
        frame.render_widget(Paragraph::new(rows).block(block), line);
        let (column, row) = typed.cursor;
        frame.set_cursor_position(Position::new(room.x + column, room.y + row));
    }
}

fn draw_box(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>) {
    let block = Block::bordered().title(format!(" {title} ")).border_style(STRONG);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), area);
}

fn question(request: &Request) -> Vec<Line<'_>> {
    vec![
        Line::styled(request.text.as_str(), STRONG),
        Line::raw(wording::consequence(request.activity)),
        Line::raw(""),
        Line::from(vec![Span::styled("y", STRONG), Span::raw("  Yes, allow this")]),
        Line::from(vec![Span::styled("n", STRONG), Span::raw("  No")]),
        Line::from(vec![
            Span::styled("a", STRONG),
            Span::raw("  Allow everything in this session without asking me again"),
        ]),
    ]
}

/// As much of the list as the box takes, with the selected line in view, and the keys.
fn choices(picker: &Picker, height: u16) -> Vec<Line<'_>> {
    let (names, selected) = picker.list();
    // The box's edges, an empty line and the keys take four.
    let room = usize::from(height).saturating_sub(4).max(1);
    let first = selected.saturating_sub(room - 1);
    let mut lines: Vec<_> = names
        .iter()
        .enumerate()
        .skip(first)
        .take(room)
        .map(|(at, name)| match at == selected {
            true => Line::styled(format!("> {name}"), STRONG),
            false => Line::raw(format!("  {name}")),
        })
        .collect();
    lines.push(Line::raw(""));
    lines.push(Line::from(vec![
        Span::styled("Enter", STRONG),
        Span::raw("  share it     "),
        Span::styled("n", STRONG),
        Span::raw("  new application / running ones     "),
        Span::styled("x", STRONG),
        Span::raw("  nothing"),
    ]));
    lines
}

fn leaving() -> Vec<Line<'static>> {
    vec![
        Line::raw("Sharing stops and you are no longer connected."),
        Line::raw(""),
        Line::from(vec![Span::styled("y", STRONG), Span::raw("  Yes, leave")]),
        Line::from(vec![Span::styled("n", STRONG), Span::raw("  No, stay")]),
    ]
}

fn keys_of(situation: &Situation) -> Line<'static> {
    if situation.talk().is_typing() {
        return Line::from(vec![
            Span::styled("Enter", STRONG),
            Span::raw("  send     "),
            Span::styled("Esc", STRONG),
            Span::raw("  stop writing; Esc again stops everything"),
        ]);
    }
    let mut spans = vec![Span::styled("s", STRONG), Span::raw(" or "), Span::styled("Esc", STRONG)];
    spans.push(Span::raw("  stop everything     "));
    if situation.is_controlled() {
        spans.push(Span::styled("c", STRONG));
        spans.push(Span::raw("  take control back     "));
    }
    if !situation.applications().is_empty() {
        spans.push(Span::styled("m", STRONG));
        spans.push(Span::raw("  share more     "));
    }
    spans.push(Span::styled("t", STRONG));
    spans.push(Span::raw("  write     "));
    spans.push(Span::styled("q", STRONG));
    spans.push(Span::raw("  leave the session"));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Cell;
    use tessera::Activity;
    use tessera::customer::Event;

    use super::*;

    fn drawn(situation: &Situation, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| draw(situation, frame)).expect("drawn");
        let buffer = terminal.backend().buffer();
        let rows = buffer.content().chunks(usize::from(width));
        rows.map(|row| {
            row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n"
        })
        .collect()
    }

    fn joined(standing: Vec<Activity>) -> Situation {
        let mut situation = Situation::new(standing);
        let joined = Event::Joined { csr_name: "Lee Ha-na".into(), again: false };
        situation.on_event(&joined, Duration::ZERO);
        situation
    }

    #[test]
    fn a_request_explains_itself_and_its_keys() {
        let mut situation = joined(Vec::new());
        let text = "Lee Ha-na would like to control your desktop".to_owned();
        let asked = Event::Asked { id: 1, activity: Activity::Control, text };
        situation.on_event(&asked, Duration::ZERO);
        let expected = "\
┌ Tessera ─────────────────────────────────────────────────────────────────────┐
│You are being helped by Lee Ha-na                                             │
└──────────────────────────────────────────────────────────────────────────────┘
┌──────────────────────────────────────────────────────────────────────────────┐
│Nobody sees your desktop.                                                     │
└──────────────────────────────────────────────────────────────────────────────┘
┌ Lee Ha-na asks you ──────────────────────────────────────────────────────────┐
│Lee Ha-na would like to control your desktop                                  │
│They will see everything on your desktop and can use your mouse and keyboard. │
│                                                                              │
│y  Yes, allow this                                                            │
│n  No                                                                         │
│a  Allow everything in this session without asking me again                   │
│                                                                              │
│                                                                              │
│                                                                              │
│                                                                              │
│                                                                              │
│                                                                              │
└──────────────────────────────────────────────────────────────────────────────┘
Lee Ha-na would like to control your desktop

s or Esc  stop everything     t  write     q  leave the session

";
        let got = drawn(&situation, 80, 24);
        assert_eq!(got, expected, "\n{got}");
    }

    #[test]
    fn sharing_and_standing_consent_are_always_in_view() {
        let mut situation = joined(vec![Activity::View, Activity::Control]);
        situation.on_event(&Event::Sharing { on: true, reason: None }, Duration::ZERO);
        let got = drawn(&situation, 80, 24);
        assert!(got.contains("YOUR DESKTOP IS BEING SEEN. Press s to stop."), "{got}");
        assert!(got.contains("AND CONTROLLED without asking"), "{got}");
        situation.on_event(&Event::Controlled { on: true }, Duration::ZERO);
        situation.on_key(tessera_terminal::Key::Char('q'), Duration::ZERO);
        let got = drawn(&situation, 80, 24);
        assert!(got.contains("Leave the session?"), "{got}");
        assert!(got.contains("BEING SEEN AND CONTROLLED. Press s to stop."), "{got}");
        assert!(got.contains("c  take control back"), "{got}");
    }

    #[test]
    fn what_is_said_is_read_and_answered_on_the_same_screen() {
        let mut situation = joined(Vec::new());
        let text = "Please look at\nhttps://bank.example@evil.example/".to_owned();
        situation.on_event(&Event::Chat { to_all: true, text }, Duration::ZERO);
        situation.on_event(&Event::Said { text: "Why?".into(), sent: true }, Duration::ZERO);
        let got = drawn(&situation, 80, 24);
        assert!(got.contains("│Lee Ha-na: Please look at"), "{got}");
        assert!(got.contains("[leads to evil.example]") && got.contains("│You: Why?"), "{got}");
        situation.on_key(tessera_terminal::Key::Char('t'), Duration::ZERO);
        "Hm".chars().for_each(|typed| {
            situation.on_key(tessera_terminal::Key::Char(typed), Duration::ZERO);
        });
        let got = drawn(&situation, 80, 24);
        assert!(got.contains("┌ To Lee Ha-na") && got.contains("│Hm"), "{got}");
        assert!(got.contains("Enter  send     Esc  stop writing"), "{got}");
        for _ in 0..100 {
            let text = "word ".repeat(40);
            situation.on_event(&Event::Chat { to_all: true, text }, Duration::ZERO);
        }
        let got = drawn(&situation, 80, 24);
        assert!(got.contains("YOUR DESKTOP") || got.contains("Nobody sees"), "{got}");
        drawn(&situation, 1, 1);
    }

    #[test]
    fn a_small_terminal_still_shows_sharing_and_how_to_stop_it() {
        let mut situation = joined(Vec::new());
        situation.on_event(&Event::Sharing { on: true, reason: None }, Duration::ZERO);
        let got = drawn(&situation, 50, 20);
        assert!(got.contains("BEING SEEN. Press s to stop."), "{got}");
        drawn(&situation, 1, 1);
    }
}
