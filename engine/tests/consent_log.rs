//! The log of consent: what it proves, and that whatever is done to a file shows.

use std::sync::{Arc, OnceLock};

use tessera::session::log::{Line, NotAnEntry, Reader, Report, What, Writer, verify};
use tessera::{Activity, Fingerprint};
use tessera_transport::Identity;
use tessera_transport::pairing::Number;

fn key(of: &'static OnceLock<Arc<Identity>>) -> Arc<Identity> {
    Arc::clone(of.get_or_init(|| Arc::new(Identity::ephemeral().expect("a key"))))
}

fn cleo() -> Arc<Identity> {
    static CLEO: OnceLock<Arc<Identity>> = OnceLock::new();
    key(&CLEO)
}

fn rae() -> Arc<Identity> {
    static RAE: OnceLock<Arc<Identity>> = OnceLock::new();
    key(&RAE)
}

fn session(index: u32) -> Number {
    Number::from_index(index).expect("a number")
}

fn asked() -> What {
    What::Asked { activity: Activity::View, text: "Rae asks to view the \"desktop\".".into() }
}

fn answered(granted: bool) -> What {
    let (activity, text) = (Activity::View, "Rae asks to view the \"desktop\".".into());
    What::Answered { activity, text, granted, all: false, by_person: true }
}

/// The lines of a log as both sides write them: each entry, signed by the representative as well.
fn lines(entries: &[What], writer: &mut Writer, first_us: u64) -> Vec<String> {
    let (mut reader, csr) = (Reader::default(), rae());
    let mut lines = Vec::new();
    for (place, what) in entries.iter().enumerate() {
        let time_us = first_us + place as u64;
        let record = writer.append(what.clone(), time_us, Some(csr.fingerprint()), None);
        let taken = reader.take(&record, cleo().fingerprint(), session(1), &csr);
        let (signed, is_new) = taken.expect("theirs");
        assert!(is_new);
        assert!(writer.countersigned(csr.fingerprint(), &signed));
        for line in [Line::Record(record), Line::Countersigned(signed)] {
            lines.push(String::from_utf8(line.to_bytes()).expect("text"));
        }
    }
    lines
}

fn whole() -> Vec<String> {
    let mut writer = Writer::new(session(1), cleo());
    lines(&[asked(), answered(true), What::AllWithdrawn, What::Over], &mut writer, 1_000)
}

fn check(lines: &[String]) -> Report {
    verify(lines.concat().as_bytes(), None)
}

/// The only finding, which has to be in this line.
fn finding(lines: &[String], line: usize) -> String {
    let report = check(lines);
    let first = report.findings().first().unwrap_or_else(|| panic!("nothing found: {lines:#?}"));
    assert_eq!(first.line, line, "{:?}", report.findings());
    first.sentence.clone()
}

#[test]
fn a_log_that_is_as_it_was_written_says_what_it_proves() {
    let report = check(&whole());
    assert_eq!((report.findings(), report.entries()), (&[][..], 4));
    let sentences = report.sentences();
    assert!(sentences[0].contains("4 entries in order") && sentences[0].contains("1 requests"));
    assert!(sentences[0].contains(&cleo().fingerprint().to_string()), "{sentences:?}");
    assert!(sentences[1].contains(&rae().fingerprint().to_string()), "{sentences:?}");
    assert_eq!(sentences.len(), 2, "nothing is missing: {sentences:?}");
}

#[test]
fn one_changed_character_anywhere_is_found() {
    let whole = whole();
    let content = whole.concat();
    for at in 0..content.len() {
        let mut bytes = content.clone().into_bytes();
        // Another digit or letter, so that it may well remain JSON.
        bytes[at] = match bytes[at] {
            b'0' => b'1',
            b'a' => b'b',
            b'\n' => b' ',
            byte => byte ^ 1,
        };
        let report = verify(&bytes, None);
        assert!(!report.findings().is_empty(), "byte {at} of {content}");
    }
}

#[test]
fn what_is_left_out_repeated_or_put_into_another_order_is_found() {
    let whole = whole();
    let without = |left_out: &[usize]| -> Vec<String> {
        let kept = whole.iter().enumerate().filter(|(place, _)| !left_out.contains(place));
        kept.map(|(_, line)| line.clone()).collect()
    };
    assert!(finding(&without(&[2, 3]), 3).contains("left out"));
    assert!(
        finding(&without(&[2]), 3).contains("belongs to no entry"),
        "a signature without entry"
    );
    let mut swapped = whole.clone();
    swapped.swap(2, 4);
    assert!(finding(&swapped, 3).contains("another order"));
    let mut twice = whole.clone();
    twice.insert(3, whole[2].clone());
    assert!(finding(&twice, 4).contains("repeated"));
}

