//! The truth about one pair: any trade, candle or book of any time, in any order of asking.

use std::ops::Range;
use std::sync::Arc;

use crate::clock::{DAY, HOUR, MINUTE};
use crate::hash::{mix, pick};
use crate::market::bar::Bar;
use crate::market::catalogue::Listing;
use crate::market::outage::Outages;
use crate::market::plan::{DayPlan, MINUTES_PER_DAY, MinutePlan, PlanSeed};
use crate::market::trade::{MinuteTrades, Trade};
use crate::market::{Caches, Settings, path};

/// The truth ends with 2099.
const LAST_DAY: i64 = 47_481;
const PATH: i64 = 1;
const DAYS: i64 = 2;
const PLANS: i64 = 3;
const TRADES: i64 = 4;

/// One pair of one exchange.
#[derive(Debug)]
pub(crate) struct Series {
    number: usize,
    listing: Listing,
    key: u64,
    outages: Outages,
    burst: i64,
    first_day: i64,
    /// The id of the first trade of each day from the first, and of the day after the last.
    first_ids: Vec<i64>,
    caches: Arc<Caches>,
}

impl Series {
    /// `number` tells the series apart from the others that share `caches`.
    pub(crate) fn new(
        number: usize,
        listing: Listing,
        keys: (u64, Outages),
        settings: Settings,
        caches: &Arc<Caches>,
    ) -> Series {
        let (key, outages) = keys;
        let first_day = listing.since.div_euclid(DAY);
        let mut id = 0;
        let mut first_ids = vec![id];
        let last_day = (listing.until - 1).div_euclid(DAY).min(LAST_DAY);
        for day in first_day..=last_day {
            let percent = 75 + pick(mix(mix(key, DAYS), day), 51);
            id += (settings.trades_per_day * percent / 100).max(1) + settings.burst;
            first_ids.push(id);
        }
        Series {
            number,
            listing,
            key,
            outages,
            burst: settings.burst,
            first_day,
            first_ids,
            caches: Arc::clone(caches),
        }
    }

    /// The first instant that has no truth.
    pub(crate) fn horizon() -> i64 {
        (LAST_DAY + 1) * DAY
    }

    /// How the pair is written and since when it is traded.
    pub(crate) fn listing(&self) -> &Listing {
        &self.listing
    }

    /// What other facts about the pair are drawn from.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// Where the price is, in ticks.
    pub(crate) fn price_at(&self, instant: i64) -> i64 {
        path::at(mix(self.key, PATH), self.listing.ticks, instant)
    }

    /// The id of the first trade at or after `instant`; equally, how many came before.
    pub(crate) fn first_id_at(&self, instant: i64) -> i64 {
        if instant <= self.listing.since {
            return 0;
        }
        let Some(plan) = self.plan(instant.div_euclid(DAY)) else { return self.end_id() };
        let minute = plan.minute(instant.div_euclid(MINUTE));
        let earlier = self.minute_trades(minute).take_while(|trade| trade.micros < instant).count();
        minute.first_id + i64::try_from(earlier).unwrap_or(0)
    }

