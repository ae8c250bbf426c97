//! The files in which runs are counted. What they hold is not this crate's concern.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::aside::set_aside;
use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;
use crate::lock::Lock;

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountFile {
    /// What is known of each job.
    Jobs,
    /// What others are shown of each pair.
    Metrics,
}

impl CountFile {
    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            CountFile::Jobs => "jobs.json",
            CountFile::Metrics => "metrics.json",
        }
    }

    /// Where it lies in the store at `root`.
    pub fn path(self, root: &Path) -> PathBuf {
        Layout::new(root).meta_dir().join(self.name())
    }

    /// Its content, if there is one.
    pub fn read(self, root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        fsys::read_if_there(&self.path(root))
    }
}

/// Nobody else changes the files of a store as long as this lives.
#[derive(Debug)]
pub struct CountLock {
    layout: Layout,
    _lock: Lock,
}

impl CountLock {
    /// Waits until nobody else changes them, but not longer than that.
    pub fn acquire(root: &Path, patience: Duration) -> Result<CountLock, StoreError> {
        let layout = Layout::new(root);
        let lock = Lock::acquire_within(&layout.lock_dir().join("metrics.lock"), patience)?;
        Ok(CountLock { layout, _lock: lock })
    }

    /// Replaces one as a whole.
    pub fn replace(&self, file: CountFile, content: &[u8]) -> Result<(), StoreError> {
        fsys::replace(&file.path(self.layout.root()), content)
    }

    /// Moves one out of the way, for a person, and says where it is now.
    pub fn set_aside(&self, file: CountFile) -> Result<PathBuf, StoreError> {
        set_aside(&self.layout, &file.path(self.layout.root()))
    }
}
