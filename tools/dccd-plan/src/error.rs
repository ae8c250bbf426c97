//! What ends `dccd-plan`.

use std::fmt;
use std::io;

use dccd_cli::config::ConfigError;
use dccd_cli::{InstantError, OutputError, Status, ToolError};
use dccd_store::StoreError;
use dccd_store::table::TableError;

#[derive(Debug)]
pub(crate) enum Error {
    Usage(String),
    Config(ConfigError),
    Instant(InstantError),
    Input(io::Error),
    Store(StoreError),
    Output(OutputError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(why) => f.write_str(why),
            Error::Config(cause) => cause.fmt(f),
            Error::Instant(cause) => cause.fmt(f),
            Error::Input(cause) => write!(f, "cannot read standard input: {cause}"),
            Error::Store(cause) => cause.fmt(f),
            Error::Output(cause) => cause.fmt(f),
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
            Error::Usage(_) => Status::Usage,
            Error::Config(cause) => cause.exit(),
            Error::Instant(cause) => cause.exit(),
            Error::Input(_) | Error::Output(_) => Status::IoErr,
            Error::Store(StoreError::Io { .. } | StoreError::Table(TableError::Io { .. })) => Status::IoErr,
            Error::Store(_) => Status::DataErr,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(cause: ConfigError) -> Error {
        Error::Config(cause)
    }
}

impl From<InstantError> for Error {
    fn from(cause: InstantError) -> Error {
        Error::Instant(cause)
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
