//! Candles.

use dccd_record::{Candle, LineWriter, Number, Range, Span};
use serde_json::value::RawValue;

use super::error::{check, from_json};
use super::scan::Scan;
use super::stamp;
use crate::answer::{AnswerError, Mark, Page, Reply};

/// What of a page is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The instants; all of them are of candles that have closed.
    pub(crate) range: Range,
    /// The width.
    pub(crate) span: Span,
}

/// Writes the wanted candles of a page.
pub(crate) fn read(
    reply: &Reply<'_>,
    wanted: Wanted,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    check(reply)?;
    let start = out.len();
    let mut sink = Sink { wanted, page: Page::default(), lines, out };
    if scan(reply.body, &mut sink).is_some() {
        return Ok(sink.page);
    }
    sink.out.truncate(start);
    sink.page = Page::default();
    let parsed = parse(reply.body, &mut sink);
    let page = sink.page;
    if parsed.is_err() {
        out.truncate(start);
    }
    parsed.map(|()| page)
}

struct Sink<'a> {
    wanted: Wanted,
    page: Page,
    lines: &'a mut LineWriter,
    out: &'a mut Vec<u8>,
}

impl Sink<'_> {
    fn take(&mut self, open_time: i64, close_time: i64, mut candle: Candle<'_>) -> Result<(), AnswerError> {
        let Wanted { range, span } = self.wanted;
        let ts = stamp(open_time)?;
        candle.ts = ts;
        if !span.is_aligned(ts) || close_time <= open_time {
            return Err(AnswerError::Unexpected(format!("a candle from {ts} to {close_time} is none of {span}")));
        }
        if self.page.last.is_some_and(|last| ts <= last.ts) {
            return Err(AnswerError::Unexpected(format!("the candle of {ts} is not after the one before it")));
        }
        // Rows of another range say nothing about this one.
        if !range.contains(ts) {
            return Err(AnswerError::Unexpected(format!("the candle of {ts} was not asked for")));
        }
        self.page.rows += 1;
        let mark = Mark { ts, id: 0 };
        self.page.first.get_or_insert(mark);
        self.page.last = Some(mark);
        self.page.lines += 1;
        self.lines.candle(&candle, self.out);
        Ok(())
    }
}

/// Reads a compact page by literal order; `None` if anything is odd.
fn scan(body: &[u8], sink: &mut Sink<'_>) -> Option<()> {
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
        let quote_volume = Some(scan.quoted_number()?);
        scan.literal(",")?;
        let trades = Some(scan.unsigned()?);
        scan.skip_digits_to_end_of_list()?;
        let ts = sink.wanted.range.start();
        let candle = Candle { ts, open, high, low, close, volume, quote_volume, trades, is_derived: false };
        sink.take(open_time, close_time, candle).ok()?;
        if !scan.has(",") {
            scan.literal("]")?;
            return scan.is_at_end().then_some(());
        }
    }
}

/// Reads any page.
fn parse(body: &[u8], sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let rows: Vec<Vec<&RawValue>> = serde_json::from_slice(body).map_err(from_json)?;
    for row in &rows {
        let [open_time, open, high, low, close, volume, close_time, quote_volume, trades, ..] = row[..] else {
            return Err(AnswerError::Unexpected(format!("a candle has {} fields", row.len())));
        };
        let candle = Candle {
            ts: sink.wanted.range.start(),
            open: number(open)?,
            high: number(high)?,
            low: number(low)?,
            close: number(close)?,
            volume: number(volume)?,
            quote_volume: Some(number(quote_volume)?),
            trades: Some(unsigned(trades)?),
            is_derived: false,
        };
        sink.take(integer(open_time)?, integer(close_time)?, candle)?;
    }
    Ok(())
}

/// The digits of a number, in quotes or not.
pub(super) fn number(raw: &RawValue) -> Result<Number<'_>, AnswerError> {
    let text = raw.get();
    let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    Number::new(digits).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

pub(super) fn integer(raw: &RawValue) -> Result<i64, AnswerError> {
    raw.get().parse().map_err(|_| AnswerError::Unexpected(format!("{} is no whole number", excerpt(raw.get()))))
}

fn unsigned(raw: &RawValue) -> Result<u64, AnswerError> {
    raw.get().parse().map_err(|_| AnswerError::Unexpected(format!("{} is no count", excerpt(raw.get()))))
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
