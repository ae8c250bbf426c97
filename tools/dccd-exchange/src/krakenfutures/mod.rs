//! Kraken Futures: perpetual contracts, linear and inverse, and linear ones that expire.
//!
//! There are two dated contracts for one date, `FF_` and `FI_`; as for perpetual ones the plain name is the
//! linear one's. Trades have no history that can be paged.

mod book;
mod candle;
mod error;
mod funding;
mod instruments;
mod query;
mod stream;
mod symbol;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Day, Kind, LineWriter, Market, Proof, Ts};

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::capability::{Capability, Full, Paging, Reach, SpanName, Unit};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, LimitGroup, Request};
use crate::sink::Sink;
#[cfg(test)]
pub(crate) use stream::tests::RECORDINGS;

/// The only host, which serves three interfaces.
static FUTURES: Api = Api { name: "krakenfutures", rest_url: "https://futures.kraken.com", archive_url: "" };

/// Everything but charts.
static DERIVATIVES: LimitGroup =
    LimitGroup { name: "derivatives", slot: 0, weight_max: 500, window_secs: 10, usage_header: None };
/// What is past, counted apart.
static HISTORY: LimitGroup =
    LimitGroup { name: "history", slot: 2, weight_max: 100, window_secs: 600, usage_header: None };
/// Charts, whose limit is not published: what others get along with.
static CHARTS: LimitGroup =
    LimitGroup { name: "charts", slot: 1, weight_max: 100, window_secs: 10, usage_header: None };

static SPANS: [SpanName; 9] = [
    (60, "1m"),
    (300, "5m"),
    (900, "15m"),
    (1800, "30m"),
    (3600, "1h"),
    (14400, "4h"),
    (43200, "12h"),
    (86400, "1d"),
    (604_800, "1w"),
];

/// All contracts are quoted in this.
static QUOTES: &[&str] = &["USD"];

/// More settlements than a year has hours: all that is kept comes in one answer.
const RATES_MAX: u32 = 10_000;

const PERP_ROW: Capability = Capability {
    exchange: "krakenfutures",
    market: Market::Perp,
    quotes: Some(QUOTES),
    kind: Kind::Candle,
    spans: &SPANS,
    api: &FUTURES,
    path: "/api/charts/v1/trade/{symbol}/{span}",
    page_rows: 2000,
    weight: 1,
    group: &CHARTS,
    since: Day { year: 2022, month: 3, day: 1 },
    reach: Reach::Listing,
    paging: Paging::Grid { finds_next: false },
    unit: Unit::Base,
    proof: Proof::Page,
    settle_secs: 30,
    archive: None,
};
/// Contracts of one dollar each.
const INVERSE_ROW: Capability =
    Capability { market: Market::Inverse, unit: Unit::Quote, since: Day { year: 2018, month: 8, day: 1 }, ..PERP_ROW };
const DATED_ROW: Capability =
    Capability { market: Market::Dated(0), since: Day { year: 2023, month: 1, day: 1 }, ..PERP_ROW };

const fn book(row: Capability) -> Capability {
    Capability {
        kind: Kind::Book,
        spans: &[],
        path: "/derivatives/api/v3/orderbook",
        page_rows: 1,
        group: &DERIVATIVES,
        reach: Reach::Now,
        paging: Paging::Snapshot,
        settle_secs: 0,
        ..row
    }
}

const fn funding(row: Capability) -> Capability {
    Capability {
        kind: Kind::Funding,
        spans: &[],
        path: "/derivatives/api/v4/historicalfundingrates",
        page_rows: RATES_MAX,
        group: &HISTORY,
        reach: Reach::Days(365),
        paging: Paging::Windows { step_secs: 3600, full: Full::Oldest },
        settle_secs: 60,
        ..row
    }
}

/// What Kraken Futures has.
static CAPABILITIES: &[Capability] = &[
    PERP_ROW,
    book(PERP_ROW),
    funding(PERP_ROW),
    INVERSE_ROW,
    book(INVERSE_ROW),
    funding(INVERSE_ROW),
    DATED_ROW,
    book(DATED_ROW),
];

/// Kraken Futures.
#[derive(Debug)]
pub(crate) struct KrakenFutures;

impl Adapter for KrakenFutures {
    fn name(&self) -> &'static str {
        "krakenfutures"
    }

    fn capabilities(&self) -> &'static [Capability] {
        CAPABILITIES
    }

    fn page(&self, series: &Series<'_>, rows: Rows, _limit: u32) -> Request {
        query::page(series, rows)
    }

    fn read_page(
        &self,
        series: &Series<'_>,
        rows: Rows,
        reply: &Reply<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError> {
        match series.dataset.kind() {
            Kind::Funding => funding::read(reply, rows, sink),
            _ => candle::read(reply, sink),
        }
    }

    fn last_trade(&self, series: &Series<'_>) -> Option<Request> {
        Some(query::last_trade(series))
    }

    fn read_last_trade(
        &self,
        _series: &Series<'_>,
        reply: &Reply<'_>,
    ) -> Result<(Option<Ts>, Option<Ts>), AnswerError> {
        Ok((trade::read_last(reply)?, error::read_clock(reply)?))
    }

    fn book(&self, series: &Series<'_>, _depth: Option<u32>) -> Request {
        query::of_symbol(series)
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
        error::read_clock(reply)
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach == Reach::Listing).then(|| query::first(series))
    }

    fn read_first(&self, _series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        candle::read_first(reply)
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
        Some(&stream::KrakenFuturesStreams)
    }
}
