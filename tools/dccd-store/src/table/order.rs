//! The order of rows, their keys, and who wins among equals.
//!
//! Equal keys lie in one bucket: the instant, or for trades the millisecond, because one exchange gave the same id
//! once with a millisecond stamp and once with a microsecond stamp. Another exchange's stamps differ by less than a
//! microsecond, and that may be enough to pass the edge of a bucket, so the microsecond before an edge and the one
//! behind it count as one place too. Rows that are near each other in this sense, directly or through rows between
//! them, are a bunch, and everything that removes repeats works bunch by bunch.

use std::cmp::Ordering;
use std::ops::Range;

use dccd_record::Kind;

use super::column::{BID, Column, TRUE, Texts, compare_ids, index, row_number};
use super::rows::Rows;
use super::schema::at;

/// How far before and behind an edge between two buckets one trade may be stamped.
pub(crate) const EDGE_NANOS: i64 = 1_000;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// A bunch that passes half as many edges is cut: nothing but nonsense is that dense, and memory has an end.
pub(super) const BUNCH_STEPS_MAX: usize = 256;

/// The start of the bucket that holds an instant.
pub(super) fn bucket(kind: Kind, ts: i64) -> i64 {
    match kind {
        Kind::Trade => ts.saturating_sub(ts.rem_euclid(NANOS_PER_MILLI)),
        _ => ts,
    }
}

/// The end of the bucket that holds an instant.
pub(super) fn bucket_end(kind: Kind, ts: i64) -> i64 {
    match kind {
        Kind::Trade => bucket(kind, ts).saturating_add(NANOS_PER_MILLI),
        _ => ts.saturating_add(1),
    }
}

/// The first instant that is near another, itself or an earlier one.
#[inline]
pub(super) fn reach_start(kind: Kind, ts: i64) -> i64 {
    let start = bucket(kind, ts);
    let is_at_edge = kind == Kind::Trade && ts.saturating_sub(start) < EDGE_NANOS;
    if is_at_edge { start.saturating_sub(EDGE_NANOS) } else { start }
}

/// The end of the instants that are near another, itself or later ones. What is before it and not earlier than the
/// other is near; so is what is not before [`reach_start`] and not later.
#[inline]
pub(super) fn reach_end(kind: Kind, ts: i64) -> i64 {
    let end = bucket_end(kind, ts);
    let is_at_edge = kind == Kind::Trade && end.saturating_sub(ts) <= EDGE_NANOS;
    if is_at_edge { end.saturating_add(EDGE_NANOS) } else { end }
}

/// Where the bunch of a row begins in sorted rows.
pub(super) fn bunch_start(rows: &Rows, row: usize) -> usize {
    let mut start = row;
    for _ in 0..BUNCH_STEPS_MAX {
        let Some(ts) = rows.ts.get(start) else { break };
        let from = reach_start(rows.kind(), *ts);
        let near = rows.ts[..start].partition_point(|ts| *ts < from);
        if near == start {
            break;
        }
        start = near;
    }
    start
}

/// Where the bunch of the last row begins in sorted rows.
pub(super) fn last_bunch_start(rows: &Rows) -> usize {
    rows.len().checked_sub(1).map_or(0, |last| bunch_start(rows, last))
}

/// One of the rows of a bunch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Which of the batches it is in.
    pub(super) batch: usize,
    pub(super) row: usize,
    pub(super) rank: Rank,
    /// Its place in the order in which its part's rows came.
    pub(super) arrival: u64,
}

/// What decides among equal keys, weakest first. The exchange's own beats derived before any of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) trust: Trust,
    /// The place of its part in the order of commits.
    pub(super) part: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    Adopted,
    Ours,
    /// It is in the file of another day, and what repeats it here has to go.
    Neighbour,
}

/// The rows to keep of one bunch, in order.
pub(super) fn resolve(batches: &[&Rows], candidates: &mut Vec<Candidate>) {
    let Some(kind) = batches.first().map(|rows| rows.kind()) else { return };
    let key_order = |left: &Candidate, right: &Candidate| {
        compare_keys(kind, batches[left.batch], left.row, batches[right.batch], right.row)
    };
    let is_equal = |left: &Candidate, right: &Candidate| {
        is_one_record(batches[left.batch], left.row, batches[right.batch], right.row)
    };
    candidates.sort_unstable_by(|left, right| {
        let by_commit = || left.rank.part.cmp(&right.rank.part).then(left.arrival.cmp(&right.arrival));
        key_order(left, right).then_with(by_commit)
    });
    let mut kept = Vec::with_capacity(candidates.len());
    for equals in candidates.chunk_by(is_equal) {
        let counts = equals.first().is_some_and(|first| is_counted(batches[first.batch], first.row));
        keep_winners(batches, equals, counts, &mut kept);
    }
    // Stable: the n-th of equals stays the n-th.
    kept.sort_by(|left: &Candidate, right: &Candidate| {
        compare_rows(kind, batches[left.batch], left.row, batches[right.batch], right.row)
    });
    *candidates = kept;
}

