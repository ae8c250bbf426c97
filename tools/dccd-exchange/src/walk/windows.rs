//! Funding rates: windows of time, each of which begins with the last record that is known.
//!
//! A window that holds more than a page is cut where the page ends, or halved where the exchange gives the
//! newest rows of too many. An answer without the known record is false. Where none is known yet, many
//! empty answers and a newest record have to do.

use dccd_record::{Range, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way, noun};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::capability::Full;
use crate::sink::Wanted;

#[derive(Debug)]
pub(super) struct WindowWalk {
    progress: Progress,
    full: Full,
    /// How wide the next window is, and how wide one may be.
    width: i64,
    width_max: i64,
    /// The last record that was taken.
    last: Option<Mark>,
    state: State,
    /// How often there was nothing where nothing is known.
    empties: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Window,
    /// The window up to this instant stays empty: does the exchange show anything at all?
    Newest(Ts),
    Waiting(Ts),
}

impl WindowWalk {
    pub(super) fn new(progress: Progress, step_secs: u32, full: Full) -> WindowWalk {
        let width_max = match full {
            // A page that is full ends where its rows end, so no window is too wide.
            Full::Oldest => i64::MAX,
            Full::Newest => i64::from(step_secs) * 1_000_000_000 * i64::from(progress.row.page_rows.saturating_sub(1)),
        };
        WindowWalk { progress, full, width: width_max, width_max, last: None, state: State::Window, empties: 0 }
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        let Rows::Within(asked) = wanted.rows else { return };
        self.state = State::Window;
        let is_full = page.rows >= self.progress.page_rows();
        if is_full && self.full == Full::Newest {
            // What is missing lies before what was given.
            self.width = self.width.min(asked.end().nanos().saturating_sub(asked.start().nanos())) / 2;
            if self.width == 0 {
                self.progress.doubt(format!("{} fill a page at {}", page.rows, asked.start()), steps);
            }
            return;
        }
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        if let Some(last) = page.last {
            self.last = Some(last);
            self.empties = 0;
            self.progress.cover(last.ts, steps);
        }
        let is_sound = page.last.is_some() || page.is_known_there;
        let noun = noun(self.progress.dataset.kind());
        match wanted.known {
            _ if is_full && page.last.is_some() => {}
            Some(_) if is_sound && page.is_known_there => self.go_on(asked.end(), steps),
            Some(known) => {
                self.progress.doubt(format!("an answer without the {noun} of {}, which there is", known.ts), steps);
            }
            // The next window begins with what was found, and proves the end of this one.
            None if is_sound => {}
            None => {
                self.empties += 1;
                if self.empties >= DOUBTS_MAX {
                    self.state = State::Newest(asked.end());
                }
            }
        }
    }

    /// Everything before `end` is complete.
    fn go_on(&mut self, end: Ts, steps: &mut Vec<Step>) {
        self.progress.cover(end, steps);
        self.width = self.width.saturating_mul(2).min(self.width_max);
    }

    fn take_newest(&mut self, end: Ts, newest: Option<Mark>, steps: &mut Vec<Step>) {
        self.state = State::Window;
        let noun = noun(self.progress.dataset.kind());
        match newest {
            Some(newest) if newest.ts < self.progress.covered_to => {
                self.progress.cover(self.progress.range.end(), steps);
            }
            Some(newest) if newest.ts < end => {
                self.progress.doubt(format!("no {noun}, though there is one of {}", newest.ts), steps);
            }
            Some(newest) if self.full == Full::Oldest => {
                self.progress.doubt(format!("no {noun} before {end}, though there is one of {}", newest.ts), steps);
            }
            Some(_) => {
                self.empties = 0;
                self.go_on(end, steps);
            }
            None => self.progress.doubt(format!("the exchange shows no {noun} at all"), steps),
        }
    }
}

impl Way for WindowWalk {
    fn next_ask(&mut self) -> Option<Ask> {
        let left = self.progress.left()?;
        match self.state {
            State::Window => {
                let end = left.start().saturating_add(self.width).min(left.end());
                let start = self.last.map_or(left.start(), |last| last.ts);
                let asked = Range::new(start, end)?;
                self.state = State::Waiting(end);
                Some(self.progress.ask(Rows::Within(asked), self.progress.row.page_rows, self.last, false))
            }
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
            (Question::Page(wanted), _) => self.take_page(wanted, page, &mut steps),
            (_, State::Waiting(end)) => self.take_newest(end, page.last, &mut steps),
            _ => {}
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
