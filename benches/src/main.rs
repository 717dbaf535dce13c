//! `tessera-bench`: the codec beside others, on recorded clips.

mod cli;
mod clip;
mod clock;
mod codec;
mod coded;
mod error;
mod json;
mod metrics;
mod ours;
mod report;
mod rivals;
mod tools;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Codec(arguments) => codec::run(&arguments),
        Command::Encode(arguments) => coded::encode(&arguments),
        Command::Decode(arguments) => coded::decode(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
