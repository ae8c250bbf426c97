//! What a frame says.

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Candle, Level, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::candles::Candles;
use super::{CODE_BOOK, CODE_CANDLE, CODE_TRADE, code, code_of, symbol};
use crate::live::{Checksum, Event, FrameError, FrameReader, Joint, Link, Subscription, SubscriptionId, rows_of};
use crate::wire::{excerpt, instant, message, number, unexpected};

/// Reads the frames of one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// By the code of the channel and the name of the pair.
    series: HashMap<u64, HashMap<String, Series>>,
}

#[derive(Debug)]
struct Series {
    id: SubscriptionId,
    /// Only where candles are read.
    candles: Option<Candles>,
}

/// All sorts of frames.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    sort: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    /// The code of a channel, as it was sent.
    req_id: Option<u64>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    #[serde(borrow)]
    result: Option<Taken<'a>>,
    #[serde(borrow)]
    time_out: Option<Cow<'a, str>>,
}

/// What was subscribed to.
#[derive(Deserialize)]
struct Taken<'a> {
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    system: Cow<'a, str>,
}

#[derive(Deserialize)]
struct TradeRow<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    /// The taker's.
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    trade_id: u64,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
}

#[derive(Deserialize)]
struct CandleRow<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    interval: u64,
    #[serde(borrow)]
    interval_begin: Cow<'a, str>,
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
    trades: u64,
}

#[derive(Deserialize)]
struct BookRow<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    bids: Vec<LevelRow<'a>>,
    #[serde(borrow)]
    asks: Vec<LevelRow<'a>>,
    checksum: u32,
    /// Snapshots have had one since 2026.
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct LevelRow<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

impl Reader {
    pub(super) fn new(link: &Link, subscriptions: &[Subscription]) -> Reader {
        let mut series: HashMap<u64, HashMap<String, Series>> = HashMap::new();
        for id in &link.subscriptions {
            let Some(Subscription { dataset, .. }) = subscriptions.get(id.0) else { continue };
            let candles = dataset.span().map(|span| Candles::new(*id, span));
            let of_channel = series.entry(code(dataset)).or_default();
            of_channel.insert(symbol(dataset), Series { id: *id, candles });
        }
        Reader { series }
    }

    fn read_wire(&mut self, wire: &Wire<'_>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let is_snapshot = wire.sort.as_deref() == Some("snapshot");
        match (wire.channel.as_deref(), wire.data, wire.method.as_deref()) {
            (Some("heartbeat"), ..) => take(Event::Heartbeat(None)),
            (Some("status"), Some(data), _) => status(data, take)?,
            (Some(_), Some(_), _) if !is_snapshot && wire.sort.as_deref() != Some("update") => {
                return Err(FrameError("neither a snapshot nor an update".to_owned()));
            }
            (Some("trade"), Some(data), _) => self.trades(data, is_snapshot, recv_ts, take)?,
            (Some("ohlc"), Some(data), _) => self.candles(data, take)?,
            (Some("book"), Some(data), _) => self.books(data, is_snapshot, recv_ts, take)?,
            (None, None, Some("pong")) => {
                take(Event::Heartbeat(wire.time_out.as_deref().map(instant).transpose()?));
            }
            (None, None, Some(method @ ("subscribe" | "unsubscribe"))) => self.answer(method, wire, take)?,
            _ => return Err(FrameError("no known sort of frame".to_owned())),
        }
        Ok(())
    }

    /// What the exchange says to one of our messages; there is one answer for each pair.
    fn answer(&self, method: &str, wire: &Wire<'_>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let taken = wire.result.as_ref();
        let symbol = taken.and_then(|taken| taken.symbol.as_deref()).or(wire.symbol.as_deref());
        let code = match taken.and_then(|taken| Some((taken.channel.as_deref()?, taken.interval))) {
            Some((channel, interval)) => code_of(channel, interval),
            None => wire.req_id,
        };
        let id = code.and_then(|code| self.series.get(&code)?.get(symbol?)).map(|series| series.id);
        match (wire.success, id) {
            (Some(true), Some(id)) if method == "subscribe" => take(Event::Accepted(id)),
            (Some(true), _) => take(Event::Ignored),
            (Some(false), _) if method == "unsubscribe" => take(Event::Ignored),
            (Some(false), _) => {
                let words = wire.error.as_deref().unwrap_or("no reason was given");
                take(Event::Refused(id, message(words)));
            }
            (None, _) => return Err(FrameError("an answer that says neither yes nor no".to_owned())),
        }
        Ok(())
    }

