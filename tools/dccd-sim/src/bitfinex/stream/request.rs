//! What clients ask for, and how they are answered.

use serde_json::{Map, Value, json};

use super::book::Scope;
use super::event;
use crate::bitfinex::candles;
use crate::bitfinex::symbols::is_contract;
use crate::clock::MILLI;
use crate::market::bar::Grid;
use crate::ws::{Frame, Topic};

/// A message, which is echoed in most answers.
#[derive(Debug)]
pub(super) struct Request(Map<String, Value>);

/// A code and its words.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) i64, pub(super) String);

/// What a channel is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Trades { symbol: String },
    Book { symbol: String, scope: Scope },
    Candles { key: String, symbol: String, grid: Grid },
    Status { key: String, symbol: String },
}

impl Request {
    /// What is no object has no fields.
    pub(super) fn parse(message: &str) -> Request {
        match serde_json::from_str(message) {
            Ok(Value::Object(fields)) => Request(fields),
            _ => Request(Map::new()),
        }
    }

    pub(super) fn event(&self) -> &str {
        self.text("event").unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// What a subscription is about.
    pub(super) fn subject(&self) -> Result<Subject, Refusal> {
        let invalid = |name: &str| Refusal(10_300, format!("{name}: invalid"));
        let symbol = || self.text("symbol").map(str::to_owned).ok_or_else(|| invalid("symbol"));
        let key = || self.text("key").ok_or_else(|| invalid("key"));
        match self.text("channel") {
            Some("trades") => Ok(Subject::Trades { symbol: symbol()? }),
            Some("book") => {
                let len = self.0.get("len").map_or_else(|| "25".to_owned(), plain);
                let (precision, pace) = (self.text("prec").unwrap_or("P0"), self.text("freq").unwrap_or("F0"));
                let scope = Scope::parse(precision, pace, &len).map_err(invalid)?;
                Ok(Subject::Book { symbol: symbol()?, scope })
            }
            Some("candles") => {
                let key = key()?;
                let rest = key.strip_prefix("trade:").and_then(|rest| rest.split_once(':'));
                let (span, symbol) = rest.ok_or_else(|| invalid("key"))?;
                let grid = candles::grid(span).map_err(|_| invalid("key"))?;
                Ok(Subject::Candles { key: key.to_owned(), symbol: symbol.to_owned(), grid })
            }
            Some("status") => {
                let key = key()?;
                let symbol = key.strip_prefix("deriv:").filter(|symbol| is_contract(symbol));
                let symbol = symbol.ok_or_else(|| invalid("key"))?;
                Ok(Subject::Status { key: key.to_owned(), symbol: symbol.to_owned() })
            }
            _ => Err(Refusal(10_302, "channel: unknown".to_owned())),
        }
    }

    /// It is done, and from now on has a number.
    pub(super) fn subscribed(&self, id: i64) -> Frame {
        let mut answer = self.echo("subscribed");
        answer.insert("chanId".to_owned(), json!(id));
        if self.text("channel") == Some("book") {
            for (name, default) in [("prec", "P0"), ("freq", "F0"), ("len", "25")] {
                answer.entry(name).or_insert_with(|| json!(default));
            }
        }
        event(&Value::Object(answer))
    }

    /// It is refused.
    pub(super) fn refused(&self, Refusal(code, message): &Refusal) -> Frame {
        let mut answer = self.echo("error");
        answer.insert("msg".to_owned(), json!(message));
        answer.insert("code".to_owned(), json!(code));
        event(&Value::Object(answer))
    }

    /// The answer to a ping.
    pub(super) fn pong(&self, now: i64) -> Frame {
        let mut answer = self.echo("pong");
        answer.insert("ts".to_owned(), json!(now / MILLI));
        event(&Value::Object(answer))
    }

    /// The message under another name; a symbol comes with its pair.
    fn echo(&self, name: &str) -> Map<String, Value> {
        let mut answer = self.0.clone();
        answer.insert("event".to_owned(), json!(name));
        if let Some(symbol) = self.text("symbol") {
            let pair = symbol.strip_prefix(['t', 'f']).unwrap_or(symbol);
            answer.insert("pair".to_owned(), json!(pair));
        }
        answer
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }
}

impl Subject {
    pub(super) fn symbol(&self) -> &str {
        match self {
            Subject::Trades { symbol }
            | Subject::Book { symbol, .. }
            | Subject::Candles { symbol, .. }
            | Subject::Status { symbol, .. } => symbol,
        }
    }

    /// The field that is wrong if its symbol is.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Subject::Trades { .. } | Subject::Book { .. } => "symbol",
            Subject::Candles { .. } | Subject::Status { .. } => "key",
        }
    }

    pub(super) fn topic(&self) -> Topic {
        match self {
            Subject::Trades { symbol } => Topic::new("trades", symbol),
            Subject::Book { symbol, scope } => Topic::new(&format!("book-{scope}"), symbol),
            Subject::Candles { key, .. } => Topic::new("candles", key),
            Subject::Status { key, .. } => Topic::new("status", key),
        }
    }
}

/// Numbers come as such or as text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
