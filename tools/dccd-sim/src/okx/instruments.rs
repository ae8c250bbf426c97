//! `instruments`: what is listed; what has expired or was taken off is not.

use serde_json::{Value, json};

use crate::clock::{DAY, MILLI};
use crate::market::catalogue::{Catalogue, Contract, Listing};
use crate::okx::EXCHANGE;
use crate::okx::error::ApiError;
use crate::okx::instrument::{Digits, InstrumentType, Names, State, family};
use crate::okx::params::Params;

/// A contract that expires within this time is the current quarter's.
const QUARTER: i64 = 91 * DAY;

/// The rows of one type.
pub(crate) fn rows(names: &Names, catalogue: &Catalogue, params: &Params, now: i64) -> Result<String, ApiError> {
    let wanted = params.mandatory("instType")?;
    if !matches!(wanted, "SPOT" | "MARGIN" | "SWAP" | "FUTURES" | "OPTION") {
        return Err(ApiError::illegal("instType"));
    }
    let only = params.text("instId");
    let of_family = params.text("instFamily").or_else(|| params.text("uly"));
    let rows: Vec<String> = names
        .iter()
        .filter(|(name, pair)| {
            let is_wanted = InstrumentType::of(pair).name() == wanted && only.is_none_or(|only| only == *name);
            is_wanted && of_family.is_none_or(|wanted| family(pair) == wanted)
        })
        .filter_map(|(name, pair)| Some((name, catalogue.listing(EXCHANGE, pair)?)))
        .filter_map(|(name, listing)| Some(row(name, &listing, State::of(&listing, now)?, now).to_string()))
        .collect();
    if only.is_some() && rows.is_empty() {
        return Err(ApiError::instrument());
    }
    Ok(rows.join(","))
}

fn row(name: &str, listing: &Listing, state: State, now: i64) -> Value {
    let (pair, digits, kind) = (&listing.pair, Digits::of(listing), InstrumentType::of(&listing.pair));
    let is_spot = kind == InstrumentType::Spot;
    let family = if is_spot { String::new() } else { family(pair) };
    let only_of = |is_it: bool, text: &str| if is_it { text.to_owned() } else { String::new() };
    let (ct_type, ct_currency, settle) = match listing.contract {
        _ if is_spot => ("", "", ""),
        Contract::Base => ("linear", pair.base(), pair.quote()),
        Contract::Inverse { .. } => ("inverse", pair.quote(), pair.base()),
    };
    let is_dated = kind == InstrumentType::Futures;
    let (tick, lot) = digits.steps();
    let alias = if listing.until - now <= QUARTER { "quarter" } else { "next_quarter" };
    json!({
        "instType": kind.name(),
        "instId": name,
        "uly": family,
        "instFamily": family,
        "category": "1",
        "baseCcy": only_of(is_spot, pair.base()),
        "quoteCcy": only_of(is_spot, pair.quote()),
        "settleCcy": settle,
        "ctVal": digits.contract_value(),
        "ctMult": only_of(!is_spot, "1"),
        "ctValCcy": ct_currency,
        "optType": "",
        "stk": "",
        "listTime": (listing.since / MILLI).to_string(),
        "expTime": only_of(is_dated, &(listing.until / MILLI).to_string()),
        "lever": "100",
        "tickSz": tick,
        "lotSz": lot,
        "minSz": lot,
        "ctType": ct_type,
        "alias": only_of(is_dated, alias),
        "state": state.name(),
        "ruleType": "normal",
        "maxLmtSz": "100000000",
        "maxMktSz": "1000000",
        "maxTwapSz": "100000000.0000000000000000",
        "maxIcebergSz": "100000000.0000000000000000",
        "maxTriggerSz": "100000000.0000000000000000",
        "maxStopSz": "1000000",
    })
}
