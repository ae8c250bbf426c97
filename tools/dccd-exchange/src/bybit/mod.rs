//! Bybit: spot, linear and inverse contracts, over its API v5.
//!
//! Trades have no history over REST: those of contracts are had from the archive. Of every list the newest rows come first, and the newest of too many.

mod archive;
mod book;
mod envelope;
mod funding;
mod instruments;
mod kline;
mod open_interest;
mod query;
mod stream;
mod symbol;
mod table;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Kind, LineWriter, Range, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::adapter::{Adapter, Rows, Series};
use crate::answer::{AnswerError, Page, Reply};
use crate::archive::{BulkFile, FileFormat, Use};
use crate::capability::{Capability, Reach};
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, Request};
use crate::sink::Sink;
use crate::wire::integer;

/// Bybit.
#[derive(Debug)]
pub(crate) struct Bybit;

impl Adapter for Bybit {
    fn name(&self) -> &'static str {
        "bybit"
    }

    fn capabilities(&self) -> &'static [Capability] {
        table::CAPABILITIES
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
        match series.dataset.kind() {
            Kind::Candle => kline::read(series, rows, reply, sink),
            Kind::Funding => funding::read(series.pair(), reply, sink),
            Kind::OpenInterest => open_interest::read(series.pair(), reply, sink),
            Kind::Trade | Kind::Book => Err(AnswerError::Unexpected("such records have no pages here".to_owned())),
        }
    }

    fn last_trade(&self, series: &Series<'_>) -> Option<Request> {
        Some(query::last_trade(series))
    }

    fn read_last_trade(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<(Option<Ts>, Option<Ts>), AnswerError> {
        trade::read_last(series.pair(), reply)
    }

    fn book(&self, series: &Series<'_>, depth: Option<u32>) -> Request {
        query::book(series, depth)
    }

    fn read_book(
        &self,
        series: &Series<'_>,
        reply: &Reply<'_>,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<Page, AnswerError> {
        book::read(series.pair(), reply, lines, out)
    }

    fn clock(&self, _api: &'static Api) -> Request {
        query::clock()
    }

    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        #[derive(Deserialize)]
        struct Clock<'a> {
            #[serde(borrow, rename = "timeNano")]
            time_nano: &'a RawValue,
        }
        let (clock, _) = envelope::open::<Clock<'_>>(reply)?;
        let nanos = integer(clock.time_nano)?;
        Ts::from_nanos(nanos).map(Some).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        matches!(series.row.reach, Reach::Listing | Reach::Archive).then(|| query::first(series))
    }

    fn first_near(&self, series: &Series<'_>, about: Ts) -> Option<Request> {
        (series.row.reach == Reach::Archive).then(|| query::first_near(series, about))
    }

    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        kline::read_first(series.pair(), reply)
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
        Some(&stream::BybitStreams)
    }

    fn files(&self, series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
        archive::files(series, range, now, usage)
    }

    fn file_format(&self, series: &Series<'_>) -> Option<Box<dyn FileFormat>> {
        (series.row.kind == Kind::Trade).then(|| Box::new(archive::Format::of(series)) as Box<dyn FileFormat>)
    }
}
