//! Candles: pages of fixed width, each of which one answer can hold.
//!
//! A page whose last rows are missing is an outage of the exchange, or a false answer. A second,
//! different question tells them apart: the first candle from the hole on must lie behind it.

use dccd_record::{Dataset, Range, Span, Ts};

use super::{Ask, Progress, Question, Step};
use crate::answer::Page;
use crate::binance::kline::Wanted;
use crate::binance::query::Rows;
use crate::capability::Capability;

#[derive(Debug)]
pub(super) struct CandleWalk {
    pub(super) progress: Progress,
    span: Span,
    state: State,
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
    /// By the first candle from the hole on.
    Next,
    /// By the newest candle of all.
    Newest,
}

impl CandleWalk {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, span: Span, range: Range) -> CandleWalk {
        CandleWalk { progress: Progress::new(row, dataset, range), span, state: State::Pages(range.start()) }
    }

    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        self.progress.left()?;
        match self.state {
            State::Pages(start) => {
                let first = self.span.ceil(start);
                let end = self.page_end(first);
                let range = Range::new(first, end).or_else(|| Range::new(start, self.progress.range.end()))?;
                self.state = State::Pages(range.end());
                let count = (range.end().nanos() - range.start().nanos()).div_euclid(self.span.nanos()) + 1;
                let limit = u32::try_from(count).unwrap_or(u32::MAX).min(self.progress.row.page_rows);
                Some(self.progress.ask(Rows::Within(range), limit, Question::Candles(self.wanted(range))))
            }
            State::Hole { end, check } => {
                self.state = State::Asked { end, check };
                let rows = match check {
                    Check::Next => Rows::From(self.span.ceil(self.progress.covered_to)),
                    Check::Newest => Rows::Newest,
                };
                Some(self.progress.probe(rows))
            }
            State::Asked { .. } => None,
        }
    }

    pub(super) fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question, self.state) {
            (Question::Candles(wanted), _) => self.take_page(wanted.range, page, &mut steps),
            (_, State::Asked { end, check }) => self.take_check(end, check, page, &mut steps),
            _ => {}
        }
        steps
    }

    fn take_page(&mut self, asked: Range, page: &Page, steps: &mut Vec<Step>) {
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        let hole = match page.last {
            Some(last) => last.ts.saturating_add(self.span.nanos()),
            None => self.span.ceil(asked.start()),
        };
        // A range that ends in the middle of a bucket has no candle left after that bucket's own.
        if self.span.ceil(asked.end()) <= hole {
            self.progress.cover(asked.end(), steps);
            return;
        }
        self.progress.cover(hole, steps);
        self.progress.epoch = self.progress.epoch.wrapping_add(1);
        self.state = State::Hole { end: asked.end(), check: Check::Next };
    }

    fn take_check(&mut self, end: Ts, check: Check, page: &Page, steps: &mut Vec<Step>) {
        let hole = self.span.ceil(self.progress.covered_to);
        match (page.first, check) {
            (Some(next), Check::Next) if next.ts >= end => {
                self.progress.cover(next.ts, steps);
                self.state = State::Pages(next.ts);
            }
            (Some(newest), Check::Newest) if newest.ts < hole => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            (None, Check::Next) => self.state = State::Hole { end, check: Check::Newest },
            (Some(seen), _) => {
                self.ask_again(format!("no candle from {hole} on, though there is one of {}", seen.ts), steps)
            }
            (None, Check::Newest) => self.ask_again("the exchange shows no candle at all".to_owned(), steps),
        }
    }

    fn ask_again(&mut self, error: String, steps: &mut Vec<Step>) {
        self.progress.doubt(error, steps);
        self.state = State::Pages(self.progress.covered_to);
    }

    fn page_end(&self, start: Ts) -> Ts {
        let width = self.span.nanos().saturating_mul(i64::from(self.progress.row.page_rows));
        start.saturating_add(width).min(self.progress.range.end())
    }

    fn wanted(&self, range: Range) -> Wanted {
        Wanted { range, span: self.span }
    }
}
