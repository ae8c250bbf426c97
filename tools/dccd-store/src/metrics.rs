//! The file in which runs are counted. What it holds is not this crate's concern.

use std::path::Path;

use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;
use crate::lock::Lock;

/// The content of the store's metrics file, if there is one.
pub fn read_metrics(root: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    fsys::read_if_there(&Layout::new(root).metrics())
}

/// Replaces the store's metrics file by what `change` makes of its content; processes that do so at once take turns.
pub fn update_metrics(root: &Path, change: impl FnOnce(Option<Vec<u8>>) -> Vec<u8>) -> Result<(), StoreError> {
    let layout = Layout::new(root);
    let _lock = Lock::acquire(&layout.lock_dir().join("metrics.lock"))?;
    let content = change(fsys::read_if_there(&layout.metrics())?);
    fsys::replace(&layout.metrics(), &content)
}
