//! The truth that all simulated exchanges show, each in its own way.
//!
//! Everything is a function of seed, exchange, pair and time: no request changes it, and none has to
//! come before another. Instants are microseconds since 1970, prices ticks, amounts smallest amounts.
//!
//! A day has a fixed number of trades, so the ids of a day are known without making the trades before
//! it; the day's plan spreads them over its minutes; a minute's trades are made from its own key.

pub(crate) mod bar;
mod cache;
pub(crate) mod candle;
pub(crate) mod catalogue;
pub(crate) mod ids;
mod outage;
mod path;
mod plan;
mod series;
pub(crate) mod statistics;
#[cfg(test)]
mod tests;
pub(crate) mod trade;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use dccd_record::Pair;

use crate::hash::{mix, mix_text};
use bar::Bar;
use cache::Cache;
use catalogue::Catalogue;
use outage::Outages;
use plan::DayPlan;
pub(crate) use series::Series;

/// Days kept ready: plans of 14 KB, minutes of 180 KB, hours of 3 KB.
const PLANS_MAX: usize = 2_048;
const MINUTES_MAX: usize = 512;
const HOURS_MAX: usize = 16_384;

/// What the truth depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Another seed is another world.
    pub(crate) seed: u64,
    /// Trades of a usual day, give or take a quarter.
    pub(crate) trades_per_day: i64,
    /// How many more trades each day has in one millisecond.
    pub(crate) burst: i64,
}

/// Days of all series.
#[derive(Debug)]
pub(crate) struct Caches {
    plans: Cache<(usize, i64), DayPlan>,
    minutes: Cache<(usize, i64), Vec<Bar>>,
    hours: Cache<(usize, i64), Vec<Bar>>,
}

/// All exchanges and pairs.
#[derive(Debug)]
pub(crate) struct Market {
    settings: Settings,
    catalogue: Catalogue,
    caches: Arc<Caches>,
    series: RwLock<HashMap<(&'static str, Pair), Arc<Series>>>,
}

impl Market {
    pub(crate) fn new(settings: Settings, catalogue: Catalogue) -> Market {
        let caches =
            Caches { plans: Cache::new(PLANS_MAX), minutes: Cache::new(MINUTES_MAX), hours: Cache::new(HOURS_MAX) };
        Market { settings, catalogue, caches: Arc::new(caches), series: RwLock::default() }
    }

    /// What is traded.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The truth about one pair of one exchange, if it is traded.
    pub(crate) fn series(&self, exchange: &'static str, pair: &Pair) -> Option<Arc<Series>> {
        let name = (exchange, pair.clone());
        if let Some(series) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Some(Arc::clone(series));
        }
        let listing = self.catalogue.listing(exchange, pair)?;
        let mut held = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let number = held.len();
        let exchange_key = mix_text(mix(self.settings.seed, 0), exchange);
        let keys = (mix_text(exchange_key, &pair.to_string()), Outages::new(mix(exchange_key, 0)));
        let series = || Arc::new(Series::new(number, listing, keys, self.settings, &self.caches));
        Some(Arc::clone(held.entry(name).or_insert_with(series)))
    }
}
