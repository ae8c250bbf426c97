//! Aggregate trades.

use std::borrow::Cow;

use dccd_record::{Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::check;
use super::scan::Scan;
use super::stamp;
use crate::answer::{AnswerError, Reply};
use crate::sink::Sink;
use crate::wire::{json, number};

/// Hands over the trades of a page.
pub(super) fn read(reply: &Reply<'_>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    check(reply)?;
    if scan(reply.body, sink).is_some() {
        return Ok(());
    }
    sink.reset();
    parse(reply.body, sink)
}

/// One row; `is_buyer_maker` means that the taker sold.
fn take(
    id: u64,
    time: i64,
    is_buyer_maker: bool,
    mut trade: Trade<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    trade.ts = stamp(time)?;
    trade.side = Some(if is_buyer_maker { Side::Sell } else { Side::Buy });
    sink.trade(id, &trade)
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
        scan.skip_unsigned()?;
        scan.literal(",\"l\":")?;
        scan.skip_unsigned()?;
        scan.literal(",\"T\":")?;
        let time = i64::try_from(scan.unsigned()?).ok()?;
        scan.literal(",\"m\":")?;
        let is_buyer_maker = scan.boolean()?;
        if scan.has(",\"M\":") {
            scan.boolean()?;
        }
        scan.literal("}")?;
        let ts = Ts::MIN;
        let tid = Some(Cow::Borrowed(tid));
        let trade = Trade { ts, price, amount, side: None, tid, recv_ts: None };
        take(id, time, is_buyer_maker, trade, sink).ok()?;
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
    let rows: Vec<Row<'_>> = json(body)?;
    for row in rows {
        let ts = Ts::MIN;
        let (price, amount, tid) = (number(row.p)?, number(row.q)?, Some(Cow::Owned(row.a.to_string())));
        let trade = Trade { ts, price, amount, side: None, tid, recv_ts: None };
        take(row.a, row.time, row.m, trade, sink)?;
    }
    Ok(())
}
