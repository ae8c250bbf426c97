//! Frames: a table, what is done to it, and the rows.

use std::collections::HashMap;

use dccd_record::{Kind, Span, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::book::{Action, Prices, Row, TopRow, read_top};
use crate::bitmex::SPANS;
use crate::bitmex::symbol::symbol;
use crate::bitmex::{candle, funding, trade};
use crate::live::{Event, FrameError, FrameReader, Link, Subscription, SubscriptionId};
use crate::wire::{message, unquoted};

type Take<'t> = &'t mut dyn FnMut(Event<'_>);

/// Reads one connection.
#[derive(Debug)]
pub(super) struct Reader {
    /// By kind, span and symbol.
    wanted: HashMap<(Kind, Option<Span>, String), SubscriptionId>,
    books: HashMap<SubscriptionId, Prices>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    table: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    info: Option<String>,
    success: Option<bool>,
    subscribe: Option<String>,
    error: Option<String>,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    args: Vec<String>,
}

/// What a table holds of what we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Trades,
    Candles(Span),
    Book,
    /// The best ten levels.
    Top,
    Funding,
    /// Nothing.
    Other,
}

impl FrameReader for Reader {
    fn read(&mut self, frame: &str, recv_ts: Ts, take: &mut dyn FnMut(Event<'_>)) -> Result<(), FrameError> {
        if frame == "pong" {
            take(Event::Heartbeat(None));
            return Ok(());
        }
        let wire: Frame<'_> = serde_json::from_str(frame)?;
        let (Some(name), Some(action), Some(data)) = (wire.table, wire.action, wire.data) else {
            return self.read_words(&wire, frame, take);
        };
        let action = match unquoted(action) {
            "partial" => Action::Partial,
            "insert" => Action::Insert,
            "update" => Action::Update,
            "delete" => Action::Delete,
            _ => return Err(FrameError::new("an action that is not known", action.get())),
        };
        let table = table(unquoted(name)).ok_or_else(|| FrameError::new("a table that is not known", frame))?;
        let is_grown = matches!(action, Action::Partial | Action::Insert);
        match table {
            Table::Book => self.read_book(action, data, recv_ts, take),
            Table::Top => self.read_top(data, recv_ts, take),
            Table::Other => {
                take(Event::Ignored);
                Ok(())
            }
            _ if !is_grown => Err(FrameError::new("rows that are not new", frame)),
            Table::Trades => self.read_trades(action, data, recv_ts, take),
            Table::Candles(span) => self.read_candles(span, data, take),
            Table::Funding => self.read_funding(data, take),
        }
    }
}

/// The table of a name; `None` if there is none.
fn table(name: &str) -> Option<Table> {
    if let Some(span) = name.strip_prefix("tradeBin") {
        let (secs, _) = SPANS.iter().find(|(_, known)| *known == span)?;
        return Span::from_secs(*secs).ok().map(Table::Candles);
    }
    Some(match name {
        "trade" => Table::Trades,
        "orderBookL2" | "orderBookL2_25" => Table::Book,
        "orderBook10" => Table::Top,
        "funding" => Table::Funding,
        "quote" | "instrument" | "liquidation" | "settlement" => Table::Other,
        _ => return None,
    })
}

impl Reader {
    pub(super) fn new(link: &Link, subscriptions: &[Subscription]) -> Reader {
        let mut wanted = HashMap::new();
        for id in &link.subscriptions {
            let Some(dataset) = subscriptions.get(id.0).map(|subscription| &subscription.dataset) else { continue };
            wanted.insert((dataset.kind(), dataset.span(), symbol(dataset.pair())), *id);
        }
        Reader { wanted, books: HashMap::new() }
    }

    fn find(&self, kind: Kind, span: Option<Span>, symbol: &str) -> Result<SubscriptionId, FrameError> {
        let found = self.wanted.get(&(kind, span, symbol.to_owned())).copied();
        found.ok_or_else(|| FrameError::new("a symbol that was not asked for", symbol))
    }

    /// The series of an argument such as `trade:XBTUSD`.
    fn named(&self, arg: &str) -> Option<SubscriptionId> {
        let (name, symbol) = arg.split_once(':')?;
        let (kind, span) = match table(name)? {
            Table::Trades => (Kind::Trade, None),
            Table::Candles(span) => (Kind::Candle, Some(span)),
            Table::Book | Table::Top => (Kind::Book, None),
            Table::Funding => (Kind::Funding, None),
            Table::Other => return None,
        };
        self.find(kind, span, symbol).ok()
    }

    /// The greeting, and answers to requests.
    fn read_words(&self, wire: &Frame<'_>, frame: &str, take: Take<'_>) -> Result<(), FrameError> {
        match wire {
            Frame { error: Some(error), request, .. } => {
                let args = request.iter().flat_map(|request| &request.args);
                let named: Vec<SubscriptionId> = args.filter_map(|arg| self.named(arg)).collect();
                for id in &named {
                    take(Event::Refused(Some(*id), message(error)));
                }
                if named.is_empty() {
                    take(Event::Refused(None, message(error)));
                }
            }
            Frame { success: Some(true), subscribe: Some(arg), .. } => {
                take(self.named(arg).map_or(Event::Ignored, Event::Accepted));
            }
            Frame { info: Some(_), .. } => take(Event::Ignored),
            _ => return Err(FrameError::new("neither of a table nor an answer", frame)),
        }
        Ok(())
    }

    /// The first rows of a table are an old trade.
    fn read_trades(&self, action: Action, data: &RawValue, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<trade::Row<'_>> = rows(data, take)?;
        for row in rows {
            let id = self.find(Kind::Trade, None, &row.symbol)?;
            let trade = row.trade(Some(recv_ts))?;
            take(match action {
                Action::Partial => Event::PastTrade(id, None, trade),
                _ => Event::Trade(id, None, trade),
            });
        }
        Ok(())
    }

    /// Candles come when they close.
    fn read_candles(&self, span: Span, data: &RawValue, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<candle::Row<'_>> = rows(data, take)?;
        for row in rows {
            let id = self.find(Kind::Candle, Some(span), &row.symbol)?;
            take(row.candle(span)?.map_or(Event::Ignored, |candle| Event::Candle(id, candle)));
        }
        Ok(())
    }

    fn read_funding(&self, data: &RawValue, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<funding::Row<'_>> = rows(data, take)?;
        for row in rows {
            let id = self.find(Kind::Funding, None, &row.symbol)?;
            take(Event::Funding(id, row.funding()?));
        }
        Ok(())
    }

    /// The rows of several books may share a frame.
    fn read_book(&mut self, action: Action, data: &RawValue, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<Row<'_>> = rows(data, take)?;
        let mut symbols: Vec<&str> = Vec::new();
        for row in &rows {
            let symbol = row.symbol.as_ref();
            if symbols.last() != Some(&symbol) && !symbols.contains(&symbol) {
                self.find(Kind::Book, None, symbol)?;
                symbols.push(symbol);
            }
        }
        for symbol in symbols {
            let id = self.find(Kind::Book, None, symbol)?;
            let of_symbol: Vec<&Row<'_>> = rows.iter().filter(|row| row.symbol == symbol).collect();
            self.books.entry(id).or_default().read(id, action, &of_symbol, recv_ts, take)?;
        }
        Ok(())
    }

    fn read_top(&self, data: &RawValue, recv_ts: Ts, take: Take<'_>) -> Result<(), FrameError> {
        let rows: Vec<TopRow<'_>> = rows(data, take)?;
        for row in &rows {
            read_top(self.find(Kind::Book, None, &row.symbol)?, row, recv_ts, take)?;
        }
        Ok(())
    }
}

/// The rows of a frame, which may have none.
fn rows<'a, T: Deserialize<'a>>(data: &'a RawValue, take: Take<'_>) -> Result<Vec<T>, FrameError> {
    let rows: Vec<T> = serde_json::from_str(data.get())?;
    if rows.is_empty() {
        take(Event::Ignored);
    }
    Ok(rows)
}
