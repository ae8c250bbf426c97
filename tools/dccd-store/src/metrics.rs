//! The file in which runs are counted. What it holds is not this crate's concern.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::aside::set_aside;
use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;
use crate::lock::Lock;

/// The content of the store's metrics file, if there is one.
pub fn read_metrics(root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    fsys::read_if_there(&Layout::new(root).metrics())
}

/// The store's metrics file, which nobody else changes as long as this lives.
#[derive(Debug)]
pub struct MetricsFile {
    layout: Layout,
    _lock: Lock,
}

impl MetricsFile {
    /// Waits until nobody else changes the file, but not longer than that.
    pub fn lock(root: &Path, patience: Duration) -> Result<MetricsFile, StoreError> {
        let layout = Layout::new(root);
        let lock = Lock::acquire_within(&layout.lock_dir().join("metrics.lock"), patience)?;
        Ok(MetricsFile { layout, _lock: lock })
    }

    /// Its content, if there is one.
    pub fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        fsys::read_if_there(&self.layout.metrics())
    }

    /// Replaces it as a whole.
    pub fn replace(&self, content: &[u8]) -> Result<(), StoreError> {
        fsys::replace(&self.layout.metrics(), content)
    }

    /// Moves it out of the way, for a person, and says where it is now.
    pub fn set_aside(&self) -> Result<PathBuf, StoreError> {
        set_aside(&self.layout, &self.layout.metrics())
    }
}
