//! What Kraken trades.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::result;
use super::symbol::{pair, symbol};
use super::{PUBLIC, ROW, SPOT};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::{step, unquoted};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    altname: Cow<'a, str>,
    /// Missing for what is traded in the dark.
    #[serde(borrow)]
    wsname: Option<Cow<'a, str>>,
    pair_decimals: i64,
    lot_decimals: i64,
    /// Since 2022, as is the status.
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
}

/// The question for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    vec![Request { api: &SPOT, path: "/0/public/AssetPairs".to_owned(), weight: ROW.weight, group: &PUBLIC }]
}

/// Adds what the answer lists.
pub(super) fn read(reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let listed: BTreeMap<Cow<'_, str>, Wire<'_>> = result(reply)?;
    found.extend(listed.values().map(instrument));
    Ok(Listed::All)
}

fn instrument(wire: &Wire<'_>) -> Instrument {
    let status = wire.status.as_deref().unwrap_or_default();
    Instrument {
        symbol: wire.altname.clone().into_owned(),
        // What is not called by its assets cannot be asked for.
        pair: wire.wsname.as_deref().and_then(pair).filter(|pair| symbol(pair) == wire.altname),
        trading: trading(status),
        status: status.to_owned(),
        tick: Some(wire.tick_size.map_or_else(|| step(wire.pair_decimals), |size| unquoted(size).to_owned())),
        lot: Some(step(wire.lot_decimals)),
        since: None,
    }
}

fn trading(status: &str) -> Trading {
    match status {
        "" | "online" | "post_only" | "limit_only" | "reduce_only" => Trading::Open,
        "delisted" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
