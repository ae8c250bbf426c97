//! Trades with consecutive ids: the trade before a range is sought, then pages are asked for by id from there on,
//! since many trades share one instant. That the first page begins before the range proves that nothing of its
//! beginning is left out.

use dccd_record::{Range, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::capability::Seek;
use crate::sink::Wanted;

/// Where exchanges begin to count.
const FIRST_ID_MAX: u64 = 1;

#[derive(Debug)]
pub(super) struct IdWalk {
    progress: Progress,
    seek: Seek,
    /// The last trade that was taken.
    last: Option<Mark>,
    state: State,
    /// How often the ids skipped at the same place.
    skips: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// The range's first trade, or the one before it, is to be asked for by time.
    Seek,
    /// The newest trade is to be asked for, before ids are halved.
    Top,
    /// The trade in the middle of these ids is to be asked for: the range begins behind the first of them.
    Halve { below: u64, above: u64 },
    /// Such a question is on its way.
    Halving { below: u64, above: u64 },
    /// Some other question is on its way.
    Waiting,
    /// Pages are asked for by id, from this one on.
    Pages(u64),
    /// An empty page wants to be proven by the newest trade.
    Empty,
}

impl IdWalk {
    pub(super) fn new(progress: Progress, seek: Seek) -> IdWalk {
        IdWalk { progress, seek, last: None, state: first_state(seek), skips: 0 }
    }

    fn page(&self, rows: Rows) -> Ask {
        self.progress.ask(rows, self.progress.page_rows(), None, true)
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        if !self.begins_before(page) {
            let start = self.progress.range.start();
            self.seek_again(format!("trades that begin in the middle, not before {start}"), steps);
            return;
        }
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
            self.progress.cover_before(last, steps);
        }
        if let Some(jump) = page.jump {
            self.take_skip(jump, steps);
            return;
        }
        match (page.last, wanted.rows) {
            (None, _) => self.restart(State::Empty),
            (Some(last), Rows::FromId(id)) if last.id < id.saturating_add(u64::from(self.progress.page_rows()) - 1) => {
                self.restart(self.after_last());
            }
            _ => {}
        }
    }

    /// Whether a first page begins before the range, or with the first trade of all.
    fn begins_before(&self, page: &Page) -> bool {
        self.last.is_some()
            || page.first.is_none_or(|first| first.ts < self.progress.range.start() || first.id <= FIRST_ID_MAX)
    }

    /// The ids skip: ask again, and if they still do, there is a hole.
    fn take_skip(&mut self, jump: Mark, steps: &mut Vec<Step>) {
        if self.last.is_none() && jump.id <= FIRST_ID_MAX {
            self.restart(State::Pages(jump.id));
            return;
        }
        self.skips += 1;
        if self.skips < DOUBTS_MAX {
            self.restart(self.after_last());
            return;
        }
        let start = self.last.map_or(self.progress.covered_to, |last| last.ts);
        self.progress.cover(start, steps);
        // Both edge instants belong to the hole: trades of theirs may be missing too.
        let before = self.last.map_or(0, |last| last.id);
        let reason = format!("the exchange's trade ids skip from {before} to {}", jump.id);
        self.progress.gap(start, jump.ts.saturating_add(1), reason, steps);
        self.skips = 0;
        // So that the next page belongs to what is known, the trade before the jump counts as taken.
        self.last = Some(Mark { ts: jump.ts, id: jump.id.saturating_sub(1) });
        self.restart(State::Pages(jump.id));
    }

    /// The trade before the range, which is where pages begin.
    fn take_before(&mut self, before: Option<Mark>, steps: &mut Vec<Step>) {
        let start = self.progress.range.start();
        match before {
            Some(before) if before.ts < start => self.state = State::Pages(before.id),
            Some(before) => {
                self.seek_again(format!("trade {} of {} is not before {start}", before.id, before.ts), steps)
            }
            None => self.state = State::Top,
        }
    }

    /// The first trade of the range, before which pages begin.
    fn take_from(&mut self, first: Option<Mark>, steps: &mut Vec<Step>) {
        let start = self.progress.range.start();
        match first {
            Some(first) if first.ts >= start => self.state = State::Pages(first.id.saturating_sub(1)),
            Some(first) => self.seek_again(format!("trade {} of {} is before {start}", first.id, first.ts), steps),
            None => self.state = State::Top,
        }
    }

    fn take_top(&mut self, newest: Option<Mark>, steps: &mut Vec<Step>) {
        match newest {
            // Two answers agree that there is nothing.
            Some(newest) if newest.ts < self.progress.range.start() && self.seek == Seek::From => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            Some(newest) if newest.ts < self.progress.range.start() => self.state = State::Pages(newest.id),
            Some(newest) if self.seek == Seek::From => {
                let error = format!("an empty page, though there is trade {} of {}", newest.id, newest.ts);
                self.seek_again(error, steps);
            }
            Some(newest) => self.state = halve(0, newest.id),
            None => self.seek_again("the exchange shows no trade at all".to_owned(), steps),
        }
    }

    /// `seen` is the trade in the middle, the next one below it if there is none of that id, or nothing if
    /// the exchange no longer has it.
    fn take_half(&mut self, below: u64, above: u64, seen: Option<Mark>, steps: &mut Vec<Step>) {
        let middle = below.midpoint(above);
        match seen {
            Some(seen) if seen.id > middle => {
                self.seek_again(format!("trade {} where {middle} was asked for", seen.id), steps);
            }
            Some(seen) if seen.ts >= self.progress.range.start() => self.state = halve(below.min(seen.id), seen.id),
            _ => self.state = halve(middle, above),
        }
    }

    fn seek_again(&mut self, error: String, steps: &mut Vec<Step>) {
        self.progress.doubt(error, steps);
        self.state = first_state(self.seek);
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
        self.last.map_or(first_state(self.seek), |last| State::Pages(last.id.saturating_add(1)))
    }

    /// Forgets the questions that are on their way.
    fn restart(&mut self, state: State) {
        self.progress.forget();
        self.state = state;
    }

    fn start(&self) -> Ts {
        self.progress.left().map_or(self.progress.range.start(), |left| left.start())
    }
}

