//! What ends `dccd-units`.

use std::fmt;
use std::io;
use std::path::PathBuf;

use dccd_cli::config::ConfigError;
use dccd_cli::{OutputError, Status, ToolError};

#[derive(Debug)]
pub(crate) enum Error {
    /// The configuration is not there, or wrong.
    Config(ConfigError),
    /// The same in the words of dccd-config.
    Refused(String),
    /// No job of the configuration has this id.
    NoJob(String),
    /// A user's folders are not known.
    NoHome,
    /// A file or folder could not be written.
    Write(PathBuf, io::Error),
    /// Standard output failed.
    Output(OutputError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Config(cause) => cause.fmt(f),
            Error::Refused(said) => f.write_str(said),
            Error::NoJob(id) => write!(f, "the configuration has no stream {id:.80?}"),
            Error::NoHome => f.write_str("HOME and XDG_RUNTIME_DIR must say where units of a user lie"),
            Error::Write(path, cause) => write!(f, "cannot write {}: {cause}", path.display()),
            Error::Output(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Write(_, cause) => Some(cause),
            Error::Output(cause) => Some(cause),
            _ => None,
        }
    }
}

impl ToolError for Error {
    fn exit(&self) -> Status {
        match self {
            Error::Config(cause) => cause.exit(),
            Error::Refused(_) | Error::NoJob(_) | Error::NoHome => Status::Config,
            Error::Write(..) | Error::Output(_) => Status::IoErr,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(cause: ConfigError) -> Error {
        Error::Config(cause)
    }
}

impl From<OutputError> for Error {
    fn from(cause: OutputError) -> Error {
        Error::Output(cause)
    }
}
