//! Questions to Kraken, as requests.

use dccd_record::Span;

use super::symbol::symbol;
use super::{PUBLIC, ROW};
use crate::adapter::{Rows, Series};
use crate::request::{Api, Request};
use crate::wire::encode;

/// The deepest book there is.
const LEVELS: u32 = 500;

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    match series.dataset.span() {
        Some(span) => candles(series, span, rows),
        None => trades(series, rows, limit),
    }
}

/// There is no end and no limit to ask for: the newest candles come, those later than `since`.
fn candles(series: &Series<'_>, span: Span, rows: Rows) -> Request {
    let mut query = format!("{}&interval={}", pair(series), series.span_name());
    let start = match rows {
        Rows::Within(range) => Some(range.start()),
        Rows::From(start) => Some(start),
        Rows::Before(_) | Rows::FromId(_) | Rows::Newest => None,
    };
    if let Some(start) = start {
        query.push_str(&format!("&since={}", span.ceil(start).secs() - i64::from(span.secs())));
    }
    series.request(&query)
}

/// Trades later than `since`, in nanoseconds.
///
/// The newest one is the last of the newest page: whether a page of one row without `since` holds the newest
/// trade, or the oldest one of the newest page, is not documented.
fn trades(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    match rows {
        Rows::From(start) => since(series, start.nanos() - 1, limit),
        Rows::Within(range) => since(series, range.start().nanos() - 1, limit),
        Rows::Before(_) | Rows::FromId(_) | Rows::Newest => series.request(&pair(series)),
    }
}

fn since(series: &Series<'_>, nanos: i64, limit: u32) -> Request {
    series.request(&format!("{}&since={nanos}&count={limit}", pair(series)))
}

/// The first trade of all; the first candle holds it.
pub(super) fn first(series: &Series<'_>) -> Request {
    series.request_to(&format!("/0/public/Trades?{}&since=0&count=1", pair(series)))
}

/// A snapshot of the book.
pub(super) fn snapshot(series: &Series<'_>, depth: Option<u32>) -> Request {
    series.request(&format!("{}&count={}", pair(series), depth.unwrap_or(LEVELS).min(LEVELS)))
}

/// The question for the exchange's clock.
pub(super) fn clock(api: &'static Api) -> Request {
    Request { api, path: "/0/public/Time".to_owned(), weight: ROW.weight, group: &PUBLIC }
}

fn pair(series: &Series<'_>) -> String {
    format!("pair={}", encode(&symbol(series.pair())))
}
