//! Session events as sentences, for the console and for the line mode.

use tessera::Activity;
use tessera::chat::with_hosts;
use tessera::csr::{EndReason, Event};

/// One line about `event`.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::Opened { code } => {
            format!("Session open. Code for the customer: {}", code.reveal().as_str())
        }
        Event::CodeRenewed { code } => {
            format!(
                "The former code is void. New code for the customer: {}",
                code.reveal().as_str()
            )
        }
        Event::CustomerJoined { name, again: false } => format!("{name} has joined the session"),
        Event::CustomerJoined { name, again: true } => format!("{name} is back in the session"),
        Event::CustomerSilent { silent: true } => {
            "Nothing is heard from the customer's computer; waiting for it".to_owned()
        }
        Event::CustomerSilent { silent: false } => {
            "The customer's computer is heard again".to_owned()
        }
        Event::CustomerLost { grace_s } => format!(
            "The connection to the customer is lost; they can come back within {grace_s} seconds"
        ),
        Event::CustomerLeft => "The customer has left; the session stays open".to_owned(),
        Event::TicketCopied => "Somebody with a copy of the customer's data tried to come in and was refused; make sure by telephone whom you are talking to".to_owned(),
        Event::RosterDiffers => "The customer's program was shown another list of participants and was disconnected; make sure by telephone whom you are talking to".to_owned(),
        Event::RequestReceived { activity } => {
            format!("The customer has received the request {}", to(*activity))
        }
        Event::Answered { activity, granted: true } => {
            format!("The customer allows you {}", to(*activity))
        }
        Event::Answered { activity, granted: false } => {
            format!("The customer does not allow you {}", to(*activity))
        }
        Event::ShareStarted(_) => "You see what the customer shares".to_owned(),
        Event::ControlChanged { allowed: true } => {
            "You may control it; click in the share window to begin".to_owned()
        }
        Event::ControlChanged { allowed: false } => "You no longer control it".to_owned(),
        Event::ControlPaused { paused: true } => {
            "The customer took control back; click in the share window to take it again".to_owned()
        }
        Event::ControlPaused { paused: false } => "You control the desktop again".to_owned(),
        Event::Annotating { own: true, .. } => {
            "Annotation mode: draw in the share window; what you type there is not passed on".to_owned()
        }
        Event::Annotating { own: false, customer: true } => {
            "The customer annotates; what you do is not passed on".to_owned()
        }
        Event::Annotating { own: false, customer: false } => "Nobody annotates any more".to_owned(),
        Event::Chat { text, .. } => format!("The customer says: {}", with_hosts(text)),
        Event::Said { text, sent: true } => format!("You said: {}", with_hosts(text)),
        Event::Said { sent: false, .. } => {
            "That was not sent: no customer is there to read it".to_owned()
        }
        Event::DisplayChanged(display) => format!("Display mode: {display}"),
        Event::ShareEnded { reason } => format!("Sharing has ended: {}", why(*reason)),
        Event::Ended => "The session is over".to_owned(),
        Event::Failed(error) => error.to_string(),
        // Events of later versions of the library.
        _ => "Something happened in the session that this version cannot name".to_owned(),
    }
}

const fn to(activity: Activity) -> &'static str {
    match activity {
        Activity::View => "to view the desktop",
        Activity::Control => "to control the desktop",
        Activity::ViewApplication => "to view an application",
        Activity::ControlApplication => "to control an application",
        Activity::ShowDesktop => "to look at your desktop",
        Activity::GiveDesktop => "to control your desktop",
        Activity::ShowApplication => "to look at an application of yours",
        Activity::GiveApplication => "to control an application of yours",
        Activity::CobrowseView | Activity::CobrowseControl => "to share the window they came from",
        Activity::BasicFiles | Activity::SharedFiles | Activity::UnsharedFiles => {
            "to transfer files"
        }
        Activity::FileOperation => "to have this done with files",
        Activity::SystemInformation => "to show their system information",
        Activity::Scripts => "to run scripts",
        Activity::LogOn => "to log on as a different user",
        Activity::Reboot => "to restart the computer",
        Activity::Record => "to record the session",
    }
}

const fn why(reason: EndReason) -> &'static str {
    match reason {
        EndReason::StoppedByCustomer => "the customer stopped it",
        EndReason::StoppedByCsr => "you stopped it",
        EndReason::ConnectionLost => "the connection is lost; it resumes when the customer is back",
        EndReason::ScreenGone => "the customer's screen can no longer be captured",
        EndReason::SessionOver => "the session is over",
        _ => "see the log",
    }
}
