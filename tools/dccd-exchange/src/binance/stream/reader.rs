//! What a frame says.

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Candle, Kind, Side, Span, Trade, Ts};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::kline::Columns;
use super::super::scan::Scan;
use super::super::{COINM, same_symbol, stamp};
use super::{BATCH, request, span_name, stream_name};
use crate::binance::query::symbol;
use crate::capability::capability;
use crate::live::{Event, FrameError, FrameReader, Joint, Link, Subscription, SubscriptionId};
use crate::wire::{excerpt, levels, message, number, unquoted};

/// How a frame of a stream begins, up to its name.
const STREAM: &str = r#"{"stream":""#;
/// Messages with a number from here on ask for one series once more; no connection has so many batches.
const RENEWALS: usize = 1_000_000;

/// Reads the frames of one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// By the name of its stream.
    streams: HashMap<String, Stream>,
    /// In the order in which they were asked for.
    order: Vec<SubscriptionId>,
    trades: Vec<TradeFrame>,
    /// Where the trades of a stream are, by its name.
    trade_places: HashMap<String, usize>,
    /// Where those are that came last: the next ones are often of the same stream.
    last: usize,
}

/// How the frames of one stream of trades look.
#[derive(Debug)]
struct TradeFrame {
    id: SubscriptionId,
    /// What stands before the time of the event.
    head: String,
    /// What stands between that and the number of the trade.
    symbol: String,
}

/// What is read of one stream.
#[derive(Debug)]
struct Stream {
    id: SubscriptionId,
    kind: Kind,
    symbol: String,
    span: Option<Span>,
    span_name: &'static str,
    columns: Columns,
}

/// All sorts of frames.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// The number of a batch.
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    /// `null` if all is well.
    #[serde(borrow, default, deserialize_with = "even_null")]
    result: Option<&'a RawValue>,
    error: Option<Refusal>,
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    msg: String,
}

#[derive(Deserialize)]
struct AggTrade<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    a: u64,
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    #[serde(rename = "T")]
    time: i64,
    /// Whether the buyer is the maker.
    m: bool,
}

#[derive(Deserialize)]
struct Kline<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    #[serde(borrow)]
    k: KlineRow<'a>,
}

#[derive(Deserialize)]
struct KlineRow<'a> {
    t: i64,
    #[serde(borrow)]
    i: Cow<'a, str>,
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
    #[serde(borrow)]
    v: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    n: u64,
    /// Whether it is closed.
    x: bool,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    #[serde(rename = "E")]
    event_time: i64,
    /// The engine's time; contracts only.
    #[serde(rename = "T")]
    time: Option<i64>,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    /// The last number of the frame before; contracts only.
    pu: Option<i64>,
    #[serde(borrow)]
    b: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    a: Vec<Vec<&'a RawValue>>,
}

