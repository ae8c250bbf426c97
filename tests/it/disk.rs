//! Disks that are full or may not be written: status 74, nothing lost, and on when there is room.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use dccd_tests::{Running, Scratch, Trades, numbers_of, run, skip};

const ID: &str = "binance:trade:BTC-USDT";

/// A small file system of its own, unmounted when dropped.
pub(crate) struct Disk {
    pub(crate) path: PathBuf,
}

impl Disk {
    /// A disk of `size` (`4m`); `None`, said aloud, where this process may not mount one.
    pub(crate) fn mount(scratch: &Scratch, what: &str, size: &str) -> Option<Disk> {
        let path = scratch.join("disk");
        std::fs::create_dir(&path).expect("a folder to mount on");
        let options = format!("size={size},nr_inodes=1k");
        if mount(&["-t", "tmpfs", "-o", &options, "none", &path.display().to_string()]) {
            Some(Disk { path })
        } else {
            skip(what, "only root may mount a small disk");
            None
        }
    }

    pub(crate) fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}"), &self.path.display().to_string()]), "remounting fails");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.path).stdin(Stdio::null()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn mount(args: &[&str]) -> bool {
    let mounted = Command::new("mount").args(args).stdin(Stdio::null()).stderr(Stdio::null()).status();
    mounted.is_ok_and(|status| status.success())
}

fn write(scratch: &Scratch) -> Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "disk/data", "--sync-ms", "1"]);
    write
}

fn stored_numbers(scratch: &Scratch) -> Vec<u64> {
    let mut read = scratch.tool("dccd-read");
    let read = read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "disk/data"]);
    numbers_of(&run(read, "").expect(0).lines())
}

#[test]
fn a_full_disk_loses_nothing() {
    let scratch = Scratch::new();
    let Some(disk) = Disk::mount(&scratch, "a full disk", "2m") else { return };
    let mut trades = Trades::new(ID);
    let mut writer = Running::start(&mut write(&scratch));
    for page in 0..400 {
        writer.write(trades.page(page * 1_000..(page + 1) * 1_000));
    }
    let ended = writer.finish();
    assert_eq!(ended.status, 74, "{}", ended.stderr);
    assert!(ended.stderr.contains("No space left"), "{}", ended.stderr);
    let lines = ended.lines();
    let rows = lines.iter().filter(|line| line["kind"] == "stored").map(|line| line["rows"].as_u64().unwrap_or(0));
    let acknowledged: u64 = rows.sum();
    assert!(acknowledged > 0, "nothing fitted");
    disk.remount("size=64m");
    let stored = stored_numbers(&scratch);
    let acknowledged = usize::try_from(acknowledged).expect("a small number");
    assert!(stored.iter().copied().eq(0..u64::try_from(stored.len()).unwrap_or(0)), "trades are lost or twice");
    assert!(stored.len() >= acknowledged, "{} of {acknowledged} are there", stored.len());
    run(&mut write(&scratch), trades.lines(0..400_000)).expect(0);
    assert_eq!(stored_numbers(&scratch).len(), 400_000);
}

#[test]
fn a_store_that_cannot_be_written_says_so() {
    let scratch = Scratch::new();
    let Some(disk) = Disk::mount(&scratch, "a read-only store", "16m") else { return };
    let mut trades = Trades::new(ID);
    run(&mut write(&scratch), trades.page(0..1_000)).expect(0);
    disk.remount("ro");
    let ended = run(&mut write(&scratch), trades.page(1_000..2_000)).expect(74);
    assert!(ended.stderr.contains("ead-only"), "{}", ended.stderr);
    assert!(!ended.text().contains("stored"), "{}", ended.text());
    assert_eq!(stored_numbers(&scratch).len(), 1_000, "readers need no more than to read");
}
