//! What ends the tool.

use std::fmt;

use dccd_cli::config::ConfigError;
use dccd_cli::{AddressError, OutputError, Status, ToolError};
use dccd_exchange::Impossible;
use dccd_record::DatasetError;
use dccd_rest::BudgetError;

/// What ends the tool.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// The configuration is wrong.
    Config(ConfigError),
    /// It has no such job.
    Job(String),
    /// A URL is none.
    Address(AddressError),
    /// The exchange can give nothing of what was asked for.
    Impossible(Impossible),
    /// The flags name no dataset.
    Dataset(DatasetError),
    /// The folder of budgets that was asked for cannot be used.
    Budget(BudgetError),
    /// Standard output cannot be written.
    Output(OutputError),
    /// Sockets cannot be waited for.
    Poll(std::io::Error),
    /// No thread could be started.
    Thread(std::io::Error),
    /// A thread is gone.
    Gone,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Job(what) => f.write_str(what),
            StreamError::Config(cause) => cause.fmt(f),
            StreamError::Address(cause) => cause.fmt(f),
            StreamError::Impossible(cause) => cause.fmt(f),
            StreamError::Dataset(cause) => cause.fmt(f),
            StreamError::Budget(cause) => cause.fmt(f),
            StreamError::Output(cause) => cause.fmt(f),
            StreamError::Poll(cause) => write!(f, "cannot wait for sockets: {cause}"),
            StreamError::Thread(cause) => write!(f, "cannot start a thread: {cause}"),
            StreamError::Gone => f.write_str("a thread ended unexpectedly"),
        }
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StreamError::Output(cause) => Some(cause),
            _ => None,
        }
    }
}

impl ToolError for StreamError {
    fn exit(&self) -> Status {
        match self {
            StreamError::Impossible(_) | StreamError::Dataset(_) => Status::Usage,
            StreamError::Config(cause) => cause.exit(),
            StreamError::Address(cause) => cause.exit(),
            StreamError::Job(_) => Status::Config,
            StreamError::Budget(cause) if cause.is_lasting() => Status::Config,
            StreamError::Budget(_) | StreamError::Output(_) | StreamError::Poll(_) => Status::IoErr,
            StreamError::Thread(_) => Status::TempFail,
            StreamError::Gone => Status::Software,
        }
    }
}

impl From<ConfigError> for StreamError {
    fn from(error: ConfigError) -> StreamError {
        StreamError::Config(error)
    }
}

impl From<AddressError> for StreamError {
    fn from(error: AddressError) -> StreamError {
        StreamError::Address(error)
    }
}

impl From<OutputError> for StreamError {
    fn from(error: OutputError) -> StreamError {
        StreamError::Output(error)
    }
}

impl From<BudgetError> for StreamError {
    fn from(error: BudgetError) -> StreamError {
        StreamError::Budget(error)
    }
}
