//! What ends `dccd-write`.

use std::{fmt, io};

use dccd_cli::config::ConfigError;
use dccd_cli::{Status, ToolError};
use dccd_store::StoreError;
use dccd_store::table::TableError;

#[derive(Debug)]
pub(crate) enum Error {
    /// Standard input is a terminal: nobody types NDJSON.
    Terminal,
    /// Standard input cannot be read.
    Input(io::Error),
    /// So many bad lines that this is no input for us.
    TooManyBadLines(u64),
    /// The configuration, which names the store, is wrong.
    Config(ConfigError),
    /// The store is in trouble.
    Store(StoreError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Terminal => {
                f.write_str("lines are expected on standard input, as from `dccd-fetch ... | dccd-write`; see --help")
            }
            Error::Input(cause) => write!(f, "cannot read standard input: {cause}"),
            Error::TooManyBadLines(count) => write!(f, "stopped after {count} bad lines; what was good is stored"),
            Error::Config(cause) => cause.fmt(f),
            Error::Store(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl ToolError for Error {
    fn exit(&self) -> Status {
        match self {
            Error::Terminal => Status::Usage,
            Error::Input(_) => Status::IoErr,
            Error::Config(cause) => cause.exit(),
            Error::TooManyBadLines(_) => Status::DataErr,
            Error::Store(StoreError::Locked { .. }) => Status::TempFail,
            Error::Store(StoreError::Options { .. }) => Status::Config,
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

impl From<StoreError> for Error {
    fn from(cause: StoreError) -> Error {
        Error::Store(cause)
    }
}
