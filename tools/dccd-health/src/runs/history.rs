//! Keeping lines.

use std::path::PathBuf;

use dccd_record::Ts;
use dccd_store::append_runs;

use super::RunLine;
use crate::error::Error;

const NANOS_PER_DAY: i64 = 86_400_000_000_000;
/// More than this does not wait for a disk that takes nothing.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// The history of one store.
pub(crate) struct History {
    root: PathBuf,
    /// 0 is for ever.
    days_kept: u64,
    /// Lines that are not kept yet.
    waiting: Vec<u8>,
}

impl History {
    /// Days for which runs are remembered if there is no configuration to say so; its own default is the same.
    pub(crate) const DAYS_KEPT: u64 = 90;

    pub(crate) fn new(root: PathBuf, days_kept: u64) -> History {
        History { root, days_kept, waiting: Vec::new() }
    }

    /// Keeps lines, and those that could not be kept before; what cannot be kept now waits.
    pub(crate) fn keep(&mut self, lines: &[RunLine], now: Ts) -> Result<(), Error> {
        for line in lines {
            if self.waiting.len() < WAITING_BYTES_MAX {
                serde_json::to_writer(&mut self.waiting, line).expect("writing to memory cannot fail");
                self.waiting.push(b'\n');
            }
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        append_runs(&self.root, now, &self.waiting, self.forgotten(now))?;
        self.waiting.clear();
        Ok(())
    }

    fn forgotten(&self, now: Ts) -> Option<Ts> {
        let days = i64::try_from(self.days_kept).unwrap_or(i64::MAX);
        (days > 0).then(|| now.saturating_add(days.saturating_mul(NANOS_PER_DAY).saturating_neg()))
    }
}