/// Equals are one record, or where records have no id, as many as the part that holds most of them.
fn keep_winners(batches: &[&Rows], equals: &[Candidate], is_counted: bool, kept: &mut Vec<Candidate>) {
    let strength = |candidate: &Candidate| {
        (!is_derived(batches[candidate.batch], candidate.row), candidate.rank, candidate.arrival)
    };
    if !is_counted {
        kept.extend(equals.iter().max_by_key(|candidate| strength(candidate)));
        return;
    }
    let parts: Vec<&[Candidate]> = equals.chunk_by(|left, right| left.rank.part == right.rank.part).collect();
    let most = parts.iter().map(|part| part.len()).max().unwrap_or(0);
    for nth in 0..most {
        kept.extend(parts.iter().filter_map(|part| part.get(nth)).max_by_key(|candidate| candidate.rank));
    }
}

/// The rows in order and without repeats, or `None` if they already are. Of equals the later one stays.
pub(super) fn normal_order(rows: &Rows) -> Option<Vec<u32>> {
    if is_normal(rows) {
        return None;
    }
    let kind = rows.kind();
    let mut sorted: Vec<u32> = (0..row_number(rows.len())).collect();
    sorted.sort_by(|left, right| compare_rows(kind, rows, index(*left), rows, index(*right)));
    let mut kept = Vec::with_capacity(sorted.len());
    let is_near = |row: &u32, next: &u32| rows.ts[index(*next)] < reach_end(kind, rows.ts[index(*row)]);
    for bunch in sorted.chunk_by(is_near) {
        if is_free_of_repeats(rows, bunch) {
            kept.extend_from_slice(bunch);
            continue;
        }
        let rank = Rank { trust: Trust::Ours, part: 0 };
        let candidate = |row: &u32| Candidate { batch: 0, row: index(*row), rank, arrival: u64::from(*row) };
        let mut candidates: Vec<Candidate> = bunch.iter().map(candidate).collect();
        resolve(&[rows], &mut candidates);
        kept.extend(candidates.iter().map(|candidate| row_number(candidate.row)));
    }
    Some(kept)
}

/// Whether a bunch, already in order, plainly holds no repeat; "no" may also mean "hard to say".
fn is_free_of_repeats(rows: &Rows, bunch: &[u32]) -> bool {
    let kind = rows.kind();
    match kind {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => bunch.len() == 1,
        Kind::Trade => {
            let tids = tids(rows);
            bunch.len() == 1
                || bunch.windows(2).all(|pair| {
                    let (left, right) = (tids.get(index(pair[0])), tids.get(index(pair[1])));
                    !left.is_empty() && compare_ids(left, right).is_lt()
                })
        }
        // Rows without an id that are equal in one part are different records.
        Kind::Book => true,
    }
}

/// Whether the rows are in order and plainly hold no repeat.
fn is_normal(rows: &Rows) -> bool {
    (1..rows.len()).all(|row| follows(rows, row))
}

/// Whether a row comes behind the one before it, and is plainly no repeat of it.
#[inline(always)]
pub(super) fn follows(rows: &Rows, row: usize) -> bool {
    let Some(before) = row.checked_sub(1) else { return true };
    let (ts_before, ts) = (rows.ts[before], rows.ts[row]);
    match rows.kind() {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => ts_before < ts,
        Kind::Trade if ts < ts_before || ts - ts_before >= NANOS_PER_MILLI => ts > ts_before,
        Kind::Trade => {
            ts >= reach_end(Kind::Trade, ts_before) || {
                let tids = tids(rows);
                let (left, right) = (tids.get(before), tids.get(row));
                !left.is_empty() && compare_ids(left, right).is_lt()
            }
        }
        Kind::Book => compare_rows(Kind::Book, rows, before, rows, row).is_le(),
    }
}

/// Whether the rows before `end`, which are in order, hold a row word for word, and hold it for one record.
pub(super) fn is_repeat(rows: &Rows, end: usize, row: usize) -> bool {
    if is_counted(rows, row) {
        return false;
    }
    let bucket_of = |row: usize| bucket(rows.kind(), rows.ts[row]);
    let here = bucket_of(row);
    // Looked for from the end, near which repeats mostly are.
    let (mut after, mut step) = (end, 1);
    while after.checked_sub(step).is_some_and(|held| bucket_of(held) > here) {
        after -= step;
        step *= 2;
    }
    let from = after.saturating_sub(step);
    after = from + rows.ts[from..after].partition_point(|ts| bucket(rows.kind(), *ts) <= here);
    (0..after).rev().take_while(|held| bucket_of(*held) == here).any(|held| rows.is_same(held, rows, row))
}

