//! What is listed, and under which names.

use std::collections::HashMap;

use dccd_record::{Market as MarketKind, Pair};
use serde_json::{Value, json};

use super::{EXCHANGE, json_number, price_tick};
use crate::clock::iso_text;
use crate::decimal::decimal_text;
use crate::market::catalogue::{Catalogue, Contract, Listing, Sort, Standing};
use crate::market::statistics::{OPEN_INTEREST_SCALE, open_interest};
use crate::market::{Market, Series};

const SORTS: [Sort; 3] = [Sort::Perp, Sort::Inverse, Sort::Dated];

/// Pairs by their symbols.
pub(super) fn symbols(catalogue: &Catalogue) -> HashMap<String, Pair> {
    let pairs = SORTS.into_iter().flat_map(|sort| catalogue.pairs(EXCHANGE, sort));
    pairs.map(|pair| (symbol(&pair), pair)).collect()
}

/// `PF_XBTUSD`, `PI_XBTUSD`, `FF_XBTUSD_240329`.
pub(super) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (own_name(pair.base()), pair.quote());
    match pair.market() {
        MarketKind::Inverse => format!("PI_{base}{quote}"),
        MarketKind::Dated(date) => format!("FF_{base}{quote}_{date:06}"),
        _ => format!("PF_{base}{quote}"),
    }
}

/// `XBT:USD`.
pub(super) fn pair_text(pair: &Pair) -> String {
    format!("{}:{}", own_name(pair.base()), pair.quote())
}

/// What tickers call the kind of contract.
pub(super) fn tag(pair: &Pair) -> &'static str {
    if matches!(pair.market(), MarketKind::Dated(_)) { "quarter" } else { "perpetual" }
}

/// Everything that is listed, and an index, which cannot be traded.
pub(super) fn instruments(market: &Market, now: i64) -> Value {
    let mut rows: Vec<Value> = listings(market, now).map(|listing| instrument(&listing, now)).collect();
    rows.push(json!({"symbol": "in_xbtusd", "type": "spot index", "tradeable": false}));
    Value::Array(rows)
}

/// Everything that is listed.
pub(super) fn listings(market: &Market, now: i64) -> impl Iterator<Item = Listing> + '_ {
    let pairs = SORTS.into_iter().flat_map(|sort| market.catalogue().pairs(EXCHANGE, sort));
    let listings = pairs.filter_map(|pair| market.catalogue().listing(EXCHANGE, &pair));
    listings.filter(move |listing| matches!(listing.standing(now), Standing::Trading | Standing::Halted))
}

/// Open interest in contracts, or in the base asset.
pub(super) fn open_interest_text(series: &Series, now: i64) -> String {
    let amount = open_interest(series, now).amount;
    decimal_text(i128::from(amount), OPEN_INTEREST_SCALE, OPEN_INTEREST_SCALE)
}

fn instrument(listing: &Listing, now: i64) -> Value {
    let pair = &listing.pair;
    let is_inverse = matches!(listing.contract, Contract::Inverse { .. });
    let base = own_name(pair.base());
    let levels = json!([
        {"contracts": 0, "initialMargin": 0.02, "maintenanceMargin": 0.01},
        {"contracts": 500_000, "initialMargin": 0.04, "maintenanceMargin": 0.02},
    ]);
    let mut instrument = json!({
        "symbol": symbol(pair),
        "pair": pair_text(pair),
        "base": base,
        "quote": pair.quote(),
        "type": if is_inverse { "futures_inverse" } else { "flexible_futures" },
        "tickSize": json_number(&price_tick(listing)),
        "contractSize": 1,
        "tradeable": listing.standing(now) == Standing::Trading,
        "impactMidSize": 1,
        "maxPositionSize": 1_000_000,
        "openingDate": iso_text(listing.since, 3),
        "marginLevels": levels,
        "retailMarginLevels": levels,
        "fundingRateCoefficient": 8,
        "maxRelativeFundingRate": 0.001,
        "contractValueTradePrecision": listing.amount_scale,
        "postOnly": false,
        "feeScheduleUid": "eef90775-995b-4596-9257-0917f6134766",
        "category": "",
        "tags": [],
        "tradfi": false,
        "mtf": true,
    });
    if let Value::Object(fields) = &mut instrument {
        if matches!(pair.market(), MarketKind::Dated(_)) {
            fields.insert("lastTradingTime".to_owned(), json!(iso_text(listing.until, 3)));
        }
        if is_inverse {
            fields.insert("underlying".to_owned(), json!(format!("rr_{}{}", base, pair.quote()).to_lowercase()));
        }
    }
    instrument
}

/// How the exchange calls an asset; unlike spot it knows DOGE.
fn own_name(asset: &str) -> &str {
    if asset == "BTC" { "XBT" } else { asset }
}
