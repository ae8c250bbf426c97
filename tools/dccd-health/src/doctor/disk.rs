//! How fast the store's disk is, and what is left of it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use super::Finding;
use crate::check::size;

const TOPIC: &str = "disk";
/// What is written to tell how fast that is.
const WRITE_BYTES: usize = 16 << 20;
const BLOCK_BYTES: usize = 1 << 20;
/// Small writes that are made durable one by one, as a journal's are.
const SYNCS: u32 = 20;
/// Slow disks are not asked for all of that.
const TIME_MAX: Duration = Duration::from_secs(8);
/// A journal commits once a second; a tenth of that leaves room for others.
const SYNC_SLOW: Duration = Duration::from_millis(100);
const SYNC_HOPELESS: Duration = Duration::from_secs(1);
const BYTES_PER_SEC_MIN: u64 = 10 << 20;
const FREE_BYTES_MIN: u64 = 1 << 30;
/// Each file and folder takes one; a year of a thousand daily files is a third of a million.
const INODES_MIN: u64 = 100_000;

/// Free space, inodes and speed at `root`, or where it will be.
pub(super) fn look(root: &Path) -> Vec<Finding> {
    let Some(dir) = existing(root) else {
        return vec![Finding::fail(TOPIC, format!("no folder above {} exists", root.display()), "name --data-path")];
    };
    let mut findings = room(&dir);
    findings.push(match speed(&dir) {
        Ok(speed) => speed.finding(&dir),
        Err(cause) => {
            let what = format!("cannot write in {}: {cause}", dir.display());
            Finding::fail(TOPIC, what, "the user that collects must be able to write there")
        }
    });
    findings
}

/// The nearest folder that exists.
fn existing(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned)
}

fn room(dir: &Path) -> Vec<Finding> {
    let found = match statvfs(dir) {
        Ok(found) => found,
        Err(cause) => {
            let what = format!("cannot ask for the free space of {}: {cause}", dir.display());
            return vec![Finding::fail(TOPIC, what, "is it mounted?")];
        }
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let what = format!("{} free at {}", size(free), dir.display());
    let mut findings = vec![if free < FREE_BYTES_MIN {
        Finding::fail(TOPIC, what, "make room, or let dccd-sync purge what is copied")
    } else {
        Finding::ok(TOPIC, what)
    }];
    // Some file systems have no fixed number of inodes, and say 0 of all.
    if found.f_files > 0 && found.f_favail < INODES_MIN {
        let what = format!("room for {} more files only", found.f_favail);
        findings.push(Finding::warn(TOPIC, what, "make a file system with more inodes: see mkfs"));
    }
    findings
}

/// What a disk does in a second.
struct Speed {
    bytes_per_sec: u64,
    /// A small write until it is durable, at the median.
    sync: Duration,
}

impl Speed {
    fn finding(&self, dir: &Path) -> Finding {
        let sync_ms = self.sync.as_secs_f64() * 1e3;
        let what =
            format!("writes {}/s at {}, makes durable in {sync_ms:.1} ms", size(self.bytes_per_sec), dir.display());
        if self.sync >= SYNC_HOPELESS {
            Finding::fail(TOPIC, what, "slower than a journal commits; use another disk, or a larger --sync-ms")
        } else if self.sync >= SYNC_SLOW || self.bytes_per_sec < BYTES_PER_SEC_MIN {
            Finding::warn(TOPIC, what, "that is slow; is something else using this disk?")
        } else {
            Finding::ok(TOPIC, what)
        }
    }
}

/// Writes a file that has no name, so that nothing is left of it whatever happens.
fn speed(dir: &Path) -> io::Result<Speed> {
    let mut file = tempfile::tempfile_in(dir)?;
    let begun = Instant::now();
    // Zeros could be compressed away.
    let block: Vec<u8> = (0..BLOCK_BYTES).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0]).collect();
    let mut written = 0;
    while written < WRITE_BYTES && begun.elapsed() < TIME_MAX {
        file.write_all(&block)?;
        written += BLOCK_BYTES;
    }
    file.sync_all()?;
    let bytes_per_sec = u128::try_from(written).unwrap_or(0) * 1_000_000 / begun.elapsed().as_micros().max(1);
    Ok(Speed { bytes_per_sec: u64::try_from(bytes_per_sec).unwrap_or(u64::MAX), sync: sync_time(&mut file, &block)? })
}

fn sync_time(file: &mut File, block: &[u8]) -> io::Result<Duration> {
    const SMALL_BYTES: usize = 4 << 10;
    let begun = Instant::now();
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        let each = Instant::now();
        file.write_all(block.get(..SMALL_BYTES).unwrap_or(block))?;
        file.sync_data()?;
        times.push(each.elapsed());
        if begun.elapsed() >= TIME_MAX {
            break;
        }
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
