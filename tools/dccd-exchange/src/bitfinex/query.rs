//! Questions to Bitfinex, as requests.

use dccd_record::{Kind, Ts};

use super::status;
use super::symbol::symbol;
use crate::adapter::{Rows, Series};
use crate::request::Request;
use crate::wire::encode;

/// The levels of each side that a snapshot has: the most that REST documents.
const LEVELS: u32 = 100;

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    match series.dataset.kind() {
        Kind::Funding | Kind::OpenInterest => {
            let (bounds, limit) = status::bounds(series, rows);
            history(series, bounds, limit)
        }
        _ => history(series, bounds(rows), limit),
    }
}

/// The first row of all.
pub(super) fn first(series: &Series<'_>) -> Request {
    history(series, Bounds { start: Some(series.row.since.start()), last: None, is_newest: false }, 1)
}

/// A snapshot of the book, prices rounded to five digits.
pub(super) fn snapshot(series: &Series<'_>) -> Request {
    series.request_to(&format!("{}/{}/P0?len={LEVELS}", series.row.path, encode(&symbol(series.pair()))))
}

/// What is asked for; both bounds belong to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) start: Option<Ts>,
    pub(super) last: Option<Ts>,
    /// The newest rows first, instead of the oldest.
    pub(super) is_newest: bool,
}

fn bounds(rows: Rows) -> Bounds {
    match rows {
        Rows::Within(range) => {
            Bounds { start: Some(range.start()), last: Some(range.end().saturating_add(-1)), is_newest: false }
        }
        Rows::From(start) => Bounds { start: Some(start), last: None, is_newest: false },
        Rows::Before(end) => Bounds { start: None, last: Some(end.saturating_add(-1)), is_newest: true },
        Rows::FromId(_) | Rows::Newest => Bounds { start: None, last: None, is_newest: true },
    }
}

fn history(series: &Series<'_>, bounds: Bounds, limit: u32) -> Request {
    let symbol = encode(&symbol(series.pair()));
    let key = match series.dataset.kind() {
        Kind::Candle => format!("trade:{}:{symbol}", series.span_name()),
        _ => symbol,
    };
    let mut path = format!("{}/{key}/hist?", series.row.path);
    if let Some(start) = bounds.start {
        path.push_str(&format!("start={}&", start.saturating_add(999_999).millis()));
    }
    if let Some(last) = bounds.last {
        path.push_str(&format!("end={}&", last.millis()));
    }
    path.push_str(&format!("limit={limit}&sort={}", if bounds.is_newest { -1 } else { 1 }));
    series.request_to(&path)
}
