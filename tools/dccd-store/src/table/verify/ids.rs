//! Ids that follow each other, where the ledger says that they do.
//!
//! Rows come in order of time, and an exchange may stamp two trades the other way round than it counts them. So an id
//! that is left out is only missing if it has not come by the end of its range; and near an edge, where it may be
//! behind it, nothing is said.

use std::collections::BTreeMap;

use dccd_record::{Range, Ts};

/// Trades this close to an edge may be stamped beyond it.
const EDGE_NANOS: i64 = 60_000_000_000;
/// Holes that are remembered of one range, and told of one file.
const HOLES_MAX: usize = 10_000;
const TOLD_MAX: usize = 10;

/// Trades that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MissingIds {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The trade behind them.
    pub(super) before: Ts,
}

/// The ids so far.
#[derive(Debug, Default)]
pub(super) struct IdChecks {
    /// Where ids follow each other, in order.
    pieces: Vec<Range>,
    at: usize,
    next: Option<u64>,
    /// Ids that were left out: from the first to the last, and the instant of what came instead.
    holes: BTreeMap<u64, (u64, Ts)>,
    is_lost: bool,
    told: usize,
}

impl IdChecks {
    pub(super) fn new(pieces: Vec<Range>) -> IdChecks {
        IdChecks { pieces, ..IdChecks::default() }
    }

    /// Takes the next trade; what is found missing now is returned.
    pub(super) fn take(&mut self, ts: Ts, tid: &[u8]) -> Vec<MissingIds> {
        let mut missing = Vec::new();
        while self.pieces.get(self.at).is_some_and(|piece| piece.end() <= ts) {
            missing.extend(self.finish());
            self.at += 1;
        }
        if self.pieces.get(self.at).is_some_and(|piece| piece.contains(ts))
            && let Some(id) = number(tid)
        {
            self.take_id(ts, id);
        }
        missing
    }

    /// The current range is over.
    pub(super) fn finish(&mut self) -> Vec<MissingIds> {
        let holes = std::mem::take(&mut self.holes);
        self.next = None;
        let is_lost = std::mem::take(&mut self.is_lost);
        let Some(piece) = self.pieces.get(self.at).filter(|_| !is_lost) else { return Vec::new() };
        let inner = Range::new(piece.start().saturating_add(EDGE_NANOS), piece.end().saturating_add(-EDGE_NANOS));
        let is_inside = |ts: Ts| inner.is_some_and(|inner| inner.contains(ts));
        let missing: Vec<MissingIds> = holes
            .into_iter()
            .filter(|(_, (_, before))| is_inside(*before))
            .map(|(first, (last, before))| MissingIds { first, last, before })
            .take(TOLD_MAX.saturating_sub(self.told))
            .collect();
        self.told += missing.len();
        missing
    }

    /// Rows could not be read, so that nothing can be said of the current range.
    pub(super) fn interrupt(&mut self) {
        self.is_lost = true;
    }

    fn take_id(&mut self, ts: Ts, id: u64) {
        let next = *self.next.get_or_insert(id);
        if id >= next {
            if id > next && self.holes.len() < HOLES_MAX {
                self.holes.insert(next, (id - 1, ts));
            }
            self.next = id.checked_add(1);
            return;
        }
        if let Some((&first, &(last, before))) = self.holes.range(..=id).next_back()
            && id <= last
        {
            self.holes.remove(&first);
            if first < id {
                self.holes.insert(first, (id - 1, before));
            }
            if id < last {
                self.holes.insert(id + 1, (last, before));
            }
        }
    }
}

/// A whole number as exchanges write them.
fn number(tid: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(tid).ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}
