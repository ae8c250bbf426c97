//! What falls due: connections, coverage to be said, and series that are too silent.

use super::*;

use dccd_exchange::Ask;

use crate::connection::Series;
use crate::track::{Course as Kinds, Newest};

/// What is proven is said this often.
const COVER_EVERY: Duration = Duration::from_secs(5);
/// A hole that lasts is named this often.
const HOLE_EVERY: Duration = Duration::from_secs(60);
/// No two questions about silent series are closer.
const PROBES_APART: Duration = Duration::from_millis(250);
/// A subscription has to be acknowledged in this time.
const ACKNOWLEDGED_MAX: Duration = Duration::from_secs(20);
/// A snapshot has to come in this time.
const SNAPSHOT_MAX: Duration = Duration::from_secs(30);
/// Trades are silent after this time.
const TRADES_SILENT: Duration = Duration::from_secs(5);
/// Books are silent after this time.
pub(super) const BOOK_SILENT: Duration = Duration::from_secs(10);
const FUNDING_SILENT: Duration = Duration::from_secs(300);
/// Candles are silent when two spans went by, and this.
const CANDLES_SILENT: Duration = Duration::from_secs(60);
/// However wide they are.
const CANDLE_SPANS_MAX: Duration = Duration::from_secs(600);

/// What is known of a series' silence.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// When the question was asked whose answer has not come.
    asked: Option<Instant>,
    answered: Option<Instant>,
    /// How often something had been missed then.
    breaks: u64,
    /// How often it was known to be, and since when.
    broken: Option<(u64, Instant)>,
    /// Up to where it was covered, and since when.
    progress: Option<(Option<Ts>, Instant)>,
    /// What REST had that had not come.
    behind: Option<Newest>,
    /// How often in a row REST had another book.
    differences: u32,
    /// Since when it is in a hole without a word.
    hole: Option<Instant>,
    /// Whether the exchange refused it since it last came.
    is_refused: bool,
}

impl Probe {
    pub(super) fn answered(&mut self, now: Instant) {
        self.asked = None;
        self.answered = Some(now);
    }

    /// Whether nothing was missed since, and not shortly before.
    pub(super) fn holds(&self, breaks: u64, asked: Instant, settle: Duration) -> bool {
        let is_long_ago = self.broken.is_none_or(|(_, since)| asked.saturating_duration_since(since) >= settle);
        self.breaks == breaks && is_long_ago
    }

    /// Notes how often something was missed.
    fn note_breaks(&mut self, breaks: u64, now: Instant) {
        if self.broken.is_none_or(|(known, _)| known != breaks) {
            self.broken = Some((breaks, now));
        }
    }

    pub(super) fn quiet(&mut self) {
        (self.behind, self.differences) = (None, 0);
    }

    /// Whether two books in a row were others.
    pub(super) fn differs(&mut self) -> bool {
        self.differences += 1;
        let is_dead = self.differences > 1;
        if is_dead {
            self.differences = 0;
        }
        is_dead
    }

    /// Whether what REST had at an earlier time did not come until now.
    pub(super) fn is_behind_for_long(&mut self, newest: Newest, mut is_still: impl FnMut(Newest) -> bool) -> bool {
        match self.behind.replace(newest) {
            Some(earlier) if is_still(earlier) => {
                self.behind = None;
                true
            }
            _ => false,
        }
    }

    /// Notes that the exchange refused it; whether that was known.
    pub(super) fn refuse(&mut self) -> bool {
        std::mem::replace(&mut self.is_refused, true)
    }

    /// For how long nothing new was covered.
    fn standstill(&mut self, end: Option<Ts>, now: Instant) -> Duration {
        self.is_refused = false;
        match self.progress {
            Some((known, since)) if known == end => now.saturating_duration_since(since),
            _ => {
                self.progress = Some((end, now));
                Duration::ZERO
            }
        }
    }
}

