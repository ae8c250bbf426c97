//! The programs under test, built once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The folder of the programs: `DCCD_BIN_DIR` if that is set, else where the first call builds them.
pub fn bin_dir() -> &'static Path {
    static BIN_DIR: OnceLock<PathBuf> = OnceLock::new();
    BIN_DIR.get_or_init(|| std::env::var_os("DCCD_BIN_DIR").map_or_else(build, PathBuf::from))
}

/// Where the program `name` is.
pub fn tool_path(name: &str) -> PathBuf {
    let path = bin_dir().join(name);
    assert!(path.is_file(), "{} was not built", path.display());
    path
}

/// Where the example `name` is, if examples were built.
pub fn example_path(name: &str) -> Option<PathBuf> {
    Some(bin_dir().join("examples").join(name)).filter(|path| path.is_file())
}

/// This test lies in `target/PROFILE/deps`; its profile's programs are built beside it.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let bin_dir = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let target_dir = bin_dir.parent().expect("a profile's folder lies in the target folder");
    let profile = match bin_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bins", "--examples", "--profile", profile, "--target-dir"])
        .arg(target_dir)
        .current_dir(crate::workspace_root())
        .stdin(Stdio::null())
        .output()
        .expect("cargo can be started");
    assert!(built.status.success(), "the tools do not build:\n{}", String::from_utf8_lossy(&built.stderr));
    bin_dir.to_owned()
}
