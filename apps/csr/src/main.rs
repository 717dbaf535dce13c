//! The support representative's program: opens a session, shows the console in the terminal and the
//! customer's desktop in a window.
//!
//! It has no rules of its own: sessions, consent and pictures are those of the library `tessera`.

mod cli;
mod conduct;
mod console;
mod error;
mod invitations;
mod line_mode;
mod secrets;
mod window;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli::Cli { command: cli::Command::Start(options) } = cli::Cli::parse();
    match conduct::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.report();
            ExitCode::FAILURE
        }
    }
}
