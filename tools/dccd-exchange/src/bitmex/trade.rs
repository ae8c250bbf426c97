//! Trades.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use dccd_record::{Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{error, is_newest_first, same_symbol};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{instant, number, unexpected};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    /// Settlements and some auctions have none.
    #[serde(borrow)]
    side: Option<Cow<'a, str>>,
    #[serde(borrow)]
    price: &'a RawValue,
    /// All zeros where it means nothing.
    #[serde(borrow, rename = "trdMatchID")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    home_notional: &'a RawValue,
}

/// Hands over the trades of a page.
pub(super) fn read(reply: &Reply<'_>, symbol: &str, rows: Rows, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut page: Vec<Row<'_>> = error::rows(reply)?;
    if is_newest_first(rows) {
        page.reverse();
    }
    for row in page {
        same_symbol(&row.symbol, symbol)?;
        match (row.unnamed_id(), row.trade(None)?) {
            (Some(id), trade) => sink.trade(id, &trade)?,
            (None, trade) => sink.named_trade(&trade)?,
        }
    }
    Ok(())
}

impl<'a> Row<'a> {
    /// What it says, read at `recv_ts`.
    pub(super) fn trade(self, recv_ts: Option<Ts>) -> Result<Trade<'a>, AnswerError> {
        let side = match self.side.as_deref() {
            None | Some("") => None,
            Some("Buy") => Some(Side::Buy),
            Some("Sell") => Some(Side::Sell),
            Some(other) => return Err(unexpected("is neither Buy nor Sell", other)),
        };
        let (ts, price, amount) = (instant(&self.timestamp)?, number(self.price)?, number(self.home_notional)?);
        let has_name = self.unnamed_id().is_none();
        Ok(Trade { ts, price, amount, side, tid: self.id.filter(|_| has_name), recv_ts })
    }

    /// A number that tells a trade without a name from others; `None` if it has one.
    fn unnamed_id(&self) -> Option<u64> {
        if self.id.as_ref().is_some_and(|id| id.bytes().any(|byte| !matches!(byte, b'0' | b'-'))) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (&self.timestamp, &self.side, self.price.get(), self.home_notional.get()).hash(&mut hasher);
        Some(hasher.finish())
    }
}
