//! Questions to Bybit, as requests.

use dccd_record::{Kind, Ts};

use super::symbol::{category, symbol};
use super::table::{API, REQUESTS};
use crate::adapter::{Rows, Series};
use crate::request::Request;
use crate::wire::{encode, millis_up};

/// The depth that is asked for: the deepest that every market has. Without it spot gives a single level.
const LEVELS: u32 = 1000;
/// Weeks of candles, which reach back for 19 years.
const WEEKS: u32 = 1000;
const WEEK_NANOS: i64 = 7 * 86_400_000_000_000;

/// A page of at most `limit` rows. A start is never sent without an end: rates refuse that, and of candles it is
/// not said which ones come.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let mut query = of(series);
    let (start, end) = match series.dataset.kind() {
        Kind::Candle => {
            query.push_str(&format!("&interval={}", series.span_name()));
            ("start", "end")
        }
        Kind::OpenInterest => {
            query.push_str(&format!("&intervalTime={}", series.span_name()));
            ("startTime", "endTime")
        }
        _ => ("startTime", "endTime"),
    };
    match rows {
        Rows::Within(range) => {
            let last = range.end().saturating_add(-1).millis();
            query.push_str(&format!("&{start}={}&{end}={last}", millis_up(range.start())));
        }
        Rows::Before(before) => query.push_str(&format!("&{end}={}", before.saturating_add(-1).millis())),
        Rows::From(_) | Rows::FromId(_) | Rows::Newest => {}
    }
    query.push_str(&format!("&limit={}", limit.min(series.row.page_rows)));
    series.request(&query)
}

/// All weeks of the instrument. The launch that is stated for an instrument is no beginning: BTCUSDT was traded
/// for five days before it.
pub(super) fn first(series: &Series<'_>) -> Request {
    series.request_to(&format!("/v5/market/kline?{}&interval=W&limit={WEEKS}", of(series)))
}

/// The days of the week in which the instrument began.
pub(super) fn first_near(series: &Series<'_>, week: Ts) -> Request {
    let (start, end) = (week.millis(), week.saturating_add(WEEK_NANOS - 1).millis());
    series.request_to(&format!("/v5/market/kline?{}&interval=D&start={start}&end={end}&limit=7", of(series)))
}

/// A snapshot of the book.
pub(super) fn book(series: &Series<'_>, depth: Option<u32>) -> Request {
    series.request(&format!("{}&limit={}", of(series), depth.unwrap_or(LEVELS).min(LEVELS)))
}

/// The newest trade. More than the newest ones cannot be had.
pub(super) fn last_trade(series: &Series<'_>) -> Request {
    series.request_to(&format!("/v5/market/recent-trade?{}&limit=1", of(series)))
}

/// The question for the exchange's clock.
pub(super) fn clock() -> Request {
    Request { api: &API, path: "/v5/market/time".to_owned(), weight: 1, group: &REQUESTS }
}

fn of(series: &Series<'_>) -> String {
    format!("category={}&symbol={}", category(series.pair()), encode(&symbol(series.pair())))
}
