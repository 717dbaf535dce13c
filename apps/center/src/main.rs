//! The center of a Tessera installation: enrols CSRs and introduces customers to them by session number.
//!
//! It never sees a secret of a session. Its relay, which may also run alone on another machine, forwards packets that it
//! cannot read. What it does and with which limits stands in
//! docs/center.md, what it says on the wire in docs/protocol.md.

mod announcement;
mod cli;
mod commands;
mod error;
mod http;
mod limiter;
mod logging;
mod metrics;
mod relay;
mod relay_alone;
mod serve;
mod service;
mod sessions;
mod signals;
mod store;
mod timestamp;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::Error;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera-center: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Error> {
    let data_dir = cli.data_dir()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::System { what: "an event loop", source })?;
    runtime.block_on(async {
        match &cli.command {
            Command::Serve(options) => serve::run(&data_dir, options).await,
            Command::Relay(options) => relay_alone::run(&data_dir, options).await,
            Command::Token => commands::print_token(&data_dir).await,
            Command::Csr(command) => commands::csr(&data_dir, command).await,
        }
    })
}
