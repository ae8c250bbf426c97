//! Trades: the first page by time, every other by id, since many trades share one instant.

use dccd_record::{Dataset, Range};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step};
use crate::answer::{Mark, Page};
use crate::binance::query::Rows;
use crate::binance::trade::Wanted;
use crate::capability::Capability;

#[derive(Debug)]
pub(super) struct TradeWalk {
    pub(super) progress: Progress,
    /// The last trade that was taken.
    last: Option<Mark>,
    state: State,
    /// How often the ids skipped at the same place.
    skips: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Ask by time.
    First,
    /// The first page, or the newest trade, is on its way.
    Waiting,
    /// Pages are asked for by id, from this one on.
    Pages(u64),
    /// An empty page wants to be proven by the newest trade.
    Empty,
}

impl TradeWalk {
    pub(super) fn new(row: &'static Capability, dataset: &Dataset, range: Range) -> TradeWalk {
        TradeWalk { progress: Progress::new(row, dataset, range), last: None, state: State::First, skips: 0 }
    }

    pub(super) fn next_ask(&mut self) -> Option<Ask> {
        let left = self.progress.left()?;
        let limit = self.progress.row.page_rows;
        match self.state {
            State::First => {
                self.state = State::Waiting;
                let wanted = Wanted { range: self.progress.range, first_id: None };
                Some(self.progress.ask(Rows::From(left.start()), limit, Question::Trades(wanted)))
            }
            State::Pages(id) => {
                self.state = State::Pages(id.saturating_add(u64::from(limit)));
                let wanted = Wanted { range: self.progress.range, first_id: Some(id) };
                Some(self.progress.ask(Rows::FromId(id), limit, Question::Trades(wanted)))
            }
            State::Empty => {
                self.state = State::Waiting;
                Some(self.progress.probe(Rows::Newest))
            }
            State::Waiting => None,
        }
    }

    pub(super) fn take(&mut self, ask: &Ask, page: &Page) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match ask.question {
            Question::Trades(_) => self.take_page(page, &mut steps),
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
        if let Some(last) = page.last {
            self.skips = 0;
            self.last = Some(last);
            // The page may end in the middle of an instant: up to it, not through it.
            self.progress.cover(last.ts, steps);
        }
        if let Some(jump) = page.jump {
            self.take_skip(jump, steps);
        } else if page.rows == 0 {
            self.restart(State::Empty);
        } else if page.rows < usize::try_from(self.progress.row.page_rows).unwrap_or(usize::MAX) {
            self.restart(self.after_last());
        } else if let (State::Waiting, Some(last)) = (self.state, page.last) {
            self.state = State::Pages(last.id.saturating_add(1));
        }
    }

    /// The ids skip: ask again, and if they still do, there is a hole.
    fn take_skip(&mut self, jump: Mark, steps: &mut Vec<Step>) {
        self.skips += 1;
        if self.skips < DOUBTS_MAX {
            self.restart(self.after_last());
            return;
        }
        let start = self.last.map_or(self.progress.covered_to, |last| last.ts).max(self.progress.range.start());
        // Both edge instants belong to the hole: trades of theirs may be missing too.
        let end = jump.ts.saturating_add(1).min(self.progress.range.end());
        if let Some(range) = Range::new(start, end) {
            let before = self.last.map_or(0, |last| last.id);
            steps.push(Step::Gap(range, format!("the exchange's trade ids skip from {before} to {}", jump.id)));
        }
        self.progress.covered_to = self.progress.covered_to.max(end);
        self.skips = 0;
        // So that the next page belongs to what is known, the trade before the jump counts as taken.
        self.last = Some(Mark { ts: jump.ts, id: jump.id.saturating_sub(1) });
        self.restart(State::Pages(jump.id));
    }

    fn take_newest(&mut self, newest: Option<Mark>, steps: &mut Vec<Step>) {
        let is_proven = match (newest, self.last) {
            (Some(newest), Some(last)) => newest.id <= last.id,
            (Some(newest), None) => newest.ts < self.progress.range.start(),
            (None, _) => false,
        };
        if is_proven {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let error = match newest {
            Some(newest) => format!("an empty page, though there is trade {} of {}", newest.id, newest.ts),
            None => "the exchange shows no trade at all".to_owned(),
        };
        self.progress.doubt(error, steps);
        self.state = self.after_last();
    }

    fn after_last(&self) -> State {
        self.last.map_or(State::First, |last| State::Pages(last.id.saturating_add(1)))
    }

    /// Forgets the questions that are on their way.
    fn restart(&mut self, state: State) {
        self.progress.epoch = self.progress.epoch.wrapping_add(1);
        self.state = state;
    }
}
