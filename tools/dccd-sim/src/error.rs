//! Why the simulation ended early.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use dccd_cli::{OutputError, Status, ToolError};
use dccd_record::DatasetError;

use crate::exchange::EXCHANGES;
use crate::truth::TruthError;

/// An error that ends the tool.
#[derive(Debug)]
pub(crate) enum Error {
    /// The address cannot be listened on.
    Bind(SocketAddr, io::Error),
    /// The listening socket broke.
    Serve(io::Error),
    /// Flags that contradict each other.
    Usage(String),
    /// No such exchange in the simulation.
    Exchange(String),
    /// A kind with a span that it cannot have.
    Dataset(DatasetError),
    /// No such truth.
    Truth(TruthError),
    /// Standard output broke.
    Output(OutputError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Bind(address, cause) => write!(f, "cannot listen on {address}: {cause}"),
            Error::Serve(cause) => write!(f, "cannot accept connections: {cause}"),
            Error::Usage(message) => f.write_str(message),
            Error::Exchange(name) => {
                let names: Vec<&str> = EXCHANGES.iter().map(|entry| entry.name).collect();
                write!(f, "{name:?} is not simulated: one of {} is wanted", names.join(", "))
            }
            Error::Dataset(cause) => write!(f, "{cause}: see --kind and --span"),
            Error::Truth(cause) => cause.fmt(f),
            Error::Output(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Bind(_, cause) | Error::Serve(cause) => Some(cause),
            Error::Dataset(cause) => Some(cause),
            Error::Truth(cause) => Some(cause),
            Error::Output(cause) => Some(cause),
            Error::Usage(_) | Error::Exchange(_) => None,
        }
    }
}

impl ToolError for Error {
    fn exit(&self) -> Status {
        match self {
            Error::Bind(..) | Error::Serve(_) | Error::Output(_) | Error::Truth(TruthError::Output(_)) => Status::IoErr,
            Error::Usage(_) | Error::Exchange(_) | Error::Dataset(_) | Error::Truth(_) => Status::Usage,
        }
    }
}

impl From<OutputError> for Error {
    fn from(cause: OutputError) -> Error {
        Error::Output(cause)
    }
}

impl From<TruthError> for Error {
    fn from(cause: TruthError) -> Error {
        Error::Truth(cause)
    }
}
