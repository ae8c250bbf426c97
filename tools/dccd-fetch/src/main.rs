//! `dccd-fetch`: history from an exchange's REST interface or bulk archive.
//!
//! In: flags, or `range` lines on standard input. Out: each order, its records, and `covered`,
//! `gap` or `failed` lines that say what of it is complete. Ends when every order is answered.

mod active;
mod args;
mod capabilities;
mod engine;
mod error;
mod hosts;
mod input;
mod order;
mod progress;
mod worker;

use std::process::ExitCode;

use dccd_cli::{Status, Tool};

use args::Args;
use engine::Engine;
use error::FetchError;
use order::Orders;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-fetch", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, FetchError> {
    if args.capabilities {
        capabilities::write(args.json, tool.out.buffer());
        return Ok(Status::Ok);
    }
    let orders = Orders::new(&args)?;
    Engine::new(&args, tool)?.run(orders)
}
