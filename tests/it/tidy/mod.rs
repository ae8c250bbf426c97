//! What the tree promises: manual pages name every flag, documents run, house rules hold.

mod manual;
mod readme;
mod scripts;
mod source;
mod timers;
mod units;

use std::path::{Path, PathBuf};

use dccd_tests::workspace_root;

/// The folders of the crates in `tools/`.
fn crates() -> Vec<PathBuf> {
    let tools = std::fs::read_dir(workspace_root().join("tools")).expect("there is a folder tools");
    let mut crates: Vec<_> = tools.map(|entry| entry.expect("a folder can be listed").path()).collect();
    crates.retain(|path| path.join("Cargo.toml").is_file());
    crates.sort();
    crates
}

/// The names of the programs.
fn tools() -> Vec<String> {
    crates().into_iter().filter(|path| path.join("src/main.rs").is_file()).map(|path| file_name(&path)).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A path as people write it, from the workspace's root.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace_root()).unwrap_or(path).display().to_string()
}

/// Fails the test with everything that was found.
#[track_caller]
fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}
