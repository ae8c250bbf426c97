//! Candles.

use dccd_record::{Candle, Number, Ts};
use serde_json::value::RawValue;

use super::error::check;
use super::scan::Scan;
use super::{COINM, stamp};
use crate::adapter::Series;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{integer, json, number, unsigned};

/// What the two columns of volume count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// The base asset, and the quote asset.
    BaseQuote,
    /// Contracts, and the base asset.
    ContractsBase,
}

impl Columns {
    pub(super) fn of(series: &Series<'_>) -> Columns {
        if *series.row.api == COINM { Columns::ContractsBase } else { Columns::BaseQuote }
    }

    /// What the two columns say of volume and quote volume.
    pub(super) fn volumes<'a>(self, first: Number<'a>, second: Number<'a>) -> (Number<'a>, Option<Number<'a>>) {
        match self {
            Columns::BaseQuote => (first, Some(second)),
            Columns::ContractsBase => (second, None),
        }
    }

    /// The candle with the volume that is taken.
    pub(super) fn choose(self, candle: Candle<'_>) -> Candle<'_> {
        let Some(second) = candle.quote_volume else { return candle };
        let (volume, quote_volume) = self.volumes(candle.volume, second);
        Candle { volume, quote_volume, ..candle }
    }
}

/// Hands over the candles of a page.
pub(super) fn read(reply: &Reply<'_>, columns: Columns, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    if scan(reply.body, columns, sink).is_some() {
        return Ok(());
    }
    sink.reset();
    parse(reply.body, columns, sink)
}

/// When a candle opens, which is before it closes.
fn opening(open_time: i64, close_time: i64) -> Result<Ts, AnswerError> {
    let ts = stamp(open_time)?;
    if close_time <= open_time {
        return Err(AnswerError::Unexpected(format!("a candle of {ts} closes before it opens")));
    }
    Ok(ts)
}

/// Reads a compact page by literal order; `None` if anything is odd.
fn scan(body: &[u8], columns: Columns, sink: &mut Sink<'_>) -> Option<()> {
    let mut scan = Scan::new(body)?;
    scan.literal("[")?;
    if scan.has("]") {
        return scan.is_at_end().then_some(());
    }
    loop {
        scan.literal("[")?;
        let open_time = i64::try_from(scan.unsigned()?).ok()?;
        scan.literal(",\"")?;
        let open = scan.quoted_number()?;
        scan.literal(",\"")?;
        let high = scan.quoted_number()?;
        scan.literal(",\"")?;
        let low = scan.quoted_number()?;
        scan.literal(",\"")?;
        let close = scan.quoted_number()?;
        scan.literal(",\"")?;
        let volume = scan.quoted_number()?;
        scan.literal(",")?;
        let close_time = i64::try_from(scan.unsigned()?).ok()?;
        scan.literal(",\"")?;
        let (volume, quote_volume) = columns.volumes(volume, scan.quoted_number()?);
        scan.literal(",")?;
        let trades = Some(scan.unsigned()?);
        scan.skip_digits_to_end_of_list()?;
        let ts = opening(open_time, close_time).ok()?;
        let candle = Candle { ts, open, high, low, close, volume, quote_volume, trades, is_derived: false };
        sink.candle(&candle).ok()?;
        if !scan.has(",") {
            scan.literal("]")?;
            return scan.is_at_end().then_some(());
        }
    }
}

/// Reads any page.
fn parse(body: &[u8], columns: Columns, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let rows: Vec<Vec<&RawValue>> = json(body)?;
    for row in &rows {
        let [open_time, open, high, low, close, volume, close_time, quote_volume, trades, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
        };
        let (volume, quote_volume) = columns.volumes(number(volume)?, number(quote_volume)?);
        sink.candle(&Candle {
            ts: opening(integer(open_time)?, integer(close_time)?)?,
            open: number(open)?,
            high: number(high)?,
            low: number(low)?,
            close: number(close)?,
            volume,
            quote_volume,
            trades: Some(unsigned(trades)?),
            is_derived: false,
        })?;
    }
    Ok(())
}
