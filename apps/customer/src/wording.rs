//! Session events as sentences that need no training to be understood.

use tessera::Activity;
use tessera::chat::with_hosts;
use tessera::csr::EndReason;
use tessera::customer::Event;

use crate::situation::Situation;

/// One line about `event`; `csr` is who helps.
pub(crate) fn event(event: &Event, csr: &str) -> String {
    match event {
        Event::Joined { csr_name, again: false } => format!("You are connected with {csr_name}"),
        Event::Joined { csr_name, again: true } => {
            format!("You are again connected with {csr_name}")
        }
        Event::Asked { text, .. } => text.clone(),
        Event::Withdrawn { .. } => format!("{csr} has taken the request back"),
        Event::Pick { control: false } => format!("Choose the application that {csr} may see"),
        Event::Pick { control: true } => {
            format!("Choose the application that {csr} may see and use")
        }
        Event::Sharing { on: true, .. } => format!("{csr} now sees what you share"),
        Event::Sharing { on: false, reason } => {
            format!("{csr} no longer sees what you share{}", reason.map_or("", why))
        }
        Event::Controlled { on: true } => format!("{csr} may now use your mouse and keyboard"),
        Event::Controlled { on: false } => format!("{csr} cannot use your mouse and keyboard"),
        Event::TakenBack => format!(
            "You took control back by your click. {csr} can take it again by clicking in their window"
        ),
        Event::CsrSilent { silent: true } => {
            format!("Nothing is heard from {csr}'s computer; waiting for it")
        }
        Event::CsrSilent { silent: false } => format!("{csr}'s computer is heard again"),
        Event::Annotating { csr: true, .. } => {
            format!("{csr} draws over what they see of your desktop")
        }
        Event::Annotating { csr: false, own: true } => {
            format!("You draw over your desktop; {csr} sees it")
        }
        Event::Annotating { csr: false, own: false } => "Nobody draws any more".to_owned(),
        Event::Chat { text, .. } => format!("{csr} says: {}", with_hosts(text)),
        Event::Said { text, sent: true } => format!("You said: {}", with_hosts(text)),
        Event::Said { sent: false, .. } => {
            "That was not sent: nobody is there to read it".to_owned()
        }
        Event::DisplayChanged(display) => {
            format!("{csr} has chosen how your desktop is shown to them: {display}")
        }
        Event::CsrLost { grace_s } => format!(
            "The connection is lost; trying to come back for {grace_s} seconds. Nothing is shared"
        ),
        Event::Notice(text) => text.clone(),
        Event::Ended { by_csr: true } => format!("{csr} has ended the session"),
        Event::Ended { by_csr: false } => "You have left the session".to_owned(),
        Event::Failed(error) => error.to_string(),
        // Events of later versions of the library.
        _ => "Something happened in the session that this version cannot name".to_owned(),
    }
}

const fn why(reason: EndReason) -> &'static str {
    match reason {
        EndReason::StoppedByCustomer => ": you stopped it",
        EndReason::StoppedByCsr => ": they stopped it",
        EndReason::ConnectionLost => ": the connection is lost",
        EndReason::ScreenGone => ": this screen can no longer be captured",
        EndReason::SessionOver => ": the session is over",
        _ => "",
    }
}

/// The sign on the shared desktop while it is shared; `None` while it is not.
pub(crate) fn sign(situation: &Situation) -> Option<String> {
    let csr = situation.csr_name();
    let what = match situation.applications() {
        [] => "this desktop".to_owned(),
        applications => format!("only: {}", applications.join(", ")),
    };
    match (situation.is_sharing(), situation.is_controlled()) {
        (false, _) => None,
        (true, false) => Some(format!("{csr} is viewing {what} - click here to stop")),
        (true, true) => Some(format!("{csr} is controlling {what} - click here to stop")),
    }
}

/// What the person allows by answering yes.
pub(crate) const fn consequence(activity: Activity) -> &'static str {
    match activity {
        Activity::View => "They will see everything on your desktop.",
        Activity::Control => {
            "They will see everything on your desktop and can use your mouse and keyboard."
        }
        Activity::ViewApplication | Activity::CobrowseView => {
            "They will see the application that you choose, and nothing else."
        }
        Activity::ControlApplication | Activity::CobrowseControl => {
            "They will see the application that you choose and can use your mouse and keyboard in it."
        }
        Activity::ShowDesktop | Activity::ShowApplication => {
            "A window with their screen will open; they see nothing of yours."
        }
        Activity::GiveDesktop | Activity::GiveApplication => {
            "A window with their screen will open, in which you can use your mouse and keyboard."
        }
        Activity::BasicFiles => "You can download files that they offer.",
        Activity::SharedFiles => {
            "They can copy, delete and rename your files while you watch; you can stop it."
        }
        Activity::UnsharedFiles => {
            "They can copy, delete and rename your files unseen; only leaving stops it."
        }
        Activity::FileOperation => "This is done with your files now.",
        Activity::SystemInformation => "They will see what your computer is and what runs on it.",
        Activity::Scripts => "Programs of theirs will run on your computer.",
        Activity::LogOn => "You will be logged off while they are logged on; save your work first.",
        Activity::Reboot => "Your computer will restart; save your work first.",
        Activity::Record => "What is seen in this session will be kept as a film.",
    }
}
