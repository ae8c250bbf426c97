//! Merging sorted runs, in memory that does not grow with them.

use std::ops::Range as Places;
use std::sync::Arc;

use dccd_record::{Kind, Range, RangeSet, Ts};

use super::error::TableError;
use super::input::TableFile;
use super::order::{
    BUNCH_STEPS_MAX, Candidate, Rank, Trust, bunches_before, last_bunch_start, reach_end, reach_start, resolve,
};
use super::pages::select_pages;
use super::rows::Rows;
use super::schema::Numbers;
use super::source::{BATCH_ROWS, Batches, Place, Run};

/// The fewest rows decoded at a time, however many runs are open.
const BATCH_ROWS_MIN: usize = if cfg!(test) { 3 } else { 1 << 10 };

/// So many rows are looked at one by one before halving begins.
const FEW_ROWS: usize = 8;

/// Which of a part's rows are adopted, and which of those nothing may keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) adopted: Arc<RangeSet>,
    /// Adopted rows in here are left out.
    pub(super) dropped: Arc<RangeSet>,
    /// All of its rows are of another file: they keep their repeats out, and are left out themselves.
    pub(super) is_neighbour: bool,
}

impl Standing {
    pub(super) fn trust(&self, ts: i64) -> Trust {
        if self.is_neighbour {
            return Trust::Neighbour;
        }
        let is_adopted = !self.adopted.is_empty() && holds(&self.adopted, ts);
        if is_adopted { Trust::Adopted } else { Trust::Ours }
    }
}

/// Whether a set holds an instant. What is beyond belief can only have been adopted, and is never covered.
fn holds(set: &RangeSet, nanos: i64) -> bool {
    Ts::from_nanos(nanos).map_or_else(|_| set.hull() == Some(Range::all()), |ts| set.contains(ts))
}

/// Several runs read as one.
#[derive(Debug)]
pub(super) struct Merger {
    kind: Kind,
    cursors: Vec<Cursor>,
    candidates: Vec<Candidate>,
    /// The cursor that others are compared with, and whether they said anything it does not say.
    base: Option<usize>,
    has_news: bool,
}

impl Merger {
    /// Merges `runs`; what comes later in a part's runs came later. Only rows in `range` are given.
    pub(super) fn new(
        kind: Kind,
        numbers: Numbers,
        runs: Vec<Run>,
        standings: &[Standing],
        range: Option<Range>,
    ) -> Merger {
        let batch_rows = (16 * BATCH_ROWS / runs.len().max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS);
        let cursor = |run: Run| {
            let standing = usize::try_from(run.part).ok().and_then(|part| standings.get(part)).cloned();
            Cursor::new(run, standing.unwrap_or_default(), range, numbers, batch_rows)
        };
        let cursors = runs.into_iter().map(cursor).collect();
        Merger { kind, cursors, candidates: Vec::new(), base: None, has_news: false }
    }

    /// From now on notices whether any run but `base` adds or changes a row.
    pub(super) fn compare_with(&mut self, base: usize) {
        self.base = Some(base);
    }

    /// Whether the result is more than the rows of the run that others are compared with.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Appends the next rows until there are `wanted` or no more; `false` at the end. Bunches stay whole.
    pub(super) fn next(&mut self, wanted: usize, out: &mut Rows) -> Result<bool, TableError> {
        while out.len() < wanted {
            let Some((at, first, next)) = self.nearest() else {
                return Ok(false);
            };
            let cursor = &mut self.cursors[at];
            if cursor.is_starved() {
                cursor.fill()?;
                continue;
            }
            let rows = if first < next { bunches_before(&cursor.head, cursor.at, next) } else { 0..0 };
            if rows.is_empty() {
                let end = self.gather(first)?;
                self.join(end, out);
                continue;
            }
            cursor.at = rows.end;
            if !cursor.standing.is_neighbour {
                self.has_news |= self.base != Some(at);
                out.append(&cursor.head, rows);
            }
        }
        Ok(true)
    }

    /// Adopted rows that were left out.
    pub(super) fn dropped(&self) -> u64 {
        self.cursors.iter().map(|cursor| cursor.dropped).sum::<u64>()
    }

