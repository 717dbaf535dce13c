//! What a representative may ask a customer to allow, one by one.

use serde::{Deserialize, Serialize};

/// What a request asks the customer to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// To see the customer's desktop.
    View,
    /// To see and operate the customer's desktop.
    Control,
    /// To see an application of the customer's.
    ViewApplication,
    /// To see and operate an application of the customer's.
    ControlApplication,
    /// To show the representative's desktop to the customer.
    ShowDesktop,
    /// To let the customer operate the representative's desktop.
    GiveDesktop,
    /// To show an application of the representative's to the customer.
    ShowApplication,
    /// To let the customer operate an application of the representative's.
    GiveApplication,
    /// To see the window from which the customer asked for help.
    CobrowseView,
    /// To see and operate that window.
    CobrowseControl,
    /// To offer files for download.
    BasicFiles,
    /// To browse and transfer files while the customer sees every action.
    SharedFiles,
    /// To browse and transfer files without the customer seeing the actions.
    UnsharedFiles,
    /// One transfer, deletion or renaming during [`Activity::SharedFiles`] or [`Activity::UnsharedFiles`].
    FileOperation,
    /// To see what the customer's computer is and what runs on it.
    SystemInformation,
    /// To run scripts on the customer's computer.
    Scripts,
    /// To log on to the customer's computer as another user.
    LogOn,
    /// To restart the customer's computer.
    Reboot,
    /// To record the session.
    Record,
}

/// Whose screen a share shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The customer's.
    Customer,
    /// The representative's.
    Representative,
}

/// What of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// All of it, or a monitor.
    Desktop,
    /// Windows of applications.
    Application,
}

/// How much a viewer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Watch.
    View,
    /// Watch and operate.
    Control,
}

/// The share that an activity is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareKind {
    /// Whose screen.
    pub whose: Whose,
    /// What of it.
    pub surface: Surface,
    /// For watching or for operating.
    pub right: Right,
}

impl Activity {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::View,
        Self::Control,
        Self::ViewApplication,
        Self::ControlApplication,
        Self::ShowDesktop,
        Self::GiveDesktop,
        Self::ShowApplication,
        Self::GiveApplication,
        Self::CobrowseView,
        Self::CobrowseControl,
        Self::BasicFiles,
        Self::SharedFiles,
        Self::UnsharedFiles,
        Self::FileOperation,
        Self::SystemInformation,
        Self::Scripts,
        Self::LogOn,
        Self::Reboot,
        Self::Record,
    ];

    /// The share that this is about, if it is about one. The four directions of SHARE-01, for desktops and applications.
    #[must_use]
    pub const fn share(self) -> Option<ShareKind> {
        use {Right::*, Surface::*, Whose::*};
        let (whose, surface, right) = match self {
            Self::View => (Customer, Desktop, View),
            Self::Control => (Customer, Desktop, Control),
            Self::ViewApplication | Self::CobrowseView => (Customer, Application, View),
            Self::ControlApplication | Self::CobrowseControl => (Customer, Application, Control),
            Self::ShowDesktop => (Representative, Desktop, View),
            Self::GiveDesktop => (Representative, Desktop, Control),
            Self::ShowApplication => (Representative, Application, View),
            Self::GiveApplication => (Representative, Application, Control),
            _ => return None,
        };
        Some(ShareKind { whose, surface, right })
    }

    /// Whether files may be transferred while this goes on.
    #[must_use]
    pub const fn is_file_transfer(self) -> bool {
        matches!(self, Self::BasicFiles | Self::SharedFiles | Self::UnsharedFiles)
    }
}

impl std::fmt::Display for Activity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::View => "view the desktop",
            Self::Control => "view and control the desktop",
            Self::ViewApplication => "view an application that you choose",
            Self::ControlApplication => "view and control an application that you choose",
            Self::ShowDesktop => "show you their desktop",
            Self::GiveDesktop => "let you control their desktop",
            Self::ShowApplication => "show you an application of theirs",
            Self::GiveApplication => "let you control an application of theirs",
            Self::CobrowseView => "view the window from which you asked for help",
            Self::CobrowseControl => "view and control the window from which you asked for help",
            Self::BasicFiles => "offer you files",
            Self::SharedFiles => "transfer files, while you see each action",
            Self::UnsharedFiles => {
                "transfer files; their actions will not be shown, and only leaving stops them"
            }
            Self::FileOperation => "transfer, delete or rename files",
            Self::SystemInformation => "see your system information",
            Self::Scripts => "run scripts on this computer",
            Self::LogOn => "log on to this computer as another user",
            Self::Reboot => "restart this computer",
            Self::Record => "record this session",
        })
    }
}
