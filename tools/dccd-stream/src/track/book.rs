//! Books: what a connection's frames make of one, and what of it is stored.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use dccd_exchange::live::{Break, Checksum, Joint, Keeper, OrderBook, Rule};
use dccd_record::{Book, Level, LineWriter, Number, Proof, Ts};

use super::Cover;

/// Frames of a book that may wait for its snapshot.
const WAITING_MAX: usize = 20_000;
/// Bytes of all frames that wait, of all books of the process together.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// A book may be crossed for so long, between two frames of one change.
const CROSSED_NANOS_MAX: i64 = 2_000_000_000;
/// Levels of each side that are held against those of REST.
const COMPARED: usize = 5;
/// Digits behind the point that no exchange goes beyond.
const PRICE_SCALE: u32 = 18;
/// What is stored at once after a silence.
const STEPS_BYTES_MAX: usize = 4 << 20;

/// One book as one connection tells it.
#[derive(Debug)]
pub(crate) struct Feed {
    rule: Rule,
    keeper: Keeper,
    /// Where frames wait for a snapshot over REST, if there is one.
    room: Option<Room>,
    /// Frames that came before the snapshot over REST.
    waiting: Option<Waiting>,
    crossed_since: Option<Ts>,
    /// Whether the exchange says no time, so that it is ours.
    has_our_time: bool,
    proof: Proof,
    /// The time of its last frame, if that had one that is not ours.
    ts: Option<Ts>,
}

/// The room that all books of the process share for frames that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Rc<Cell<Taking>>);

/// What is taken of it.
#[derive(Clone, Copy, Debug, Default)]
struct Taking {
    bytes: usize,
    books: usize,
}

/// Frames that wait for a snapshot.
#[derive(Debug)]
pub(crate) struct Waiting {
    frames: VecDeque<(Ts, String)>,
    bytes: usize,
    room: Room,
    /// When the snapshot was asked for.
    pub(crate) asked: Option<Instant>,
}

/// A frame of a book that was applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'b, 'a> {
    pub(crate) book: &'b Book<'a>,
    pub(crate) is_snapshot: bool,
}

impl Feed {
    /// A feed without a book; with a room where its frames wait, if the book comes over REST.
    pub(crate) fn new(rule: Rule, room: Option<&Room>) -> Feed {
        let is_checked = rule.checksum.is_some() || rule.order != dccd_exchange::live::Order::None;
        Feed {
            rule,
            keeper: Keeper::new(rule),
            room: room.cloned(),
            waiting: room.map(Waiting::new),
            crossed_since: None,
            has_our_time: false,
            proof: if is_checked { Proof::Sequence } else { Proof::Heartbeat },
            ts: None,
        }
    }

    /// The book, if it can be believed.
    pub(crate) fn book(&self) -> Option<&OrderBook> {
        self.keeper.book().filter(|_| self.crossed_since.is_none())
    }

    pub(crate) fn is_live(&self) -> bool {
        self.keeper.book().is_some()
    }

    pub(crate) fn has_our_time(&self) -> bool {
        self.has_our_time
    }

    pub(crate) fn seq(&self) -> Option<u64> {
        self.keeper.seq()
    }

    pub(crate) fn waiting(&mut self) -> Option<&mut Waiting> {
        self.waiting.as_mut()
    }

    /// Forgets the book: it begins anew with the next snapshot.
    pub(crate) fn discard(&mut self) {
        self.keeper = Keeper::new(self.rule);
        self.crossed_since = None;
        self.waiting = self.room.as_ref().map(Waiting::new);
    }

    /// The frames that waited, now that the snapshot is there.
    pub(crate) fn release(&mut self) -> VecDeque<(Ts, String)> {
        self.waiting.take().map(|mut waiting| std::mem::take(&mut waiting.frames)).unwrap_or_default()
    }

    /// The time of its last frame, while there is a book.
    pub(crate) fn ts(&self) -> Option<Ts> {
        self.keeper.book().and(self.ts)
    }

