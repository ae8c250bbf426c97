//! What Coinbase trades.

use std::borrow::Cow;

use dccd_record::{Market, Pair};
use serde::Deserialize;

use super::error::check;
use super::{EXCHANGE, PUBLIC, ROW};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::json;

#[derive(Deserialize)]
struct Product<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    base_currency: Cow<'a, str>,
    #[serde(borrow)]
    quote_currency: Cow<'a, str>,
    #[serde(borrow)]
    base_increment: Option<Cow<'a, str>>,
    #[serde(borrow)]
    quote_increment: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    trading_disabled: bool,
    #[serde(default)]
    cancel_only: bool,
}

/// The question for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    vec![Request { api: &EXCHANGE, path: "/products".to_owned(), weight: ROW.weight, group: &PUBLIC }]
}

/// Adds what the answer lists.
pub(super) fn read(reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    check(reply)?;
    let listed: Vec<Product<'_>> = json(reply.body)?;
    found.extend(listed.iter().map(instrument));
    Ok(Listed::All)
}

fn instrument(product: &Product<'_>) -> Instrument {
    // What is not called by its assets cannot be asked for.
    let is_plain = product.id == format!("{}-{}", product.base_currency, product.quote_currency);
    let pair = Pair::new(&product.base_currency, &product.quote_currency, Market::Spot).ok();
    Instrument {
        symbol: product.id.clone().into_owned(),
        pair: pair.filter(|_| is_plain),
        trading: trading(product),
        status: product.status.clone().into_owned(),
        tick: product.quote_increment.as_deref().map(str::to_owned),
        lot: product.base_increment.as_deref().map(str::to_owned),
        since: None,
    }
}

fn trading(product: &Product<'_>) -> Trading {
    match &*product.status {
        "delisted" => Trading::Delisted,
        "online" if !product.trading_disabled && !product.cancel_only => Trading::Open,
        _ => Trading::Halted,
    }
}
