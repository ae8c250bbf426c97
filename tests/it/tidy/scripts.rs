//! Shell scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use dccd_tests::{files_under, find_command, read_text, skip, workspace_root};

use super::{assert_none, shown};

/// Everything that `sh` runs.
fn shell_scripts() -> Vec<PathBuf> {
    let mut scripts = files_under(&workspace_root().join("scripts"));
    scripts.extend(files_under(&workspace_root().join(".ci")));
    scripts.extend(files_under(&workspace_root().join("systemd/deb")));
    scripts.extend(["tests/boot-systemd.sh", "tests/it/packages/deb.sh"].map(|path| workspace_root().join(path)));
    scripts
        .retain(|path| path.extension().is_some_and(|extension| extension == "sh") || first_line(path) == "#!/bin/sh");
    assert!(scripts.len() >= 3, "scripts were not found");
    scripts
}

fn first_line(path: &std::path::Path) -> String {
    read_text(path).lines().next().unwrap_or("").to_owned()
}

#[test]
fn scripts_are_sound() {
    let mut wrong = Vec::new();
    for script in shell_scripts() {
        let parsed =
            Command::new("sh").arg("-n").arg(&script).stdin(Stdio::null()).output().expect("sh can be started");
        if !parsed.status.success() {
            wrong.push(format!("{}: {}", shown(&script), String::from_utf8_lossy(&parsed.stderr)));
        }
        let is_sourced = script.extension().is_some_and(|extension| extension == "sh");
        if !is_sourced && !read_text(&script).lines().any(|line| line == "set -eu") {
            wrong.push(format!("{}: no set -eu", shown(&script)));
        }
    }
    assert_none("scripts that sh cannot run", &wrong);
}

#[test]
fn scripts_pass_shellcheck() {
    if find_command("shellcheck").is_none() {
        return skip("linting scripts", "shellcheck is not installed");
    }
    let checked = Command::new("shellcheck")
        .current_dir(workspace_root())
        .args(["-x", "-s", "sh"])
        .args(shell_scripts())
        .stdin(Stdio::null())
        .output();
    let checked = checked.expect("shellcheck can be started");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[test]
fn scripts_are_executable() {
    let mut wrong = Vec::new();
    for script in files_under(&workspace_root().join("scripts")) {
        let is_executable = script.metadata().expect("a script has metadata").permissions().mode() & 0o111 != 0;
        if is_executable != first_line(&script).starts_with("#!") {
            wrong.push(shown(&script));
        }
    }
    assert_none("scripts whose mode and first line disagree", &wrong);
}
