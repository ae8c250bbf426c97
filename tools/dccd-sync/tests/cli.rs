//! `dccd-sync` as a process, with scripts in the place of rclone.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const TRADE: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:01.000000000Z","price":1,"amount":1,"side":"buy","tid":"1"}"#;
/// How long anything may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);
const FEATURES: &str = r#"case $1 in backend) echo '{"Hashes":["md5"],"Features":{}}'; exit;; esac"#;

/// A store with one trade.
fn store() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    let mut writer = Writer::open(&dir.path().join("data"), &options).unwrap();
    assert_eq!(writer.take(TRADE.as_bytes()).unwrap(), Taken::Yes);
    writer.finish().unwrap();
    dir
}

/// A script in the place of rclone; what it is asked for is in `asked`.
fn rclone(dir: &Path, script: &str) -> PathBuf {
    let path = dir.join("rclone");
    let asked = dir.join("asked");
    fs::write(&path, format!("#!/bin/sh\necho \"$*\" >>'{}'\n{script}\n", asked.display())).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

fn sync(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-sync"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(dir).args(args);
    command.args(["--data-path", "data"]).stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = sync(dir, args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Runs with a script in the place of rclone, and looks at the status and the message.
#[track_caller]
fn check(script: &str, args: &[&str], status: i32, message: &str) {
    let dir = store();
    let rclone = rclone(dir.path(), script);
    let mut all = vec!["--rclone", rclone.to_str().unwrap(), "--remote", "nas:crypto"];
    all.extend(args);
    let (code, stdout, stderr) = run(dir.path(), &all);
    assert_eq!(code, status, "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert_eq!(stdout, "", "{script}");
    assert!(dir.path().join("data/binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn help_and_flags() {
    let dir = store();
    let (status, help, _) = run(dir.path(), &["--help"]);
    assert_eq!(status, 0);
    assert!(help.starts_with("Copy the store to remotes"), "{help}");
    assert_eq!(run(dir.path(), &["steal"]).0, 2);
    assert_eq!(run(dir.path(), &["push", "--remote", "-x:"]).0, 2);
    assert_eq!(run(dir.path(), &["purge", "--until-free-gb", "-3"]).0, 2);
    assert_eq!(run(dir.path(), &["restore", "--start", "2024-02-01", "--end", "2024-01-01", "--remote", "n:"]).0, 2);
}

#[test]
fn what_is_missing_is_named() {
    let dir = store();
    let (status, _, stderr) = run(dir.path(), &["push"]);
    assert_eq!(status, 78);
    assert!(stderr.contains("no remote is named"), "{stderr}");
    let (status, _, stderr) = run(dir.path(), &["push", "--remote", "nas:", "--rclone", "/nowhere/rclone"]);
    assert_eq!(status, 78);
    assert!(stderr.contains("install rclone"), "{stderr}");
    fs::write(dir.path().join("config.yml"), "storage:\n  remotes: [{provider: rclone, remote: \"nas:x\"}]\n").unwrap();
    let rclone = rclone(dir.path(), "exit 1");
    let mut command = sync(dir.path(), &["push"]);
    let Output { status, stderr, .. } = command.env("DCCD_RCLONE", &rclone).output().unwrap();
    assert_eq!(status.code(), Some(75));
    assert!(String::from_utf8_lossy(&stderr).contains("nas:x"), "the configuration's remote is asked");
}

#[test]
fn answers_that_make_no_sense() {
    for args in [&["push"][..], &["verify"], &["purge", "--until-free-gb", "900000"], &["restore"]] {
        check("echo 'no such thing' >&2; exit 7", args, 75, "status 7: no such thing");
        check("echo '{'", args, 75, "makes no sense");
        check(&format!("{FEATURES}; echo '[{{\"Path\":\"a\"'"), args, 75, "makes no sense");
        check(&format!("{FEATURES}; head -c 1000000 /dev/urandom"), args, 75, "makes no sense");
        check(&format!("{FEATURES}; echo '[]'; exit 3"), &["purge", "--dry-run"], 0, "");
        check(&format!("{FEATURES}; kill -9 $$"), args, 75, "by a signal");
    }
}

#[test]
fn what_stands_still_is_stopped() {
    let hangs =
        format!("{FEATURES}; echo '['; while :; do sleep 1; echo '{{\"level\":\"info\",\"msg\":\"x\"}}' >&2; done");
    let began = Instant::now();
    check(&hangs, &["push", "--stall-secs", "1"], 75, "no progress for 1 s");
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn no_secret_comes_back() {
    let dir = store();
    let rclone = rclone(dir.path(), "echo \"$*: wrong hunter2\" >&2; exit 1");
    let remote = ":webdav,url='http://h/',pass=hunter2:x";
    let (status, stdout, stderr) = run(dir.path(), &["push", "--rclone", rclone.to_str().unwrap(), "--remote", remote]);
    assert_eq!(status, 75);
    assert!(!stdout.contains("hunter2") && !stderr.contains("hunter2"), "{stderr}");
    assert!(stderr.contains("***"), "{stderr}");
    // Where a long message is cut, no half of it is left.
    let rclone = self::rclone(dir.path(), "printf '%0297dhunter2\\n' 0 >&2; exit 1");
    let (_, _, stderr) = run(dir.path(), &["push", "--rclone", rclone.to_str().unwrap(), "--remote", remote]);
    assert!(stderr.contains("000***") && !stderr.contains("hun"), "{stderr}");
}

#[test]
fn a_signal_ends_all_that_was_started() {
    let dir = store();
    let children = dir.path().join("children");
    let script =
        format!("{FEATURES}; sleep 1000 & echo $! $$ >'{}.part'; mv '{0}.part' '{0}'; wait", children.display());
    let rclone = rclone(dir.path(), &script);
    let mut command = sync(dir.path(), &["push", "--rclone", rclone.to_str().unwrap(), "--remote", "nas:x"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + PATIENCE;
    while !children.exists() {
        assert!(Instant::now() < until, "rclone was never started");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    for pid in fs::read_to_string(&children).unwrap().split_whitespace() {
        let is_gone = || fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        while !is_gone() {
            assert!(Instant::now() < until, "process {pid} lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn two_at_once_are_one_too_many() {
    let dir = store();
    let site = dccd_store::SyncSite::open(&dir.path().join("data")).unwrap();
    let rclone = rclone(dir.path(), "exit 1");
    let (status, _, stderr) = run(dir.path(), &["push", "--rclone", rclone.to_str().unwrap(), "--remote", "nas:x"]);
    assert_eq!(status, 75);
    assert!(stderr.contains("sync.lock"), "{stderr}");
    assert!(!dir.path().join("asked").exists(), "a remote was asked all the same");
    drop(site);
}

#[test]
fn a_purge_without_a_wish_does_nothing() {
    let dir = store();
    let rclone = rclone(dir.path(), "exit 1");
    let args = ["purge", "--rclone", rclone.to_str().unwrap(), "--remote", "nas:x"];
    assert_eq!(run(dir.path(), &args), (0, String::new(), String::new()));
    assert!(!dir.path().join("asked").exists());
}
