//! Packages, each made once of programs that were built once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use dccd_tests::{Scratch, bin_dir, run, skip, workspace_root};

/// Runs a script in a root of its own, an overlay of the host's without a running systemd.
const IN_OVERLAY: &str = r#"set -eu
disk=$1
mount -t tmpfs tmpfs "$disk"
mkdir "$disk/upper" "$disk/work" "$disk/root"
mount -t overlay -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/work" overlay "$disk/root"
mount -t proc proc "$disk/root/proc"
mount --rbind /dev "$disk/root/dev"
mount -t tmpfs tmpfs "$disk/root/run"
mount --bind "$2" "$disk/root/mnt"
exec chroot "$disk/root" /bin/sh /mnt/script
"#;

/// The time of what is packed: that of no commit, so that none changes it.
const EPOCH: &str = "1767225600";
/// With this `scripts/package` says that the machine lacks something.
const UNAVAILABLE: i32 = 69;

/// The package for Debian, of the programs under test.
pub(crate) fn deb(what: &str) -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| package("deb", script("packages").env("DCCD_BIN_DIR", bin_dir()).args(["--fast", "deb"])));
    there(what, made)
}

/// The tarball, of static programs.
pub(crate) fn tarball(what: &str) -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| package("tarball", script("packages").args(["--profile", "quick", "--fast", "tarball"])));
    there(what, made)
}

/// The tarball, unpacked.
pub(crate) fn unpacked(what: &str) -> Option<&'static Path> {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let tarball = tarball(what)?;
    Some(MADE.get_or_init(|| {
        let dir = output("unpacked");
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a folder among the tests' own");
        let unpacking =
            Command::new("tar").arg("-xzf").arg(tarball).arg("-C").arg(&dir).arg("--strip-components=1").status();
        assert!(unpacking.expect("tar can be started").success(), "{} does not unpack", tarball.display());
        dir
    }))
}

/// `scripts/package` with its output in a folder of the tests' own.
pub(crate) fn script(output_name: &str) -> Command {
    // What builds leaves time to the tests that run meanwhile.
    let mut script = Command::new("nice");
    script.arg(workspace_root().join("scripts/package")).env_remove("DCCD_BIN_DIR");
    script.env("SOURCE_DATE_EPOCH", EPOCH).arg("--output").arg(output(output_name));
    script
}

pub(crate) fn output(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What `scripts/package` says that it made, or why it cannot.
pub(crate) fn package(what: &str, script: &mut Command) -> Result<PathBuf, String> {
    // It may build, which takes longer than anything else may.
    let ended = script.stdin(Stdio::null()).output().expect("nice can be started");
    let messages = String::from_utf8_lossy(&ended.stderr).into_owned();
    match ended.status.code() {
        Some(0) => {}
        Some(UNAVAILABLE) => return Err(messages),
        status => panic!("scripts/package {what} ends with {status:?}:\n{messages}"),
    }
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let path = said.split_whitespace().next().unwrap_or_else(|| panic!("scripts/package {what} says nothing"));
    Ok(PathBuf::from(path))
}

/// A file that was made; without it the test is skipped aloud.
fn there(what: &str, made: &'static Result<PathBuf, String>) -> Option<&'static Path> {
    match made {
        Ok(path) => Some(path),
        Err(why) => {
            skip(what, why.trim_end());
            None
        }
    }
}

/// Whether a test may act as root; said aloud where not.
pub(crate) fn is_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip(what, "only root may change its root folder");
    }
    is_root
}

/// Runs a command that must end with 0, and returns what it printed.
#[track_caller]
pub(crate) fn says(command: &mut Command) -> String {
    let ended = run(command, "");
    assert_eq!(ended.status, 0, "{command:?} ends with {}:\n{}{}", ended.status, ended.text(), ended.stderr);
    ended.text()
}

/// Runs the file `script` of a folder, which is /mnt to it, in a root of its own where no systemd runs.
#[track_caller]
pub(crate) fn in_overlay(folder: &Scratch) -> String {
    let disk = folder.join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mut overlay = Command::new("unshare");
    overlay.args(["--mount", "--propagation", "private", "sh", "-c", IN_OVERLAY, "sh"]).arg(&disk).arg(folder.path());
    says(overlay.env("DEBIAN_FRONTEND", "noninteractive"))
}
