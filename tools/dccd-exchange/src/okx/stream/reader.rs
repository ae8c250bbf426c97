//! What a frame says.

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Dataset, Fixed, Funding, Kind, Level, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::candle::candle;
use super::super::contract::{parse, times};
use super::super::envelope::same_symbol;
use super::super::symbol::symbol;
use super::{channel, is_counted};
use crate::live::{Checksum, Event, FrameError, FrameReader, Joint, Link, Subscription, SubscriptionId, rows_of};
use crate::wire::{excerpt, message, millis, number, optional_number, unexpected, unquoted, unsigned};

/// The answer to what keeps the connection alive; the only frame that is no JSON.
const PONG: &str = "pong";

/// Reads the frames of one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// By channel and instrument.
    channels: HashMap<String, HashMap<String, Series>>,
}

#[derive(Debug)]
struct Series {
    id: SubscriptionId,
    dataset: Dataset,
    contract: Option<Fixed>,
    /// The last payment that was handed over.
    paid: Option<Ts>,
}

/// All sorts of frames.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    arg: Option<Arg<'a>>,
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    /// Of too many connections.
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arg<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(borrow)]
    inst_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TradeRow<'a> {
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    #[serde(borrow)]
    trade_id: &'a RawValue,
    #[serde(borrow)]
    px: &'a RawValue,
    #[serde(borrow)]
    sz: &'a RawValue,
    /// The taker's.
    #[serde(borrow)]
    side: Cow<'a, str>,
    #[serde(borrow)]
    ts: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookRow<'a> {
    #[serde(borrow)]
    asks: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    bids: Vec<Vec<&'a RawValue>>,
    #[serde(borrow)]
    ts: &'a RawValue,
    /// Signed; 0 is none.
    checksum: Option<i32>,
    /// Books had no numbers until 2023.
    seq_id: Option<u64>,
    /// -1 where there is none before.
    prev_seq_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FundingRow<'a> {
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    /// The rate that was paid at `prevFundingTime`, once the state says so; the others are forecasts.
    #[serde(borrow)]
    sett_funding_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    sett_state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prev_funding_time: Option<&'a RawValue>,
}

impl Reader {
    pub(super) fn new(link: &Link, subscriptions: &[Subscription]) -> Reader {
        let mut channels: HashMap<String, HashMap<String, Series>> = HashMap::new();
        for id in &link.subscriptions {
            let Some(Subscription { dataset, contract, .. }) = subscriptions.get(id.0) else { continue };
            let series = Series { id: *id, dataset: dataset.clone(), contract: *contract, paid: None };
            channels.entry(channel(dataset)).or_default().insert(symbol(dataset.pair()), series);
        }
        Reader { channels }
    }

    fn read_frame(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        if frame == PONG {
            take(Event::Heartbeat(None));
            return Ok(());
        }
        let wire: Wire<'_> = serde_json::from_str(frame)?;
        match (wire.event.as_deref(), &wire.arg, wire.data) {
            (Some(event), ..) => self.answer(event, &wire, take),
            (None, Some(arg), Some(data)) => {
                let Some(series) = self.find(arg) else {
                    let name = arg.inst_id.as_deref().unwrap_or_default();
                    let (channel, name) = (excerpt(&arg.channel), excerpt(name));
                    return Err(FrameError(format!("{channel:?} of {name:?} was not asked for")));
                };
                match series.dataset.kind() {
                    Kind::Candle => series.candles(rows_of(data, take)?, take),
                    Kind::Trade => series.trades(rows_of(data, take)?, recv_ts, take),
                    Kind::Funding => series.rates(rows_of(data, take)?, take),
                    _ => series.books(rows_of(data, take)?, wire.action.as_deref(), recv_ts, take),
                }
            }
            _ => Err(FrameError("no known sort of frame".to_owned())),
        }
    }

    fn find(&mut self, arg: &Arg<'_>) -> Option<&mut Series> {
        self.channels.get_mut(&*arg.channel)?.get_mut(arg.inst_id.as_deref()?)
    }

    /// What the exchange says to our messages, or of the connection.
    fn answer(&mut self, event: &str, wire: &Wire<'_>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let words = message(wire.msg.as_deref().unwrap_or(event));
        let words = wire.code.as_deref().map_or(words.clone(), |code| format!("{words} (code {})", message(code)));
        match event {
            "subscribe" => {
                let series = wire.arg.as_ref().and_then(|arg| self.find(arg));
                take(series.map_or(Event::Ignored, |series| Event::Accepted(series.id)));
            }
            "error" => take(Event::Refused(self.named_in(&words), words)),
            "notice" => take(Event::Restart(words)),
            "channel-conn-count-error" => self.refuse(wire.channel.as_deref().unwrap_or_default(), take),
            "unsubscribe" | "channel-conn-count" => take(Event::Ignored),
            _ => return Err(FrameError(format!("no known event {:?}", excerpt(event)))),
        }
        Ok(())
    }

    /// A refusal has what it refuses in its words alone: `channel:books,instId:NOPE-USDT doesn't exist`.
    fn named_in(&self, words: &str) -> Option<SubscriptionId> {
        let (_, rest) = words.split_once("channel:")?;
        let (channel, rest) = rest.split_once(",instId:")?;
        let symbol = rest.split(|c: char| c != '-' && !c.is_alphanumeric()).next()?;
        self.channels.get(channel)?.get(symbol).map(|series| series.id)
    }

