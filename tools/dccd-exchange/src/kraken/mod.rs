//! Kraken: the spot market.
//!
//! It keeps its newest 720 candles only, and all trades; so older candles are built from trades.

mod book;
mod candle;
mod error;
mod pairs;
mod query;
mod stream;
mod symbol;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Ts};
use serde::Deserialize;

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, Paging, Reach, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;

/// The only host.
static SPOT: Api = Api { name: "kraken", rest_url: "https://api.kraken.com", archive_url: "" };

/// All public requests together. One a second is tolerated, a few more at once are too; nothing is published, so
/// less is asked.
static PUBLIC: LimitGroup =
    LimitGroup { name: "public requests", slot: 0, weight_max: 10, window_secs: 14, usage_header: None };

/// In minutes; the exchange has 15 days too, which no store has.
static SPANS: [SpanName; 7] =
    [(60, "1"), (300, "5"), (900, "15"), (1800, "30"), (3600, "60"), (14400, "240"), (86400, "1440")];
/// The exchange's own weeks begin on Thursdays.
static WEEK: [SpanName; 1] = [(604_800, "1w")];

/// The candles that are always there, the open one apart.
const CANDLES: u32 = 720;

const ROW: Capability = Capability {
    exchange: "kraken",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &SPOT,
    path: "/0/public/OHLC",
    page_rows: CANDLES,
    weight: 1,
    group: &PUBLIC,
    since: Day { year: 2013, month: 9, day: 6 },
    reach: Reach::RowsThenTrades(CANDLES),
    paging: Paging::Grid { finds_next: true },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 5,
    archive: None,
};

/// What Kraken has.
static CAPABILITIES: &[Capability] = &[
    ROW,
    Capability { spans: &WEEK, reach: Reach::RowsThenTrades(0), ..ROW },
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/0/public/Trades",
        page_rows: 1000,
        reach: Reach::Listing,
        paging: Paging::Times { has_consecutive_ids: true },
        proof: Proof::Id,
        ..ROW
    },
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/0/public/Depth",
        page_rows: 1,
        reach: Reach::Now,
        paging: Paging::Snapshot,
        settle_secs: 0,
        ..ROW
    },
];

/// Kraken.
#[derive(Debug)]
pub(crate) struct Kraken;

impl Adapter for Kraken {
    fn name(&self) -> &'static str {
        "kraken"
    }

    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    fn stamp_error_nanos(&self) -> i64 {
        trade::STAMP_ERROR_NANOS
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
        match series.dataset.span() {
            Some(span) => candle::read(reply, series.pair(), rows, span, sink),
            None => trade::read(reply, series.pair(), sink),
        }
    }

    fn book(&self, series: &Series<'_>, depth: Option<u32>) -> Request {
        query::snapshot(series, depth)
    }

    fn read_book(
        &self,
        series: &Series<'_>,
        reply: &Reply<'_>,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<Page, AnswerError> {
        book::read(reply, series.pair(), lines, out)
    }

    fn clock(&self, api: &'static Api) -> Request {
        query::clock(api)
    }

    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        #[derive(Deserialize)]
        struct Wire {
            unixtime: i64,
        }
        let wire: Wire = error::result(reply)?;
        Ts::from_secs(wire.unixtime).map(Some).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach != Reach::Now).then(|| query::first(series))
    }

    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        trade::read_first(reply, series.pair())
    }

    fn instruments(&self) -> Vec<Request> {
        pairs::requests()
    }

    fn read_instruments(
        &self,
        _request: &Request,
        reply: &Reply<'_>,
        found: &mut Vec<Instrument>,
    ) -> Result<Listed, AnswerError> {
        pairs::read(reply, found)
    }
    fn streams(&self) -> Option<&'static dyn Streams> {
        Some(&stream::KrakenStreams)
    }
}
