//! Snapshots of order books.

use dccd_record::{Book, Level, LineWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::object;
use super::stamp;
use crate::answer::{AnswerError, Mark, Page, Reply};
use crate::wire::number;

/// The depth that is asked for if nobody says another one: the deepest that both markets have.
pub(super) const LEVELS: u32 = 1000;
/// How deep a snapshot may be, and what that costs.
pub(super) const SPOT_LIMITS: [(u32, u32); 4] = [(100, 5), (500, 25), (1000, 50), (5000, 250)];
/// Nothing in between is allowed.
pub(super) const FUTURES_LIMITS: [(u32, u32); 4] = [(50, 2), (100, 5), (500, 10), (1000, 20)];

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    /// The engine's time; USD-M only.
    #[serde(rename = "T")]
    time: Option<i64>,
    #[serde(borrow)]
    bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow)]
    asks: Vec<[&'a RawValue; 2]>,
}

/// Writes one snapshot. Spot gives it no time, so our clock has to do.
pub(super) fn read(reply: &Reply<'_>, lines: &mut LineWriter, out: &mut Vec<u8>) -> Result<Page, AnswerError> {
    let wire: Wire<'_> = object(reply)?;
    let stamp = wire.time.map(stamp).transpose()?;
    let ts = stamp.unwrap_or(reply.recv_ts);
    let book = Book {
        ts,
        is_snapshot: true,
        bids: levels(&wire.bids)?,
        asks: levels(&wire.asks)?,
        seq: Some(wire.last_update_id),
        recv_ts: Some(reply.recv_ts),
    };
    lines.book(&book, out);
    let mark = Some(Mark { ts, id: wire.last_update_id });
    Ok(Page { rows: 1, first: mark, last: mark, lines: 1, stamp, ..Page::default() })
}

fn levels<'a>(rows: &[[&'a RawValue; 2]]) -> Result<Vec<Level<'a>>, AnswerError> {
    rows.iter()
        .map(|[price, amount]| Ok(Level { price: number(price)?, amount: number(amount)?, count: None }))
        .collect()
}
