//! Simulated exchanges.
//!
//! Takes flags, prints one line with the URL it listens on, and answers HTTP requests as the real
//! exchanges would, from a truth that is a function of seed, exchange, pair and time; ends with status 0 on
//! SIGTERM or SIGINT. `dccd-sim truth` prints that truth as record lines instead.

mod archive;
mod args;
mod binance;
mod bitfinex;
mod bitmex;
mod bybit;
mod clock;
mod coinbase;
mod decimal;
mod error;
mod exchange;
mod faults;
mod feed;
mod hash;
mod http;
mod javascript;
mod kraken;
mod krakenfutures;
mod limits;
mod market;
mod okx;
mod run;
mod sim;
#[cfg(test)]
mod tests;
mod truth;
mod ws;

use std::process::ExitCode;

use args::{Command, SimArgs};
use dccd_cli::{Status, Tool};
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-sim", run)
}

fn run(args: SimArgs, tool: &mut Tool) -> Result<Status, Error> {
    match args.command {
        Some(Command::Truth(truth)) => run::tell(truth, &args.world, tool),
        None => run::serve(args.serve, &args.world, tool),
    }
}
