//! What is missing of a day, and what can become of it.

use std::collections::BTreeMap;

use dccd_exchange::closed;
use dccd_record::{Dataset, Range, Ts};
use dccd_store::NamedGap;

use crate::check::history;

/// What can become of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The exchange still has it.
    Repairable,
    /// The exchange has no history of it, or none that reaches back so far.
    Lost,
    /// The exchange itself never had it.
    Final,
}

impl Verdict {
    /// The word used in lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Repairable => "repairable",
            Verdict::Lost => "lost",
            Verdict::Final => "final",
        }
    }
}

/// Gaps of one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GapSum {
    pub(crate) verdict: Verdict,
    /// `None` if nobody lived to say.
    pub(crate) reason: Option<String>,
    pub(crate) count: u64,
    pub(crate) nanos: u64,
}

/// What an exchange can still give of a dataset.
pub(crate) struct History {
    /// From here on it can be had.
    start: Option<Ts>,
}

impl History {
    pub(crate) fn of(dataset: &Dataset, now: Ts) -> History {
        let is_closed = closed(dataset.exchange().as_str()).is_some();
        History { start: history(dataset, now).filter(|_| !is_closed).map(Range::start) }
    }

    fn judge(&self, gap: &NamedGap, part: Range) -> Verdict {
        // What is too new to be had will be had soon.
        match self.start {
            _ if gap.is_final => Verdict::Final,
            Some(start) if start < part.end() => Verdict::Repairable,
            _ => Verdict::Lost,
        }
    }

    /// What is missing of a range, by reason and verdict.
    pub(crate) fn sum(&self, gaps: &[NamedGap], range: Range) -> Vec<GapSum> {
        let mut sums: BTreeMap<(Verdict, Option<&str>), (u64, u64)> = BTreeMap::new();
        for gap in gaps {
            let Some(part) = gap.range.intersect(range) else { continue };
            let (count, nanos) = sums.entry((self.judge(gap, part), gap.reason.as_deref())).or_default();
            *count += 1;
            *nanos += nanos_of(part);
        }
        let sum = |((verdict, reason), (count, nanos)): ((Verdict, Option<&str>), (u64, u64))| GapSum {
            verdict,
            reason: reason.map(str::to_owned),
            count,
            nanos,
        };
        sums.into_iter().map(sum).collect()
    }
}

/// How long a range is.
pub(crate) fn nanos_of(range: Range) -> u64 {
    range.end().nanos().abs_diff(range.start().nanos())
}
