//! `instruments-info`: what is listed, page by page.

use dccd_record::Market as MarketKind;
use serde_json::{Value, json};

use crate::bybit::EXCHANGE;
use crate::bybit::error::ApiError;
use crate::bybit::instrument::{Category, Phase, Symbols};
use crate::bybit::params::{Params, illegal};
use crate::bybit::statistics::funding_step;
use crate::clock::{MILLI, MINUTE};
use crate::decimal::decimal_text;
use crate::market::catalogue::{Catalogue, Listing};

const ROWS: usize = 500;
const ROWS_MAX: usize = 1_000;

/// The result: only what is traded, unless another status is asked for; spot comes in one page.
pub(crate) fn result(symbols: &Symbols, catalogue: &Catalogue, params: &Params, now: i64) -> Result<Value, ApiError> {
    let category = params.category()?;
    let status = params.text("status").unwrap_or(Phase::Trading.name());
    let (only, base) = (params.text("symbol"), params.text("baseCoin"));
    let limit = params.limit(ROWS, ROWS_MAX)?;
    let after = params.text("cursor").map(|cursor| last_symbol(cursor).ok_or_else(|| illegal("cursor"))).transpose()?;
    let is_spot = category == Category::Spot;
    let wanted = symbols.of(category).filter(|(symbol, pair)| {
        only.is_none_or(|only| only == *symbol) && (is_spot || base.is_none_or(|base| base == pair.base()))
    });
    let mut rows: Vec<(&str, Value)> = wanted
        .filter_map(|(symbol, pair)| Some((symbol, catalogue.listing(EXCHANGE, pair)?)))
        .filter(|(_, listing)| Phase::of(listing, now).is_some_and(|phase| phase.name() == status))
        .filter(|(symbol, _)| is_spot || after.is_none_or(|after| *symbol > after))
        .map(|(symbol, listing)| {
            (symbol, if is_spot { spot(symbol, &listing) } else { contract(symbol, &listing, now) })
        })
        .collect();
    if is_spot {
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
        return Ok(json!({"category": category.name(), "list": rows}));
    }
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let ends = rows.first().zip(rows.last()).filter(|_| is_more);
    // Percent-encoded already, as the exchange hands it out.
    let cursor = ends.map(|((first, _), (last, _))| format!("first%3D{first}%26last%3D{last}"));
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(json!({"category": category.name(), "list": rows, "nextPageCursor": cursor.unwrap_or_default()}))
}

/// The last symbol of the page before, from a cursor that was decoded once.
fn last_symbol(cursor: &str) -> Option<&str> {
    cursor.strip_prefix("first=")?.split_once("&last=").map(|(_, last)| last)
}

fn spot(symbol: &str, listing: &Listing) -> Value {
    let (tick, step) = steps(listing);
    json!({
        "symbolId": symbol_id(symbol),
        "symbol": symbol,
        "baseCoin": listing.pair.base(),
        "quoteCoin": listing.pair.quote(),
        "innovation": "0",
        "status": Phase::Trading.name(),
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": step, "quotePrecision": "0.00000001", "minOrderQty": step, "maxOrderQty": "100000",
            "minOrderAmt": "5", "maxOrderAmt": "8000000", "maxLimitOrderQty": "100000",
            "maxMarketOrderQty": "50000", "postOnlyMaxLimitOrderSize": "60000",
        },
        "priceFilter": {"tickSize": tick},
        "riskParameters": {"priceLimitRatioX": "0.005", "priceLimitRatioY": "0.01"},
        "symbolType": "",
    })
}

fn contract(symbol: &str, listing: &Listing, now: i64) -> Value {
    let (pair, (tick, step)) = (&listing.pair, steps(listing));
    let is_inverse = Category::of(pair) == Category::Inverse;
    let is_perpetual = !matches!(pair.market(), MarketKind::Dated(_));
    let kind = match (is_inverse, is_perpetual) {
        (false, true) => "LinearPerpetual",
        (false, false) => "LinearFutures",
        (true, true) => "InversePerpetual",
        (true, false) => "InverseFutures",
    };
    let phase = Phase::of(listing, now).unwrap_or(Phase::Trading);
    // A perpetual's end is known only once it is there.
    let is_end_known = !is_perpetual || matches!(phase, Phase::Delivering | Phase::Closed);
    let delivery = if is_end_known { listing.until / MILLI } else { 0 };
    let settle = if is_inverse { pair.base() } else { pair.quote() };
    json!({
        "symbol": symbol,
        "symbolId": symbol_id(symbol),
        "contractType": kind,
        "status": phase.name(),
        "baseCoin": pair.base(),
        "quoteCoin": pair.quote(),
        "launchTime": (listing.since / MILLI).to_string(),
        "deliveryTime": delivery.to_string(),
        "deliveryFeeRate": if is_perpetual { "" } else { "0.0005" },
        "priceScale": listing.price_scale.to_string(),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": tick, "maxPrice": "1999999.80", "tickSize": tick},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000", "minOrderQty": step, "qtyStep": step, "postOnlyMaxOrderQty": "1190.000",
            "maxMktOrderQty": "500.000", "minNotionalValue": "5",
        },
        "unifiedMarginTrade": true,
        "fundingInterval": if is_perpetual { funding_step(listing) / MINUTE } else { 0 },
        "settleCoin": settle,
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": phase == Phase::PreLaunch,
        "preListingInfo": null,
        "riskParameters": {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"},
        "symbolType": "",
    })
}

/// The smallest steps of price and size.
fn steps(listing: &Listing) -> (String, String) {
    let step = |scale: u32| decimal_text(1, scale, scale);
    (step(listing.price_scale), step(listing.amount_scale))
}

fn symbol_id(symbol: &str) -> u64 {
    crate::hash::mix_text(0, symbol) % 10_000
}
