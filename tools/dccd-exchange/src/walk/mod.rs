//! The way through one range: which question comes next, and what its answer proves.

mod candle;
mod funding;
mod open_interest;
mod trade;

use dccd_record::{Dataset, Kind, LineWriter, Proof, Range, Ts};

use crate::answer::{AnswerError, Page, Reply};
use crate::binance;
use crate::binance::query::{self, Rows};
use crate::capability::{Capability, Impossible, capability};
use crate::request::{Api, Request};

use candle::CandleWalk;
use funding::FundingWalk;
use open_interest::OpenInterestWalk;
use trade::TradeWalk;

/// How often a doubtful answer is asked for again before it is given up or believed.
const DOUBTS_MAX: u32 = 5;
const SECOND_NANOS: i64 = 1_000_000_000;
/// No record lies so far ahead of the answer it stands in, whatever clocks do.
const AHEAD_NANOS_MAX: i64 = 3600 * SECOND_NANOS;

/// One question, and how to read its answer.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What to send.
    pub request: Request,
    dataset: Dataset,
    question: Question,
    epoch: u32,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Clock,
    Candles(binance::kline::Wanted),
    Trades(binance::trade::Wanted),
    Rates(binance::funding::Wanted),
    Interest(binance::open_interest::Wanted),
    Book,
    /// Only where the rows lie matters, not what is in them.
    Probe,
}

impl Ask {
    /// What time it is for the exchange that has `dataset`.
    pub fn clock(dataset: &Dataset) -> Result<Ask, Impossible> {
        let row = capability(dataset)?;
        let request = query::clock(row.api);
        Ok(Ask { request, dataset: dataset.clone(), question: Question::Clock, epoch: 0 })
    }

    /// The first record of all; `None` where the exchange does not keep it.
    pub fn first_record(dataset: &Dataset) -> Result<Option<Ask>, Impossible> {
        let row = capability(dataset)?;
        Ok(row.days_back.is_none().then(|| Ask::probe(row, dataset, Rows::Oldest, 0)))
    }

    /// A snapshot of the book.
    pub fn book(dataset: &Dataset) -> Result<Ask, Impossible> {
        let row = capability(dataset)?;
        let request = query::snapshot(row, dataset);
        Ok(Ask { request, dataset: dataset.clone(), question: Question::Book, epoch: 0 })
    }

    fn probe(row: &'static Capability, dataset: &Dataset, rows: Rows, epoch: u32) -> Ask {
        let request = query::page(row, dataset, rows, 1);
        Ask { request, dataset: dataset.clone(), question: Question::Probe, epoch }
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
        let mut lines = LineWriter::new(&self.dataset);
        let before = out.len();
        let mut page = match self.question {
            Question::Clock => binance::read_time(reply),
            Question::Candles(wanted) => binance::kline::read(reply, wanted, &mut lines, out),
            Question::Trades(wanted) => binance::trade::read(reply, wanted, &mut lines, out),
            Question::Rates(wanted) => binance::funding::read(reply, &self.symbol(), wanted, &mut lines, out),
            Question::Interest(wanted) => binance::open_interest::read(reply, &self.symbol(), wanted, &mut lines, out),
            Question::Book => binance::book::read(reply, &mut lines, out),
            Question::Probe => self.read_probe(reply, &mut lines),
        }?;
        if let (Some(last), Some(date)) = (page.last, reply.date)
            && last.ts > date.saturating_add(AHEAD_NANOS_MAX)
            // A book of spot carries our time.
            && !matches!(self.question, Question::Book)
        {
            out.truncate(before);
            let ts = last.ts;
            return Err(AnswerError::Unexpected(format!("a record of {ts}, though it is {date} there")));
        }
        page.stamp = match (self.question, page.stamp, reply.date) {
            // Two clocks that differ by more than a rounded second: no later than both of them.
            (Question::Clock, Some(stamp), Some(date)) => Some(stamp.min(date.saturating_add(SECOND_NANOS))),
            (_, stamp, date) => stamp.or(date),
        };
        Ok(page)
    }

    fn symbol(&self) -> String {
        query::symbol(self.dataset.pair())
    }

    fn read_probe(&self, reply: &Reply<'_>, lines: &mut LineWriter) -> Result<Page, AnswerError> {
        let range = Range::all();
        let mut unused = Vec::new();
        let page = match (self.dataset.kind(), self.dataset.span()) {
            (Kind::Candle, Some(span)) => {
                binance::kline::read(reply, binance::kline::Wanted { range, span }, lines, &mut unused)
            }
            (Kind::OpenInterest, Some(span)) => binance::open_interest::read(
                reply,
                &self.symbol(),
                binance::open_interest::Wanted { range, span, known: None },
                lines,
                &mut unused,
            ),
            (Kind::Funding, _) => binance::funding::read(
                reply,
                &self.symbol(),
                binance::funding::Wanted { range, after: None },
                lines,
                &mut unused,
            ),
            _ => binance::trade::read(reply, binance::trade::Wanted { range, first_id: None }, lines, &mut unused),
        }?;
        Ok(Page { lines: 0, ..page })
    }
}