    fn find(&mut self, code: u64, symbol: &str) -> Result<&mut Series, FrameError> {
        let series = self.series.get_mut(&code).and_then(|series| series.get_mut(symbol));
        series.ok_or_else(|| FrameError(format!("{:?} was not asked for", excerpt(symbol))))
    }

    fn trades(
        &mut self,
        data: &RawValue,
        is_past: bool,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let mut rows: Vec<TradeRow<'_>> = rows_of(data, take)?;
        // Of a snapshot the order is not said.
        if is_past {
            rows.sort_by_key(|row| row.trade_id);
        }
        for row in &rows {
            let id = self.find(CODE_TRADE, &row.symbol)?.id;
            let trade = Trade {
                ts: instant(&row.timestamp)?,
                price: number(row.price)?,
                amount: number(row.qty)?,
                side: Some(Side::from_name(&row.side).ok_or_else(|| unexpected("is no side", &row.side))?),
                tid: Some(Cow::Owned(row.trade_id.to_string())),
                recv_ts: Some(recv_ts),
            };
            let event = if is_past { Event::PastTrade } else { Event::Trade };
            take(event(id, Some(row.trade_id), trade));
        }
        Ok(())
    }

    fn candles(&mut self, data: &RawValue, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let rows: Vec<CandleRow<'_>> = rows_of(data, take)?;
        let mut candles: Vec<(&CandleRow<'_>, Candle<'_>)> =
            rows.iter().map(|row| Ok((row, row.candle()?))).collect::<Result<_, FrameError>>()?;
        candles.sort_by_key(|(_, candle)| candle.ts);
        for (row, candle) in &candles {
            let code = CODE_CANDLE.saturating_add(row.interval);
            let Some(kept) = &mut self.find(code, &row.symbol)?.candles else { continue };
            kept.take(candle, take)?;
        }
        Ok(())
    }

    fn books(
        &mut self,
        data: &RawValue,
        is_snapshot: bool,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let rows: Vec<BookRow<'_>> = rows_of(data, take)?;
        for row in &rows {
            let id = self.find(CODE_BOOK, &row.symbol)?.id;
            let book = Book {
                ts: row.timestamp.as_deref().map(instant).transpose()?.unwrap_or(recv_ts),
                is_snapshot,
                bids: side(&row.bids)?,
                asks: side(&row.asks)?,
                seq: None,
                recv_ts: Some(recv_ts),
            };
            let joint = if is_snapshot { Joint::Snapshot { seq: None } } else { Joint::Bare };
            take(Event::Book(id, book, joint, Some(Checksum(row.checksum))));
        }
        Ok(())
    }

    /// What was lost may have been the last state of any candle.
    fn doubt(&mut self) {
        let all = self.series.values_mut().flat_map(HashMap::values_mut);
        all.filter_map(|series| series.candles.as_mut()).for_each(Candles::doubt);
    }
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let read = serde_json::from_str(frame).map_err(FrameError::from);
        read.and_then(|wire| self.read_wire(&wire, recv_ts, take)).map_err(|FrameError(why)| {
            self.doubt();
            FrameError::new(&why, frame)
        })
    }
}

impl CandleRow<'_> {
    fn candle(&self) -> Result<Candle<'_>, FrameError> {
        Ok(Candle {
            ts: instant(&self.interval_begin)?,
            open: number(self.open)?,
            high: number(self.high)?,
            low: number(self.low)?,
            close: number(self.close)?,
            volume: number(self.volume)?,
            quote_volume: None,
            trades: Some(self.trades),
            is_derived: false,
        })
    }
}

fn side<'a>(rows: &[LevelRow<'a>]) -> Result<Vec<Level<'a>>, FrameError> {
    rows.iter().map(|row| Ok(Level { price: number(row.price)?, amount: number(row.qty)?, count: None })).collect()
}

/// Trading may be limited, and the market is still told; in maintenance it is not.
fn status(data: &RawValue, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
    let rows: Vec<Status<'_>> = rows_of(data, take)?;
    for row in &rows {
        take(if row.system == "maintenance" {
            Event::Restart("the exchange is in maintenance".to_owned())
        } else {
            Event::Ignored
        });
    }
    Ok(())
}
