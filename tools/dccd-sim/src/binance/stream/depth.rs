//! `depth`: changes of the whole book, or the best levels again and again.

use std::sync::Arc;

use super::{Event, Sequence};
use crate::binance::statistics::{UPDATES_PER_STEP, update_id};
use crate::binance::venue::{Digits, Style, Venue, underlying};
use crate::clock::MILLI;
use crate::feed::{BandFeed, DepthFeed, Fallen};
use crate::market::Series;
use crate::market::statistics::BOOK_STEP;
use crate::truth::text;
use crate::ws::{Load, Topic, World};

/// Changes are told so many ticks around the best price; a snapshot of 1000 levels reaches less far.
const REACH: i64 = 2_000;
/// Futures: the first update of an event comes so many ids before the last one of its first step.
const FIRST_BEFORE: i64 = 4;

/// The changes of a book.
pub(super) fn diff(series: &Arc<Series>, pace: i64, now: i64) -> BandFeed {
    BandFeed::new(series, REACH, pace, now)
}

/// The best levels of a book.
pub(super) fn partial(series: &Arc<Series>, levels: usize, pace: i64, now: i64) -> DepthFeed {
    DepthFeed::new(series, levels, pace, Fallen::Told, now)
}

/// Every change since the last time.
pub(super) fn diffs(feed: &mut BandFeed, topic: &Topic, symbol: &str, style: Style, world: &World<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(change) = feed.next_change(topic, world) {
        let update = Update::new(change.since, change.step, symbol, style);
        let sides = [change.bids.as_slice(), change.asks.as_slice()];
        events.push(Event {
            load: Load::Book,
            text: update.text(feed.series(), sides, world.now),
            sequence: Some(update.sequence()),
        });
    }
    events
}

/// The best levels after every change.
pub(super) fn partials(
    feed: &mut DepthFeed,
    topic: &Topic,
    symbol: &str,
    style: Style,
    world: &World<'_>,
) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(change) = feed.next_change(topic, world) {
        let book = feed.book();
        let sides = [book.bids.as_slice(), book.asks.as_slice()];
        let text = if style.venue == Venue::Spot {
            let [bids, asks] = sides.map(|side| levels(side, style.digits));
            let id = update_id(change.step);
            format!("{{\"lastUpdateId\":{id},\"bids\":[{bids}],\"asks\":[{asks}]}}")
        } else {
            Update::new(change.since, change.step, symbol, style).text(feed.series(), sides, world.now)
        };
        events.push(Event { load: Load::Book, text, sequence: None });
    }
    events
}

/// One event of changes.
#[derive(Debug)]
struct Update<'a> {
    symbol: &'a str,
    style: Style,
    step: i64,
    previous: i64,
    first: i64,
    last: i64,
}

impl<'a> Update<'a> {
    /// On spot, ids go on where the last event ended. On futures there are ids between, which other pairs have taken.
    fn new(since: i64, step: i64, symbol: &'a str, style: Style) -> Update<'a> {
        let (previous, last) = (update_id(since), update_id(step));
        let first = match style.venue {
            Venue::Spot => previous + 1,
            Venue::Usdm | Venue::Coinm => previous + UPDATES_PER_STEP - FIRST_BEFORE,
        };
        Update { symbol, style, step, previous, first, last }
    }

    /// What a client compares: spot has no previous id.
    fn sequence(&self) -> Sequence {
        match self.style.venue {
            Venue::Spot => Sequence { key: "\"U\":", right: self.first, wrong: self.first + FIRST_BEFORE },
            Venue::Usdm | Venue::Coinm => Sequence { key: "\"pu\":", right: self.previous, wrong: self.previous - 1 },
        }
    }

    fn text(&self, series: &Series, sides: [&[(i64, i64)]; 2], now: i64) -> String {
        let Update { symbol, style, step, previous, first, last } = self;
        let [bids, asks] = sides.map(|side| levels(side, style.digits));
        let event = style.unit.of(now);
        let stamp = step * BOOK_STEP / MILLI;
        let pair = underlying(&series.listing().pair);
        match style.venue {
            Venue::Spot => format!(
                "{{\"e\":\"depthUpdate\",\"E\":{event},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\
                 \"b\":[{bids}],\"a\":[{asks}]}}"
            ),
            Venue::Usdm => format!(
                "{{\"e\":\"depthUpdate\",\"E\":{event},\"T\":{stamp},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\
                 \"pu\":{previous},\"b\":[{bids}],\"a\":[{asks}]}}"
            ),
            Venue::Coinm => format!(
                "{{\"e\":\"depthUpdate\",\"E\":{event},\"T\":{stamp},\"s\":\"{symbol}\",\"ps\":\"{pair}\",\
                 \"U\":{first},\"u\":{last},\"pu\":{previous},\"b\":[{bids}],\"a\":[{asks}]}}"
            ),
        }
    }
}

fn levels(side: &[(i64, i64)], digits: Digits) -> String {
    let level = |(ticks, amount): &(i64, i64)| {
        let (price, amount) = (text(|out| digits.price(out, *ticks)), text(|out| digits.amount(out, *amount)));
        format!("[\"{price}\",\"{amount}\"]")
    };
    side.iter().map(level).collect::<Vec<_>>().join(",")
}
