//! Candles, which are stamped when they close.

use std::borrow::Cow;

use dccd_record::{Candle, Number, Span};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{error, is_newest_first, same_symbol};
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{instant, number, optional_number};

/// A bucket without trades has the last price four times, or nothing at all.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    open: Option<&'a RawValue>,
    #[serde(borrow)]
    high: Option<&'a RawValue>,
    #[serde(borrow)]
    low: Option<&'a RawValue>,
    #[serde(borrow)]
    close: Option<&'a RawValue>,
    trades: Option<u64>,
    /// Contracts.
    #[serde(borrow)]
    volume: Option<&'a RawValue>,
    #[serde(borrow)]
    home_notional: Option<&'a RawValue>,
    #[serde(borrow)]
    foreign_notional: Option<&'a RawValue>,
}

/// Hands over the candles of a page.
pub(super) fn read(
    reply: &Reply<'_>,
    symbol: &str,
    span: Span,
    rows: Rows,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let mut page: Vec<Row<'_>> = error::rows(reply)?;
    if is_newest_first(rows) {
        page.reverse();
    }
    for row in &page {
        same_symbol(&row.symbol, symbol)?;
        match row.candle(span)? {
            Some(candle) => sink.candle(&candle)?,
            None => sink.skip(),
        }
    }
    Ok(())
}

impl<'a> Row<'a> {
    /// The candle that closed then; `None` if nothing has been traded yet.
    pub(super) fn candle(&self, span: Span) -> Result<Option<Candle<'a>>, AnswerError> {
        let ts = instant(&self.timestamp)?.saturating_add(-span.nanos());
        let (Some(open), Some(high), Some(low), Some(close)) = (self.open, self.high, self.low, self.close) else {
            return Ok(None);
        };
        Ok(Some(Candle {
            ts,
            open: number(open)?,
            high: number(high)?,
            low: number(low)?,
            close: number(close)?,
            volume: self.base_volume()?,
            quote_volume: optional_number(self.foreign_notional)?,
            trades: self.trades,
            is_derived: false,
        }))
    }

    /// The volume in the base asset; contracts say only whether there was any.
    fn base_volume(&self) -> Result<Number<'a>, AnswerError> {
        match (optional_number(self.home_notional)?, optional_number(self.volume)?) {
            (Some(volume), _) => Ok(volume),
            (None, Some(contracts)) if contracts.is_zero() => Ok(contracts),
            (None, None) => Number::new("0").map_err(|cause| AnswerError::Unexpected(cause.to_string())),
            (None, Some(contracts)) => {
                Err(AnswerError::Unexpected(format!("a candle of {contracts} contracts without a base volume")))
            }
        }
    }
}
