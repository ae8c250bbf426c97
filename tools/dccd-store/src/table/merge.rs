//! Merging sorted runs, in memory that does not grow with them.

use std::ops::Range as Places;
use std::sync::Arc;

use dccd_record::{Kind, Range, RangeSet, Ts};

use super::error::TableError;
use super::input::TableFile;
use super::order::{Candidate, Rank, Trust, bucket, last_bucket_start, resolve, rows_before};
use super::pages::select_pages;
use super::rows::Rows;
use super::schema::Numbers;
use super::source::{BATCH_ROWS, Batches, Place, Run};

/// The fewest rows decoded at a time, however many runs are open.
const BATCH_ROWS_MIN: usize = if cfg!(test) { 3 } else { 1 << 10 };

/// Which of a part's rows are adopted, and which of those nothing may keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) adopted: Arc<RangeSet>,
    /// Adopted rows in here are left out.
    pub(super) dropped: Arc<RangeSet>,
}

impl Standing {
    pub(super) fn trust(&self, ts: i64) -> Trust {
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

    /// Appends the next rows until there are `wanted` or no more; `false` at the end. Buckets stay whole.
    pub(super) fn next(&mut self, wanted: usize, out: &mut Rows) -> Result<bool, TableError> {
        while out.len() < wanted {
            let Some((at, bucket, next)) = self.nearest() else {
                return Ok(false);
            };
            let cursor = &mut self.cursors[at];
            if cursor.is_starved() {
                cursor.fill()?;
            } else if bucket < next {
                let rows = rows_before(&cursor.head, cursor.at, next);
                cursor.at = rows.end;
                self.has_news |= self.base != Some(at);
                out.append(&cursor.head, rows);
            } else if let Some(starved) = self.starved_at(bucket) {
                self.cursors[starved].fill()?;
            } else {
                self.join(bucket, out);
            }
        }
        Ok(true)
    }

    /// Adopted rows that were left out.
    pub(super) fn dropped(&self) -> u64 {
        self.cursors.iter().map(|cursor| cursor.dropped).sum::<u64>()
    }

    /// The cursor with the first bucket, that bucket, and the first bucket of all others.
    fn nearest(&self) -> Option<(usize, i64, i64)> {
        let mut nearest = None;
        let mut next = i64::MAX;
        for (at, cursor) in self.cursors.iter().enumerate() {
            let Some(bucket) = cursor.bucket(self.kind) else { continue };
            match nearest {
                Some((_, first)) if bucket >= first => next = next.min(bucket),
                Some((_, first)) => {
                    next = first;
                    nearest = Some((at, bucket));
                }
                None => nearest = Some((at, bucket)),
            }
        }
        nearest.map(|(at, bucket)| (at, bucket, next))
    }

    fn starved_at(&self, bucket: i64) -> Option<usize> {
        self.cursors.iter().position(|cursor| cursor.is_starved() && cursor.bucket(self.kind) == Some(bucket))
    }

    /// Appends the rows of a bucket that several runs have.
    fn join(&mut self, bucket_start: i64, out: &mut Rows) {
        self.candidates.clear();
        for (batch, cursor) in self.cursors.iter_mut().enumerate() {
            if cursor.bucket(self.kind) != Some(bucket_start) {
                continue;
            }
            let run = u64::try_from(batch).unwrap_or(u64::MAX) << 32;
            let rows = bucket_rows(self.kind, &cursor.head, cursor.at);
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
        self.has_news |= ours.len() != self.candidates.len()
            || ours.iter().zip(&self.candidates).any(|(ours, kept)| {
                ours.batch != kept.batch && !batches[ours.batch].is_same(ours.row, batches[kept.batch], kept.row)
            });
        for candidate in &self.candidates {
            out.append(batches[candidate.batch], candidate.row..candidate.row + 1);
        }
    }
}

/// The rows of the bucket that begins at row `from`.
pub(super) fn bucket_rows(kind: Kind, rows: &Rows, from: usize) -> Places<usize> {
    let Some(ts) = rows.ts.get(from) else { return from..from };
    let start = bucket(kind, *ts);
    let length = rows.ts[from..].iter().take_while(|ts| bucket(kind, **ts) == start).count();
    from..from + length
}

/// A place in a run.
#[derive(Debug)]
struct Cursor {
    feed: Feed,
    standing: Standing,
    part: u32,
    is_raw: bool,
    /// Whole buckets, read up to `at`.
    head: Rows,
    at: usize,
    /// The bucket after them, of which more may come.
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
            first: bucket(kind, run.hull.0),
            last: i64::MIN,
            feed: Feed::Unopened { run, range, batch_rows },
            dropped: 0,
        }
    }

    /// The bucket of the next row, or while rows have yet to be read, a bound below it.
    fn bucket(&self, kind: Kind) -> Option<i64> {
        match (self.head.ts.get(self.at), self.carry.ts.first(), &self.feed) {
            (Some(ts), _, _) | (None, Some(ts), _) => Some(bucket(kind, *ts)),
            (None, None, Feed::Done) => None,
            (None, None, Feed::Unopened { .. }) => Some(self.first),
            (None, None, Feed::Open(..)) => Some(self.first.max(bucket(kind, self.last))),
        }
    }

    fn is_starved(&self) -> bool {
        self.at == self.head.len()
    }

    /// Reads on until whole buckets are there, or the end.
    fn fill(&mut self) -> Result<(), TableError> {
        self.at = 0;
        self.head.clear();
        loop {
            let Some(batch) = self.read()? else {
                std::mem::swap(&mut self.head, &mut self.carry);
                break;
            };
            self.carry.append(&batch, 0..batch.len());
            let whole = last_bucket_start(&self.carry);
            if whole > 0 {
                self.head = self.carry.split_front(whole);
                break;
            }
        }
        if self.is_raw {
            self.head.finish();
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
            Some(range) => {
                let start = rows.ts.partition_point(|ts| *ts < range.start().nanos());
                let end = rows.ts.partition_point(|ts| *ts < range.end().nanos());
                if end - start == rows.len() { rows } else { rows.slice(start..end.max(start)) }
            }
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
