//! Copies a store to remotes with rclone, proves what is there, and purges only what is proven.
//!
//! In: a store and what rclone can reach. Out: a line for each file that something was done or found with. What rclone
//! says of itself, its status above all, proves nothing; a listing that was asked for afterwards does, where its sizes
//! and hashes are ours.

mod args;
mod cover;
mod digest;
mod error;
mod known;
mod listing;
mod proof;
mod purge;
mod push;
mod rclone;
mod remote;
mod report;
mod restore;
mod secrets;
mod verify;

use std::process::ExitCode;

use dccd_cli::{Powers, Status, Tool};

use args::{Args, Task};
use error::Error;
use report::Report;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-sync", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    let task = args.task()?;
    let remotes = args.remotes(tool)?;
    tool.confine(&Powers::of_programs());
    let mut report = Report::new(task.name(), tool);
    match task {
        Task::Push { data_path, way } => push::run(&data_path, remotes, way, &mut report),
        Task::Verify { data_path } => verify::run(&data_path, remotes, &mut report),
        Task::Purge { data_path, wanted } => purge::run(&data_path, remotes, wanted, &mut report),
        Task::Restore { data_path, wanted } => restore::run(&data_path, remotes, &wanted, &mut report),
    }
}
