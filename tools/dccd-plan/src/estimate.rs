//! What a plan would take: pages, requests, time, bytes.

use dccd_cli::{Zone, write_table};
use dccd_exchange::archive::{BulkFile, Use, files};
use dccd_exchange::{Capability, Reach, capability};
use dccd_record::{Dataset, Kind, Range, RangeSet, Ts};
use dccd_store::Coverage;

use crate::error::Error;
use crate::lack::{FUNDING_NANOS, Piece};

const HEADER: [&str; 12] =
    ["exchange", "pair", "type", "span", "from", "to", "ranges", "pages", "requests", "time", "bytes", "irreparable"];
/// One answer after the other takes so long, whatever the budget allows.
const REQUEST_MILLIS: u64 = 100;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// What all jobs would take.
#[derive(Debug)]
pub(crate) struct Estimate {
    zone: Zone,
    lines: Vec<Line>,
}

/// What one job would take.
#[derive(Debug)]
pub(crate) struct Line {
    dataset: Dataset,
    hull: Option<Range>,
    cost: Cost,
}

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) ranges: u64,
    pub(crate) pages: u64,
    /// Requests for bulk files and their checksums.
    pub(crate) file_requests: u64,
    pub(crate) millis: u64,
    pub(crate) bytes: u64,
    /// How much time no source has anything of.
    pub(crate) gone_nanos: u64,
}

/// How many rows there are in a second, and how many bytes they take.
#[derive(Clone, Copy, Debug)]
struct Density {
    nanos_per_row: u64,
    millibytes_per_row: u64,
}

impl Estimate {
    /// Of no job yet; times will be in `zone`.
    pub(crate) fn new(zone: Zone) -> Estimate {
        Estimate { zone, lines: Vec::new() }
    }

    pub(crate) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Appends the table and its totals.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut rows: Vec<Vec<String>> = self.lines.iter().map(|line| line.cells(&self.zone)).collect();
        let total = self.lines.iter().fold(Cost::default(), |sum, line| sum.plus(line.cost));
        let name = ["total", "-", "-", "-", "-", "-"].map(str::to_owned);
        rows.push(name.into_iter().chain(total.cells()).collect());
        write_table(&HEADER, &rows, out);
    }
}

impl Line {
    pub(crate) fn new(
        dataset: &Dataset,
        pieces: &[Piece],
        gone: &[Range],
        now: Ts,
        coverage: Option<&Coverage>,
    ) -> Result<Line, Error> {
        let ranges: RangeSet = pieces.iter().map(|piece| piece.range).collect();
        let mut cost = Cost {
            ranges: u64::try_from(pieces.len()).unwrap_or(u64::MAX),
            gone_nanos: gone.iter().map(|range| width(*range)).fold(0, u64::saturating_add),
            ..Cost::default()
        };
        if let (Ok(row), false) = (capability(dataset), ranges.is_empty()) {
            let density = density(dataset, coverage)?;
            for piece in pieces {
                cost = cost.plus(price(row, dataset, piece.range, now, density));
            }
        }
        Ok(Line { dataset: dataset.clone(), hull: ranges.hull(), cost })
    }

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let span = self.dataset.span().map_or_else(|| "-".to_owned(), |span| span.to_string());
        let here = |ts| zone.text(whole_second(ts));
        let (from, to) =
            self.hull.map_or(("-".to_owned(), "-".to_owned()), |hull| (here(hull.start()), here(hull.end())));
        let exchange = self.dataset.exchange().to_string();
        let name = [exchange, self.dataset.pair().to_string(), self.dataset.kind().to_string(), span, from, to];
        name.into_iter().chain(self.cost.cells()).collect()
    }
}

impl Cost {
    fn plus(self, other: Cost) -> Cost {
        Cost {
            ranges: self.ranges.saturating_add(other.ranges),
            pages: self.pages.saturating_add(other.pages),
            file_requests: self.file_requests.saturating_add(other.file_requests),
            millis: self.millis.saturating_add(other.millis),
            bytes: self.bytes.saturating_add(other.bytes),
            gone_nanos: self.gone_nanos.saturating_add(other.gone_nanos),
        }
    }

    fn requests(self) -> u64 {
        self.pages.saturating_add(self.file_requests)
    }

    fn cells(self) -> [String; 6] {
        let [ranges, pages, requests] = [self.ranges, self.pages, self.requests()].map(|count| count.to_string());
        let gone = match self.gone_nanos.div_ceil(NANOS_PER_SECOND) {
            0 => "-".to_owned(),
            secs => duration(secs),
        };
        [ranges, pages, requests, duration(self.millis.div_ceil(1000)), bytes(self.bytes), gone]
    }
}

