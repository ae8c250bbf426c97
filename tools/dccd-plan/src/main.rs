//! Says what the store still lacks.
//!
//! In: `job` lines, or with `--gaps` nothing at all. Out: every line that came in, and after each job what
//! is to be fetched for it as `range` lines. Ends with its input.

mod args;
mod error;
mod estimate;
mod input;
mod lack;
mod planner;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use dccd_cli::{Input, Status, Tool};

use args::Args;
use error::Error;
use planner::Planner;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-plan", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    let input = Input::stdin().map_err(Error::Input)?;
    let is_terminal = input.is_terminal();
    if is_terminal && !args.gaps {
        return Err(Error::Usage("pipe job lines in, or say --gaps for every gap of the store; see --help".to_owned()));
    }
    let mut planner = Planner::new(&args, tool)?;
    if !is_terminal {
        input::take_all(input, &mut planner)?;
    }
    planner.finish()
}
