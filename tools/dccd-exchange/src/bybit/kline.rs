//! Candles.

use dccd_record::{Candle, Market, Pair, Ts};
use serde_json::value::RawValue;

use super::envelope;
use crate::adapter::{Rows, Series};
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{millis, number};

/// Hands over the candles of a page.
pub(super) fn read(series: &Series<'_>, rows: Rows, reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (candles, stamp) = envelope::rows::<Vec<&RawValue>>(series.pair(), reply)?;
    for row in &candles {
        let candle = candle(row, series.pair())?;
        if is_around_start(series, rows, candle.ts) {
            sink.skip();
        } else {
            sink.candle(&candle)?;
        }
    }
    if let Some(stamp) = stamp {
        sink.stamp(stamp);
    }
    Ok(())
}

/// When the oldest candle of a page opened.
pub(super) fn read_first(pair: &Pair, reply: &Reply<'_>) -> Result<Option<Ts>, AnswerError> {
    let (candles, _) = envelope::rows::<Vec<&RawValue>>(pair, reply)?;
    let mut first: Option<Ts> = None;
    for row in &candles {
        let ts = candle(row, pair)?.ts;
        first = Some(first.map_or(ts, |first| first.min(ts)));
    }
    Ok(first)
}

fn candle<'a>(row: &[&'a RawValue], pair: &Pair) -> Result<Candle<'a>, AnswerError> {
    let [start, open, high, low, close, volume, turnover, ..] = row[..] else {
        return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
    };
    // An inverse contract is one US dollar, so its volume is in the quote and its turnover in the base.
    let is_inverse = pair.market() != Market::Spot && pair.quote() == "USD";
    let (volume, quote_volume) = if is_inverse { (turnover, volume) } else { (volume, turnover) };
    Ok(Candle {
        ts: millis(start)?,
        open: number(open)?,
        high: number(high)?,
        low: number(low)?,
        close: number(close)?,
        volume: number(volume)?,
        quote_volume: Some(number(quote_volume)?),
        trades: None,
        is_derived: false,
    })
}

/// Whether the start that was asked for lies inside of this candle, which then comes too.
fn is_around_start(series: &Series<'_>, rows: Rows, ts: Ts) -> bool {
    let (Rows::Within(range), Some(span)) = (rows, series.dataset.span()) else { return false };
    ts < range.start() && span.floor(range.start()) == ts
}
