//! The signed list of participants: whom it lets in, and that nobody can show two of them.

use std::sync::{Arc, OnceLock};

use tessera::session::messages::{Message, VERSION};
use tessera::session::roster::{Head, MAX_MEMBERS, Member, Role, Roster, RosterError, SignedEntry};
use tessera::session::rules::Consent;
use tessera::session::share::ShareTarget;
use tessera::session::{Action, Notice, Participant, Policy, Setup};
use tessera::{Activity, csr::EndReason};
use tessera_transport::pairing::Number;
use tessera_transport::{Fingerprint, Identity, json};

fn session(index: u32) -> Number {
    Number::from_index(index).expect("a number")
}

/// Person 1 has a key of their own; of the others only the fingerprint is needed.
fn person(number: u8) -> Fingerprint {
    if number == 1 { first().fingerprint() } else { [number; 32].into() }
}

fn first() -> &'static Arc<Identity> {
    static FIRST: OnceLock<Arc<Identity>> = OnceLock::new();
    FIRST.get_or_init(|| Arc::new(Identity::ephemeral().expect("a key")))
}

fn customer(number: u8) -> Member {
    Member { key: person(number), role: Role::Customer, agent: false }
}

fn representative() -> Arc<Identity> {
    Arc::new(Identity::ephemeral().expect("a key"))
}

fn follower(primary: &Identity) -> Roster {
    Roster::follow(session(1), Arc::clone(first()), primary.fingerprint())
}

/// A roster with person 1 as the customer.
fn issuer(primary: &Arc<Identity>) -> Roster {
    let mut issuer = Roster::found(session(1), Arc::clone(primary), false);
    assert!(issuer.admit(customer(1)));
    issuer
}

fn newest(issuer: &Roster) -> SignedEntry {
    issuer.newest().expect("there is always an entry").clone()
}

/// Where somebody has got to by taking `entry`.
fn head_after(mut follower: Roster, entry: &SignedEntry) -> Head {
    follower.accept(entry).expect("genuine");
    follower.head().expect("listed")
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
    follower.accept(&newest(&issuer)).expect("the first entry seen");
    let joined = follower.head().expect("listed");
    assert!(issuer.contains(joined) && follower.holder() == Some(primary.fingerprint()));
    assert_eq!(follower.role_of(person(1)), Some(Role::Customer));
    assert_eq!(follower.role_of(person(2)), None);
    assert!(issuer.admit(customer(2)));
    issuer.remove(person(2));
    let missed: Vec<_> = issuer.since(Some(joined.sequence)).cloned().collect();
    assert_eq!(missed.len(), 2);
    for entry in &missed {
        follower.accept(entry).expect("continues");
    }
    assert_eq!(follower.accept(&newest(&issuer)), Ok(None), "it is known");
    assert_eq!(follower.head(), issuer.head());
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
    shown_to_one.admit(customer(2));
    shown_to_another.admit(customer(3));
    follower.accept(&newest(&shown_to_one)).expect("continues");
    assert_eq!(follower.accept(&newest(&shown_to_another)), Err(RosterError::Broken), "a fork");
    shown_to_another.admit(customer(4));
    assert_eq!(follower.accept(&newest(&shown_to_another)), Err(RosterError::Broken), "its end");
    assert_eq!(follower.accept(&first), Err(RosterError::Broken), "back");
    shown_to_one.admit(customer(5));
    shown_to_one.admit(customer(6));
    assert_eq!(follower.accept(&newest(&shown_to_one)), Err(RosterError::Broken), "a gap");
}

#[test]
fn the_roster_of_another_session_and_one_without_oneself_are_refused() {
    let primary = representative();
    let mut elsewhere = Roster::found(session(2), Arc::clone(&primary), false);
    elsewhere.admit(customer(1));
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
        assert!(issuer.admit(customer(number)), "{number}");
    }
    assert!(!issuer.admit(customer(99)));
    assert!(issuer.admit(customer(1)), "who is in stays in");
    issuer.remove(primary.fingerprint());
    let mut follower = follower(&primary);
    follower.accept(&newest(&issuer)).expect("a full list fits an entry");
    assert_eq!(follower.holder(), Some(primary.fingerprint()));
    assert_eq!(follower.members().len(), MAX_MEMBERS);
}

