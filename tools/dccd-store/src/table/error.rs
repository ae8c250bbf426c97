//! What can go wrong with rows and files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use dccd_record::Kind;
use parquet::errors::ParquetError;

/// Why a line was not taken into rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    /// The line is of another kind, or no record.
    Kind(Kind),
    /// A number that decimal(38,18) does not hold exactly.
    Number {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// A text longer than any exchange's.
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowError::Kind(kind) => write!(f, "not a {kind} record"),
            RowError::Number { field, value } => {
                write!(f, "bad \"{field}\": {value} does not fit decimal(38,18) without loss")
            }
            RowError::TooLong { field, bytes } => write!(f, "bad \"{field}\": a text of {bytes} bytes"),
        }
    }
}

impl std::error::Error for RowError {}

/// Why a file could not be read or written.
#[derive(Debug)]
pub enum TableError {
    /// The disk, a permission, no room.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Not a file of ours, or damaged: to be set aside.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An adopted number that does not fit the columns of this store.
    Row {
        /// The file it was read from.
        path: PathBuf,
        /// The number.
        cause: RowError,
    },
}

impl TableError {
    pub(super) fn io(path: &Path, cause: io::Error) -> TableError {
        TableError::Io { path: path.to_owned(), cause }
    }

    pub(super) fn unreadable(path: &Path, why: impl fmt::Display) -> TableError {
        TableError::Unreadable { path: path.to_owned(), why: why.to_string() }
    }

    /// An error while reading: the system's own stay what they are, everything else is the file's fault.
    pub(super) fn reading(path: &Path, error: ParquetError) -> TableError {
        match into_io(error) {
            Ok(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => TableError::io(path, cause),
            Ok(cause) => TableError::unreadable(path, cause),
            Err(error) => TableError::unreadable(path, error),
        }
    }

    /// An error while writing.
    pub(super) fn writing(path: &Path, error: ParquetError) -> TableError {
        TableError::io(path, into_io(error).unwrap_or_else(io::Error::other))
    }
}

/// The error of the system inside, if there is one.
fn into_io(error: ParquetError) -> Result<io::Error, ParquetError> {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => Ok(*cause),
            Err(cause) => Err(ParquetError::External(cause)),
        },
        other => Err(other),
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::Io { path, cause } => write!(f, "cannot read or write {}: {cause}", path.display()),
            TableError::Unreadable { path, why } => write!(f, "{} is unreadable: {why}", path.display()),
            TableError::Row { path, cause } => write!(f, "cannot take over {}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for TableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TableError::Io { cause, .. } => Some(cause),
            TableError::Row { cause, .. } => Some(cause),
            TableError::Unreadable { .. } => None,
        }
    }
}
