//! One series: its records on their way out, and what is proven of it.
//!
//! Nothing here touches a socket or a clock. A silent series proves nothing by itself: records do, what the exchange
//! says of this very series, and what REST shows.

mod book;
mod candles;
mod cover;
#[cfg(test)]
mod tests;
mod trades;

use std::time::Duration;

use dccd_exchange::live::{Event, Streams};
use dccd_exchange::{Paging, capability};
use dccd_record::{Control, Dataset, Funding, Job, Kind, LineWriter, Proof, Retry, Trade, Ts, write_control};

use crate::wish::Wish;

pub(crate) use book::{Books, Feed, Room, Taken};
use candles::Candles;
pub(crate) use cover::Cover;
use trades::Trades;

/// Trades in the order of their ids may be so much out of the order of their times, as in history.
pub(crate) const DISORDER_NANOS: i64 = 1_000_000_000;

/// How long REST may still be filling what it has no history of.
const SETTLE_SECS: i64 = 5;

/// One series.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) dataset: Dataset,
    pub(crate) cover: Cover,
    pub(crate) course: Course,
    lines: LineWriter,
    /// REST may still be filling so much of the newest time.
    settle_nanos: i64,
    /// Whether its records are dropped because nobody takes them.
    is_shed: bool,
    records_only: bool,
}

/// What is special to a kind.
#[derive(Debug)]
pub(crate) enum Course {
    Trades(Trades),
    Candles(Candles),
    Books(Books),
    /// When the last one was paid.
    Funding(Option<Ts>),
}

/// What REST says of a series that is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    /// The time of its last record and its id, if it has any record.
    pub(crate) last: Option<(Ts, u64)>,
    /// The exchange's clock, when it said so.
    pub(crate) now: Ts,
}

/// What follows from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing happened that did not come.
    Quiet,
    /// Something happened that did not come yet.
    Behind,
}

impl Track {
    pub(crate) fn new(wish: &Wish, streams: &dyn Streams, records_only: bool) -> Track {
        let dataset = wish.subscription.dataset.clone();
        let row = capability(&dataset).ok();
        let course = match dataset.kind() {
            Kind::Trade => Course::Trades(Trades::new(row.is_some_and(|row| has_ids(row.paging)))),
            Kind::Book => Course::Books(Books::new(wish.subscription.depth, wish.time_step_secs)),
            Kind::Candle => Course::Candles(Candles::new(dataset.span(), streams.skips_quiet_candles())),
            Kind::Funding | Kind::OpenInterest => Course::Funding(None),
        };
        Track {
            cover: Cover::new(dataset.clone(), records_only),
            lines: LineWriter::new(&dataset),
            course,
            settle_nanos: row.map_or(SETTLE_SECS, |row| i64::from(row.settle_secs)).saturating_mul(1_000_000_000),
            is_shed: false,
            records_only,
            dataset,
        }
    }

    /// The order: everything from the first covered instant on.
    pub(crate) fn write_order(&self, out: &mut Vec<u8>) {
        if !self.records_only {
            write_order(&self.dataset, out);
        }
    }

    /// Takes a trade.
    pub(crate) fn take_trade(&mut self, id: Option<u64>, trade: &Trade<'_>, out: &mut Vec<u8>) {
        if let Course::Trades(trades) = &mut self.course {
            trades.take(id, trade, &mut self.cover, &mut self.lines, out);
        }
    }

    /// Takes what a frame says of this series, but for books.
    pub(crate) fn take(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        let Track { cover, course, lines, .. } = self;
        match (course, event) {
            (Course::Trades(trades), Event::Trade(_, id, trade)) => trades.take(*id, trade, cover, lines, out),
            (Course::Trades(trades), Event::PastTrade(_, id, trade)) => trades.take_past(*id, trade, cover, lines, out),
            (Course::Candles(candles), Event::Candle(_, candle)) => candles.take(candle, cover, lines, out),
            (Course::Candles(candles), Event::OpenCandle(_, ts)) => candles.take_open(*ts, cover),
            (Course::Funding(last), Event::Funding(_, funding)) => take_funding(last, funding, cover, lines, out),
            (_, Event::Lost(_, range, reason)) => cover.lose(*range, reason, out),
            _ => {}
        }
    }

