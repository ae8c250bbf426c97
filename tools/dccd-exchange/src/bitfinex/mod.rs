//! Bitfinex: spot and perpetual contracts, over its API v2.
//!
//! Rows are lists of numbers, and every endpoint has its own limit. An unknown symbol has an empty history;
//! only its book is an error.

mod book;
mod candle;
mod error;
mod instruments;
mod query;
mod status;
mod stream;
mod symbol;
mod trade;

#[cfg(test)]
mod tests;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Ts};
use serde_json::value::RawValue;

use crate::adapter::{Adapter, Rows, Series, first_of_page};
use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, Full, Paging, Reach, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;
use crate::wire::{integer, json};

/// The only host.
pub(crate) static API: Api = Api { name: "bitfinex", rest_url: "https://api-pub.bitfinex.com", archive_url: "" };

const fn per_minute(name: &'static str, slot: usize, weight_max: u32) -> LimitGroup {
    LimitGroup { name, slot, weight_max, window_secs: 60, usage_header: None }
}
static CANDLES: LimitGroup = per_minute("candles", 0, 30);
static TRADES: LimitGroup = per_minute("trades", 1, 15);
static BOOK: LimitGroup = per_minute("book", 2, 240);
static STATUS: LimitGroup = per_minute("status", 3, 90);
pub(crate) static CONF: LimitGroup = per_minute("conf", 4, 90);
/// Not published by itself; so much as the least of the others.
static PLATFORM: LimitGroup = per_minute("platform", 5, 15);

static SPANS: [SpanName; 10] = [
    (60, "1m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (10800, "3h"),
    (21600, "6h"),
    (43200, "12h"),
    (86400, "1D"),
    (604_800, "1W"),
];
/// Ours: the exchange has rows, not spans.
static PERIODS: [SpanName; 8] = [
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (10800, "3h"),
    (21600, "6h"),
    (43200, "12h"),
    (86400, "1D"),
];

const SPOT_ROW: Capability = Capability {
    exchange: "bitfinex",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &API,
    path: "/v2/candles",
    page_rows: 10_000,
    weight: 1,
    group: &CANDLES,
    since: Day { year: 2013, month: 1, day: 14 },
    reach: Reach::Listing,
    paging: Paging::Grid { finds_next: true },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 5,
    archive: None,
};
const SPOT_TRADES: Capability = Capability {
    kind: Kind::Trade,
    spans: &[],
    path: "/v2/trades",
    group: &TRADES,
    paging: Paging::Times { has_consecutive_ids: false },
    ..SPOT_ROW
};
const SPOT_BOOK: Capability = Capability {
    kind: Kind::Book,
    spans: &[],
    path: "/v2/book",
    page_rows: 1,
    group: &BOOK,
    reach: Reach::Now,
    paging: Paging::Snapshot,
    settle_secs: 0,
    ..SPOT_ROW
};
const PERP_SINCE: Day = Day { year: 2019, month: 9, day: 1 };

/// What Bitfinex has.
static CAPABILITIES: &[Capability] = &[
    SPOT_ROW,
    SPOT_TRADES,
    SPOT_BOOK,
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_ROW },
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_TRADES },
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_BOOK },
    Capability {
        market: Market::Perp,
        kind: Kind::Funding,
        spans: &[],
        path: "/v2/status/deriv",
        page_rows: status::PAGE_ROWS,
        group: &STATUS,
        since: PERP_SINCE,
        paging: Paging::Windows { step_secs: 60, full: Full::Oldest },
        settle_secs: 600,
        ..SPOT_ROW
    },
    Capability {
        market: Market::Perp,
        kind: Kind::OpenInterest,
        spans: &PERIODS,
        path: "/v2/status/deriv",
        page_rows: 500,
        group: &STATUS,
        since: PERP_SINCE,
        paging: Paging::Grid { finds_next: false },
        settle_secs: 300,
        ..SPOT_ROW
    },
];

/// Bitfinex.
#[derive(Debug)]
pub(crate) struct Bitfinex;

impl Adapter for Bitfinex {
    fn name(&self) -> &'static str {
        "bitfinex"
    }

    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    fn page_rows(&self, series: &Series<'_>) -> u32 {
        match (series.dataset.kind(), series.dataset.span()) {
            (Kind::OpenInterest, Some(span)) => status::page_rows(span),
            _ => series.row.page_rows,
        }
    }

    fn page(&self, series: &Series<'_>, rows: Rows, limit: u32) -> Request {
        query::page(series, rows, limit)
    }

    fn read_page(
        &self,
        series: &Series<'_>,
        rows: Rows,
        reply: &Reply<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError> {
        match (series.dataset.kind(), series.dataset.span()) {
            (Kind::Candle, _) => candle::read(rows, reply, sink),
            (Kind::OpenInterest, Some(span)) => status::read_open_interest(series, span, rows, reply, sink),
            (Kind::Funding | Kind::OpenInterest, _) => status::read_funding(series, rows, reply, sink),
            (Kind::Trade | Kind::Book, _) => trade::read(rows, reply, sink),
        }
    }

    fn book(&self, series: &Series<'_>, _depth: Option<u32>) -> Request {
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
        Request { api, path: "/v2/platform/status".to_owned(), weight: 1, group: &PLATFORM }
    }

    /// There is no clock; whether the platform works is said instead, and `Date` goes with it.
    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        error::check(reply)?;
        let works: Vec<&RawValue> = json(reply.body)?;
        match works.first().map(|works| works.get()) {
            Some("1") => Ok(None),
            Some("0") => Err(AnswerError::Refused {
                code: "0".to_owned(),
                message: "the platform is under maintenance".to_owned(),
                is_retryable: true,
            }),
            _ => Err(AnswerError::Unexpected("neither 1 nor 0 for the status of the platform".to_owned())),
        }
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach == Reach::Listing).then(|| query::first(series))
    }

    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        if matches!(series.dataset.kind(), Kind::Funding | Kind::OpenInterest) {
            return status::read_first(series, reply);
        }
        first_of_page(self, series, reply)
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
        Some(&stream::BitfinexStreams)
    }
}

/// An instant in milliseconds.
fn stamp(raw: &RawValue) -> Result<Ts, AnswerError> {
    Ts::from_millis(integer(raw)?).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

/// Whether the answer begins with its newest row.
fn is_newest_first(rows: Rows) -> bool {
    !matches!(rows, Rows::Within(_) | Rows::From(_))
}
