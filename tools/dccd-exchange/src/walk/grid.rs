//! Candles and open interest: pages of fixed width, each of which one answer can hold.
//!
//! A page whose last rows are missing is an outage of the exchange, or a false answer. A second,
//! different question tells them apart. Where the first row from the hole on can be asked for, it must lie
//! behind the hole. Elsewhere the question about the hole begins with a record that is known: an answer
//! without that one is false. Where none is known, many empty answers and a newest record have to do. What is
//! missing before the first row of a page is proven in the same way.

use dccd_record::{Range, Span, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way, noun};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::sink::Wanted;

#[derive(Debug)]
pub(super) struct GridWalk {
    progress: Progress,
    span: Span,
    finds_next: bool,
    state: State,
    /// The last record that was taken.
    last: Option<Mark>,
    /// How often there was nothing where nothing is known.
    empties: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Pages are asked for, from this instant on.
    Pages(Ts),
    /// There is a hole up to this instant that wants to be proven.
    Hole { end: Ts, check: Check },
    /// The question about the hole is on its way.
    Asked { end: Ts, check: Check },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// By the first row from the hole on.
    Next,
    /// By that part alone, and the record before it.
    Again,
    /// By the newest row of all.
    Newest,
}

impl GridWalk {
    pub(super) fn new(progress: Progress, span: Span, finds_next: bool) -> GridWalk {
        let state = State::Pages(progress.range.start());
        GridWalk { progress, span, finds_next, state, last: None, empties: 0 }
    }

    fn page(&mut self, start: Ts) -> Option<Ask> {
        let first = self.span.ceil(start);
        let range = Range::new(first, self.page_end(first)).or_else(|| Range::new(start, self.progress.range.end()))?;
        self.state = State::Pages(range.end());
        Some(self.progress.ask(Rows::Within(range), self.rows_of(range), None, false))
    }

    /// The hole, with the record before it if one page can hold both.
    fn again(&self, end: Ts) -> Option<Ask> {
        let start = self.progress.left()?.start();
        let page = |start: Ts| Range::new(start, end).filter(|range| self.rows_of(*range) <= self.progress.page_rows());
        if let Some((known, range)) = self.last.and_then(|known| Some((known, page(known.ts)?))) {
            return Some(self.progress.ask(Rows::Within(range), self.rows_of(range), Some(known), false));
        }
        let range = Range::new(start, end)?;
        Some(self.progress.ask(Rows::Within(range), self.rows_of(range), None, false))
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        let Rows::Within(asked) = wanted.rows else { return };
        if let Some(end) = self.head_hole(asked, page) {
            self.progress.forget();
            self.state = State::Hole { end, check: Check::Again };
            return;
        }
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        let end = asked.end();
        if let Some(last) = page.last {
            self.last = Some(last);
            self.empties = 0;
        }
        let hole = match page.last {
            Some(last) => last.ts.saturating_add(self.span.nanos()),
            None => self.span.ceil(asked.start().max(self.progress.covered_to)),
        };
        // A range that ends in the middle of a bucket has no row left after that bucket's own.
        if self.span.ceil(end) <= hole || page.is_known_there {
            self.progress.cover(end, steps);
            self.leave_hole();
            return;
        }
        self.progress.cover(hole, steps);
        let is_news = page.last.is_some() || matches!(self.state, State::Pages(_));
        if is_news {
            self.progress.forget();
            let check = if self.finds_next { Check::Next } else { Check::Again };
            self.state = State::Hole { end, check };
        } else if let Some(known) = wanted.known {
            let noun = noun(self.progress.dataset.kind());
            self.progress.doubt(format!("an answer without the {noun} of {}, which there is", known.ts), steps);
            self.state = State::Hole { end, check: Check::Again };
        } else {
            self.empties += 1;
            let check = if self.empties < DOUBTS_MAX { Check::Again } else { Check::Newest };
            self.state = State::Hole { end, check };
        }
    }

