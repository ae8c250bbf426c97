//! Frames: events are objects, and what a channel says is a list that begins with the channel's number.

use std::borrow::Cow;
use std::collections::HashMap;

use dccd_record::{Book, Candle, Funding, Kind, Level, Number, Range, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Channel, SEQ_ALL, TIMESTAMP, depth};
use crate::answer::AnswerError;
use crate::bitfinex::status::{EARLY_NANOS_MAX, PERIOD_NANOS};
use crate::live::{Checksum, Event, FrameError, FrameReader, Joint, Link, Subscription, SubscriptionId};
use crate::wire::{integer, message, millis, number, unexpected, unquoted, unsigned};

type Take<'t> = &'t mut dyn FnMut(Event<'_>);

/// Reads one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// What was agreed to stand at the end of every list.
    flags: u64,
    wanted: HashMap<Channel, (SubscriptionId, Kind)>,
    /// How each was asked for.
    requests: HashMap<SubscriptionId, String>,
    /// By number; of each subscription the last one.
    open: HashMap<u64, Open>,
}

/// A channel that was granted.
#[derive(Debug)]
struct Open {
    id: SubscriptionId,
    kind: Kind,
    /// The newest candle, which may still change, as it came.
    candle: Option<(Ts, String)>,
    /// The next payment of funding, and its rate.
    payment: Option<(Ts, String)>,
}

/// What stands at the end of a list.
#[derive(Clone, Copy, Debug, Default)]
struct Tail {
    seq: Option<u64>,
    ts: Option<Ts>,
}

#[derive(Deserialize)]
struct Words {
    event: String,
    version: Option<u64>,
    platform: Option<Platform>,
    code: Option<i64>,
    msg: Option<String>,
    status: Option<String>,
    flags: Option<u64>,
    channel: Option<String>,
    #[serde(rename = "chanId")]
    number: Option<u64>,
    symbol: Option<String>,
    key: Option<String>,
    prec: Option<String>,
    ts: Option<i64>,
}

