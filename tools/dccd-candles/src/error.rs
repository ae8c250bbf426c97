//! What ends the tool early.

use std::{fmt, io};

use dccd_cli::{OutputError, Status, ToolError};
use dccd_record::{CANDLE_BYTES_MAX, CandleError, Dataset};

/// The most bad lines before giving up.
pub(crate) const BAD_LINES_MAX: u64 = 1_000;

/// Why no more candles are made.
#[derive(Debug)]
pub(crate) enum CandlesError {
    /// Standard input broke.
    Read(io::Error),
    /// Standard output broke.
    Write(OutputError),
    /// Too much waits for coverage, in one series.
    Series { dataset: Box<Dataset>, cause: CandleError },
    /// Too much waits for coverage, in all series together.
    Held { series: usize },
    /// The input is no dccd lines.
    BadLines,
}

impl From<OutputError> for CandlesError {
    fn from(cause: OutputError) -> CandlesError {
        CandlesError::Write(cause)
    }
}

impl ToolError for CandlesError {
    fn exit(&self) -> Status {
        match self {
            CandlesError::Read(_) | CandlesError::Write(_) => Status::IoErr,
            CandlesError::Series { .. } | CandlesError::Held { .. } | CandlesError::BadLines => Status::DataErr,
        }
    }
}

impl fmt::Display for CandlesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CandlesError::Read(_) => f.write_str("cannot read standard input"),
            CandlesError::Write(cause) => cause.fmt(f),
            CandlesError::Series { dataset, cause } => write!(f, "cannot make candles of {dataset}: {cause}"),
            CandlesError::Held { series } => write!(
                f,
                "the trades of {series} series wait for their covered lines and fill {} MiB: \
                 let covered lines follow their trades more closely, or give fewer series at a time",
                CANDLE_BYTES_MAX >> 20
            ),
            CandlesError::BadLines => {
                write!(f, "more than {BAD_LINES_MAX} bad lines: is the input what dccd-fetch or dccd-read wrote?")
            }
        }
    }
}

impl std::error::Error for CandlesError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CandlesError::Read(cause) => Some(cause),
            CandlesError::Write(cause) => Some(cause),
            CandlesError::Series { cause, .. } => Some(cause),
            CandlesError::Held { .. } | CandlesError::BadLines => None,
        }
    }
}
