//! Journals, and what was set aside.

use std::path::Path;
use std::time::Duration;

use dccd_record::Parser;

use super::walk::age;
use super::{Check, Finding, Level};
use crate::error::StoreError;
use crate::fsys;
use crate::journal::{self, Frames, FramesEnd};
use crate::store::Store;

/// A bounded job may leave rows waiting for the next one; after so long nobody came.
const OWNERLESS_AGE: Duration = Duration::from_secs(24 * 3600);

/// What a journal is like.
struct Read {
    bad_lines: u64,
    first_bad: Option<String>,
    end: FramesEnd,
}

/// Reads a journal to its end. One that is gone was published.
fn read(path: &Path) -> Result<Read, StoreError> {
    let mut read = Read { bad_lines: 0, first_bad: None, end: FramesEnd::Clean };
    let Some(mut frames) = Frames::open(path)? else { return Ok(read) };
    let mut parser = Parser::new();
    while let Some(lines) = frames.next_lines()? {
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Err(cause) = parser.parse(line) {
                read.bad_lines += 1;
                read.first_bad.get_or_insert_with(|| cause.to_string());
            }
        }
    }
    read.end = frames.end();
    Ok(read)
}

impl Store {
    /// Looks for journals that are damaged, or that nobody writes any more.
    pub(super) fn look_at_journals(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        for path in journal::paths(&self.layout().journal_dir())? {
            let mut found = |level, check, what: String| {
                findings.push(Finding::new(level, check, self.relative(&path), what));
            };
            let Ok(about) = std::fs::metadata(&path) else { continue };
            match read(&path) {
                Ok(read) => {
                    if let Some(cause) = read.first_bad {
                        let count = read.bad_lines;
                        let what = format!("{count} lines that make no sense, the first: {cause}");
                        found(Level::Error, Check::Journal, what);
                    }
                    if read.end == FramesEnd::Damaged {
                        let what = "a frame before its end is damaged: lines are lost";
                        found(Level::Error, Check::Journal, what.to_owned());
                    }
                }
                Err(error) => found(Level::Error, Check::Journal, error.to_string()),
            }
            if age(&about) >= OWNERLESS_AGE && !journal::is_parked(&path) && journal::is_ownerless(&path) {
                found(
                    Level::Note,
                    Check::Ownerless,
                    "lines have waited for more than a day, and nobody writes here".to_owned(),
                );
            }
        }
        Ok(())
    }

    /// Reminds of what was set aside.
    pub(super) fn look_at_aside(&self, findings: &mut Vec<Finding>) -> Result<(), StoreError> {
        let dir = self.layout().aside_dir();
        let count = fsys::names(&dir)?.len();
        if count > 0 {
            let what = format!("{count} damaged files are kept here for you");
            findings.push(Finding::new(Level::Note, Check::Aside, self.relative(&dir), what));
        }
        Ok(())
    }
}
