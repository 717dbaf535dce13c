//! Chat, notes and invitations between the real programs.

use std::fs;

use crate::desk::Desk;
use crate::program::{Program, Setting};

#[test]
fn words_go_both_ways_and_show_where_links_lead() {
    let (seen, shared) = (Desk::start(), Desk::start());
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &[]);
    csr.expect("Session open");
    csr.type_line("chat too early");
    csr.expect("That was not sent");
    let mut customer = setting.customer(&shared, &[]);
    csr.expect("Kim has joined");
    csr.type_line("chat Please read https://bank.example@evil.example/a");
    customer.expect(
        "Lee says: Please read https://bank.example@evil.example/a [leads to evil.example]",
    );
    customer.type_line("t \u{1b}[2JThank you");
    csr.expect("The customer says: [2JThank you");
    Program::end_both(&mut csr, &mut customer);
}

#[test]
fn notes_outlive_a_killed_program_and_an_invitation_is_ready_to_be_sent() {
    let seen = Desk::start();
    let setting = Setting::new();
    let mut csr = setting.csr(&seen, &[]);
    csr.expect("Session open");
    csr.type_line("note The printer's driver was old.");
    let said = csr.expect("Your notes are in ");
    let notes = said.split("Your notes are in ").nth(1).expect("a name").to_owned();
    csr.type_line("invite kim@example.com");
    let said = csr.expect("The invitation for your mail program is in ");
    let invitation = said.split(" is in ").nth(1).expect("a name").to_owned();
    csr.kill();
    assert_eq!(fs::read_to_string(notes).expect("there"), "The printer's driver was old.\n");
    let invitation = fs::read_to_string(invitation).expect("there");
    let code = fs::read_to_string(setting.code_file()).expect("the code");
    assert!(invitation.starts_with("mailto:kim@example.com?subject="), "{invitation}");
    assert!(
        invitation.contains(code.trim()) && invitation.contains("tessera:join?"),
        "{invitation}"
    );
}
