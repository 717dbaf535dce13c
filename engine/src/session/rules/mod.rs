//! The rules of a session: each a named constant or function of plain facts, one file for each area.
//!
//! The doc comment of each names the requirements that it comes from. The state machine asks them through a [`Rulebook`], so
//! that a test can break one at a time and see that the break is found; the programs use [`Rulebook::STANDARD`] and can use
//! nothing else.

pub mod annotation;
pub mod chat;
pub mod consent;
pub mod display;
pub mod events;
pub mod files;
pub mod roles;
pub mod session;
pub mod sharing;
pub mod tools;
pub mod transfer;
pub mod video;
pub mod voice;

use tessera_transport::Fingerprint;

use super::activity::{Activity, Right, ShareKind, Surface};
use super::display::DisplayMode;
use super::roster::Role;
use super::share::Control;
pub use consent::Consent;
use events::{Area, Event};
use transfer::Destination;

/// Every rule that the state machine asks, by name.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is the function of its name in the area's module")]
pub struct Rulebook {
    pub may_end: fn(Role) -> bool,
    pub may_leave: fn(Role) -> bool,
    pub may_direct: fn(Role) -> bool,
    pub may_receive_control: fn(Role, bool) -> bool,
    pub has_somebody_to_help: fn(usize) -> bool,
    pub is_told_of_customers: fn(Role, bool) -> bool,
    pub may_write_notes: fn(Role) -> bool,
    pub dashboard_closing_ends: fn(Role) -> bool,
    pub needs_question: fn(Activity, Option<ShareKind>, Consent, bool) -> bool,
    pub may_grant: fn(Role) -> bool,
    pub grant_outlives_vacancy: bool,
    pub resumed: fn(Right, Consent) -> Right,
    pub goes_on_as: fn(Surface, Surface) -> bool,
    pub granted: fn(Right) -> Control,
    pub may_take: fn(Control, bool, bool, bool) -> bool,
    pub after_own_click: fn(Control) -> Control,
    pub may_operate: fn(bool, Control, bool) -> bool,
    pub is_shown_to: fn(Role) -> bool,
    pub may_share: fn(Role) -> bool,
    pub may_stop_share: fn(Role, bool) -> bool,
    pub may_choose_display_mode: fn(Role) -> bool,
    pub may_choose_colours: fn(DisplayMode) -> bool,
    pub may_begin_annotation: fn(Role, Control, bool) -> bool,
    pub may_draw: fn(bool) -> bool,
    pub may_erase_any: fn(Role, bool) -> bool,
    pub may_chat: fn(Role) -> bool,
    pub is_chat_message: fn(&str) -> bool,
    pub is_chat_for: fn(Option<Fingerprint>, &Fingerprint) -> bool,
    pub goes_on: fn(Event, Area) -> bool,
    pub may_transfer_session: fn(Role, bool, bool) -> bool,
    pub transfer_message_fits: fn(&str) -> bool,
    pub is_destination: fn(&Destination) -> bool,
    pub may_moderate_voice: fn(Role) -> bool,
    pub may_join_voice: fn(bool) -> bool,
    pub pass_microphone: fn(&[Fingerprint], Fingerprint, Fingerprint) -> Vec<Fingerprint>,
    pub voice_outlives_passing: fn(bool) -> bool,
    pub voice_outlives_transfer: fn(bool) -> bool,
    pub may_send_video: fn(Role, bool) -> bool,
    pub may_start_video: fn(Role, bool, bool) -> bool,
    pub minimising_stops_video: bool,
    pub may_transfer_files: fn(bool) -> bool,
    pub may_stop_files: fn(Role, Activity) -> bool,
    pub may_record: fn(Role, bool) -> bool,
    pub may_print: fn(Role, Control) -> bool,
    pub needs_queue_module: fn(Activity) -> bool,
    pub grace_us: fn(bool) -> u64,
}

impl Rulebook {
    /// The rules.
    pub const STANDARD: Self = Self {
        may_end: roles::may_end,
        may_leave: roles::may_leave,
        may_direct: roles::may_direct,
        may_receive_control: roles::may_receive_control,
        has_somebody_to_help: roles::has_somebody_to_help,
        is_told_of_customers: roles::is_told_of_customers,
        may_write_notes: roles::may_write_notes,
        dashboard_closing_ends: roles::dashboard_closing_ends,
        needs_question: consent::needs_question,
        may_grant: consent::may_grant,
        grant_outlives_vacancy: consent::GRANT_OUTLIVES_VACANCY,
        resumed: consent::resumed,
        goes_on_as: sharing::goes_on_as,
        granted: sharing::granted,
        may_take: sharing::may_take,
        after_own_click: sharing::after_own_click,
        may_operate: sharing::may_operate,
        is_shown_to: sharing::is_shown_to,
        may_share: sharing::may_share,
        may_stop_share: sharing::may_stop,
        may_choose_display_mode: display::may_choose_display_mode,
        may_choose_colours: display::may_choose_colours,
        may_begin_annotation: annotation::may_begin,
        may_draw: annotation::may_draw,
        may_erase_any: annotation::may_erase_any,
        may_chat: chat::may_chat,
        is_chat_message: chat::is_message,
        is_chat_for: chat::is_for,
        goes_on: events::goes_on,
        may_transfer_session: transfer::may_transfer,
        transfer_message_fits: transfer::message_fits,
        is_destination: transfer::is_destination,
        may_moderate_voice: voice::may_moderate,
        may_join_voice: voice::may_join,
        pass_microphone: voice::pass_microphone,
        voice_outlives_passing: voice::outlives_passing,
        voice_outlives_transfer: voice::outlives_transfer,
        may_send_video: video::may_send,
        may_start_video: video::may_start,
        minimising_stops_video: video::MINIMISING_STOPS,
        may_transfer_files: files::may_transfer,
        may_stop_files: files::may_stop,
        may_record: tools::may_record,
        may_print: tools::may_print,
        needs_queue_module: tools::needs_queue_module,
        grace_us: session::grace_us,
    };
}
