//! The signed list of participants: whom it lets in, and that nobody can show two of them.

use std::sync::Arc;

use tessera::session::csr::{self, Csr};
use tessera::session::customer::{self, Customer};
use tessera::session::messages::{Message, VERSION};
use tessera::session::roster::{
    Follower, Head, Issuer, MAX_MEMBERS, Member, Role, RosterError, SignedEntry,
};
use tessera::session::rules::Consent;
use tessera::{Activity, csr::EndReason};
use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity, json};

fn session(index: u32) -> Number {
    Number::from_index(index).expect("a number")
}

fn person(number: u8) -> Fingerprint {
    [number; 32].into()
}

fn representative() -> Arc<Identity> {
    Arc::new(Identity::ephemeral().expect("a key"))
}

fn follower(primary: &Identity) -> Follower {
    let own = Member { key: person(1), role: Role::Customer };
    Follower::new(session(1), own, primary.fingerprint())
}

/// A roster with person 1 as the customer.
fn issuer(primary: &Arc<Identity>) -> Issuer {
    let mut issuer = Issuer::new(session(1), Arc::clone(primary));
    assert!(issuer.admit(person(1), Role::Customer));
    issuer
}

fn newest(issuer: &Issuer) -> SignedEntry {
    issuer.since(None).next().expect("there is always an entry").clone()
}

/// `entry` with the first `from` in its JSON form replaced.
fn altered(entry: &SignedEntry, from: &str, to: &str) -> SignedEntry {
    let text = String::from_utf8(json::to_bytes(entry).to_vec()).expect("JSON is text");
    assert!(text.contains(from), "{text}");
    let mut text = text.replacen(from, to, 1).into_bytes();
    json::parse(&mut text, 8192).expect("still the form of an entry")
}

#[test]
fn a_joiner_and_every_later_change_are_followed() {
    let primary = representative();
    let (mut issuer, mut follower) = (issuer(&primary), follower(&primary));
    let joined = follower.accept(&newest(&issuer)).expect("the first entry seen");
    assert!(issuer.contains(joined) && follower.may_see(primary.fingerprint()));
    assert!(!follower.may_see(person(1)) && !follower.may_see(person(2)));
    assert!(issuer.admit(person(2), Role::Customer));
    issuer.remove(person(2));
    let missed: Vec<_> = issuer.since(Some(joined.sequence)).cloned().collect();
    assert_eq!(missed.len(), 2);
    for entry in &missed {
        follower.accept(entry).expect("continues");
    }
    assert_eq!(follower.accept(&newest(&issuer)), Ok(follower.head().expect("listed")));
    let keys: Vec<_> = follower.members().iter().map(|member| member.key).collect();
    assert_eq!(keys, [primary.fingerprint(), person(1)]);
}

#[test]
fn only_the_one_who_was_joined_can_sign() {
    let (primary, other) = (representative(), representative());
    let mut follower = follower(&primary);
    assert_eq!(follower.accept(&newest(&issuer(&other))), Err(RosterError::Signature));
    let genuine = newest(&issuer(&primary));
    let text = String::from_utf8(json::to_bytes(&genuine).to_vec()).expect("text");
    for (from, to) in [
        // Another member, another role, another place: the signature covers all of the text.
        (person(1).to_string(), person(2).to_string()),
        ("customer".to_owned(), "primary".to_owned()),
        ("\\\"sequence\\\":1".to_owned(), "\\\"sequence\\\":2".to_owned()),
    ] {
        assert!(text.contains(&from), "{from} in {text}");
        assert_eq!(follower.accept(&altered(&genuine, &from, &to)), Err(RosterError::Signature));
    }
    assert_eq!(follower.head(), None, "nothing of it was taken");
    follower.accept(&genuine).expect("the genuine one still is");
}

#[test]
fn an_entry_signed_for_somebody_elses_list_is_refused() {
    let (primary, other) = (representative(), representative());
    let genuine = newest(&issuer(&primary));
    // Signed anew by a key of the forger's, over a text that names the real primary.
    let forged = newest(&issuer(&other));
    let key = |entry: &SignedEntry| {
        let text = String::from_utf8(json::to_bytes(entry).to_vec()).expect("text");
        let at = text.find("\"key\":\"").expect("a key") + 7;
        text[at..at + 64].to_owned()
    };
    let disguised = altered(&forged, &key(&forged), &key(&genuine));
    assert_eq!(follower(&primary).accept(&disguised), Err(RosterError::Signature));
}

#[test]
fn a_row_that_forks_skips_or_leads_back_is_refused() {
    let primary = representative();
    let mut shown_to_one = issuer(&primary);
    let mut shown_to_another = issuer(&primary);
    let mut follower = follower(&primary);
    let first = newest(&shown_to_one);
    follower.accept(&first).expect("the first");
    shown_to_one.admit(person(2), Role::Customer);
    shown_to_another.admit(person(3), Role::Customer);
    follower.accept(&newest(&shown_to_one)).expect("continues");
    assert_eq!(follower.accept(&newest(&shown_to_another)), Err(RosterError::Broken), "a fork");
    shown_to_another.admit(person(4), Role::Customer);
    assert_eq!(follower.accept(&newest(&shown_to_another)), Err(RosterError::Broken), "its end");
    assert_eq!(follower.accept(&first), Err(RosterError::Broken), "back");
    shown_to_one.admit(person(5), Role::Customer);
    shown_to_one.admit(person(6), Role::Customer);
    assert_eq!(follower.accept(&newest(&shown_to_one)), Err(RosterError::Broken), "a gap");
}

