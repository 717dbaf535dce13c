//! The console's tabs, their entries and when each can be used.

use tessera::Activity;

use super::model::{Customer, Model};

/// A tab, or the customer information area beside the tabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    /// Means of talking and handing over.
    Tools,
    /// The customer's and the representative's desktop.
    Desktop,
    /// Single applications.
    Application,
    /// The session as a whole.
    Session,
    /// What concerns the customer's computer as a whole; always in view.
    Customer,
}

impl Area {
    /// The tabs from left to right.
    pub(crate) const TABS: [Self; 4] =
        [Self::Tools, Self::Desktop, Self::Application, Self::Session];

    /// What stands on the tab.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Tools => "Tools",
            Self::Desktop => "Desktop",
            Self::Application => "Application",
            Self::Session => "Session",
            Self::Customer => "Customer information",
        }
    }

    /// The entries from top to bottom.
    pub(crate) const fn entries(self) -> &'static [Entry] {
        match self {
            Self::Tools => &[
                Entry::Invite,
                Entry::Chat,
                Entry::Later("Video"),
                Entry::Later("File transfer"),
                Entry::Later("Audio (voice call)"),
                Entry::Notes,
            ],
            Self::Desktop => &[
                Entry::Request(Activity::View),
                Entry::Request(Activity::Control),
                Entry::Later("Share view"),
                Entry::Later("Share control"),
            ],
            Self::Application => &[
                Entry::Request(Activity::ViewApplication),
                Entry::Request(Activity::ControlApplication),
                Entry::Later("Share view"),
                Entry::Later("Share control"),
                Entry::Later("Co-browse view"),
                Entry::Later("Co-browse control"),
            ],
            Self::Session => &[
                Entry::Options,
                Entry::Annotation,
                Entry::Later("Record"),
                Entry::Later("Transfer control"),
                Entry::Later("Transfer session"),
                Entry::End,
            ],
            Self::Customer => &[
                Entry::Later("System information"),
                Entry::Later("Log on as a different user"),
                Entry::Later("Reboot computer"),
            ],
        }
    }
}

/// Something that the representative can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Show how somebody is invited.
    Invite,
    /// Talk with the customer.
    Chat,
    /// Write down something about the session.
    Notes,
    /// Draw over the shared picture, or stop it.
    Annotation,
    /// Ask the customer to allow this.
    Request(Activity),
    /// Choose the display mode and the number of colours.
    Options,
    /// End the session for everyone.
    End,
    /// A function that this version does not have.
    Later(&'static str),
}

impl Entry {
    /// What the entry is called.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Invite => "Invite",
            Self::Chat => "Chat",
            Self::Notes => "Notes",
            Self::Annotation => "Annotation",
            Self::Request(Activity::View | Activity::ViewApplication | Activity::CobrowseView) => {
                "Request view"
            }
            Self::Request(
                Activity::Control | Activity::ControlApplication | Activity::CobrowseControl,
            ) => "Request control",
            Self::Request(Activity::ShowDesktop | Activity::ShowApplication) => "Share view",
            Self::Request(Activity::GiveDesktop | Activity::GiveApplication) => "Share control",
            Self::Request(
                Activity::BasicFiles
                | Activity::SharedFiles
                | Activity::UnsharedFiles
                | Activity::FileOperation,
            ) => "File transfer",
            Self::Request(Activity::SystemInformation) => "System information",
            Self::Request(Activity::Scripts) => "Custom script library",
            Self::Request(Activity::LogOn) => "Log on as a different user",
            Self::Request(Activity::Reboot) => "Reboot computer",
            Self::Request(Activity::Record) => "Record",
            Self::Options => "Session options",
            Self::End => "End session",
            Self::Later(title) => title,
        }
    }

    /// What is behind the title while the entry can be used.
    pub(crate) fn remark(self, model: &Model) -> String {
        match (self, model.panels().history().unread()) {
            (Self::Chat, unread @ 1..) => format!(" ({unread} new)"),
            (Self::Annotation, _) if model.is_annotating() => " (on: choose to stop)".to_owned(),
            _ => String::new(),
        }
    }

    /// Why the entry cannot be used now; `None` when it can.
    pub(crate) fn unavailable(self, model: &Model) -> Option<&'static str> {
        match self {
            Self::Later(_) => Some("not in this version"),
            Self::Invite | Self::Notes | Self::Options | Self::End => None,
            Self::Annotation if !model.is_sharing() => Some("until a desktop is shown"),
            Self::Annotation => None,
            Self::Chat => match model.customer() {
                Customer::Awaited => Some("until a customer joins"),
                Customer::Present(_) | Customer::Lost(_) => None,
            },
            Self::Request(activity) => match model.customer() {
                Customer::Awaited => Some("until a customer joins"),
                Customer::Lost(_) => Some("until they are back"),
                Customer::Present(_) if model.has(activity) => Some("granted already"),
                Customer::Present(_) if model.is_waiting() => Some("until answered"),
                Customer::Present(_) => None,
            },
        }
    }
}
