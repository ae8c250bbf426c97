//! How long after it happened a live record was read.
//!
//! A day may have millions of records, so past some number their lags are kept to eight binary digits: a percentile is
//! then right to less than one percent.

use std::collections::BTreeMap;

use dccd_store::table::Record;

/// So many lags are kept as they are.
const EXACT_MAX: usize = 1 << 16;
const DIGITS: u32 = 8;

/// Percentiles of lags in nanoseconds. Below 0 one of two clocks is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) records: u64,
    pub(crate) p50_nanos: i64,
    pub(crate) p99_nanos: i64,
}

/// Lags so far.
#[derive(Debug, Default)]
pub(crate) struct Lags {
    exact: Vec<i64>,
    rounded: BTreeMap<i64, u64>,
}

impl Lags {
    /// Counts a record, if it is a live one that carries the exchange's own time. A book without one, or one that
    /// stands for a step of time, does not: only changes of books do.
    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let (ts, recv_ts) = match record {
            Record::Trade(trade) => (trade.ts, trade.recv_ts),
            Record::Book(book) if !book.is_snapshot => (book.ts, book.recv_ts.filter(|recv_ts| *recv_ts != book.ts)),
            _ => return,
        };
        if let Some(recv_ts) = recv_ts {
            self.add(recv_ts.nanos().saturating_sub(ts.nanos()));
        }
    }

    fn add(&mut self, nanos: i64) {
        if !self.rounded.is_empty() {
            *self.rounded.entry(round(nanos)).or_default() += 1;
            return;
        }
        self.exact.push(nanos);
        if self.exact.len() > EXACT_MAX {
            for nanos in std::mem::take(&mut self.exact) {
                *self.rounded.entry(round(nanos)).or_default() += 1;
            }
        }
    }

    /// The percentiles, if there is any record: the smallest lag that so many of all do not exceed.
    pub(crate) fn summary(mut self) -> Option<Lag> {
        self.exact.drain(..).for_each(|nanos| *self.rounded.entry(nanos).or_default() += 1);
        let records: u64 = self.rounded.values().sum();
        let percentile = |percent: u64| {
            let rank = (u128::from(records) * u128::from(percent)).div_ceil(100);
            let mut seen: u128 = 0;
            self.rounded.iter().find_map(|(nanos, count)| {
                seen += u128::from(*count);
                (seen >= rank).then_some(*nanos)
            })
        };
        Some(Lag { records, p50_nanos: percentile(50)?, p99_nanos: percentile(99)? })
    }
}

/// The middle of the numbers that share the first digits with one.
fn round(nanos: i64) -> i64 {
    let size = nanos.unsigned_abs();
    let shift = (u64::BITS - size.leading_zeros()).saturating_sub(DIGITS);
    if shift == 0 {
        return nanos;
    }
    let middle = ((size >> shift) << shift) | (1 << (shift - 1));
    i64::try_from(middle).unwrap_or(i64::MAX).saturating_mul(nanos.signum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(lags: impl Iterator<Item = i64>) -> Option<(u64, i64, i64)> {
        let mut all = Lags::default();
        lags.for_each(|nanos| all.add(nanos));
        all.summary().map(|lag| (lag.records, lag.p50_nanos, lag.p99_nanos))
    }

    #[test]
    fn few_are_exact() {
        assert_eq!(percentiles(std::iter::empty()), None);
        assert_eq!(percentiles([7].into_iter()), Some((1, 7, 7)));
        assert_eq!(percentiles((1..=100).rev()), Some((100, 50, 99)));
        assert_eq!(percentiles(1..=101), Some((101, 51, 100)));
        assert_eq!(percentiles([-5, 3, -5, 4].into_iter()), Some((4, -5, 4)));
    }

    #[test]
    fn many_are_right_to_a_hundredth() {
        let count = 300_000;
        let (records, p50, p99) = percentiles((1..=count).map(|n| n * 1_000)).unwrap_or_default();
        assert_eq!(records, 300_000);
        for (found, wanted) in [(p50, 150_000_000), (p99, 297_000_000)] {
            assert!((found - wanted).abs() * 100 <= wanted, "{found} is not {wanted}");
        }
        assert_eq!(percentiles((0..count).map(|_| -1_000_000)).map(|(_, p50, _)| p50 / 10_000), Some(-100));
        assert_eq!(round(i64::MAX).signum(), 1);
        assert_eq!(round(i64::MIN).signum(), -1);
    }
}
