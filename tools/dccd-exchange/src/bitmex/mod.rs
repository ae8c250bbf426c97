//! BitMEX: spot, perpetual and dated contracts, over its API v1.
//!
//! The exchange closed for good; what it said while it was open is still read. Sizes are contracts of many
//! sorts, but every trade and candle also says what it was in the base asset, and that is taken. Books say
//! contracts alone.

mod book;
mod candle;
mod error;
mod funding;
mod instruments;
mod query;
mod stream;
mod symbol;
mod trade;

#[cfg(test)]
mod tests;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Ts};

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, Full, Paging, Reach, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;
use crate::wire::unexpected;

/// The only host.
pub(crate) static API: Api = Api { name: "bitmex", rest_url: "https://www.bitmex.com", archive_url: "" };

/// Everything that is asked without a key.
pub(crate) static REQUESTS: LimitGroup =
    LimitGroup { name: "requests", slot: 0, weight_max: 30, window_secs: 60, usage_header: None };

static SPANS: [SpanName; 4] = [(60, "1m"), (300, "5m"), (3600, "1h"), (86400, "1d")];

const SPOT_ROW: Capability = Capability {
    exchange: "bitmex",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &API,
    path: "/api/v1/trade/bucketed",
    page_rows: 1000,
    weight: 1,
    group: &REQUESTS,
    since: Day { year: 2022, month: 1, day: 1 },
    reach: Reach::Listing,
    paging: Paging::Grid { finds_next: true },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 10,
    archive: None,
};
const SPOT_TRADES: Capability = Capability {
    kind: Kind::Trade,
    spans: &[],
    path: "/api/v1/trade",
    paging: Paging::Times { has_consecutive_ids: false },
    ..SPOT_ROW
};
const SPOT_BOOK: Capability = Capability {
    kind: Kind::Book,
    spans: &[],
    path: "/api/v1/orderBook/L2",
    page_rows: 1,
    reach: Reach::Now,
    paging: Paging::Snapshot,
    unit: Unit::Contracts,
    settle_secs: 0,
    ..SPOT_ROW
};
const PERP_FUNDING: Capability = Capability {
    market: Market::Perp,
    kind: Kind::Funding,
    spans: &[],
    path: "/api/v1/funding",
    page_rows: 500,
    since: PERP_SINCE,
    paging: Paging::Windows { step_secs: 8 * 3600, full: Full::Oldest },
    settle_secs: 60,
    ..SPOT_ROW
};
const PERP_SINCE: Day = Day { year: 2018, month: 8, day: 1 };
const INVERSE_SINCE: Day = Day { year: 2016, month: 5, day: 13 };
const DATED_SINCE: Day = Day { year: 2014, month: 11, day: 22 };

/// What BitMEX had.
static CAPABILITIES: &[Capability] = &[
    SPOT_ROW,
    SPOT_TRADES,
    SPOT_BOOK,
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_ROW },
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_TRADES },
    Capability { market: Market::Perp, since: PERP_SINCE, ..SPOT_BOOK },
    PERP_FUNDING,
    Capability { market: Market::Inverse, since: INVERSE_SINCE, ..SPOT_ROW },
    Capability { market: Market::Inverse, since: INVERSE_SINCE, ..SPOT_TRADES },
    Capability { market: Market::Inverse, since: INVERSE_SINCE, ..SPOT_BOOK },
    Capability { market: Market::Inverse, since: INVERSE_SINCE, ..PERP_FUNDING },
    Capability { market: Market::Dated(0), since: DATED_SINCE, ..SPOT_ROW },
    Capability { market: Market::Dated(0), since: DATED_SINCE, ..SPOT_TRADES },
    Capability { market: Market::Dated(0), since: DATED_SINCE, ..SPOT_BOOK },
];

/// BitMEX.
#[derive(Debug)]
pub(crate) struct Bitmex;

impl Adapter for Bitmex {
    fn name(&self) -> &'static str {
        "bitmex"
    }

    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    fn closed(&self) -> Option<&'static str> {
        Some("2026-09-23")
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
        let symbol = symbol::symbol(series.pair());
        match (series.dataset.kind(), series.dataset.span()) {
            (Kind::Candle, Some(span)) => candle::read(reply, &symbol, span, rows, sink),
            (Kind::Funding, _) => funding::read(reply, &symbol, rows, sink),
            _ => trade::read(reply, &symbol, rows, sink),
        }
    }

    fn book(&self, series: &Series<'_>, _depth: Option<u32>) -> Request {
        query::snapshot(series)
    }

    fn read_book(
        &self,
        series: &Series<'_>,
        reply: &Reply<'_>,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<Page, AnswerError> {
        book::read(reply, &symbol::symbol(series.pair()), lines, out)
    }

    fn clock(&self, api: &'static Api) -> Request {
        Request { api, path: query::CLOCK_PATH.to_owned(), weight: 1, group: &REQUESTS }
    }

    /// There is no clock; `Date` goes with every answer.
    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        error::check(reply).map(|()| None)
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach == Reach::Listing).then(|| query::page(series, Rows::From(series.row.since.start()), 1))
    }

    fn instruments(&self) -> Vec<Request> {
        instruments::requests()
    }

    fn read_instruments(
        &self,
        _request: &Request,
        reply: &Reply<'_>,
        found: &mut Vec<Instrument>,
    ) -> Result<Listed, AnswerError> {
        instruments::read(reply, found)
    }

    fn streams(&self) -> Option<&'static dyn Streams> {
        Some(&stream::BitmexStreams)
    }
}

/// Whether a row is about what was asked for.
fn same_symbol(said: &str, asked: &str) -> Result<(), AnswerError> {
    if said == asked { Ok(()) } else { Err(unexpected(&format!("is the symbol of a row, and not {asked}"), said)) }
}

/// Whether the answer begins with its newest row.
fn is_newest_first(rows: Rows) -> bool {
    !matches!(rows, Rows::Within(_) | Rows::From(_))
}
