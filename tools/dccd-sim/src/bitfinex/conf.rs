//! `conf/KEY,KEY...`: what the exchange says about itself, one list per key.
//!
//! A pair that is no longer traded is in no list, though its history is still told.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::bitfinex::symbols::{Symbols, currency, currency_map};
use crate::decimal::trimmed_text;
use crate::market::catalogue::Sort;
use crate::market::{Market, Series};

/// Keys of one request.
const KEYS_MAX: usize = 32;

/// The answer to some keys; one that is unknown has an empty list.
pub(crate) fn page(symbols: &Symbols, market: &Market, keys: &str, now: i64) -> Vec<u8> {
    let lists: Vec<Value> = keys.split(',').take(KEYS_MAX).map(|key| list(symbols, market, key, now)).collect();
    Value::Array(lists).to_string().into_bytes()
}

fn list(symbols: &Symbols, market: &Market, key: &str, now: i64) -> Value {
    let traded = |sort| symbols.traded(market, sort, now);
    match key {
        "pub:list:pair:exchange" => names(&traded(Sort::Spot)),
        // The documentation has the second name, a recorder the first.
        "pub:list:pair:future" | "pub:list:pair:futures" => names(&traded(Sort::Perp)),
        "pub:info:pair" => infos(&traded(Sort::Spot), 0.1, 0.05),
        "pub:info:pair:futures" => infos(&traded(Sort::Perp), 0.01, 0.005),
        "pub:list:currency" => json!(currencies(&traded(Sort::Spot))),
        "pub:map:currency:sym" => json!(currency_map()),
        _ => json!([]),
    }
}

fn names(traded: &[(&str, Arc<Series>)]) -> Value {
    traded.iter().map(|(name, _)| *name).collect()
}

/// Name, then placeholders around the smallest and largest order and both margins.
fn infos(traded: &[(&str, Arc<Series>)], initial: f64, least: f64) -> Value {
    let info = |(name, series): &(&str, Arc<Series>)| {
        let listing = series.listing();
        let smallest = trimmed_text(i128::from(listing.lot), listing.amount_scale);
        let largest = trimmed_text(i128::from(listing.lot) * 1_000_000, listing.amount_scale);
        json!([name, [null, null, null, smallest, largest, null, null, null, initial, least, null, null]])
    };
    traded.iter().map(info).collect()
}

fn currencies(traded: &[(&str, Arc<Series>)]) -> BTreeSet<String> {
    let pairs = traded.iter().map(|(_, series)| &series.listing().pair);
    pairs.flat_map(|pair| [pair.base(), pair.quote()]).map(|asset| currency(asset).to_owned()).collect()
}
