//! What ends `dccd-config`.

use std::fmt;

use dccd_cli::config::{ConfigError, EditError, FileError};
use dccd_cli::{OutputError, Status, ToolError};
use dccd_record::DatasetError;

#[derive(Debug)]
pub(crate) enum Error {
    /// The configuration is not there, or wrong.
    Config(ConfigError),
    /// The job of the flags is none.
    Job(DatasetError),
    /// The job of the flags cannot be done; why.
    Impossible(String),
    /// The file was not edited.
    Edit(EditError),
    /// The file could not be replaced.
    Replace(FileError),
    /// Standard output failed.
    Output(OutputError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(cause) => cause.fmt(f),
            Error::Job(cause) => cause.fmt(f),
            Error::Impossible(why) => f.write_str(why),
            Error::Edit(cause) => cause.fmt(f),
            Error::Replace(cause) => cause.fmt(f),
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
            Error::Config(cause) => cause.exit(),
            Error::Job(_) => Status::Usage,
            Error::Impossible(_) | Error::Edit(_) => Status::No,
            Error::Replace(FileError::Write { .. }) | Error::Output(_) => Status::IoErr,
            Error::Replace(FileError::Locked(_)) => Status::TempFail,
            Error::Replace(_) => Status::Config,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(cause: ConfigError) -> Error {
        Error::Config(cause)
    }
}

impl From<FileError> for Error {
    fn from(cause: FileError) -> Error {
        Error::Config(ConfigError::File(cause))
    }
}

impl From<OutputError> for Error {
    fn from(cause: OutputError) -> Error {
        Error::Output(cause)
    }
}