    /// Takes what a connection says that is to take over later: its records come twice, and prove nothing yet.
    pub(crate) fn take_ahead(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Trade(_, id, trade) | Event::PastTrade(_, id, trade) => match &self.course {
                // It may come sooner here than on the other connection, and shows no hole then.
                Course::Trades(trades) if trades.is_next(*id) => self.take(event, out),
                _ => self.lines.trade(trade, out),
            },
            Event::Candle(_, candle) => self.lines.candle(candle, out),
            Event::Funding(_, funding) => self.lines.funding(funding, out),
            _ => {}
        }
    }

    /// Takes a change of the book that `feed` keeps.
    pub(crate) fn take_book(&mut self, feed: &Feed, taken: Taken<'_, '_>, out: &mut Vec<u8>) {
        if let Course::Books(books) = &mut self.course {
            books.take(feed, taken, &mut self.cover, &mut self.lines, out);
        }
    }

    /// The book of `feed` is what it was up to `until`: its steps up to there can be stored.
    pub(crate) fn step_book(&mut self, feed: &Feed, until: Ts, recv_ts: Ts, out: &mut Vec<u8>) {
        let (Course::Books(books), Some(before)) = (&mut self.course, feed.ts()) else { return };
        if let Err(reason) = books.step(feed, (before, until), recv_ts, &mut self.lines, out) {
            self.cover.fail(reason, out);
        }
    }

    /// REST has the same book as `feed`, in which nothing happened for long.
    pub(crate) fn confirm_book(&mut self, feed: &Feed, now: Ts, recv_ts: Ts, out: &mut Vec<u8>) {
        let until = now.saturating_add(-self.settle_nanos - DISORDER_NANOS);
        self.step_book(feed, until, recv_ts, out);
        self.cover.advance(until, Proof::Page);
    }

    /// A book that began anew on another connection goes on from there.
    pub(crate) fn restart_book(&mut self) {
        if let Course::Books(books) = &mut self.course {
            books.restart();
        }
    }

    /// The hole we are in lasts at least until `now`.
    pub(crate) fn name_hole(&mut self, now: Ts, out: &mut Vec<u8>) {
        // A candle that is still open is not missing.
        let until = self.dataset.span().map_or(now, |span| span.floor(now));
        self.cover.name_hole(until, out);
    }

    /// As [`Track::name_hole`], again and again while it lasts; but where nobody takes the lines, nothing may pile up.
    pub(crate) fn name_hole_so_far(&mut self, now: Ts, out: &mut Vec<u8>) {
        if !self.is_shed {
            self.name_hole(now, out);
        }
    }

    /// From here on something may be missing, unless ids show that nothing is.
    pub(crate) fn interrupt(&mut self, reason: &str, out: &mut Vec<u8>) {
        match &mut self.course {
            Course::Trades(trades) => trades.interrupt(reason, &mut self.cover, out),
            Course::Books(books) => {
                books.restart();
                self.cover.fail(reason, out);
            }
            Course::Candles(_) | Course::Funding(_) => self.cover.fail(reason, out),
        }
    }

    /// A frame of the connection is lost, of which nobody knows whose it was.
    pub(crate) fn doubt(&mut self, reason: &str, out: &mut Vec<u8>) {
        match &self.course {
            // The next one shows whether one is missing.
            Course::Candles(candles) if !candles.skips_quiet() => {}
            _ => self.interrupt(reason, out),
        }
    }

    /// Records of it are dropped from here on, or no longer.
    pub(crate) fn shed(&mut self, is_shed: bool, out: &mut Vec<u8>) {
        // What was known when it ended may be from before it began.
        if is_shed != self.is_shed {
            if let Course::Trades(trades) = &mut self.course {
                trades.forget();
            }
            self.interrupt("what reads the lines was too slow, and they were dropped", out);
        }
        self.is_shed = is_shed;
    }

    /// Over REST nothing newer than this can be judged.
    pub(crate) fn settle(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.settle_nanos + DISORDER_NANOS).unwrap_or(0))
    }

    pub(crate) fn is_shed(&self) -> bool {
        self.is_shed
    }

    /// What the exchange says of its last trade.
    pub(crate) fn confirm(&mut self, newest: Newest, proof: Proof, out: &mut Vec<u8>) -> Verdict {
        let until = match proof {
            Proof::Heartbeat => newest.now,
            _ => newest.now.saturating_add(-self.settle_nanos),
        };
        match &mut self.course {
            Course::Trades(trades) => trades.confirm(newest.last, until, proof, &mut self.cover, out),
            Course::Funding(last) => {
                let newest = newest.last.map(|(ts, _)| ts);
                if newest > *last && last.is_some() {
                    return Verdict::Behind;
                }
                let begun = newest.map_or(until, |ts| ts.saturating_add(1));
                *last = newest.or(*last);
                self.cover.begin(begun, proof, out);
                self.cover.advance(until, proof);
                Verdict::Quiet
            }
            Course::Candles(_) | Course::Books(_) => Verdict::Quiet,
        }
    }
}

/// Writes the order of a series.
pub(crate) fn write_order(dataset: &Dataset, out: &mut Vec<u8>) {
    let (id, dataset) = (dataset.to_string(), dataset.clone());
    let job = Job { id, dataset, start: None, end: None, ranges: None, retry: Retry::default(), is_live: true };
    write_control(&Control::Job(job), out);
}

/// Whether REST counts trades.
fn has_ids(paging: Paging) -> bool {
    matches!(paging, Paging::Ids(_) | Paging::Times { has_consecutive_ids: true })
}

/// Rates are rare, and one follows the other: between two that came nothing is missing.
fn take_funding(
    last: &mut Option<Ts>,
    funding: &Funding<'_>,
    cover: &mut Cover,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) {
    lines.funding(funding, out);
    cover.begin(funding.ts, Proof::Sequence, out);
    cover.advance(funding.ts.saturating_add(1), Proof::Sequence);
    *last = (*last).max(Some(funding.ts));
}
