//! What a machine may lack.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Says aloud that a test is skipped; in CI, where nothing may be, it fails.
pub fn skip(what: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{what} may not be skipped in CI: {why}");
    // Not `eprintln!`, which the test runner hides.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {why}");
}

/// Where the command `name` is, if it is installed.
pub fn find_command(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A Python that has every one of `modules`; `scripts/test` prepares one.
pub fn find_python(modules: &[&str]) -> Option<PathBuf> {
    let prepared = std::env::var_os("DCCD_TEST_PYTHON").map(PathBuf::from);
    let beside = crate::workspace_root().join("target/venv/bin/python");
    let found = prepared.into_iter().chain([beside]).chain(find_command("python3"));
    let import = format!("import {}", modules.join(", "));
    found.into_iter().find(|python| {
        let tried = Command::new(python)
            .args(["-c", if modules.is_empty() { "" } else { &import }])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    })
}
