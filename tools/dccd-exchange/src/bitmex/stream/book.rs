//! Books of which each level has an id: only its first row is sure to say its price.

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Level, Number, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::live::{Event, FrameError, Joint, SubscriptionId};
use crate::wire::{instant, levels, number, unexpected, unsigned};

/// No book had a tenth of it.
const LEVELS_MAX: usize = 200_000;

/// What a frame does to a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Partial,
    Insert,
    Update,
    Delete,
}

/// One level, or what became of it.
#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

/// The best ten levels of each side; one without any may be missing.
#[derive(Deserialize)]
pub(super) struct TopRow<'a> {
    #[serde(borrow)]
    pub(super) symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    bids: Vec<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    asks: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

/// The prices of one book's levels, by id and whether they are bids.
#[derive(Debug, Default)]
pub(super) struct Prices {
    /// Whether there was a whole book yet.
    is_known: bool,
    prices: HashMap<(u64, bool), String>,
}

/// Prices and amounts.
type Side<'a> = Vec<(String, &'a str)>;

impl Prices {
    /// What the rows of a frame that are of this book say. What comes before a whole book is of no use.
    pub(super) fn read(
        &mut self,
        id: SubscriptionId,
        action: Action,
        rows: &[&Row<'_>],
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let is_snapshot = action == Action::Partial;
        if is_snapshot {
            *self = Prices { is_known: true, prices: HashMap::new() };
        }
        if !self.is_known {
            take(Event::Ignored);
            return Ok(());
        }
        let applied = self.apply(action, rows);
        self.is_known = applied.is_ok();
        let (bids, asks) = applied?;
        // Levels say when they changed, but nothing says when a whole book was so.
        let ts = if is_snapshot { recv_ts } else { changed_ts(rows)?.unwrap_or(recv_ts) };
        let joint = if is_snapshot { Joint::Snapshot { seq: None } } else { Joint::Bare };
        let (bids, asks) = (borrowed(&bids)?, borrowed(&asks)?);
        take(Event::Book(id, Book { ts, is_snapshot, bids, asks, seq: None, recv_ts: Some(recv_ts) }, joint, None));
        Ok(())
    }

    /// The levels of both sides, best first if they are those of a whole book.
    fn apply<'a>(&mut self, action: Action, rows: &[&Row<'a>]) -> Result<(Side<'a>, Side<'a>), FrameError> {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for row in rows {
            let is_bid = match row.side.as_ref() {
                "Buy" => true,
                "Sell" => false,
                other => return Err(unexpected("is neither Buy nor Sell", other).into()),
            };
            let level = self.level(action, row, (unsigned(row.id)?, is_bid))?;
            if is_bid { bids.push(level) } else { asks.push(level) }
        }
        if self.prices.len() > LEVELS_MAX {
            return Err(FrameError(format!("a book of more than {LEVELS_MAX} levels")));
        }
        if action == Action::Partial {
            // Both sides come from the highest price down.
            asks.reverse();
        }
        Ok((bids, asks))
    }

    fn level<'a>(&mut self, action: Action, row: &Row<'a>, key: (u64, bool)) -> Result<(String, &'a str), FrameError> {
        let unknown = || FrameError::new("a level that is not known", row.id.get());
        if action == Action::Delete {
            return Ok((self.prices.remove(&key).ok_or_else(unknown)?, "0"));
        }
        if let Some(price) = row.price {
            self.prices.insert(key, number(price)?.as_str().to_owned());
        }
        let price = self.prices.get(&key).cloned().ok_or_else(unknown)?;
        let size = row.size.ok_or_else(|| FrameError::new("a level without a size", row.id.get()))?;
        Ok((price, number(size)?.as_str()))
    }
}

fn borrowed<'s>(side: &'s Side<'_>) -> Result<Vec<Level<'s>>, FrameError> {
    let digits = |text: &'s str| Number::new(text).map_err(|cause| FrameError(cause.to_string()));
    side.iter()
        .map(|(price, amount)| Ok(Level { price: digits(price)?, amount: digits(amount)?, count: None }))
        .collect()
}

/// When the last of some levels changed, where that is said.
fn changed_ts(rows: &[&Row<'_>]) -> Result<Option<Ts>, FrameError> {
    let mut last = None;
    for row in rows {
        last = last.max(row.timestamp.as_deref().map(instant).transpose()?);
    }
    Ok(last)
}

/// Hands over a book of ten levels, all of which come each time.
pub(super) fn read_top(
    id: SubscriptionId,
    row: &TopRow<'_>,
    recv_ts: Ts,
    take: &mut dyn FnMut(Event<'_>),
) -> Result<(), FrameError> {
    let (ts, bids, asks) = (instant(&row.timestamp)?, levels(&row.bids)?, levels(&row.asks)?);
    let book = Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(recv_ts) };
    take(Event::Book(id, book, Joint::Snapshot { seq: None }, None));
    Ok(())
}
