//! `exchangeInfo`: what is traded, and how what is not traded any more stands.
//!
//! Spot pairs stay listed for good, halted ones with status `BREAK`. Perpetual contracts that were taken off stay as
//! `SETTLING` on USD-M and as `DELIVERED` on COIN-M. A contract that expires is delivered within an hour, and is in
//! no list after that; its history is told all the same.

use dccd_record::Market as MarketKind;
use serde_json::{Map, Value, json};

use crate::binance::venue::{EXCHANGE, Venue, symbol, underlying};
use crate::clock::{HOUR, MILLI};
use crate::decimal::decimal_text;
use crate::market::Market;
use crate::market::catalogue::{Catalogue, Contract, Listing, Sort, Standing};

/// How long the delivery of a contract takes.
const DELIVERY: i64 = HOUR;
/// What is said to be the end of perpetual contracts, in milliseconds: 2100-12-25.
const PERPETUAL_END: i64 = 4_133_404_800_000;
const DIGITS: u32 = 8;

/// `exchangeInfo`, of all symbols or of one.
pub(crate) fn exchange_info(market: &Market, venue: Venue, only: Option<&str>, now: i64) -> Vec<u8> {
    let catalogue = market.catalogue();
    let pairs = venue.pairs(catalogue);
    let pairs = pairs.iter().filter(|pair| only.is_none_or(|only| symbol(pair) == only));
    let listings = pairs.filter_map(|pair| catalogue.listing(EXCHANGE, pair));
    let symbols: Vec<Value> = listings.filter_map(|listing| symbol_info(catalogue, venue, &listing, now)).collect();
    let weight = if venue == Venue::Spot { 6_000 } else { 2_400 };
    let limits = json!([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight}]);
    let info = json!({
        "timezone": "UTC",
        "serverTime": now / MILLI,
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": symbols,
    });
    info.to_string().into_bytes()
}

/// What the exchange calls the kind of a contract.
pub(crate) fn contract_type(catalogue: &Catalogue, listing: &Listing, now: i64) -> &'static str {
    let pair = &listing.pair;
    if !matches!(pair.market(), MarketKind::Dated(_)) {
        return "PERPETUAL";
    }
    let venue = Venue::of(pair);
    if listing.until <= now {
        // The two hosts spell it differently.
        return if venue == Venue::Coinm { "CURRENT_QUARTER_DELIVERING" } else { "CURRENT_QUARTER DELIVERING" };
    }
    let siblings =
        catalogue.pairs(EXCHANGE, Sort::Dated).into_iter().filter(|other| underlying(other) == underlying(pair));
    let ends = siblings.filter_map(|other| catalogue.listing(EXCHANGE, &other)).map(|other| other.until);
    let next_end = ends.filter(|end| *end > now).min();
    if next_end == Some(listing.until) { "CURRENT_QUARTER" } else { "NEXT_QUARTER" }
}

/// How the exchange says that a pair stands; none if it is not listed.
fn status(venue: Venue, listing: &Listing, now: i64) -> Option<&'static str> {
    let is_dated = matches!(listing.pair.market(), MarketKind::Dated(_));
    match listing.standing(now) {
        Standing::Unlisted => None,
        Standing::Trading => Some("TRADING"),
        Standing::Halted | Standing::Delisted if is_dated => (now < listing.until + DELIVERY).then_some("DELIVERING"),
        Standing::Halted | Standing::Delisted => Some(match venue {
            Venue::Spot => "BREAK",
            Venue::Usdm => "SETTLING",
            Venue::Coinm => "DELIVERED",
        }),
    }
}

fn symbol_info(catalogue: &Catalogue, venue: Venue, listing: &Listing, now: i64) -> Option<Value> {
    let status = status(venue, listing, now)?;
    let pair = &listing.pair;
    let (tick, step) = (decimal_text(1, listing.price_scale, DIGITS), decimal_text(1, listing.amount_scale, DIGITS));
    let filters = json!([
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
    ]);
    let mut info = Map::new();
    let mut put = |name: &str, value: Value| info.insert(name.to_owned(), value);
    put("symbol", json!(symbol(pair)));
    put(if venue == Venue::Coinm { "contractStatus" } else { "status" }, json!(status));
    put("baseAsset", json!(pair.base()));
    put("quoteAsset", json!(pair.quote()));
    put("filters", filters);
    put("baseAssetPrecision", json!(DIGITS));
    if venue == Venue::Spot {
        put("quoteAssetPrecision", json!(DIGITS));
        put("isSpotTradingAllowed", json!(true));
        put("permissions", json!(["SPOT"]));
        return Some(Value::Object(info));
    }
    let is_dated = matches!(pair.market(), MarketKind::Dated(_));
    put("quotePrecision", json!(DIGITS));
    put("pair", json!(underlying(pair)));
    put("contractType", json!(contract_type(catalogue, listing, now)));
    put("onboardDate", json!(listing.since / MILLI));
    put("deliveryDate", json!(if is_dated { listing.until / MILLI } else { PERPETUAL_END }));
    put("pricePrecision", json!(listing.price_scale));
    put("quantityPrecision", json!(listing.amount_scale));
    put("marginAsset", json!(if venue == Venue::Coinm { pair.base() } else { pair.quote() }));
    put("underlyingType", json!("COIN"));
    if let Contract::Inverse { face } = listing.contract {
        put("contractSize", json!(face));
    }
    Some(Value::Object(info))
}