#[derive(Deserialize)]
struct Platform {
    status: i64,
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        if frame.trim_start().starts_with('{') {
            return self.read_words(&serde_json::from_str(frame)?, take);
        }
        let list: Vec<&RawValue> = serde_json::from_str(frame)?;
        let [number, first, rest @ ..] = &list[..] else {
            return Err(FrameError::new("a list that is too short", frame));
        };
        let (mark, payload, rest) = match (first.get().starts_with('"'), rest) {
            (false, rest) => (None, *first, rest),
            (true, rest) if unquoted(first) == "hb" => (Some("hb"), *first, rest),
            (true, [payload, rest @ ..]) => (Some(unquoted(first)), *payload, rest),
            (true, []) => return Err(FrameError::new("a mark without anything behind it", frame)),
        };
        let tail = self.tail(rest, frame)?;
        if let Some(seq) = tail.seq {
            take(Event::Sequence(seq));
        }
        if mark == Some("hb") {
            take(Event::Heartbeat(tail.ts));
            return Ok(());
        }
        let open = self
            .open
            .get_mut(&unsigned(number)?)
            .ok_or_else(|| FrameError::new("a channel that was not asked for", frame))?;
        match (open.kind, mark) {
            (Kind::Trade, None) => open.read_past_trades(payload, recv_ts, take),
            // The same trade comes again as an update, which is the last word on it.
            (Kind::Trade, Some("te")) => {
                trade(&row(payload)?, recv_ts)?;
                take(Event::Ignored);
                Ok(())
            }
            (Kind::Trade, Some("tu")) => {
                take(Event::Trade(open.id, None, trade(&row(payload)?, recv_ts)?));
                Ok(())
            }
            (Kind::Book, None) => open.read_book(payload, tail.ts.unwrap_or(recv_ts), recv_ts, take),
            (Kind::Book, Some("cs")) => open.read_checksum(payload, tail.ts.unwrap_or(recv_ts), recv_ts, take),
            (Kind::Candle, None) => open.read_candles(payload, take),
            (Kind::Funding, None) => open.read_status(payload, take),
            _ => Err(FrameError::new("a mark that the channel does not have", frame)),
        }
    }

    fn renewal(&self, id: SubscriptionId) -> Vec<String> {
        let number = self.open.iter().find(|(_, open)| open.id == id).map(|(number, _)| number);
        let end = number.map(|number| format!(r#"{{"event":"unsubscribe","chanId":{number}}}"#));
        end.into_iter().chain(self.requests.get(&id).cloned()).collect()
    }
}

impl Reader {
    pub(super) fn new(link: &Link, subscriptions: &[Subscription]) -> Reader {
        let (mut wanted, mut requests) = (HashMap::new(), HashMap::new());
        for id in &link.subscriptions {
            let Some(subscription) = subscriptions.get(id.0) else { continue };
            if let Ok(channel) = Channel::of(&subscription.dataset) {
                requests.insert(*id, channel.request(depth(subscription)));
                wanted.insert(channel, (*id, subscription.dataset.kind()));
            }
        }
        Reader { flags: 0, wanted, requests, open: HashMap::new() }
    }

    fn tail(&self, rest: &[&RawValue], frame: &str) -> Result<Tail, FrameError> {
        let mut rest = rest.iter();
        let mut next = || rest.next().ok_or_else(|| FrameError::new("a list without its number or time", frame));
        let mut tail = Tail::default();
        if self.flags & SEQ_ALL != 0 {
            tail.seq = Some(unsigned(next()?)?);
        }
        if self.flags & TIMESTAMP != 0 {
            tail.ts = Some(millis(next()?)?);
        }
        Ok(tail)
    }

    fn read_words(&mut self, words: &Words, take: Take<'_>) -> Result<(), FrameError> {
        let channel = match (&words.channel, words.symbol.as_ref().or(words.key.as_ref())) {
            (Some(name), Some(of)) => Some(Channel { name: name.clone(), of: of.clone() }),
            _ => None,
        };
        let wanted = channel.and_then(|channel| self.wanted.get(&channel)).copied();
        let said = message(words.msg.as_deref().unwrap_or_default());
        let event = match words.event.as_str() {
            "info" => read_info(words)?,
            "conf" if words.status.as_deref() == Some("OK") => {
                self.flags = words.flags.unwrap_or_default();
                Event::Ignored
            }
            "conf" => Event::Refused(None, format!("the flags: {said}")),
            // Its rows would mean something else.
            "subscribed" if words.prec.as_deref().is_some_and(|prec| !prec.starts_with('P')) => {
                return Err(FrameError("a book of orders was granted, and not one of levels".to_owned()));
            }
            "subscribed" => {
                let (Some(number), Some((id, kind))) = (words.number, wanted) else {
                    return Err(FrameError("a channel was granted that was not asked for".to_owned()));
                };
                self.open.retain(|_, open| open.id != id);
                self.open.insert(number, Open { id, kind, candle: None, payment: None });
                Event::Accepted(id)
            }
            "unsubscribed" => {
                self.open.retain(|number, _| Some(*number) != words.number);
                Event::Ignored
            }
            "error" => {
                let code = words.code.map(|code| format!(" ({code})")).unwrap_or_default();
                Event::Refused(wanted.map(|(id, _)| id), said + &code)
            }
            "pong" => {
                let ts = words.ts.map(Ts::from_millis).transpose();
                Event::Heartbeat(ts.map_err(|cause| FrameError(cause.to_string()))?)
            }
            other => return Err(FrameError::new("an event that is not known", other)),
        };
        take(event);
        Ok(())
    }
}

/// The greeting, and what is said of the server itself.
fn read_info(words: &Words) -> Result<Event<'static>, FrameError> {
    let restart = |why: &str| Ok(Event::Restart(why.to_owned()));
    match (words.code, words.version, &words.platform) {
        (Some(20_051), ..) => restart("the server is to be restarted"),
        (Some(20_060), ..) => restart("maintenance begins"),
        (Some(20_061), ..) => restart("maintenance is over"),
        (_, Some(version), _) if version != 2 => Err(FrameError(format!("version {version} is spoken, and not 2"))),
        (_, _, Some(Platform { status: 0 })) => restart("the platform is under maintenance"),
        _ => Ok(Event::Ignored),
    }
}