fn tids(rows: &Rows) -> &Texts {
    match rows.columns.get(at::TRADE_TID) {
        Some(Column::Text(texts)) => texts,
        _ => unreachable!("trades have a column of ids"),
    }
}

/// The order of rows in files.
pub(super) fn compare_rows(kind: Kind, left: &Rows, row: usize, right: &Rows, other: usize) -> Ordering {
    let by_ts = left.ts[row].cmp(&right.ts[other]);
    if by_ts.is_ne() {
        return by_ts;
    }
    let column = |at: usize| left.columns[at].compare(row, &right.columns[at], other);
    match kind {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => by_ts,
        Kind::Trade => column(at::TRADE_TID)
            .then_with(|| column(at::TRADE_PRICE))
            .then_with(|| column(at::TRADE_AMOUNT))
            .then_with(|| column(at::TRADE_SIDE)),
        Kind::Book => column(at::BOOK_SEQ)
            .then_with(|| column(at::BOOK_IS_SNAPSHOT).reverse())
            .then_with(|| column(at::BOOK_RECV_TS))
            .then_with(|| column(at::BOOK_SIDE))
            .then_with(|| compare_prices(left, row, right, other)),
    }
}

/// Best first: bids fall, asks rise. Both rows are of one side.
fn compare_prices(left: &Rows, row: usize, right: &Rows, other: usize) -> Ordering {
    let rising = left.columns[at::BOOK_PRICE].compare(row, &right.columns[at::BOOK_PRICE], other);
    match &left.columns[at::BOOK_SIDE] {
        Column::Word(sides) if sides[row] == BID => rising.reverse(),
        _ => rising,
    }
}

/// Orders the rows of a bunch so that those of one record follow each other.
fn compare_keys(kind: Kind, left: &Rows, row: usize, right: &Rows, other: usize) -> Ordering {
    let column = |at: usize| left.columns[at].compare(row, &right.columns[at], other);
    let by_ts = || left.ts[row].cmp(&right.ts[other]);
    match kind {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => by_ts(),
        Kind::Trade => {
            let by_tid = column(at::TRADE_TID).then_with(by_ts);
            if by_tid.is_ne() || !is_counted(left, row) {
                return by_tid;
            }
            by_tid
                .then_with(|| column(at::TRADE_PRICE))
                .then_with(|| column(at::TRADE_AMOUNT))
                .then_with(|| column(at::TRADE_SIDE))
        }
        Kind::Book => by_ts()
            .then_with(|| column(at::BOOK_SEQ))
            .then_with(|| column(at::BOOK_IS_SNAPSHOT))
            .then_with(|| column(at::BOOK_SIDE))
            .then_with(|| column(at::BOOK_PRICE)),
    }
}

/// Whether a row and the next of its bunch by key are one record (or each one of several equal ones).
pub(super) fn is_one_record(rows: &Rows, row: usize, others: &Rows, other: usize) -> bool {
    let kind = rows.kind();
    if kind != Kind::Trade || is_counted(rows, row) {
        return compare_keys(kind, rows, row, others, other).is_eq();
    }
    let is_near = others.ts[other] < reach_end(kind, rows.ts[row]);
    is_near && rows.columns[at::TRADE_TID].compare(row, &others.columns[at::TRADE_TID], other).is_eq()
}

/// Whether equal rows of one part are different records.
pub(super) fn is_counted(rows: &Rows, row: usize) -> bool {
    match rows.kind() {
        Kind::Trade => tids(rows).get(row).is_empty(),
        Kind::Book => true,
        Kind::Candle | Kind::Funding | Kind::OpenInterest => false,
    }
}

fn is_derived(rows: &Rows, row: usize) -> bool {
    match (rows.kind(), rows.columns.get(at::CANDLE_DERIVED)) {
        (Kind::Candle, Some(Column::Flag(codes))) => codes[row] == TRUE,
        _ => false,
    }
}

/// The rows of sorted ones that are before `end`, but of no bunch only a part.
pub(super) fn bunches_before(rows: &Rows, from: usize, end: i64) -> Range<usize> {
    let mut after = from + rows.ts[from..].partition_point(|ts| *ts < end);
    if let Some(next) = rows.ts.get(after)
        && after > from
        && *next < reach_end(rows.kind(), rows.ts[after - 1])
    {
        after = bunch_start(rows, after).clamp(from, after);
    }
    from..after
}
