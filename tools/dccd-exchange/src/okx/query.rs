//! Questions to OKX, as requests.

use dccd_record::{Kind, Range, Ts};

use super::symbol::symbol;
use super::table::{API, CANDLES, PUBLIC, TRADES};
use crate::adapter::{Rows, Series};
use crate::request::Request;
use crate::wire::{encode, millis_up};

/// The depth that is asked for; without it a single level comes.
const LEVELS: u32 = 400;
/// Months of candles, which reach back for 25 years.
const MONTHS: u32 = 300;
/// The most rows of open interest, of which one may not be wanted.
const STATISTICS_MAX: u32 = 100;

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let limit = limit.min(series.row.page_rows);
    match series.dataset.kind() {
        Kind::Candle => candles(series, rows, limit),
        Kind::Trade => trades(series, rows, limit),
        Kind::OpenInterest => {
            let bounds = bounds(rows, "begin", "end");
            let limit = if bounds.is_empty() { limit } else { limit.saturating_add(1).min(STATISTICS_MAX) };
            series.request(&format!("{}&period={}{bounds}&limit={limit}", of(series), series.span_name()))
        }
        Kind::Funding | Kind::Book => {
            series.request(&format!("{}{}&limit={limit}", of(series), bounds(rows, "before", "after")))
        }
    }
}

/// The oldest ones are had from the history, the very newest from where it is sure to be.
fn candles(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let query = format!("{}&bar={}{}&limit={limit}", of(series), series.span_name(), bounds(rows, "before", "after"));
    match rows {
        Rows::Newest => Request { group: &CANDLES, ..series.request_to(&format!("/api/v5/market/candles?{query}")) },
        _ => series.request(&query),
    }
}

/// By id, below which a page ends; the last one before an instant by time, which is the only bound in time.
fn trades(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let of = of(series);
    match rows {
        Rows::FromId(id) => {
            let after = id.saturating_add(u64::from(limit));
            series.request(&format!("{of}&type=1&after={after}&limit={limit}"))
        }
        Rows::Before(end) => series.request(&format!("{of}&type=2&after={}&limit={limit}", millis_up(end))),
        Rows::Within(range) => series.request(&format!("{of}&type=2&after={}&limit={limit}", millis_up(range.end()))),
        Rows::From(_) | Rows::Newest => {
            Request { group: &TRADES, ..series.request_to(&format!("/api/v5/market/trades?{of}&limit={limit}")) }
        }
    }
}

/// All months of the instrument. Its listing is no beginning: that of BTC-USDT is a year after its first trades.
pub(super) fn first(series: &Series<'_>) -> Request {
    series.request_to(&format!("/api/v5/market/history-candles?{}&bar=1Mutc&limit={MONTHS}", of(series)))
}

/// A snapshot of the book.
pub(super) fn book(series: &Series<'_>, depth: Option<u32>) -> Request {
    series.request(&format!("{}&sz={}", of(series), depth.unwrap_or(LEVELS).min(LEVELS)))
}

/// The question for the exchange's clock.
pub(super) fn clock() -> Request {
    Request { api: &API, path: "/api/v5/public/time".to_owned(), weight: 1, group: &PUBLIC }
}

/// Both bounds are exclusive: `newer` is the one below.
fn bounds(rows: Rows, newer: &str, older: &str) -> String {
    let below = |start: Ts| format!("&{newer}={}", millis_up(start).saturating_sub(1));
    let above = |end: Ts| format!("&{older}={}", millis_up(end));
    match rows {
        Rows::Within(range) => below(Range::start(range)) + &above(range.end()),
        Rows::Before(end) => above(end),
        Rows::From(_) | Rows::FromId(_) | Rows::Newest => String::new(),
    }
}

fn of(series: &Series<'_>) -> String {
    format!("instId={}", encode(&symbol(series.pair())))
}
