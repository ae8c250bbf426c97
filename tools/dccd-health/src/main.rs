//! Records runs, says whether all is well, and tells of trouble.
//!
//! `record`: in, the lines that `dccd-write` made durable; out, the same lines. At the end of input each job's
//! success or failure is counted in the store, that of streams also while they run. The other commands read no lines but
//! `log`, and tell what was counted and stored: to people, to Prometheus, to a webhook.

mod alert;
mod args;
mod check;
mod clock;
mod counter;
mod doctor;
mod error;
mod expected;
mod heartbeat;
mod http;
mod log;
mod metrics;
mod powers;
mod prometheus;
mod record;
mod report;
mod run;
mod runs;
mod stamp;
mod status;
#[cfg(test)]
mod tests;
mod unit;

use std::process::ExitCode;

use dccd_cli::{Status, Tool};

use args::Args;
use error::Error;

fn main() -> ExitCode {
    dccd_cli::entry("dccd-health", run)
}

fn run(args: Args, tool: &mut Tool) -> Result<Status, Error> {
    tool.confine(&args.command.powers());
    args.command.run(tool)
}
