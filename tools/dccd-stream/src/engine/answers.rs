//! What comes back from the network: connections, snapshots of books, and what REST shows of silent series.

use super::*;

use std::time::Instant;

use dccd_exchange::{Ask, Page};
use dccd_record::Book;

use crate::network::Reply;
use crate::track::{Newest, Verdict};

impl Engine<'_> {
    /// Takes in the answers that are there.
    pub(super) fn heed(&mut self) -> Result<(), StreamError> {
        for reply in self.network.answers() {
            match reply {
                Reply::Socket { seat, socket } => self.take_socket(seat, socket),
                Reply::Page { id, purpose: Purpose::Snapshot, asked, lines, page } => {
                    self.take_snapshot(id, asked, &lines, page)?;
                }
                Reply::Page { id, purpose: Purpose::Probe, asked, lines, page } => {
                    self.take_probe(id, asked, &lines, page);
                }
                Reply::Page { id, purpose: Purpose::Contract, page, .. } => self.take_contract(id, page),
            }
        }
        Ok(())
    }

    fn take_socket(&mut self, seat: Seat, socket: Result<crate::socket::Socket, String>) {
        let now = Instant::now();
        let Some(slot) = self.slots.get_mut(seat.slot) else { return };
        let name = slot.link.host.name;
        match socket {
            Ok(socket) => {
                let connection =
                    Connection::new(socket, &slot.link, self.streams, &self.subscriptions, &self.room, now);
                slot.open(connection, now);
                self.tool.log.note(format_args!("{name}: connected ({} series)", slot.link.subscriptions.len()));
            }
            Err(why) => {
                let wait = slot.fail(now);
                let secs = wait.as_secs_f64();
                self.tool.log.warn(format_args!("{name}: cannot connect: {why}; trying again in {secs:.1} s"));
                let reason = format!("disconnected: cannot connect: {why}");
                if seat.role == Role::Active && slot.active.is_none() {
                    let ids = slot.link.subscriptions.clone();
                    self.interrupt(&ids, &reason);
                }
            }
        }
    }

    pub(super) fn ask_snapshot(&mut self, id: SubscriptionId) -> Result<(), StreamError> {
        let Some(subscription) = self.subscriptions.get(id.0) else { return Ok(()) };
        // One question that waits is enough: its answer is as new as the moment at which it is asked.
        if !self.snapshots.insert(id) {
            return Ok(());
        }
        // Levels that were deeper come up when better ones go.
        let depth = subscription.depth.map(|depth| depth.saturating_mul(2));
        match Ask::book(&subscription.dataset, subscription.contract, depth) {
            Ok(ask) => self.network.ask(id, Purpose::Snapshot, ask),
            Err(impossible) => Err(StreamError::Impossible(impossible)),
        }
    }

    /// Lays the frames that waited upon the snapshot.
    fn take_snapshot(
        &mut self,
        id: SubscriptionId,
        asked: Instant,
        lines: &[u8],
        page: Result<Page, String>,
    ) -> Result<(), StreamError> {
        self.snapshots.remove(&id);
        let Some(at) = self.slots.iter().position(|slot| slot.has(id)) else { return Ok(()) };
        if let Err(why) = page {
            let dataset = self.subscriptions.get(id.0).map(|subscription| subscription.dataset.to_string());
            let name = dataset.unwrap_or_default();
            self.tool.log.warn(format_args!("{name}: no snapshot of the book: {}", why));
            return Ok(());
        }
        let Engine { slots, tracks, needs, tool, parser, .. } = self;
        let (Some(book), Some(slot)) = (book_of(parser, lines), slots.get_mut(at)) else { return Ok(()) };
        let mut wants = Vec::new();
        for role in Role::BOTH {
            let Some(connection) = slot.connection_mut(role) else { continue };
            if connection.waits_since(id).is_none_or(|since| since > asked) {
                continue;
            }
            let is_active = role == Role::Active;
            let mut course = Course { tracks, out: tool.out.buffer(), needs, is_active };
            connection.take_snapshot(id, &book, &mut course);
            wants.extend(needs.drain(..).map(|need| (Seat { slot: at, role }, need)));
        }
        drop(book);
        for (seat, need) in wants {
            self.take_need(seat, need)?;
        }
        Ok(())
    }

    /// Whether a silent series is a quiet one, or a dead one.
    fn take_probe(&mut self, id: SubscriptionId, asked: Instant, lines: &[u8], page: Result<Page, String>) {
        let now = Instant::now();
        let Some(probe) = self.probes.get_mut(id.0) else { return };
        probe.answered(now);
        let page = match page {
            Ok(page) => page,
            Err(why) => {
                self.tool.log.note(format_args!("REST does not tell quiet from dead: {}", why));
                return;
            }
        };
        let Some(at) = self.slots.iter().position(|slot| slot.has(id)) else { return };
        let Some(connection) = self.slots.get(at).and_then(|slot| slot.active.as_ref()) else { return };
        let (Some(one), Some(track)) = (connection.series.get(id), self.tracks.get_mut(id.0)) else { return };
        // What was asked before it was subscribed to, or about when something was missed, says nothing.
        let settle = track.settle();
        let is_old = one.accepted.is_some_and(|since| asked.saturating_duration_since(since) >= settle);
        if track.is_shed() || !is_old || !probe.holds(track.cover.breaks(), asked, settle) {
            return;
        }
        let Some(stamp) = page.stamp else { return };
        let out = self.tool.out.buffer();
        let is_dead = match &one.feed {
            Some(_) if one.heard > asked => {
                probe.quiet();
                false
            }
            Some(feed) => match book_of(&mut self.parser, lines) {
                Some(book) if feed.agrees(&book) => {
                    track.confirm_book(feed, stamp, crate::clock::recv_ts(), out);
                    probe.quiet();
                    false
                }
                _ => probe.differs(),
            },
            None => {
                let newest = Newest { last: page.last.map(|mark| (mark.ts, mark.id)), now: stamp };
                match track.confirm(newest, dccd_record::Proof::Page, out) {
                    Verdict::Quiet => {
                        probe.quiet();
                        false
                    }
                    Verdict::Behind => probe.is_behind_for_long(newest, |earlier| {
                        track.confirm(earlier, dccd_record::Proof::Page, out) == Verdict::Behind
                    }),
                }
            }
        };
        if is_dead {
            let reason = "nothing comes, though the exchange has more";
            self.tool.log.warn(format_args!("{}: {reason}; it begins anew", track.dataset));
            track.interrupt(reason, self.tool.out.buffer());
            self.renew(Seat { slot: at, role: Role::Active }, id, now);
        }
    }
}

/// The book on the first of some lines.
fn book_of<'l>(parser: &mut Parser, lines: &'l [u8]) -> Option<Book<'l>> {
    let line = lines.split(|byte| *byte == b'\n').next()?;
    match parser.parse(line) {
        Ok(Line::Book(_, book)) => Some(book),
        _ => None,
    }
}
