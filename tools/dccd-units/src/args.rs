//! Flags of `dccd-units`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use dccd_cli::{Common, ToolArgs};

use crate::error::Error;
use crate::place::{Place, Scope};

/// Say which units a configuration makes, and what has changed
///
/// Prints a table of the units that the generator of systemd makes of the configuration: why there is each, when it
/// runs, and whether it is new, gone, changed, or wants a restart.
#[derive(Parser)]
#[command(name = "dccd-units", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Configuration [default: /etc/dccd/config.yml, with --user ~/.config/dccd/config.yml]
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Units of the user, not of the system
    #[arg(long, global = true)]
    user: bool,

    /// Lines instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write units for systemd, which calls this at boot and at daemon-reload
    ///
    /// A configuration that is wrong changes nothing: the last valid one stays in force. Whatever happens, the status is
    /// 0 and nothing is said.
    Generate(Folders),
    /// Check the configuration, and keep a copy of it as the last valid one
    Keep,
    /// Print what a stream is started with
    Job {
        /// Stream, as in binance:BTC-USDT
        id: String,
    },
    /// Write the scan directory of s6 that `dccd start` runs
    ///
    /// Services that were there and have changed are printed.
    Scandir(ScandirFlags),
}

/// The folders that systemd names.
#[derive(clap::Args)]
pub(crate) struct Folders {
    /// Folder of generated units
    pub(crate) normal: PathBuf,
    /// Folder of those that go before all others; nothing is written there
    _early: Option<PathBuf>,
    /// Folder of those that go after all others; nothing is written there
    _late: Option<PathBuf>,
}

/// What s6 runs.
#[derive(clap::Args)]
pub(crate) struct ScandirFlags {
    /// Folder for services, the copy of the configuration, and what they keep
    pub(crate) dir: PathBuf,

    /// Folder of dccd-start
    #[arg(long, value_name = "DIR")]
    pub(crate) scripts: PathBuf,
}

impl Args {
    /// Where things are.
    pub(crate) fn place(&self) -> Result<Place, Error> {
        let scope = if self.user { Scope::User } else { Scope::System };
        let mut place = Place::of(scope).ok_or(Error::NoHome)?;
        if let Some(config) = &self.config {
            place.config.clone_from(config);
        }
        Ok(place)
    }

    /// The configuration.
    pub(crate) fn config_path(&self) -> Result<PathBuf, Error> {
        match &self.config {
            Some(path) => Ok(path.clone()),
            None => Ok(self.place()?.config),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  What would the next daemon-reload change?
      dccd-units

  What would this file make?
      dccd-units --config config.yml --json";

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
