//! What Kraken Futures trades.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{check_success, object};
use super::symbol::pair;
use super::{DERIVATIVES, FUTURES, PERP_ROW};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::{instant, step, unquoted};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    result: Cow<'a, str>,
    #[serde(borrow)]
    instruments: Vec<Contract<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contract<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(default)]
    tradeable: bool,
    #[serde(default)]
    is_expired: bool,
    #[serde(default)]
    post_only: bool,
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
    contract_value_trade_precision: Option<i64>,
    #[serde(borrow)]
    opening_date: Option<Cow<'a, str>>,
}

/// The question for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    let path = "/derivatives/api/v3/instruments".to_owned();
    vec![Request { api: &FUTURES, path, weight: PERP_ROW.weight, group: &DERIVATIVES }]
}

/// Adds what the answer lists.
pub(super) fn read(reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    check_success(&wire.result)?;
    found.extend(wire.instruments.iter().map(instrument));
    Ok(Listed::All)
}

fn instrument(contract: &Contract<'_>) -> Instrument {
    // There are only signs, and no word for all of them.
    let (trading, status) = match contract {
        Contract { is_expired: true, .. } => (Trading::Delisted, "isExpired"),
        Contract { tradeable: false, .. } => (Trading::Halted, "not tradeable"),
        Contract { post_only: true, .. } => (Trading::Open, "postOnly"),
        _ => (Trading::Open, "tradeable"),
    };
    Instrument {
        symbol: contract.symbol.clone().into_owned(),
        pair: pair(&contract.symbol),
        trading,
        status: status.to_owned(),
        tick: contract.tick_size.map(|size| unquoted(size).to_owned()).filter(|size| size != "null"),
        lot: contract.contract_value_trade_precision.map(step),
        since: contract.opening_date.as_deref().and_then(|date| instant(date).ok()),
    }
}
