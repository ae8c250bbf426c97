//! Flags of `dccd-inventory`.

use clap::{Parser, Subcommand, ValueEnum};
use dccd_cli::config::ConfigError;
use dccd_cli::{Common, DatasetFlags, StoreFlags, ToolArgs, Zone};
use dccd_store::verify::Look;

/// Say what is stored, from when to when, with which gaps
#[derive(Parser)]
#[command(name = "dccd-inventory", version, max_term_width = 100, after_long_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) datasets: DatasetFlags,

    /// List each gap instead: when, and why if that is known
    ///
    /// A gap is what was asked for and is not covered. One marked final can never be filled; it is listed
    /// here but not counted in the overview.
    #[arg(long)]
    gaps: bool,

    /// Lines instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,

    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Verify(VerifyArgs),
}

/// Look for what is not as it should be, and change nothing
///
/// Prints a line for each finding: an error where data is lost or wrong, or nobody can get at it, else a note. What is
/// written meanwhile makes no finding: whatever looks wrong is looked at again.
#[derive(clap::Args)]
pub(crate) struct VerifyArgs {
    /// How deep to look
    #[arg(long, value_enum, default_value = "footers")]
    pub(crate) depth: Depth,

    #[command(flatten)]
    pub(crate) datasets: DatasetFlags,

    /// Lines instead of sentences
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Depth {
    /// What lies where, ledgers and journals
    Names,
    /// And the footer of every file: columns, rows, first and last instant
    Footers,
    /// And every page and row: order, repeats, ids, prices, amounts
    Pages,
}

/// What to print; times in tables are those of a zone.
pub(crate) enum Shape {
    Table(Zone),
    Lines,
    GapTable(Zone),
    GapLines,
}

const EXAMPLES: &str = "\
Examples:
  Everything:
      dccd-inventory --data-path /data/crypto

  The datasets that have gaps, as JSON:
      dccd-inventory --json | jq 'select(.gaps > 0)'

  Whether every row can be read and makes sense:
      dccd-inventory verify --depth pages";

impl Args {
    pub(crate) fn shape(&self) -> Result<Shape, ConfigError> {
        Ok(match (self.gaps, self.json) {
            (false, false) => Shape::Table(self.store.zone()?),
            (false, true) => Shape::Lines,
            (true, false) => Shape::GapTable(self.store.zone()?),
            (true, true) => Shape::GapLines,
        })
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}

impl Depth {
    /// How deep to look into each file; `None` if not at all.
    pub(crate) fn look(self) -> Option<Look> {
        match self {
            Depth::Names => None,
            Depth::Footers => Some(Look::Footer),
            Depth::Pages => Some(Look::Pages),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Depth::Names => "names",
            Depth::Footers => "footers",
            Depth::Pages => "pages",
        }
    }
}
