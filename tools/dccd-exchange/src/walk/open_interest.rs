//! Open interest: pages of fixed width. The exchange gives the newest rows of what is asked for, so
//! every question ends where its page does.

use dccd_record::{Dataset, Range, Span, Ts};

use super::{Ask, Progress, Question, Step};
use crate::answer::Page;
use crate::binance::open_interest::Wanted;
use crate::binance::query::Rows;
use crate::capability::Capability;

#[derive(Debug)]
pub(super) struct OpenInterestWalk {
    pub(super) progress: Progress,
    span: Span,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Pages are asked for, from this instant on.
    Pages(Ts),
    /// The end of a page was empty: ask for that part alone.
    Hole { end: Ts },
    /// That question is on its way.
    Asked { end: Ts },
}

impl OpenInterestWalk {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, span: Span, range: Range) -> OpenInterestWalk {
        OpenInterestWalk { progress: Progress::new(row, dataset, range), span, state: State::Pages(range.start()) }
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
                // One record earlier, so that it differs from the first question.
                let start = left.start().saturating_add(-self.span.nanos());
                let asked = Range::new(start, end)?;
                let wanted = self.wanted(Range::new(left.start(), end)?);
                Some(self.progress.ask(Rows::Within(asked), limit, Question::Interest(wanted)))
            }
            State::Asked { .. } => None,
        }
    }

    pub(super) fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        let Question::Interest(wanted) = ask.question else { return steps };
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        let next = page.last.map_or(wanted.range.start(), |last| last.ts.saturating_add(self.span.nanos()));
        if self.span.ceil(wanted.range.end()) <= self.span.ceil(next) {
            self.progress.cover(wanted.range.end(), &mut steps);
            self.state = match self.state {
                State::Asked { end } => State::Pages(end),
                other => other,
            };
        } else if let State::Asked { end } = self.state {
            // Asked twice, and twice nothing: the exchange has no such records.
            self.progress.cover(end, &mut steps);
            self.state = State::Pages(end);
        } else {
            self.progress.cover(next, &mut steps);
            self.progress.epoch = self.progress.epoch.wrapping_add(1);
            self.state = State::Hole { end: wanted.range.end() };
        }
        steps
    }

    fn page_end(&self, start: Ts) -> Ts {
        let width = self.span.nanos().saturating_mul(i64::from(self.progress.row.page_rows));
        start.saturating_add(width).min(self.progress.range.end())
    }

    fn wanted(&self, range: Range) -> Wanted {
        Wanted { range, span: self.span }
    }
}
