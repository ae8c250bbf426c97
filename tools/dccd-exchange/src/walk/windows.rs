//! Funding rates: each page begins with the last record that is known, and an answer without it is false.
//!
//! Where the exchange gives the oldest rows of too many, pages have no end: what lies behind the range proves
//! that the range is complete. Where it gives the newest ones, windows are halved until they hold all. The
//! first page begins well before the range, so that it shows a record to hold on to.

use dccd_record::{Range, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way, noun};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::capability::{Full, Reach};
use crate::sink::Wanted;

/// How long before a range the first page begins where pages have no end: several times what lies between two
/// records.
const LOOK_BACK_NANOS: i64 = 3 * 86_400 * 1_000_000_000;
/// How much wider a window may become than what surely fits a page, as long as it does fit.
const WIDER_MAX: i64 = 8;

#[derive(Debug)]
pub(super) struct WindowWalk {
    progress: Progress,
    full: Full,
    /// How wide the next window is, and how wide one may be.
    width: i64,
    width_max: i64,
    /// The last record that was seen.
    last: Option<Mark>,
    state: State,
    /// How often there was nothing where nothing is known.
    empties: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Page,
    /// What was asked for up to this instant stays empty: does the exchange show anything at all?
    Newest(Ts),
    Waiting(Ts),
}

impl WindowWalk {
    pub(super) fn new(progress: Progress, step_secs: u32, full: Full) -> WindowWalk {
        let rows = i64::from(progress.page_rows().saturating_sub(1));
        let width_max = i64::from(step_secs).saturating_mul(1_000_000_000).saturating_mul(rows);
        WindowWalk { progress, full, width: width_max, width_max, last: None, state: State::Page, empties: 0 }
    }

    fn page(&mut self, left: Range) -> Option<Ask> {
        let start = self.last.map_or(left.start(), |last| last.ts);
        let (rows, end) = match self.full {
            Full::Oldest if self.last.is_none() => (Rows::From(start.saturating_add(-LOOK_BACK_NANOS)), left.end()),
            Full::Oldest => (Rows::From(start), left.end()),
            Full::Newest => {
                let half = self.width / 2;
                let start = if self.last.is_some() { start } else { start.saturating_add(half - self.width) };
                let end = left.start().saturating_add(half.max(1)).min(left.end());
                (Rows::Within(Range::new(start, end)?), end)
            }
        };
        self.state = State::Waiting(end);
        Some(self.progress.ask(rows, self.progress.page_rows(), self.last, false))
    }

    fn take_page(&mut self, wanted: Wanted, end: Ts, page: &Page, steps: &mut Vec<Step>) {
        self.state = State::Page;
        let is_full = self.progress.is_full(page.rows);
        if is_full && self.full == Full::Newest {
            // What is missing lies before what was given.
            self.width /= 2;
            if self.width == 0 {
                self.progress.doubt(format!("{} rows of one instant fill a page", page.rows), steps);
            }
            return;
        }
        let noun = noun(self.progress.dataset.kind());
        if let Some(known) = wanted.known.filter(|_| !page.is_known_there) {
            self.progress.doubt(format!("an answer without the {noun} of {}, which there is", known.ts), steps);
            return;
        }
        if !self.is_held(page) {
            self.empties += 1;
            if self.empties < DOUBTS_MAX {
                return;
            }
        }
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        if let Some(first) = page.first.filter(|_| !self.is_held(page)) {
            self.leave_empty(first.ts, steps);
        }
        if let Some(last) = page.last {
            self.last = Some(last);
            self.empties = 0;
            self.progress.cover(last.ts, steps);
        }
        if page.is_past_end {
            self.progress.cover(self.progress.range.end(), steps);
            return;
        }
        let is_empty = page.last.is_none();
        match self.full {
            Full::Oldest if is_full && !is_empty => {}
            Full::Oldest => self.state = State::Newest(end),
            // It shows that it answers, and not that it had to leave something out.
            Full::Newest if page.is_known_there || !is_empty => self.widen(end, steps),
            Full::Newest => {
                self.empties += 1;
                if self.empties >= DOUBTS_MAX {
                    self.state = State::Newest(end);
                }
            }
        }
    }

    /// Whether a page with rows begins with one that was known, or with one before the range.
    fn is_held(&self, page: &Page) -> bool {
        self.last.is_some() || page.first.is_none_or(|first| first.ts < self.progress.range.start())
    }

    /// Nothing is shown before `end`: there was nothing, or it was thrown away for its age.
    fn leave_empty(&mut self, end: Ts, steps: &mut Vec<Step>) {
        if self.progress.row.reach == Reach::Listing {
            self.progress.cover(end, steps);
            return;
        }
        let reason = format!("the exchange shows no {} before {end}", noun(self.progress.dataset.kind()));
        self.progress.gap(self.progress.covered_to, end, reason, steps);
    }

    /// A window that was not full has shown all up to `end`.
    fn widen(&mut self, end: Ts, steps: &mut Vec<Step>) {
        self.progress.cover(end, steps);
        self.width = self.width.saturating_mul(2).min(self.width_max.saturating_mul(WIDER_MAX));
    }

    fn take_newest(&mut self, end: Ts, newest: Option<Mark>, steps: &mut Vec<Step>) {
        self.state = State::Page;
        let noun = noun(self.progress.dataset.kind());
        match (newest, self.last) {
            (Some(newest), Some(last)) if newest.ts <= last.ts => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            (Some(newest), None) if newest.ts < self.progress.covered_to => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            (Some(newest), None) if self.full == Full::Newest && newest.ts >= end => {
                self.empties = 0;
                self.leave_empty(end, steps);
                self.widen(end, steps);
            }
            (Some(newest), _) => {
                self.progress.doubt(format!("no {noun} before {end}, though there is one of {}", newest.ts), steps);
            }
            (None, _) => self.progress.doubt(format!("the exchange shows no {noun} at all"), steps),
        }
    }
}

impl Way for WindowWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        let left = self.progress.left()?;
        match self.state {
            State::Page => self.page(left),
            State::Newest(end) => {
                self.state = State::Waiting(end);
                Some(self.progress.probe(Rows::Newest))
            }
            State::Waiting(_) => None,
        }
    }

    fn take(&mut self, ask: &Ask, page: &Page, _lines: &mut Vec<u8>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question(), self.state) {
            (Question::Page(wanted), State::Waiting(end)) => self.take_page(wanted, end, page, &mut steps),
            (_, State::Waiting(end)) => self.take_newest(end, page.last, &mut steps),
            _ => {}
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
