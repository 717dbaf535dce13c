//! Runs the whole product once on real displays and checks every pixel of what the share window shows.
//!
//! The demo is a witness: it speaks to the X servers with its own client and shares no code with the
//! programs it judges. It starts a desktop with real applications, the center, the customer's and the
//! representative's program, works on the desktop through the share window as a person would, measures, and
//! finally compares independent grabs of both displays.
//!
//! [`scenario`] tells the run from beginning to end; the other modules are its means.

mod cli;
mod compare;
mod display;
mod error;
mod fields;
mod measure;
mod motion;
mod pages;
mod picture;
mod probe;
mod process;
mod programs;
mod report;
mod scenario;
mod stage;
mod stop;
mod typing;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = cli::Options::parse();
    let stop = match stop::Stop::on_signals() {
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
