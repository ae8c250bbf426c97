//! One open connection: its frames on their way to the series they are of.

mod series;

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use dccd_exchange::live::{
    Checksum, Event, FrameReader, Joint, KeepAlive, Link, LiveHost, Streams, Subscription, SubscriptionId,
};
use dccd_record::{Book, Kind, Proof, Ts};

use crate::clock::recv_ts;
use crate::inbox::Inbox;
use crate::socket::{Heard, Socket, SocketError};
use crate::track::{Feed, Newest, Room, Track, Verdict};

pub(crate) use series::{Series, SeriesList};

/// Frames that are read of one connection before the others have their turn.
const TURN_FRAMES_MAX: usize = 500;
/// Or lines of them: then somebody has to take these first.
const TURN_BYTES_MAX: usize = 1 << 20;
/// Frames that come together are read at one time: after so many our clock is looked at again.
const FRAMES_PER_LOOK: usize = 64;
/// A trade that the exchange names as its last one may come so much later.
const BEHIND_MAX: Duration = Duration::from_secs(10);

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Socket,
    reader: Box<dyn FrameReader>,
    host: &'static LiveHost,
    pub(crate) series: SeriesList,
    pub(crate) opened: Instant,
    /// When something came last.
    pub(crate) heard: Instant,
    /// When we last said that we live.
    spoken: Instant,
    /// What is still to be sent.
    letters: VecDeque<String>,
    /// When letters were sent of late.
    sent: VecDeque<Instant>,
    /// The number of the last frame, where they are counted.
    sequence: Option<u64>,
    /// The exchange's clock, as frames have it.
    pub(crate) stamp: Option<Ts>,
    pub(crate) tally: Tally,
}

/// What became of the frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) frames: u64,
    /// Those that could not be read, and whose loss was named.
    pub(crate) refused: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.frames = self.frames.saturating_add(other.frames);
        self.refused = self.refused.saturating_add(other.refused);
    }
}

/// What a frame asks us to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A series begins anew.
    Renewal(SubscriptionId),
    /// The book's changes come, and its snapshot is wanted.
    Snapshot(SubscriptionId),
    /// The exchange does not give a series.
    Refused(Option<SubscriptionId>, String),
    /// The exchange will end the connection.
    Restart(String),
}

/// What frames are read into.
pub(crate) struct Course<'a> {
    pub(crate) tracks: &'a mut [Track],
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) needs: &'a mut Vec<Need>,
    /// Whether this connection is the one that counts, but for books.
    pub(crate) is_active: bool,
}

impl Connection {
    pub(crate) fn new(
        socket: Socket,
        link: &Link,
        streams: &dyn Streams,
        subscriptions: &[Subscription],
        room: &Room,
        now: Instant,
    ) -> Connection {
        let series = |id: &SubscriptionId| {
            let subscription = subscriptions.get(id.0)?;
            let is_book = subscription.dataset.kind() == Kind::Book;
            let room = Some(room).filter(|_| streams.has_rest_snapshot(subscription));
            let feed = is_book.then(|| Feed::new(streams.rule(subscription), room));
            Some((*id, Series::new(feed, now)))
        };
        Connection {
            socket,
            reader: streams.reader(link, subscriptions),
            host: link.host,
            series: SeriesList::new(link.subscriptions.iter().filter_map(series)),
            opened: now,
            heard: now,
            spoken: now,
            letters: link.opening.iter().cloned().collect(),
            sent: VecDeque::new(),
            sequence: None,
            stamp: None,
            tally: Tally::default(),
        }
    }

