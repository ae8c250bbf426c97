//! Frames of the Exchange feed.

use std::borrow::Cow;

use dccd_record::{Book, Kind, Level, Side, Trade, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Series, refuse};
use crate::live::{Event, FrameError, FrameReader, Joint};
use crate::wire::{instant, levels, number, unexpected, unquoted, unsigned};

type Take<'t> = &'t mut dyn FnMut(Event<'_>);

/// Reads one connection.
#[derive(Debug)]
pub(super) struct Reader {
    series: Vec<Series>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    form: &'a RawValue,
    #[serde(borrow)]
    product_id: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    trade_id: Option<&'a RawValue>,
    #[serde(borrow)]
    side: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
    #[serde(borrow)]
    bids: Option<&'a RawValue>,
    #[serde(borrow)]
    asks: Option<&'a RawValue>,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
    #[serde(borrow)]
    last_trade_id: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<&'a RawValue>,
    message: Option<String>,
    reason: Option<String>,
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let wire: Frame<'_> = serde_json::from_str(frame)?;
        match unquoted(wire.form) {
            "match" => {
                let (series, id, trade) = self.trade(&wire, recv_ts)?;
                take(Event::Trade(series.id, Some(id), trade));
            }
            // The one before the first one.
            "last_match" => {
                let (series, id, trade) = self.trade(&wire, recv_ts)?;
                take(Event::PastTrade(series.id, Some(id), trade));
            }
            "snapshot" => self.read_snapshot(&wire, recv_ts, take)?,
            "l2update" => self.read_update(&wire, recv_ts, take)?,
            "heartbeat" => self.read_heartbeat(&wire, take)?,
            "subscriptions" => self.read_subscriptions(&wire, take)?,
            "error" => self.read_error(&wire, take),
            "ticker" | "status" => take(Event::Ignored),
            _ => return Err(FrameError::new("a type that is not known", frame)),
        }
        Ok(())
    }
}

impl Reader {
    pub(super) fn new(series: Vec<Series>) -> Reader {
        Reader { series }
    }

    fn find(&self, kind: Kind, wire: &Frame<'_>) -> Result<&Series, FrameError> {
        let product = unquoted(field(wire.product_id, "product_id")?);
        let series = self.series.iter().find(|series| series.kind == kind && series.is_called(product));
        series.ok_or_else(|| FrameError::new("a product that was not asked for", product))
    }

    /// The taker is on the other side than the maker, whose side it is.
    fn trade<'a>(&self, wire: &Frame<'a>, recv_ts: Ts) -> Result<(&Series, u64, Trade<'a>), FrameError> {
        let series = self.find(Kind::Trade, wire)?;
        let id = field(wire.trade_id, "trade_id")?;
        let side = match unquoted(field(wire.side, "side")?) {
            "buy" => Side::Sell,
            "sell" => Side::Buy,
            other => return Err(unexpected("is no side", other).into()),
        };
        let trade = Trade {
            ts: time(wire)?,
            price: number(field(wire.price, "price")?)?,
            amount: number(field(wire.size, "size")?)?,
            side: Some(side),
            tid: Some(Cow::Borrowed(unquoted(id))),
            recv_ts: Some(recv_ts),
        };
        Ok((series, unsigned(id)?, trade))
    }

    /// A whole book says no time.
    fn read_snapshot(&self, wire: &Frame<'_>, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let series = self.find(Kind::Book, wire)?;
        let ts = wire.time.map_or(Ok(recv_ts), |_| time(wire))?;
        let bids: Vec<Vec<&RawValue>> = serde_json::from_str(field(wire.bids, "bids")?.get())?;
        let asks: Vec<Vec<&RawValue>> = serde_json::from_str(field(wire.asks, "asks")?.get())?;
        let (bids, asks) = (levels(&bids)?, levels(&asks)?);
        let book = Book { ts, is_snapshot: true, bids, asks, seq: None, recv_ts: Some(recv_ts) };
        take(Event::Book(series.id, book, Joint::Snapshot { seq: None }, None));
        Ok(())
    }

    fn read_update(&self, wire: &Frame<'_>, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let series = self.find(Kind::Book, wire)?;
        let changes: Vec<[&RawValue; 3]> = serde_json::from_str(field(wire.changes, "changes")?.get())?;
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for [side, price, amount] in changes {
            let side = match unquoted(side) {
                "buy" => &mut bids,
                "sell" => &mut asks,
                other => return Err(unexpected("is no side", other).into()),
            };
            side.push(Level { price: number(price)?, amount: number(amount)?, count: None });
        }
        let book = Book { ts: time(wire)?, is_snapshot: false, bids, asks, seq: None, recv_ts: Some(recv_ts) };
        take(Event::Book(series.id, book, Joint::Bare, None));
        Ok(())
    }

    /// It names the last trade of a product, whether that was pushed or not.
    fn read_heartbeat(&self, wire: &Frame<'_>, take: Take<'_>) -> Result<(), FrameError> {
        let product = unquoted(field(wire.product_id, "product_id")?);
        let (ts, last) = (time(wire)?, unsigned(field(wire.last_trade_id, "last_trade_id")?)?);
        let is_trades = |series: &&Series| series.kind == Kind::Trade && series.is_called(product);
        if let Some(series) = self.series.iter().find(is_trades) {
            take(Event::LastTrade(series.id, last));
        }
        take(Event::Heartbeat(Some(ts)));
        Ok(())
    }

    /// All that is subscribed now.
    fn read_subscriptions(&mut self, wire: &Frame<'_>, take: Take<'_>) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Channel {
            name: String,
            product_ids: Vec<String>,
        }
        let channels: Vec<Channel> = serde_json::from_str(field(wire.channels, "channels")?.get())?;
        let mut is_news = false;
        for series in &mut self.series {
            let has = |channel: &Channel| {
                series.is_of(&channel.name) && channel.product_ids.iter().any(|name| series.is_called(name))
            };
            let is_listed = channels.iter().any(has);
            if let Some(id) = series.accept(is_listed) {
                take(Event::Accepted(id));
                is_news = true;
            }
        }
        if !is_news {
            take(Event::Ignored);
        }
        Ok(())
    }

    fn read_error(&mut self, wire: &Frame<'_>, take: Take<'_>) {
        let parts = [&wire.message, &wire.reason].into_iter().flatten().map(String::as_str);
        refuse(&mut self.series, &parts.collect::<Vec<_>>().join(": "), take);
    }
}

fn time(wire: &Frame<'_>) -> Result<Ts, FrameError> {
    Ok(instant(unquoted(field(wire.time, "time")?))?)
}

fn field<'a>(raw: Option<&'a RawValue>, name: &str) -> Result<&'a RawValue, FrameError> {
    raw.ok_or_else(|| FrameError(format!("a frame without {name}")))
}