    /// Whether another connection's feed of the same book has told all of it that this one was told, so that whoever
    /// goes on from here leaves nothing out.
    pub(crate) fn is_within(&self, other: &Feed) -> bool {
        if !self.is_live() || !other.is_live() {
            return false;
        }
        let seqs = self.seq().zip(other.seq());
        match self.ts().zip(other.ts()) {
            Some((ours, theirs)) if ours != theirs => ours < theirs,
            Some(_) => seqs.is_none_or(|(ours, theirs)| ours <= theirs),
            None => seqs.is_some_and(|(ours, theirs)| ours <= theirs),
        }
    }

    /// Whether the best levels are those of another book.
    pub(crate) fn agrees(&self, other: &Book<'_>) -> bool {
        let Some(book) = self.keeper.book() else { return false };
        let value = |text: &str| Number::new(text).ok()?.to_fixed().ok()?.mantissa_at(PRICE_SCALE);
        let ours = |levels: Vec<(&str, &str, Option<u64>)>| -> Vec<_> {
            levels.iter().map(|(price, amount, _)| (value(price), value(amount))).collect()
        };
        let theirs = |levels: &[Level<'_>]| -> Vec<_> {
            let value = |number: Number<'_>| value(number.as_str());
            levels.iter().take(COMPARED).map(|level| (value(level.price), value(level.amount))).collect()
        };
        ours(book.bids().take(COMPARED).collect()) == theirs(&other.bids)
            && ours(book.asks().take(COMPARED).collect()) == theirs(&other.asks)
    }

    /// Applies a frame; `None` if it is older than the book.
    pub(crate) fn apply<'b, 'a>(
        &mut self,
        book: &'b Book<'a>,
        joint: Joint,
        checksum: Option<Checksum>,
    ) -> Result<Option<Taken<'b, 'a>>, String> {
        let is_snapshot = matches!(joint, Joint::Snapshot { .. });
        match self.keeper.take(book, joint, checksum) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(broken) => {
                self.crossed_since = None;
                return Err(reason(&broken));
            }
        }
        self.has_our_time = book.recv_ts == Some(book.ts);
        // What comes next tells the exchange's time, where a whole book does not.
        self.ts = if is_snapshot { Some(book.ts).filter(|_| !self.has_our_time) } else { self.ts.max(Some(book.ts)) };
        let is_crossed = self.keeper.book().is_some_and(OrderBook::is_crossed);
        self.crossed_since = is_crossed.then(|| self.crossed_since.unwrap_or(book.ts));
        // What is summed up only later may come in parts.
        let is_part = joint == Joint::Bare && checksum.is_none() && self.rule.checksum.is_some();
        match self.crossed_since {
            Some(since) if !is_part || book.ts.nanos().saturating_sub(since.nanos()) > CROSSED_NANOS_MAX => {
                self.discard();
                Err("the book is crossed".to_owned())
            }
            _ => Ok(Some(Taken { book, is_snapshot })),
        }
    }
}

fn reason(broken: &Break) -> String {
    format!("the book broke: {broken}")
}

impl Room {
    fn change(&self, edit: impl FnOnce(&mut Taking)) {
        let mut taking = self.0.get();
        edit(&mut taking);
        self.0.set(taking);
    }

    /// How much of it a book may have that has so many bytes in it.
    fn share(&self, bytes: usize) -> usize {
        let Taking { bytes: all, books } = self.0.get();
        let left = WAITING_BYTES_MAX.saturating_sub(all.saturating_sub(bytes));
        left.min(WAITING_BYTES_MAX / books.max(1))
    }
}

impl Waiting {
    fn new(room: &Room) -> Waiting {
        room.change(|taking| taking.books += 1);
        Waiting { frames: VecDeque::new(), bytes: 0, room: room.clone(), asked: None }
    }