#[test]
fn a_cut_line_is_found_and_a_missing_beginning_or_end_is_said() {
    let mut cut = whole();
    cut.pop();
    let last = cut.pop().expect("lines");
    cut.push(last[..last.len() / 2].to_owned());
    assert!(finding(&cut, 7).contains("cut off"));
    let report = check(&whole()[..6]);
    assert!(report.findings().is_empty());
    assert!(report.sentences().iter().any(|it| it.contains("the end was cut off")));
    let report = check(&whole()[2..]);
    assert!(report.sentences().iter().any(|it| it.contains("begins with entry 1")));
}

#[test]
fn a_log_of_another_key_is_found() {
    let expected: Fingerprint = rae().fingerprint();
    let report = verify(whole().concat().as_bytes(), Some(expected));
    assert!(report.findings()[0].sentence.contains("another key"));
    assert_eq!(report.entries(), 0);
    let report = verify(whole().concat().as_bytes(), Some(cleo().fingerprint()));
    assert!(report.findings().is_empty());
    // Entries of two keys, as if they were one log.
    let mut other = Writer::new(session(1), rae());
    other.append(asked(), 0, None, None);
    let forged = other.append(answered(true), 0, None, None);
    let mut mixed = whole()[..2].to_vec();
    mixed.push(String::from_utf8(Line::Record(forged).to_bytes()).expect("text"));
    assert!(finding(&mixed, 3).contains("another key than those before"));
}

#[test]
fn the_signature_of_one_who_did_not_hold_control_proves_nothing_about_the_one_who_did() {
    let mut writer = Writer::new(session(1), cleo());
    let record = writer.append(asked(), 1, Some(rae().fingerprint()), None);
    let later = Identity::ephemeral().expect("a key");
    let taken = Reader::default().take(&record, cleo().fingerprint(), session(1), &later);
    let (signed, _) = taken.expect("theirs");
    assert!(!writer.countersigned(rae().fingerprint(), &signed), "it is not the representative's");
    let file = [Line::Record(record), Line::Countersigned(signed)];
    let file: Vec<_> =
        file.iter().map(|it| String::from_utf8(it.to_bytes()).expect("text")).collect();
    let report = check(&file);
    assert!(report.findings().is_empty(), "{:?}", report.findings());
    let alone = report.sentences();
    assert!(alone.iter().any(|it| it.contains("1 entries have the customer's signature alone")));
}

#[test]
fn the_representatives_side_takes_nothing_but_the_next_entry_of_the_customer() {
    let (csr, customer) = (rae(), cleo().fingerprint());
    let mut writer = Writer::new(session(1), cleo());
    let mut entries = [asked(), answered(true), What::Over]
        .map(|what| writer.append(what, 1, Some(csr.fingerprint()), None))
        .into_iter();
    let mut next = || entries.next().expect("three");
    let (first, second, third) = (next(), next(), next());
    let mut reader = Reader::default();
    assert_eq!(reader.take(&first, csr.fingerprint(), session(1), &csr), Err(NotAnEntry));
    assert_eq!(reader.take(&first, customer, session(2), &csr), Err(NotAnEntry));
    reader.take(&first, customer, session(1), &csr).expect("the first");
    assert_eq!(reader.take(&third, customer, session(1), &csr), Err(NotAnEntry), "a gap");
    let (_, is_new) = reader.take(&first, customer, session(1), &csr).expect("again");
    assert!(!is_new, "as after a lost connection");
    reader.take(&second, customer, session(1), &csr).expect("the second");
    let mut other = Writer::new(session(1), cleo());
    let fork = other.append(answered(false), 1, Some(csr.fingerprint()), None);
    assert_eq!(reader.take(&fork, customer, session(1), &csr), Err(NotAnEntry), "another first");
}

#[test]
fn a_program_that_was_started_anew_goes_on_with_its_log() {
    let mut writer = Writer::new(session(1), cleo());
    let mut file = lines(&[asked(), answered(true)], &mut writer, 5_000);
    let mut again = Writer::new(session(1), cleo()).resume(&check(&file));
    let record = again.append(What::Over, 1_000, Some(rae().fingerprint()), None);
    file.push(String::from_utf8(Line::Record(record).to_bytes()).expect("text"));
    let report = check(&file);
    assert_eq!((report.findings(), report.entries()), (&[][..], 3));
    let sentences = report.sentences();
    assert!(sentences.iter().any(|it| it.contains("clock was set back")), "{sentences:?}");
    assert!(
        sentences.iter().any(|it| it.contains("1 entries have the customer's signature alone"))
    );
}

#[test]
fn what_is_no_log_is_said_to_be_none() {
    for content in ["", "\n", "x\n", "{}\n", "{\"record\":{}}\n"] {
        let report = verify(content.as_bytes(), None);
        assert_eq!(report.entries(), 0);
        assert_eq!(report.findings().is_empty(), content.is_empty(), "{content:?}");
    }
    let endless = vec![b'['; 1 << 20];
    assert_eq!(verify(&endless, None).findings().len(), 1);
}
