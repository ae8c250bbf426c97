//! What ends `dccd-health`.

use std::fmt;
use std::io;
use std::path::PathBuf;

use dccd_cli::config::ConfigError;
use dccd_cli::{InstantError, OutputError, Status, ToolError};
use dccd_store::StoreError;
use dccd_store::table::TableError;

use crate::http::HttpError;

#[derive(Debug)]
pub(crate) enum Error {
    Usage(String),
    Config(ConfigError),
    Input(io::Error),
    /// The list of jobs cannot be read.
    Jobs(PathBuf, io::Error),
    /// A line of the list of jobs is none.
    NoJob(PathBuf, u64),
    Store(StoreError),
    /// A file of counts that makes no sense.
    Metrics(PathBuf),
    /// A file of runs cannot be read.
    Runs(PathBuf, io::Error),
    /// The time that was asked for.
    Time(InstantError),
    /// No address for alerts is configured.
    NobodyToTell,
    /// An address of the configuration, or whoever listens there.
    Http(HttpError),
    /// The file for Prometheus cannot be replaced.
    Textfile(PathBuf, io::Error),
    Output(OutputError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(why) => f.write_str(why),
            Error::Config(cause) => cause.fmt(f),
            Error::Input(cause) => write!(f, "cannot read standard input: {cause}"),
            Error::Jobs(path, cause) => write!(f, "cannot read the jobs in {}: {cause}", path.display()),
            Error::NoJob(path, line) => write!(f, "{}: line {line} is not a whole job line", path.display()),
            Error::Store(cause) => cause.fmt(f),
            Error::Metrics(path) => {
                write!(f, "{} makes no sense; remove it, and counting begins anew", path.display())
            }
            Error::Runs(path, cause) => write!(f, "cannot read the runs in {}: {cause}", path.display()),
            Error::Time(cause) => cause.fmt(f),
            Error::NobodyToTell => f.write_str("the configuration names no alerts.webhook_url to tell"),
            Error::Http(cause) => cause.fmt(f),
            Error::Textfile(path, cause) => write!(f, "cannot replace {}: {cause}", path.display()),
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
            Error::Time(cause) => cause.exit(),
            Error::NobodyToTell => Status::Config,
            Error::Http(cause) => cause.exit(),
            Error::Input(_) | Error::Jobs(..) | Error::Runs(..) | Error::Textfile(..) | Error::Output(_) => {
                Status::IoErr
            }
            Error::Store(StoreError::Io { .. } | StoreError::Table(TableError::Io { .. })) => Status::IoErr,
            Error::NoJob(..) | Error::Store(_) | Error::Metrics(_) => Status::DataErr,
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

impl From<InstantError> for Error {
    fn from(cause: InstantError) -> Error {
        Error::Time(cause)
    }
}

impl From<HttpError> for Error {
    fn from(cause: HttpError) -> Error {
        Error::Http(cause)
    }
}
