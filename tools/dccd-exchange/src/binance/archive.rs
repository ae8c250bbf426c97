//! data.binance.vision: zips of CSV, one per day or month.

use std::borrow::Cow;

use dccd_record::{
    Candle, Dataset, Day, Funding, Kind, LineWriter, Number, OpenInterest, Range, Side, Span, Trade, Ts,
};

use super::kline::Columns;
use super::query::symbol;
use super::{COINM, SPOT, stamp};
use crate::adapter::Series;
use crate::answer::{AnswerError, Mark};
use crate::archive::{BulkFile, Check, FileFormat, Packing, Seen, Use, Wanted};
use crate::wire::encode;

const DAY_NANOS: i64 = 86_400_000_000_000;
/// Monthly files appear on the first Monday of the next month.
const MONTH_DELAY_NANOS: i64 = 8 * DAY_NANOS;
/// Daily files appear some time during the next day.
const DAY_DELAY_NANOS: i64 = DAY_NANOS;
/// So many days of trades are had sooner from a file than by paging.
const TRADE_DAYS_MIN: i64 = 2;
/// A file of candles is had sooner than as many pages.
const FILE_PAGES_MIN: i64 = 4;

/// The files of `range`.
pub(super) fn files(series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
    let (row, dataset) = (series.row, series.dataset);
    let width = range.end().nanos() - range.start().nanos();
    let range = match (usage, dataset.kind()) {
        (Use::Always, _) => Some(range),
        (Use::WhereBetter, Kind::Trade) if width >= TRADE_DAYS_MIN * DAY_NANOS => Some(range),
        (Use::WhereBetter, Kind::Candle) => Some(range),
        // The rest goes back no further than this over REST.
        (Use::WhereBetter, Kind::OpenInterest | Kind::Trade) => {
            Range::new(range.start(), range.end().min(row.rest_start(dataset, now)))
        }
        // The files lack the mark prices.
        (Use::WhereBetter, _) => None,
    };
    let mut files = Vec::new();
    let Some(range) = range else { return files };
    let mut day = match dataset.kind() {
        // The first instant of a day may stand at the end of the file before.
        Kind::OpenInterest => range.start().saturating_add(-1).day(),
        _ => range.start().day(),
    };
    while day.start() < range.end() && day.start() < now {
        let (period, is_month) = period(dataset, day, range, now);
        let delay = if is_month { MONTH_DELAY_NANOS } else { DAY_DELAY_NANOS };
        let is_wanted = match usage {
            Use::Always => period.end() <= now,
            Use::WhereBetter => period.end().saturating_add(delay) <= now && is_quicker(series, period),
        };
        if is_wanted {
            let path = path(series, period.start().day(), is_month);
            files.push(BulkFile { api: row.api, path, period, packing: Packing::Zip, check: Check::Beside });
        }
        day = period.end().day();
    }
    files
}

/// Whether one file is had sooner than the pages it holds.
fn is_quicker(series: &Series<'_>, period: Range) -> bool {
    let (row, dataset) = (series.row, series.dataset);
    let Some(span) = dataset.span().filter(|_| dataset.kind() == Kind::Candle) else { return true };
    let page = span.nanos().saturating_mul(i64::from(row.page_rows));
    (period.end().nanos() - period.start().nanos()).div_euclid(page) >= FILE_PAGES_MIN
}

/// The period of the file that holds `day`: a month where there are months and all of it is wanted.
fn period(dataset: &Dataset, day: Day, range: Range, now: Ts) -> (Range, bool) {
    let month = month(day);
    let is_month = match dataset.kind() {
        Kind::Funding => true,
        Kind::Candle => {
            let inside = range.intersect(month) == Some(month);
            inside && month.end().saturating_add(MONTH_DELAY_NANOS) <= now
        }
        _ => false,
    };
    let next = Day::from_number(day.number().unwrap_or(0) + 1);
    let whole_day = Range::new(day.start(), next.start()).unwrap_or(month);
    (if is_month { month } else { whole_day }, is_month)
}

fn month(day: Day) -> Range {
    let first = Day { day: 1, ..day };
    let next = if day.month == 12 {
        Day { year: day.year + 1, month: 1, day: 1 }
    } else {
        Day { month: day.month + 1, ..first }
    };
    Range::new(first.start(), next.start()).unwrap_or(Range::instant(first.start()))
}

fn path(series: &Series<'_>, day: Day, is_month: bool) -> String {
    let market = if *series.row.api == SPOT {
        "spot"
    } else if *series.row.api == COINM {
        "futures/cm"
    } else {
        "futures/um"
    };
    let symbol = encode(&symbol(series.pair()));
    let (every, date) =
        if is_month { ("monthly", format!("{:04}-{:02}", day.year, day.month)) } else { ("daily", day.to_string()) };
    let set = match series.dataset.kind() {
        Kind::Candle => {
            let interval = series.span_name();
            return format!("data/{market}/{every}/klines/{symbol}/{interval}/{symbol}-{interval}-{date}.zip");
        }
        Kind::Funding => "fundingRate",
        Kind::OpenInterest => "metrics",
        _ => "aggTrades",
    };
    format!("data/{market}/{every}/{set}/{symbol}/{symbol}-{set}-{date}.zip")
}

/// What the lines of a file mean.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Klines(Span, Columns),
    AggTrades,
    FundingRate,
    Metrics(Span),
}

