//! `dccd-stream`: live data from an exchange's WebSocket interface.
//!
//! In: flags, or a job of the configuration. Out: one order for each series, then its records as they come, with
//! `covered` and `gap` lines that say what of it is complete. Ends on SIGTERM or SIGINT, with status 0.

mod args;
mod clock;
mod connection;
mod engine;
mod error;
mod inbox;
mod network;
mod slot;
mod socket;
mod track;
mod wish;

use std::process::ExitCode;

use dccd_cli::{Status, Tool};

use args::Args;
use engine::Engine;
use error::StreamError;
use wish::Wishes;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-stream", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, StreamError> {
    let wishes = Wishes::new(&args)?;
    Engine::new(&args, wishes, tool)?.run()
}
