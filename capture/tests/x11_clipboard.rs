//! The clipboards of two real displays, joined as a session would join them.

mod xvfb;

use std::sync::mpsc::{Receiver, channel};

use tessera_capture::x11::{Clipboard, ClipboardEvent, ClipboardKind};
use xvfb::{PATIENCE, Xvfb};

struct Side {
    server: Xvfb,
    clipboard: Clipboard,
    events: Receiver<ClipboardEvent>,
}

impl Side {
    fn open() -> Option<Self> {
        let server = Xvfb::start(&["-screen", "0", "320x200x24"])?;
        let (tell, events) = channel();
        let clipboard = Clipboard::open(Some(&server.name), move |event| {
            // A test that has ended listens no more.
            let _ = tell.send(event);
        });
        Some(Self { server, clipboard: clipboard.expect("a clipboard"), events })
    }

    fn next(&self) -> ClipboardEvent {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// A second program of the same display.
    fn program(&self) -> Program {
        let (tell, events) = channel();
        let clipboard = Clipboard::open(Some(&self.server.name), move |event| {
            let _ = tell.send(event);
        });
        Program { clipboard: clipboard.expect("a clipboard"), events }
    }
}

/// A program that copies and pastes.
struct Program {
    clipboard: Clipboard,
    events: Receiver<ClipboardEvent>,
}

impl Program {
    fn copies(&self, kinds: &[ClipboardKind]) {
        self.clipboard.offer(kinds.to_vec());
    }

    fn gives(&self, content: &[u8]) {
        let request = loop {
            match self.events.recv_timeout(PATIENCE).expect("a request") {
                ClipboardEvent::Wanted { request, .. } => break request,
                other => assert!(matches!(other, ClipboardEvent::Copied(_)), "{other:?}"),
            }
        };
        self.clipboard.give(request, Some(content.to_vec()));
    }

    /// Waits until something of this kind can be pasted, and does.
    fn pastes(&self, kind: ClipboardKind) {
        loop {
            match self.events.recv_timeout(PATIENCE).expect("an offer") {
                ClipboardEvent::Copied(kinds) if kinds.contains(&kind) => break,
                ClipboardEvent::Copied(_) => {}
                other => panic!("{other:?}"),
            }
        }
        self.clipboard.read(kind);
    }

