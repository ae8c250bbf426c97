//! Reads, checks and edits the configuration.
//!
//! In: a YAML file. Out: `job` lines for dccd-plan, or tables for people. `add` and `remove` replace the file, all of
//! it or nothing.

mod args;
mod edit;
mod error;
mod exchanges;
mod report;
mod schema;

use std::path::Path;
use std::process::ExitCode;

use dccd_cli::config::{ConfigFile, find};
use dccd_cli::{Powers, Status, Tool};

use args::{Args, Command};
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-config", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    tool.confine(&powers(&args));
    let read = || ConfigFile::require(args.config.named());
    match &args.command {
        Command::Validate => report::validate(read(), tool),
        Command::Jobs(filter) => report::jobs(&exchanges::checked(&read()?)?, filter, tool),
        Command::Add(job) => edit::add(args.config.named(), job, tool),
        Command::Remove(job) => edit::remove(args.config.named(), job, tool),
        Command::Show => report::show(&exchanges::checked(&read()?)?, tool),
        Command::Schema => schema::write(tool),
    }
}

/// A configuration may name files anywhere, and is looked for in several places; an edit replaces it where it is.
fn powers(args: &Args) -> Powers {
    let powers = Powers::none().read(["/"]);
    match &args.command {
        Command::Add(_) | Command::Remove(_) => {
            let file = find(args.config.named()).and_then(|path| path.canonicalize().ok());
            powers.write(file.as_deref().and_then(Path::parent))
        }
        Command::Validate | Command::Jobs(_) | Command::Show | Command::Schema => powers,
    }
}