impl Engine<'_> {
    pub(super) fn tick(&mut self, now: Instant) -> Result<(), StreamError> {
        self.watch_clock(now);
        self.tend_contracts(now)?;
        for at in 0..self.slots.len() {
            self.tend(at, now)?;
        }
        if now.saturating_duration_since(self.covered) >= COVER_EVERY {
            self.covered = now;
            for track in &mut self.tracks {
                track.cover.say(self.tool.out.buffer());
            }
        }
        self.name_holes(now);
        for (track, probe) in self.tracks.iter().zip(&mut self.probes) {
            probe.note_breaks(track.cover.breaks(), now);
        }
        self.watch_series(now)
    }

    /// Books that carry our own time cannot go on when it was stepped.
    fn watch_clock(&mut self, now: Instant) {
        let Some(secs) = self.steps.step_secs(SystemTime::now(), now) else { return };
        let reason = format!("our clock was stepped by {secs:.1} s");
        self.tool.log.warn(&reason);
        let connections = self.slots.iter().filter_map(|slot| slot.active.as_ref());
        for (id, one) in connections.flat_map(|connection| connection.series.iter()) {
            let is_ours = one.feed.as_ref().is_some_and(crate::track::Feed::has_our_time);
            if let Some(track) = self.tracks.get_mut(id.0).filter(|_| is_ours) {
                track.interrupt(&reason, self.tool.out.buffer());
            }
        }
    }

    /// Opens, ends and replaces the connection of a slot as is due.
    fn tend(&mut self, at: usize, now: Instant) -> Result<(), StreamError> {
        let Some(slot) = self.slots.get_mut(at) else { return Ok(()) };
        if let Some(role) = slot.dial(now) {
            self.network.connect(slot.link.host, &slot.link.path, Seat { slot: at, role })?;
        }
        let passed = slot.pass_books();
        let (mut interrupted, mut lost) = (Vec::new(), Vec::new());
        if let Some((mut replaced, left_out)) = slot.succeed(now) {
            self.tool.log.note(format_args!("{}: the next connection took over", slot.link.host.name));
            replaced.close();
            interrupted = left_out;
        }
        if slot.is_next_late(now) {
            lost.push((Role::Next, "it does not carry everything".to_owned()));
        }
        for role in Role::BOTH {
            let Some(connection) = slot.connection_mut(role) else { continue };
            if let Err(error) = connection.speak(now) {
                lost.push((role, error.to_string()));
            } else if connection.is_silent(now) {
                let secs = now.saturating_duration_since(connection.heard).as_secs();
                lost.push((role, format!("nothing came for {secs} s")));
            }
        }
        self.restart_books(&passed);
        self.interrupt(&interrupted, "records were lost while connections changed");
        // A successor that is lost, too, takes over nothing.
        lost.sort_by_key(|(role, _)| *role == Role::Active);
        for (role, why) in lost {
            self.lose(Seat { slot: at, role }, &why);
        }
        Ok(())
    }

    fn name_holes(&mut self, now: Instant) {
        let Some(stamp) = self.stamp else { return };
        for (track, probe) in self.tracks.iter_mut().zip(&mut self.probes) {
            if track.cover.end().is_some() {
                probe.hole = None;
            } else if now.saturating_duration_since(*probe.hole.get_or_insert(now)) >= HOLE_EVERY {
                probe.hole = Some(now);
                track.name_hole_so_far(stamp, self.tool.out.buffer());
            }
        }
    }

    /// Looks for series that are not acknowledged, books that do not begin, and silence.
    fn watch_series(&mut self, now: Instant) -> Result<(), StreamError> {
        let (mut overdue, mut silent) = (Vec::new(), None);
        let Engine { slots, tracks, probes, .. } = self;
        for (at, slot) in slots.iter().enumerate() {
            for role in Role::BOTH {
                let Some(connection) = slot.connection(role).filter(|one| one.has_asked_all()) else { continue };
                for (id, one) in connection.series.iter().filter(|(_, one)| !one.is_refused) {
                    let known = tracks.get(id.0).zip(probes.get_mut(id.0)).filter(|_| role == Role::Active);
                    match look(one, known, now) {
                        Look::Well => {}
                        // Whoever waits longest is asked for first.
                        Look::Silent(standstill) => silent = silent.max(Some((standstill, id))),
                        Look::Overdue(reason) => overdue.push((Seat { slot: at, role }, id, reason)),
                    }
                }
            }
        }
        if let Some((_, id)) = silent.filter(|_| now.saturating_duration_since(self.probed) >= PROBES_APART) {
            self.probed = now;
            self.ask_probe(id, now)?;
        }
        let mut gone = HashSet::new();
        for (seat, id, reason) in overdue {
            if gone.contains(&seat) {
                continue;
            }
            if let (Some(reason), Role::Active, Some(track)) = (reason, seat.role, self.tracks.get_mut(id.0)) {
                self.tool.log.warn(format_args!("{}: {reason}; it is asked for again", track.dataset));
                track.interrupt(reason, self.tool.out.buffer());
            }
            if !self.renew(seat, id, now) {
                gone.insert(seat);
            }
        }
        Ok(())
    }

    fn ask_probe(&mut self, id: SubscriptionId, now: Instant) -> Result<(), StreamError> {
        let (Some(subscription), Some(probe)) = (self.subscriptions.get(id.0), self.probes.get_mut(id.0)) else {
            return Ok(());
        };
        let dataset = &subscription.dataset;
        let ask = match dataset.kind() {
            Kind::Book => Ask::book(dataset, subscription.contract, Some(BOOK_PROBE_LEVELS)).map(Some),
            _ => Ask::newest(dataset, subscription.contract),
        };
        let Ok(Some(ask)) = ask else {
            // There is no history to look at, and so no answer.
            probe.answered = Some(now);
            return Ok(());
        };
        probe.asked = Some(now);
        probe.breaks = self.tracks.get(id.0).map_or(0, |track| track.cover.breaks());
        self.network.ask(id, Purpose::Probe, ask)
    }
}

