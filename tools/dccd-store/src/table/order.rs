//! The order of rows, their keys, and who wins among equals.
//!
//! Equal keys never lie further apart than one bucket: the instant, or for trades the millisecond, because one
//! exchange gave the same id once with a millisecond stamp and once with a microsecond stamp. So everything that
//! removes repeats works bucket by bucket.

use std::cmp::Ordering;
use std::ops::Range;

use dccd_record::Kind;

use super::column::{BID, Column, TRUE, Texts, compare_ids, index, row_number};
use super::rows::Rows;
use super::schema::at;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The start of the bucket that holds an instant.
pub(super) fn bucket(kind: Kind, ts: i64) -> i64 {
    match kind {
        Kind::Trade => ts - ts.rem_euclid(NANOS_PER_MILLI),
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

/// Where the bucket of the last row begins in sorted rows.
pub(super) fn last_bucket_start(rows: &Rows) -> usize {
    match rows.ts.last() {
        Some(ts) => {
            let start = bucket(rows.kind(), *ts);
            rows.ts.partition_point(|ts| *ts < start)
        }
        None => 0,
    }
}

/// One of the rows that share a bucket.
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
}

/// The rows to keep of one bucket, in order.
pub(super) fn resolve(batches: &[&Rows], candidates: &mut Vec<Candidate>) {
    let Some(kind) = batches.first().map(|rows| rows.kind()) else { return };
    let key_order = |left: &Candidate, right: &Candidate| {
        compare_keys(kind, batches[left.batch], left.row, batches[right.batch], right.row)
    };
    candidates.sort_unstable_by(|left, right| {
        let by_commit = || left.rank.part.cmp(&right.rank.part).then(left.arrival.cmp(&right.arrival));
        key_order(left, right).then_with(by_commit)
    });
    let mut kept = Vec::with_capacity(candidates.len());
    for equals in candidates.chunk_by(|left, right| key_order(left, right).is_eq()) {
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
    let bucket_of = |row: u32| bucket(kind, rows.ts[index(row)]);
    for same in sorted.chunk_by(|left, right| bucket_of(*left) == bucket_of(*right)) {
        if is_free_of_repeats(rows, same) {
            kept.extend_from_slice(same);
            continue;
        }
        let rank = Rank { trust: Trust::Ours, part: 0 };
        let candidate = |row: &u32| Candidate { batch: 0, row: index(*row), rank, arrival: u64::from(*row) };
        let mut candidates: Vec<Candidate> = same.iter().map(candidate).collect();
        resolve(&[rows], &mut candidates);
        kept.extend(candidates.iter().map(|candidate| row_number(candidate.row)));
    }
    Some(kept)
}

/// Whether rows of one bucket, already in order, plainly hold no repeat; "no" may also mean "hard to say".
fn is_free_of_repeats(rows: &Rows, same: &[u32]) -> bool {
    let kind = rows.kind();
    match kind {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => same.len() == 1,
        Kind::Trade => {
            let tids = tids(rows);
            same.len() == 1
                || same.windows(2).all(|pair| {
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
            bucket(Kind::Trade, ts_before) != bucket(Kind::Trade, ts) || {
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

/// Orders rows of one bucket by key: equal means one record (or one of several equal ones).
fn compare_keys(kind: Kind, left: &Rows, row: usize, right: &Rows, other: usize) -> Ordering {
    let column = |at: usize| left.columns[at].compare(row, &right.columns[at], other);
    let by_ts = || left.ts[row].cmp(&right.ts[other]);
    match kind {
        Kind::Candle | Kind::Funding | Kind::OpenInterest => by_ts(),
        Kind::Trade => {
            let by_tid = column(at::TRADE_TID);
            if by_tid.is_ne() || !is_counted(left, row) {
                return by_tid;
            }
            by_ts()
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

/// Whether equal rows of one part are different records.
fn is_counted(rows: &Rows, row: usize) -> bool {
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

/// The rows of `rows` that hold the buckets before `end`.
pub(super) fn rows_before(rows: &Rows, from: usize, end: i64) -> Range<usize> {
    let length = rows.ts[from..].partition_point(|ts| *ts < end);
    from..from + length
}
