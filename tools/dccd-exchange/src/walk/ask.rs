//! One question, and how to read its answer.

use dccd_record::{Dataset, Fixed, Kind, LineWriter, Ts};

use crate::adapter::{Rows, Series};
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::capability::{Capability, Impossible, Reach, capability};
use crate::request::{Api, Request};
use crate::sink::{Sink, Wanted};

const SECOND_NANOS: i64 = 1_000_000_000;
/// No record lies so far ahead of the answer it stands in, whatever clocks do.
const AHEAD_NANOS_MAX: i64 = 3600 * SECOND_NANOS;

/// One question, and how to read its answer.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What to send.
    pub request: Request,
    row: &'static Capability,
    dataset: Dataset,
    contract: Option<Fixed>,
    question: Question,
    epoch: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Clock,
    /// Where the first record of all lies.
    First,
    /// The size of one contract.
    Contract,
    /// Records.
    Page(Wanted),
    /// One row, of which only its place matters.
    Probe(Rows),
    /// When the last trade was.
    LastTrade,
    Book,
}

impl Ask {
    /// What time it is for the exchange that has `dataset`.
    pub fn clock(dataset: &Dataset) -> Result<Ask, Impossible> {
        let row = capability(dataset)?;
        Ok(Ask::new(row, dataset, row.adapter().clock(row.api), Question::Clock))
    }

    /// Where the first record of all lies; `None` where the exchange does not say.
    pub fn first_record(dataset: &Dataset) -> Result<Option<Ask>, Impossible> {
        let row = capability(dataset)?;
        let series = Series { row, dataset, contract: None };
        Ok(row.adapter().first(&series).map(|request| Ask::new(row, dataset, request, Question::First)))
    }

    /// Where the first record lies more closely, if [`Ask::first_record`] has shown it `about` there.
    pub fn first_record_near(dataset: &Dataset, about: Ts) -> Result<Option<Ask>, Impossible> {
        let row = capability(dataset)?;
        let series = Series { row, dataset, contract: None };
        let request = row.adapter().first_near(&series, about);
        Ok(request.map(|request| Ask::new(row, dataset, request, Question::First)))
    }

    /// The size of one contract, where it must be known before amounts mean anything.
    pub fn contract(dataset: &Dataset) -> Result<Option<Ask>, Impossible> {
        let row = capability(dataset)?;
        let series = Series { row, dataset, contract: None };
        Ok(row.adapter().contract(&series).map(|request| Ask::new(row, dataset, request, Question::Contract)))
    }

    /// A snapshot of the book; of no more than so many levels, where the exchange gives fewer and they cost less.
    pub fn book(dataset: &Dataset, contract: Option<Fixed>, depth: Option<u32>) -> Result<Ask, Impossible> {
        let row = capability(dataset)?;
        let series = Series { row, dataset, contract };
        Ok(Ask::new(row, dataset, row.adapter().book(&series, depth), Question::Book).with_contract(contract))
    }

    /// Where the newest record lies, as far as REST shows it; for kinds of which there is more than what is now. `None`
    /// where nobody can be asked.
    pub fn newest(dataset: &Dataset, contract: Option<Fixed>) -> Result<Option<Ask>, Impossible> {
        let row = capability(dataset).ok().filter(|row| row.reach != Reach::Archive);
        if let Some(row) = row {
            return Ok(Some(Ask::probe(row, dataset, Rows::Newest, 0).with_contract(contract)));
        }
        let book = Dataset::new(dataset.exchange().clone(), Kind::Book, dataset.pair().clone(), None);
        let Some(book) = book.ok().filter(|_| dataset.kind() == Kind::Trade) else { return Ok(None) };
        let row = capability(&book)?;
        let request = row.adapter().last_trade(&Series { row, dataset, contract });
        Ok(request.map(|request| Ask::new(row, dataset, request, Question::LastTrade)))
    }

    pub(super) fn page(row: &'static Capability, dataset: &Dataset, wanted: Wanted, limit: u32, epoch: u32) -> Ask {
        let series = Series { row, dataset, contract: None };
        let request = row.adapter().page(&series, wanted.rows, limit);
        Ask { epoch, ..Ask::new(row, dataset, request, Question::Page(wanted)) }
    }

