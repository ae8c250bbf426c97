//! What every exchange's module gives: questions as requests, answers as rows.

use dccd_record::{Dataset, Fixed, LineWriter, Pair, Range, Ts};

use crate::answer::{AnswerError, Page, Reply};
use crate::archive::{BulkFile, FileFormat, Use};
use crate::capability::Capability;
use crate::instrument::{Instrument, Listed};
use crate::live::Streams;
use crate::request::{Api, Request};
use crate::sink::Sink;

/// Everybody we speak to, in the order of the manual. A new exchange is one line here and one module.
pub(crate) static ADAPTERS: &[&dyn Adapter] = &[
    &crate::binance::Binance,
    &crate::coinbase::Coinbase,
    &crate::kraken::Kraken,
    &crate::krakenfutures::KrakenFutures,
    &crate::bybit::Bybit,
    &crate::okx::Okx,
    &crate::bitfinex::Bitfinex,
    &crate::bitmex::Bitmex,
];

/// One series, as its adapter sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    /// What the exchange has of it.
    pub(crate) row: &'static Capability,
    /// What it is called here.
    pub(crate) dataset: &'a Dataset,
    /// What one contract is, where [`Adapter::contract`] asks for that.
    pub(crate) contract: Option<Fixed>,
}

impl Series<'_> {
    /// The pair.
    pub(crate) fn pair(&self) -> &Pair {
        self.dataset.pair()
    }

    /// The exchange's own word for the span.
    pub(crate) fn span_name(&self) -> &'static str {
        self.row.span_name(self.dataset.span()).unwrap_or_default()
    }

    /// A request to the row's path: `query` follows the question mark.
    pub(crate) fn request(&self, query: &str) -> Request {
        self.request_to(&format!("{}?{query}", self.row.path))
    }

    /// A request to any path of the row's host that counts as the row says.
    pub(crate) fn request_to(&self, path: &str) -> Request {
        Request { api: self.row.api, path: path.to_owned(), weight: self.row.weight, group: self.row.group }
    }
}

/// Which rows of a series are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Those of a range. Of a grid a page can hold them all, but the last page of a range may have a row more.
    Within(Range),
    /// The oldest ones from an instant on.
    From(Ts),
    /// The newest one before an instant.
    Before(Ts),
    /// Those with ids from this one on, as many as a page holds.
    FromId(u64),
    /// The last ones of all.
    Newest,
}

/// One exchange. Nothing here does I/O or reads a clock.
///
/// `read` methods first tell whether the reply is an answer at all: an error in HTTP 200, a web page and a
/// cut body are errors, and an empty list is empty only if that is how the exchange says so.
pub(crate) trait Adapter: std::fmt::Debug + Sync {
    /// Its name in lines and paths.
    fn name(&self) -> &'static str;

    /// What it has.
    fn capabilities(&self) -> &'static [Capability];