    /// The trades with these ids, in order; ids that there will never be are left out.
    pub(crate) fn trades(&self, ids: Range<i64>) -> impl Iterator<Item = Trade> + '_ {
        let (start, end) = (ids.start.max(0), ids.end.min(self.end_id()));
        let mut rest: Option<MinuteTrades<'_>> = None;
        let mut next = start;
        std::iter::from_fn(move || {
            while next < end {
                let trades = match &mut rest {
                    Some(trades) => trades,
                    None => rest.insert(self.minute_trades(self.minute_of(next)?)),
                };
                match trades.next() {
                    Some(trade) if trade.id >= next => {
                        next = trade.id + 1;
                        return Some(trade);
                    }
                    Some(_) => {}
                    None => rest = None,
                }
            }
            None
        })
    }

    /// What the trades of `[start, end)` sum up to.
    pub(crate) fn bar(&self, start: i64, end: i64) -> Bar {
        let start = start.max(self.listing.since);
        let mut bar = Bar::default();
        let mut at = start;
        while at < end {
            let (later, next) = self.widest_bar(at, end);
            bar.add(&later);
            at = next;
        }
        bar
    }

    /// The price of the last trade before `instant`.
    pub(crate) fn last_price_before(&self, instant: i64) -> Option<i64> {
        let id = self.first_id_at(instant);
        self.trades(id - 1..id).next().map(|trade| trade.price)
    }

    /// Whether the pair could be traded at any time of `[start, end)`.
    pub(crate) fn is_open_within(&self, start: i64, end: i64) -> bool {
        let (first, after) = (start.div_euclid(MINUTE), -(-end).div_euclid(MINUTE));
        let days = first.div_euclid(MINUTES_PER_DAY)..=(after - 1).div_euclid(MINUTES_PER_DAY);
        let is_open = |day: i64| self.plan(day).is_some_and(|plan| plan.is_open_within(first..after));
        first < after && days.into_iter().any(is_open)
    }

    /// The bar of the widest stretch that begins at `at`, is kept ready and does not pass `end`; and its end.
    fn widest_bar(&self, at: i64, end: i64) -> (Bar, i64) {
        let within = |width: i64| usize::try_from(at.rem_euclid(DAY) / width).unwrap_or(0);
        if at % HOUR == 0 && at + HOUR <= end {
            let bar = self.hours(at.div_euclid(DAY)).get(within(HOUR)).copied();
            return (bar.unwrap_or_default(), at + HOUR);
        }
        if at % MINUTE == 0 && at + MINUTE <= end {
            let bar = self.minutes(at.div_euclid(DAY)).get(within(MINUTE)).copied();
            return (bar.unwrap_or_default(), at + MINUTE);
        }
        let next = end.min(at - at.rem_euclid(MINUTE) + MINUTE);
        let Some(plan) = self.plan(at.div_euclid(DAY)) else { return (Bar::default(), next) };
        let trades = self.minute_trades(plan.minute(at.div_euclid(MINUTE)));
        (trades.filter(|trade| (at..next).contains(&trade.micros)).collect(), next)
    }

    fn hours(&self, day: i64) -> Arc<Vec<Bar>> {
        self.caches.hours.get_or_make((self.number, day), || {
            let sum = |minutes: &[Bar]| {
                minutes.iter().fold(Bar::default(), |mut sum, minute| {
                    sum.add(minute);
                    sum
                })
            };
            self.minutes(day).chunks(60).map(sum).collect()
        })
    }

    fn minutes(&self, day: i64) -> Arc<Vec<Bar>> {
        self.caches.minutes.get_or_make((self.number, day), || match self.plan(day) {
            Some(plan) => plan.minutes().map(|minute| self.minute_trades(minute).collect()).collect(),
            None => Vec::new(),
        })
    }

    fn minute_of(&self, id: i64) -> Option<MinutePlan> {
        let rank = self.first_ids.partition_point(|first| *first <= id).checked_sub(1)?;
        let plan = self.plan(self.first_day + i64::try_from(rank).ok()?)?;
        Some(plan.minute_of(id))
    }

    fn minute_trades(&self, minute: MinutePlan) -> MinuteTrades<'_> {
        let (level, path_key) = (self.listing.ticks, mix(self.key, PATH));
        let open = path::at_minute(path_key, level, minute.minute);
        let close = path::at_minute(path_key, level, minute.minute + 1);
        MinuteTrades::new(minute, mix(self.key, TRADES), &self.listing, open, close)
    }

    /// The plan of a day on which the pair is listed.
    fn plan(&self, day: i64) -> Option<Arc<DayPlan>> {
        let at = usize::try_from(day - self.first_day).ok()?;
        let (first_id, next_id) = (*self.first_ids.get(at)?, *self.first_ids.get(at + 1)?);
        Some(self.caches.plans.get_or_make((self.number, day), || {
            let mut closed: Vec<(i64, i64)> = self.outages.around(day).collect();
            closed.push((i64::MIN, self.listing.since / MINUTE));
            closed.push((self.listing.until / MINUTE, i64::MAX));
            DayPlan::new(PlanSeed {
                key: mix(self.key, PLANS),
                day,
                first_id,
                trades: next_id - first_id,
                burst: self.burst,
                closed: &closed,
            })
        }))
    }

    fn end_id(&self) -> i64 {
        self.first_ids.last().copied().unwrap_or(0)
    }
}
