//! The console on the terminal, made for 80 columns and 24 rows.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Tabs, Wrap};

use tessera::DisplayMode;

use super::draw_panels;
use super::entries::{Area, Entry};
use super::model::{Customer, Dialog, Model};

/// Size below which nothing sensible can be drawn.
const SMALLEST: (u16, u16) = (60, 20);

pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Draws the whole console.
pub(crate) fn console(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("Make this terminal at least {} by {}.", SMALLEST.0, SMALLEST.1);
        return frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
    }
    let [status, tabs, body, messages, keys] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Length(1),
        Constraint::Min(8),
        Constraint::Length(7),
        Constraint::Length(1),
    ])
    .areas(area);
    let [entries, customer] =
        Layout::horizontal([Constraint::Min(30), Constraint::Length(36)]).areas(body);
    draw_status(model, frame, status);
    draw_tabs(model, frame, tabs);
    draw_entries(model, frame, entries, model.tab_area());
    draw_entries(model, frame, customer, Area::Customer);
    draw_messages(model, frame, messages);
    draw_keys(model, frame, keys);
    if let Some(panel) = model.panels().open() {
        let [_, panel_area] =
            Layout::vertical([Constraint::Length(4), Constraint::Min(12)]).areas(area);
        draw_panels::draw(model, panel, frame, panel_area);
    }
    if let Some(dialog) = model.dialog() {
        draw_dialog(dialog, frame, area);
    }
}

fn draw_status(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let code =
        model.code().map_or_else(|| "not open yet".to_owned(), |code| code.reveal().to_string());
    let customer = match model.customer() {
        Customer::Awaited => "nobody has joined yet".to_owned(),
        Customer::Present(name) if model.is_silent() => {
            format!("{name} (nothing is heard, waiting)")
        }
        Customer::Present(name) => name.clone(),
        Customer::Lost(name) => format!("{name} (connection lost, may come back)"),
    };
    let sharing = match (model.is_sharing(), model.is_control_allowed()) {
        (false, _) => "",
        (true, false) => "VIEWING",
        (true, true) => "CONTROL ALLOWED",
    };
    let display = match (model.is_sharing(), model.display().mode) {
        (true, DisplayMode::Sampling) => format!("  {}", model.display()),
        _ => String::new(),
    };
    let lines = vec![
        Line::from(vec![Span::raw("Code      "), Span::styled(code, STRONG)]),
        Line::from(vec![
            Span::raw("Customer  "),
            Span::styled(customer, STRONG),
            Span::raw("  "),
            Span::styled(sharing, SELECTED),
            Span::raw(display),
        ]),
    ];
    let block = Block::bordered().title(" Tessera support session ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_tabs(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let titles = Area::TABS
        .iter()
        .zip(1..)
        .map(|(tab, number): (_, u8)| format!("{number} {}", tab.title()));
    let tabs = Tabs::new(titles).select(model.tab()).highlight_style(SELECTED);
    frame.render_widget(tabs, area);
}

fn draw_entries(model: &Model, frame: &mut Frame<'_>, area: Rect, of: Area) {
    let has_selection = model.area() == of;
    let lines = of
        .entries()
        .iter()
        .enumerate()
        .map(|(at, entry)| entry_line(model, *entry, has_selection && at == model.selected()));
    let block = Block::bordered().title(format!(" {} ", of.title()));
    // The longest entries do not fit the customer information area in one row.
    let lines = Paragraph::new(lines.collect::<Vec<_>>()).wrap(Wrap { trim: false });
    frame.render_widget(lines.block(block), area);
}

fn entry_line(model: &Model, entry: Entry, selected: bool) -> Line<'static> {
    let mark = if selected { "> " } else { "  " };
    let style = if selected { SELECTED } else { Style::new() };
    match entry.unavailable(model) {
        None => Line::styled(format!("{mark}{}{}", entry.title(), entry.remark(model)), style),
        Some(reason) => {
            Line::styled(format!("{mark}{} ({reason})", entry.title()), style.patch(FAINT))
        }
    }
}

fn draw_messages(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let rows = usize::from(area.height.saturating_sub(2));
    let mut lines: Vec<Line<'_>> =
        model.messages().rev().take(rows).map(|message| Line::raw(message.to_owned())).collect();
    lines.reverse();
    let block = Block::bordered().title(" Messages ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_keys(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let stop = if model.is_sharing() { "  s stop sharing" } else { "" };
    let text =
        format!("Left/Right tab  Up/Down entry  Enter choose  c customer  d display{stop}  q end");
    frame.render_widget(Paragraph::new(text).style(FAINT), area);
}

fn draw_dialog(dialog: &Dialog, frame: &mut Frame<'_>, area: Rect) {
    let (text, keys) = match dialog {
        Dialog::ConfirmEnd => {
            ("End the session for you and the customer?", "Enter: OK, end it     Esc: no, go on")
        }
        Dialog::Options => (
            "1  Standard: good image quality\n2  Screen sampling, high colour (16 bit)\n\
             3  Screen sampling, 256 colours: the least bandwidth",
            "Esc: as it is",
        ),
        Dialog::Message(text) => (text.as_str(), "Enter: OK"),
    };
    let [area] = Layout::horizontal([Constraint::Length(56)])
        .flex(ratatui::layout::Flex::Center)
        .areas(area);
    let [area] =
        Layout::vertical([Constraint::Length(7)]).flex(ratatui::layout::Flex::Center).areas(area);
    let mut lines: Vec<Line<'_>> = text.lines().map(Line::raw).collect();
    lines.extend([Line::raw(""), Line::styled(keys, STRONG)]);
    let paragraph = Paragraph::new(lines)
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true })
        .block(Block::bordered());
    frame.render_widget(Clear, area);
    frame.render_widget(paragraph, area);
}
