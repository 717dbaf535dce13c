//! How the panels look.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use tessera::chat::{Entry, Speaker, with_hosts};
use tessera_terminal::{Editor, wrapped};

use super::draw::{FAINT, STRONG};
use super::model::Model;
use super::panels::Panel;

/// Draws the open panel over the tabs and messages.
pub(super) fn draw(model: &Model, panel: Panel, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Clear, area);
    match panel {
        Panel::Chat => draw_chat(model, frame, area),
        Panel::Notes { review } => draw_notes(model, review, frame, area),
        Panel::Invitation => draw_invitation(model, frame, area),
    }
}

fn draw_chat(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let [said, line, keys] =
        Layout::vertical([Constraint::Min(3), Constraint::Length(4), Constraint::Length(1)])
            .areas(area);
    let block = Block::bordered().title(format!(" Chat with {} ", model.customer_name()));
    let room = block.inner(said);
    let entries = model.panels().history().entries();
    let lines: Vec<Line<'_>> = entries.flat_map(|entry| lines_of(entry, room.width)).collect();
    let hidden = lines.len().saturating_sub(usize::from(room.height));
    let lines: Vec<Line<'_>> = lines.into_iter().skip(hidden).collect();
    frame.render_widget(Paragraph::new(lines).block(block), said);
    draw_editor(model.panels().saying(), " To all ", frame, line);
    let phrases = if model.panels().has_phrases() { "  Up/Down quick phrases" } else { "" };
    frame.render_widget(
        Paragraph::new(format!("Enter send{phrases}  Esc close")).style(FAINT),
        keys,
    );
}

/// An entry in rows of at most `width` columns; the first begins with its speaker.
fn lines_of(entry: &Entry, width: u16) -> Vec<Line<'static>> {
    let (speaker, style) = match &entry.speaker {
        Speaker::Own => ("You", FAINT),
        Speaker::Other(name) => (name.as_str(), STRONG),
    };
    let to = entry.to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
    let speaker = format!("{speaker}{to}: ");
    let mut rows = wrapped(&format!("{speaker}{}", with_hosts(&entry.text)), width).into_iter();
    let first = rows.next().unwrap_or_default();
    let first = match first.strip_prefix(speaker.as_str()) {
        Some(said) => {
            Line::from(vec![Span::styled(speaker.clone(), style), Span::raw(said.to_owned())])
        }
        None => Line::raw(first),
    };
    std::iter::once(first).chain(rows.map(Line::raw)).collect()
}

fn draw_notes(model: &Model, review: bool, frame: &mut Frame<'_>, area: Rect) {
    let [text, keys] = Layout::vertical([Constraint::Min(4), Constraint::Length(1)]).areas(area);
    let title = if review { " Check the notes of this session " } else { " Session notes " };
    draw_editor(model.panels().notes(), title, frame, text);
    let help = if review {
        "The session is over. Edit what is to be kept; Esc: done"
    } else {
        "Saved with every key  Esc close"
    };
    frame.render_widget(Paragraph::new(help).style(FAINT), keys);
}

fn draw_invitation(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let [text, line, keys] =
        Layout::vertical([Constraint::Min(8), Constraint::Length(3), Constraint::Length(1)])
            .areas(area);
    let code = model.code().map_or_else(String::new, |code| code.reveal().as_str().to_owned());
    let link = model.invitation().map_or_else(String::new, |invitation| invitation.link());
    let lines = vec![
        Line::raw("By telephone: the customer starts their program with the center"),
        Line::styled(format!("  {}", model.center()), STRONG),
        Line::raw("and gives it the code"),
        Line::styled(format!("  {code}"), STRONG),
        Line::raw("By messenger: copy this link, which the customer's program takes for a code"),
        Line::styled(link, STRONG),
        Line::raw(
            "By your own mail program: type the address below, or none, and press Enter. What",
        ),
        Line::raw("is sent from there comes from you, not from the center, and so is less likely"),
        Line::raw("to be taken for spam, and arrives sooner."),
        Line::raw("Link and code end with the session and after the customer has joined."),
        Line::styled("Another representative cannot be invited in this version.", FAINT),
    ];
    let block = Block::bordered().title(" Invite a customer ");
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), text);
    draw_editor(model.panels().recipient(), " Mail address ", frame, line);
    let help = "Enter write the message for your mail program  Esc close";
    frame.render_widget(Paragraph::new(help).style(FAINT), keys);
}

/// An editor in a box, with the terminal's cursor in it.
fn draw_editor(editor: &Editor, title: &str, frame: &mut Frame<'_>, area: Rect) {
    let block = Block::bordered().title(title.to_owned());
    let room = block.inner(area);
    let rows = editor.rows(room.width, room.height);
    let lines: Vec<Line<'_>> = rows.rows.into_iter().map(Line::raw).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
    let (column, row) = rows.cursor;
    frame.set_cursor_position(Position::new(room.x + column, room.y + row));
}
