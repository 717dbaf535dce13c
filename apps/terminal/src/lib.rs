//! What the programs of Tessera share at their terminal.
//!
//! The customer's and the representative's programs both keep a log that never spoils their
//! screen, find their data directory, end on signals in an orderly way, ask questions at a prompt and
//! draw a full-screen interface. Those things stand here once. What the programs show and which keys mean what is
//! theirs.

mod editor;
mod inbox;
mod lines;
mod log;
mod place;
mod prompt;
mod screen;
mod signal;
mod wrap;

pub use editor::{Editor, Rows};
pub use inbox::next_input;
pub use lines::forward_lines;
pub use log::{LogError, LogTo, start_log};
pub use place::{data_dir, https_proxy, user_name};
pub use prompt::{PromptError, ask, ask_hidden, is_interactive};
pub use screen::{Key, Screen, forward_keys};
pub use signal::on_termination;
pub use wrap::wrapped;