fn setup(name: &str, identity: &Arc<Identity>) -> Setup {
    let (name, identity) = (name.to_owned(), Arc::clone(identity));
    Setup { name, session: session(1), identity, policy: Policy::default() }
}

fn hello(name: &str) -> Message {
    Message::Hello { version: VERSION, name: name.into(), head: None }
}

fn drain(participant: &mut Participant) -> Vec<Action> {
    std::iter::from_fn(|| participant.poll_action()).collect()
}

fn sent(actions: Vec<Action>) -> Vec<Message> {
    actions
        .into_iter()
        .filter_map(|action| match action {
            Action::Send { message, .. } => Some(message),
            _ => None,
        })
        .collect()
}

#[test]
fn nothing_is_shared_before_the_roster_and_nothing_after_a_false_one() {
    let primary = representative();
    let rae = primary.fingerprint();
    let mut issuer = issuer(&primary);
    let mut customer_side = Participant::joining(setup("Cleo", first()), rae, Consent::ALL);
    customer_side.handle_connected(rae);
    let request = || Message::Request { id: 1, activity: Activity::View, text: String::new() };
    customer_side.handle_message(rae, hello("Rae"), 0);
    customer_side.handle_message(rae, request(), 0);
    let started = Action::StartSharing { target: ShareTarget::DESKTOP };
    let actions = drain(&mut customer_side);
    assert!(!actions.contains(&started), "{actions:?}");
    customer_side.handle_message(rae, Message::Roster(newest(&issuer)), 0);
    customer_side.handle_message(rae, request(), 0);
    let actions = drain(&mut customer_side);
    assert!(actions.contains(&started), "{actions:?}");
    assert!(
        sent(actions).iter().any(|message| {
            matches!(message, Message::RosterSeen(head) if issuer.contains(*head))
        })
    );
    // Two entries at once skip one: the middle was shown to somebody else only.
    issuer.admit(customer(2));
    issuer.admit(customer(3));
    customer_side.handle_message(rae, Message::Roster(newest(&issuer)), 0);
    let actions = drain(&mut customer_side);
    assert!(actions.contains(&Action::StopSharing), "{actions:?}");
    let refused = Notice::RosterRefused(RosterError::Broken);
    assert!(actions.contains(&Action::Tell(refused)) && customer_side.is_over());
    assert!(actions.contains(&Action::Part { from: rae }), "and the connection ends");
    let ended = Message::ShareEnded { reason: EndReason::SessionOver };
    assert!(sent(actions).contains(&ended));
}

#[test]
fn a_customer_who_saw_another_roster_is_disconnected() {
    let primary = representative();
    let mut csr = Participant::primary(setup("Rae", &primary), false);
    csr.handle_admitted(customer(1), 0);
    csr.handle_message(person(1), hello("Cleo"), 0);
    let shown: Vec<_> = sent(drain(&mut csr))
        .into_iter()
        .filter_map(|message| match message {
            Message::Roster(entry) => Some(entry),
            _ => None,
        })
        .collect();
    assert_eq!(shown.len(), 1);
    let head = head_after(follower(&primary), &shown[0]);
    csr.handle_message(person(1), Message::RosterSeen(head), 0);
    assert!(!csr.admits_stranger(Role::Customer), "all is well");
    // A list of the same place signed by the same key, with somebody else on it.
    let mut other = Roster::found(session(1), Arc::clone(&primary), false);
    other.admit(customer(9));
    other.remove(person(9));
    other.admit(customer(1));
    let elsewhere = head_after(follower(&primary), &newest(&other));
    csr.handle_message(person(1), Message::RosterSeen(elsewhere), 0);
    let actions = drain(&mut csr);
    assert!(actions.contains(&Action::Tell(Notice::RosterDiffers { peer: person(1) })));
    assert!(
        actions.contains(&Action::Disconnect { from: person(1) })
            && actions.contains(&Action::RenewCode)
    );
}

