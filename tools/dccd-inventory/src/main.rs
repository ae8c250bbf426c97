//! Says what is stored, from when to when, with which gaps.
//!
//! In: a store. Out: a table for people, or lines with `--json`. Journals and Parquet count as one. `verify`: out, what
//! is not as it should be.

mod args;
mod error;
mod progress;
mod report;
mod verify;

use std::process::ExitCode;

use dccd_cli::{Status, Tool};

use args::{Args, Command, Shape};
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-inventory", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    if let Some(Command::Verify(args)) = &args.command {
        return verify::run(&report::open(&args.store, tool)?, args, tool);
    }
    let shape = args.shape()?;
    let store = report::open(&args.store, tool)?;
    let views = store.survey()?.into_iter().filter(|view| args.datasets.accept(view.dataset()));
    let now = report::now();
    let mut inventory = Vec::new();
    for view in views {
        if let Some(signal) = tool.stop.signal() {
            return Err(Error::Stopped(signal));
        }
        inventory.push(report::examine(&store, view, now, &tool.log)?);
    }
    let out = tool.out.buffer();
    match shape {
        Shape::Table(zone) => report::write_table(&inventory, &zone, out),
        Shape::Lines => report::write_lines(&inventory, out),
        Shape::GapTable(zone) => report::write_gap_table(&inventory, &zone, out),
        Shape::GapLines => report::write_gap_lines(&inventory, out),
    }
    tool.out.flush()?;
    let is_sound = inventory.iter().all(|entry| entry.is_readable);
    Ok(if is_sound { Status::Ok } else { Status::DataErr })
}
