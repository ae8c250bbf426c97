//! A folder of its own for each test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A temporary folder, removed with its owner; commands made here run in it and see nothing of the user's.
#[derive(Debug)]
pub struct Scratch {
    dir: TempDir,
}

/// Folders of ours that come first on `PATH`: the tools, the scripts.
const OWN_DIRS: usize = 2;

impl Scratch {
    /// An empty folder.
    pub fn new() -> Scratch {
        Scratch { dir: tempfile::Builder::new().prefix("dccd-test-").tempdir().expect("a temporary folder") }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file in the folder and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder in the temporary folder");
        }
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// A tool, to be run here.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(crate::tool_path(name));
        self.prepare(&mut command);
        command
    }

    /// A shell command, to be run here with the tools and scripts on its `PATH`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.prepare(&mut command);
        command
    }

    /// Any program, to be run here with the tools and scripts on its `PATH`.
    pub fn program(&self, path: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(path);
        self.prepare(&mut command);
        command
    }

    /// Puts a Python on the command's `PATH`, behind the tools and scripts: beside it may lie programs of our names.
    pub fn with_python<'a>(&self, command: &'a mut Command, python: &Path) -> &'a mut Command {
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).unwrap_or_default();
        let mut dirs: Vec<PathBuf> = std::env::split_paths(path).collect();
        dirs.insert(OWN_DIRS, python.parent().expect("a program lies in a folder").to_owned());
        let path = std::env::join_paths(dirs).expect("no folder of ours has a colon in its name");
        command.env("PATH", path)
    }

    fn prepare(&self, command: &mut Command) {
        let mut path = OsString::from(crate::bin_dir());
        path.push(":");
        path.push(crate::workspace_root().join("scripts"));
        if let Some(rest) = std::env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path())
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("DCCD_BUDGET_DIR", self.join("budget"))
            .env("RUST_BACKTRACE", "1");
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}