    fn pasted(&self) -> Option<Vec<u8>> {
        match self.events.recv_timeout(PATIENCE).expect("content") {
            ClipboardEvent::Read(_, content) => content,
            other => panic!("{other:?}"),
        }
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| b'a' + (at % 23) as u8).collect()
}

#[test]
fn what_is_copied_on_one_display_is_pasted_on_the_other_and_read_only_then() {
    let (Some(here), Some(there)) = (Side::open(), Side::open()) else { return };
    let copying = here.program();
    let pasting = there.program();
    assert_eq!(here.next(), ClipboardEvent::Copied(Vec::new()));
    assert_eq!(there.next(), ClipboardEvent::Copied(Vec::new()));
    // In one piece, in many, and at the very limit.
    let sizes = [
        (ClipboardKind::Text, 5),
        (ClipboardKind::Text, 1 << 20),
        (ClipboardKind::Png, 3_000_000),
        (ClipboardKind::Png, 16 << 20),
    ];
    for (kind, length) in sizes {
        copying.copies(&[kind]);
        assert_eq!(here.next(), ClipboardEvent::Copied(vec![kind]));
        there.clipboard.offer(vec![kind]);
        pasting.pastes(kind);
        let ClipboardEvent::Wanted { request, kind: wanted } = there.next() else {
            panic!("nobody pastes");
        };
        assert_eq!(wanted, kind);
        // Only now is it read where it was copied.
        here.clipboard.read(kind);
        copying.gives(&content(length));
        let ClipboardEvent::Read(_, read) = here.next() else { panic!("nothing is read") };
        assert_eq!(read.as_deref(), Some(&content(length)[..]), "{kind:?}, {length} bytes");
        there.clipboard.give(request, read);
        assert_eq!(pasting.pasted(), Some(content(length)));
        // What is offered is not told as if a program had copied it: no loop.
        assert!(there.events.try_recv().is_err());
    }
}

#[test]
fn what_is_too_large_or_not_there_is_told_as_nothing() {
    let Some(here) = Side::open() else { return };
    let copying = here.program();
    assert_eq!(here.next(), ClipboardEvent::Copied(Vec::new()));
    here.clipboard.read(ClipboardKind::Text);
    assert_eq!(here.next(), ClipboardEvent::Read(ClipboardKind::Text, None));
    copying.copies(&[ClipboardKind::Text]);
    assert_eq!(here.next(), ClipboardEvent::Copied(vec![ClipboardKind::Text]));
    here.clipboard.read(ClipboardKind::Text);
    copying.gives(&content((1 << 20) + 1));
    assert_eq!(here.next(), ClipboardEvent::Read(ClipboardKind::Text, None));
    here.clipboard.read(ClipboardKind::Text);
    copying.gives(b"\xff\xfe");
    assert_eq!(here.next(), ClipboardEvent::Read(ClipboardKind::Text, None), "no UTF-8");
    // The program ends, and what it copied with it.
    drop(copying);
    assert_eq!(here.next(), ClipboardEvent::Copied(Vec::new()));
}

#[test]
fn a_real_program_copies_and_pastes() {
    let Some(here) = Side::open() else { return };
    let run = |program: &str| {
        let mut command = std::process::Command::new(program);
        command.env("DISPLAY", &here.server.name).stderr(std::process::Stdio::null());
        command
    };
    let text = "Grüße, 한글\n".repeat(20_000);
    let copying = run("xclip")
        .args(["-selection", "clipboard", "-in", "-quiet"])
        .stdin(std::process::Stdio::piped())
        .spawn();
    let Ok(mut copying) = copying else {
        println!("SKIPPED: xclip is not installed (`make test` installs it)");
        return;
    };
    std::io::Write::write_all(&mut copying.stdin.take().expect("piped"), text.as_bytes())
        .expect("xclip reads");
    loop {
        match here.next() {
            ClipboardEvent::Copied(kinds) if kinds == [ClipboardKind::Text] => break,
            other => assert_eq!(other, ClipboardEvent::Copied(Vec::new())),
        }
    }
    here.clipboard.read(ClipboardKind::Text);
    let read = ClipboardEvent::Read(ClipboardKind::Text, Some(text.clone().into_bytes()));
    assert!(here.next() == read, "all of the text");

    here.clipboard.offer(vec![ClipboardKind::Text]);
    let pasting = std::thread::scope(|scope| {
        let pasting = scope.spawn(|| {
            run("xclip").args(["-selection", "clipboard", "-out"]).output().expect("xclip runs")
        });
        loop {
            match here.next() {
                ClipboardEvent::Wanted { request, .. } => {
                    here.clipboard.give(request, Some(text.clone().into_bytes()));
                    break;
                }
                other => assert!(matches!(other, ClipboardEvent::Copied(_)), "{other:?}"),
            }
        }
        pasting.join().expect("it ends")
    });
    assert!(pasting.stdout == text.as_bytes(), "{} bytes", pasting.stdout.len());
    let _ = copying.kill();
    let _ = copying.wait();
}

#[test]
fn a_program_that_offers_too_much_is_not_listened_to_the_end() {
    let Some(here) = Side::open() else { return };
    let copying = std::process::Command::new("xclip")
        .args(["-selection", "clipboard", "-in", "-quiet"])
        .env("DISPLAY", &here.server.name)
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn();
    let Ok(mut copying) = copying else {
        println!("SKIPPED: xclip is not installed (`make test` installs it)");
        return;
    };
    std::io::Write::write_all(&mut copying.stdin.take().expect("piped"), &content(3 << 20))
        .expect("xclip reads");
    loop {
        match here.next() {
            ClipboardEvent::Copied(kinds) if kinds == [ClipboardKind::Text] => break,
            other => assert_eq!(other, ClipboardEvent::Copied(Vec::new())),
        }
    }
    here.clipboard.read(ClipboardKind::Text);
    assert_eq!(here.next(), ClipboardEvent::Read(ClipboardKind::Text, None));
    let _ = copying.kill();
    let _ = copying.wait();
}
