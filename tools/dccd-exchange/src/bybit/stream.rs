//! What Bybit pushes: one connection for each category, one topic for each series.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Candle, Kind, Level, Market, Number, Range, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::symbol::{category, symbol};
use crate::capability::{Capability, Impossible, capability};
use crate::live::{
    Event, FrameError, FrameReader, Joint, KeepAlive, Link, LiveHost, Order, Rule, Streams, Subscription,
    SubscriptionId, check,
};
use crate::wire::{levels, message, millis, number, unexpected, unquoted, unsigned};

/// Every category, each under its own path.
pub(super) static LIVE: LiveHost = LiveHost {
    name: "bybit",
    ws_url: "wss://stream.bybit.com",
    keep_alive: KeepAlive::Text { text: r#"{"op":"ping"}"#, secs: 20 },
    silence_secs: 60,
    age_secs_max: None,
    // Nothing is published: slowly, so that a hundred topics make no burst.
    sends: (10, 1000),
    connects: (500, 300),
};

/// Topics of one connection may have 21,000 characters, quotes and commas probably among them.
const TOPIC_CHARS_MAX: usize = 20_000;
const DEPTHS: [u32; 4] = [1, 50, 200, 1000];
/// Level 1 is pushed as snapshots alone, so it is taken only where one level is asked for.
const DEPTH: u32 = 50;
const KINDS: [Kind; 3] = [Kind::Candle, Kind::Trade, Kind::Book];

/// Bybit's streams.
#[derive(Debug)]
pub(super) struct BybitStreams;

impl Streams for BybitStreams {
    /// One topic for each request: a topic that is refused takes down the whole request that it stands in.
    fn links(&self, subscriptions: &[Subscription]) -> Result<Vec<Link>, Impossible> {
        let mut links: Vec<(Link, usize)> = Vec::new();
        for (at, subscription) in subscriptions.iter().enumerate() {
            let topic = topic(subscription)?;
            let path = format!("/v5/public/{}", category(subscription.dataset.pair()));
            let has_room =
                |(link, chars): &&mut (Link, usize)| link.path == path && *chars + topic.len() + 3 <= TOPIC_CHARS_MAX;
            let place = match links.iter_mut().find(has_room) {
                Some(place) => place,
                None => {
                    links.push((Link { host: &LIVE, path, opening: Vec::new(), subscriptions: Vec::new() }, 0));
                    let Some(place) = links.last_mut() else { continue };
                    place
                }
            };
            place.0.opening.push(request("subscribe", &topic));
            place.0.subscriptions.push(SubscriptionId(at));
            place.1 += topic.len() + 3;
        }
        Ok(links.into_iter().map(|(link, _)| link).collect())
    }

    fn reader(&self, link: &Link, subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
        let mut topics = HashMap::new();
        for id in &link.subscriptions {
            let Some(subscription) = subscriptions.get(id.0) else { continue };
            if let Ok(topic) = topic(subscription) {
                let symbol = symbol(subscription.dataset.pair());
                topics.insert(topic, Topic { id: *id, symbol, subscription: subscription.clone(), open: None });
            }
        }
        Box::new(Reader { topics })
    }

    /// A delta takes the whole book to the next number, and what it pushes out of the depth needs no word.
    fn rule(&self, subscription: &Subscription) -> Rule {
        Rule { order: Order::Consecutive, checksum: None, depth: usize::try_from(depth(subscription)).ok() }
    }

    fn renewal(&self, subscription: &Subscription) -> Vec<String> {
        topic(subscription)
            .map(|topic| vec![request("unsubscribe", &topic), request("subscribe", &topic)])
            .unwrap_or_default()
    }
}

/// The topic of a series. A topic is short enough to be the id of its own request.
fn topic(subscription: &Subscription) -> Result<String, Impossible> {
    let dataset = &subscription.dataset;
    check(dataset, &KINDS, candle_row(subscription).map_or(&[], |row| row.spans))?;
    let symbol = symbol(dataset.pair());
    Ok(match dataset.kind() {
        Kind::Trade => format!("publicTrade.{symbol}"),
        Kind::Book => format!("orderbook.{}.{symbol}", depth(subscription)),
        _ => {
            let name = capability(dataset)?.span_name(dataset.span()).unwrap_or_default();
            format!("kline.{name}.{symbol}")
        }
    })
}

fn candle_row(subscription: &Subscription) -> Option<&'static Capability> {
    let pair = subscription.dataset.pair();
    super::table::CAPABILITIES.iter().find(|row| row.kind == Kind::Candle && row.has_pair(pair))
}