    /// Keeps a frame. Where there is no room for all, the oldest go: the snapshot, which is newer, most likely holds what
    /// they say, and if it does not, the numbers of the next ones show it.
    pub(crate) fn push(&mut self, recv_ts: Ts, frame: &str) {
        self.bytes = self.bytes.saturating_add(frame.len());
        self.room.change(|taking| taking.bytes = taking.bytes.saturating_add(frame.len()));
        self.frames.push_back((recv_ts, frame.to_owned()));
        while self.frames.len() > WAITING_MAX || self.bytes > self.room.share(self.bytes) {
            let Some((_, oldest)) = self.frames.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.len());
            self.room.change(|taking| taking.bytes = taking.bytes.saturating_sub(oldest.len()));
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.room.change(|taking| {
            taking.bytes = taking.bytes.saturating_sub(self.bytes);
            taking.books = taking.books.saturating_sub(1);
        });
    }
}

/// What of a book is stored.
#[derive(Debug)]
pub(crate) struct Books {
    depth: Option<usize>,
    /// 0 where every change is stored.
    step_nanos: i64,
    /// Whether the next line has to be a whole book.
    is_fresh: bool,
    /// The last step that was stored.
    step: Option<Ts>,
}

impl Books {
    pub(super) fn new(depth: Option<u32>, time_step_secs: u32) -> Books {
        let depth = depth.and_then(|depth| usize::try_from(depth).ok());
        Books { depth, step_nanos: i64::from(time_step_secs) * 1_000_000_000, is_fresh: true, step: None }
    }

    /// The next line has to be a whole book.
    pub(super) fn restart(&mut self) {
        self.is_fresh = true;
    }

    pub(super) fn take(
        &mut self,
        feed: &Feed,
        taken: Taken<'_, '_>,
        cover: &mut Cover,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) {
        // Where the time is not known, the book is stored with the next change.
        let Some(ts) = feed.ts() else {
            self.is_fresh = true;
            return;
        };
        let is_fresh = self.step_nanos == 0 && self.is_fresh && !taken.is_snapshot;
        let fresh = feed.book().filter(|_| is_fresh);
        if is_fresh && fresh.is_none() {
            return;
        }
        // What is missing before a book is said before it, so that nobody has the one without the other.
        cover.begin(ts, feed.proof, out);
        let is_empty = taken.book.bids.is_empty() && taken.book.asks.is_empty();
        if let Some(book) = fresh {
            lines.book(&whole(book, None, ts, feed.seq(), taken.book.recv_ts), out);
        } else if self.step_nanos == 0 && (taken.is_snapshot || !is_empty) {
            lines.book(taken.book, out);
        }
        self.is_fresh = false;
        cover.advance(ts, feed.proof);
    }

    /// Stores the books of the steps up to `until`, if nothing changed since `before`; or why one cannot be.
    pub(super) fn step(
        &mut self,
        feed: &Feed,
        times: (Ts, Ts),
        recv_ts: Ts,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let (before, until) = times;
        if self.step_nanos == 0 {
            return Ok(());
        }
        let known = self.step.map_or(before, |step| step.max(before));
        let first = known.nanos().div_euclid(self.step_nanos).saturating_add(1);
        let last = until.nanos().div_euclid(self.step_nanos);
        let begun = out.len();
        for number in first..=last {
            let Ok(ts) = Ts::from_nanos(number.saturating_mul(self.step_nanos)) else { break };
            let book = feed.book().ok_or("the book was crossed")?;
            if out.len().saturating_sub(begun) > STEPS_BYTES_MAX {
                return Err("the book stood still for more steps than are stored at once");
            }
            lines.book(&whole(book, self.depth, ts, feed.seq(), Some(recv_ts)), out);
            self.step = Some(ts);
        }
        Ok(())
    }
}

/// A whole book as it is stored.
fn whole(book: &OrderBook, depth: Option<usize>, ts: Ts, seq: Option<u64>, recv_ts: Option<Ts>) -> Book<'_> {
    let depth = depth.unwrap_or(usize::MAX);
    let side = |(price, amount, count): (_, _, Option<u64>)| {
        Some(Level { price: Number::new(price).ok()?, amount: Number::new(amount).ok()?, count })
    };
    Book {
        ts,
        is_snapshot: true,
        bids: book.bids().take(depth).filter_map(side).collect(),
        asks: book.asks().take(depth).filter_map(side).collect(),
        seq,
        recv_ts,
    }
}
