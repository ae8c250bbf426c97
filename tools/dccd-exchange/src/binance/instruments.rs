//! What Binance trades.

use std::borrow::Cow;

use dccd_record::{Market, Pair, Ts};
use serde::Deserialize;

use super::error::object;
use super::{SPOT, SPOT_WEIGHT, USDM, USDM_WEIGHT};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    symbols: Vec<Symbol<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Symbol<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    base_asset: Cow<'a, str>,
    #[serde(borrow)]
    quote_asset: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    /// Futures only.
    #[serde(borrow)]
    contract_type: Option<Cow<'a, str>>,
    onboard_date: Option<i64>,
    #[serde(borrow, default)]
    filters: Vec<Filter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    #[serde(borrow)]
    tick_size: Option<Cow<'a, str>>,
    #[serde(borrow)]
    step_size: Option<Cow<'a, str>>,
}

/// The questions for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    vec![
        Request { api: &SPOT, path: "/api/v3/exchangeInfo".to_owned(), weight: 20, group: &SPOT_WEIGHT },
        Request { api: &USDM, path: "/fapi/v1/exchangeInfo".to_owned(), weight: 1, group: &USDM_WEIGHT },
    ]
}

/// Adds what an answer lists.
pub(super) fn read(request: &Request, reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    let is_spot = *request.api == SPOT;
    found.extend(wire.symbols.iter().map(|symbol| instrument(symbol, is_spot)));
    Ok(Listed::All)
}

fn instrument(symbol: &Symbol<'_>, is_spot: bool) -> Instrument {
    let market = match symbol.contract_type.as_deref() {
        None if is_spot => Some(Market::Spot),
        Some("PERPETUAL") => Some(Market::Perp),
        _ => None,
    };
    let filter = |size: fn(&Filter<'_>) -> Option<String>| symbol.filters.iter().find_map(size);
    Instrument {
        symbol: symbol.symbol.clone().into_owned(),
        pair: market.and_then(|market| Pair::new(&symbol.base_asset, &symbol.quote_asset, market).ok()),
        trading: trading(&symbol.status),
        status: symbol.status.clone().into_owned(),
        tick: filter(|filter| filter.tick_size.as_deref().map(str::to_owned)),
        lot: filter(|filter| filter.step_size.as_deref().map(str::to_owned)),
        since: symbol.onboard_date.and_then(|millis| Ts::from_millis(millis).ok()),
    }
}

fn trading(status: &str) -> Trading {
    match status {
        "TRADING" => Trading::Open,
        "PENDING_TRADING" => Trading::Announced,
        "DELIVERING" | "DELIVERED" | "SETTLING" | "CLOSE" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
