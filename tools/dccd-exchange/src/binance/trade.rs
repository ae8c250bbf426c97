//! Aggregate trades.

use std::borrow::Cow;

use dccd_record::{LineWriter, Range, Side, Trade};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::{check, from_json};
use super::kline::number;
use super::scan::Scan;
use super::stamp;
use crate::answer::{AnswerError, Mark, Page, Reply};

/// What of a page is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The instants.
    pub(crate) range: Range,
    /// The id that the first row must have, where that is known.
    pub(crate) first_id: Option<u64>,
}

/// Writes the wanted trades of a page, up to the first hole in the ids.
pub(crate) fn read(
    reply: &Reply<'_>,
    wanted: Wanted,
    lines: &mut LineWriter,
    out: &mut Vec<u8>,
) -> Result<Page, AnswerError> {
    check(reply)?;
    let start = out.len();
    let mut sink = Sink::new(wanted, lines, out);
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

/// Takes trades in the order of their ids; stops taking at the first hole.
pub(crate) struct Sink<'a> {
    wanted: Wanted,
    pub(crate) page: Page,
    lines: &'a mut LineWriter,
    out: &'a mut Vec<u8>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(wanted: Wanted, lines: &'a mut LineWriter, out: &'a mut Vec<u8>) -> Sink<'a> {
        Sink { wanted, page: Page::default(), lines, out }
    }

    /// One row; `is_buyer_maker` means that the taker sold. Instant and side of `trade` are filled in here.
    pub(crate) fn take(
        &mut self,
        id: u64,
        time: i64,
        is_buyer_maker: bool,
        mut trade: Trade<'_>,
    ) -> Result<(), AnswerError> {
        let ts = stamp(time)?;
        let mark = Mark { ts, id };
        self.page.rows += 1;
        if self.page.jump.is_some() {
            return Ok(());
        }
        let expected = match self.page.last {
            Some(last) => last.id.checked_add(1),
            None => self.wanted.first_id,
        };
        if expected.is_some_and(|expected| id < expected) {
            return Err(AnswerError::Unexpected(format!(
                "trade {id} where {} or a later one belongs",
                expected.unwrap_or(0)
            )));
        }
        if expected.is_some_and(|expected| id > expected) {
            self.page.jump = Some(mark);
            return Ok(());
        }
        // Ids have no bounds in time, but a question by time has.
        if expected.is_none() && ts < self.wanted.range.start() {
            return Err(AnswerError::Unexpected(format!("trade {id} of {ts} was not asked for")));
        }
        self.page.first.get_or_insert(mark);
        self.page.last = Some(mark);
        // The last row decides: one odd stamp on the way is no end.
        self.page.is_past_end = ts >= self.wanted.range.end();
        if self.wanted.range.contains(ts) {
            trade.ts = ts;
            trade.side = Some(if is_buyer_maker { Side::Sell } else { Side::Buy });
            self.page.lines += 1;
            self.lines.trade(&trade, self.out);
        }
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
        scan.literal("{\"a\":")?;
        let (id, tid) = scan.unsigned_text()?;
        scan.literal(",\"p\":\"")?;
        let price = scan.quoted_number()?;
        scan.literal(",\"q\":\"")?;
        let amount = scan.quoted_number()?;
        scan.literal(",\"f\":")?;
        scan.unsigned()?;
        scan.literal(",\"l\":")?;
        scan.unsigned()?;
        scan.literal(",\"T\":")?;
        let time = i64::try_from(scan.unsigned()?).ok()?;
        scan.literal(",\"m\":")?;
        let is_buyer_maker = scan.boolean()?;
        if scan.has(",\"M\":") {
            scan.boolean()?;
        }
        scan.literal("}")?;
        let ts = sink.wanted.range.start();
        let tid = Some(Cow::Borrowed(tid));
        let trade = Trade { ts, price, amount, side: None, tid, recv_ts: None };
        sink.take(id, time, is_buyer_maker, trade).ok()?;
        if !scan.has(",") {
            scan.literal("]")?;
            return scan.is_at_end().then_some(());
        }
    }
}

#[derive(Deserialize)]
struct Row<'a> {
    a: u64,
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

/// Reads any page.
fn parse(body: &[u8], sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let rows: Vec<Row<'_>> = serde_json::from_slice(body).map_err(from_json)?;
    for row in rows {
        let ts = sink.wanted.range.start();
        let (price, amount, tid) = (number(row.p)?, number(row.q)?, Some(Cow::Owned(row.a.to_string())));
        let trade = Trade { ts, price, amount, side: None, tid, recv_ts: None };
        sink.take(row.a, row.time, row.m, trade)?;
    }
    Ok(())
}
