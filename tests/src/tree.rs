//! The files of the project.

use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

/// A file's text.
pub fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Every file below `dir`, sorted; hidden folders and `target` are left out.
pub fn files_under(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|error| panic!("cannot list {}: {error}", dir.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder can be listed to its end").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_symlink() || !path.is_dir() {
            files.push(path);
        } else if !name.starts_with('.') && name != "target" {
            files.extend(files_under(&path));
        }
    }
    files.sort();
    files
}
