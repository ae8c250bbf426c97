//! `candles/trade:SPAN:SYMBOL/hist` and `/last`.
//!
//! A bucket without trades does not exist here, so rows are found by jumping from trade to trade.

use crate::bitfinex::error::ApiError;
use crate::bitfinex::params::Page;
use crate::clock::{DAY, HOUR, MILLI, MINUTE};
use crate::decimal::{trimmed_text, write_whole};
use crate::http::Query;
use crate::javascript::{noisy_sum, wire};
use crate::market::Series;
use crate::market::bar::{Bar, Grid};
use crate::market::candle::Candle;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;
const MONDAY: i64 = 4 * DAY;

/// One row: a bucket that saw trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// When it opened.
    pub(crate) start: i64,
    /// When the next bucket opens.
    pub(crate) end: i64,
    /// What was traded.
    pub(crate) bar: Bar,
}

impl From<Candle> for Row {
    fn from(candle: Candle) -> Row {
        Row { start: candle.start, end: candle.end, bar: candle.bar }
    }
}

/// The buckets of a span; case matters.
pub(crate) fn grid(span: &str) -> Result<Grid, ApiError> {
    let (width, origin) = match span {
        "1m" => (MINUTE, 0),
        "5m" => (5 * MINUTE, 0),
        "15m" => (15 * MINUTE, 0),
        "30m" => (30 * MINUTE, 0),
        "1h" => (HOUR, 0),
        "3h" => (3 * HOUR, 0),
        "6h" => (6 * HOUR, 0),
        "12h" => (12 * HOUR, 0),
        "1D" => (DAY, 0),
        "1W" => (7 * DAY, MONDAY),
        "14D" => (14 * DAY, MONDAY),
        "1M" => return Ok(Grid::Month),
        _ => return Err(ApiError::invalid("time_interval")),
    };
    Ok(Grid::Fixed { width, origin })
}

/// One page of rows.
pub(crate) fn page(series: &Series, grid: Grid, query: &Query, seen: i64) -> Result<Vec<u8>, ApiError> {
    let page = Page::read(query, LIMIT, LIMIT_MAX)?;
    let end = page.end.min(seen.saturating_add(1));
    let rows: Vec<Row> = if page.is_ascending {
        ascending(series, grid, page.start, end, seen).take(page.limit).collect()
    } else {
        descending(series, grid, page.start, end, seen).take(page.limit).collect()
    };
    let mut out = Vec::with_capacity(rows.len() * 80 + 2);
    out.push(b'[');
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_row(&mut out, series, row);
    }
    out.push(b']');
    Ok(out)
}

/// The newest row, bare.
pub(crate) fn last(series: &Series, grid: Grid, seen: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(80);
    match descending(series, grid, 0, seen.saturating_add(1), seen).next() {
        Some(row) => write_row(&mut out, series, &row),
        None => out.extend_from_slice(b"[]"),
    }
    out
}

/// Rows that open in `[start, end)`, the oldest first; trades after `seen` do not count.
pub(crate) fn ascending(
    series: &Series,
    grid: Grid,
    start: i64,
    end: i64,
    seen: i64,
) -> impl Iterator<Item = Row> + '_ {
    let mut from = grid.ceil(start.max(grid.floor(series.listing().since)));
    std::iter::from_fn(move || {
        let first = series.first_id_at(from);
        let trade = series.trades(first..first + 1).next().filter(|trade| trade.micros <= seen)?;
        let row = row(series, grid, grid.floor(trade.micros), seen);
        from = row.end;
        (row.start < end).then_some(row)
    })
}

/// As [`ascending`], the newest first.
pub(crate) fn descending(
    series: &Series,
    grid: Grid,
    start: i64,
    end: i64,
    seen: i64,
) -> impl Iterator<Item = Row> + '_ {
    // The first instant after the buckets that open before `end`.
    let mut before = if end <= seen { grid.ceil(end.max(0)) } else { seen.saturating_add(1) };
    std::iter::from_fn(move || {
        let id = series.first_id_at(before);
        let trade = series.trades(id - 1..id).next()?;
        let row = row(series, grid, grid.floor(trade.micros), seen);
        before = row.start;
        (row.start >= start).then_some(row)
    })
}

fn row(series: &Series, grid: Grid, start: i64, seen: i64) -> Row {
    let end = grid.next(start);
    Row { start, end, bar: series.bar(start, end.min(seen.saturating_add(1))) }
}

/// The digits of a volume: the sum of two binary numbers, as the exchange's own sums are.
pub(crate) fn volume(series: &Series, bar: &Bar) -> String {
    let scale = series.listing().amount_scale;
    noisy_sum(&trimmed_text(bar.taker_volume, scale), &trimmed_text(bar.volume - bar.taker_volume, scale))
}

/// A row as it stands in answers.
pub(crate) fn row_text(series: &Series, row: &Row) -> String {
    let mut out = Vec::with_capacity(80);
    write_row(&mut out, series, row);
    String::from_utf8_lossy(&out).into_owned()
}

fn write_row(out: &mut Vec<u8>, series: &Series, row: &Row) {
    out.push(b'[');
    write_whole(out, row.start / MILLI);
    // Open, close, high, low: in this order.
    for price in [row.bar.open, row.bar.close, row.bar.high, row.bar.low] {
        out.push(b',');
        out.extend_from_slice(wire(&trimmed_text(i128::from(price), series.listing().price_scale)).as_bytes());
    }
    out.push(b',');
    out.extend_from_slice(wire(&volume(series, &row.bar)).as_bytes());
    out.push(b']');
}
