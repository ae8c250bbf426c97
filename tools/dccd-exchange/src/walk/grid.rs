//! Candles and open interest: pages of fixed width, each of which one answer can hold.
//!
//! A page that begins late or ends early has met an outage of the exchange, or is false. Another question tells
//! them apart: a page that begins with the last record that is known must show that record, and whatever follows
//! it there is proven to follow it. Where it shows nothing more, the first row behind that page, or the newest of
//! all, must not contradict it. Where no record is known, which is the case at the beginning of a range, the
//! first row from there on has to do; and if that cannot be asked for, many empty answers. What stands in one
//! page with rows on both sides is believed.

use dccd_record::{Range, Span, Ts};

use super::{Ask, DOUBTS_MAX, Progress, Question, Step, Way, noun};
use crate::adapter::Rows;
use crate::answer::{Mark, Page};
use crate::capability::Reach;
use crate::sink::Wanted;

#[derive(Debug)]
pub(super) struct GridWalk {
    progress: Progress,
    span: Span,
    finds_next: bool,
    /// The most rows of a page: fewer than promised once a page was cut.
    rows_max: u32,
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
    /// There is a hole from what is covered up to this instant, or further, that wants to be proven.
    Hole(Ts, Check),
    /// The question about the hole is on its way.
    Asked(Ts, Check),
}

/// What is asked about a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// The page that begins with the known record, or with the hole where none is near.
    Page,
    /// The first row from this instant on.
    Next(Ts),
    /// The newest row of all.
    Newest,
}

impl GridWalk {
    pub(super) fn new(progress: Progress, span: Span, finds_next: bool) -> GridWalk {
        let state = State::Pages(progress.range.start());
        let rows_max = progress.page_rows();
        GridWalk { progress, span, finds_next, rows_max, state, last: None, empties: 0 }
    }

    fn page(&mut self, start: Ts) -> Option<Ask> {
        let first = self.span.ceil(start);
        let end = self.page_end(first).min(self.progress.range.end());
        let range = Range::new(first, end).or_else(|| Range::new(start, self.progress.range.end()))?;
        self.state = State::Pages(range.end());
        Some(self.progress.ask(Rows::Within(range), self.rows_of(range), None, false))
    }

    /// The page that shows what follows the known record; where that is too far away, the hole alone.
    fn hole_page(&self, to: Ts) -> Option<Ask> {
        if let Some(known) = self.near_known() {
            let range = Range::new(known.ts, self.page_end(known.ts).min(to.max(self.hole().saturating_add(1))))?;
            return Some(self.progress.ask(Rows::Within(range), self.rows_of(range), Some(known), false));
        }
        let range = Range::new(self.hole(), to)?;
        Some(self.progress.ask(Rows::Within(range), self.rows_of(range), None, false))
    }

    /// The known record, if a page that begins with it reaches into the hole.
    fn near_known(&self) -> Option<Mark> {
        self.last.filter(|known| self.page_end(known.ts) > self.hole())
    }

    /// Where the first row that is not covered would stand.
    fn hole(&self) -> Ts {
        self.span.ceil(self.progress.covered_to)
    }

    fn take_page(&mut self, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        let Rows::Within(asked) = wanted.rows else { return };
        let hole = self.span.ceil(asked.start().max(self.progress.covered_to));
        match page.first.filter(|first| first.ts > hole && !page.is_known_there) {
            // What is missing before the first row is asked for first, and then this page again.
            Some(first) => self.open_hole(first.ts),
            None => self.take_rows(asked, page, steps),
        }
    }

    /// Takes a page whose first row follows what is covered.
    fn take_rows(&mut self, asked: Range, page: &Page, steps: &mut Vec<Step>) {
        if page.lines > 0 {
            steps.push(Step::Lines);
        }
        let Some(last) = page.last else {
            let is_inside_bucket = self.span.ceil(asked.end()) <= self.hole();
            if is_inside_bucket {
                self.progress.cover(asked.end(), steps);
            } else {
                self.open_hole(self.page_end(self.hole()));
            }
            return;
        };
        self.last = Some(last);
        self.empties = 0;
        let next = last.ts.saturating_add(self.span.nanos());
        // A range that ends in the middle of a bucket has no row left after that bucket's own.
        let is_whole = self.span.ceil(asked.end()) <= next;
        self.progress.cover(if is_whole { asked.end().max(self.progress.covered_to) } else { next }, steps);
        if let State::Asked(..) = self.state {
            self.progress.cover(next, steps);
            self.state = State::Pages(self.progress.covered_to);
        } else if !is_whole {
            self.open_hole(self.page_end(self.hole()));
        }
    }

    fn open_hole(&mut self, to: Ts) {
        self.progress.forget();
        self.state = State::Hole(to, self.first_check());
    }

    /// What is asked about a hole first.
    fn first_check(&self) -> Check {
        if self.finds_next && self.near_known().is_none() { Check::Next(self.hole()) } else { Check::Page }
    }