/// What one range takes.
fn price(row: &Capability, dataset: &Dataset, range: Range, now: Ts, density: Density) -> Cost {
    let files = files(dataset, range, now, Use::WhereBetter).unwrap_or_default();
    let held: RangeSet = files.iter().map(|file| file.period).collect();
    let file_requests: u64 = files.iter().map(BulkFile::requests).sum();
    let rows = width(range) / density.nanos_per_row.max(1);
    let bytes = rows.saturating_mul(density.millibytes_per_row) / 1000;
    let cost = Cost { file_requests, millis: file_requests.saturating_mul(REQUEST_MILLIS), bytes, ..Cost::default() };
    if row.reach == Reach::Archive {
        return cost;
    }
    held.missing(range).iter().fold(cost, |cost, part| {
        let (old, own) = split(row, dataset, part, now);
        let own = own.map_or(Cost::default(), |own| pages(row, own, density.nanos_per_row));
        let old = old.map_or(Cost::default(), |(row, old)| pages(row, old, NANOS_PER_SECOND));
        cost.plus(old).plus(own)
    })
}

/// The part that is built from trades, with what the exchange has of those, and the part of the exchange's own pages.
fn split(
    row: &Capability,
    dataset: &Dataset,
    range: Range,
    now: Ts,
) -> (Option<(&'static Capability, Range)>, Option<Range>) {
    let Reach::RowsThenTrades(_) = row.reach else { return (None, Some(range)) };
    let trades = Dataset::new(dataset.exchange().clone(), Kind::Trade, dataset.pair().clone(), None).ok();
    let trades = trades.and_then(|trades| capability(&trades).ok());
    let own = row.pages_start(dataset, now).clamp(range.start(), range.end());
    (trades.zip(Range::new(range.start(), own)), Range::new(own, range.end()))
}

/// What the pages of a range take.
fn pages(row: &Capability, range: Range, nanos_per_row: u64) -> Cost {
    let pages = width(range).div_ceil(nanos_per_row.saturating_mul(u64::from(row.page_rows)).max(1));
    let window_millis = u64::from(row.group.window_secs) * 1000;
    let weight = pages.saturating_mul(u64::from(row.weight));
    let budget_millis = weight.saturating_mul(window_millis) / u64::from(row.group.weight_max.max(1));
    Cost { pages, millis: budget_millis.max(pages.saturating_mul(REQUEST_MILLIS)), ..Cost::default() }
}

/// Known of what has a span; of trades, what the newest file shows. Otherwise a fair guess.
fn density(dataset: &Dataset, coverage: Option<&Coverage>) -> Result<Density, Error> {
    let span_nanos = dataset.span().and_then(|span| u64::try_from(span.nanos()).ok());
    let guess = match (dataset.kind(), span_nanos) {
        (Kind::Candle, Some(nanos)) => Density { nanos_per_row: nanos, millibytes_per_row: 45_000 },
        (_, Some(nanos)) => Density { nanos_per_row: nanos, millibytes_per_row: 20_000 },
        (Kind::Funding, None) => Density { nanos_per_row: FUNDING_NANOS.unsigned_abs(), millibytes_per_row: 20_000 },
        (_, None) => Density { nanos_per_row: NANOS_PER_SECOND, millibytes_per_row: 12_000 },
    };
    let Some((period, held)) = coverage.map_or(Ok(None), |coverage| coverage.newest_file(dataset))? else {
        return Ok(guess);
    };
    if held.rows == 0 {
        return Ok(guess);
    }
    let nanos_per_row = match dataset.kind() {
        Kind::Trade | Kind::Book => (width(period.range()) / held.rows).max(1),
        _ => guess.nanos_per_row,
    };
    // A file of few rows is mostly footer.
    let is_telling = held.rows >= 1000;
    let millibytes_per_row = held.bytes.saturating_mul(1000) / held.rows;
    Ok(Density {
        nanos_per_row,
        millibytes_per_row: if is_telling { millibytes_per_row } else { guess.millibytes_per_row },
    })
}

fn width(range: Range) -> u64 {
    u64::try_from(range.end().nanos().saturating_sub(range.start().nanos())).unwrap_or(0)
}

/// The second that `ts` lies in: nobody plans by nanoseconds.
fn whole_second(ts: Ts) -> Ts {
    let nanos = i64::try_from(NANOS_PER_SECOND).unwrap_or(1);
    ts.saturating_add(-ts.nanos().rem_euclid(nanos))
}

/// In the two units that matter: `9 s`, `34 h 29 min`, `2373 d 5 h`.
fn duration(secs: u64) -> String {
    const HOURS_MAX: u64 = 100;
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    let (large, small) = match secs {
        0..60 => return format!("{secs} s"),
        60..3600 => (format!("{minutes} min"), (secs % 60, "s")),
        _ if hours < HOURS_MAX => (format!("{hours} h"), (minutes % 60, "min")),
        _ => (format!("{days} d"), (hours % 24, "h")),
    };
    match small {
        (0, _) => large,
        (count, unit) => format!("{large} {count} {unit}"),
    }
}

/// In the unit that takes the fewest digits: `540 B`, `9.9 MiB`, `990 MiB`.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths of a unit, which is never more than 64 bits hold.
    let (mut tenths, mut unit) = (u128::from(bytes) * 10 / 1024, 0);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths / 1024, unit + 1);
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if tenths < 100 { format!("{}.{} {unit}", tenths / 10, tenths % 10) } else { format!("{} {unit}", tenths / 10) }
}

#[cfg(test)]
mod tests;
