//! What can go wrong with a store.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::table::TableError;

/// Why a store could not be read or written.
#[derive(Debug)]
pub enum StoreError {
    /// A file operation failed.
    Io {
        /// What was attempted, as in "rename".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
    /// Parquet could not be read or written.
    Table(TableError),
    /// The store's marker, or an upgraded file, that is not what it should be.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another process kept a dataset's lock for too long.
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// The store was created with other options.
    Options {
        /// The store's marker.
        path: PathBuf,
        /// What does not agree, and what to do.
        why: String,
    },
}

impl StoreError {
    /// For `map_err`: names what was attempted on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |cause| StoreError::Io { action, path, cause }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io { action, path, cause } => write!(f, "cannot {action} {}: {cause}", path.display()),
            StoreError::Table(cause) => cause.fmt(f),
            StoreError::Corrupt { path, why } => write!(f, "{} is damaged: {why}", path.display()),
            StoreError::Locked { path } => {
                write!(f, "another process has held {} for too long; see who with fuser(1)", path.display())
            }
            StoreError::Options { path, why } => write!(f, "{} disagrees: {why}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<TableError> for StoreError {
    fn from(cause: TableError) -> StoreError {
        StoreError::Table(cause)
    }
}
