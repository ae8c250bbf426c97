//! Files that cannot be read: kept for a person, out of everybody's way.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;

/// Files of one name that are set aside within one second.
const NAMES_MAX: u32 = 1_000;

/// Moves a damaged file of the store to `.dccd/aside`, and says where it is now.
pub(crate) fn set_aside(layout: &Layout, path: &Path) -> Result<PathBuf, StoreError> {
    let dir = layout.aside_dir();
    fsys::create_dir(&dir)?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let relative = path.strip_prefix(layout.root()).unwrap_or(path);
    let name: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).filter(|part| *part != ".dccd").collect();
    let target = (0..NAMES_MAX)
        .map(|count| dir.join(format!("{}.{seconds}.{count}", name.join("_"))))
        .find(|target| !target.exists())
        .ok_or_else(|| StoreError::io("find a free name beside", &dir)(std::io::ErrorKind::AlreadyExists.into()))?;
    fs::rename(path, &target).map_err(StoreError::io("set aside", path))?;
    fsys::sync_dir(&dir)?;
    fsys::sync_dir(fsys::parent(path))?;
    Ok(target)
}
