//! The place of one connection: what is in it now, and what will be next.

use std::time::{Duration, Instant};

use dccd_exchange::live::{Link, SubscriptionId};
use dccd_rest::Backoff;

use crate::connection::{Connection, Series, Tally};

const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A connection that lived so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(60);
/// A connection is left so long before it is ended by its age.
const AGE_MARGIN: Duration = Duration::from_secs(300);
/// Old and new one run side by side for so long.
const OVERLAP: Duration = Duration::from_secs(5);
/// A successor that is not ready by then is given up.
const READY_MAX: Duration = Duration::from_secs(90);
/// A series that was refused is asked for again, with all others on a new connection, first after so long.
const REFUSED_FIRST: Duration = Duration::from_secs(10);
const REFUSED_MAX: Duration = Duration::from_secs(600);

/// The place of one connection.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) link: Link,
    pub(crate) active: Option<Connection>,
    /// The successor, while both run.
    pub(crate) next: Option<Connection>,
    /// For whom a connection is being opened.
    pub(crate) dialing: Option<Role>,
    /// When to connect.
    due: Instant,
    backoff: Backoff,
    /// When a successor is wanted.
    successor_due: Option<Instant>,
    refusals: Backoff,
    /// Of connections that are gone.
    tally: Tally,
}

/// What a connection is in its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    /// The one that counts.
    Active,
    /// Its successor.
    Next,
}

/// Where a connection has its place: in which slot, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seat {
    pub(crate) slot: usize,
    pub(crate) role: Role,
}

impl Role {
    pub(crate) const BOTH: [Role; 2] = [Role::Active, Role::Next];
}

impl Slot {
    pub(crate) fn new(link: Link, now: Instant) -> Slot {
        let backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
        let refusals = Backoff::new(REFUSED_FIRST, REFUSED_MAX);
        Slot {
            link,
            active: None,
            next: None,
            dialing: None,
            due: now,
            backoff,
            successor_due: None,
            refusals,
            tally: Tally::default(),
        }
    }

    pub(crate) fn connection(&self, role: Role) -> Option<&Connection> {
        match role {
            Role::Active => self.active.as_ref(),
            Role::Next => self.next.as_ref(),
        }
    }

    pub(crate) fn connection_mut(&mut self, role: Role) -> Option<&mut Connection> {
        match role {
            Role::Active => self.active.as_mut(),
            Role::Next => self.next.as_mut(),
        }
    }

    pub(crate) fn has(&self, id: SubscriptionId) -> bool {
        self.link.subscriptions.contains(&id)
    }

    /// What to open now.
    pub(crate) fn dial(&mut self, now: Instant) -> Option<Role> {
        if self.dialing.is_some() {
            return None;
        }
        let is_next_due = self.successor_due.is_some_and(|due| due <= now) && self.next.is_none();
        let wanted = match &self.active {
            None if now >= self.due => Role::Active,
            Some(_) if is_next_due => Role::Next,
            _ => return None,
        };
        self.dialing = Some(wanted);
        Some(wanted)
    }

    /// Connecting failed; how long until the next try.
    pub(crate) fn fail(&mut self, now: Instant) -> Duration {
        let wait = self.backoff.next();
        self.due = now + wait;
        if self.dialing.take() == Some(Role::Next) {
            self.successor_due = Some(now + wait);
        }
        wait
    }

    /// A connection was opened.
    pub(crate) fn open(&mut self, connection: Connection, now: Instant) {
        match (self.dialing.take(), &self.active) {
            (Some(Role::Next), Some(_)) => {
                self.successor_due = None;
                self.next = Some(connection);
            }
            _ => {
                self.active = Some(connection.leading());
                self.plan_successor(now);
            }
        }
    }

    /// The connection is gone; its successor, if there is one, takes over. The series that this interrupts.
    pub(crate) fn lose(&mut self, now: Instant) -> Vec<SubscriptionId> {
        let Some(lost) = self.active.take() else { return Vec::new() };
        self.tally += lost.tally;
        if now.saturating_duration_since(lost.opened) >= GOOD_AFTER {
            self.backoff.reset();
        }
        let Some(next) = self.next.take() else {
            self.due = now + self.backoff.next();
            return self.link.subscriptions.clone();
        };
        let goes_on = |id: &&SubscriptionId| match (next.series.get(**id), lost.series.get(**id)) {
            (Some(one), _) if one.is_refused => false,
            (Some(one), _) if one.feed.is_some() && one.leads => true,
            // Of books it is known what came on both.
            (Some(one), Some(old)) if one.feed.is_some() => {
                one.overlaps(lost.heard, Duration::ZERO) && !one.has_lost && one.is_within(old)
            }
            (Some(one), Some(_)) => one.overlaps(lost.heard, OVERLAP) && !one.has_lost,
            _ => false,
        };
        let interrupted = self.link.subscriptions.iter().filter(|id| !goes_on(id)).copied().collect();
        self.active = Some(next.leading());
        self.plan_successor(now);
        interrupted
    }

