//! Funding rates: oldest first from an instant on, each page overlapping the one before by one record.

use dccd_record::{Dataset, Range, Ts};

use super::{Ask, Progress, Question, Step};
use crate::answer::{Mark, Page};
use crate::binance::funding::Wanted;
use crate::binance::query::Rows;
use crate::capability::Capability;

#[derive(Debug)]
pub(super) struct FundingWalk {
    pub(super) progress: Progress,
    /// The last record that was taken.
    last: Option<Ts>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Page,
    Newest,
    Waiting,
}

impl FundingWalk {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, range: Range) -> FundingWalk {
        FundingWalk { progress: Progress::new(row, dataset, range), last: None, state: State::Page }
    }

    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        let left = self.progress.left()?;
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Page => {
                let wanted = Wanted { range: self.progress.range, after: self.last };
                let start = self.last.unwrap_or(left.start());
                let limit = self.progress.row.page_rows;
                Some(self.progress.ask(Rows::From(start), limit, Question::Rates(wanted)))
            }
            State::Newest => Some(self.progress.probe(Rows::Newest)),
            State::Waiting => None,
        }
    }

    pub(super) fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match ask.question {
            Question::Rates(_) => self.take_page(page, &mut steps),
            _ => self.take_newest(page.last, &mut steps),
        }
        steps
    }

    fn take_page(&mut self, page: &Page, steps: &mut Vec<Step>) {
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        if page.is_past_end {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let is_full = page.rows >= usize::try_from(self.progress.row.page_rows).unwrap_or(usize::MAX);
        self.state = State::Newest;
        if let Some(last) = page.last {
            self.last = Some(last.ts);
            self.progress.cover(last.ts, steps);
            if is_full {
                self.state = State::Page;
            }
        }
    }

    /// A short page is the last one if the newest record of all is no newer than it.
    fn take_newest(&mut self, newest: Option<Mark>, steps: &mut Vec<Step>) {
        let is_proven = match (newest, self.last) {
            (Some(newest), Some(last)) => newest.ts <= last,
            (Some(newest), None) => newest.ts < self.progress.range.start(),
            (None, _) => false,
        };
        if is_proven {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let error = match newest {
            Some(newest) => format!("no more funding rates, though there is one of {}", newest.ts),
            None => "the exchange shows no funding rate at all".to_owned(),
        };
        self.progress.doubt(error, steps);
        self.state = State::Page;
    }
}
