//! Binance: spot and USD-M perpetual contracts.

pub(crate) mod archive;
pub(crate) mod book;
mod error;
pub(crate) mod funding;
pub(crate) mod kline;
pub(crate) mod open_interest;
pub(crate) mod query;
mod scan;
pub(crate) mod trade;

use dccd_record::{Day, Kind, Market, Proof, Ts};
use serde::Deserialize;

use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, SpanName};
use crate::request::{Api, LimitGroup};

/// Spot.
pub static SPOT: Api =
    Api { name: "binance spot", rest_url: "https://api.binance.com", archive_url: "https://data.binance.vision" };
/// USD-M futures.
pub static USDM: Api =
    Api { name: "binance USD-M", rest_url: "https://fapi.binance.com", archive_url: "https://data.binance.vision" };

const USAGE_HEADER: Option<&str> = Some("x-mbx-used-weight-1m");
/// Everything of spot.
pub static SPOT_WEIGHT: LimitGroup =
    LimitGroup { name: "spot weight", slot: 0, weight_max: 6000, window_secs: 60, usage_header: USAGE_HEADER };
/// Everything of USD-M but what has its own count.
pub static USDM_WEIGHT: LimitGroup =
    LimitGroup { name: "USD-M weight", slot: 0, weight_max: 2400, window_secs: 60, usage_header: USAGE_HEADER };
/// Funding rates, counted in requests.
pub static USDM_FUNDING: LimitGroup =
    LimitGroup { name: "USD-M funding", slot: 1, weight_max: 500, window_secs: 300, usage_header: None };
/// Statistics, counted in requests.
pub static USDM_STATISTICS: LimitGroup =
    LimitGroup { name: "USD-M statistics", slot: 2, weight_max: 1000, window_secs: 300, usage_header: None };

static SPANS: [SpanName; 15] = [
    (1, "1s"),
    (60, "1m"),
    (180, "3m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (7200, "2h"),
    (14400, "4h"),
    (21600, "6h"),
    (28800, "8h"),
    (43200, "12h"),
    (86400, "1d"),
    (259_200, "3d"),
    (604_800, "1w"),
];
static USDM_SPANS: &[SpanName] = SPANS.split_at(1).1;
static PERIODS: [SpanName; 9] = [
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (7200, "2h"),
    (14400, "4h"),
    (21600, "6h"),
    (43200, "12h"),
    (86400, "1d"),
];

const SPOT_ROW: Capability = Capability {
    exchange: "binance",
    market: Market::Spot,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &SPOT,
    path: "/api/v3/klines",
    page_rows: 1000,
    weight: 2,
    group: &SPOT_WEIGHT,
    since: Day { year: 2017, month: 7, day: 14 },
    days_back: None,
    proof: Proof::Page,
    settle_secs: 2,
    archive: Some("klines, daily and monthly"),
};
/// Pages of 1,000 and not 1,500 candles: those cost twice as much.
const USDM_ROW: Capability = Capability {
    market: Market::Perp,
    spans: USDM_SPANS,
    api: &USDM,
    path: "/fapi/v1/klines",
    weight: 5,
    group: &USDM_WEIGHT,
    since: Day { year: 2019, month: 9, day: 8 },
    ..SPOT_ROW
};

/// What Binance has.
pub(crate) static CAPABILITIES: &[Capability] = &[
    SPOT_ROW,
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/api/v3/aggTrades",
        weight: 4,
        proof: Proof::Id,
        settle_secs: 5,
        archive: Some("aggTrades, daily"),
        ..SPOT_ROW
    },
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/api/v3/depth",
        weight: 50,
        days_back: Some(0),
        settle_secs: 0,
        archive: None,
        ..SPOT_ROW
    },
    USDM_ROW,
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/fapi/v1/aggTrades",
        weight: 20,
        proof: Proof::Id,
        settle_secs: 5,
        archive: Some("aggTrades, daily"),
        ..USDM_ROW
    },
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/fapi/v1/depth",
        weight: 20,
        days_back: Some(0),
        settle_secs: 0,
        archive: None,
        ..USDM_ROW
    },
    Capability {
        kind: Kind::Funding,
        spans: &[],
        path: "/fapi/v1/fundingRate",
        weight: 1,
        group: &USDM_FUNDING,
        settle_secs: 60,
        archive: Some("fundingRate, monthly, without mark prices"),
        ..USDM_ROW
    },
    Capability {
        kind: Kind::OpenInterest,
        spans: &PERIODS,
        path: "/futures/data/openInterestHist",
        page_rows: 500,
        weight: 1,
        group: &USDM_STATISTICS,
        days_back: Some(30),
        settle_secs: 120,
        archive: Some("metrics, daily"),
        ..USDM_ROW
    },
];

/// Reads the exchange's clock.
pub(crate) fn read_time(reply: &Reply<'_>) -> Result<Page, AnswerError> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "serverTime")]
        server_time: i64,
    }
    let wire: Wire = error::object(reply)?;
    let ts = stamp(wire.server_time)?;
    Ok(Page { rows: 1, stamp: Some(ts), ..Page::default() })
}

/// An instant as Binance writes it: milliseconds, or microseconds where those are switched on.
pub(crate) fn stamp(value: i64) -> Result<Ts, AnswerError> {
    /// The year 2286 in milliseconds, April 1970 in microseconds.
    const MILLIS_MAX: i64 = 10_000_000_000_000;
    let ts = if value < MILLIS_MAX { Ts::from_millis(value) } else { Ts::from_micros(value) };
    ts.map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// Whether a row that names a symbol names ours.
pub(crate) fn same_symbol(said: Option<&str>, asked: &str) -> Result<(), AnswerError> {
    match said {
        Some(said) if said != asked => {
            let said: String = said.chars().take(40).collect();
            Err(AnswerError::Unexpected(format!("a row of {said:?}, not of {asked}")))
        }
        _ => Ok(()),
    }
}
