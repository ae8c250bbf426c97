//! `instrument`: what is listed, and with how many digits.

use serde_json::{Value, json};

use super::super::{AMOUNT_DIGITS, listings};
use crate::decimal::{decimal_text, trimmed_text};
use crate::market::catalogue::{Listing, Standing};
use crate::ws::{Frame, Load, Topic, World};

/// Every pair and asset.
pub(super) fn snapshot(topic: &Topic, world: &World<'_>) -> Frame {
    let listed: Vec<Listing> = listings::listings(world.market, world.now).collect();
    let pairs: Vec<Value> = listed.iter().map(|listing| pair(listing, world.now)).collect();
    let mut names: Vec<&str> = listed.iter().flat_map(|listing| [listing.pair.base(), listing.pair.quote()]).collect();
    names.sort_unstable();
    names.dedup();
    let asset = |name: &&str| json!({"id": name, "status": "enabled", "precision": 10, "precision_display": 5});
    let assets: Vec<Value> = names.iter().map(asset).collect();
    let data = json!({"assets": assets, "pairs": pairs});
    let text = json!({"channel": "instrument", "type": "snapshot", "data": data}).to_string();
    Frame { topic: Some(topic.clone()), load: Load::Control, ..Frame::control(text) }
}

fn pair(listing: &Listing, now: i64) -> Value {
    let number = |text: String| serde_json::from_str::<Value>(&text).unwrap_or_default();
    let tick = number(decimal_text(1, listing.price_scale, listing.price_scale));
    json!({
        "symbol": listing.pair.to_string(),
        "base": listing.pair.base(),
        "quote": listing.pair.quote(),
        "status": if listing.standing(now) == Standing::Halted { "cancel_only" } else { "online" },
        "qty_precision": AMOUNT_DIGITS,
        "qty_increment": number(decimal_text(1, AMOUNT_DIGITS, AMOUNT_DIGITS)),
        "price_precision": listing.price_scale,
        "price_increment": tick,
        "tick_size": tick,
        "cost_precision": 5,
        "cost_min": 0.5,
        "qty_min": number(trimmed_text(i128::from(listing.lot), listing.amount_scale)),
        "marginable": false,
        "has_index": true,
    })
}
