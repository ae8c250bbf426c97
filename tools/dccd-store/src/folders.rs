//! Which folders a store takes up.

use std::fs;
use std::path::{Path, PathBuf};

/// Exchanges, kinds and pairs may be links to other disks.
const DEPTH_MAX: usize = 3;

/// The folder of a store, and those elsewhere that links among its folders lead to.
pub fn folders(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    add_linked(root, DEPTH_MAX, &mut found);
    found
}

fn add_linked(dir: &Path, depth_max: usize, found: &mut Vec<PathBuf>) {
    // What cannot be read now is told by whoever needs it.
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let is_link = entry.file_type().is_ok_and(|sort| sort.is_symlink());
        let is_dir = if is_link { entry.path().is_dir() } else { entry.file_type().is_ok_and(|sort| sort.is_dir()) };
        if !is_dir {
            continue;
        }
        if is_link {
            found.push(entry.path());
        }
        if depth_max > 1 {
            add_linked(&entry.path(), depth_max - 1, found);
        }
    }
}
