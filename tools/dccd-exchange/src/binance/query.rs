//! Questions to Binance, as requests.

use dccd_record::{Kind, Market, Pair, Ts};

use super::{COINM, COINM_WEIGHT, SPOT, SPOT_WEIGHT, USDM_WEIGHT, book};
use crate::adapter::{Rows, Series};
use crate::request::{Api, Request};
use crate::wire::{encode, millis_up};

/// The exchange opened in July 2017; a stamp of 0 might be read as none.
const LAUNCH_MS: i64 = 1_483_228_800_000;

/// A page of at most `limit` rows.
pub(super) fn page(series: &Series<'_>, rows: Rows, limit: u32) -> Request {
    let mut query = names(series);
    if series.dataset.span().is_some() {
        let key = if series.row.path.contains("openInterest") { "period" } else { "interval" };
        query.push_str(&format!("&{key}={}", series.span_name()));
    }
    match rows {
        Rows::From(start) => query.push_str(&format!("&startTime={}", millis_up(start))),
        Rows::Before(end) => query.push_str(&format!("&endTime={}", end.saturating_add(-1).millis())),
        Rows::Within(range) => {
            let last = range.end().saturating_add(-1).millis();
            query.push_str(&format!("&startTime={}&endTime={last}", millis_up(range.start())));
        }
        Rows::FromId(id) => query.push_str(&format!("&fromId={id}")),
        Rows::Newest => {}
    }
    query.push_str(&format!("&limit={limit}"));
    Request { weight: weight(series, limit), ..series.request(&query) }
}

/// Before the first row of all.
pub(super) fn launch() -> Ts {
    Ts::from_millis(LAUNCH_MS).unwrap_or(Ts::MIN)
}

/// A snapshot of the book: the least depth that is deep enough, as depth costs.
pub(super) fn snapshot(series: &Series<'_>, depth: Option<u32>) -> Request {
    let is_spot = *series.row.api == SPOT;
    let limits: &[(u32, u32)] = if is_spot { &book::SPOT_LIMITS } else { &book::FUTURES_LIMITS };
    let wanted = depth.unwrap_or(book::LEVELS);
    let deepest = limits.last().copied().unwrap_or((book::LEVELS, series.row.weight));
    let (limit, weight) = limits.iter().copied().find(|(limit, _)| *limit >= wanted).unwrap_or(deepest);
    let query = format!("symbol={}&limit={limit}", encode(&symbol(series.pair())));
    Request { weight, ..series.request(&query) }
}

/// The question for the exchange's clock.
pub(super) fn clock(api: &'static Api) -> Request {
    let (path, group) = if *api == SPOT {
        ("/api/v3/time", &SPOT_WEIGHT)
    } else if *api == COINM {
        ("/dapi/v1/time", &COINM_WEIGHT)
    } else {
        ("/fapi/v1/time", &USDM_WEIGHT)
    };
    Request { api, path: path.to_owned(), weight: 1, group }
}

/// Binance's word for contracts without a date.
pub(super) const PERPETUAL: &str = "PERPETUAL";

/// Binance's own spelling of a pair.
pub(super) fn symbol(pair: &Pair) -> String {
    let underlying = underlying(pair);
    match pair.market() {
        Market::Inverse => format!("{underlying}_PERP"),
        Market::Dated(date) => format!("{underlying}_{date:06}"),
        _ => underlying,
    }
}

/// What a contract is about.
pub(super) fn underlying(pair: &Pair) -> String {
    format!("{}{}", pair.base(), pair.quote())
}

/// What is asked about: a symbol, or some contract of an underlying.
fn names(series: &Series<'_>) -> String {
    let pair = series.pair();
    let contract = match (pair.market(), series.dataset.kind()) {
        (Market::Quarter, _) => "CURRENT_QUARTER",
        (Market::NextQuarter, _) => "NEXT_QUARTER",
        (Market::Inverse, Kind::OpenInterest) => PERPETUAL,
        _ => return format!("symbol={}", encode(&symbol(pair))),
    };
    format!("pair={}&contractType={contract}", encode(&underlying(pair)))
}

/// Small pages of the candles of futures cost less.
fn weight(series: &Series<'_>, limit: u32) -> u32 {
    if *series.row.api == SPOT || series.dataset.kind() != Kind::Candle {
        return series.row.weight;
    }
    match limit {
        0..100 => 1,
        100..500 => 2,
        _ => series.row.weight,
    }
}
