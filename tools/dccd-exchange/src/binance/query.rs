//! Questions to Binance, as requests.

use dccd_record::{Dataset, Pair, Range, Ts};

use super::{SPOT, SPOT_WEIGHT, USDM_WEIGHT, book};
use crate::capability::Capability;
use crate::request::{Api, Request};

/// The exchange opened in July 2017; a stamp of 0 might be read as none.
const LAUNCH_MS: i64 = 1_483_228_800_000;

/// Which rows of a series are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The oldest ones from an instant on.
    From(Ts),
    /// Those of a range, which a page can hold.
    Within(Range),
    /// Those from an id on.
    FromId(u64),
    /// The first ones of all.
    Oldest,
    /// The last ones of all.
    Newest,
}

/// A page of at most `limit` rows.
pub(crate) fn page(row: &'static Capability, dataset: &Dataset, rows: Rows, limit: u32) -> Request {
    let mut path = format!("{}?symbol={}", row.path, encode(&symbol(dataset.pair())));
    if let Some((_, name)) = dataset.span().and_then(|span| row.spans.iter().find(|(secs, _)| *secs == span.secs())) {
        let key = if row.path.contains("openInterest") { "period" } else { "interval" };
        path.push_str(&format!("&{key}={name}"));
    }
    match rows {
        Rows::From(start) => path.push_str(&format!("&startTime={}", millis_up(start))),
        Rows::Within(range) => {
            let last = range.end().saturating_add(-1).millis();
            path.push_str(&format!("&startTime={}&endTime={last}", millis_up(range.start())));
        }
        Rows::FromId(id) => path.push_str(&format!("&fromId={id}")),
        Rows::Oldest if row.path.ends_with("aggTrades") => path.push_str("&fromId=0"),
        Rows::Oldest => path.push_str(&format!("&startTime={LAUNCH_MS}")),
        Rows::Newest => {}
    }
    path.push_str(&format!("&limit={limit}"));
    Request { api: row.api, path, weight: weight(row, limit), group: row.group }
}

/// A snapshot of the book.
pub(crate) fn snapshot(row: &'static Capability, dataset: &Dataset) -> Request {
    let path = format!("{}?symbol={}&limit={}", row.path, encode(&symbol(dataset.pair())), book::LEVELS);
    Request { api: row.api, path, weight: row.weight, group: row.group }
}

/// The question for the exchange's clock.
pub(crate) fn clock(api: &'static Api) -> Request {
    let (path, group) = if *api == SPOT { ("/api/v3/time", &SPOT_WEIGHT) } else { ("/fapi/v1/time", &USDM_WEIGHT) };
    Request { api, path: path.to_owned(), weight: 1, group }
}

/// Binance's own spelling of a pair.
pub(crate) fn symbol(pair: &Pair) -> String {
    format!("{}{}", pair.base(), pair.quote())
}

/// `text` as it stands in a query or a path; a few symbols are outside of ASCII.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Small pages of USD-M candles cost less.
fn weight(row: &'static Capability, limit: u32) -> u32 {
    if !row.path.ends_with("fapi/v1/klines") {
        return row.weight;
    }
    match limit {
        0..100 => 1,
        100..500 => 2,
        _ => row.weight,
    }
}

/// The first whole millisecond at or after `ts`.
fn millis_up(ts: Ts) -> i64 {
    ts.saturating_add(999_999).millis()
}
