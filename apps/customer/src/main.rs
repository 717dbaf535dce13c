//! The customer's program: joins a support session by code, asks for consent at every step, and
//! shares the desktop.
//!
//! It has no rules of its own: what is allowed, captured and carried out is decided by the library
//! `tessera` from the answers that the person gives here.

mod applications;
mod cli;
mod code;
mod conduct;
mod consent_log;
mod error;
mod marks;
mod picker;
mod screen;
mod sign;
mod situation;
mod source;
mod talk;
mod wording;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let done = match &options.command {
        Some(cli::Command::Log(cli::Log::Verify { file, key })) => consent_log::verify(file, *key),
        None => conduct::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera-customer: {error}");
            ExitCode::FAILURE
        }
    }
}
