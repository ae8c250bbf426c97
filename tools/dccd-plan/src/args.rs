//! The flags.

use clap::{Parser, ValueEnum};
use dccd_cli::{Common, StoreFlags, ToolArgs, TypedTime};

/// Say what the store still lacks
///
/// Reads job lines and passes them on, each followed by range lines: what was asked for and is not covered, and
/// the open gaps of its dataset. Nothing is asked of an exchange.
#[derive(Debug, Parser)]
#[command(name = "dccd-plan", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only open gaps that history can repair
    ///
    /// Without job lines, of every dataset in the store.
    #[arg(long)]
    pub(crate) gaps: bool,

    /// Where a job without --start begins
    #[arg(long, value_enum, default_value_t = From::Start)]
    pub(crate) from: From,

    /// From this instant on, whatever the jobs say
    #[arg(long)]
    pub(crate) start: Option<TypedTime>,

    /// Up to this instant, not including it [default: the job's end, else now]
    #[arg(long)]
    pub(crate) end: Option<TypedTime>,

    /// Which ranges of a job come first
    #[arg(long, value_enum, default_value_t = Order::Oldest)]
    pub(crate) order: Order,

    /// Print a table of what it would take instead of lines
    #[arg(long)]
    pub(crate) estimate: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,

    #[command(flatten)]
    common: Common,
}

/// Where a job begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum From {
    /// The job's own start, else when the market opened
    Start,
    /// The first covered instant, else the newest page
    Covered,
}

/// Which ranges come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Oldest first
    Oldest,
    /// Newest first, long ranges cut at years (trades at months)
    Newest,
}

const EXAMPLES: &str = "\
Examples:
  Fill every gap of a store:
      dccd-plan --gaps --data-path data | dccd-fetch | dccd-write --data-path data

  What would a backfill take?
      dccd-config jobs | dccd-plan --data-path data --estimate";

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
