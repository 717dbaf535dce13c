//! What an event does to what goes on (section 34.1; RULE-07, RULE-08, RULE-09, RULE-21, RULE-23).

/// Something that happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The representative turns to another customer (SES-12, RULE-09).
    CustomerSwitched,
    /// Control of the session passes to an assistant (ASST-11, RULE-07).
    ControlPassed,
    /// The session goes to a queue or to agents (ASST-18, RULE-08).
    SessionTransferred,
    /// The one who holds control ends the session, or closes the dashboard (RULE-24).
    SessionEnded,
    /// The customer's computer restarts on request (BOOT-05).
    Rebooting,
    /// Another user logs on to the customer's computer (LOGON-04).
    LoggedOn,
}

/// What goes on in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Desktops and applications shown.
    Sharing,
    /// File transfer.
    Files,
    /// The chat that is going on.
    Chat,
    /// Cameras.
    Video,
    /// The recording.
    Recording,
    /// The voice call; whether it outlives the holder is [`super::voice`]'s.
    Voice,
}

/// Whether `area` goes on when `event` happens. For the two events at a customer's computer, of that customer's.
#[must_use]
pub const fn goes_on(event: Event, area: Area) -> bool {
    match (event, area) {
        (Event::CustomerSwitched, Area::Sharing | Area::Files) | (Event::SessionEnded, _) => false,
        (Event::CustomerSwitched, _) => true,
        (Event::ControlPassed | Event::SessionTransferred, Area::Voice) => true,
        (Event::ControlPassed | Event::SessionTransferred, _) => false,
        (Event::Rebooting | Event::LoggedOn, Area::Chat | Area::Recording) => true,
        (Event::Rebooting | Event::LoggedOn, _) => false,
    }
}
