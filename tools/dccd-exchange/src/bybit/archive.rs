//! public.bybit.com: a gzip file of CSV with the trades of a contract for each day, which is one of UTC.

use std::borrow::Cow;

use dccd_record::{LineWriter, Number, Range, Side, Trade, Ts};

use super::symbol::symbol;
use crate::adapter::Series;
use crate::answer::{AnswerError, Mark};
use crate::archive::{BulkFile, Check, FileFormat, Packing, Seen, Use, Wanted, days};
use crate::columns::{Columns, unknown_columns};
use crate::wire::{encode, seconds, unexpected};

/// Those that make a trade; later files have more columns than earlier ones.
const NAMES: [&str; 6] = ["timestamp", "symbol", "side", "size", "price", "trdMatchID"];
/// Rounded stamps may lie so far beside their day.
const BESIDE_NANOS_MAX: i64 = 1_000_000_000;

/// The files of `range`, whatever for: there is no other source.
pub(super) fn files(series: &Series<'_>, range: Range, now: Ts, _usage: Use) -> Vec<BulkFile> {
    let symbol = encode(&symbol(series.pair()));
    let Some(range) = Range::new(range.start().max(series.row.since.start()), range.end()) else { return Vec::new() };
    let file = |(day, period)| {
        let path = format!("trading/{symbol}/{symbol}{day}.csv.gz");
        BulkFile { api: series.row.api, path, period, packing: Packing::Gzip, check: Check::Inside }
    };
    days(range, now, 0).into_iter().map(file).collect()
}

/// What the lines of a file mean. Old files run backwards, so no order is demanded; ids are random, so nothing but
/// the file itself says that none is missing.
#[derive(Debug)]
pub(super) struct Format {
    symbol: String,
    columns: Option<Columns<6>>,
}

impl Format {
    pub(super) fn of(series: &Series<'_>) -> Format {
        Format { symbol: symbol(series.pair()), columns: None }
    }
}

impl FileFormat for Format {
    fn header(&mut self, line: &[u8]) -> Result<bool, AnswerError> {
        self.columns = Some(Columns::find(line, NAMES).ok_or_else(|| unknown_columns(line))?);
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
        let [stamp, symbol, side, size, price, id] = columns.fields(text)?;
        if symbol != self.symbol {
            return Err(unexpected(&format!("is not {}", self.symbol), symbol));
        }
        let side = match side {
            "Buy" => Side::Buy,
            "Sell" => Side::Sell,
            other => return Err(unexpected("is no side", other)),
        };
        if id.is_empty() {
            return Err(unexpected("has no id", text));
        }
        let ts = seconds(stamp)?;
        let (first, last) = (wanted.period.start(), wanted.period.end());
        if ts < first.saturating_add(-BESIDE_NANOS_MAX) || ts > last.saturating_add(BESIDE_NANOS_MAX) {
            return Err(unexpected("is no instant of the day that the file is of", stamp));
        }
        let trade = Trade {
            ts,
            price: number(price)?,
            amount: number(size)?,
            side: Some(side),
            tid: Some(Cow::Borrowed(id)),
            recv_ts: None,
        };
        if seen.take(Mark { ts, id: 0 }, wanted) {
            lines.trade(&trade, out);
        }
        Ok(())
    }

    fn held(&self, period: Range, seen: &Seen) -> Option<Range> {
        // An empty file has told us nothing.
        seen.is_inside.then_some(period)
    }
}

fn number(text: &str) -> Result<Number<'_>, AnswerError> {
    Number::new(text).map_err(|_| unexpected("is no number", text))
}