/// A representative who holds control, an assistant and a customer, all with the same row.
fn three() -> (Roster, Roster, Roster) {
    let (primary, assistant) = (representative(), representative());
    let mut holder = issuer(&primary);
    let member = Member { key: assistant.fingerprint(), role: Role::Assisting, agent: false };
    assert!(holder.admit(member));
    let mut assisting = Roster::follow(session(1), Arc::clone(&assistant), primary.fingerprint());
    let mut customer_side = follower(&primary);
    for roster in [&mut assisting, &mut customer_side] {
        roster.accept(&newest(&holder)).expect("in");
    }
    (holder, assisting, customer_side)
}

#[test]
fn control_passes_by_an_entry_that_both_have_signed_and_the_new_holder_goes_on() {
    let (mut holder, mut assisting, mut customer_side) = three();
    let entry = holder.propose(assisting.own()).expect("an assistant");
    let accepted = assisting.accept_control(&entry).expect("it continues the row");
    assert!(holder.pass(&entry, accepted).expect("accepted").has_passed);
    assert!(!holder.is_holder() && !holder.remove(person(1)), "the former holder signs no more");
    let next = assisting.own();
    for roster in [&mut assisting, &mut customer_side] {
        let change = roster.accept(&newest(&holder)).expect("both have signed").expect("new");
        assert!(change.has_passed && change.held_by == Some(holder.own()));
        assert_eq!(roster.holder(), Some(next));
    }
    assert_eq!(customer_side.role_of(holder.own()), Some(Role::Assisting));
    assert!(assisting.admit(customer(2)), "and the new one does");
    customer_side.accept(&newest(&assisting)).expect("signed by the new holder");
    assert_eq!(customer_side.members().len(), 4);
}

#[test]
fn of_two_who_hold_control_the_row_knows_one() {
    let (mut holder, assisting, mut customer_side) = three();
    let mut racing = holder.clone();
    let entry = holder.propose(assisting.own()).expect("an assistant");
    let accepted = assisting.accept_control(&entry).expect("it continues the row");
    holder.pass(&entry, accepted.clone()).expect("accepted");
    customer_side.accept(&newest(&holder)).expect("both have signed");
    assert!(racing.admit(customer(2)), "the former holder's program goes on as if nothing was");
    assert_eq!(customer_side.accept(&newest(&racing)), Err(RosterError::Signature));
    // Nor can it be undone, or done again later, with the same consent of the assistant's.
    assert_eq!(racing.pass(&entry, accepted), None, "the row has gone on");
    // Somebody who was shown the other row finds out when heads are compared.
    assert!(customer_side.contradicts(racing.head().expect("an entry")));
}

#[test]
fn control_that_was_not_accepted_or_goes_to_a_customer_is_refused() {
    let (mut holder, assisting, mut customer_side) = three();
    assert_eq!(holder.propose(person(1)), None, "customers hold no control");
    assert_eq!(holder.propose(person(7)), None, "nor strangers");
    let entry = holder.propose(assisting.own()).expect("an assistant");
    assert_eq!(customer_side.accept_control(&entry), None, "it is not for them");
    let other = three();
    let elsewhere = other.0.propose(other.1.own()).expect("an assistant");
    assert_eq!(assisting.accept_control(&elsewhere), None, "of another row");
    let accepted_elsewhere = other.1.accept_control(&elsewhere).expect("theirs");
    assert_eq!(holder.pass(&entry, accepted_elsewhere), None, "signed by somebody else");
    assert!(holder.is_holder());
    assert_eq!(customer_side.accept(&newest(&holder)), Ok(None), "nothing has changed");
}

#[test]
fn a_session_that_was_given_away_has_no_holder_and_nobody_signs_for_it() {
    let (mut holder, mut assisting, mut customer_side) = three();
    holder.vacate();
    for roster in [&mut assisting, &mut customer_side] {
        let change = roster.accept(&newest(&holder)).expect("signed").expect("new");
        assert!(change.has_passed && roster.is_vacant());
        assert_eq!(roster.members().len(), 2);
    }
    assert!(!assisting.admit(customer(2)) && !holder.admit(customer(2)));
    assert_eq!(assisting.propose(person(1)), None);
}
