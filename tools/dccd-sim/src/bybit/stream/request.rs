//! What clients ask for, and how they are answered.

use serde_json::{Map, Value, json};

use super::kline;
use crate::bybit::instrument::Category;
use crate::market::bar::Grid;
use crate::ws::{Frame, Topic};

/// One message of a client.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: Action,
    /// What is subscribed to, or not any more.
    pub(super) args: Vec<String>,
    op: Option<String>,
    id: Option<String>,
}

/// What a message wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Ping,
    Subscribe,
    Unsubscribe,
    Unknown,
}

/// One subscription: `kline.1.BTCUSDT`.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) channel: Channel,
    pub(super) symbol: String,
    /// The whole of it.
    pub(super) name: String,
}

/// What is subscribed to.
#[derive(Clone, Debug)]
pub(super) enum Channel {
    Trades,
    /// With so many levels.
    Book(usize),
    /// Of an interval, as the exchange writes it.
    Candles(String, Grid),
}

impl Request {
    /// Whatever is no request is an unknown one.
    pub(super) fn parse(message: &str) -> Request {
        let value: Value = serde_json::from_str(message).unwrap_or_default();
        let op = value.get("op").and_then(Value::as_str).map(str::to_owned);
        // A number comes back as text.
        let id = value.get("req_id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let listed = value.get("args").and_then(Value::as_array);
        let args = listed.and_then(|args| args.iter().map(|arg| Some(arg.as_str()?.to_owned())).collect());
        let action = match (op.as_deref(), &args) {
            (Some("ping"), _) => Action::Ping,
            (Some("subscribe"), Some(_)) => Action::Subscribe,
            (Some("unsubscribe"), Some(_)) => Action::Unsubscribe,
            _ => Action::Unknown,
        };
        Request { action, args: args.unwrap_or_default(), op, id }
    }

    /// It is done.
    pub(super) fn answer(&self, category: Category, connection_id: &str) -> Frame {
        let op = self.op.as_deref().unwrap_or_default();
        // Contracts say nothing here.
        self.frame(true, if category == Category::Spot { op } else { "" }, connection_id)
    }

    /// It is refused.
    pub(super) fn refusal(&self, message: &str, connection_id: &str) -> Frame {
        self.frame(false, message, connection_id)
    }

    /// The answer to a ping, which calls itself one.
    pub(super) fn pong(&self, connection_id: &str) -> Frame {
        self.frame(true, "pong", connection_id)
    }

    fn frame(&self, success: bool, message: &str, connection_id: &str) -> Frame {
        let mut answer = Map::new();
        answer.insert("success".to_owned(), json!(success));
        answer.insert("ret_msg".to_owned(), json!(message));
        answer.insert("conn_id".to_owned(), json!(connection_id));
        answer.extend(self.id.as_ref().map(|id| ("req_id".to_owned(), json!(id))));
        answer.insert("op".to_owned(), json!(self.op.as_deref().unwrap_or_default()));
        Frame::control(Value::Object(answer).to_string())
    }
}

impl Target {
    /// A subscription that the exchange has for some symbol.
    pub(super) fn parse(name: &str) -> Option<Target> {
        let (channel, symbol) = name.rsplit_once('.')?;
        let channel = match channel.split_once('.') {
            None if channel == "publicTrade" => Channel::Trades,
            Some(("orderbook", depth)) => {
                Channel::Book(depth.parse().ok().filter(|depth| matches!(depth, 1 | 50 | 200 | 1_000))?)
            }
            Some(("kline", interval)) => Channel::Candles(interval.to_owned(), kline::grid(interval)?),
            _ => return None,
        };
        Some(Target { channel, symbol: symbol.to_owned(), name: name.to_owned() })
    }

    /// As faults name it: the path already says which category.
    pub(super) fn topic(&self) -> Topic {
        let channel = self.name.strip_suffix(&format!(".{}", self.symbol)).unwrap_or_default();
        Topic::new(channel, &self.symbol)
    }
}
