//! Coinbase: the spot market of the Exchange API, which keeps everything since the first trade.

mod book;
mod candle;
mod error;
mod products;
mod query;
mod stream;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Ts};
use serde::Deserialize;

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, Paging, Reach, Seek, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;
use crate::wire::instant;

/// The only host.
static EXCHANGE: Api = Api { name: "coinbase", rest_url: "https://api.exchange.coinbase.com", archive_url: "" };

/// All public requests together.
static PUBLIC: LimitGroup =
    LimitGroup { name: "public requests", slot: 0, weight_max: 10, window_secs: 1, usage_header: None };

static SPANS: [SpanName; 6] = [(60, "1m"), (300, "5m"), (900, "15m"), (3600, "1h"), (21600, "6h"), (86400, "1d")];

/// A page of 300 candles is the most; whether its last instant belongs to it is not documented, so there is
/// room for one more.
const ROW: Capability = Capability {
    exchange: "coinbase",
    market: Market::Spot,
    quotes: None,
    kind: Kind::Candle,
    spans: &SPANS,
    api: &EXCHANGE,
    path: "/products/{id}/candles",
    page_rows: 299,
    weight: 1,
    group: &PUBLIC,
    since: Day { year: 2014, month: 12, day: 1 },
    reach: Reach::Listing,
    paging: Paging::Grid { finds_next: false },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 10,
    archive: None,
};

/// What Coinbase has.
static CAPABILITIES: &[Capability] = &[
    ROW,
    Capability {
        kind: Kind::Trade,
        spans: &[],
        path: "/products/{id}/trades",
        page_rows: 1000,
        paging: Paging::Ids(Seek::Bisect),
        proof: Proof::Id,
        settle_secs: 5,
        ..ROW
    },
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/products/{id}/book",
        page_rows: 1,
        reach: Reach::Now,
        paging: Paging::Snapshot,
        settle_secs: 0,
        ..ROW
    },
];

/// Coinbase.
#[derive(Debug)]
pub(crate) struct Coinbase;

impl Adapter for Coinbase {
    fn name(&self) -> &'static str {
        "coinbase"
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
        rows: Rows,
        reply: &Reply<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError> {
        match series.dataset.span() {
            Some(span) => candle::read(reply, rows, span, sink),
            None => trade::read(reply, rows, series.row.page_rows, sink),
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
        query::clock(api)
    }

    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        #[derive(Deserialize)]
        struct Wire {
            iso: String,
        }
        let wire: Wire = error::object(reply)?;
        instant(&wire.iso).map(Some)
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach == Reach::Listing).then(|| query::first(series))
    }

    fn read_first(&self, _series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        trade::read_first(reply)
    }

    fn instruments(&self) -> Vec<Request> {
        products::requests()
    }

    fn read_instruments(
        &self,
        _request: &Request,
        reply: &Reply<'_>,
        found: &mut Vec<Instrument>,
    ) -> Result<Listed, AnswerError> {
        products::read(reply, found)
    }

    fn streams(&self) -> Option<&'static dyn Streams> {
        Some(&stream::CoinbaseStreams)
    }
}
