//! Candles.

use dccd_record::{Candle, Market, Pair, Ts};
use serde_json::value::RawValue;

use super::envelope;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number, unquoted};

/// Hands over the candles of a page.
pub(super) fn read(pair: &Pair, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for row in envelope::rows::<Vec<&RawValue>>(reply)? {
        let (candle, is_closed) = candle(&row, pair)?;
        if is_closed {
            sink.candle(&candle)?;
        } else {
            sink.open_candle(candle.ts)?;
        }
    }
    Ok(())
}

/// When the oldest candle of a page opened.
pub(super) fn read_first(reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let mut first: Option<Ts> = None;
    for row in envelope::rows::<Vec<&RawValue>>(reply)? {
        let ts = millis(row.first().ok_or_else(|| AnswerError::Unexpected("an empty candle".to_owned()))?)?;
        first = Some(first.map_or(ts, |first| first.min(ts)));
    }
    Ok(first)
}

/// A candle, and whether it has closed. Contracts come first; base coins and quotes are said beside them.
pub(super) fn candle<'a>(row: &[&'a RawValue], pair: &Pair) -> Result<(Candle<'a>, bool), AnswerError> {
    let [ts, open, high, low, close, count, coins, quotes, confirm, ..] = row[..] else {
        return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
    };
    let volume = if pair.market() == Market::Spot { count } else { coins };
    let candle = Candle {
        ts: millis(ts)?,
        open: number(open)?,
        high: number(high)?,
        low: number(low)?,
        close: number(close)?,
        volume: number(volume)?,
        quote_volume: Some(number(quotes)?),
        trades: None,
        is_derived: false,
    };
    Ok((candle, unquoted(confirm) == "1"))
}
