//! Runs the whole product once on real displays and checks every pixel of what the share window shows.
//!
//! The demo is a witness: it speaks to the X servers with a client that shares no code with the programs it
//! judges. It starts a desktop with real applications, the center, the customer's and the
//! representative's program, works on the desktop through the share window as a person would, measures, and
//! finally compares independent grabs of both displays.
//!
//! [`scenario`] tells the run from beginning to end; the other modules are its means.

mod applications;
mod cli;
mod motion;
mod report;
mod scenario;

use std::process::ExitCode;

use clap::Parser;
use tessera_witness::stop::Stop;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let stop = match Stop::on_signals() {
        Ok(stop) => stop,
        Err(error) => {
            eprintln!("tessera-demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    match scenario::run(&options, &stop) {
        Ok(report) => {
            print!("{report}");
            if report.is_exact() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("tessera-demo: {error}");
            ExitCode::FAILURE
        }
    }
}
