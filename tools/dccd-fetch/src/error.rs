//! What ends the tool.

use std::fmt;

use dccd_cli::config::ConfigError;
use dccd_cli::{AddressError, InstantError, OutputError, Status, ToolError};
use dccd_exchange::Impossible;
use dccd_record::DatasetError;
use dccd_rest::BudgetError;

/// What ends the tool.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// Flags that contradict each other or leave something open.
    Usage(String),
    /// A time of the flags.
    Instant(InstantError),
    /// A URL that is none.
    Address(AddressError),
    /// The configuration is wrong.
    Config(ConfigError),
    /// The exchange can never give that.
    Impossible(Impossible),
    /// The flags name no dataset.
    Dataset(DatasetError),
    /// The folder of budgets that was asked for cannot be used.
    Budget(BudgetError),
    /// Standard output cannot be written.
    Output(OutputError),
    /// Standard input cannot be read.
    Input(std::io::Error),
    /// No thread could be started.
    Thread(std::io::Error),
    /// All workers are gone.
    Workers,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Usage(what) => f.write_str(what),
            FetchError::Instant(cause) => cause.fmt(f),
            FetchError::Address(cause) => cause.fmt(f),
            FetchError::Config(cause) => cause.fmt(f),
            FetchError::Impossible(cause) => cause.fmt(f),
            FetchError::Dataset(cause) => cause.fmt(f),
            FetchError::Budget(cause) => cause.fmt(f),
            FetchError::Output(cause) => cause.fmt(f),
            FetchError::Input(cause) => write!(f, "cannot read standard input: {cause}"),
            FetchError::Thread(cause) => write!(f, "cannot start a thread: {cause}"),
            FetchError::Workers => f.write_str("a worker thread ended unexpectedly"),
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FetchError::Output(cause) => Some(cause),
            _ => None,
        }
    }
}

impl ToolError for FetchError {
    fn exit(&self) -> Status {
        match self {
            FetchError::Usage(_) | FetchError::Impossible(_) | FetchError::Dataset(_) => Status::Usage,
            FetchError::Instant(cause) => cause.exit(),
            FetchError::Address(cause) => cause.exit(),
            FetchError::Config(cause) => cause.exit(),
            FetchError::Budget(cause) if cause.is_lasting() => Status::Config,
            FetchError::Budget(_) | FetchError::Output(_) | FetchError::Input(_) => Status::IoErr,
            FetchError::Thread(_) => Status::TempFail,
            FetchError::Workers => Status::Software,
        }
    }
}

impl From<AddressError> for FetchError {
    fn from(error: AddressError) -> FetchError {
        FetchError::Address(error)
    }
}

impl From<BudgetError> for FetchError {
    fn from(error: BudgetError) -> FetchError {
        FetchError::Budget(error)
    }
}

impl From<ConfigError> for FetchError {
    fn from(error: ConfigError) -> FetchError {
        FetchError::Config(error)
    }
}

impl From<InstantError> for FetchError {
    fn from(error: InstantError) -> FetchError {
        FetchError::Instant(error)
    }
}

impl From<OutputError> for FetchError {
    fn from(error: OutputError) -> FetchError {
        FetchError::Output(error)
    }
}

impl From<Impossible> for FetchError {
    fn from(error: Impossible) -> FetchError {
        FetchError::Impossible(error)
    }
}