impl Format {
    pub(super) fn of(series: &Series<'_>) -> Format {
        match (series.dataset.kind(), series.dataset.span()) {
            (Kind::Candle, Some(span)) => Format::Klines(span, Columns::of(series)),
            (Kind::OpenInterest, Some(span)) => Format::Metrics(span),
            (Kind::Funding, _) => Format::FundingRate,
            _ => Format::AggTrades,
        }
    }
}

impl FileFormat for Format {
    fn held(&self, period: Range, seen: &Seen) -> Option<Range> {
        let Format::Metrics(_) = *self else {
            // An empty file, or one of another period, has told us nothing.
            return seen.is_inside.then_some(period);
        };
        // A day's metrics begin five minutes after midnight and end with the next midnight, or begin
        // with midnight: only what is in the file is known to be in it.
        let (first, last) = (seen.first?.ts, seen.last?.ts);
        let start = if first <= period.start() { period.start() } else { period.start().saturating_add(1) };
        Range::new(start, if last >= period.end() { last.saturating_add(1) } else { period.end() })
    }

    fn line(
        &self,
        line: &[u8],
        wanted: Wanted,
        seen: &mut Seen,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let text = std::str::from_utf8(line).map_err(|_| bad("is no text", ""))?;
        let mut row = Row { rest: Some(text) };
        match *self {
            Format::Klines(span, columns) => {
                let ts = stamp(row.integer()?)?;
                if !span.is_aligned(ts) || seen.last.is_some_and(|last| ts <= last.ts) {
                    return Err(bad("holds a candle out of place", text));
                }
                if seen.take(Mark { ts, id: 0 }, wanted) {
                    lines.candle(&columns.choose(row.candle(ts)?), out);
                }
            }
            Format::AggTrades => row.trade(wanted, seen, lines, out)?,
            Format::FundingRate => {
                let ts = stamp(row.integer()?)?;
                row.next()?;
                if seen.take(Mark { ts, id: 0 }, wanted) {
                    lines.funding(&Funding { ts, rate: row.number()?, mark_price: None }, out);
                }
            }
            Format::Metrics(span) => {
                let typed = row.next()?;
                let ts: Ts = typed
                    .replacen(' ', "T", 1)
                    .parse()
                    .or_else(|_| format!("{}Z", typed.replacen(' ', "T", 1)).parse())
                    .map_err(|_| bad("holds no time", typed))?;
                row.next()?;
                let is_wanted = span.is_aligned(ts) && seen.take(Mark { ts, id: 0 }, wanted);
                if is_wanted {
                    let open_interest = row.number()?;
                    let open_interest_value = Some(row.number()?);
                    lines.open_interest(&OpenInterest { ts, open_interest, open_interest_value }, out);
                }
            }
        }
        Ok(())
    }
}

/// The fields of one line that are left to read.
struct Row<'a> {
    rest: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn next(&mut self) -> Result<&'a str, AnswerError> {
        let rest = self.rest.ok_or_else(|| bad("has too few fields", ""))?;
        let (field, rest) = match rest.split_once(',') {
            Some((field, rest)) => (field, Some(rest)),
            None => (rest, None),
        };
        self.rest = rest;
        Ok(field)
    }

    fn integer(&mut self) -> Result<i64, AnswerError> {
        let field = self.next()?;
        field.parse().map_err(|_| bad("holds no whole number", field))
    }

    fn number(&mut self) -> Result<Number<'a>, AnswerError> {
        let field = self.next()?;
        Number::new(field).map_err(|_| bad("holds no number", field))
    }

    fn candle(&mut self, ts: Ts) -> Result<Candle<'a>, AnswerError> {
        let [open, high, low, close, volume] =
            [self.number()?, self.number()?, self.number()?, self.number()?, self.number()?];
        self.next()?;
        let quote_volume = Some(self.number()?);
        let trades = u64::try_from(self.integer()?).map_err(|_| bad("holds no count", "of trades"))?;
        Ok(Candle { ts, open, high, low, close, volume, quote_volume, trades: Some(trades), is_derived: false })
    }

    fn trade(
        &mut self,
        wanted: Wanted,
        seen: &mut Seen,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let tid = self.next()?;
        let id: u64 = tid.parse().map_err(|_| bad("holds no id", tid))?;
        let (price, amount) = (self.number()?, self.number()?);
        self.next()?;
        self.next()?;
        let ts = stamp(self.integer()?)?;
        let side = match self.next()? {
            "True" | "true" | "1" => Side::Sell,
            "False" | "false" | "0" => Side::Buy,
            other => return Err(bad("holds neither True nor False", other)),
        };
        let mark = Mark { ts, id };
        if let Some(last) = seen.last {
            if id <= last.id {
                return Err(bad("holds a trade out of order", tid));
            }
            if id > last.id + 1 && seen.holes.len() < 2000 {
                seen.holes.push((last, mark));
            }
        }
        if seen.take(mark, wanted) {
            let tid = Some(Cow::Borrowed(tid));
            lines.trade(&Trade { ts, price, amount, side: Some(side), tid, recv_ts: None }, out);
        }
        Ok(())
    }
}

fn bad(what: &str, field: &str) -> AnswerError {
    AnswerError::Unexpected(format!("{what} {}", field.chars().take(40).collect::<String>()).trim_end().to_owned())
}
