//! The flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use dccd_cli::{Common, StoreFlags, ToolArgs};

/// Record runs and print their state
#[derive(Debug, Parser)]
#[command(name = "dccd-health", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(RecordArgs),
    Status(StatusArgs),
}

/// Count which jobs succeeded, and pass every line on
///
/// A job has succeeded once all it asked for is covered, or a gap is named where the exchange has one. One that
/// is left without an answer has failed, whatever the statuses of other programs say. A stream is well as long as
/// nothing fails that is not followed by something covered.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// Print only `Done. successes=N failures=M`, counted in jobs
    #[arg(long)]
    pub(crate) summary: bool,

    /// Most seconds between two counts of a stream
    ///
    /// A stream may run for months, so it is counted while it does; everything else is counted at its end.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    count_secs: u64,

    /// The `job` lines of all jobs that the run is for
    ///
    /// One of which nothing comes has failed: what was to plan, fetch or store it died before it said a word.
    #[arg(long, value_name = "FILE")]
    pub(crate) jobs: Option<PathBuf>,

    /// If FILE is there at the end, somebody interrupted the run
    ///
    /// What such a run left undone counts neither as success nor as failure. The same holds after SIGTERM or SIGINT.
    #[arg(long, value_name = "FILE")]
    pub(crate) interrupted_if: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

/// Print when each pair was last run, last succeeded, its rows and its errors since
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// Lines instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

const EXAMPLES: &str = "\
Examples:
  Fetch, store and count:
      dccd-config jobs | dccd-plan | dccd-fetch | dccd-write | dccd-health record --summary

  The pairs whose last run failed:
      dccd-health status --json | jq 'select(.errors > 0)'";

impl RecordArgs {
    pub(crate) fn count_interval(&self) -> Duration {
        Duration::from_secs(self.count_secs)
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
