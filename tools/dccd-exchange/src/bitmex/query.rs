//! Questions to BitMEX, as requests.

use dccd_record::{Kind, Ts};

use super::symbol::symbol;
use crate::adapter::{Rows, Series};
use crate::request::Request;
use crate::wire::encode;

/// A cheap question whose answer has a `Date`.
pub(super) const CLOCK_PATH: &str = "/api/v1/trade?symbol=XBTUSD&count=1&reverse=true";

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let mut query = format!("symbol={}", encode(&symbol(series.pair())));
    if series.dataset.kind() == Kind::Candle {
        query.push_str(&format!("&binSize={}&partial=false", series.span_name()));
    }
    let (start, last, is_newest) = bounds(series, rows);
    if let Some(start) = start {
        query.push_str(&format!("&startTime={}", instant(start.saturating_add(999_999))));
    }
    if let Some(last) = last {
        query.push_str(&format!("&endTime={}", instant(last)));
    }
    query.push_str(&format!("&count={limit}&reverse={is_newest}"));
    series.request(&query)
}

/// The whole book.
pub(super) fn snapshot(series: &Series<'_>) -> Request {
    series.request(&format!("symbol={}&depth=0", encode(&symbol(series.pair()))))
}

/// The first and the last stamp that are asked for, and whether the newest rows come first.
fn bounds(series: &Series<'_>, rows: Rows) -> (Option<Ts>, Option<Ts>, bool) {
    // A candle is stamped when it closes.
    let stamp = |open: Ts| match series.dataset.span() {
        Some(span) => span.ceil(open).saturating_add(span.nanos()),
        None => open,
    };
    let last = |end: Ts| match series.dataset.span() {
        Some(span) => span.floor(end.saturating_add(-1)).saturating_add(span.nanos()),
        None => end.saturating_add(-1),
    };
    match rows {
        Rows::Within(range) => (Some(stamp(range.start())), Some(last(range.end())), false),
        Rows::From(start) => (Some(stamp(start)), None, false),
        Rows::Before(end) => (None, Some(last(end)), true),
        Rows::FromId(_) | Rows::Newest => (None, None, true),
    }
}

/// The whole millisecond at or before `ts`.
fn instant(ts: Ts) -> String {
    const MILLIS_CHARS: usize = "2024-01-01T00:00:00.000".len();
    format!("{}Z", ts.to_string().get(..MILLIS_CHARS).unwrap_or_default())
}