    /// The successor is gone. The books that it had led already go on here; those with which that leaves something out.
    pub(crate) fn lose_next(&mut self, now: Instant) -> (Vec<SubscriptionId>, Vec<SubscriptionId>) {
        let (mut returned, mut interrupted) = (Vec::new(), Vec::new());
        let Some(lost) = self.next.take() else { return (returned, interrupted) };
        self.tally += lost.tally;
        self.successor_due = Some(now + self.backoff.next());
        for (id, one) in self.active.iter_mut().flat_map(|active| active.series.iter_mut()) {
            let Some(led) = lost.series.get(id).filter(|led| led.leads) else { continue };
            one.leads = true;
            if one.is_within(led) { returned.push(id) } else { interrupted.push(id) }
        }
        (returned, interrupted)
    }

    /// Lets the successor lead those books of which it was told no more than the connection in charge has told, so that
    /// nothing is left out.
    pub(crate) fn pass_books(&mut self) -> Vec<SubscriptionId> {
        let (Some(active), Some(next)) = (&mut self.active, &mut self.next) else { return Vec::new() };
        let mut passed = Vec::new();
        for (id, one) in next.series.iter_mut().filter(|(_, one)| one.feed.is_some() && !one.leads) {
            let Some(old) = active.series.get_mut(id).filter(|old| one.is_within(old)) else { continue };
            (old.leads, one.leads) = (false, true);
            passed.push(id);
        }
        passed
    }

    /// A successor is wanted soon: the exchange will end this connection.
    pub(crate) fn want_successor(&mut self, due: Instant) {
        if self.next.is_none() && self.successor_due.is_none_or(|known| due < known) {
            self.successor_due = Some(due);
        }
    }

    pub(crate) fn retry_refused(&mut self, now: Instant) {
        if self.successor_due.is_none_or(|due| due > now + REFUSED_MAX) {
            let wait = self.refusals.next();
            self.want_successor(now + wait);
        }
    }

    /// Whether a successor takes too long to be of any use.
    pub(crate) fn is_next_late(&self, now: Instant) -> bool {
        self.next.as_ref().is_some_and(|next| now.saturating_duration_since(next.opened) > READY_MAX)
    }

    /// Puts the successor in its place when it is ready; the one that was replaced, and the series that this interrupts.
    pub(crate) fn succeed(&mut self, now: Instant) -> Option<(Connection, Vec<SubscriptionId>)> {
        let heard = self.active.as_ref().map(|active| active.heard)?;
        let next = self.next.as_ref()?;
        // One that is always ahead can only take over with a hole.
        let is_due = is_leading(next) || now.saturating_duration_since(next.opened) > READY_MAX / 2;
        if !is_due || !is_ready(next, heard) {
            return None;
        }
        let leaves_out = |one: &Series| one.has_lost || one.is_refused || (one.feed.is_some() && !one.leads);
        let interrupted = next.series.iter().filter(|(_, one)| leaves_out(one)).map(|(id, _)| id).collect();
        let next = self.next.take()?.leading();
        let replaced = self.active.replace(next)?;
        self.tally += replaced.tally;
        self.plan_successor(now);
        Some((replaced, interrupted))
    }

    /// What became of all frames.
    pub(crate) fn tally(&self) -> Tally {
        let mut all = self.tally;
        self.active.iter().chain(&self.next).for_each(|connection| all += connection.tally);
        all
    }

    fn plan_successor(&mut self, now: Instant) {
        let age = self.link.host.age_secs_max.map(|secs| Duration::from_secs(u64::from(secs)));
        self.successor_due = age.map(|age| now + age.saturating_sub(AGE_MARGIN.min(age / 10)));
        if self.active.as_ref().is_some_and(|active| active.series.iter().any(|(_, one)| one.is_refused)) {
            self.retry_refused(now);
        }
    }
}

/// Whether all books of a connection are those that are stored.
fn is_leading(connection: &Connection) -> bool {
    connection.series.iter().all(|(_, one)| one.leads || one.feed.is_none() || one.is_refused)
}

/// Whether a connection carries everything, and has done so for a while until the one before it was `heard`.
fn is_ready(connection: &Connection, heard: Instant) -> bool {
    let mut series = connection.series.iter();
    connection.has_asked_all() && series.all(|(_, one)| one.is_refused || one.overlaps(heard, OVERLAP))
}
