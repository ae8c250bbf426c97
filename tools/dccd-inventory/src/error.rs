//! What ends `dccd-inventory`.

use std::fmt;

use dccd_cli::config::ConfigError;
use dccd_cli::{OutputError, Status, ToolError};
use dccd_store::StoreError;
use dccd_store::table::TableError;

#[derive(Debug)]
pub(crate) enum Error {
    Config(ConfigError),
    Store(StoreError),
    Output(OutputError),
    /// A signal came before all was examined.
    Stopped(u8),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(cause) => cause.fmt(f),
            Error::Store(cause) => cause.fmt(f),
            Error::Output(cause) => cause.fmt(f),
            Error::Stopped(signal) => write!(f, "stopped by signal {signal} before all was examined"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Output(cause) => Some(cause),
            _ => None,
        }
    }
}

impl ToolError for Error {
    fn exit(&self) -> Status {
        match self {
            Error::Config(cause) => cause.exit(),
            Error::Store(StoreError::Io { .. } | StoreError::Table(TableError::Io { .. })) => Status::IoErr,
            Error::Store(StoreError::Locked { .. }) => Status::TempFail,
            Error::Store(_) => Status::DataErr,
            Error::Output(_) => Status::IoErr,
            Error::Stopped(signal) => Status::Signal(*signal),
        }
    }
}

impl From<ConfigError> for Error {
    fn from(cause: ConfigError) -> Error {
        Error::Config(cause)
    }
}

impl From<StoreError> for Error {
    fn from(cause: StoreError) -> Error {
        Error::Store(cause)
    }
}

impl From<OutputError> for Error {
    fn from(cause: OutputError) -> Error {
        Error::Output(cause)
    }
}
