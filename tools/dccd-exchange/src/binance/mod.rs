//! Binance: spot and USD-M perpetual contracts.

mod archive;
mod book;
mod error;
mod funding;
mod instruments;
mod kline;
mod open_interest;
mod query;
mod scan;
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
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;

/// Spot.
pub(crate) static SPOT: Api =
    Api { name: "binance spot", rest_url: "https://api.binance.com", archive_url: "https://data.binance.vision" };
/// USD-M futures.
pub(crate) static USDM: Api =
    Api { name: "binance USD-M", rest_url: "https://fapi.binance.com", archive_url: "https://data.binance.vision" };

const USAGE_HEADER: Option<&str> = Some("x-mbx-used-weight-1m");
/// Everything of spot.
pub(crate) static SPOT_WEIGHT: LimitGroup =
    LimitGroup { name: "spot weight", slot: 0, weight_max: 6000, window_secs: 60, usage_header: USAGE_HEADER };
/// Everything of USD-M but what has its own count.
pub(crate) static USDM_WEIGHT: LimitGroup =
    LimitGroup { name: "USD-M weight", slot: 0, weight_max: 2400, window_secs: 60, usage_header: USAGE_HEADER };
/// Funding rates, counted in requests.
pub(crate) static USDM_FUNDING: LimitGroup =
    LimitGroup { name: "USD-M funding", slot: 1, weight_max: 500, window_secs: 300, usage_header: None };
/// Statistics, counted in requests.
pub(crate) static USDM_STATISTICS: LimitGroup =
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

/// What Binance has.
static CAPABILITIES: &[Capability] = &[
    SPOT_ROW,
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/api/v3/aggTrades",
        weight: 4,
        paging: Paging::Ids(Seek::From),
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
        reach: Reach::Now,
        paging: Paging::Snapshot,
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
        paging: Paging::Ids(Seek::From),
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
        reach: Reach::Now,
        paging: Paging::Snapshot,
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
        paging: Paging::Windows { step_secs: 3600, full: Full::Oldest },
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
        reach: Reach::Days(30),
        paging: Paging::Grid { finds_next: false },
        settle_secs: 120,
        archive: Some("metrics, daily"),
        ..USDM_ROW
    },
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
            Kind::Candle => kline::read(reply, sink),
            Kind::Funding => funding::read(reply, &query::symbol(series.pair()), sink),
            Kind::OpenInterest => open_interest::read(reply, &query::symbol(series.pair()), sink),
            Kind::Trade | Kind::Book => trade::read(reply, sink),
        }
    }

    fn book(&self, series: &Series<'_>) -> Request {
        query::snapshot(series)
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
        (series.row.reach == Reach::Listing).then(|| query::first(series))
    }

    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        let (mut lines, mut unused) = (LineWriter::new(series.dataset), Vec::new());
        let mut sink = Sink::probe(Rows::Newest, series.dataset.span(), &mut lines, &mut unused);
        self.read_page(series, Rows::Newest, reply, &mut sink)?;
        Ok(sink.page().first.map(|first| first.ts))
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

    fn files(&self, series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
        archive::files(series, range, now, usage)
    }

    fn file_format(&self, series: &Series<'_>) -> Option<Box<dyn FileFormat>> {
        Some(Box::new(archive::Format::of(series.dataset)))
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