impl Open {
    /// The newest trade comes first.
    fn read_past_trades(&self, payload: &RawValue, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<Vec<&RawValue>> = serde_json::from_str(payload.get())?;
        if rows.is_empty() {
            take(Event::Ignored);
        }
        for row in rows.iter().rev() {
            take(Event::PastTrade(self.id, None, trade(row, recv_ts)?));
        }
        Ok(())
    }

    fn read_book(&self, payload: &RawValue, ts: Ts, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let (is_snapshot, rows) = rows(payload)?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for row in &rows {
            let (is_bid, level) = level(row, is_snapshot)?;
            if is_bid { bids.push(level) } else { asks.push(level) }
        }
        let joint = if is_snapshot { Joint::Snapshot { seq: None } } else { Joint::Bare };
        take(Event::Book(
            self.id,
            Book { ts, is_snapshot, bids, asks, seq: None, recv_ts: Some(recv_ts) },
            joint,
            None,
        ));
        Ok(())
    }

    /// A checksum is a change of no level, behind the frames that it is of.
    fn read_checksum(&self, payload: &RawValue, ts: Ts, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let signed = i32::try_from(integer(payload)?)
            .map_err(|_| FrameError::new("a checksum that is too large", payload.get()))?;
        let (bids, asks) = (Vec::new(), Vec::new());
        let book = Book { ts, is_snapshot: false, bids, asks, seq: None, recv_ts: Some(recv_ts) };
        take(Event::Book(self.id, book, Joint::Bare, Some(Checksum(signed.cast_unsigned()))));
        Ok(())
    }

    /// A candle is closed when a later one opens. It may be corrected after that, and comes once more then.
    fn read_candles(&mut self, payload: &RawValue, take: Take<'_>) -> Result<(), FrameError> {
        let (_, mut rows) = rows(payload)?;
        if rows.is_empty() {
            take(Event::Ignored);
        }
        rows.reverse();
        for row in &rows {
            let candle = candle(row)?;
            let newest = self.candle.as_ref().map(|(ts, _)| *ts);
            if newest.is_some_and(|newest| candle.ts < newest) {
                take(Event::Candle(self.id, candle));
                continue;
            }
            if let Some((_, text)) = self.candle.take_if(|(ts, _)| *ts < candle.ts) {
                let row: Vec<&RawValue> = serde_json::from_str(&text)?;
                take(Event::Candle(self.id, self::candle(&row)?));
            }
            let digits: Vec<&str> = row.iter().map(|digits| digits.get()).collect();
            self.candle = Some((candle.ts, format!("[{}]", digits.join(","))));
        }
        if let Some((ts, _)) = &self.candle {
            take(Event::OpenCandle(self.id, *ts));
        }
        Ok(())
    }