    /// The day on which it closed for good.
    fn closed(&self) -> Option<&'static str> {
        None
    }

    /// The most rows of one page of a series: fewer than its row says where a page may not be so wide.
    fn page_rows(&self, series: &Series<'_>) -> u32 {
        series.row.page_rows
    }

    /// How far the time of a row may be from the instant by which it is asked for, where pages follow each
    /// other by time.
    fn stamp_error_nanos(&self) -> i64 {
        0
    }

    /// The question for a page of at most `limit` rows.
    ///
    /// Only those [`Rows`] are asked for that the row's paging needs: a grid `Within`, `Newest` and, if it
    /// finds the next row, `From`; windows `From` where the oldest of too many are given, else `Within`, and
    /// `Newest`; ids `FromId`, `Newest` and what their seek says; times `From` and `Newest`.
    fn page(&self, series: &Series<'_>, rows: Rows, limit: u32) -> Request;

    /// Hands every row of a page to `sink`, oldest first, whatever order the exchange has.
    ///
    /// Rows that an exchange sends unasked because it has no bound for them are left out here, but counted
    /// with [`Sink::skip`]; those that were asked for not to come are handed on, so that they are noticed.
    fn read_page(
        &self,
        series: &Series<'_>,
        rows: Rows,
        reply: &Reply<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError>;

    /// The question for a snapshot of the book.
    fn book(&self, series: &Series<'_>, depth: Option<u32>) -> Request;

    /// Writes a snapshot, whose instant is the exchange's where it says one.
    fn read_book(
        &self,
        series: &Series<'_>,
        reply: &Reply<'_>,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<Page, AnswerError>;

    /// The question for the exchange's clock; where it has none, a cheap one whose answer has a `Date`.
    fn clock(&self, api: &'static Api) -> Request;

    /// The exchange's clock; `None` where only the `Date` says it.
    fn read_clock(&self, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError>;

    /// The question whose answer shows the first record of all, where there is one.
    fn first(&self, series: &Series<'_>) -> Option<Request>;

    /// The instant of the first record; `None` if there is none yet. What is not answered with a page of the
    /// series is read otherwise.
    fn read_first(&self, series: &Series<'_>, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
        first_of_page(self, series, reply)
    }

    /// The question for the last trades of a pair, where trades have no history over REST: only when the last one was
    /// is looked at. The row is that of the pair's book.
    fn last_trade(&self, _series: &Series<'_>) -> Option<Request> {
        None
    }

    /// When the last trade was, if there was any, and what time it is for the exchange, if the answer says so.
    fn read_last_trade(
        &self,
        series: &Series<'_>,
        _reply: &Reply<'_>,
    ) -> Result<(Option<Ts>, Option<Ts>), AnswerError> {
        Err(AnswerError::Unexpected(format!("nobody was asked for the last trade of {}", series.dataset)))
    }

    /// The question for the size of one contract, where amounts are contracts and are to be base units.
    fn contract(&self, _series: &Series<'_>) -> Option<Request> {
        None
    }

    /// The question that shows the first record more closely than [`Adapter::first`] did with `about`, where there
    /// is one; the answer is read in the same way.
    fn first_near(&self, _series: &Series<'_>, _about: Ts) -> Option<Request> {
        None
    }

    /// The size of one contract in base units.
    fn read_contract(&self, _series: &Series<'_>, _reply: &Reply<'_>) -> Result<Fixed, AnswerError> {
        Err(AnswerError::Unexpected("no contract was asked for".to_owned()))
    }

    /// The questions for everything that is traded.
    fn instruments(&self) -> Vec<Request>;

    /// Adds what an answer to one of them, or to a further page of it, lists.
    fn read_instruments(
        &self,
        request: &Request,
        reply: &Reply<'_>,
        found: &mut Vec<Instrument>,
    ) -> Result<Listed, AnswerError>;

    /// What it pushes.
    fn streams(&self) -> Option<&'static dyn Streams> {
        None
    }

    /// The bulk files of `range`, oldest first.
    fn files(&self, _series: &Series<'_>, _range: Range, _now: Ts, _usage: Use) -> Vec<BulkFile> {
        Vec::new()
    }

    /// Where the newest files end that are sure to be there: yesterday's come by noon.
    fn files_end(&self, now: Ts) -> Ts {
        const DELAY_NANOS: i64 = 12 * 3_600_000_000_000;
        now.saturating_add(-DELAY_NANOS).day().start()
    }

    /// What the lines of a bulk file mean.
    fn file_format(&self, _series: &Series<'_>) -> Option<Box<dyn FileFormat>> {
        None
    }
}

/// The instant of the first record of an answer that is a page of the series.
pub(crate) fn first_of_page<A: Adapter + ?Sized>(
    adapter: &A,
    series: &Series<'_>,
    reply: &Reply<'_>,
) -> Result<Option<Ts>, AnswerError> {
    let (mut lines, mut unused) = (LineWriter::new(series.dataset), Vec::new());
    let mut sink = Sink::probe(Rows::Newest, series.dataset.span(), &mut lines, &mut unused);
    adapter.read_page(series, Rows::Newest, reply, &mut sink)?;
    Ok(sink.page().first.map(|first| first.ts))
}
