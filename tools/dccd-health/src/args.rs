//! The flags, and what each command does with its own.

use clap::{Parser, Subcommand};
use dccd_cli::{Common, Status, Tool, ToolArgs};

use crate::alert::{self, AlertArgs};
use crate::check::{self, CheckArgs};
use crate::doctor::{self, DoctorArgs};
use crate::error::Error;
use crate::log::{self, LogArgs};
use crate::prometheus::{self, PrometheusArgs};
use crate::record::{self, RecordArgs};
use crate::report::{self, ReportArgs};
use crate::runs::{self, RunsArgs};
use crate::status::{self, StatusArgs};

/// Record runs, say whether all is well, tell of trouble
#[derive(Debug, Parser)]
#[command(name = "dccd-health", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    common: Common,
}

/// What can be asked for; the flags of each stand in its own module.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(RecordArgs),
    Status(StatusArgs),
    Runs(RunsArgs),
    Alert(AlertArgs),
    Log(LogArgs),
    Check(CheckArgs),
    Report(ReportArgs),
    Metrics(PrometheusArgs),
    Doctor(DoctorArgs),
}

impl Command {
    pub(crate) fn run(&self, tool: &mut Tool) -> Result<Status, Error> {
        match self {
            Command::Record(args) => record::run(args, tool),
            Command::Status(args) => status::run(args, tool),
            Command::Runs(args) => runs::run(args, tool),
            Command::Alert(args) => alert::run(args, tool),
            Command::Log(args) => log::run(args, tool),
            Command::Check(args) => check::run(args, tool),
            Command::Report(args) => report::run(args, tool),
            Command::Metrics(args) => prometheus::run(args, tool),
            Command::Doctor(args) => doctor::run(args, tool),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  Fetch, store and count:
      dccd-config jobs | dccd-plan | dccd-fetch | dccd-write | dccd-health record --summary

  The pairs whose last run failed:
      dccd-health status --json | jq 'select(.errors > 0)'";

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
