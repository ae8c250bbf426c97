//! What is listed, and under which names.

use std::collections::{BTreeSet, HashMap};

use dccd_record::Pair;
use serde_json::{Map, Value, json};

use super::{AMOUNT_DIGITS, EXCHANGE};
use crate::decimal::{decimal_text, trimmed_text};
use crate::market::Market;
use crate::market::catalogue::{Catalogue, Listing, Sort, Standing};

/// Assets that had a letter before their name in the old days.
const OLD_ASSETS: [(&str, &str); 11] = [
    ("XBT", "XXBT"),
    ("ETH", "XETH"),
    ("LTC", "XLTC"),
    ("XRP", "XXRP"),
    ("XLM", "XXLM"),
    ("ETC", "XETC"),
    ("XMR", "XXMR"),
    ("XDG", "XXDG"),
    ("USD", "ZUSD"),
    ("EUR", "ZEUR"),
    ("GBP", "ZGBP"),
];
/// Pairs whose names are old as well, as their altnames.
const OLD_PAIRS: [&str; 28] = [
    "XBTUSD", "XBTEUR", "XBTGBP", "ETHUSD", "ETHEUR", "ETHGBP", "ETHXBT", "LTCUSD", "LTCEUR", "LTCXBT", "XRPUSD",
    "XRPEUR", "XRPXBT", "XLMUSD", "XLMEUR", "XLMGBP", "XLMXBT", "ETCUSD", "ETCEUR", "ETCXBT", "ETCETH", "XMRUSD",
    "XMREUR", "XMRXBT", "XDGXBT", "EURUSD", "GBPUSD", "USDTUSD",
];

const LEVERAGES: [i64; 9] = [2, 3, 4, 5, 6, 7, 8, 9, 10];

/// Pairs by altname and by the name that answers have.
pub(super) fn symbols(catalogue: &Catalogue) -> HashMap<String, Pair> {
    let pairs = catalogue.pairs(EXCHANGE, Sort::Spot);
    pairs.into_iter().flat_map(|pair| [(altname(&pair), pair.clone()), (key(&pair), pair)]).collect()
}

/// The name of a pair in answers: the old one if it has one.
pub(super) fn key(pair: &Pair) -> String {
    let altname = altname(pair);
    if OLD_PAIRS.contains(&altname.as_str()) {
        return format!("{}{}", code(pair.base()), code(pair.quote()));
    }
    altname
}

/// Every pair that is traded or halted, by its name.
pub(super) fn pairs(market: &Market, now: i64) -> Value {
    let pairs = listings(market, now).map(|listing| (key(&listing.pair), pair(&listing, now)));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// One pair.
pub(super) fn pair(listing: &Listing, now: i64) -> Value {
    let (base, quote) = (listing.pair.base(), listing.pair.quote());
    let fees = |first: f64| json!([[0, first], [10_000, first - 0.05], [50_000, first - 0.1]]);
    json!({
        "altname": altname(&listing.pair),
        "wsname": format!("{}/{}", own_name(base), own_name(quote)),
        "aclass_base": "currency",
        "base": code(base),
        "aclass_quote": "currency",
        "quote": code(quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": listing.price_scale,
        "lot_decimals": AMOUNT_DIGITS,
        "lot_multiplier": 1,
        "leverage_buy": LEVERAGES,
        "leverage_sell": LEVERAGES,
        "fees": fees(0.4),
        "fees_maker": fees(0.25),
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": trimmed_text(i128::from(listing.lot), listing.amount_scale),
        "costmin": "0.5",
        "tick_size": decimal_text(1, listing.price_scale, listing.price_scale),
        "status": if listing.standing(now) == Standing::Halted { "cancel_only" } else { "online" },
        "long_position_limit": 80,
        "short_position_limit": 80,
    })
}

/// Every asset, by its code.
pub(super) fn assets(market: &Market, now: i64) -> Value {
    let listed: Vec<Listing> = listings(market, now).collect();
    let names: BTreeSet<&str> = listed.iter().flat_map(|listing| [listing.pair.base(), listing.pair.quote()]).collect();
    let asset = |name: &&str| {
        let altname = own_name(name);
        let facts = json!({
            "aclass": "currency", "altname": altname, "decimals": 10, "display_decimals": 5, "status": "enabled",
        });
        (code(name), facts)
    };
    Value::Object(names.iter().map(asset).collect())
}

/// Everything that is traded or halted.
pub(super) fn listings(market: &Market, now: i64) -> impl Iterator<Item = Listing> + '_ {
    let pairs = market.catalogue().pairs(EXCHANGE, Sort::Spot);
    let listings = pairs.into_iter().filter_map(|pair| market.catalogue().listing(EXCHANGE, &pair));
    listings.filter(move |listing| matches!(listing.standing(now), Standing::Trading | Standing::Halted))
}

fn altname(pair: &Pair) -> String {
    format!("{}{}", own_name(pair.base()), own_name(pair.quote()))
}

/// How the exchange calls an asset.
fn own_name(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

/// The code of an asset.
fn code(asset: &str) -> String {
    let name = own_name(asset);
    OLD_ASSETS.iter().find(|(known, _)| *known == name).map_or(name, |(_, code)| code).to_owned()
}
