//! Every rule, broken one at a time: the simulation has to find each.

use tessera::session::rules::Rulebook;
use tessera::session::share::Control;

use crate::run;

/// Sessions in which a broken rule has to show. Most show within the first ten.
const SESSIONS: u64 = 1_500;

/// The rules with one of them replaced.
macro_rules! broken {
    ($($rule:ident: $broken:expr,)*) => {
        [$((stringify!($rule), Rulebook { $rule: $broken, ..Rulebook::STANDARD })),*]
    };
}

fn mutations() -> impl IntoIterator<Item = (&'static str, Rulebook)> {
    broken! {
        may_end: |_| true,
        may_leave: |_| true,
        may_direct: |_| true,
        may_receive_control: |_, _| false,
        has_somebody_to_help: |_| false,
        is_told_of_customers: |_, _| true,
        may_write_notes: |_| true,
        dashboard_closing_ends: |_| false,
        needs_question: |_, _, _, _| false,
        may_grant: |_| true,
        grant_outlives_vacancy: true,
        resumed: |right, _| right,
        goes_on_as: |_, _| true,
        granted: |_| Control::Offered,
        may_take: |control, _, _, _| matches!(control, Control::Offered),
        after_own_click: |control| control,
        may_operate: |_, _, _| true,
        is_shown_to: |role| !matches!(role, tessera::session::roster::Role::Assisting),
        may_share: |_| true,
        may_stop_share: |_, _| true,
        may_choose_display_mode: |_| true,
        may_choose_colours: |_| true,
        may_begin_annotation: |_, _, _| true,
        may_draw: |_| true,
        may_chat: |_| false,
        is_chat_message: |_| true,
        is_chat_for: |_, _| true,
        goes_on: |_, _| true,
        may_transfer_session: |_, _, _| true,
        transfer_message_fits: |text| text.len() <= 345,
        is_destination: |_| true,
        may_moderate_voice: |_| true,
        may_join_voice: |_| true,
        pass_microphone: |speakers, _, to| [speakers, &[to]].concat(),
        voice_outlives_passing: |_| true,
        voice_outlives_transfer: |_| true,
        may_send_video: |_, _| true,
        may_start_video: |_, _, _| true,
        minimising_stops_video: true,
        may_transfer_files: |_| true,
        may_stop_files: |_, _| true,
        may_record: |_, _| true,
        may_print: |_, _| true,
        needs_queue_module: |_| false,
        grace_us: |_| 1,
    }
}

#[test]
fn every_broken_rule_is_found() {
    let mut missed = Vec::new();
    for (rule, rules) in mutations() {
        match run::find(0..SESSIONS, rules) {
            Some(failure) => println!("{rule}: seed {}: {}", failure.seed, failure.what),
            None => missed.push(rule),
        }
    }
    assert!(missed.is_empty(), "broken and not found: {missed:?}");
}