    /// Where the first row of a page is, if rows may be missing before it: an exchange that cannot be asked for
    /// the next row gives the newest ones of too many, so a page that was cut begins late. What stands before is
    /// asked for alone, and then this page again.
    fn head_hole(&self, asked: Range, page: &Page) -> Option<Ts> {
        let expected = self.span.ceil(asked.start().max(self.progress.covered_to));
        let first = page.first.filter(|first| first.ts > expected)?;
        (!self.finds_next && !page.is_known_there).then_some(first.ts)
    }

    fn take_next(&mut self, end: Ts, next: Option<Mark>, steps: &mut Vec<Step>) {
        match next {
            Some(next) if next.ts >= end => {
                self.progress.cover(next.ts, steps);
                self.state = State::Pages(next.ts);
            }
            Some(next) => self.ask_again(&next, steps),
            None => self.state = State::Hole { end, check: Check::Newest },
        }
    }

    /// Where nothing was there time and again: believed if the exchange shows that it answers at all.
    fn take_newest(&mut self, end: Ts, newest: Option<Mark>, steps: &mut Vec<Step>) {
        let noun = noun(self.progress.dataset.kind());
        match newest {
            Some(newest) if newest.ts < self.span.ceil(self.progress.covered_to) => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            Some(newest) if self.finds_next => self.ask_again(&newest, steps),
            Some(_) => {
                // What lies behind is to be doubted as much.
                self.empties = 0;
                self.progress.cover(end, steps);
                self.state = State::Pages(end);
            }
            None => {
                self.progress.doubt(format!("the exchange shows no {noun} at all"), steps);
                self.state = if self.finds_next {
                    State::Pages(self.progress.covered_to)
                } else {
                    State::Hole { end, check: Check::Newest }
                };
            }
        }
    }

    fn ask_again(&mut self, seen: &Mark, steps: &mut Vec<Step>) {
        let (noun, hole) = (noun(self.progress.dataset.kind()), self.span.ceil(self.progress.covered_to));
        self.progress.doubt(format!("no {noun} from {hole} on, though there is one of {}", seen.ts), steps);
        self.state = State::Pages(self.progress.covered_to);
    }

    /// After a hole go on behind it; pages that were asked for further on stay asked for.
    fn leave_hole(&mut self) {
        if let State::Asked { end, .. } = self.state {
            self.state = State::Pages(end);
        }
    }

    fn page_end(&self, start: Ts) -> Ts {
        let width = self.span.nanos().saturating_mul(i64::from(self.progress.page_rows()));
        start.saturating_add(width).min(self.progress.range.end())
    }

    /// The most rows of a range.
    fn rows_of(&self, range: Range) -> u32 {
        let width = self.span.ceil(range.end()).nanos().saturating_sub(self.span.floor(range.start()).nanos());
        u32::try_from(width.div_euclid(self.span.nanos())).unwrap_or(u32::MAX)
    }
}

impl Way for GridWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        self.progress.left()?;
        match self.state {
            State::Pages(start) => self.page(start),
            State::Hole { end, check } => {
                self.state = State::Asked { end, check };
                match check {
                    Check::Next => Some(self.progress.probe(Rows::From(self.span.ceil(self.progress.covered_to)))),
                    Check::Again => self.again(end),
                    Check::Newest => Some(self.progress.probe(Rows::Newest)),
                }
            }
            State::Asked { .. } => None,
        }
    }

    fn take(&mut self, ask: &Ask, page: &Page, _lines: &mut Vec<u8>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question(), self.state) {
            (Question::Page(wanted), _) => self.take_page(wanted, page, &mut steps),
            (_, State::Asked { end, check: Check::Next }) => self.take_next(end, page.first, &mut steps),
            (_, State::Asked { end, check: Check::Newest }) => self.take_newest(end, page.last, &mut steps),
            _ => {}
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
