//! What is said of one dataset and day.

use dccd_record::Dataset;

use super::candles::Comparison;
use super::gaps::GapSum;
use super::lag::Lag;

/// How good the data of one day is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sheet {
    /// The day, counted from 1970-01-01.
    pub(crate) date: i64,
    pub(crate) dataset: Dataset,
    /// A book has one per level. `None` if they cannot be read.
    pub(crate) rows: Option<u64>,
    /// What was asked for of the day, in nanoseconds, and what of it is covered.
    pub(crate) asked_nanos: u64,
    pub(crate) covered_nanos: u64,
    pub(crate) gaps: Vec<GapSum>,
    /// Rows that were sent again and dropped; `None` if nobody counted.
    pub(crate) repeats: Option<u64>,
    /// Of live records.
    pub(crate) lag: Option<Lag>,
    /// Of candles whose trades are there.
    pub(crate) comparison: Option<Comparison>,
}

impl Sheet {
    /// The covered part of what was asked, in hundredths of a percent, never rounded up.
    pub(crate) fn covered(&self) -> Option<u64> {
        let share = u128::from(self.covered_nanos) * 10_000 / u128::from(self.asked_nanos).max(1);
        (self.asked_nanos > 0).then(|| u64::try_from(share).unwrap_or(0))
    }

    /// How many gaps there are, and their length in nanoseconds.
    pub(crate) fn gaps_in_all(&self) -> (u64, u64) {
        self.gaps.iter().fold((0, 0), |(count, nanos), sum| (count + sum.count, nanos.saturating_add(sum.nanos)))
    }

    /// Whether there is nothing to say.
    pub(crate) fn is_blank(&self) -> bool {
        self.rows == Some(0) && self.asked_nanos == 0
    }
}