impl Reader {
    pub(super) fn new(link: &Link, subscriptions: &[Subscription]) -> Reader {
        let (mut streams, mut trades, mut trade_places) = (HashMap::new(), Vec::new(), HashMap::new());
        for id in &link.subscriptions {
            let Some(wanted) = subscriptions.get(id.0) else { continue };
            let (name, stream) = (stream_name(&wanted.dataset), Stream::new(*id, wanted));
            if stream.kind == Kind::Trade {
                trade_places.insert(name.clone(), trades.len());
                trades.push(TradeFrame {
                    id: *id,
                    head: format!(r#"{STREAM}{name}","data":{{"e":"aggTrade","E":"#),
                    symbol: format!(r#","s":"{}","a":"#, stream.symbol),
                });
            }
            streams.insert(name, stream);
        }
        Reader { streams, order: link.subscriptions.clone(), trades, trade_places, last: 0 }
    }

    fn read_wire(&self, wire: &Wire<'_>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        match wire {
            Wire { stream: Some(name), data: Some(data), .. } => match self.streams.get(&**name) {
                Some(stream) => stream.read(data, recv_ts, take),
                None if name == "!serverShutdown" => {
                    take(restart());
                    Ok(())
                }
                None => Err(FrameError(format!("{:?} was not asked for", excerpt(name)))),
            },
            Wire { error: Some(refusal), id, .. } => {
                let words = format!("{} (code {})", message(&refusal.msg), refusal.code);
                let batch = id.map_or(&[][..], |id| self.batch(id));
                if batch.is_empty() {
                    take(Event::Refused(None, words.clone()));
                }
                batch.iter().for_each(|id| take(Event::Refused(Some(*id), words.clone())));
                Ok(())
            }
            Wire { id: Some(id), result: Some(result), .. } if result.get() == "null" => {
                let batch = self.batch(id);
                if batch.is_empty() {
                    take(Event::Ignored);
                }
                batch.iter().for_each(|id| take(Event::Accepted(*id)));
                Ok(())
            }
            Wire { e: Some(event), .. } if event == "serverShutdown" => {
                take(restart());
                Ok(())
            }
            _ => Err(FrameError("no known sort of frame".to_owned())),
        }
    }

    /// A trade in the exchange's own hand, which is nearly all that comes; anything else is read with a parser.
    fn scan_trade(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Option<()> {
        let mut scan = Scan::of(frame);
        let mut shape = self.trades.get(self.last)?;
        if !scan.has(&shape.head) {
            scan.literal(STREAM)?;
            self.last = *self.trade_places.get(scan.quoted_text()?)?;
            shape = self.trades.get(self.last)?;
            scan = Scan::of(frame);
            scan.literal(&shape.head)?;
        }
        scan.skip_unsigned()?;
        scan.literal(&shape.symbol)?;
        let (number, tid) = scan.unsigned_text()?;
        scan.literal(r#","p":""#)?;
        let price = scan.quoted_number()?;
        scan.literal(r#","q":""#)?;
        let amount = scan.quoted_number()?;
        scan.literal(r#","f":"#)?;
        scan.skip_unsigned()?;
        scan.literal(r#","l":"#)?;
        scan.skip_unsigned()?;
        scan.literal(r#","T":"#)?;
        let ts = stamp(i64::try_from(scan.unsigned()?).ok()?).ok()?;
        scan.literal(r#","m":"#)?;
        let is_maker = scan.boolean()?;
        if scan.has(r#","M":"#) {
            scan.boolean()?;
        }
        scan.literal("}}")?;
        if !scan.is_at_end() {
            return None;
        }
        let side = Some(if is_maker { Side::Sell } else { Side::Buy });
        let tid = Some(Cow::Borrowed(tid));
        take(Event::Trade(shape.id, Some(number), Trade { ts, price, amount, side, tid, recv_ts: Some(recv_ts) }));
        Some(())
    }

    /// What a message asked for, by its number.
    fn batch(&self, id: &RawValue) -> &[SubscriptionId] {
        let Ok(number) = unquoted(id).parse::<usize>() else { return &[] };
        if let Some(place) = number.checked_sub(RENEWALS) {
            return self.order.get(place..=place).unwrap_or_default();
        }
        let before = number.checked_sub(1);
        before.and_then(|before| self.order.chunks(BATCH).nth(before)).unwrap_or_default()
    }
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        if self.scan_trade(frame, recv_ts, take).is_some() {
            return Ok(());
        }
        serde_json::from_str(frame)
            .map_err(FrameError::from)
            .and_then(|wire| self.read_wire(&wire, recv_ts, take))
            .map_err(|FrameError(why)| FrameError::new(&why, frame))
    }

    fn renewal(&self, id: SubscriptionId) -> Vec<String> {
        let place = self.order.iter().position(|known| *known == id);
        let name = self.streams.iter().find(|(_, stream)| stream.id == id).map(|(name, _)| name.as_str());
        let (Some(place), Some(name)) = (place, name) else { return Vec::new() };
        // What comes of the first one does not matter.
        vec![request("UNSUBSCRIBE", &[name], 0), request("SUBSCRIBE", &[name], RENEWALS.saturating_add(place))]
    }
}

impl Stream {
    fn new(id: SubscriptionId, wanted: &Subscription) -> Stream {
        let dataset = &wanted.dataset;
        let is_coinm = capability(dataset).is_ok_and(|row| *row.api == COINM);
        Stream {
            id,
            kind: dataset.kind(),
            symbol: symbol(dataset.pair()),
            span: dataset.span(),
            span_name: span_name(dataset),
            columns: if is_coinm { Columns::ContractsBase } else { Columns::BaseQuote },
        }
    }

    fn read(&self, data: &RawValue, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        match self.kind {
            Kind::Trade => self.trade(serde_json::from_str(data.get())?, recv_ts, take),
            Kind::Candle => self.candle(&serde_json::from_str(data.get())?, take),
            _ => self.book(&serde_json::from_str(data.get())?, recv_ts, take),
        }
    }

    /// That a payload is what its stream should carry.
    fn check(&self, event: &str, expected: &[&str], symbol: Option<&str>) -> Result<(), FrameError> {
        if !expected.contains(&event) {
            return Err(FrameError(format!("{:?} where {} belongs", excerpt(event), expected.join(" or "))));
        }
        Ok(same_symbol(symbol, &self.symbol)?)
    }

    fn trade(&self, wire: AggTrade<'_>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.check(&wire.e, &["aggTrade"], wire.s.as_deref())?;
        let trade = Trade {
            ts: stamp(wire.time)?,
            price: number(wire.p)?,
            amount: number(wire.q)?,
            side: Some(if wire.m { Side::Sell } else { Side::Buy }),
            tid: Some(Cow::Owned(wire.a.to_string())),
            recv_ts: Some(recv_ts),
        };
        take(Event::Trade(self.id, Some(wire.a), trade));
        Ok(())
    }

    fn candle(&self, wire: &Kline<'_>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.check(&wire.e, &["kline", "continuous_kline"], wire.s.as_deref())?;
        let row = &wire.k;
        let ts = stamp(row.t)?;
        if row.i != self.span_name || !self.span.is_some_and(|span| span.is_aligned(ts)) {
            return Err(FrameError(format!("no candle of {} begins at {ts}", self.span_name)));
        }
        let candle = self.columns.choose(Candle {
            ts,
            open: number(row.o)?,
            high: number(row.h)?,
            low: number(row.l)?,
            close: number(row.c)?,
            volume: number(row.v)?,
            quote_volume: Some(number(row.q)?),
            trades: Some(row.n),
            is_derived: false,
        });
        take(if row.x { Event::Candle(self.id, candle) } else { Event::OpenCandle(self.id, ts) });
        Ok(())
    }

    fn book(&self, wire: &Depth<'_>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.check(&wire.e, &["depthUpdate"], wire.s.as_deref())?;
        if wire.first > wire.u {
            return Err(FrameError(format!("changes from {} to {}", wire.first, wire.u)));
        }
        let book = Book {
            ts: stamp(wire.time.unwrap_or(wire.event_time))?,
            is_snapshot: false,
            bids: levels(&wire.b)?,
            asks: levels(&wire.a)?,
            seq: Some(wire.u),
            recv_ts: Some(recv_ts),
        };
        let previous = wire.pu.and_then(|previous| u64::try_from(previous).ok());
        let joint = Joint::Update { first: wire.first, last: wire.u, previous };
        take(Event::Book(self.id, book, joint, None));
        Ok(())
    }
}

fn restart() -> Event<'static> {
    Event::Restart("the server is about to shut down".to_owned())
}

/// A field that is there, be it `null`.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}