    /// The cursor with the first row, its instant, and where what is near the rows of all others begins.
    fn nearest(&self) -> Option<(usize, i64, i64)> {
        let mut nearest = None;
        let mut next = None;
        for (at, cursor) in self.cursors.iter().enumerate() {
            let Some(ts) = cursor.next_ts() else { continue };
            match nearest {
                Some((_, first)) if ts >= first => next = Some(next.map_or(ts, |next: i64| next.min(ts))),
                Some((_, first)) => {
                    next = Some(first);
                    nearest = Some((at, ts));
                }
                None => nearest = Some((at, ts)),
            }
        }
        let next = next.map_or(i64::MAX, |next| reach_start(self.kind, next));
        nearest.map(|(at, first)| (at, first, next))
    }

    /// Reads on until the bunch of the row at `first`, which is the next, is there; returns its end.
    fn gather(&mut self, first: i64) -> Result<i64, TableError> {
        let mut end = reach_end(self.kind, first);
        for step in 0.. {
            let mut reach = end;
            for cursor in &mut self.cursors {
                cursor.read_to(end)?;
                if let Some(last) = cursor.rows_before(end).last().and_then(|row| cursor.head.ts.get(row)) {
                    reach = reach.max(reach_end(self.kind, *last));
                }
            }
            if reach == end || step == BUNCH_STEPS_MAX {
                break;
            }
            end = reach;
        }
        Ok(end)
    }

    /// Appends what is to keep of the rows before `end`.
    fn join(&mut self, end: i64, out: &mut Rows) {
        self.candidates.clear();
        for (batch, cursor) in self.cursors.iter_mut().enumerate() {
            let run = u64::try_from(batch).unwrap_or(u64::MAX) << 32;
            let rows = cursor.rows_before(end);
            for row in rows.clone() {
                let rank = Rank { trust: cursor.standing.trust(cursor.head.ts[row]), part: cursor.part };
                let arrival = run + u64::try_from(row).unwrap_or(u64::MAX);
                self.candidates.push(Candidate { batch, row, rank, arrival });
            }
            cursor.at = rows.end;
        }
        let ours: Vec<Candidate> =
            self.candidates.iter().filter(|candidate| Some(candidate.batch) == self.base).copied().collect();
        let batches: Vec<&Rows> = self.cursors.iter().map(|cursor| &cursor.head).collect();
        resolve(&batches, &mut self.candidates);
        self.candidates.retain(|candidate| candidate.rank.trust != Trust::Neighbour);
        self.has_news |= ours.len() != self.candidates.len()
            || ours.iter().zip(&self.candidates).any(|(ours, kept)| {
                ours.batch != kept.batch && !batches[ours.batch].is_same(ours.row, batches[kept.batch], kept.row)
            });
        for candidate in &self.candidates {
            out.append(batches[candidate.batch], candidate.row..candidate.row + 1);
        }
    }
}

/// A place in a run.
#[derive(Debug)]
struct Cursor {
    feed: Feed,
    standing: Standing,
    part: u32,
    is_raw: bool,
    /// Whole bunches, read up to `at`.
    head: Rows,
    at: usize,
    /// The bunch after them, of which more may come.
    carry: Rows,
    /// A bound below what is to come while nothing was read.
    first: i64,
    /// The last instant read, which no later one may be before.
    last: i64,
    dropped: u64,
}

#[derive(Debug)]
enum Feed {
    Unopened { run: Run, range: Option<Range>, batch_rows: usize },
    Open(Batches, Option<Range>),
    Done,
}

impl Cursor {
    fn new(run: Run, standing: Standing, range: Option<Range>, numbers: Numbers, batch_rows: usize) -> Cursor {
        let kind = run.kind();
        let empty = || Rows::new(kind, numbers);
        Cursor {
            standing,
            part: run.part,
            is_raw: run.is_raw,
            head: empty(),
            at: 0,
            carry: empty(),
            first: run.hull.0,
            last: i64::MIN,
            feed: Feed::Unopened { run, range, batch_rows },
            dropped: 0,
        }
    }

    /// The instant of the next row, or while rows have yet to be read, a bound below it.
    fn next_ts(&self) -> Option<i64> {
        self.head.ts.get(self.at).copied().or_else(|| self.next_unread())
    }

