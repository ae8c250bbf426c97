//! What ends `dccd-read`.

use std::fmt;
use std::path::PathBuf;

use dccd_cli::config::ConfigError;
use dccd_cli::{InstantError, OutputError, Status, ToolError};
use dccd_record::{Dataset, DatasetError, PairError, SpanError, Ts};
use dccd_store::StoreError;
use dccd_store::table::TableError;

#[derive(Debug)]
pub(crate) enum Error {
    Dataset(DatasetError),
    Pair(PairError),
    Span(SpanError),
    Instant(InstantError),
    Config(ConfigError),
    /// Neither a kind nor a span was said.
    NoKind,
    EmptyRange(Ts, Ts),
    Column {
        name: String,
        known: String,
    },
    NothingStored(Dataset, PathBuf),
    Csv(csv::Error),
    Store(StoreError),
    Output(OutputError),
    /// A signal came before all was read.
    Stopped(u8),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Dataset(cause) => cause.fmt(f),
            Error::Pair(cause) => cause.fmt(f),
            Error::Span(cause) => cause.fmt(f),
            Error::Instant(cause) => cause.fmt(f),
            Error::Config(cause) => cause.fmt(f),
            Error::NoKind => f.write_str("say which records: --kind trade, or --span 1h for candles"),
            Error::EmptyRange(start, end) => write!(f, "--end {end} is not after --start {start}"),
            Error::Column { name, known } => write!(f, "no column {name:?}; there are {known}"),
            Error::NothingStored(dataset, path) => {
                write!(f, "nothing is stored of {dataset} in {}; see dccd-inventory", path.display())
            }
            Error::Csv(cause) => write!(f, "cannot write CSV: {cause}"),
            Error::Store(cause) => cause.fmt(f),
            Error::Output(cause) => cause.fmt(f),
            Error::Stopped(signal) => write!(f, "stopped by signal {signal} before all was read"),
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
            Error::NothingStored(..) => Status::No,
            Error::Stopped(signal) => Status::Signal(*signal),
            Error::Store(StoreError::Locked { .. }) => Status::TempFail,
            Error::Instant(cause) => cause.exit(),
            Error::Config(cause) => cause.exit(),
            Error::Csv(_) | Error::Output(_) => Status::IoErr,
            Error::Store(StoreError::Io { .. } | StoreError::Table(TableError::Io { .. })) => Status::IoErr,
            Error::Store(_) => Status::DataErr,
            _ => Status::Usage,
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

impl From<TableError> for Error {
    fn from(cause: TableError) -> Error {
        Error::Store(cause.into())
    }
}

impl From<OutputError> for Error {
    fn from(cause: OutputError) -> Error {
        Error::Output(cause)
    }
}

impl From<csv::Error> for Error {
    fn from(cause: csv::Error) -> Error {
        Error::Csv(cause)
    }
}
