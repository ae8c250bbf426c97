//! Open interest: pages of fixed width. The exchange gives the newest rows of what is asked for, so
//! every question ends where its page does.
//!
//! A page whose last rows are missing is a hole of the exchange's, or a false answer. The question
//! about the hole begins with a record that is known: an answer without that one is false. Where none is
//! known, many empty answers and a newest record have to do.

use dccd_record::{Dataset, Range, Span, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step};
use crate::answer::{Mark, Page};
use crate::binance::open_interest::Wanted;
use crate::binance::query::Rows;
use crate::capability::Capability;

#[derive(Debug)]
pub(super) struct OpenInterestWalk {
    pub(super) progress: Progress,
    span: Span,
    state: State,
    /// The last record that was taken.
    last: Option<Ts>,
    /// How often there was nothing where nothing is known.
    empties: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Pages are asked for, from this instant on.
    Pages(Ts),
    /// The end of a page was empty: ask for that part alone.
    Hole { end: Ts },
    /// That question is on its way.
    Asked { end: Ts },
    /// That part stays empty: does the exchange show anything at all?
    Newest { end: Ts },
    /// That question is on its way.
    NewestAsked { end: Ts },
}

impl OpenInterestWalk {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, span: Span, range: Range) -> OpenInterestWalk {
        let progress = Progress::new(row, dataset, range);
        OpenInterestWalk { progress, span, state: State::Pages(range.start()), last: None, empties: 0 }
    }

    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        let left = self.progress.left()?;
        let limit = self.progress.row.page_rows;
        match self.state {
            State::Pages(start) => {
                let first = self.span.ceil(start);
                let end = self.page_end(first);
                let range = Range::new(first, end).or_else(|| Range::new(start, self.progress.range.end()))?;
                self.state = State::Pages(range.end());
                Some(self.progress.ask(Rows::Within(range), limit, Question::Interest(self.wanted(range))))
            }
            State::Hole { end } => {
                self.state = State::Asked { end };
                let asked = Range::new(self.last.unwrap_or(left.start()), end)?;
                let wanted = Wanted { known: self.last, ..self.wanted(Range::new(left.start(), end)?) };
                Some(self.progress.ask(Rows::Within(asked), limit, Question::Interest(wanted)))
            }
            State::Newest { end } => {
                self.state = State::NewestAsked { end };
                Some(self.progress.probe(Rows::Newest))
            }
            State::Asked { .. } | State::NewestAsked { .. } => None,
        }
    }

    pub(super) fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question, self.state) {
            (Question::Interest(wanted), _) => self.take_page(wanted, page, &mut steps),
            (_, State::NewestAsked { end }) => self.take_newest(end, page.last, &mut steps),
            _ => {}
        }
        steps
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        let end = wanted.range.end();
        let next = page.last.map_or(wanted.range.start(), |last| last.ts.saturating_add(self.span.nanos()));
        let is_known_there = wanted.known.is_some() && page.first.map(|first| first.ts) == wanted.known;
        if let Some(last) = page.last {
            self.last = Some(last.ts);
            self.empties = 0;
        }
        if self.span.ceil(end) <= self.span.ceil(next) || is_known_there {
            self.progress.cover(end, steps);
            self.leave_hole();
            return;
        }
        self.progress.cover(next, steps);
        if page.last.is_some() || matches!(self.state, State::Pages(_)) {
            self.progress.epoch = self.progress.epoch.wrapping_add(1);
            self.state = State::Hole { end };
        } else if let Some(known) = wanted.known {
            self.progress.doubt(format!("an answer without the open interest of {known}, which there is"), steps);
            self.state = State::Hole { end };
        } else {
            self.empties += 1;
            self.state = if self.empties < DOUBTS_MAX { State::Hole { end } } else { State::Newest { end } };
        }
    }

    /// Where nothing was there time and again: believed if the exchange shows that it answers at all.
    fn take_newest(&mut self, end: Ts, newest: Option<Mark>, steps: &mut Vec<Step>) {
        match newest {
            Some(newest) if newest.ts < self.progress.covered_to => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            Some(_) => {
                self.progress.cover(end, steps);
                self.state = State::Pages(end);
            }
            None => {
                self.progress.doubt("the exchange shows no open interest at all".to_owned(), steps);
                self.state = State::Newest { end };
            }
        }
    }

    /// After a hole go on behind it; pages that were asked for further on stay asked for.
    fn leave_hole(&mut self) {
        if let State::Asked { end } = self.state {
            self.state = State::Pages(end);
        }
    }

    fn page_end(&self, start: Ts) -> Ts {
        let width = self.span.nanos().saturating_mul(i64::from(self.progress.row.page_rows));
        start.saturating_add(width).min(self.progress.range.end())
    }

    fn wanted(&self, range: Range) -> Wanted {
        Wanted { range, span: self.span, known: None }
    }
}
