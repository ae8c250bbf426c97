//! The history of runs: lines in one file per month. What they say is not this crate's concern.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dccd_record::{Day, Ts};

use crate::error::StoreError;
use crate::fsys;
use crate::layout::Layout;
use crate::lock::Lock;

/// Lines are few, and a pipe may wait for whoever appends them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Appends whole lines to the file of the month that holds `now`; processes that do so at once take turns. When a month
/// begins, those that were over at `forgotten` are removed.
pub fn append_runs(root: &Path, now: Ts, lines: &[u8], forgotten: Option<Ts>) -> Result<(), StoreError> {
    let layout = Layout::new(root);
    let _lock = Lock::acquire_within(&layout.lock_dir().join("runs.lock"), PATIENCE)?;
    fsys::create_dir(&layout.runs_dir())?;
    let path = layout.runs_dir().join(file_name(now.day()));
    let is_first = !path.exists();
    let mut file =
        File::options().read(true).append(true).create(true).open(&path).map_err(StoreError::io("open", &path))?;
    append(&mut file, lines).map_err(StoreError::io("append to", &path))?;
    if is_first {
        fsys::sync_dir(&layout.runs_dir())?;
        if let Some(forgotten) = forgotten {
            forget(&layout, forgotten)?;
        }
    }
    Ok(())
}

/// The files of runs, oldest first.
pub fn run_files(root: &Path) -> Result<Vec<(Day, PathBuf)>, StoreError> {
    let dir = Layout::new(root).runs_dir();
    let names = fsys::names(&dir)?;
    Ok(names.iter().filter_map(|name| Some((first_day(name)?, dir.join(name)))).collect())
}

/// Appends in one piece or not at all; a line that was cut off before is ended first.
fn append(file: &mut File, lines: &[u8]) -> io::Result<()> {
    let len = file.metadata()?.len();
    let mut piece = Vec::with_capacity(lines.len().saturating_add(1));
    if len > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(len - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            piece.push(b'\n');
        }
    }
    piece.extend_from_slice(lines);
    let written = file.write_all(&piece).and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = file.set_len(len);
    }
    written
}

fn forget(layout: &Layout, forgotten: Ts) -> Result<(), StoreError> {
    for (month, path) in run_files(layout.root())? {
        if next_month(month).start() <= forgotten {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        }
    }
    Ok(())
}

fn file_name(day: Day) -> String {
    format!("{:04}-{:02}.jsonl", day.year, day.month)
}

/// The first day of the month that a file is named after.
fn first_day(name: &str) -> Option<Day> {
    let (year, month) = name.strip_suffix(".jsonl")?.split_once('-')?;
    let day = Day { year: year.parse().ok()?, month: month.parse().ok()?, day: 1 };
    let is_sane = (0..=9999).contains(&day.year) && (1..=12).contains(&day.month);
    (is_sane && file_name(day) == name).then_some(day)
}

fn next_month(month: Day) -> Day {
    match month.month {
        12 => Day { year: month.year + 1, month: 1, day: 1 },
        number => Day { month: number + 1, ..month },
    }
}
