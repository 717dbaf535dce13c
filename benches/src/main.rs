//! `tessera-bench`: the codec beside others on recorded clips, and the programs beside others on displays.

mod cli;
mod clip;
mod clock;
mod codec;
mod coded;
mod error;
mod film;
mod json;
mod latency;
mod median_cut;
mod metrics;
mod ours;
mod plot;
mod rate;
mod record;
mod relay;
mod report;
mod rivals;
mod seed;
mod tools;
mod viewers;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Codec(arguments) => codec::run(&arguments),
        Command::Encode(arguments) => coded::encode(&arguments),
        Command::Decode(arguments) => coded::decode(&arguments),
        Command::Latency(arguments) => latency::run(&arguments),
        Command::Rate(arguments) => rate::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Plot(arguments) => plot::run(&arguments),
        Command::Relay(arguments) => relay::run(&arguments),
        Command::Seed(arguments) => seed::run(&arguments),
        Command::Viewers(arguments) => viewers::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
