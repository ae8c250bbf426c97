//! Trades: consecutive ids prove that none is missing, also across connections; where there are none, an unbroken
//! connection has to do.

use dccd_record::{LineWriter, Proof, Trade, Ts};

use super::{Cover, DISORDER_NANOS, Verdict};

/// The trades of one series so far.
#[derive(Debug)]
pub(crate) struct Trades {
    /// Ids from the first to the last one went out, all of them.
    ids: Option<(u64, u64)>,
    /// The latest time of a trade; without ids, since the last interruption.
    last: Option<Ts>,
    /// Whether REST counts them, and in the same way.
    has_rest_ids: bool,
    /// What happened since the last trade came, and may be why one is missing.
    trouble: Option<String>,
}

/// Where a trade stands among those that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind all of them.
    Next,
    /// It went out already.
    Known,
    /// It is from before what is known, and proves nothing.
    Earlier,
}

impl Trades {
    pub(super) fn new(has_rest_ids: bool) -> Trades {
        Trades { ids: None, last: None, has_rest_ids, trouble: None }
    }

    pub(super) fn take(
        &mut self,
        id: Option<u64>,
        trade: &Trade<'_>,
        cover: &mut Cover,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) {
        match id.map(|id| self.follow(id, trade.ts, cover, out)) {
            Some(Place::Known) => return,
            Some(Place::Earlier) => return lines.trade(trade, out),
            Some(Place::Next) | None => {}
        }
        lines.trade(trade, out);
        let proof = if id.is_some() { Proof::Id } else { Proof::Sequence };
        self.last = self.last.max(Some(trade.ts));
        cover.begin(behind(trade.ts), proof, out);
        cover.advance(trade.ts.saturating_add(-DISORDER_NANOS), proof);
    }

    /// Trades from before the subscription are the last ones, without a hole, oldest first.
    pub(super) fn take_past(
        &mut self,
        id: Option<u64>,
        trade: &Trade<'_>,
        cover: &mut Cover,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) {
        if id.is_none() && cover.hole_start().is_some_and(|start| trade.ts < start) {
            cover.heal(Proof::Sequence);
        }
        self.take(id, trade, cover, lines, out);
    }

    /// Whether its id is known, or the next one.
    pub(super) fn is_next(&self, id: Option<u64>) -> bool {
        id.zip(self.ids).is_some_and(|(id, (_, last))| id <= last.saturating_add(1))
    }

    /// Notes an id; a hole before it is named.
    fn follow(&mut self, id: u64, ts: Ts, cover: &mut Cover, out: &mut Vec<u8>) -> Place {
        let is_newer = self.last.is_none_or(|last| last.saturating_add(DISORDER_NANOS) < ts);
        let place = match &mut self.ids {
            Some((_, last)) if id == last.saturating_add(1) => {
                *last = id;
                cover.heal(Proof::Id);
                Place::Next
            }
            Some((first, last)) if id <= *last && !is_newer => {
                return if id < *first { Place::Earlier } else { Place::Known };
            }
            Some((_, last)) => {
                let reason = match (last.saturating_add(1), id.saturating_sub(1)) {
                    (first, last) if first == last => format!("trade {first} did not come"),
                    (first, last) if first < last => format!("trades {first} to {last} did not come"),
                    _ => format!("the exchange counts its trades anew from {id} on"),
                };
                let trouble = self.trouble.as_deref().map(|trouble| format!(": {trouble}"));
                cover.fail(reason + trouble.as_deref().unwrap_or_default(), out);
                self.ids = Some((id, id));
                Place::Next
            }
            None => {
                self.ids = Some((id, id));
                Place::Next
            }
        };
        self.trouble = None;
        place
    }

    pub(super) fn interrupt(&mut self, reason: &str, cover: &mut Cover, out: &mut Vec<u8>) {
        if self.ids.is_some() {
            self.trouble.get_or_insert_with(|| reason.to_owned());
            return;
        }
        self.last = None;
        cover.fail(reason, out);
    }

    /// What came is not known any more.
    pub(super) fn forget(&mut self) {
        (self.ids, self.last) = (None, None);
    }

    /// The exchange says which trade was the last at some time; `until` is what that is good for.
    pub(super) fn confirm(
        &mut self,
        newest: Option<(Ts, u64)>,
        until: Ts,
        proof: Proof,
        cover: &mut Cover,
        out: &mut Vec<u8>,
    ) -> Verdict {
        let until = until.saturating_add(-DISORDER_NANOS);
        let Some((ts, id)) = newest else {
            cover.begin(until, proof, out);
            cover.advance(until, proof);
            return Verdict::Quiet;
        };
        match (self.ids, self.last) {
            (Some((_, last)), _) if self.has_rest_ids && last < id => return Verdict::Behind,
            (_, Some(last)) if !self.has_rest_ids && last < ts => return Verdict::Behind,
            // The first one to come will be the next one.
            (None, _) if self.has_rest_ids => (self.ids, self.last) = (Some((id.saturating_add(1), id)), Some(ts)),
            (_, None) => self.last = Some(ts),
            _ => {}
        }
        // Without ids over REST, one more of the last instant may be missing: the next one shows whether it is.
        if self.ids.is_some() && !self.has_rest_ids && self.trouble.is_some() {
            return Verdict::Quiet;
        }
        cover.begin(behind(ts), proof, out);
        cover.advance(until, proof);
        Verdict::Quiet
    }
}

/// From here on no trade from before one of `ts` can be missing.
fn behind(ts: Ts) -> Ts {
    ts.saturating_add(DISORDER_NANOS + 1)
}
