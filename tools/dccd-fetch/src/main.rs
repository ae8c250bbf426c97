//! `dccd-fetch`: history from an exchange's REST interface or bulk archive.
//!
//! In: flags, or `range` lines on standard input. Out: each order, its records, and `covered`,
//! `gap` or `failed` lines that say what of it is complete. Ends when every order is answered.
//! Apart from that it says what an exchange trades, and what all of them can give.

mod active;
mod args;
mod capabilities;
mod engine;
mod error;
mod hosts;
mod input;
mod listing;
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
    if args.list {
        return Engine::new(&args, tool)?.list(&args);
    }
    let orders = Orders::new(&args)?;
    Engine::new(&args, tool)?.run(orders)
}