    /// The same of the rows behind the head.
    fn next_unread(&self) -> Option<i64> {
        match (self.carry.ts.first(), &self.feed) {
            (Some(ts), _) => Some(*ts),
            (None, Feed::Done) => None,
            (None, Feed::Unopened { .. }) => Some(self.first),
            (None, Feed::Open(..)) => Some(self.first.max(self.last)),
        }
    }

    fn is_starved(&self) -> bool {
        self.at == self.head.len()
    }

    /// The next rows of the head, as far as they are before `end`.
    fn rows_before(&self, end: i64) -> Places<usize> {
        let rest = &self.head.ts[self.at..];
        // Most bunches have few rows.
        let few = rest.iter().take(FEW_ROWS).take_while(|ts| **ts < end).count();
        let length = if few < FEW_ROWS { few } else { rest.partition_point(|ts| *ts < end) };
        self.at..self.at + length
    }

    /// Reads on until all rows before `end` are in the head.
    fn read_to(&mut self, end: i64) -> Result<(), TableError> {
        while self.next_unread().is_some_and(|ts| ts < end) {
            self.fill()?;
        }
        Ok(())
    }

    /// Reads on until there is one more whole bunch, or the end.
    fn fill(&mut self) -> Result<(), TableError> {
        self.head.remove_front(self.at);
        self.at = 0;
        let mut fresh = loop {
            let Some(batch) = self.read()? else {
                let empty = Rows::new(self.head.kind(), self.head.numbers());
                break std::mem::replace(&mut self.carry, empty);
            };
            self.carry.append(&batch, 0..batch.len());
            let whole = last_bunch_start(&self.carry);
            if whole > 0 {
                break self.carry.split_front(whole);
            }
        };
        if self.is_raw {
            fresh.finish();
        }
        if self.head.is_empty() {
            self.head = fresh;
        } else {
            self.head.append(&fresh, 0..fresh.len());
        }
        Ok(())
    }

    /// The next rows of the run that are wanted, perhaps none; `None` at the end.
    fn read(&mut self) -> Result<Option<Rows>, TableError> {
        let (rows, range) = match &mut self.feed {
            Feed::Done => return Ok(None),
            Feed::Unopened { run, range, batch_rows } => match &run.place {
                Place::Rows(rows) => {
                    let (rows, range) = (rows.as_ref().clone(), *range);
                    self.feed = Feed::Done;
                    (rows, range)
                }
                Place::Groups(file, groups) => {
                    let (groups, selection) = select_pages(file, groups, *range);
                    let batches = Batches::open(file, groups, selection, self.head.numbers(), *batch_rows)?;
                    self.feed = Feed::Open(batches, *range);
                    return Ok(Some(Rows::new(self.head.kind(), self.head.numbers())));
                }
            },
            Feed::Open(batches, range) => match batches.next()? {
                Some(rows) => {
                    check_order(batches.file(), &rows, &mut self.last)?;
                    (rows, *range)
                }
                None => {
                    self.feed = Feed::Done;
                    return Ok(None);
                }
            },
        };
        Ok(Some(self.wanted(rows, range)))
    }

    /// Leaves out what is outside the range and what must give way.
    fn wanted(&mut self, rows: Rows, range: Option<Range>) -> Rows {
        let rows = match range {
            Some(range) => rows.within(range),
            None => rows,
        };
        if self.standing.dropped.is_empty() {
            return rows;
        }
        let kept: Vec<u32> =
            (0..).zip(&rows.ts).filter(|(_, ts)| !holds(&self.standing.dropped, **ts)).map(|(row, _)| row).collect();
        if kept.len() == rows.len() {
            return rows;
        }
        self.dropped += u64::try_from(rows.len() - kept.len()).unwrap_or(0);
        rows.take(&kept)
    }
}

/// A file that says it is sorted must be.
fn check_order(file: &TableFile, rows: &Rows, last: &mut i64) -> Result<(), TableError> {
    for ts in &rows.ts {
        if *ts < *last {
            return Err(TableError::unreadable(file.path(), "its rows are not in the order of their instants"));
        }
        *last = *ts;
    }
    Ok(())
}
