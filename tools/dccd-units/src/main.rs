//! Says which units a configuration makes, and writes them.
//!
//! In: the configuration. Out: a table for people, or files: for systemd, whose generator it is, or for
//! the scan directory of s6.
//! Nothing is started or stopped here.

mod args;
mod calendar;
mod check;
mod error;
mod force;
mod generate;
mod place;
mod plan;
mod scandir;
mod show;
mod timing;
mod unit_file;

use std::process::ExitCode;

use dccd_cli::{Powers, Status, Tool};

use args::{Args, Command};
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-units", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    // It starts dccd-config, which needs what it needs itself.
    tool.confine(&Powers::of_programs());
    match &args.command {
        None => show::table(&args, tool),
        Some(Command::Generate(folders)) => Ok(generate::run(&folders.normal)),
        Some(Command::Keep) => force::keep(&args.place()?),
        Some(Command::Scandir(flags)) => scandir::write(flags, args.config.as_deref(), tool),
        Some(Command::Job { id }) => show::job(id, &args.config_path()?, tool),
    }
}
