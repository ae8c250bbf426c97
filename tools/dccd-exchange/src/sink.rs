//! Where an adapter hands its rows: they are checked, those that are wanted become lines, and what was
//! seen is noted for the walk.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use dccd_record::{Candle, Funding, LineWriter, OpenInterest, Range, Span, Trade, Ts};

use crate::adapter::Rows;
use crate::answer::{AnswerError, Mark, Page};

/// Trades in the order of their ids may be so much out of the order of their times.
pub(crate) const DISORDER_NANOS: i64 = 1_000_000_000;

/// What of a page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What was asked for.
    pub(crate) rows: Rows,
    /// The instants whose records become lines.
    pub(crate) range: Range,
    /// The distance of the rows of a grid.
    pub(crate) span: Option<Span>,
    /// The record that is known already, and that the page repeats.
    pub(crate) known: Option<Mark>,
    /// Whether ids count without a hole.
    pub(crate) has_consecutive_ids: bool,
}

impl Wanted {
    /// Only where the rows lie matters.
    pub(crate) fn probe(rows: Rows, span: Option<Span>) -> Wanted {
        Wanted { rows, range: Range::all(), span, known: None, has_consecutive_ids: false }
    }
}

/// Takes the rows of one page, oldest first.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    wanted: Wanted,
    page: Page,
    /// Whether the known record has gone by, or there is none.
    is_behind_known: bool,
    is_probe: bool,
    lines: &'a mut LineWriter,
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(wanted: Wanted, lines: &'a mut LineWriter, out: &'a mut Vec<u8>) -> Sink<'a> {
        let start = out.len();
        let is_behind_known = wanted.known.is_none();
        Sink { wanted, page: Page::default(), is_behind_known, is_probe: false, lines, out, start }
    }

    /// A sink that writes nothing.
    pub(crate) fn probe(rows: Rows, span: Option<Span>, lines: &'a mut LineWriter, out: &'a mut Vec<u8>) -> Sink<'a> {
        Sink { is_probe: true, ..Sink::new(Wanted::probe(rows, span), lines, out) }
    }

    /// Whether only the place of a row matters.
    pub(crate) fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// Forgets all rows.
    pub(crate) fn reset(&mut self) {
        self.out.truncate(self.start);
        self.page = Page::default();
        self.is_behind_known = self.wanted.known.is_none();
    }

    /// What was seen.
    pub(crate) fn page(self) -> Page {
        self.page
    }

    /// Says what time it is for the exchange.
    pub(crate) fn stamp(&mut self, stamp: Ts) {
        self.page.stamp = Some(stamp);
    }

    /// Counts a row that was sent for lack of a bound.
    pub(crate) fn skip(&mut self) {
        self.page.rows += 1;
    }

    /// A candle.
    pub(crate) fn candle(&mut self, candle: &Candle<'_>) -> Result<(), AnswerError> {
        if self.place(candle.ts, "candle")? {
            self.page.lines += 1;
            self.lines.candle(candle, self.out);
        }
        Ok(())
    }

    /// A candle that is still open: its place shows that the series goes on, and nothing else of it is wanted.
    pub(crate) fn open_candle(&mut self, ts: Ts) -> Result<(), AnswerError> {
        if self.wanted.range.contains(ts) && !self.is_probe {
            self.skip();
            return self.check_aligned(ts, "candle");
        }
        self.place(ts, "candle").map(|_| ())
    }

    /// A funding rate.
    pub(crate) fn funding(&mut self, funding: &Funding<'_>) -> Result<(), AnswerError> {
        if self.place(funding.ts, "funding rate")? {
            self.page.lines += 1;
            self.lines.funding(funding, self.out);
        }
        Ok(())
    }

    /// A value of open interest.
    pub(crate) fn open_interest(&mut self, record: &OpenInterest<'_>) -> Result<(), AnswerError> {
        if self.place(record.ts, "open interest")? {
            self.page.lines += 1;
            self.lines.open_interest(record, self.out);
        }
        Ok(())
    }

    /// A trade whose id is a number.
    pub(crate) fn trade(&mut self, id: u64, trade: &Trade<'_>) -> Result<(), AnswerError> {
        self.page.rows += 1;
        if self.page.jump.is_some() {
            return Ok(());
        }
        let mark = Mark { ts: trade.ts, id };
        let is_new = if self.wanted.has_consecutive_ids { self.follows(mark)? } else { self.is_after_known(mark)? };
        if !is_new {
            return Ok(());
        }
        self.page.first.get_or_insert(mark);
        self.page.last = Some(mark);
        // The last row decides: one odd stamp on the way is no end.
        self.page.is_past_end = mark.ts >= self.wanted.range.end().saturating_add(DISORDER_NANOS);
        if self.wanted.range.contains(mark.ts) && !self.is_probe {
            self.page.lines += 1;
            self.lines.trade(trade, self.out);
        }
        Ok(())
    }

    /// A trade whose id is any text.
    pub(crate) fn named_trade(&mut self, trade: &Trade<'_>) -> Result<(), AnswerError> {
        self.trade(text_id(trade.tid.as_ref()), trade)
    }

    /// Whether the row of a series without ids is to be written.
    fn place(&mut self, ts: Ts, what: &str) -> Result<bool, AnswerError> {
        let unexpected = |why: &str| Err(AnswerError::Unexpected(format!("a {what} of {ts} {why}")));
        self.page.rows += 1;
        self.check_aligned(ts, what)?;
        let mark = Mark { ts, id: 0 };
        if self.wanted.known.is_some_and(|known| ts == known.ts) && self.page.last.is_none() {
            self.is_behind_known = true;
            self.page.is_known_there = true;
            return Ok(false);
        }
        // Funding rates may share an instant, what stands on a grid may not.
        if self.page.last.is_some_and(|last| ts < last.ts || (self.wanted.span.is_some() && ts == last.ts)) {
            return unexpected("is not after the one before it");
        }
        // Rows of another range say nothing about this one.
        let is_asked = match self.wanted.rows {
            Rows::Within(range) => range.contains(ts),
            Rows::From(start) => ts >= start,
            Rows::Before(end) => ts < end,
            Rows::FromId(_) | Rows::Newest => true,
        };
        if !is_asked {
            return unexpected("was not asked for");
        }
        self.page.first.get_or_insert(mark);
        self.page.last = Some(mark);
        self.page.is_past_end |= ts >= self.wanted.range.end();
        Ok(self.wanted.range.contains(ts) && !self.is_probe)
    }

    /// A trade may come before the instant that was asked for only as much as ids and times disagree.
    fn check_from(&self, mark: Mark) -> Result<bool, AnswerError> {
        match self.wanted.rows {
            Rows::From(start) if mark.ts < start.saturating_add(-DISORDER_NANOS) => {
                Err(AnswerError::Unexpected(format!("a trade of {} was not asked for", mark.ts)))
            }
            _ => Ok(true),
        }
    }

    fn check_aligned(&self, ts: Ts, what: &str) -> Result<(), AnswerError> {
        match self.wanted.span.filter(|span| !span.is_aligned(ts)) {
            Some(span) => Err(AnswerError::Unexpected(format!("a {what} of {ts} is no multiple of {span}"))),
            None => Ok(()),
        }
    }

    /// Whether a trade with a consecutive id continues what is known.
    fn follows(&mut self, mark: Mark) -> Result<bool, AnswerError> {
        let expected = match (self.page.last, self.wanted.known, self.wanted.rows) {
            (Some(last), _, _) => last.id.checked_add(1),
            (None, Some(known), _) => known.id.checked_add(1),
            (None, None, Rows::FromId(id)) => Some(id),
            (None, None, _) => None,
        };
        let Some(expected) = expected else {
            return self.check_from(mark);
        };
        if mark.id < expected && self.page.last.is_some() {
            let id = mark.id;
            return Err(AnswerError::Unexpected(format!("trade {id} where {expected} or a later one belongs")));
        }
        if mark.id > expected {
            self.page.jump = Some(mark);
        }
        Ok(mark.id == expected)
    }

    /// Whether a trade stands behind the one that is known.
    fn is_after_known(&mut self, mark: Mark) -> Result<bool, AnswerError> {
        if self.page.last.is_some_and(|last| mark.ts < last.ts) {
            return Err(AnswerError::Unexpected(format!("a trade of {} is before the one above it", mark.ts)));
        }
        if !self.is_behind_known {
            self.is_behind_known = self.wanted.known.is_some_and(|known| known.id == mark.id);
            self.page.is_known_there = self.is_behind_known;
            return Ok(false);
        }
        self.check_from(mark)
    }
}

/// A number for an id that is none.
fn text_id(tid: Option<&Cow<'_, str>>) -> u64 {
    let mut hasher = DefaultHasher::new();
    tid.hash(&mut hasher);
    hasher.finish()
}
