//! When the exchange stood still: no trades, and no candles either.

use dccd_record::Day;

use crate::hash::{mix, pick};

const MINUTES_PER_DAY: i64 = 1_440;
/// Outages that are there with every seed, in minutes since 1970.
///
/// 2020-06-28 02:00 to 05:00 as Binance had it, 2024-01-02 03:00 to 06:00, 2024-01-03 10:07 to 10:12.
const FIXED: [(i64, i64); 3] = [(26_555_160, 26_555_340), (28_402_740, 28_402_920), (28_404_607, 28_404_612)];
/// How long one may last, in minutes.
const LENGTHS: [i64; 8] = [1, 3, 12, 47, 60, 61, 183, 300];

/// The outages of one exchange: the fixed ones and one in the first 28 days of every month.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outages {
    key: u64,
}

impl Outages {
    pub(crate) fn new(key: u64) -> Outages {
        Outages { key }
    }

    /// The outages of a month that has `day`, as half-open ranges of minutes since 1970.
    pub(crate) fn around(self, day: i64) -> impl Iterator<Item = (i64, i64)> {
        let date = Day::from_number(day);
        let first = Day { day: 1, ..date }.number().unwrap_or(day) * MINUTES_PER_DAY;
        let word = mix(self.key, date.year * 12 + date.month);
        // An outage ends before the 29th, so that no month need look at its neighbour.
        let start = first + pick(word, 27 * MINUTES_PER_DAY);
        let length = usize::try_from(pick(word.rotate_left(32), 8)).map_or(1, |at| LENGTHS[at]);
        FIXED.into_iter().chain([(start, start + length)])
    }
}