    /// Too many connections have a channel, so this one lost all of it.
    fn refuse(&self, channel: &str, take: &mut dyn FnMut(Event<'_>)) {
        let words = format!("too many connections have the channel {:?}", excerpt(channel));
        let ids: Vec<SubscriptionId> =
            self.channels.get(channel).into_iter().flat_map(HashMap::values).map(|series| series.id).collect();
        if ids.is_empty() {
            take(Event::Refused(None, words.clone()));
        }
        ids.iter().for_each(|id| take(Event::Refused(Some(*id), words.clone())));
    }
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        self.read_frame(frame, recv_ts, take).map_err(|FrameError(why)| FrameError::new(&why, frame))
    }
}

impl Series {
    fn trades(&self, rows: Vec<TradeRow<'_>>, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        for row in &rows {
            same_symbol(&row.inst_id, self.dataset.pair())?;
            let (id, amount) = (unsigned(row.trade_id)?, self.amount(row.sz)?);
            let trade = Trade {
                ts: millis(row.ts)?,
                price: number(row.px)?,
                amount: parse(&amount)?,
                side: Some(Side::from_name(&row.side).ok_or_else(|| unexpected("is no side", &row.side))?),
                tid: Some(Cow::Borrowed(unquoted(row.trade_id))),
                recv_ts: Some(recv_ts),
            };
            take(Event::Trade(self.id, Some(id), trade));
        }
        Ok(())
    }

    fn candles(&self, rows: Vec<Vec<&RawValue>>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        for row in &rows {
            let (candle, is_closed) = candle(row, self.dataset.pair())?;
            if !self.dataset.span().is_some_and(|span| span.is_aligned(candle.ts)) {
                return Err(FrameError(format!("no candle begins at {}", candle.ts)));
            }
            let open = Event::OpenCandle(self.id, candle.ts);
            take(if is_closed { Event::Candle(self.id, candle) } else { open });
        }
        Ok(())
    }

    fn books(
        &self,
        rows: Vec<BookRow<'_>>,
        action: Option<&str>,
        recv_ts: Ts,
        take: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), FrameError> {
        let is_snapshot = match action {
            Some("snapshot") => true,
            Some("update") => false,
            _ => return Err(FrameError("neither a snapshot nor an update".to_owned())),
        };
        for row in &rows {
            let (bids, asks) = (self.sized(&row.bids)?, self.sized(&row.asks)?);
            let book = Book {
                ts: millis(row.ts)?,
                is_snapshot,
                bids: levels(&bids)?,
                asks: levels(&asks)?,
                seq: row.seq_id,
                recv_ts: Some(recv_ts),
            };
            let previous = row.prev_seq_id.and_then(|previous| u64::try_from(previous).ok());
            let joint = match row.seq_id {
                seq if is_snapshot => Joint::Snapshot { seq },
                Some(seq) => Joint::Update { first: seq, last: seq, previous },
                None => Joint::Bare,
            };
            take(Event::Book(self.id, book, joint, self.checksum(row.checksum)));
        }
        Ok(())
    }

    fn rates(&mut self, rows: Vec<FundingRow<'_>>, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        for row in &rows {
            same_symbol(&row.inst_id, self.dataset.pair())?;
            let time = row.prev_funding_time.filter(|time| !unquoted(time).is_empty()).map(millis).transpose()?;
            let rate = optional_number(row.sett_funding_rate)?;
            match (row.sett_state.as_deref(), time, rate) {
                (Some("settled"), Some(ts), Some(rate)) if self.paid.is_none_or(|paid| paid < ts) => {
                    self.paid = Some(ts);
                    take(Event::Funding(self.id, Funding { ts, rate, mark_price: None }));
                }
                _ => take(Event::Ignored),
            }
        }
        Ok(())
    }

    /// An amount: as it comes in spot, contracts times their size elsewhere.
    fn amount<'a>(&self, raw: &'a RawValue) -> Result<Cow<'a, str>, FrameError> {
        match self.contract {
            _ if !is_counted(&self.dataset) => Ok(Cow::Borrowed(unquoted(raw))),
            Some(size) => Ok(Cow::Owned(times(raw, size)?)),
            None => Err(FrameError("contracts whose size is not known".to_owned())),
        }
    }

    /// Price, amount, and the number of orders.
    fn sized<'a>(&self, rows: &[Vec<&'a RawValue>]) -> Result<Vec<Sized<'a>>, FrameError> {
        rows.iter()
            .map(|row| match row[..] {
                [price, size, _, count, ..] => Ok((price, self.amount(size)?, unsigned(count)?)),
                _ => Err(FrameError(format!("a level has {} fields", row.len()))),
            })
            .collect()
    }

    /// The checksum is one of the amounts that came, so converted ones cannot be held against it.
    fn checksum(&self, said: Option<i32>) -> Option<Checksum> {
        let is_as_it_came = !is_counted(&self.dataset) || self.contract == Fixed::from_parts(1, 0);
        said.filter(|sum| *sum != 0 && is_as_it_came).map(|sum| Checksum(sum.cast_unsigned()))
    }
}

/// A level whose amount is not yet a number.
type Sized<'a> = (&'a RawValue, Cow<'a, str>, u64);

fn levels<'a>(rows: &'a [Sized<'_>]) -> Result<Vec<Level<'a>>, FrameError> {
    rows.iter()
        .map(|(price, amount, count)| Ok(Level { price: number(price)?, amount: parse(amount)?, count: Some(*count) }))
        .collect()
}
