//! Gives stored data back as lines or CSV.
//!
//! In: a dataset and a range, as flags. Out: its records in order, journaled ones included, then what is
//! known of the range: `covered` and `gap` lines. Nothing is written to the store.

mod args;
mod error;
mod fields;
mod read;

use std::process::ExitCode;

use dccd_cli::{Powers, Status, Tool};
use dccd_store::{Store, folders};

use args::Args;
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-read", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    let dataset = args.dataset()?;
    let range = args.range()?;
    let columns = args.columns(&dataset)?;
    let data_path = args.store.data_path()?;
    tool.confine(&Powers::none().read(folders(&data_path)));
    let view = Store::open(&data_path)?.view(&dataset)?;
    if view.periods().is_empty() && view.purged().is_empty() && view.ledger().is_empty() {
        return Err(Error::NothingStored(dataset, data_path));
    }
    let mut reader = read::Reader::new(&view, range, args.format(columns), tool);
    reader.tell_purged();
    match args.last {
        Some(count) => reader.last_records(count)?,
        None => reader.all_records()?,
    }
    if !args.is_records_only() {
        reader.knowledge()?;
    }
    reader.status()
}