    pub(super) fn probe(row: &'static Capability, dataset: &Dataset, rows: Rows, epoch: u32) -> Ask {
        let series = Series { row, dataset, contract: None };
        let request = row.adapter().page(&series, rows, 1);
        Ask { epoch, ..Ask::new(row, dataset, request, Question::Probe(rows)) }
    }

    fn new(row: &'static Capability, dataset: &Dataset, request: Request, question: Question) -> Ask {
        Ask { request, row, dataset: dataset.clone(), contract: None, question, epoch: 0 }
    }

    pub(super) fn with_contract(self, contract: Option<Fixed>) -> Ask {
        Ask { contract, ..self }
    }

    pub(super) fn question(&self) -> Question {
        self.question
    }

    pub(super) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The exchange that is asked.
    pub fn exchange(&self) -> &str {
        self.dataset.exchange().as_str()
    }

    /// The host that is asked.
    pub fn api(&self) -> &'static Api {
        self.request.api
    }

    /// Appends the records of an answer to `out`, or nothing if it is an error.
    pub fn read(&self, reply: &Reply<'_>, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
        let before = out.len();
        let read = self.read_rows(reply, out).and_then(|page| self.check_ahead(page, reply));
        if read.is_err() {
            out.truncate(before);
        }
        let mut page = read?;
        page.stamp = match (self.question, page.stamp, reply.date) {
            // Two clocks that differ by more than a rounded second: no later than both of them.
            (Question::Clock, Some(stamp), Some(date)) => Some(stamp.min(date.saturating_add(SECOND_NANOS))),
            (_, stamp, date) => stamp.or(date),
        };
        Ok(page)
    }

    fn read_rows(&self, reply: &Reply<'_>, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
        let adapter = self.row.adapter();
        let series = Series { row: self.row, dataset: &self.dataset, contract: self.contract };
        let mut lines = LineWriter::new(&self.dataset);
        let span = self.dataset.span();
        match self.question {
            Question::Clock => Ok(Page { rows: 1, stamp: adapter.read_clock(reply)?, ..Page::default() }),
            Question::Contract => {
                Ok(Page { rows: 1, contract: Some(adapter.read_contract(&series, reply)?), ..Page::default() })
            }
            Question::First => {
                let first = adapter.read_first(&series, reply)?;
                // A candle opens before its first trade.
                let first = first.map(|ts| Mark { ts: span.map_or(ts, |span| span.floor(ts)), id: 0 });
                Ok(Page { rows: usize::from(first.is_some()), first, last: first, ..Page::default() })
            }
            Question::Page(wanted) => {
                let mut sink = Sink::new(wanted, &mut lines, out);
                adapter.read_page(&series, wanted.rows, reply, &mut sink)?;
                Ok(sink.page())
            }
            Question::Probe(rows) => {
                let mut sink = Sink::probe(rows, span, &mut lines, out);
                adapter.read_page(&series, rows, reply, &mut sink)?;
                Ok(sink.page())
            }
            Question::LastTrade => {
                let (ts, stamp) = adapter.read_last_trade(&series, reply)?;
                let last = ts.map(|ts| Mark { ts, id: 0 });
                Ok(Page { rows: usize::from(last.is_some()), first: last, last, stamp, ..Page::default() })
            }
            Question::Book => adapter.read_book(&series, reply, &mut lines, out),
        }
    }

    fn check_ahead(&self, page: Page, reply: &Reply<'_>) -> Result<Page, AnswerError> {
        // A book may carry our time.
        let last = page.last.filter(|_| !matches!(self.question, Question::Book));
        match (last, reply.date) {
            (Some(last), Some(date)) if last.ts > date.saturating_add(AHEAD_NANOS_MAX) => {
                let ts = last.ts;
                Err(AnswerError::Unexpected(format!("a record of {ts}, though it is {date} there")))
            }
            _ => Ok(page),
        }
    }
}
