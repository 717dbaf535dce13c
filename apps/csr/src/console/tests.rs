//! How the console looks, at 80 by 24.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use tessera::Activity;
use tessera::csr::Event;
use tessera_terminal::Key;

use super::model::Model;

fn drawn(model: &Model, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| super::draw(model, frame)).expect("drawn");
    terminal.backend().buffer().clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    buffer
        .content()
        .chunks(width)
        .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>())
        .map(|row| row.trim_end().to_owned())
        .collect()
}

fn opened() -> Model {
    let mut model = Model::new("127.0.0.1:7443", "Lee");
    let code = "123 456 789-1234 5678".parse().expect("a code");
    model.on_event(&Event::Opened { code });
    model
}

#[test]
fn before_a_customer_joins() {
    let expected = "\
┌ Tessera support session ─────────────────────────────────────────────────────┐
│Code      123 456 789-1234 5678                                               │
│Customer  nobody has joined yet                                               │
└──────────────────────────────────────────────────────────────────────────────┘
 1 Tools │ 2 Desktop │ 3 Application │ 4 Session
┌ Desktop ─────────────────────────────────┐┌ Customer information ────────────┐
│> Request view (until a customer joins)   ││  System information (not in this │
│  Request control (until a customer joins)││version)                          │
│  Share view (not in this version)        ││  Log on as a different user (not │
│  Share control (not in this version)     ││in this version)                  │
│                                          ││  Reboot computer (not in this    │
│                                          ││version)                          │
│                                          ││                                  │
│                                          ││                                  │
│                                          ││                                  │
└──────────────────────────────────────────┘└──────────────────────────────────┘
┌ Messages ────────────────────────────────────────────────────────────────────┐
│Session open. Code for the customer: 123 456 789-1234 5678                    │
│                                                                              │
│                                                                              │
│                                                                              │
│                                                                              │
└──────────────────────────────────────────────────────────────────────────────┘
Left/Right tab  Up/Down entry  Enter choose  c customer  d display  q end";
    let got = rows(&drawn(&opened(), 80, 24)).join("\n");
    assert_eq!(got, expected, "\n{got}\n");
}

#[test]
fn a_customer_makes_requests_available_and_is_shown_by_name() {
    let mut model = opened();
    model.on_event(&Event::CustomerJoined { name: "Kim Min-ji 지원".into(), again: false });
    let got = rows(&drawn(&model, 80, 24)).join("\n");
    assert!(got.contains("Customer  Kim Min-ji"), "\n{got}\n");
    assert!(got.contains("> Request view  "), "\n{got}\n");
    assert!(!got.contains("until a customer joins"), "\n{got}\n");
}

#[test]
fn every_tab_fits_with_all_its_reasons() {
    for (digit, title, last) in [
        ('1', "Tools", "  Notes"),
        ('2', "Desktop", "Share control (not in this version)"),
        ('3', "Application", "Co-browse control (not in this version)"),
        ('4', "Session", "End session"),
    ] {
        let mut model = opened();
        model.on_key(Key::Char(digit));
        let got = rows(&drawn(&model, 80, 24)).join("\n");
        assert!(got.contains(&format!("┌ {title} ─")) && got.contains(last), "\n{got}\n");
    }
}

#[test]
fn the_message_that_a_request_arrived_wants_an_ok() {
    let mut model = opened();
    model.on_event(&Event::CustomerJoined { name: "Kim".into(), again: false });
    model.on_event(&Event::RequestReceived { activity: Activity::Control });
    let got = rows(&drawn(&model, 80, 24)).join("\n");
    assert!(got.contains("has received the request to control"), "\n{got}\n");
    assert!(got.contains("Enter: OK"), "\n{got}\n");
    model.on_key(Key::Enter);
    let got = rows(&drawn(&model, 80, 24)).join("\n");
    assert!(!got.contains("Enter: OK"), "\n{got}\n");
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    for (width, height) in [(59, 24), (80, 19), (1, 1)] {
        let got = rows(&drawn(&opened(), width, height)).concat();
        assert!(!got.contains("Code"), "{got}");
    }
    let got = rows(&drawn(&opened(), 59, 24)).concat();
    assert!(got.contains("at least 60 by 20"), "{got}");
}

#[test]
fn a_name_cannot_smuggle_control_characters_into_the_terminal() {
    let mut model = opened();
    let name = "\u{1b}[2J\u{202e}evil\u{9b}31m".to_owned();
    model.on_event(&Event::CustomerJoined { name, again: false });
    let buffer = drawn(&model, 80, 24);
    let clean = |symbol: &str| !symbol.chars().any(|c| c.is_control() || c == '\u{202e}');
    assert!(buffer.content().iter().all(|cell| clean(cell.symbol())));
}
