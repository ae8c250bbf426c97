//! How far a walk has come; the same for all ways.

use dccd_record::{Dataset, Range, Ts};

use super::{Ask, DOUBTS_MAX, Step};
use crate::adapter::{Rows, Series};
use crate::answer::Mark;
use crate::capability::Capability;
use crate::sink::{DISORDER_NANOS, Wanted};

#[derive(Debug)]
pub(super) struct Progress {
    pub(super) row: &'static Capability,
    pub(super) dataset: Dataset,
    pub(super) range: Range,
    pub(super) covered_to: Ts,
    /// Answers to questions of an earlier epoch no longer matter.
    epoch: u32,
    doubts: u32,
    has_failed: bool,
}

impl Progress {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, range: Range) -> Progress {
        let covered_to = range.start();
        Progress { row, dataset: dataset.clone(), range, covered_to, epoch: 0, doubts: 0, has_failed: false }
    }

    /// The most rows of a page.
    pub(super) fn page_rows(&self) -> u32 {
        self.row.adapter().page_rows(&Series { row: self.row, dataset: &self.dataset, contract: None })
    }

    /// Whether so many rows fill a page.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        usize::try_from(self.page_rows()).is_ok_and(|full| rows >= full)
    }

    pub(super) fn left(&self) -> Option<Range> {
        if self.has_failed { None } else { Range::new(self.covered_to, self.range.end()) }
    }

    /// Everything up to `to` is complete.
    pub(super) fn cover(&mut self, to: Ts, steps: &mut Vec<Step>) {
        let to = to.min(self.range.end());
        if let Some(range) = Range::new(self.covered_to, to) {
            steps.push(Step::Covered(range, self.row.proof));
            self.covered_to = to;
            self.doubts = 0;
        }
    }

    /// Everything that surely lies before a trade is complete.
    pub(super) fn cover_before(&mut self, trade: Mark, steps: &mut Vec<Step>) {
        self.cover(trade.ts.saturating_add(-DISORDER_NANOS), steps);
    }

    /// A hole that is not ours, from what is covered up to `end`.
    pub(super) fn gap(&mut self, start: Ts, end: Ts, reason: String, steps: &mut Vec<Step>) {
        let end = end.min(self.range.end());
        if let Some(range) = Range::new(start.max(self.range.start()), end) {
            steps.push(Step::Gap(range, reason));
        }
        self.covered_to = self.covered_to.max(end);
    }

    /// Notes that an answer cannot be believed; gives up after some.
    pub(super) fn doubt(&mut self, error: String, steps: &mut Vec<Step>) {
        self.doubts += 1;
        self.forget();
        if self.doubts >= DOUBTS_MAX
            && let Some(range) = self.left()
        {
            self.has_failed = true;
            steps.push(Step::Failed { range, error, is_retryable: true });
        }
    }

    /// Questions that are on their way no longer matter.
    pub(super) fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }

    pub(super) fn is_stale(&self, ask: &Ask) -> bool {
        self.has_failed || ask.epoch() != self.epoch
    }

    /// A page whose records are wanted.
    pub(super) fn ask(&self, rows: Rows, limit: u32, known: Option<Mark>, has_consecutive_ids: bool) -> Ask {
        let span = self.dataset.span();
        let wanted = Wanted { rows, range: self.range, span, known, has_consecutive_ids };
        Ask::page(self.row, &self.dataset, wanted, limit, self.epoch)
    }

    /// One row, of which only its place matters.
    pub(super) fn probe(&self, rows: Rows) -> Ask {
        Ask::probe(self.row, &self.dataset, rows, self.epoch)
    }
}
