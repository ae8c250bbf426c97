//! Trades that are asked for by time: each page begins where the one before ended, and repeats its end.
//!
//! Ids, consecutive or not, tell what is repeated. Where one instant fills a whole page, the rest of it
//! cannot be asked for: that is a gap, not a loop. Where the times of rows are rounded, pages begin a little
//! earlier, and such a gap ends a little later.

use dccd_record::{Range, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::sink::Wanted;

/// How long before a range the first page begins, until one shows a trade from before the range.
const LOOK_BACK_SECS: [i64; 5] = [60, 3600, 86_400, 30 * 86_400, 366 * 86_400];

const SECOND_NANOS: i64 = 1_000_000_000;

#[derive(Debug)]
pub(super) struct TimeWalk {
    progress: Progress,
    has_consecutive_ids: bool,
    /// The last trade that was taken.
    last: Option<Mark>,
    state: State,
    /// How often the ids skipped at the same place.
    skips: u32,
    /// Which of [`LOOK_BACK_SECS`] the first page is asked with.
    look_back: usize,
    /// Whether the beginning of the range is proven, or as good as it gets.
    is_held: bool,
    /// How far the time of a row may be from the instant by which it is asked for.
    error_nanos: i64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// A page is to be asked for, from rows of this time on.
    Page(Ts),
    /// A page that was not full wants to be proven by the newest trade.
    Newest,
    /// A question is on its way.
    Waiting,
}

impl TimeWalk {
    pub(super) fn new(progress: Progress, has_consecutive_ids: bool) -> TimeWalk {
        let state = State::Page(progress.range.start().saturating_add(-LOOK_BACK_SECS[0] * SECOND_NANOS));
        let error_nanos = progress.row.adapter().stamp_error_nanos();
        TimeWalk {
            progress,
            has_consecutive_ids,
            last: None,
            state,
            skips: 0,
            look_back: 0,
            is_held: false,
            error_nanos,
        }
    }

    /// Where the first page begins when it is asked for once more; `None` when nothing is left to try.
    fn look_further_back(&mut self) -> Option<Ts> {
        self.look_back += 1;
        let secs = LOOK_BACK_SECS.get(self.look_back)?;
        Some(self.progress.range.start().saturating_add(-secs * SECOND_NANOS))
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        let Rows::From(start) = wanted.rows else { return };
        let start = start.saturating_add(self.error_nanos);
        let has_lost_place = wanted.known.is_some() && !self.has_consecutive_ids && !page.is_known_there;
        if has_lost_place {
            self.progress.doubt(format!("an answer from {start} on without the trade that is known there"), steps);
            self.state = State::Page(start);
            return;
        }
        let is_held = self.is_held || page.first.is_none_or(|first| first.ts < self.progress.range.start());
        if !is_held {
            // Nothing shows that none was left out at the beginning: look further back, while there is sense in it.
            if let Some(further) = self.look_further_back() {
                self.state = State::Page(further);
                return;
            }
        }
        self.is_held |= page.first.is_some();
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        if page.is_past_end {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let before = self.last;
        if let Some(last) = page.last {
            self.skips = 0;
            self.last = Some(last);
            self.progress.cover_before(last, steps);
        }
        self.state = if let Some(jump) = page.jump {
            self.take_jump(jump, steps)
        } else if !self.progress.is_full(page.rows) {
            State::Newest
        } else if page.last.is_some_and(|last| before.is_none_or(|before| last.ts > before.ts)) {
            self.last.map_or(State::Newest, |last| State::Page(last.ts))
        } else {
            self.leave_instant(start, page, steps)
        };
    }

    /// The ids skip: ask again, and if they still do, there is a hole.
    fn take_jump(&mut self, jump: Mark, steps: &mut Vec<Step>) -> State {
        self.skips += 1;
        let again = self.last.map_or(self.progress.range.start(), |last| last.ts);
        if self.skips < DOUBTS_MAX {
            return State::Page(again);
        }
        self.progress.cover(again, steps);
        let before = self.last.map_or(0, |last| last.id);
        let reason = format!("the exchange's trade ids skip from {before} to {}", jump.id);
        self.progress.gap(again, jump.ts.saturating_add(1), reason, steps);
        self.skips = 0;
        self.last = Some(Mark { ts: jump.ts, id: jump.id.saturating_sub(1) });
        State::Page(jump.ts)
    }

    /// A full page of one instant: what else it holds cannot be had.
    fn leave_instant(&mut self, start: Ts, page: &Page, steps: &mut Vec<Step>) -> State {
        let instant = self.last.map_or(start, |last| last.ts);
        self.progress.cover(instant, steps);
        let reason = format!("{} trades of one instant fill a page, and there is no way to ask for more", page.rows);
        // Behind every row that may have this time, and so perhaps behind some that have a later one.
        let next = instant.saturating_add(2 * self.error_nanos + 1);
        self.progress.gap(instant, next, reason, steps);
        // With consecutive ids the next page must tell how many there were.
        self.last = None;
        State::Page(next)
    }

    fn take_newest(&mut self, newest: Option<Mark>, steps: &mut Vec<Step>) {
        let is_proven = match (newest, self.last) {
            (Some(newest), Some(last)) if self.has_consecutive_ids => newest.id <= last.id,
            (Some(newest), Some(last)) => newest.ts < last.ts || newest == last,
            // None was taken yet, or none behind a gap.
            (Some(newest), None) => newest.ts < self.progress.covered_to,
            (None, _) => false,
        };
        if is_proven {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let error = match newest {
            Some(newest) => format!("a page that ends early, though there is a trade of {}", newest.ts),
            None => "the exchange shows no trade at all".to_owned(),
        };
        self.progress.doubt(error, steps);
        let start = self.progress.left().map_or(self.progress.range.start(), |left| left.start());
        self.state = State::Page(self.last.map_or(start, |last| last.ts));
    }
}

impl Way for TimeWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        self.progress.left()?;
        match std::mem::replace(&mut self.state, State::Waiting) {
            State::Page(start) => {
                let limit = self.progress.page_rows();
                let start = start.saturating_add(-self.error_nanos);
                Some(self.progress.ask(Rows::From(start), limit, self.last, self.has_consecutive_ids))
            }
            State::Newest => Some(self.progress.probe(Rows::Newest)),
            State::Waiting => None,
        }
    }

    fn take(&mut self, ask: &Ask, page: &Page, _lines: &mut Vec<u8>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match ask.question() {
            Question::Page(wanted) => self.take_page(wanted, page, &mut steps),
            _ => self.take_newest(page.last, &mut steps),
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