    /// The connection, as the one whose books are stored.
    pub(crate) fn leading(mut self) -> Connection {
        self.series.iter_mut().for_each(|(_, one)| one.leads = true);
        self
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Reads what is there; true if there may be more.
    pub(crate) fn read(&mut self, course: &mut Course<'_>) -> Result<bool, SocketError> {
        let mut inbox = mem::take(&mut self.socket.inbox);
        let read = self.read_from(&mut inbox, course);
        self.socket.inbox = inbox;
        read
    }

    fn read_from(&mut self, inbox: &mut Inbox, course: &mut Course<'_>) -> Result<bool, SocketError> {
        let mut at = (Instant::now(), recv_ts());
        let before = course.out.len();
        for number in 0..TURN_FRAMES_MAX {
            if course.out.len().saturating_sub(before) > TURN_BYTES_MAX {
                return Ok(true);
            }
            if number % FRAMES_PER_LOOK == FRAMES_PER_LOOK - 1 {
                at = (Instant::now(), recv_ts());
            }
            match self.socket.read(inbox)? {
                Heard::Text(text) => self.hear(text, at, course),
                Heard::Joined(text) => self.hear(&text, at, course),
                Heard::Control => self.heard = at.0,
                Heard::Nothing => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Sends what is due: subscriptions as fast as the host takes them, and signs of life.
    pub(crate) fn speak(&mut self, now: Instant) -> Result<(), SocketError> {
        let (count_max, window_ms) = self.host.sends;
        let window = Duration::from_millis(u64::from(window_ms));
        while self.sent.front().is_some_and(|sent| now.saturating_duration_since(*sent) >= window) {
            self.sent.pop_front();
        }
        while self.sent.len() < usize::try_from(count_max).unwrap_or(usize::MAX) {
            let Some(letter) = self.letters.pop_front() else { break };
            self.socket.send(&letter)?;
            self.sent.push_back(now);
            self.spoken = now;
        }
        let (KeepAlive::Pings { secs } | KeepAlive::Text { secs, .. }) = self.host.keep_alive else {
            return self.socket.flush();
        };
        if now.saturating_duration_since(self.spoken) >= Duration::from_secs(u64::from(secs)) {
            self.spoken = now;
            match self.host.keep_alive {
                KeepAlive::Text { text, .. } => self.socket.send(text)?,
                _ => self.socket.ping()?,
            }
        }
        self.socket.flush()
    }

    /// Since when a book waits for its snapshot, if it was asked for.
    pub(crate) fn waits_since(&mut self, id: SubscriptionId) -> Option<Instant> {
        self.series.get_mut(id)?.feed.as_mut()?.waiting()?.asked
    }

    /// Whether every subscription was sent.
    pub(crate) fn has_asked_all(&self) -> bool {
        self.letters.is_empty()
    }

    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) > Duration::from_secs(u64::from(self.host.silence_secs))
    }

    /// Asks for a series once more; false if only a new connection can.
    pub(crate) fn renew(&mut self, id: SubscriptionId, written: Vec<String>, now: Instant) -> bool {
        let own = self.reader.renewal(id);
        let letters = if own.is_empty() { written } else { own };
        if letters.is_empty() {
            return false;
        }
        if let Some(series) = self.series.get_mut(id) {
            (series.asked, series.accepted, series.heard) = (now, None, now);
            series.is_renewed = series.feed.is_none();
        }
        self.letters.extend(letters);
        true
    }

    pub(crate) fn close(&mut self) {
        self.socket.close();
    }

    fn hear(&mut self, text: &str, at: (Instant, Ts), course: &mut Course<'_>) {
        self.heard = at.0;
        self.tally.frames += 1;
        self.take(text, at, course);
    }

    /// Reads one frame, which came at this time.
    fn take(&mut self, frame: &str, (now, recv_ts): (Instant, Ts), course: &mut Course<'_>) {
        let Connection { reader, series, sequence, stamp, tally, .. } = self;
        let (mut lasts, mut beat, mut waits) = (Vec::new(), None, None);
        let read = reader.read(frame, recv_ts, &mut |event| match event {
            Event::Sequence(number) => {
                let expected = sequence.map(|last| last.wrapping_add(1));
                // One that comes twice leaves nothing out.
                let is_skip = |expected: &u64| *expected != number && *sequence != Some(number);
                if let Some(expected) = expected.filter(is_skip) {
                    // What came before this frame is whole; this frame belongs to what comes behind the hole.
                    skip(expected, number, series, course);
                }
                *sequence = Some(number);
            }
            Event::Heartbeat(ts) => {
                beat = beat.max(ts);
                *stamp = (*stamp).max(ts);
            }
            Event::LastTrade(id, number) => lasts.push((id, number)),
            Event::Restart(why) => course.needs.push(Need::Restart(why)),
            Event::Refused(id, why) => {
                if let Some(one) = id.and_then(|id| series.get_mut(id)) {
                    one.is_refused = true;
                }
                course.needs.push(Need::Refused(id, why));
            }
            Event::Accepted(id) => {
                let Some(one) = series.get_mut(id) else { return };
                (one.accepted, one.is_refused) = (Some(now), false);
                let begins_anew = mem::take(&mut one.is_renewed) && course.is_active;
                if let Some(track) = course.tracks.get_mut(id.0).filter(|_| begins_anew) {
                    track.interrupt("it was subscribed to anew", course.out);
                }
            }
            Event::Book(id, book, joint, checksum) => {
                let Some(one) = series.get_mut(id) else { return };
                one.hear(now);
                let Some(feed) = &mut one.feed else { return };
                if feed.waiting().is_some() {
                    // Kept below, since the frame's own text is what is kept.
                    waits = Some(id);
                    return;
                }
                course.take_book(id, one.leads, feed, &book, joint, checksum);
                *stamp = (*stamp).max(Some(book.ts).filter(|ts| *ts != recv_ts));
            }
            Event::Ignored => {}
            // Nearly all that comes.
            Event::Trade(id, number, trade) if course.is_active => {
                if let Some(one) = series.get_mut(id) {
                    one.hear(now);
                }
                *stamp = (*stamp).max(Some(trade.ts));
                if let Some(track) = course.tracks.get_mut(id.0).filter(|track| !track.is_shed()) {
                    track.take_trade(number, &trade, course.out);
                }
            }
            event => {
                let Some(id) = id_of(&event) else { return };
                if let Some(one) = series.get_mut(id) {
                    one.hear(now);
                }
                if let (Event::Lost(..), false, Some(one)) = (&event, course.is_active, series.get_mut(id)) {
                    one.has_lost = true;
                }
                if let Event::Trade(_, _, trade) = &event {
                    *stamp = (*stamp).max(Some(trade.ts));
                }
                course.take(id, &event);
            }
        });
        if let Err(error) = read {
            tally.refused += 1;
            self.doubt(&error.to_string(), course);
            return;
        }
        if let Some(id) = waits {
            self.keep(id, frame, recv_ts, course);
        }
        if let Some(stamp) = beat {
            for (id, number) in lasts {
                self.confirm(id, number, stamp, course);
            }
        }
    }

    /// Keeps a frame until the snapshot comes, with which it can be read.
    fn keep(&mut self, id: SubscriptionId, frame: &str, recv_ts: Ts, course: &mut Course<'_>) {
        let Some(one) = self.series.get_mut(id) else { return };
        let Some(feed) = &mut one.feed else { return };
        let Some(waiting) = feed.waiting() else { return };
        let now = Instant::now();
        waiting.push(recv_ts, frame);
        if waiting.asked.is_none() && one.pace.is_due(now) {
            waiting.asked = Some(now);
            course.needs.push(Need::Snapshot(id));
        }
    }

    /// Lays the frames that waited upon a snapshot over REST.
    pub(crate) fn take_snapshot(&mut self, id: SubscriptionId, book: &Book<'_>, course: &mut Course<'_>) {
        let Some(one) = self.series.get_mut(id) else { return };
        let (leads, Some(feed)) = (one.leads, &mut one.feed) else { return };
        let frames = feed.release();
        course.take_book(id, leads, feed, book, Joint::Snapshot { seq: book.seq }, None);
        let now = Instant::now();
        for (recv_ts, frame) in frames {
            self.take(&frame, (now, recv_ts), course);
        }
    }

    /// A frame that cannot be read was lost, whosever it was.
    fn doubt(&mut self, reason: &str, course: &mut Course<'_>) {
        for (id, one) in self.series.iter_mut() {
            course.miss(id, one, |track, out| track.doubt(reason, out));
        }
    }

    /// The exchange says which trade of a series was its last one.
    fn confirm(&mut self, id: SubscriptionId, number: u64, now: Ts, course: &mut Course<'_>) {
        let Some(one) = self.series.get_mut(id) else { return };
        let Some(track) = course.tracks.get_mut(id.0).filter(|track| !track.is_shed()) else { return };
        let newest = Newest { last: Some((now, number)), now };
        // The time of that trade is not said, so only one that came before can be recognised.
        if track.cover.end().is_none() {
            return;
        }
        match (track.confirm(newest, Proof::Heartbeat, course.out), one.behind) {
            (Verdict::Quiet, _) => one.behind = None,
            (Verdict::Behind, None) => one.behind = Some((number, Instant::now())),
            (Verdict::Behind, Some((_, since))) if since.elapsed() > BEHIND_MAX => {
                one.behind = None;
                track.interrupt("the exchange names a trade that did not come", course.out);
                course.needs.push(Need::Renewal(id));
            }
            (Verdict::Behind, Some(_)) => {}
        }
    }
}

impl Course<'_> {
    fn take(&mut self, id: SubscriptionId, event: &Event<'_>) {
        let Some(track) = self.tracks.get_mut(id.0).filter(|track| !track.is_shed()) else { return };
        if self.is_active {
            track.take(event, self.out);
        } else {
            track.take_ahead(event, self.out);
        }
    }

    /// Whether a series has its say here, and not on another connection.
    fn counts(&self, one: &Series) -> bool {
        if one.feed.is_some() { one.leads } else { self.is_active }
    }

    /// Applies a frame of a book; only those of the connection that leads are stored.
    fn take_book(
        &mut self,
        id: SubscriptionId,
        leads: bool,
        feed: &mut Feed,
        book: &Book<'_>,
        joint: Joint,
        checksum: Option<Checksum>,
    ) {
        let Some(track) = self.tracks.get_mut(id.0) else { return };
        let is_stored = leads && !track.is_shed();
        let was_live = feed.is_live();
        if is_stored && was_live {
            track.step_book(feed, book.ts, book.recv_ts.unwrap_or(book.ts), self.out);
        }
        match feed.apply(book, joint, checksum) {
            Ok(Some(taken)) if is_stored => track.take_book(feed, taken, self.out),
            Ok(_) => {}
            Err(reason) => {
                if is_stored {
                    track.interrupt(&reason, self.out);
                }
                // Changes that come before a new snapshot are no news.
                if was_live {
                    self.needs.push(Need::Renewal(id));
                }
            }
        }
    }

    /// Something of a series may be missing here, of which nobody knows what it was.
    fn miss(&mut self, id: SubscriptionId, one: &mut Series, tell: impl FnOnce(&mut Track, &mut Vec<u8>)) {
        if !self.counts(one) {
            // A book that is not stored yet is forgotten; all else shows when this connection takes over.
            one.has_lost |= one.feed.is_none();
        } else if let Some(track) = self.tracks.get_mut(id.0) {
            tell(track, self.out);
        }
        if one.discard_book() {
            self.needs.push(Need::Renewal(id));
        }
    }
}

/// Frames of the whole connection are missing.
fn skip(expected: u64, number: u64, series: &mut SeriesList, course: &mut Course<'_>) {
    let reason = format!("frames are missing on the connection: {number} came where {expected} belongs");
    for (id, one) in series.iter_mut() {
        course.miss(id, one, |track, out| track.interrupt(&reason, out));
    }
}

fn id_of(event: &Event<'_>) -> Option<SubscriptionId> {
    match event {
        Event::PastTrade(id, ..)
        | Event::Trade(id, ..)
        | Event::Candle(id, _)
        | Event::OpenCandle(id, _)
        | Event::Funding(id, _)
        | Event::Lost(id, ..) => Some(*id),
        _ => None,
    }
}
