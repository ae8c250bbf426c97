//! What is listed: products and currencies.

use std::collections::BTreeSet;

use dccd_record::{Market as MarketKind, Pair};
use serde_json::{Value, json};

use super::EXCHANGE;
use crate::decimal::decimal_text;
use crate::market::Market;
use crate::market::catalogue::{Listing, Sort, Standing};

/// The pair that a product id stands for, whether it is traded or not.
pub(crate) fn pair(id: &str) -> Option<Pair> {
    let (base, quote) = id.split_once('-')?;
    Pair::new(base, quote, MarketKind::Spot).ok()
}

/// Every product that was ever listed.
pub(crate) fn products(market: &Market, now: i64) -> Value {
    let products = listings(market).filter(|listing| listing.since <= now);
    products.map(|listing| product(&listing, now)).collect()
}

/// One product.
pub(crate) fn product(listing: &Listing, now: i64) -> Value {
    let (base, quote) = (listing.pair.base(), listing.pair.quote());
    let standing = listing.standing(now);
    let tick = decimal_text(1, listing.price_scale, listing.price_scale);
    let lot = decimal_text(1, listing.amount_scale, listing.amount_scale);
    let status = if standing == Standing::Delisted { "delisted" } else { "online" };
    json!({
        "id": format!("{base}-{quote}"),
        "base_currency": base,
        "quote_currency": quote,
        "base_min_size": lot,
        "base_max_size": "1000000",
        "quote_increment": tick,
        "base_increment": lot,
        "display_name": format!("{base}/{quote}"),
        "min_market_funds": "1",
        "max_market_funds": "1000000",
        "margin_enabled": false,
        "post_only": false,
        "limit_only": false,
        "cancel_only": standing == Standing::Halted,
        "trading_disabled": standing != Standing::Trading,
        "status": status,
        "status_message": "",
        "fx_stablecoin": matches!((base, quote), ("USDT", "USD")),
        "max_slippage_percentage": "0.02000000",
        "auction_mode": false,
        "high_bid_limit_percentage": "",
    })
}

/// Every asset of any product.
pub(crate) fn currencies(market: &Market, now: i64) -> Value {
    let listed: Vec<Listing> = listings(market).filter(|listing| listing.since <= now).collect();
    let names: BTreeSet<&str> = listed.iter().flat_map(|listing| [listing.pair.base(), listing.pair.quote()]).collect();
    let currency = |name: &&str| {
        let kind = if matches!(*name, "USD" | "EUR" | "GBP") { "fiat" } else { "crypto" };
        json!({
            "id": name, "name": name, "min_size": "0.00000001", "status": "online", "message": "",
            "max_precision": "0.00000001", "convertible_to": [], "details": {"type": kind}, "default_network": "",
            "supported_networks": [], "display_name": name,
        })
    };
    names.iter().map(currency).collect()
}

fn listings(market: &Market) -> impl Iterator<Item = Listing> + '_ {
    let pairs = market.catalogue().pairs(EXCHANGE, Sort::Spot);
    pairs.into_iter().filter_map(|pair| market.catalogue().listing(EXCHANGE, &pair))
}
