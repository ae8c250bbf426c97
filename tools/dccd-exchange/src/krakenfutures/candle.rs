//! Candles of what was traded.

use dccd_record::{Candle, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::object;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number};

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    candles: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    /// Milliseconds.
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(borrow)]
    open: &'a RawValue,
    #[serde(borrow)]
    high: &'a RawValue,
    #[serde(borrow)]
    low: &'a RawValue,
    #[serde(borrow)]
    close: &'a RawValue,
    #[serde(borrow)]
    volume: &'a RawValue,
}

/// Hands over the candles of a page.
pub(super) fn read(reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    for row in &wire.candles {
        sink.candle(&Candle {
            ts: stamp(row)?,
            open: number(row.open)?,
            high: number(row.high)?,
            low: number(row.low)?,
            close: number(row.close)?,
            volume: number(row.volume)?,
            quote_volume: None,
            trades: None,
            is_derived: false,
        })?;
    }
    Ok(())
}

/// When the chart begins.
pub(super) fn read_first(reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    wire.candles.first().map(stamp).transpose()
}

fn stamp(row: &Row<'_>) -> Result<Ts, AnswerError> {
    millis(row.time)
}
