//! What OKX trades.

use std::borrow::Cow;

use dccd_record::{Market, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::contract::{size, times};
use super::envelope::open;
use super::symbol::{instrument_type, is_inverse, symbol};
use super::table::{API, CAPABILITIES, PUBLIC};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::{millis, unquoted};

const PATH: &str = "/api/v5/public/instruments?instType=";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    inst_type: Cow<'a, str>,
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    /// `linear` or `inverse`, empty for spot.
    #[serde(borrow)]
    ct_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ct_val: Option<&'a RawValue>,
    #[serde(borrow)]
    ct_mult: Option<&'a RawValue>,
    #[serde(borrow)]
    list_time: Option<&'a RawValue>,
    #[serde(borrow)]
    tick_sz: Option<&'a RawValue>,
    #[serde(borrow)]
    lot_sz: Option<&'a RawValue>,
}

/// The questions for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    ["SPOT", "SWAP", "FUTURES"]
        .map(|sort| Request { api: &API, path: format!("{PATH}{sort}"), weight: 1, group: &PUBLIC })
        .to_vec()
}

/// Adds what an answer lists.
pub(super) fn read(request: &Request, reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let rows: Vec<Row<'_>> = open(reply)?;
    let asked = request.path.strip_prefix(PATH).unwrap_or_default();
    if let Some(other) = rows.iter().find(|row| row.inst_type != asked) {
        let said: String = other.inst_type.chars().take(40).collect();
        return Err(AnswerError::Unexpected(format!("a list of {said:?}, not of {asked}")));
    }
    found.extend(rows.iter().map(instrument));
    Ok(Listed::All)
}

fn instrument(row: &Row<'_>) -> Instrument {
    let text = |raw: Option<&RawValue>| raw.map(unquoted).filter(|text| !text.is_empty()).map(str::to_owned);
    Instrument {
        symbol: row.inst_id.clone().into_owned(),
        pair: pair(row),
        trading: trading(&row.state),
        status: row.state.clone().into_owned(),
        tick: text(row.tick_sz),
        lot: lot(row).or_else(|| text(row.lot_sz)),
        since: row.list_time.and_then(|raw| millis(raw).ok()),
    }
}

/// The step of amounts as they are written, which are no contracts.
fn lot(row: &Row<'_>) -> Option<String> {
    times(row.lot_sz?, size(row.ct_val?, row.ct_mult?).ok()?).ok()
}

/// Our name, if it leads back to the exchange's.
fn pair(row: &Row<'_>) -> Option<Pair> {
    let mut parts = row.inst_id.split('-');
    let (base, quote, rest) = (parts.next()?, parts.next()?, parts.next());
    let is_inverse_kind = row.ct_type.as_deref() == Some("inverse");
    let market = match (rest, is_inverse_kind) {
        (None, _) => Market::Spot,
        (Some("SWAP"), true) => Market::Inverse,
        (Some("SWAP"), false) => Market::Perp,
        (Some(date), _) => Market::Dated(date.parse().ok()?),
    };
    let pair = Pair::new(base, quote, market).ok()?;
    let is_ours = symbol(&pair) == row.inst_id
        && instrument_type(&pair) == row.inst_type
        && is_inverse(&pair) == is_inverse_kind
        && CAPABILITIES.iter().any(|known| known.has_pair(&pair));
    is_ours.then_some(pair)
}

fn trading(state: &str) -> Trading {
    match state {
        "live" => Trading::Open,
        "preopen" => Trading::Announced,
        "expired" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
