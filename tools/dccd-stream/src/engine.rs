//! The loop: sockets in, lines out, and what falls due in between.

mod answers;
mod contracts;
mod watch;

use std::collections::HashSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime};

use dccd_cli::{AddressBook, OutputError, Powers, Status, Tool, env};
use dccd_exchange::Impossible;
use dccd_exchange::live::{Streams, Subscription, SubscriptionId, streams};
use dccd_record::{Control, Failed, Kind, Line, Parser, Range, Ts, write_control};
use dccd_rest::Budgets;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::args::Args;
use crate::clock::StepWatch;
use crate::connection::{Connection, Course, Need, Tally};
use crate::error::StreamError;
use crate::network::{Network, Purpose};
use crate::slot::{Role, Seat, Slot};
use crate::track::{Room, Track, write_order};
use crate::wish::{Wish, Wishes};
use contracts::Contracts;

/// What falls due is looked at this often.
const TICK: Duration = Duration::from_millis(100);
/// After a stop, what was written is to be taken within this time.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// When so much waits for a slow reader, books are dropped...
const SHED_BOOKS_BYTES: usize = 8 << 20;
/// ...and when it is so much, everything but what is said of it.
const SHED_ALL_BYTES: usize = 16 << 20;

/// One run of the tool.
pub(crate) struct Engine<'a> {
    tool: &'a mut Tool,
    streams: &'static dyn Streams,
    wishes: Vec<Wish>,
    subscriptions: Vec<Subscription>,
    tracks: Vec<Track>,
    probes: Vec<watch::Probe>,
    slots: Vec<Slot>,
    contracts: Contracts,
    network: Network,
    records_only: bool,
    steps: StepWatch,
    /// The exchange's clock, as anything had it.
    stamp: Option<Ts>,
    needs: Vec<Need>,
    /// Where frames wait for snapshots.
    room: Room,
    /// Books of which REST was asked for a snapshot, and did not answer yet.
    snapshots: HashSet<SubscriptionId>,
    parser: Parser,
    covered: Instant,
    probed: Instant,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(args: &Args, wishes: Wishes, tool: &'a mut Tool) -> Result<Engine<'a>, StreamError> {
        let Wishes { exchange, series, config } = wishes;
        let addresses =
            AddressBook::new(config).with_rest_url(args.rest_url.clone())?.with_ws_url(args.ws_url.clone())?;
        let name = exchange.as_str();
        if let Some(closed) = Impossible::closed(name).filter(|_| !addresses.is_elsewhere(name)) {
            return Err(StreamError::Impossible(closed));
        }
        let streams = streams(name).ok_or_else(|| StreamError::Impossible(Impossible::Exchange(name.to_owned())))?;
        let budgets = Budgets::new(args.budget_dir.clone(), env::budget_dirs());
        budgets.check()?;
        let network = Network::new(name, addresses, budgets, &tool.log, &tool.stop)?;
        let now = Instant::now();
        let mut engine = Engine {
            tool,
            streams,
            wishes: Vec::new(),
            subscriptions: Vec::new(),
            tracks: Vec::new(),
            probes: Vec::new(),
            slots: Vec::new(),
            contracts: Contracts::default(),
            network,
            records_only: args.records,
            steps: StepWatch::new(),
            stamp: None,
            needs: Vec::new(),
            room: Room::default(),
            snapshots: HashSet::new(),
            parser: Parser::new(),
            covered: now,
            probed: now,
        };
        engine.choose(series)?;
        engine.tool.confine(&Powers::none().connect());
        Ok(engine)
    }

    /// What the exchange pushes of all that is wanted; one that it does not never stops the others.
    fn choose(&mut self, series: Vec<Wish>) -> Result<(), StreamError> {
        let mut refusal = None;
        for wish in series {
            match self.streams.links(std::slice::from_ref(&wish.subscription)) {
                Ok(links) => {
                    links.iter().try_for_each(|link| self.network.open_budgets(link.host))?;
                    self.wishes.push(wish);
                }
                Err(impossible) => {
                    self.tool.log.error(format_args!("{}: {impossible}", wish.subscription.dataset));
                    self.refuse(&wish, impossible.to_string());
                    refusal = Some(impossible);
                }
            }
        }
        match refusal {
            Some(impossible) if self.wishes.is_empty() => Err(StreamError::Impossible(impossible)),
            _ => Ok(()),
        }
    }

    /// Runs until a signal comes.
    pub(crate) fn run(mut self) -> Result<Status, StreamError> {
        self.subscriptions = self.wishes.iter().map(|wish| wish.subscription.clone()).collect();
        self.tracks = self.wishes.iter().map(|wish| Track::new(wish, self.streams, self.records_only)).collect();
        self.probes = self.wishes.iter().map(|_| watch::Probe::default()).collect();
        let now = Instant::now();
        self.contracts = Contracts::of(&self.subscriptions, now);
        for track in &self.tracks {
            track.write_order(self.tool.out.buffer());
        }
        let ready = self.contracts.ready(now);
        self.add_slots(&ready, now)?;
        let mut ticked = now.checked_sub(TICK).unwrap_or(now);
        while !self.tool.stop.is_set() {
            let is_more = self.read()?;
            self.heed()?;
            let now = Instant::now();
            if now.saturating_duration_since(ticked) >= TICK {
                ticked = now;
                self.tick(now)?;
            }
            self.hand_over()?;
            if !is_more {
                self.wait()?;
            }
        }
        self.finish()
    }

    /// Reads every connection; true if one has more.
    fn read(&mut self) -> Result<bool, StreamError> {
        let Engine { slots, tracks, needs, tool, .. } = self;
        let mut is_more = false;
        let mut lost = Vec::new();
        let mut wants = Vec::new();
        for (at, slot) in slots.iter_mut().enumerate() {
            for role in Role::BOTH {
                let Some(connection) = slot.connection_mut(role) else { continue };
                let seat = Seat { slot: at, role };
                let is_active = role == Role::Active;
                let mut course = Course { tracks, out: tool.out.buffer(), needs, is_active };
                let read = connection.read(&mut course);
                let stamp = connection.stamp;
                self.stamp = self.stamp.max(stamp);
                wants.extend(needs.drain(..).map(|need| (seat, need)));
                match read {
                    Ok(more) => is_more |= more,
                    Err(error) => lost.push((seat, error.to_string())),
                }
            }
        }
        for (seat, need) in wants {
            self.take_need(seat, need)?;
        }
        // A successor that is lost, too, takes over nothing.
        for (seat, why) in lost.into_iter().rev() {
            self.lose(seat, &why);
        }
        Ok(is_more)
    }

    /// Hands lines to whoever reads them, and drops what he does not take in time.
    fn hand_over(&mut self) -> Result<(), StreamError> {
        self.tool.out.offer()?;
        let waiting = self.tool.out.buffer().len();
        let is_any_shed = self.tracks.iter().any(Track::is_shed);
        if waiting < SHED_BOOKS_BYTES && !is_any_shed {
            return Ok(());
        }
        let Engine { tracks, tool, .. } = self;
        for track in tracks {
            let bound = if track.dataset.kind() == Kind::Book { SHED_BOOKS_BYTES } else { SHED_ALL_BYTES };
            // What was dropped begins again only when there is room for more than a line.
            let is_shed = waiting >= bound || (track.is_shed() && waiting >= bound / 2);
            if is_shed && !track.is_shed() {
                tool.log.warn(format_args!("{}: nobody takes the lines; records are dropped", track.dataset));
            }
            track.shed(is_shed, tool.out.buffer());
        }
        Ok(())
    }

    fn wait(&self) -> Result<(), StreamError> {
        const WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let connections = self.slots.iter().flat_map(|slot| slot.active.iter().chain(&slot.next));
        let sockets: Vec<BorrowedFd<'_>> = connections.map(|connection| connection.socket().as_fd()).collect();
        let (bell, out) = (self.network.bell(), self.tool.out.as_fd());
        let mut fds: Vec<PollFd<'_>> = sockets.iter().map(|socket| PollFd::new(socket, PollFlags::IN)).collect();
        fds.push(PollFd::new(&bell, PollFlags::IN));
        let interest = if self.tool.out.is_waiting() { PollFlags::OUT } else { PollFlags::empty() };
        fds.push(PollFd::new(&out, interest));
        match poll(&mut fds, Some(&WAIT)) {
            // Whoever read the lines is gone, which is told even when there is nothing to write.
            Ok(_) if fds.last().is_some_and(|out| out.revents().contains(PollFlags::ERR)) => {
                Err(StreamError::Output(OutputError::Closed))
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(StreamError::Poll(error.into())),
        }
    }

    /// A connection is gone.
    fn lose(&mut self, seat: Seat, why: &str) {
        let now = Instant::now();
        let Some(slot) = self.slots.get_mut(seat.slot) else { return };
        let name = slot.link.host.name;
        if seat.role == Role::Next {
            self.tool.log.note(format_args!("{name}: the next connection is lost: {why}"));
            let (returned, interrupted) = slot.lose_next(now);
            self.restart_books(&returned);
            self.interrupt(&interrupted, &format!("disconnected: {why}"));
            return;
        }
        self.tool.log.warn(format_args!("{name}: the connection is lost: {why}"));
        let interrupted = slot.lose(now);
        let going_on = slot.link.subscriptions.iter().filter(|id| !interrupted.contains(id)).copied();
        let going_on: Vec<SubscriptionId> = going_on.collect();
        self.restart_books(&going_on);
        self.interrupt(&interrupted, &format!("disconnected: {why}"));
    }

    /// From here on something may be missing of some series.
    fn interrupt(&mut self, ids: &[SubscriptionId], reason: &str) {
        for id in ids {
            if let Some(track) = self.tracks.get_mut(id.0) {
                track.interrupt(reason, self.tool.out.buffer());
            }
        }
    }

    /// Books go on from another connection, with whole ones.
    fn restart_books(&mut self, ids: &[SubscriptionId]) {
        for id in ids {
            if let Some(track) = self.tracks.get_mut(id.0) {
                track.restart_book();
            }
        }
    }

    fn take_need(&mut self, seat: Seat, need: Need) -> Result<(), StreamError> {
        let now = Instant::now();
        match need {
            Need::Snapshot(id) => self.ask_snapshot(id),
            Need::Renewal(id) => {
                self.renew(seat, id, now);
                Ok(())
            }
            Need::Restart(why) => {
                let Some(slot) = self.slots.get_mut(seat.slot) else { return Ok(()) };
                self.tool.log.note(format_args!("{}: {why}", slot.link.host.name));
                if seat.role == Role::Active {
                    slot.want_successor(now);
                }
                Ok(())
            }
            Need::Refused(id, why) => {
                self.refused(seat, id, &why, now);
                Ok(())
            }
        }
    }

    /// Lets a series begin anew on its connection, or on a new one; whether the connection lives on.
    fn renew(&mut self, seat: Seat, id: SubscriptionId, now: Instant) -> bool {
        let slot = self.slots.get_mut(seat.slot);
        let Some(connection) = slot.and_then(|slot| slot.connection_mut(seat.role)) else { return true };
        let Some(subscription) = self.subscriptions.get(id.0) else { return true };
        if let Some(one) = connection.series.get_mut(id) {
            one.asked = now;
            if let Some(feed) = &mut one.feed {
                feed.discard();
                // Where changes come, a snapshot over REST is all that it takes.
                let is_coming = now.saturating_duration_since(one.heard) < watch::BOOK_SILENT;
                if is_coming && self.streams.has_rest_snapshot(subscription) {
                    return true;
                }
            }
        }
        if connection.renew(id, self.streams.renewal(subscription), now) {
            return true;
        }
        let why = format!("{} has to begin anew", subscription.dataset);
        self.lose(seat, &why);
        false
    }

    fn refused(&mut self, seat: Seat, id: Option<SubscriptionId>, why: &str, now: Instant) {
        let Some(slot) = self.slots.get_mut(seat.slot) else { return };
        let name = slot.link.host.name;
        let Some(id) = id else {
            self.tool.log.error(format_args!("{name}: the exchange refused: {why}"));
            return;
        };
        slot.retry_refused(now);
        let active = slot.active.as_ref().and_then(|active| active.series.get(id));
        if seat.role == Role::Next && active.is_some_and(|one| !one.is_refused) {
            // It goes on where it is, as long as that lives.
            self.tool.log.note(format_args!("{name}: the next connection was refused a series: {why}"));
            return;
        }
        self.miss(id, &format!("the exchange refused: {why}"));
    }

    /// A series cannot be had now. It is asked for again and again, which need not be told each time.
    fn miss(&mut self, id: SubscriptionId, message: &str) {
        self.interrupt(&[id], message);
        let is_known = self.probes.get_mut(id.0).is_some_and(watch::Probe::refuse);
        let Some(wish) = self.wishes.get(id.0).filter(|_| !is_known).cloned() else { return };
        self.tool.log.error(format_args!("{}: {message}", wish.subscription.dataset));
        // The exchange may think otherwise the next time.
        self.fail(&wish, message.to_owned(), true);
    }

    /// Takes up a series and says at once that it cannot be had.
    fn refuse(&mut self, wish: &Wish, error: String) {
        if !self.records_only {
            write_order(&wish.subscription.dataset, self.tool.out.buffer());
        }
        self.fail(wish, error, false);
    }

    /// Says that a series could not be had.
    fn fail(&mut self, wish: &Wish, error: String, is_retryable: bool) {
        let range = self.stamp.map_or(Range::all(), Range::instant);
        let failed = Failed { dataset: wish.subscription.dataset.clone(), range, error, is_retryable };
        if !self.records_only {
            write_control(&Control::Failed(failed), self.tool.out.buffer());
        }
    }

    /// Says all that is proven, and goes.
    fn finish(mut self) -> Result<Status, StreamError> {
        let Engine { slots, tracks, tool, stamp, .. } = &mut self;
        for track in tracks {
            track.cover.say(tool.out.buffer());
            if let Some(stamp) = *stamp {
                track.name_hole(stamp, tool.out.buffer());
            }
        }
        for connection in slots.iter_mut().flat_map(|slot| slot.active.iter_mut().chain(&mut slot.next)) {
            connection.close();
        }
        let mut all = Tally::default();
        slots.iter().for_each(|slot| all += slot.tally());
        let Tally { frames, refused } = all;
        match refused {
            0 => tool.log.note(format_args!("{frames} frames were read")),
            _ => tool.log.warn(format_args!("{refused} of {frames} frames could not be read")),
        }
        let until = Instant::now() + DRAIN_MAX;
        while !tool.out.buffer().is_empty() && Instant::now() < until {
            tool.out.offer()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        if !tool.out.buffer().is_empty() {
            let bytes = tool.out.buffer().len();
            tool.log.error(format_args!("nobody takes the lines: the last {bytes} bytes are lost"));
            tool.out.buffer().clear();
        }
        Ok(Status::Ok)
    }
}
