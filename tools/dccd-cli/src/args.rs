//! Flags that all tools share.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ArgAction;
use dccd_record::{Dataset, Exchange, Kind, Pair, Span, TimeError, Ts};

use crate::config::{Config, ConfigError, find};
use crate::env;
use crate::status::{Status, ToolError};
use crate::zone::{TypedTime, Zone};

/// Flags of every tool.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Common {
    /// Remove warnings from stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say on stderr what happens
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Keep all powers of the user who runs this: see "Sandbox" in dccd(7)
    #[arg(long, global = true)]
    pub no_sandbox: bool,
}

impl Common {
    /// -1 for quiet, 0 as usual, 1 and up for verbose.
    pub(crate) fn verbosity(&self) -> i8 {
        if self.quiet { -1 } else { i8::try_from(self.verbose).unwrap_or(i8::MAX) }
    }
}

/// Flags of every tool that works on a store.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct StoreFlags {
    /// Folder of the store [default: DCCD_DATA_PATH, else the configuration's data_path, else data]
    #[arg(long, global = true, value_name = "DIR")]
    data_path: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlags,
}

impl StoreFlags {
    /// The folder of the store: the flag's, the environment's, the configuration's, or `data`.
    pub fn data_path(&self) -> Result<PathBuf, ConfigError> {
        const DEFAULT: &str = "data";
        match self.data_path.clone().or_else(|| env::value(env::DATA_PATH).map(PathBuf::from)) {
            Some(path) => Ok(path),
            None => {
                let named = self.config.load()?.and_then(|config| config.settings.data_path);
                Ok(named.unwrap_or_else(|| PathBuf::from(DEFAULT)))
            }
        }
    }

    /// The configuration, if there is one.
    pub fn config(&self) -> Result<Option<Config>, ConfigError> {
        self.config.load()
    }

    /// Where the configuration is, if there is one.
    pub fn config_file(&self) -> Option<PathBuf> {
        find(self.config.named())
    }

    /// The zone of tables: the configuration's, or UTC.
    pub fn zone(&self) -> Result<Zone, ConfigError> {
        Ok(self.config.load()?.map_or_else(Zone::utc, |config| config.settings.zone))
    }

    /// The instant that was typed, in the configured zone if it names none.
    pub fn instant(&self, typed: &TypedTime) -> Result<Ts, InstantError> {
        self.config.instant(typed)
    }
}

/// Flags that choose datasets: those of which all is so that was named.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct DatasetFlags {
    /// Only this exchange
    #[arg(long, value_parser = Exchange::new)]
    exchange: Option<Exchange>,

    /// Only this pair, as in BTC/USDT
    #[arg(long, value_parser = Pair::from_user)]
    pair: Option<Pair>,

    /// Only this kind: candle, trade, book, funding or open_interest
    #[arg(long, value_parser = Kind::from_user)]
    kind: Option<Kind>,

    /// Only this span, as in 1h
    #[arg(long)]
    span: Option<Span>,
}

impl DatasetFlags {
    /// Whether nothing was named, so that every dataset is meant.
    pub fn are_empty(&self) -> bool {
        self.exchange.is_none() && self.pair.is_none() && self.kind.is_none() && self.span.is_none()
    }

    /// Whether a dataset is meant.
    pub fn accept(&self, dataset: &Dataset) -> bool {
        self.exchange.as_ref().is_none_or(|exchange| exchange == dataset.exchange())
            && self.pair.as_ref().is_none_or(|pair| pair == dataset.pair())
            && self.kind.is_none_or(|kind| kind == dataset.kind())
            && self.span.is_none_or(|span| Some(span) == dataset.span())
    }
}

/// The flag that names the configuration.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigFlags {
    /// Configuration [default: ./config.yml, else ~/.config/dccd/config.yml, else /etc/dccd/config.yml]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFlags {
    /// The file that was named.
    pub fn named(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The configuration that was named, or is found, if there is one.
    pub fn load(&self) -> Result<Option<Config>, ConfigError> {
        Config::load(self.named())
    }

    /// The instant that was typed. Only one that names no zone needs the configuration.
    pub fn instant(&self, typed: &TypedTime) -> Result<Ts, InstantError> {
        let zone = match typed {
            TypedTime::Instant(_) => Zone::utc(),
            TypedTime::Civil(_) => self.load()?.map_or_else(Zone::utc, |config| config.settings.zone),
        };
        Ok(zone.instant(typed)?)
    }
}

/// Why a typed time could not be read.
#[derive(Debug)]
pub enum InstantError {
    /// The configuration, which names the zone, is wrong.
    Config(ConfigError),
    /// The time is.
    Time(TimeError),
}

impl fmt::Display for InstantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstantError::Config(cause) => cause.fmt(f),
            InstantError::Time(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for InstantError {}

impl ToolError for InstantError {
    fn exit(&self) -> Status {
        match self {
            InstantError::Config(cause) => cause.exit(),
            InstantError::Time(_) => Status::Usage,
        }
    }
}

impl From<ConfigError> for InstantError {
    fn from(cause: ConfigError) -> InstantError {
        InstantError::Config(cause)
    }
}

impl From<TimeError> for InstantError {
    fn from(cause: TimeError) -> InstantError {
        InstantError::Time(cause)
    }
}

/// The flags of one tool.
pub trait ToolArgs: clap::Parser {
    /// The flags it shares with all tools.
    fn common(&self) -> &Common;
}

/// An instant as people type it: `2024-01-01`, `2024-01-01T12:00:00` (both UTC) or RFC 3339 with an offset.
pub fn parse_instant(text: &str) -> Result<Ts, TimeError> {
    text.parse().and_then(|typed| Zone::utc().instant(&typed))
}
