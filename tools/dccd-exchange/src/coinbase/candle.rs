//! Candles: arrays of time, LOW, HIGH, OPEN, close and volume, newest first.

use dccd_record::{Candle, Span, Ts};
use serde_json::value::RawValue;

use super::error::check;
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{integer, json, number};

/// Hands over the candles of a page.
pub(super) fn read(reply: &Reply<'_>, rows: Rows, span: Span, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    let listed: Vec<Vec<&RawValue>> = json(reply.body)?;
    for row in listed.iter().rev() {
        let [time, low, high, open, close, volume, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
        };
        let ts = Ts::from_secs(integer(time)?).map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
        if is_edge(ts, rows, span) {
            sink.skip();
            continue;
        }
        sink.candle(&Candle {
            ts,
            open: number(open)?,
            high: number(high)?,
            low: number(low)?,
            close: number(close)?,
            volume: number(volume)?,
            quote_volume: None,
            trades: None,
            is_derived: false,
        })?;
    }
    Ok(())
}

/// Whether a candle may come unasked: the one that holds the start, and the one that opens at the end, which
/// the exchange takes for a part of what was asked for, or not.
fn is_edge(ts: Ts, rows: Rows, span: Span) -> bool {
    let Rows::Within(range) = rows else { return false };
    (ts < range.start() && ts == span.floor(range.start())) || (ts >= range.end() && ts == span.ceil(range.end()))
}