/// The least depth that is deep enough, or the greatest.
fn depth(subscription: &Subscription) -> u32 {
    let Some(wanted) = subscription.depth else { return DEPTH };
    DEPTHS.into_iter().find(|depth| *depth >= wanted).unwrap_or(1000)
}

fn request(op: &str, topic: &str) -> String {
    format!(r#"{{"req_id":"{topic}","op":"{op}","args":["{topic}"]}}"#)
}

/// Reads one connection.
#[derive(Debug)]
struct Reader {
    topics: HashMap<String, Topic>,
}

#[derive(Debug)]
struct Topic {
    id: SubscriptionId,
    symbol: String,
    subscription: Subscription,
    /// The candle that was open last.
    open: Option<Ts>,
}

/// Keys stand in another order in each category.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    topic: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    form: Option<&'a RawValue>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    /// When the matching engine made the book.
    #[serde(borrow)]
    cts: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a RawValue>,
    success: Option<bool>,
    ret_msg: Option<String>,
    #[serde(borrow)]
    req_id: Option<&'a RawValue>,
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let wire: Frame<'_> = serde_json::from_str(frame)?;
        let (Some(name), Some(data)) = (wire.topic, wire.data) else { return self.read_answer(&wire, frame, take) };
        let topic = self
            .topics
            .get_mut(unquoted(name))
            .ok_or_else(|| FrameError::new("a topic that was not asked for", frame))?;
        match topic.subscription.dataset.kind() {
            Kind::Trade => topic.read_trades(data, recv_ts, take),
            Kind::Book => topic.read_book(&wire, data, recv_ts, take),
            _ => topic.read_candles(data, take),
        }
    }
}

impl Reader {
    /// What is said of a request.
    fn read_answer(&self, wire: &Frame<'_>, frame: &str, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let words = message(wire.ret_msg.as_deref().unwrap_or_default());
        let topic = wire.req_id.and_then(|id| self.topics.get(unquoted(id))).map(|topic| topic.id);
        let event = match (wire.op.map(unquoted), wire.success, topic) {
            // The answer to a ping is called ping here.
            (Some("ping" | "pong"), Some(true) | None, _) => Event::Heartbeat(None),
            (Some("subscribe"), Some(true), Some(id)) => Event::Accepted(id),
            (Some("subscribe" | "unsubscribe"), Some(true), _) => Event::Ignored,
            (Some("subscribe" | "unsubscribe"), Some(false), id) => Event::Refused(id, words),
            _ => return Err(FrameError::new("neither of a topic nor an answer", frame)),
        };
        take(event);
        Ok(())
    }
}

