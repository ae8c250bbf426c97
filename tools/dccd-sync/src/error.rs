//! What ends `dccd-sync`.

use std::fmt;
use std::path::PathBuf;

use dccd_cli::config::ConfigError;
use dccd_cli::{InstantError, OutputError, Status, ToolError};
use dccd_record::Ts;
use dccd_store::StoreError;
use dccd_store::table::{Numbers, TableError};

#[derive(Debug)]
pub(crate) enum Error {
    Instant(InstantError),
    Config(ConfigError),
    EmptyRange(Ts, Ts),
    BadRoom(f64),
    BadRemote(String),
    /// Nobody said where to.
    NoRemote,
    /// The program is not there, or cannot be started.
    NoRclone {
        program: PathBuf,
        cause: Option<std::io::Error>,
    },
    /// A remote, or rclone on its way there, did not do what was asked.
    Remote {
        remote: String,
        action: &'static str,
        why: String,
    },
    /// What is called a remote is the store, or has a folder in common with it.
    IsStore(String),
    /// The store there has other numbers than this one.
    OtherNumbers {
        remote: String,
        ours: Numbers,
    },
    /// Something of the store could not be read while it was sent or compared.
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    /// Not enough room for what comes.
    NoRoom {
        path: String,
        bytes: u64,
        free: u64,
    },
    Store(StoreError),
    Output(OutputError),
    /// A signal came before all was done.
    Stopped(u8),
}

impl Error {
    /// Whether only this remote is concerned, so that others may be gone on with.
    pub(crate) fn is_of_remote(&self) -> bool {
        matches!(self, Error::Remote { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Instant(cause) => cause.fmt(f),
            Error::Config(cause) => cause.fmt(f),
            Error::EmptyRange(start, end) => write!(f, "--end {end} is not after --start {start}"),
            Error::BadRoom(gib) => write!(f, "--until-free-gb {gib} is no number of GiB"),
            Error::BadRemote(name) => write!(f, "{name:?} is no rclone remote such as mynas:crypto/"),
            Error::NoRemote => f.write_str(
                "no remote is named: give --remote, or storage.remotes in the configuration (dccd-config(5)); \
                 `rclone config` makes one",
            ),
            Error::NoRclone { program, cause } => {
                let path = program.display();
                match cause {
                    Some(cause) => write!(f, "cannot start {path}: {cause}")?,
                    None => write!(f, "the program {path} is missing")?,
                }
                f.write_str("; install rclone (apt-get install rclone, or https://rclone.org/install/) or name it with --rclone")
            }
            Error::Remote { remote, action, why } => write!(f, "cannot {action} {remote}: {why}"),
            Error::IsStore(remote) => {
                write!(
                    f,
                    "{remote} is the store itself or has a folder of the store, so it is no copy; name another place"
                )
            }
            Error::OtherNumbers { remote, ours } => {
                let (theirs, ours) = match ours {
                    Numbers::Float => ("decimals", "floats"),
                    Numbers::Decimal => ("floats", "decimals"),
                };
                write!(f, "{remote} has a store of {theirs}, and this one has {ours}; name another place")
            }
            Error::Read { path, cause } => write!(f, "cannot read {}: {cause}", path.display()),
            Error::NoRoom { path, bytes, free } => write!(
                f,
                "no room to bring {path}: it has {bytes} bytes and {free} are free; \
                 choose fewer with --pair, --kind, --start or --end"
            ),
            Error::Store(cause) => cause.fmt(f),
            Error::Output(cause) => cause.fmt(f),
            Error::Stopped(signal) => write!(f, "stopped by signal {signal} before all was done; run it again"),
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
            Error::EmptyRange(..) | Error::BadRoom(_) | Error::BadRemote(_) => Status::Usage,
            Error::Instant(cause) => cause.exit(),
            Error::Config(cause) => cause.exit(),
            Error::NoRemote | Error::NoRclone { .. } | Error::IsStore(_) | Error::OtherNumbers { .. } => Status::Config,
            Error::Remote { .. } | Error::Store(StoreError::Locked { .. }) => Status::TempFail,
            Error::Store(StoreError::Io { .. } | StoreError::Table(TableError::Io { .. })) => Status::IoErr,
            Error::Store(_) => Status::DataErr,
            Error::Read { .. } | Error::NoRoom { .. } | Error::Output(_) => Status::IoErr,
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
