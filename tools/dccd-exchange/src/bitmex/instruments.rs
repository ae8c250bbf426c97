//! What BitMEX traded.

use std::borrow::Cow;

use dccd_record::{Market, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::{asset, symbol};
use super::{API, REQUESTS, error};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::{instant, optional_number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
    #[serde(borrow)]
    state: Cow<'a, str>,
    #[serde(borrow)]
    underlying: Cow<'a, str>,
    #[serde(borrow)]
    quote_currency: Cow<'a, str>,
    #[serde(default)]
    is_inverse: bool,
    #[serde(borrow)]
    settle: Option<Cow<'a, str>>,
    #[serde(borrow)]
    listing: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
    #[serde(borrow)]
    lot_size: Option<&'a RawValue>,
}

/// The questions for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    vec![Request { api: &API, path: "/api/v1/instrument/active".to_owned(), weight: 1, group: &REQUESTS }]
}

/// Adds what an answer lists.
pub(super) fn read(reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let rows: Vec<Row<'_>> = error::rows(reply)?;
    for row in &rows {
        let step = |raw| optional_number(raw).map(|number| number.map(|number| number.to_string()));
        found.push(Instrument {
            symbol: row.symbol.clone().into_owned(),
            pair: row.pair(),
            trading: trading(&row.state),
            status: row.state.clone().into_owned(),
            tick: step(row.tick_size)?,
            lot: step(row.lot_size)?,
            since: row.listing.as_deref().and_then(|listing| instant(listing).ok()),
        });
    }
    Ok(Listed::All)
}

impl Row<'_> {
    /// Our pair; `None` if we could not ask for it.
    fn pair(&self) -> Option<Pair> {
        let market = match self.typ.as_ref() {
            "FFWCSX" if self.is_inverse => Market::Inverse,
            "FFWCSX" => Market::Perp,
            "FFCCSX" => Market::Dated(self.date()?),
            "IFXXXP" => Market::Spot,
            _ => return None,
        };
        let pair = Pair::new(&asset(&self.underlying), &asset(&self.quote_currency), market).ok()?;
        (symbol(&pair) == self.symbol).then_some(pair)
    }

    /// The day of settlement as `YYMMDD`.
    fn date(&self) -> Option<u32> {
        let day = instant(self.settle.as_deref()?).ok()?.day();
        u32::try_from(day.year.rem_euclid(100) * 10_000 + day.month * 100 + day.day).ok()
    }
}

fn trading(state: &str) -> Trading {
    match state {
        "Open" => Trading::Open,
        "Unlisted" | "Settled" | "Cleared" | "Delisted" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
