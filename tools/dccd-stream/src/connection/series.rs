//! One series on one connection, and all of them.

use std::time::{Duration, Instant};

use dccd_exchange::live::SubscriptionId;
use dccd_rest::Backoff;

use crate::track::Feed;

/// Between two snapshots over REST of a book that keeps breaking, at first and at most.
const SNAPSHOTS_APART: Duration = Duration::from_secs(1);
const SNAPSHOTS_APART_MAX: Duration = Duration::from_secs(60);
/// A book that lived so long was a good one.
const SNAPSHOTS_GOOD: Duration = Duration::from_secs(120);

/// One series on one connection.
#[derive(Debug)]
pub(crate) struct Series {
    /// When it was last asked for.
    pub(crate) asked: Instant,
    /// Whether the exchange took it up, and when.
    pub(crate) accepted: Option<Instant>,
    pub(crate) is_refused: bool,
    /// Whether it was asked for anew, and what comes until the exchange says yes may be from before.
    pub(super) is_renewed: bool,
    /// Whether this connection's book is the one that is stored.
    pub(crate) leads: bool,
    /// Whether records were lost here before this connection was the one that counts.
    pub(crate) has_lost: bool,
    /// When something of it came last.
    pub(crate) heard: Instant,
    pub(crate) feed: Option<Feed>,
    /// When snapshots over REST may be asked for.
    pub(super) pace: Pace,
    /// The exchange says that this trade was the last one, and it had not come then.
    pub(super) behind: Option<(u64, Instant)>,
}

/// The series of one connection, found at the place of their ids.
#[derive(Debug)]
pub(crate) struct SeriesList(Vec<Option<Series>>);

impl SeriesList {
    pub(super) fn new(series: impl Iterator<Item = (SubscriptionId, Series)>) -> SeriesList {
        let mut list = Vec::new();
        for (SubscriptionId(at), one) in series {
            if list.len() <= at {
                list.resize_with(at + 1, || None);
            }
            if let Some(place) = list.get_mut(at) {
                *place = Some(one);
            }
        }
        SeriesList(list)
    }

    pub(crate) fn get(&self, id: SubscriptionId) -> Option<&Series> {
        self.0.get(id.0)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: SubscriptionId) -> Option<&mut Series> {
        self.0.get_mut(id.0)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SubscriptionId, &Series)> {
        self.0.iter().enumerate().filter_map(|(at, one)| Some((SubscriptionId(at), one.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (SubscriptionId, &mut Series)> {
        self.0.iter_mut().enumerate().filter_map(|(at, one)| Some((SubscriptionId(at), one.as_mut()?)))
    }
}

/// Lets a book that keeps breaking ask for snapshots ever more rarely.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
    backoff: Backoff,
}

impl Series {
    pub(super) fn new(feed: Option<Feed>, now: Instant) -> Series {
        Series {
            asked: now,
            accepted: None,
            is_refused: false,
            is_renewed: false,
            leads: false,
            has_lost: false,
            heard: now,
            feed,
            pace: Pace { due: now, backoff: Backoff::new(SNAPSHOTS_APART, SNAPSHOTS_APART_MAX) },
            behind: None,
        }
    }

    /// Whether there is something that can fall silent.
    pub(crate) fn is_begun(&self) -> bool {
        self.feed.as_ref().is_none_or(Feed::is_live)
    }

    pub(super) fn hear(&mut self, now: Instant) {
        self.heard = now;
        // Some exchanges have no other way to say yes.
        self.accepted.get_or_insert(now);
    }

    /// Whether going on from here leaves nothing out of what `old` would have told.
    pub(crate) fn is_within(&self, old: &Series) -> bool {
        match (&self.feed, &old.feed) {
            (Some(feed), Some(old)) => feed.is_within(old),
            _ => true,
        }
    }

    /// Whether everything came here for so long before another connection was `heard` for the last time. What that one
    /// told then may have been old.
    pub(crate) fn overlaps(&self, heard: Instant, time: Duration) -> bool {
        let is_long = self.accepted.is_some_and(|since| heard.saturating_duration_since(since) > time);
        is_long && self.feed.as_ref().is_none_or(Feed::is_live)
    }

    /// A book that may lack something is forgotten; whether there was one, which has to begin anew.
    pub(super) fn discard_book(&mut self) -> bool {
        match self.feed.as_mut().filter(|feed| feed.is_live()) {
            Some(feed) => {
                feed.discard();
                true
            }
            None => false,
        }
    }
}

impl Pace {
    /// Whether one may be asked for now; if so, it is.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        if now.saturating_duration_since(self.due) > SNAPSHOTS_GOOD {
            self.backoff.reset();
        }
        self.due = now + self.backoff.next();
        true
    }
}