/// Levels of a book that is asked for to be compared.
const BOOK_PROBE_LEVELS: u32 = 20;

/// How a series is on a connection.
enum Look {
    Well,
    /// Nothing new was covered for so long, which REST is asked about.
    Silent(Duration),
    /// It has to be asked for again; and why, where something may have been missed.
    Overdue(Option<&'static str>),
}

/// How a series is on a connection; what is known of it, where that connection is the active one.
fn look(one: &Series, known: Option<(&Track, &mut Probe)>, now: Instant) -> Look {
    let since = |before: Instant| now.saturating_duration_since(before);
    if one.accepted.is_none() && since(one.asked) > ACKNOWLEDGED_MAX {
        return Look::Overdue(Some("the subscription was not acknowledged"));
    }
    if one.feed.as_ref().is_some_and(|feed| !feed.is_live()) && since(one.asked) > SNAPSHOT_MAX {
        return Look::Overdue(None);
    }
    let Some((track, probe)) = known.filter(|_| one.accepted.is_some() && one.is_begun()) else { return Look::Well };
    let standstill = probe.standstill(track.cover.end(), now);
    match silence(track) {
        Silence::Asks(bound) => {
            let can_be_asked = !track.is_shed() && probe.asked.is_none();
            let is_due = standstill >= bound && probe.answered.is_none_or(|last| since(last) >= bound);
            if can_be_asked && is_due { Look::Silent(standstill) } else { Look::Well }
        }
        Silence::Means(bound) if since(one.heard) >= bound => Look::Overdue(Some("nothing came for too long")),
        Silence::Means(_) => Look::Well,
    }
}

/// What silence means for a series.
enum Silence {
    /// After this time REST is asked.
    Asks(Duration),
    /// After this time it is dead.
    Means(Duration),
}

fn silence(track: &Track) -> Silence {
    match &track.course {
        Kinds::Trades(_) => Silence::Asks(TRADES_SILENT),
        Kinds::Books(_) => Silence::Asks(BOOK_SILENT),
        Kinds::Funding(_) => Silence::Asks(FUNDING_SILENT),
        Kinds::Candles(candles) => {
            let spans = Duration::from_nanos(u64::try_from(candles.span_nanos().saturating_mul(2)).unwrap_or(0));
            Silence::Means(spans.min(CANDLE_SPANS_MAX) + CANDLES_SILENT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_if_nothing_was_missed_shortly_before_or_since() {
        let (asked, settle) = (Instant::now() + Duration::from_secs(100), Duration::from_secs(6));
        let check = |broken: Option<(u64, u64)>, breaks: u64, expected: bool| {
            let mut probe = Probe::default();
            if let Some((count, secs_before)) = broken {
                probe.note_breaks(count, asked - Duration::from_secs(secs_before));
                probe.breaks = count;
            }
            assert_eq!(probe.holds(breaks, asked, settle), expected, "{broken:?} {breaks}");
        };
        check(None, 0, true);
        check(Some((1, 7)), 1, true);
        // REST may not have shown yet what was missed.
        check(Some((1, 5)), 1, false);
        // Something was missed after it was asked.
        check(Some((1, 7)), 2, false);
        check(None, 1, false);
    }

    #[test]
    fn two_differences_in_a_row_mean_a_dead_book() {
        let mut probe = Probe::default();
        assert!(!probe.differs());
        probe.quiet();
        assert!(!probe.differs());
        assert!(probe.differs());
    }
}