fn first_state(seek: Seek) -> State {
    if seek == Seek::Bisect { State::Top } else { State::Seek }
}

/// The next step of halving; pages begin with the trade below the range, if there is one.
fn halve(below: u64, above: u64) -> State {
    if above.saturating_sub(below) <= 1 { State::Pages(below.max(1)) } else { State::Halve { below, above } }
}

impl Way for IdWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        self.progress.left()?;
        match self.state {
            State::Seek => {
                self.state = State::Waiting;
                let rows = if self.seek == Seek::Before { Rows::Before } else { Rows::From };
                Some(self.progress.probe(rows(self.start())))
            }
            State::Top | State::Empty => {
                let is_top = matches!(self.state, State::Top);
                self.state = if is_top { State::Halving { below: 0, above: u64::MAX } } else { State::Waiting };
                Some(self.progress.probe(Rows::Newest))
            }
            State::Halve { below, above } => {
                self.state = State::Halving { below, above };
                Some(self.progress.probe(Rows::FromId(below.midpoint(above))))
            }
            State::Pages(id) => {
                self.state = State::Pages(id.saturating_add(u64::from(self.progress.page_rows())));
                Some(self.page(Rows::FromId(id)))
            }
            State::Halving { .. } | State::Waiting => None,
        }
    }

    fn take(&mut self, ask: &Ask, page: &Page, _lines: &mut Vec<u8>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question(), self.state) {
            (Question::Page(wanted), _) => self.take_page(wanted, page, &mut steps),
            (Question::Probe(Rows::Before(_)), _) => self.take_before(page.last, &mut steps),
            (Question::Probe(Rows::From(_)), _) => self.take_from(page.first, &mut steps),
            (Question::Probe(Rows::Newest), State::Halving { .. }) => self.take_top(page.last, &mut steps),
            (_, State::Halving { below, above }) => self.take_half(below, above, page.last, &mut steps),
            _ => self.take_newest(page.last, &mut steps),
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