    fn take_hole_page(&mut self, to: Ts, wanted: Wanted, page: &Page, steps: &mut Vec<Step>) {
        let Rows::Within(asked) = wanted.rows else { return };
        match wanted.known {
            // A page that was cut at its beginning: what stands before is asked for first.
            Some(_) if !page.is_known_there && self.cut(page).is_some_and(|cut| cut < to) => {
                self.rows_max = u32::try_from(page.rows).unwrap_or(u32::MAX).clamp(2, self.rows_max);
                self.state = State::Hole(self.cut(page).unwrap_or(to), Check::Page);
            }
            Some(known) if !page.is_known_there => {
                let noun = noun(self.progress.dataset.kind());
                self.progress.doubt(format!("an answer without the {noun} of {}, which there is", known.ts), steps);
                self.state = State::Hole(to, Check::Page);
            }
            None if page.first.is_some_and(|first| first.ts > self.hole()) => {
                self.empties = 0;
                self.state = State::Hole(page.first.map_or(to, |first| first.ts), Check::Page);
            }
            _ if page.last.is_some() => self.take_rows(asked, page, steps),
            Some(_) if self.finds_next => self.state = State::Hole(asked.end(), Check::Next(asked.end())),
            Some(_) => self.state = State::Hole(asked.end(), Check::Newest),
            None => {
                self.empties += 1;
                let check = if self.empties < DOUBTS_MAX { Check::Page } else { Check::Newest };
                self.state = State::Hole(to, check);
            }
        }
    }

    /// Up to where a page that begins too late should have been asked for.
    fn cut(&self, page: &Page) -> Option<Ts> {
        page.first.map(|first| first.ts.max(self.hole().saturating_add(self.span.nanos())))
    }

    fn take_next(&mut self, to: Ts, from: Ts, next: Option<Mark>, steps: &mut Vec<Step>) {
        match next {
            Some(next) if next.ts >= from && next.ts > self.hole() => {
                self.progress.cover(next.ts, steps);
                self.state = State::Pages(self.progress.covered_to);
            }
            Some(next) => self.contradict(to, &next, steps),
            None => self.state = State::Hole(to, Check::Newest),
        }
    }

    fn take_newest(&mut self, to: Ts, newest: Option<Mark>, steps: &mut Vec<Step>) {
        let noun = noun(self.progress.dataset.kind());
        let is_known = self.near_known().is_some();
        match newest {
            // Nothing has come since.
            Some(newest) if newest.ts < self.hole() => self.progress.cover(self.progress.range.end(), steps),
            // The series goes on behind the hole.
            Some(newest) if newest.ts >= to && (is_known || !self.finds_next) => {
                self.empties = 0;
                // Where something older is there, nothing was thrown away for its age.
                if self.last.is_some() || self.progress.row.reach == Reach::Listing {
                    self.progress.cover(to, steps);
                } else {
                    let reason = format!("the exchange shows no {noun} before {to}");
                    self.progress.gap(self.progress.covered_to, to, reason, steps);
                }
                self.state = State::Pages(self.progress.covered_to);
            }
            Some(newest) => self.contradict(to, &newest, steps),
            None => {
                self.progress.doubt(format!("the exchange shows no {noun} at all"), steps);
                self.state = State::Hole(to, Check::Newest);
            }
        }
    }

    fn contradict(&mut self, to: Ts, seen: &Mark, steps: &mut Vec<Step>) {
        let (noun, hole) = (noun(self.progress.dataset.kind()), self.hole());
        self.progress.doubt(format!("no {noun} from {hole} on, though there is one of {}", seen.ts), steps);
        let is_known = self.near_known().is_some();
        self.state = if is_known { State::Hole(to, Check::Page) } else { State::Pages(self.progress.covered_to) };
    }

    /// Where a page that begins at `start` ends.
    fn page_end(&self, start: Ts) -> Ts {
        start.saturating_add(self.span.nanos().saturating_mul(i64::from(self.rows_max)))
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
            State::Hole(to, check) => {
                self.state = State::Asked(to, check);
                match check {
                    Check::Page => self.hole_page(to),
                    Check::Next(from) => Some(self.progress.probe(Rows::From(from))),
                    Check::Newest => Some(self.progress.probe(Rows::Newest)),
                }
            }
            State::Asked(..) => None,
        }
    }

    fn take(&mut self, ask: &Ask, page: &Page, _lines: &mut Vec<u8>) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.progress.is_stale(ask) {
            return steps;
        }
        match (ask.question(), self.state) {
            (Question::Page(wanted), State::Asked(to, _)) => self.take_hole_page(to, wanted, page, &mut steps),
            (Question::Page(wanted), _) => self.take_page(wanted, page, &mut steps),
            (_, State::Asked(to, Check::Next(from))) => self.take_next(to, from, page.first, &mut steps),
            (_, State::Asked(to, Check::Newest)) => self.take_newest(to, page.last, &mut steps),
            _ => {}
        }
        steps
    }

    fn left(&self) -> Option<Range> {
        self.progress.left()
    }
}
