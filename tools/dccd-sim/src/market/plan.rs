//! How a day's trades are spread over its minutes.

use crate::hash::{mix, pick};

pub(crate) const MINUTES_PER_DAY: i64 = 1_440;
const MINUTES: usize = 1_440;
/// Minutes of the day's quiet hour that still see a trade or two.
const AWAKE: [usize; 3] = [7, 8, 41];

/// What determines a plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanSeed<'a> {
    /// The pair's key.
    pub(crate) key: u64,
    /// The day's number since 1970.
    pub(crate) day: i64,
    /// The id of the day's first trade.
    pub(crate) first_id: i64,
    /// The day's trades, burst included.
    pub(crate) trades: i64,
    /// Trades in one millisecond.
    pub(crate) burst: i64,
    /// Half-open ranges of minutes since 1970 in which nothing is traded.
    pub(crate) closed: &'a [(i64, i64)],
}

/// One day of one pair.
#[derive(Clone, Debug)]
pub(crate) struct DayPlan {
    first_id: i64,
    first_minute: i64,
    /// Trades of the day before each minute, and of the whole day.
    before: Vec<i64>,
    is_open: Vec<bool>,
    burst_at: Option<usize>,
    burst: i64,
}

/// One minute of one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MinutePlan {
    /// Its number since 1970.
    pub(crate) minute: i64,
    /// The id of its first trade.
    pub(crate) first_id: i64,
    /// Its trades, burst included.
    pub(crate) trades: i64,
    /// How many of them are one burst.
    pub(crate) burst: i64,
}

impl DayPlan {
    pub(crate) fn new(seed: PlanSeed<'_>) -> DayPlan {
        let first_minute = seed.day * MINUTES_PER_DAY;
        let mut is_open: Vec<bool> = (first_minute..first_minute + MINUTES_PER_DAY)
            .map(|minute| !seed.closed.iter().any(|(start, end)| (*start..*end).contains(&minute)))
            .collect();
        let mut weights = weights(mix(seed.key, seed.day), &is_open);
        if weights.iter().all(|weight| *weight == 0) {
            // Outages never take a whole day; what a quiet hour leaves of one may still be nothing.
            let at = is_open.iter().position(|is_open| *is_open).unwrap_or(0);
            weights[at] = 1;
            is_open[at] = true;
        }
        let start = usize::try_from(pick(mix(seed.key, seed.day.wrapping_neg()), MINUTES_PER_DAY)).unwrap_or(0);
        let is_busy = |at: &usize| is_open[*at] && weights[*at] > 0;
        let burst_at = if seed.burst > 0 { (start..MINUTES).chain(0..start).find(is_busy) } else { None };
        let burst = if burst_at.is_some() { seed.burst } else { 0 };
        let before = spread(&weights, seed.trades - burst, burst_at, burst);
        DayPlan { first_id: seed.first_id, first_minute, before, is_open, burst_at, burst }
    }

    /// The minute that holds the day's trade with this id, which must be one of the day's.
    pub(crate) fn minute_of(&self, id: i64) -> MinutePlan {
        let rank = id - self.first_id;
        let at = self.before.partition_point(|before| *before <= rank).saturating_sub(1);
        self.minute_at(at.min(MINUTES - 1))
    }

    /// One minute of the day, by its number since 1970.
    pub(crate) fn minute(&self, minute: i64) -> MinutePlan {
        self.minute_at(usize::try_from(minute - self.first_minute).map_or(0, |at| at.min(MINUTES - 1)))
    }

    /// The day's minutes.
    pub(crate) fn minutes(&self) -> impl Iterator<Item = MinutePlan> + '_ {
        (0..MINUTES).map(|at| self.minute_at(at))
    }

    /// Whether the pair can be traded in any of `minutes` of this day, by their numbers since 1970.
    pub(crate) fn is_open_within(&self, minutes: std::ops::Range<i64>) -> bool {
        let at = |minute: i64| usize::try_from((minute - self.first_minute).clamp(0, MINUTES_PER_DAY)).unwrap_or(0);
        let (start, end) = (at(minutes.start), at(minutes.end));
        start < end && self.is_open[start..end].contains(&true)
    }

    fn minute_at(&self, at: usize) -> MinutePlan {
        MinutePlan {
            minute: self.first_minute + i64::try_from(at).unwrap_or(0),
            first_id: self.first_id + self.before[at],
            trades: self.before[at + 1] - self.before[at],
            burst: if self.burst_at == Some(at) { self.burst } else { 0 },
        }
    }
}

/// How busy each minute is: one hour of the day is quiet, and so is one minute in 29.
fn weights(key: u64, is_open: &[bool]) -> Vec<i64> {
    let quiet_hour = pick(mix(key, -1), 24);
    let hours: Vec<i64> = (0..24).map(|hour| 50 + pick(mix(key, -10 - hour), 100)).collect();
    let weigh = |(at, is_open): (usize, &bool)| {
        let word = mix(key, i64::try_from(at).unwrap_or(0));
        let hour = at / 60;
        if !is_open {
            0
        } else if i64::try_from(hour) == Ok(quiet_hour) {
            i64::from(AWAKE.contains(&(at % 60)))
        } else if word.is_multiple_of(29) {
            0
        } else {
            hours[hour] * (8 + pick(word, 48))
        }
    };
    is_open.iter().enumerate().map(weigh).collect()
}

fn spread(weights: &[i64], trades: i64, burst_at: Option<usize>, burst: i64) -> Vec<i64> {
    let total: i64 = weights.iter().sum();
    let mut before = Vec::with_capacity(MINUTES + 1);
    let mut weight = 0;
    before.push(0);
    for (at, own) in weights.iter().enumerate() {
        weight += own;
        let shifted = if burst_at.is_some_and(|burst_at| at >= burst_at) { burst } else { 0 };
        before.push(trades * weight / total + shifted);
    }
    before
}