    /// A rate was paid at the instant that one status names as the next one and that a later status no longer
    /// names, as in the history.
    fn read_status(&mut self, payload: &RawValue, take: Take<'_>) -> Result<(), FrameError> {
        const NEXT_PAYMENT: usize = 7;
        const RATE: usize = 11;
        let row = row(payload)?;
        let known = |at: usize| row.get(at).filter(|raw| raw.get() != "null");
        let time = row.first().ok_or_else(|| FrameError::new("an empty status", payload.get()))?;
        let ts = millis(time)?;
        if let (Some(next), Some(rate)) = (known(NEXT_PAYMENT), known(RATE)) {
            let (next, rate) = (millis(next)?, number(rate)?);
            let waiting = self.payment.replace((next, rate.as_str().to_owned()));
            let is_paid = |(paid, _): &(Ts, String)| next > *paid && ts.saturating_add(EARLY_NANOS_MAX) >= *paid;
            if let Some((paid, rate)) = waiting.filter(is_paid) {
                take(Event::Funding(self.id, Funding { ts: paid, rate: self::digits(&rate)?, mark_price: None }));
                let skipped = Range::new(paid.saturating_add(1), next);
                if let (true, Some(skipped)) = (next.nanos() - paid.nanos() > PERIOD_NANOS, skipped) {
                    let why = format!("the status skips from the funding of {paid} to that of {next}");
                    take(Event::Lost(self.id, skipped, why));
                }
            }
        }
        take(Event::Heartbeat(Some(ts)));
        Ok(())
    }
}

fn row(payload: &RawValue) -> Result<Vec<&RawValue>, FrameError> {
    Ok(serde_json::from_str(payload.get())?)
}

/// The rows of a list of rows, or the only one; whether it is a list of them.
fn rows(payload: &RawValue) -> Result<(bool, Vec<Vec<&RawValue>>), FrameError> {
    let list = row(payload)?;
    if list.first().is_some_and(|first| !first.get().starts_with('[')) {
        return Ok((false, vec![list]));
    }
    list.into_iter().map(row).collect::<Result<_, _>>().map(|rows| (true, rows))
}

/// A trade: id, time, amount, price. A sold amount is negative.
fn trade<'a>(row: &[&'a RawValue], recv_ts: Ts) -> Result<Trade<'a>, FrameError> {
    let [id, time, amount, price] = row[..] else {
        return Err(FrameError(format!("a trade has {} fields", row.len())));
    };
    unsigned(id)?;
    let signed = number(amount)?;
    let amount = magnitude(signed)?;
    let side = if signed.is_negative() { Side::Sell } else { Side::Buy };
    Ok(Trade {
        ts: millis(time)?,
        price: number(price)?,
        amount,
        side: (!amount.is_zero()).then_some(side),
        tid: Some(Cow::Borrowed(unquoted(id))),
        recv_ts: Some(recv_ts),
    })
}

/// A level: price, number of orders, amount, which is negative for what is offered. Without orders, the amount
/// says only on which side the level ends.
fn level<'a>(row: &[&'a RawValue], is_snapshot: bool) -> Result<(bool, Level<'a>), FrameError> {
    let [price, count, amount] = row[..] else {
        return Err(FrameError(format!("a level has {} fields", row.len())));
    };
    let (count, signed) = (unsigned(count)?, number(amount)?);
    if signed.is_zero() || (is_snapshot && count == 0) {
        return Err(unexpected("is no amount of a level", amount.get()).into());
    }
    let amount = if count == 0 { digits("0")? } else { magnitude(signed)? };
    Ok((!signed.is_negative(), Level { price: number(price)?, amount, count: Some(count) }))
}

/// A candle: time, open, close, high, low, volume, in this order.
fn candle<'a>(row: &[&'a RawValue]) -> Result<Candle<'a>, FrameError> {
    let [time, open, close, high, low, volume] = row[..] else {
        return Err(FrameError(format!("a candle has {} fields", row.len())));
    };
    Ok(Candle {
        ts: millis(time)?,
        open: number(open)?,
        high: number(high)?,
        low: number(low)?,
        close: number(close)?,
        volume: number(volume)?,
        quote_volume: None,
        trades: None,
        is_derived: false,
    })
}

/// A number without its sign.
fn magnitude(signed: Number<'_>) -> Result<Number<'_>, FrameError> {
    digits(signed.as_str().trim_start_matches('-'))
}

fn digits(text: &str) -> Result<Number<'_>, FrameError> {
    Number::new(text).map_err(|cause| AnswerError::Unexpected(cause.to_string()).into())
}