impl Topic {
    fn read_trades(&self, data: &RawValue, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow, rename = "T")]
            ts: &'a RawValue,
            #[serde(borrow, rename = "s")]
            symbol: &'a RawValue,
            #[serde(borrow, rename = "S")]
            side: &'a RawValue,
            #[serde(borrow, rename = "v")]
            amount: &'a RawValue,
            #[serde(borrow, rename = "p")]
            price: &'a RawValue,
            #[serde(borrow, rename = "i")]
            id: Cow<'a, str>,
        }
        let rows: Vec<Row<'_>> = serde_json::from_str(data.get())?;
        if rows.is_empty() {
            take(Event::Ignored);
        }
        for row in rows {
            self.check_symbol(row.symbol)?;
            let side = match unquoted(row.side) {
                "Buy" => Side::Buy,
                "Sell" => Side::Sell,
                other => return Err(unexpected("is neither Buy nor Sell", other).into()),
            };
            let trade = Trade {
                ts: millis(row.ts)?,
                price: number(row.price)?,
                amount: number(row.amount)?,
                side: Some(side),
                tid: Some(row.id),
                recv_ts: Some(recv_ts),
            };
            take(Event::Trade(self.id, None, trade));
        }
        Ok(())
    }

    fn read_book(
        &self,
        wire: &Frame<'_>,
        data: &RawValue,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow, rename = "s")]
            symbol: &'a RawValue,
            #[serde(borrow, rename = "b")]
            bids: Vec<Vec<&'a RawValue>>,
            #[serde(borrow, rename = "a")]
            asks: Vec<Vec<&'a RawValue>>,
            #[serde(borrow, rename = "u")]
            seq: &'a RawValue,
        }
        let row: Row<'_> = serde_json::from_str(data.get())?;
        self.check_symbol(row.symbol)?;
        let stamp = wire.cts.or(wire.ts).ok_or_else(|| FrameError::new("a book without a time", data.get()))?;
        let seq = unsigned(row.seq)?;
        // The service began anew, whatever the frame calls itself.
        let is_first = seq == 1;
        let is_snapshot = match wire.form.map(unquoted) {
            Some("snapshot") => true,
            Some("delta") => is_first,
            _ => return Err(FrameError::new("a book that is neither snapshot nor delta", data.get())),
        };
        let joint = if is_snapshot {
            Joint::Snapshot { seq: Some(seq) }
        } else {
            Joint::Update { first: seq, last: seq, previous: None }
        };
        let (bids, asks): (Vec<Level<'_>>, Vec<Level<'_>>) = (levels(&row.bids)?, levels(&row.asks)?);
        let book = Book { ts: millis(stamp)?, is_snapshot, bids, asks, seq: Some(seq), recv_ts: Some(recv_ts) };
        take(Event::Book(self.id, book, joint, None));
        Ok(())
    }

    fn read_candles(&mut self, data: &RawValue, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow)]
            start: &'a RawValue,
            #[serde(borrow)]
            open: &'a RawValue,
            #[serde(borrow)]
            high: &'a RawValue,
            #[serde(borrow)]
            low: &'a RawValue,
            #[serde(borrow)]
            close: &'a RawValue,
            #[serde(borrow)]
            volume: &'a RawValue,
            #[serde(borrow)]
            turnover: &'a RawValue,
            confirm: bool,
        }
        let rows: Vec<Row<'_>> = serde_json::from_str(data.get())?;
        if rows.is_empty() {
            take(Event::Ignored);
        }
        for row in rows {
            let ts = millis(row.start)?;
            if !row.confirm {
                self.open(ts, take);
                continue;
            }
            let (volume, quote_volume) = self.volumes(number(row.volume)?, number(row.turnover)?);
            let candle = Candle {
                ts,
                open: number(row.open)?,
                high: number(row.high)?,
                low: number(row.low)?,
                close: number(row.close)?,
                volume,
                quote_volume: Some(quote_volume),
                trades: None,
                is_derived: false,
            };
            take(Event::Candle(self.id, candle));
            self.open.take_if(|open| *open == ts);
        }
        Ok(())
    }

    /// Notes that a candle is open. The one before must have been closed.
    fn open(&mut self, ts: Ts, take: &mut dyn FnMut(Event<'_>)) {
        let before = self.open.replace(ts).filter(|before| *before < ts);
        if let (Some(before), Some(span)) = (before, self.subscription.dataset.span())
            && let Some(range) = Range::new(before, before.saturating_add(span.nanos()))
        {
            take(Event::Lost(self.id, range, "a candle was not said to be closed".to_owned()));
        }
        take(Event::OpenCandle(self.id, ts));
    }

    /// An inverse contract is one US dollar, so its volume is in the quote and its turnover in the base.
    fn volumes<'a>(&self, volume: Number<'a>, turnover: Number<'a>) -> (Number<'a>, Number<'a>) {
        let pair = self.subscription.dataset.pair();
        let is_inverse = pair.market() != Market::Spot && pair.quote() == "USD";
        if is_inverse { (turnover, volume) } else { (volume, turnover) }
    }

    fn check_symbol(&self, said: &RawValue) -> Result<(), FrameError> {
        if unquoted(said) == self.symbol {
            return Ok(());
        }
        Err(unexpected(&format!("is the symbol of a row, and not {}", self.symbol), said.get()).into())
    }
}
