//! Frames of Advanced Trade, each with a number that counts all of its connection.

use std::borrow::Cow;

use dccd_record::{Book, Candle, Kind, Level, Range, Span, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{SPANS, Series, refuse};
use crate::live::{Event, FrameError, FrameReader, Joint, SubscriptionId};
use crate::wire::{instant, integer, number, unexpected, unquoted, unsigned};

type Take<'t> = &'t mut dyn FnMut(Event<'_>);

/// Without heartbeats, channels on which nothing happens are closed.
pub(super) const HEARTBEATS: &str = r#"{"type":"subscribe","channel":"heartbeats"}"#;

/// Reads one connection.
#[derive(Debug)]
pub(super) struct Reader {
    series: Vec<Series>,
    /// The newest candle of each series, where it has candles.
    newest: Vec<(SubscriptionId, Newest)>,
}

/// The newest candle, which changes until it is closed.
#[derive(Clone, Debug)]
struct Newest {
    ts: Ts,
    /// When the exchange said it last.
    seen_ts: Ts,
    /// Open, high, low, close, volume.
    digits: [String; 5],
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    sequence_num: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    form: Option<&'a RawValue>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct CandleRow<'a> {
    #[serde(borrow)]
    product_id: &'a RawValue,
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
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        let wire: Frame<'_> = serde_json::from_str(frame)?;
        if wire.form.map(unquoted) == Some("error") {
            refuse(&mut self.series, wire.message.as_deref().unwrap_or_default(), take);
            return Ok(());
        }
        let (Some(channel), Some(timestamp), Some(seq), Some(events)) =
            (wire.channel, wire.timestamp, wire.sequence_num, wire.events)
        else {
            return Err(FrameError::new("neither of a channel nor an error", frame));
        };
        take(Event::Sequence(unsigned(seq)?));
        let ts = instant(unquoted(timestamp))?;
        match unquoted(channel) {
            "l2_data" => self.read_books(events, ts, recv_ts, take),
            "candles" => self.read_candles(events, ts, take),
            "subscriptions" => self.read_subscriptions(events, take),
            "heartbeats" => {
                take(Event::Heartbeat(Some(ts)));
                Ok(())
            }
            "market_trades" | "ticker" | "ticker_batch" | "status" => {
                take(Event::Ignored);
                Ok(())
            }
            _ => Err(FrameError::new("a channel that is not known", frame)),
        }
    }
}

impl Reader {
    pub(super) fn new(series: Vec<Series>) -> Reader {
        Reader { series, newest: Vec::new() }
    }

    fn find(&self, kind: Kind, product: &RawValue) -> Result<SubscriptionId, FrameError> {
        let product = unquoted(product);
        let series = self.series.iter().find(|series| series.kind == kind && series.is_called(product));
        series.map(|series| series.id).ok_or_else(|| FrameError::new("a product that was not asked for", product))
    }

    /// The levels of a snapshot may say that they changed in 1970; the frame says when they were so.
    fn read_books(&self, events: &RawValue, ts: Ts, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Row<'a> {
            #[serde(borrow)]
            side: &'a RawValue,
            #[serde(borrow)]
            price_level: &'a RawValue,
            #[serde(borrow)]
            new_quantity: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Change<'a> {
            #[serde(borrow, rename = "type")]
            form: Cow<'a, str>,
            #[serde(borrow)]
            product_id: &'a RawValue,
            #[serde(borrow)]
            updates: Vec<Row<'a>>,
        }
        let changes: Vec<Change<'_>> = serde_json::from_str(events.get())?;
        if changes.is_empty() {
            take(Event::Ignored);
        }
        for change in &changes {
            let id = self.find(Kind::Book, change.product_id)?;
            let (is_snapshot, joint) = match change.form.as_ref() {
                "snapshot" => (true, Joint::Snapshot { seq: None }),
                "update" => (false, Joint::Bare),
                other => return Err(unexpected("is neither snapshot nor update", other).into()),
            };
            let (mut bids, mut asks) = (Vec::new(), Vec::new());
            for row in &change.updates {
                let side = match unquoted(row.side) {
                    "bid" => &mut bids,
                    "offer" => &mut asks,
                    other => return Err(unexpected("is neither bid nor offer", other).into()),
                };
                let (price, amount) = (number(row.price_level)?, number(row.new_quantity)?);
                side.push(Level { price, amount, count: None });
            }
            let book = Book { ts, is_snapshot, bids, asks, seq: None, recv_ts: Some(recv_ts) };
            take(Event::Book(id, book, joint, None));
        }
        Ok(())
    }

    fn read_candles(&mut self, events: &RawValue, ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Change<'a> {
            #[serde(borrow)]
            candles: Vec<CandleRow<'a>>,
        }
        let changes: Vec<Change<'_>> = serde_json::from_str(events.get())?;
        let mut rows = Vec::new();
        for row in changes.iter().flat_map(|change| &change.candles) {
            let start = Ts::from_secs(integer(row.start)?).map_err(|cause| FrameError(cause.to_string()))?;
            rows.push((start, self.find(Kind::Candle, row.product_id)?, row));
        }
        if rows.is_empty() {
            take(Event::Ignored);
        }
        rows.sort_by_key(|(start, ..)| *start);
        let mut seen: Vec<SubscriptionId> = Vec::new();
        for (start, id, row) in rows {
            self.read_candle(id, start, ts, row, take)?;
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        for (id, newest) in &self.newest {
            if seen.contains(id) {
                take(Event::OpenCandle(*id, newest.ts));
            }
        }
        Ok(())
    }

    /// A candle is pushed every second while it is open. When a later one comes, it is closed; but what was said of
    /// it before its end is not its last state.
    fn read_candle(
        &mut self,
        id: SubscriptionId,
        ts: Ts,
        seen_ts: Ts,
        row: &CandleRow<'_>,
        take: Take<'_>,
    ) -> Result<(), FrameError> {
        let digits = [row.open, row.high, row.low, row.close, row.volume].map(|raw| unquoted(raw).to_owned());
        let fresh = Newest { ts, seen_ts, digits };
        let candle = fresh.candle()?;
        let known = self.newest.iter().position(|(known, _)| *known == id);
        let Some((_, newest)) = known.and_then(|at| self.newest.get_mut(at)) else {
            self.newest.push((id, fresh));
            return Ok(());
        };
        if ts < newest.ts {
            take(Event::Candle(id, candle));
            return Ok(());
        }
        if ts > newest.ts {
            match newest.lost()? {
                None => take(Event::Candle(id, newest.candle()?)),
                Some(range) => take(Event::Lost(id, range, "a candle was last seen before it was closed".to_owned())),
            }
        }
        *newest = fresh;
        Ok(())
    }

    /// All that is subscribed now.
    fn read_subscriptions(&mut self, events: &RawValue, take: Take<'_>) -> Result<(), FrameError> {
        #[derive(Deserialize)]
        struct Listed {
            subscriptions: std::collections::HashMap<String, Vec<String>>,
        }
        let listed: Vec<Listed> = serde_json::from_str(events.get())?;
        let mut is_news = false;
        for series in &mut self.series {
            let has = |(channel, products): (&String, &Vec<String>)| {
                series.is_of(channel) && products.iter().any(|product| series.is_called(product))
            };
            let is_listed = listed.iter().any(|listed| listed.subscriptions.iter().any(has));
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
}

impl Newest {
    fn candle(&self) -> Result<Candle<'_>, FrameError> {
        let [open, high, low, close, volume] = &self.digits;
        let number = |digits| dccd_record::Number::new(digits).map_err(|cause| FrameError(cause.to_string()));
        Ok(Candle {
            ts: self.ts,
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

    /// What is lost of it if nothing more comes: all, unless it was said after its end.
    fn lost(&self) -> Result<Option<Range>, FrameError> {
        let span = Span::from_secs(SPANS[0].0).map_err(|cause| FrameError(cause.to_string()))?;
        let end = self.ts.saturating_add(span.nanos());
        Ok(Range::new(self.ts, end).filter(|_| self.seen_ts < end))
    }
}
