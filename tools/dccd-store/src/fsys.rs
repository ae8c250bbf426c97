//! The few file operations that durability rests on.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::StoreError;

/// Creates a folder and those above it, so that they survive power loss.
pub(crate) fn create_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    if parent(path) != path {
        create_dir(parent(path))?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => {
            Err(StoreError::io("create folder", path)(error))
        }
        _ => sync_dir(parent(path)),
    }
}

/// Makes renames and removals in a folder survive power loss.
pub(crate) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync folder", path))
}

/// Moves a finished, synced file to its name, so that it survives power loss there.
pub(crate) fn publish(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(StoreError::io("rename a finished file to", to))?;
    sync_dir(parent(to))
}

/// Replaces a small file as a whole: readers see the old content or the new, never less. The caller holds
/// the lock that makes it the only writer.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.part"));
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&part);
        return Err(StoreError::io("write", &part)(error));
    }
    publish(&part, path)
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A file's content, or `None` if there is none.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io("read", path)(error)),
    }
}

/// The names in a folder, sorted; none if there is no folder.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", path))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// The names of the folders in a folder, sorted. Files lie there too, a note of somebody's say, and are none of ours.
pub(crate) fn folders(path: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = names(path)?;
    names.retain(|name| path.join(name).is_dir());
    Ok(names)
}

/// The folder a path of ours lies in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
