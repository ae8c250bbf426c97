//! OKX: spot, perpetual and dated contracts, over its API v5.
//!
//! Of every list the newest rows come first, and the newest of too many. Both bounds of a question are left out of
//! its answer. Derivatives count contracts, whose size is asked for first where base coins are not said beside.

mod archive;
mod book;
mod candle;
mod contract;
mod envelope;
mod funding;
mod instruments;
mod open_interest;
mod query;
mod stream;
mod symbol;
mod table;
#[cfg(test)]
mod tests;
mod trade;

use dccd_record::{Fixed, Kind, LineWriter, Range, Ts};
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
use crate::wire::millis;

/// OKX.
#[derive(Debug)]
pub(crate) struct Okx;

impl Adapter for Okx {
    fn name(&self) -> &'static str {
        "okx"
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
            Kind::Candle => candle::read(series.pair(), reply, sink),
            Kind::Trade => trade::read(series, rows, reply, sink),
            Kind::Funding => funding::read(series.pair(), reply, sink),
            Kind::OpenInterest => open_interest::read(rows, reply, sink),
            Kind::Book => Err(AnswerError::Unexpected("a book has no pages".to_owned())),
        }
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
        book::read(series, reply, lines, out)
    }

    fn clock(&self, _api: &'static Api) -> Request {
        query::clock()
    }

    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        #[derive(Deserialize)]
        struct Clock<'a> {
            #[serde(borrow)]
            ts: &'a RawValue,
        }
        millis(envelope::only::<Clock<'_>>(reply)?.ts).map(Some)
    }

    fn first(&self, series: &Series<'_>) -> Option<Request> {
        (series.row.reach == Reach::Listing).then(|| query::first(series))
    }

    fn read_first(&self, _series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        candle::read_first(reply)
    }

    fn contract(&self, series: &Series<'_>) -> Option<Request> {
        contract::request(series)
    }

    fn read_contract(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Fixed, AnswerError> {
        contract::read(series.pair(), reply)
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
        Some(&stream::OkxStreams)
    }

    fn files(&self, series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
        archive::files(series, range, now, usage)
    }

    fn files_end(&self, now: Ts) -> Ts {
        archive::end(now)
    }

    fn file_format(&self, series: &Series<'_>) -> Option<Box<dyn FileFormat>> {
        (series.row.kind == Kind::Trade).then(|| Box::new(archive::Format::of(series)) as Box<dyn FileFormat>)
    }
}
