//! When waiting rows are worth a new file.
//!
//! A published file is rewritten as a whole, so publishing each commit of a busy day would write the
//! day a thousand times. These rules keep the sum of all rewrites near the size of the final file, and
//! still never let Parquet fall far behind where rewriting is cheap.

use std::time::Duration;

use dccd_record::Ts;

use crate::layout::Period;

/// A file this small costs nothing to rewrite.
const SMALL_FILE_BYTES: u64 = 1 << 20;
/// A new file waits, while input flows, until it would have this many rows: one full row group.
const FIRST_ROWS: u64 = 128 << 10;
/// While input flows, a day is rewritten when this many times its rows wait.
const DAY_GROWTH: u64 = 3;
/// In a pause, a small file is rewritten when rows have waited this long: a pause may come every minute.
const SMALL_WAIT: Duration = Duration::from_secs(3_600);
/// At rest, a file is rewritten when this fraction of its rows waits.
const REST_FRACTION: u64 = 4;
/// A year is never further behind than this, in market time...
const YEAR_LAG_NANOS: i64 = 6 * 3_600 * 1_000_000_000;
/// ...as long as that much has not just come at once, and more is to follow.
const YEAR_WAIT: Duration = Duration::from_secs(600);
/// Knowledge without rows stays in the journal for so long.
pub(crate) const NEWS_WAIT: Duration = Duration::from_secs(3_600);
/// Late rows of a closed period wait this long for company.
const CLOSED_WAIT: Duration = Duration::from_secs(60);

/// Why the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Input flows.
    Flow,
    /// Nothing has come for a while, or a round is made for other files anyway.
    Pause,
    /// The input has ended.
    Rest,
}

/// What waits for one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) rows: u64,
    /// The instants of the first and last row that wait.
    pub(crate) first: Ts,
    pub(crate) last: Ts,
    /// How long the oldest has waited, by our clock.
    pub(crate) age: Duration,
    /// The newest instant known of the whole dataset.
    pub(crate) newest: Ts,
}

/// The file as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

/// Whether to publish what waits for `period` now.
pub(crate) fn is_due(occasion: Occasion, period: Period, waiting: &Waiting, file: Published) -> bool {
    let range = period.range();
    let is_closed = waiting.newest >= range.end();
    let is_small = file.bytes <= SMALL_FILE_BYTES;
    match occasion {
        Occasion::Rest => is_closed || is_small || waiting.rows >= file.rows / REST_FRACTION,
        _ if is_closed => waiting.age >= CLOSED_WAIT,
        Occasion::Pause if waiting.rows >= file.rows || (is_small && waiting.age >= SMALL_WAIT) => true,
        _ if file.rows == 0 && waiting.rows >= FIRST_ROWS => true,
        _ => match period {
            Period::Year(_) => {
                waiting.last.nanos() - waiting.first.nanos() >= YEAR_LAG_NANOS && waiting.age >= YEAR_WAIT
            }
            // What comes in the last quarter of a day waits for the day's end.
            Period::Day(_) => {
                let has_grown = file.rows > 0 && waiting.rows >= DAY_GROWTH * file.rows;
                has_grown && !is_last_quarter(range, waiting.newest)
            }
        },
    }
}

fn is_last_quarter(range: dccd_record::Range, newest: Ts) -> bool {
    let (start, end) = (range.start().nanos(), range.end().nanos());
    newest.nanos() >= end - (end - start) / 4
}
