//! What clients ask for, and how they are answered.

use serde_json::{Map, Value, json};

use super::super::ohlc;
use super::stamp;
use crate::ws::{Frame, Topic};

/// A subscription or its end.
#[derive(Debug)]
pub(super) struct Request {
    method: String,
    id: Option<Value>,
    pub(super) channel: Channel,
    /// Those of the channel; of channels without symbols, one that is empty.
    pub(super) symbols: Vec<String>,
    /// Whether it begins with a snapshot.
    pub(super) snapshot: bool,
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Trades,
    /// With so many levels.
    Book(usize),
    /// Of so many minutes.
    Candles(i64),
    Instruments,
}

impl Request {
    /// A request whose channel and parameters are known.
    pub(super) fn parse(value: &Value) -> Result<Request, &'static str> {
        let params = value.get("params").ok_or("Malformed request")?;
        let channel = match params.get("channel").and_then(Value::as_str) {
            Some("trade") => Channel::Trades,
            Some("book") => Channel::Book(depth(params.get("depth"))?),
            Some("ohlc") => Channel::Candles(minutes(params.get("interval"))?),
            Some("instrument") => Channel::Instruments,
            _ => return Err("Subscription name invalid"),
        };
        let named = || params.get("symbol").and_then(Value::as_array).ok_or("Malformed request");
        let symbols = if channel == Channel::Instruments {
            vec![String::new()]
        } else {
            named()?.iter().map(|symbol| symbol.as_str().unwrap_or_default().to_owned()).collect()
        };
        // Trades that happened before are shown only to those who ask for them.
        let snapshot = params.get("snapshot").and_then(Value::as_bool).unwrap_or(channel != Channel::Trades);
        let method = value.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Request { method, id: value.get("req_id").cloned(), channel, symbols, snapshot })
    }

    /// What tells this subscription from all others of a connection.
    pub(super) fn topic(&self, symbol: &str) -> Result<Topic, String> {
        Ok(match self.channel {
            Channel::Trades => Topic::new("trade", symbol),
            Channel::Book(_) => Topic::new("book", symbol),
            Channel::Candles(minutes) => Topic::new(&format!("ohlc-{minutes}"), symbol),
            Channel::Instruments => Topic::new("instrument", "*"),
        })
    }

    /// It is done.
    pub(super) fn answer(&self, symbol: &str, now: i64) -> Frame {
        let is_start = self.method == "subscribe";
        let mut result = match self.channel {
            Channel::Trades => json!({"channel": "trade"}),
            Channel::Book(depth) => json!({"channel": "book", "depth": depth}),
            Channel::Candles(minutes) if is_start => {
                let warning = "timestamp is deprecated, use interval_begin";
                json!({"channel": "ohlc", "interval": minutes, "warnings": [warning]})
            }
            Channel::Candles(minutes) => json!({"channel": "ohlc", "interval": minutes}),
            Channel::Instruments => json!({"channel": "instrument"}),
        };
        if is_start {
            result["snapshot"] = json!(self.snapshot);
        }
        if self.channel != Channel::Instruments {
            result["symbol"] = json!(symbol);
        }
        let answer = json!({"method": self.method, "result": result, "success": true});
        Frame::control(envelope(answer, self.id.as_ref(), now))
    }

    /// It is refused.
    pub(super) fn error(&self, symbol: &str, message: &str, now: i64) -> Frame {
        let answer = json!({"error": message, "method": self.method, "success": false, "symbol": symbol});
        Frame::control(envelope(answer, self.id.as_ref(), now))
    }
}

/// The answer to a request that is not understood.
pub(super) fn refusal(value: &Value, message: &str, now: i64) -> Frame {
    let mut answer = json!({"error": message, "success": false});
    if let Some(method) = value.get("method") {
        answer["method"] = method.clone();
    }
    Frame::control(envelope(answer, value.get("req_id"), now))
}

/// The answer to a ping.
pub(super) fn pong(value: &Value, now: i64) -> Frame {
    Frame::control(envelope(json!({"method": "pong"}), value.get("req_id"), now))
}

fn envelope(answer: Value, id: Option<&Value>, now: i64) -> String {
    let mut envelope: Map<String, Value> = answer.as_object().cloned().unwrap_or_default();
    envelope.extend(id.map(|id| ("req_id".to_owned(), id.clone())));
    envelope.insert("time_in".to_owned(), json!(stamp(now)));
    envelope.insert("time_out".to_owned(), json!(stamp(now + 50)));
    Value::Object(envelope).to_string()
}

fn depth(value: Option<&Value>) -> Result<usize, &'static str> {
    let depth = value.map_or(Some(10), Value::as_u64).and_then(|depth| usize::try_from(depth).ok());
    depth.filter(|depth| matches!(depth, 10 | 25 | 100 | 500 | 1_000)).ok_or("Subscription depth not supported")
}

fn minutes(value: Option<&Value>) -> Result<i64, &'static str> {
    let minutes = value.and_then(Value::as_i64).filter(|minutes| ohlc::width(*minutes).is_some());
    minutes.ok_or("Subscription ohlc interval not supported")
}
