//! What Binance trades.

use std::borrow::Cow;

use dccd_record::{Day, Market, Pair, Ts};
use serde::Deserialize;

use super::error::object;
use super::{COINM, COINM_WEIGHT, SPOT, SPOT_WEIGHT, USDM, USDM_WEIGHT, query};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::{Api, Request};
use crate::wire::unexpected;

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
    status: Option<Cow<'a, str>>,
    /// The same for COIN-M.
    #[serde(borrow)]
    contract_status: Option<Cow<'a, str>>,
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
        Request { api: &COINM, path: "/dapi/v1/exchangeInfo".to_owned(), weight: 1, group: &COINM_WEIGHT },
    ]
}

/// Adds what an answer lists.
pub(super) fn read(request: &Request, reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    for symbol in &wire.symbols {
        found.push(instrument(symbol, request.api)?);
    }
    Ok(Listed::All)
}

/// When a contract of a day `YYMMDD` is delivered, to the day.
pub(super) fn expiry(date: u32) -> Option<Ts> {
    let day =
        Day { year: 2000 + i64::from(date / 10_000), month: i64::from(date / 100 % 100), day: i64::from(date % 100) };
    day.number().map(|_| day.start())
}

fn instrument(symbol: &Symbol<'_>, api: &Api) -> Result<Instrument, AnswerError> {
    let filter = |size: fn(&Filter<'_>) -> Option<String>| symbol.filters.iter().find_map(size);
    let status = symbol.status.as_deref().or(symbol.contract_status.as_deref());
    let status = status.ok_or_else(|| unexpected("is listed without a status", &symbol.symbol))?;
    Ok(Instrument {
        symbol: symbol.symbol.clone().into_owned(),
        pair: pair(symbol, api),
        trading: trading(status),
        status: status.to_owned(),
        tick: filter(|filter| filter.tick_size.as_deref().map(str::to_owned)),
        lot: filter(|filter| filter.step_size.as_deref().map(str::to_owned)),
        since: symbol.onboard_date.and_then(|millis| Ts::from_millis(millis).ok()),
    })
}

/// Our pair; `None` if we could not ask for it.
fn pair(symbol: &Symbol<'_>, api: &Api) -> Option<Pair> {
    let date = symbol.symbol.rsplit_once('_').and_then(|(_, date)| date.parse().ok());
    let market = match date {
        Some(date) => Market::Dated(date),
        None if *api == SPOT => Market::Spot,
        None if *api == COINM => Market::Inverse,
        None => Market::Perp,
    };
    let pair = Pair::new(&symbol.base_asset, &symbol.quote_asset, market).ok()?;
    (query::symbol(&pair) == symbol.symbol).then_some(pair)
}

fn trading(status: &str) -> Trading {
    match status {
        "TRADING" => Trading::Open,
        "PENDING_TRADING" => Trading::Announced,
        "DELIVERING" | "DELIVERED" | "SETTLING" | "CLOSE" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
