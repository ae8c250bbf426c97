//! The archive of www.okx.com: a zip of CSV with the trades of an instrument for each day, which is one of UTC+8.

use std::borrow::Cow;

use dccd_record::{Fixed, LineWriter, Market, Number, Range, Side, Trade, Ts};

use super::symbol::symbol;
use crate::adapter::Series;
use crate::answer::{AnswerError, Mark};
use crate::archive::{BulkFile, Check, FileFormat, Packing, Seen, Use, Wanted, days};
use crate::columns::{Columns, unknown_columns};
use crate::wire::{encode, unexpected};

const HOUR_NANOS: i64 = 3_600_000_000_000;
/// Days begin so long before those of UTC.
const AHEAD_NANOS: i64 = 8 * HOUR_NANOS;
/// 2021-09-01: the first day of which there may be files.
const FIRST_SECS: i64 = 1_630_454_400;
/// A file is sure to be there so long after its day.
const DELAY_NANOS: i64 = 36 * HOUR_NANOS;
/// So much of a day is had sooner from its file than by paging.
const WIDTH_NANOS_MIN: i64 = 6 * HOUR_NANOS;
/// Those that make a trade.
const NAMES: [&str; 5] = ["trade_id", "side", "price", "size", "created_time"];
/// Early files lack it.
const INSTRUMENT: [&str; 1] = ["instrument_name"];
/// Holes that are counted, of which fewer are told apart.
const HOLES_MAX: usize = 2000;

/// The files of `range`.
pub(super) fn files(series: &Series<'_>, range: Range, now: Ts, usage: Use) -> Vec<BulkFile> {
    let symbol = encode(&symbol(series.pair()));
    let first = Ts::from_secs(FIRST_SECS).unwrap_or(Ts::MAX).saturating_add(-AHEAD_NANOS);
    let Some(range) = Range::new(range.start().max(first), range.end()) else { return Vec::new() };
    let rest_start = series.row.rest_start(series.dataset, now);
    let is_better = |period: Range| {
        let is_there = period.end().saturating_add(DELAY_NANOS) <= now;
        let part = range.intersect(period).unwrap_or(period);
        let width = part.end().nanos().saturating_sub(part.start().nanos());
        is_there && (part.start() < rest_start || width >= WIDTH_NANOS_MIN)
    };
    let mut days = days(range, now, AHEAD_NANOS);
    days.retain(|(_, period)| usage == Use::Always || is_better(*period));
    let file = |(day, period)| {
        let date = format!("{day}").replace('-', "");
        let path = format!("cdn/okex/traderecords/trades/daily/{date}/{symbol}-trades-{day}.zip");
        BulkFile { api: series.row.api, path, period, packing: Packing::Zip, check: Check::Inside }
    };
    days.into_iter().map(file).collect()
}

/// Where the newest files end that are sure to be there at `now`.
pub(super) fn end(now: Ts) -> Ts {
    now.saturating_add(AHEAD_NANOS - DELAY_NANOS).day().start().saturating_add(-AHEAD_NANOS)
}

/// What the lines of a file mean. The files of 2021 have two rows for each trade, one for each side, and are
/// refused: which is the taker's is not said.
#[derive(Debug)]
pub(super) struct Format {
    symbol: String,
    size: Size,
    columns: Option<Columns<5>>,
    instrument: Option<Columns<1>>,
}

/// What the amount of a row counts.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// The base asset.
    Base,
    /// Contracts of this size, if it is known.
    Contracts(Option<Fixed>),
}

impl Format {
    pub(super) fn of(series: &Series<'_>) -> Format {
        let is_spot = series.pair().market() == Market::Spot;
        let size = if is_spot { Size::Base } else { Size::Contracts(series.contract) };
        Format { symbol: symbol(series.pair()), size, columns: None, instrument: None }
    }

    fn amount<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, AnswerError> {
        let size = match self.size {
            Size::Base => return Ok(Cow::Borrowed(text)),
            Size::Contracts(size) => size.ok_or_else(|| unexpected("contracts, whose size is not known", text))?,
        };
        let count = number(text)?.to_fixed().ok().and_then(|count| count.checked_mul(size));
        Ok(Cow::Owned(count.ok_or_else(|| unexpected("has too many digits", text))?.to_string()))
    }
}

impl FileFormat for Format {
    fn header(&mut self, line: &[u8]) -> Result<bool, AnswerError> {
        self.columns = Some(Columns::find(line, NAMES).ok_or_else(|| unknown_columns(line))?);
        self.instrument = Columns::find(line, INSTRUMENT);
        Ok(true)
    }

    fn line(
        &self,
        line: &[u8],
        wanted: Wanted,
        seen: &mut Seen,
        lines: &mut LineWriter,
        out: &mut Vec<u8>,
    ) -> Result<(), AnswerError> {
        let text = std::str::from_utf8(line).map_err(|_| unexpected("is no text", ""))?;
        let columns = self.columns.as_ref().ok_or_else(|| unexpected("stands below no header", text))?;
        let [tid, side, price, size, created] = columns.fields(text)?;
        if let Some(instrument) = &self.instrument {
            let [name] = instrument.fields(text)?;
            if name != self.symbol {
                return Err(unexpected(&format!("is not {}", self.symbol), name));
            }
        }
        let id: u64 = tid.parse().map_err(|_| unexpected("is no id", tid))?;
        let side = Side::from_name(&side.to_ascii_lowercase()).ok_or_else(|| unexpected("is no side", side))?;
        let millis: i64 = created.parse().map_err(|_| unexpected("is no instant", created))?;
        let ts = Ts::from_millis(millis).map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
        let amount = self.amount(size)?;
        let (price, amount) = (number(price)?, number(&amount)?);
        let mark = Mark { ts, id };
        if let Some(last) = seen.last {
            if id <= last.id {
                return Err(unexpected("is a trade out of order", tid));
            }
            if id - last.id > 1 && seen.holes.len() < HOLES_MAX {
                seen.holes.push((last, mark));
            }
        }
        if seen.take(mark, wanted) {
            let tid = Some(Cow::Borrowed(tid));
            lines.trade(&Trade { ts, price, amount, side: Some(side), tid, recv_ts: None }, out);
        }
        Ok(())
    }

    fn held(&self, period: Range, seen: &Seen) -> Option<Range> {
        if seen.is_outside {
            // Days that are cut elsewhere hold, by their ids, what lies between their first and last trade.
            return Range::new(seen.first?.ts.saturating_add(1), seen.last?.ts);
        }
        // An empty file has told us nothing.
        seen.is_inside.then_some(period)
    }
}

fn number(text: &str) -> Result<Number<'_>, AnswerError> {
    Number::new(text).map_err(|_| unexpected("is no number", text))
}