/// What an answer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The lines of the page go out.
    Lines,
    /// Every record of a range has gone out.
    Covered(Range, Proof),
    /// A hole, and why it is there.
    Gap(Range, String),
    /// A range was not obtained.
    Failed {
        /// The range.
        range: Range,
        /// What went wrong.
        error: String,
        /// Whether asking again later may help.
        is_retryable: bool,
    },
}

/// The way through one range.
#[derive(Debug)]
pub struct Walk {
    way: Way,
}

#[derive(Debug)]
enum Way {
    Candle(CandleWalk),
    Trade(TradeWalk),
    Funding(FundingWalk),
    OpenInterest(OpenInterestWalk),
}

impl Walk {
    /// A way through `range`, all of which lies in the exchange's past. Books have no past.
    pub fn new(dataset: &Dataset, range: Range) -> Result<Walk, Impossible> {
        let row = capability(dataset)?;
        let way = match (dataset.kind(), dataset.span()) {
            (Kind::Candle, Some(span)) => Way::Candle(CandleWalk::new(row, dataset, span, range)),
            (Kind::OpenInterest, Some(span)) => Way::OpenInterest(OpenInterestWalk::new(row, dataset, span, range)),
            (Kind::Funding, _) => Way::Funding(FundingWalk::new(row, dataset, range)),
            _ => Way::Trade(TradeWalk::new(row, dataset, range)),
        };
        Ok(Walk { way })
    }

    /// The next question that can be asked now, before the answers to earlier ones are in.
    pub fn next_ask(&mut self) -> Option<Ask> {
        match &mut self.way {
            Way::Candle(walk) => walk.next_ask(),
            Way::Trade(walk) => walk.next_ask(),
            Way::Funding(walk) => walk.next_ask(),
            Way::OpenInterest(walk) => walk.next_ask(),
        }
    }

    /// Takes the answer to the oldest question that is still open.
    pub fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        match &mut self.way {
            Way::Candle(walk) => walk.take(ask, page),
            Way::Trade(walk) => walk.take(ask, page),
            Way::Funding(walk) => walk.take(ask, page),
            Way::OpenInterest(walk) => walk.take(ask, page),
        }
    }

    /// What is neither covered nor given up; `None` at the end of the way.
    pub fn left(&self) -> Option<Range> {
        let progress = match &self.way {
            Way::Candle(walk) => &walk.progress,
            Way::Trade(walk) => &walk.progress,
            Way::Funding(walk) => &walk.progress,
            Way::OpenInterest(walk) => &walk.progress,
        };
        progress.left()
    }
}

/// How far a walk has come; the same for all kinds.
#[derive(Debug)]
struct Progress {
    row: &'static Capability,
    dataset: Dataset,
    range: Range,
    covered_to: Ts,
    /// Answers to questions of an earlier epoch no longer matter.
    epoch: u32,
    doubts: u32,
    has_failed: bool,
}

impl Progress {
    fn new(row: &'static Capability, dataset: &Dataset, range: Range) -> Progress {
        let covered_to = range.start();
        Progress { row, dataset: dataset.clone(), range, covered_to, epoch: 0, doubts: 0, has_failed: false }
    }

    fn left(&self) -> Option<Range> {
        if self.has_failed { None } else { Range::new(self.covered_to, self.range.end()) }
    }

    /// Everything up to `to` is complete.
    fn cover(&mut self, to: Ts, steps: &mut Vec<Step>) {
        let to = to.min(self.range.end());
        if let Some(range) = Range::new(self.covered_to, to) {
            steps.push(Step::Covered(range, self.row.proof));
            self.covered_to = to;
            self.doubts = 0;
        }
    }

    /// Notes that an answer cannot be believed; gives up after some.
    fn doubt(&mut self, error: String, steps: &mut Vec<Step>) {
        self.doubts += 1;
        self.epoch = self.epoch.wrapping_add(1);
        if self.doubts >= DOUBTS_MAX
            && let Some(range) = self.left()
        {
            self.has_failed = true;
            steps.push(Step::Failed { range, error, is_retryable: true });
        }
    }

    fn ask(&self, rows: Rows, limit: u32, question: Question) -> Ask {
        let request = query::page(self.row, &self.dataset, rows, limit);
        Ask { request, dataset: self.dataset.clone(), question, epoch: self.epoch }
    }

    fn probe(&self, rows: Rows) -> Ask {
        Ask::probe(self.row, &self.dataset, rows, self.epoch)
    }

    fn is_stale(&self, ask: &Ask) -> bool {
        self.has_failed || ask.epoch != self.epoch
    }
}