#[test]
fn the_roster_of_another_session_and_one_without_oneself_are_refused() {
    let primary = representative();
    let mut elsewhere = Issuer::new(session(2), Arc::clone(&primary));
    elsewhere.admit(person(1), Role::Customer);
    let mut follower = follower(&primary);
    assert_eq!(follower.accept(&newest(&elsewhere)), Err(RosterError::OtherSession));
    let mut issuer = issuer(&primary);
    follower.accept(&newest(&issuer)).expect("in");
    issuer.remove(person(1));
    assert_eq!(follower.accept(&newest(&issuer)), Err(RosterError::Removed));
}

#[test]
fn a_session_has_room_for_its_limit_and_keeps_its_primary() {
    let primary = representative();
    let mut issuer = issuer(&primary);
    for number in 2..MAX_MEMBERS as u8 {
        assert!(issuer.admit(person(number), Role::Customer), "{number}");
    }
    assert!(!issuer.admit(person(99), Role::Customer));
    assert!(issuer.admit(person(1), Role::Customer), "who is in stays in");
    issuer.remove(primary.fingerprint());
    let mut follower = follower(&primary);
    follower.accept(&newest(&issuer)).expect("a full list fits an entry");
    assert!(follower.may_see(primary.fingerprint()));
    assert_eq!(follower.members().len(), MAX_MEMBERS);
}

fn sent(actions: impl Iterator<Item = customer::Action>) -> Vec<Message> {
    actions
        .filter_map(|action| match action {
            customer::Action::Send(message) => Some(message),
            _ => None,
        })
        .collect()
}

#[test]
fn nothing_is_shared_before_the_roster_and_nothing_after_a_false_one() {
    let primary = representative();
    let mut issuer = issuer(&primary);
    let mut customer = Customer::new("Cleo".into(), Consent::ALL, true, follower(&primary));
    let request = || Message::Request { id: 1, activity: Activity::View, text: String::new() };
    customer.handle_message(Message::Hello { version: VERSION, name: "Rae".into() });
    customer.handle_message(request());
    let actions: Vec<_> = std::iter::from_fn(|| customer.poll_action()).collect();
    assert!(!actions.contains(&customer::Action::StartSharing { control: false }), "{actions:?}");
    customer.handle_message(Message::Roster(newest(&issuer)));
    customer.handle_message(request());
    let actions: Vec<_> = std::iter::from_fn(|| customer.poll_action()).collect();
    assert!(actions.contains(&customer::Action::StartSharing { control: false }));
    let head = issuer.since(None).count();
    assert_eq!(head, 1);
    assert!(
        sent(actions.into_iter()).iter().any(|message| {
            matches!(message, Message::RosterSeen(head) if issuer.contains(*head))
        })
    );
    // Two entries at once skip one: the middle was shown to somebody else only.
    issuer.admit(person(2), Role::Customer);
    issuer.admit(person(3), Role::Customer);
    customer.handle_message(Message::Roster(newest(&issuer)));
    let actions: Vec<_> = std::iter::from_fn(|| customer.poll_action()).collect();
    assert!(actions.contains(&customer::Action::StopSharing), "{actions:?}");
    let refused = customer::Notice::RosterRefused(RosterError::Broken);
    assert!(actions.contains(&customer::Action::Tell(refused)) && customer.is_over());
    let ended = Message::ShareEnded { reason: EndReason::SessionOver };
    assert!(sent(actions.into_iter()).contains(&ended));
}

#[test]
fn a_customer_who_saw_another_roster_is_disconnected() {
    let primary = representative();
    let mut csr = Csr::new("Rae".into(), Issuer::new(session(1), Arc::clone(&primary)));
    csr.handle_connected(person(1));
    csr.handle_message(Message::Hello { version: VERSION, name: "Cleo".into() });
    let entries = |csr: &mut Csr| -> Vec<SignedEntry> {
        std::iter::from_fn(|| csr.poll_action())
            .filter_map(|action| match action {
                csr::Action::Send(Message::Roster(entry)) => Some(entry),
                _ => None,
            })
            .collect()
    };
    let shown = entries(&mut csr);
    assert_eq!(shown.len(), 1);
    let head: Head = follower(&primary).accept(&shown[0]).expect("genuine");
    csr.handle_message(Message::RosterSeen(head));
    assert!(!csr.admits_stranger(), "all is well");
    // A list of the same place signed by the same key, with somebody else on it.
    let mut other = Issuer::new(session(1), Arc::clone(&primary));
    other.admit(person(9), Role::Customer);
    other.remove(person(9));
    other.admit(person(1), Role::Customer);
    let elsewhere = follower(&primary).accept(&newest(&other)).expect("signed");
    csr.handle_message(Message::RosterSeen(elsewhere));
    let actions: Vec<_> = std::iter::from_fn(|| csr.poll_action()).collect();
    assert!(actions.contains(&csr::Action::Tell(csr::Notice::RosterDiffers)));
    assert!(
        actions.contains(&csr::Action::Disconnect) && actions.contains(&csr::Action::RenewCode)
    );
}
