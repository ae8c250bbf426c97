//! Questions to Coinbase, as requests.

use dccd_record::{Pair, Span, Ts};

use super::{PUBLIC, ROW};
use crate::adapter::{Rows, Series};
use crate::request::{Api, Request};
use crate::wire::encode;

const SECOND_NANOS: i64 = 1_000_000_000;

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    match series.dataset.span() {
        Some(span) => candles(series, span, rows, limit),
        None => trades(series, rows, limit),
    }
}

fn candles(series: &Series<'_>, span: Span, rows: Rows, limit: u32) -> Request {
    let mut query = format!("?granularity={}", span.secs());
    let width = span.nanos().saturating_mul(i64::from(limit));
    let bounds = match rows {
        Rows::Within(range) => Some((range.start(), range.end())),
        Rows::From(start) => Some((start, start.saturating_add(width))),
        Rows::Before(end) => Some((end.saturating_add(-width), end)),
        Rows::FromId(_) | Rows::Newest => None,
    };
    if let Some((start, end)) = bounds {
        query.push_str(&format!("&start={}&end={}", second_up(start), second_up(end)));
    }
    request(series, series.row.path, &query)
}

/// Only what lies below an id can be asked for, newest first, so the id behind the page is computed.
fn trades(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let query = match rows {
        Rows::FromId(id) => format!("?after={}&limit={limit}", id.saturating_add(u64::from(limit))),
        Rows::Within(_) | Rows::From(_) | Rows::Before(_) | Rows::Newest => format!("?limit={limit}"),
    };
    request(series, series.row.path, &query)
}

/// The first trade, whose id is 1; the first candle holds it.
pub(super) fn first(series: &Series<'_>) -> Request {
    request(series, "/products/{id}/trades", "?after=2&limit=1")
}

/// A snapshot of the book: all prices, each with the sum of its orders.
pub(super) fn snapshot(series: &Series<'_>) -> Request {
    request(series, series.row.path, "?level=2")
}

/// The question for the exchange's clock.
pub(super) fn clock(api: &'static Api) -> Request {
    Request { api, path: "/time".to_owned(), weight: ROW.weight, group: &PUBLIC }
}

fn request(series: &Series<'_>, path: &str, query: &str) -> Request {
    series.request_to(&format!("{}{query}", path.replace("{id}", &symbol(series.pair()))))
}

/// Coinbase's own spelling of a pair.
pub(super) fn symbol(pair: &Pair) -> String {
    format!("{}-{}", encode(pair.base()), encode(pair.quote()))
}

/// The first whole second at or after `ts`.
fn second_up(ts: Ts) -> String {
    let mut text = Vec::with_capacity(20);
    ts.saturating_add(SECOND_NANOS - 1).write_secs(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
