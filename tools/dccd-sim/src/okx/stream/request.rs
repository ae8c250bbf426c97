//! What clients ask for, and how they are answered.

use serde_json::{Map, Value, json};

use super::Door;
use super::trades::Merge;
use crate::market::bar::Grid;
use crate::okx::candles::{self, Reach};
use crate::ws::{Frame, Topic};

/// A request to subscribe, or not to any more.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: Action,
    pub(super) targets: Vec<Target>,
    id: Option<Value>,
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Subscribe,
    Unsubscribe,
}

/// One subscription.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) channel: String,
    /// What is traded.
    pub(super) name: String,
    /// As it was asked for.
    pub(super) arg: Value,
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Trades(Merge),
    /// All levels, as a snapshot and changes.
    Book,
    /// The best levels, as a whole each time.
    Best(usize),
    Candles(Grid),
    Funding,
    OpenInterest,
    /// For those who log in and trade much.
    Privileged,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    code: &'static str,
    message: String,
}

impl Request {
    pub(super) fn parse(message: &str) -> Result<Request, Problem> {
        let invalid = || Problem { code: "60012", message: format!("Invalid request: {message}") };
        let value: Value = serde_json::from_str(message).map_err(|_| invalid())?;
        let action = match value.get("op").and_then(Value::as_str).ok_or_else(invalid)? {
            "subscribe" => Action::Subscribe,
            "unsubscribe" => Action::Unsubscribe,
            op => return Err(Problem { code: "60019", message: format!("Invalid op: {op}") }),
        };
        let args = value.get("args").and_then(Value::as_array).ok_or_else(invalid)?;
        let targets = args.iter().map(Target::parse).collect::<Option<Vec<_>>>().filter(|targets| !targets.is_empty());
        let targets = targets.ok_or_else(|| Problem { code: "60013", message: "Invalid args".to_owned() })?;
        Ok(Request { action, targets, id: value.get("id").cloned() })
    }

    /// It is done, of one subscription.
    pub(super) fn answer(&self, target: &Target, connection_id: &str) -> Frame {
        let event = match self.action {
            Action::Subscribe => "subscribe",
            Action::Unsubscribe => "unsubscribe",
        };
        frame(self.id.as_ref(), json!({"event": event, "arg": target.arg, "connId": connection_id}))
    }

    /// It is refused, of one subscription.
    pub(super) fn refusal(&self, problem: &Problem, connection_id: &str) -> Frame {
        problem.frame(self.id.as_ref(), connection_id)
    }
}

impl Target {
    fn parse(arg: &Value) -> Option<Target> {
        let text = |name: &str| arg.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Target { channel: text("channel")?, name: text("instId").unwrap_or_default(), arg: arg.clone() })
    }

    /// As faults name it.
    pub(super) fn topic(&self) -> Topic {
        Topic::new(&self.channel, &self.name)
    }
}

impl Channel {
    /// The channel of a name, where it is behind this door.
    pub(super) fn parse(name: &str, door: Door) -> Option<Channel> {
        Some(match (door, name) {
            (Door::Public, "trades") => Channel::Trades(Merge::Fills),
            (Door::Public, "books") => Channel::Book,
            (Door::Public, "books5") => Channel::Best(5),
            (Door::Public, "bbo-tbt") => Channel::Best(1),
            (Door::Public, "books50-l2-tbt" | "books-l2-tbt") => Channel::Privileged,
            (Door::Public, "funding-rate") => Channel::Funding,
            (Door::Public, "open-interest") => Channel::OpenInterest,
            (Door::Business, "trades-all") => Channel::Trades(Merge::Nothing),
            (Door::Business, name) => Channel::Candles(candles::grid(name.strip_prefix("candle")?, Reach::History)?),
            (Door::Public, _) => return None,
        })
    }
}

impl Problem {
    /// No such channel behind this door, or nothing of that name.
    pub(super) fn channel(target: &Target) -> Problem {
        let Target { channel, name, .. } = target;
        let message = format!(
            "Wrong URL or channel:{channel},instId:{name} doesn't exist. Please use the correct URL, channel and \
             parameters referring to API document."
        );
        Problem { code: "60018", message }
    }

    /// Not for everybody.
    pub(super) fn login() -> Problem {
        Problem { code: "60011", message: "Please log in".to_owned() }
    }

    /// Beyond the limit of requests.
    pub(super) fn too_frequent() -> Problem {
        Problem { code: "60014", message: "Requests too frequent".to_owned() }
    }

    pub(super) fn frame(&self, id: Option<&Value>, connection_id: &str) -> Frame {
        let (code, message) = (self.code, &self.message);
        frame(id, json!({"event": "error", "code": code, "msg": message, "connId": connection_id}))
    }
}

fn frame(id: Option<&Value>, answer: Value) -> Frame {
    let mut answer: Map<String, Value> = answer.as_object().cloned().unwrap_or_default();
    answer.extend(id.map(|id| ("id".to_owned(), id.clone())));
    Frame::control(Value::Object(answer).to_string())
}
