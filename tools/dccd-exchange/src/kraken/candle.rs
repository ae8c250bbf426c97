//! Candles: the newest 720, and behind them the open one.

use dccd_record::{Candle, Pair, Span, Ts};
use serde_json::value::RawValue;

use super::CANDLES;
use super::error::result_of;
use crate::adapter::Rows;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{integer, number, unsigned};

/// Hands over the candles of a page.
pub(super) fn read(
    reply: &Reply<'_>,
    pair: &Pair,
    rows: Rows,
    span: Span,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let (listed, last): (Vec<Vec<&RawValue>>, _) = result_of(reply, pair)?;
    let last = last.ok_or_else(|| AnswerError::Unexpected("it does not say which candle is closed".to_owned()))?;
    if listed.is_empty() {
        return Ok(());
    }
    let newest_closed = stamp(last)?;
    check_start(&listed, rows, span)?;
    for row in &listed {
        // Between close and volume stands the mean price, whose product with the volume is not exact.
        let [time, open, high, low, close, _, volume, trades, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
        };
        let ts = stamp(time)?;
        if ts > newest_closed || is_unasked(ts, rows, span) {
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
            trades: Some(unsigned(trades)?),
            is_derived: false,
        })?;
    }
    Ok(())
}

/// Quiet buckets have candles too. So if a full page begins behind the start, older candles have left since
/// the question was planned, and their absence says nothing.
fn check_start(listed: &[Vec<&RawValue>], rows: Rows, span: Span) -> Result<(), AnswerError> {
    let (Rows::Within(range), Some(first)) = (rows, listed.first().and_then(|row| row.first())) else {
        return Ok(());
    };
    let is_full = u32::try_from(listed.len()).unwrap_or(u32::MAX) >= CANDLES;
    let first = stamp(first)?;
    if is_full && first > span.ceil(range.start()) {
        return Err(AnswerError::Refused {
            code: "too old".to_owned(),
            message: format!("the candles before {first} are no longer there"),
            is_retryable: true,
        });
    }
    Ok(())
}

/// Whether a candle comes for lack of a bound: there is none for the end, and whether the one for the start
/// is exclusive, clients disagree.
fn is_unasked(ts: Ts, rows: Rows, span: Span) -> bool {
    let is_before = |start: Ts| ts < start && ts >= span.ceil(start).saturating_add(-span.nanos());
    match rows {
        Rows::Within(range) => is_before(range.start()) || ts >= range.end(),
        Rows::From(start) => is_before(start),
        Rows::Before(_) | Rows::FromId(_) | Rows::Newest => false,
    }
}

fn stamp(seconds: &RawValue) -> Result<Ts, AnswerError> {
    Ts::from_secs(integer(seconds)?).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}
