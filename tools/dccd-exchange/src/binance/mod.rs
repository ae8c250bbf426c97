//! Binance: spot, USD-M and COIN-M contracts, perpetual and dated.
//!
//! COIN-M counts contracts. Its candles and its open interest also say what that was in the base asset, and
//! that is taken; its trades and books do not.

mod archive;
mod book;
mod error;
mod first;
mod funding;
mod instruments;
mod kline;
mod open_interest;
mod query;
mod scan;
mod stream;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Range, Ts};
use serde::Deserialize;

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::archive::{BulkFile, FileFormat, Use};
use crate::capability::{Capability, Full, Paging, Reach, Seek, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;
use kline::Columns;

/// Spot.
pub(crate) static SPOT: Api =
    Api { name: "binance spot", rest_url: "https://api.binance.com", archive_url: "https://data.binance.vision" };
/// USD-M futures.
pub(crate) static USDM: Api =
    Api { name: "binance USD-M", rest_url: "https://fapi.binance.com", archive_url: "https://data.binance.vision" };
/// COIN-M futures.
pub(crate) static COINM: Api =
    Api { name: "binance COIN-M", rest_url: "https://dapi.binance.com", archive_url: "https://data.binance.vision" };

const USAGE_HEADER: Option<&str> = Some("x-mbx-used-weight-1m");
/// Everything of spot.
pub(crate) static SPOT_WEIGHT: LimitGroup =
    LimitGroup { name: "spot weight", slot: 0, weight_max: 6000, window_secs: 60, usage_header: USAGE_HEADER };
/// Everything of USD-M but what has its own count.
pub(crate) static USDM_WEIGHT: LimitGroup =
    LimitGroup { name: "USD-M weight", slot: 0, weight_max: 2400, window_secs: 60, usage_header: USAGE_HEADER };
/// Funding rates, counted in requests.
pub(crate) static USDM_FUNDING_COUNT: LimitGroup =
    LimitGroup { name: "USD-M funding", slot: 1, weight_max: 500, window_secs: 300, usage_header: None };
/// Statistics, counted in requests.
pub(crate) static USDM_STATISTICS: LimitGroup =
    LimitGroup { name: "USD-M statistics", slot: 2, weight_max: 1000, window_secs: 300, usage_header: None };
/// Everything of COIN-M but what has its own count.
pub(crate) static COINM_WEIGHT: LimitGroup =
    LimitGroup { name: "COIN-M weight", slot: 0, weight_max: 2400, window_secs: 60, usage_header: USAGE_HEADER };
/// Statistics, counted in requests.
pub(crate) static COINM_STATISTICS: LimitGroup =
    LimitGroup { name: "COIN-M statistics", slot: 1, weight_max: 1000, window_secs: 300, usage_header: None };

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
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &SPOT,
    path: "/api/v3/klines",
    page_rows: 1000,
    weight: 2,
    group: &SPOT_WEIGHT,
    since: Day { year: 2017, month: 7, day: 14 },
    reach: Reach::Listing,
    paging: Paging::Grid { finds_next: true },
    unit: Unit::Base,
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

const SPOT_TRADES: Capability = Capability {
    kind: Kind::Trade,
    spans: &[],
    path: "/api/v3/aggTrades",
    weight: 4,
    paging: Paging::Ids(Seek::From),
    proof: Proof::Id,
    settle_secs: 5,
    archive: Some("aggTrades, daily"),
    ..SPOT_ROW
};
const SPOT_BOOK: Capability = Capability {
    kind: Kind::Book,
    spans: &[],
    path: "/api/v3/depth",
    weight: 50,
    reach: Reach::Now,
    paging: Paging::Snapshot,
    settle_secs: 0,
    archive: None,
    ..SPOT_ROW
};
/// Of what is older, REST says nothing, or gives the newest trades instead.
const USDM_TRADES: Capability = Capability {
    market: Market::Perp,
    api: &USDM,
    path: "/fapi/v1/aggTrades",
    weight: 20,
    group: &USDM_WEIGHT,
    since: USDM_ROW.since,
    reach: Reach::Days(365),
    ..SPOT_TRADES
};
const USDM_BOOK: Capability = Capability {
    market: Market::Perp,
    api: &USDM,
    path: "/fapi/v1/depth",
    weight: 20,
    group: &USDM_WEIGHT,
    since: USDM_ROW.since,
    ..SPOT_BOOK
};
const USDM_FUNDING: Capability = Capability {
    kind: Kind::Funding,
    spans: &[],
    path: "/fapi/v1/fundingRate",
    weight: 1,
    group: &USDM_FUNDING_COUNT,
    paging: Paging::Windows { step_secs: 3600, full: Full::Oldest },
    settle_secs: 60,
    archive: Some("fundingRate, monthly, without mark prices"),
    ..USDM_ROW
};
const USDM_INTEREST: Capability = Capability {
    kind: Kind::OpenInterest,
    spans: &PERIODS,
    path: "/futures/data/openInterestHist",
    page_rows: 500,
    weight: 1,
    group: &USDM_STATISTICS,
    reach: Reach::Days(30),
    paging: Paging::Grid { finds_next: false },
    settle_secs: 120,
    archive: Some("metrics, daily"),
    ..USDM_ROW
};
/// Of a page that could hold more rows the newest are given, so that no next row can be asked for.
const COINM_ROW: Capability = Capability {
    market: Market::Inverse,
    quotes: COINM_QUOTES,
    api: &COINM,
    path: "/dapi/v1/klines",
    group: &COINM_WEIGHT,
    since: Day { year: 2020, month: 5, day: 29 },
    paging: Paging::Grid { finds_next: false },
    ..USDM_ROW
};
const COINM_TRADES: Capability = Capability {
    market: Market::Inverse,
    quotes: COINM_QUOTES,
    api: &COINM,
    path: "/dapi/v1/aggTrades",
    group: &COINM_WEIGHT,
    since: COINM_ROW.since,
    unit: Unit::Contracts,
    ..USDM_TRADES
};
const COINM_BOOK: Capability = Capability {
    market: Market::Inverse,
    quotes: COINM_QUOTES,
    api: &COINM,
    path: "/dapi/v1/depth",
    group: &COINM_WEIGHT,
    since: COINM_ROW.since,
    unit: Unit::Contracts,
    ..USDM_BOOK
};
const COINM_QUOTES: Option<&[&str]> = Some(&["USD"]);
/// Whatever contract of a quarter: of these the next row is not known to be found.
const USDM_QUARTER: Capability = Capability {
    market: Market::Quarter,
    path: "/fapi/v1/continuousKlines",
    paging: Paging::Grid { finds_next: false },
    archive: None,
    ..USDM_ROW
};
const COINM_QUARTER: Capability =
    Capability { market: Market::Quarter, path: "/dapi/v1/continuousKlines", archive: None, ..COINM_ROW };

/// What Binance has.
static CAPABILITIES: &[Capability] = &[
    SPOT_ROW,
    SPOT_TRADES,
    SPOT_BOOK,
    USDM_ROW,
    USDM_TRADES,
    USDM_BOOK,
    USDM_FUNDING,
    USDM_INTEREST,
    COINM_ROW,
    COINM_TRADES,
    COINM_BOOK,
    Capability {
        market: Market::Inverse,
        quotes: COINM_QUOTES,
        api: &COINM,
        path: "/dapi/v1/fundingRate",
        group: &COINM_WEIGHT,
        since: COINM_ROW.since,
        ..USDM_FUNDING
    },
    Capability {
        market: Market::Inverse,
        quotes: COINM_QUOTES,
        api: &COINM,
        group: &COINM_STATISTICS,
        since: COINM_ROW.since,
        archive: None,
        ..USDM_INTEREST
    },
    Capability { market: Market::Dated(0), ..COINM_ROW },
    Capability { market: Market::Dated(0), ..COINM_TRADES },
    Capability { market: Market::Dated(0), ..COINM_BOOK },
    Capability { market: Market::Dated(0), ..USDM_ROW },
    Capability { market: Market::Dated(0), ..USDM_TRADES },
    Capability { market: Market::Dated(0), ..USDM_BOOK },
    COINM_QUARTER,
    USDM_QUARTER,
    Capability { market: Market::NextQuarter, ..COINM_QUARTER },
    Capability { market: Market::NextQuarter, ..USDM_QUARTER },
];

/// Binance.
#[derive(Debug)]
pub(crate) struct Binance;

impl Adapter for Binance {
    fn name(&self) -> &'static str {
        "binance"
    }

    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    /// COIN-M candles are asked for in windows of 200 days at most.
    fn page_rows(&self, series: &Series<'_>) -> u32 {
        const WINDOW_SECS_MAX: u32 = 200 * 86_400;
        match (series.dataset.kind(), series.dataset.span()) {
            (Kind::Candle, Some(span)) if *series.row.api == COINM => {
                series.row.page_rows.min(WINDOW_SECS_MAX / span.secs())
            }
            _ => series.row.page_rows,
        }
    }

    fn page(&self, series: &Series<'_>, rows: Rows, limit: u32) -> Request {
        query::page(series, rows, limit)
    }

    fn read_page(
        &self,
        series: &Series<'_>,
        _rows: Rows,
        reply: &Reply<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError> {
        match series.dataset.kind() {
            Kind::Candle => kline::read(reply, Columns::of(series), sink),
            Kind::Funding => funding::read(reply, &query::symbol(series.pair()), sink),
            Kind::OpenInterest => open_interest::read(reply, series.pair(), sink),
            Kind::Trade | Kind::Book => trade::read(reply, sink),
        }
    }

    fn book(&self, series: &Series<'_>, depth: Option<u32>) -> Request {
        query::snapshot(series, depth)
    }

    fn read_book(
        &self,
        _series: &Series<'_>,
        reply: &Reply<'_>,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<Page, AnswerError> {
        book::read(reply, lines, out)
    }

    fn clock(&self, api: &'static Api) -> Request {
        query::clock(api)
    }

    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(rename = "serverTime")]
            server_time: i64,
        }
        let wire: Wire = error::object(reply)?;
        stamp(wire.server_time).map(Some)
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        first::request(series)
    }

    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        first::read(series, reply)
    }

    fn instruments(&self) -> Vec<Request> {
        instruments::requests()
    }

    fn read_instruments(
        &self,
        request: &Request,
        reply: &Reply<'_>,
        found: &mut Vec<Instrument>,
    ) -> Result<Listed, AnswerError> {
        instruments::read(request, reply, found)
    }

    fn streams(&self) -> Option<&'static dyn Streams> {
        Some(&stream::BinanceStreams)
    }

    fn files(&self, series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
        archive::files(series, range, now, usage)
    }

    fn file_format(&self, series: &Series<'_>) -> Option<Box<dyn FileFormat>> {
        Some(Box::new(archive::Format::of(series)))
    }
}

/// An instant as Binance writes it: milliseconds, or microseconds where those are switched on.
fn stamp(value: i64) -> Result<Ts, AnswerError> {
    /// The year 2286 in milliseconds, April 1970 in microseconds.
    const MILLIS_MAX: i64 = 10_000_000_000_000;
    let ts = if value < MILLIS_MAX { Ts::from_millis(value) } else { Ts::from_micros(value) };
    ts.map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// Whether a row that names a symbol names ours.
fn same_symbol(said: Option<&str>, asked: &str) -> Result<(), AnswerError> {
    match said {
        Some(said) if said != asked => {
            let said: String = said.chars().take(40).collect();
            Err(AnswerError::Unexpected(format!("a row of {said:?}, not of {asked}")))
        }
        _ => Ok(()),
    }
}
