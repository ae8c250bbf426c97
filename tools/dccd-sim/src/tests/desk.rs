//! A market with exchanges on it, to be asked without a socket.

use serde_json::Value;

use crate::clock::MILLI;
use crate::exchange::{Exchange, Moment, exchanges};
use crate::faults::Faults;
use crate::http::{Request, Response};
use crate::limits::LimitSettings;
use crate::market::catalogue::Catalogue;
use crate::market::{Market, Settings};
use crate::ws::{Content, ControlKind, Farewell, Frame, Gate, Load, Session, World};

/// From one look at a session to the next.
const TURN: i64 = 10 * MILLI;

/// One exchange at one instant.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) market: Market,
    pub(crate) exchange: Box<dyn Exchange>,
    pub(crate) now: i64,
    pub(crate) faults: Faults,
}

/// One WebSocket without a socket.
#[derive(Debug)]
pub(crate) struct Wire<'a> {
    market: &'a Market,
    session: Box<dyn Session>,
    gate: Gate<'a>,
    from: i64,
    /// By the exchange's clock.
    pub(crate) now: i64,
    /// By the clock of its limits.
    pub(crate) limits_now: i64,
}

impl Desk {
    /// The exchange called `name`, without limits.
    pub(crate) fn new(name: &str, trades_per_day: i64, burst: i64, now: i64) -> Desk {
        let limits = LimitSettings { is_off: true, ban_secs: 1, ..LimitSettings::default() };
        Desk::with_limits(name, trades_per_day, burst, now, &limits)
    }

    /// The same with limits.
    pub(crate) fn with_limits(name: &str, trades_per_day: i64, burst: i64, now: i64, limits: &LimitSettings) -> Desk {
        let market = Market::new(Settings { seed: 1, trades_per_day, burst }, Catalogue::new([]));
        let exchange = exchanges(&market, limits).into_iter().find(|exchange| exchange.name() == name);
        Desk { market, exchange: exchange.expect("a simulated exchange"), now, faults: Faults::new(1, Vec::new()) }
    }

    /// The answer to one request.
    pub(crate) fn ask(&self, target: &str) -> Response {
        self.ask_with(target, "User-Agent: tests\r\n")
    }

    /// The same with other headers.
    pub(crate) fn ask_with(&self, target: &str, headers: &str) -> Response {
        let text = format!("GET {target} HTTP/1.1\r\nHost: sim\r\n{headers}\r\n");
        let request = Request::read(&mut text.as_bytes()).ok().flatten().expect("a request");
        let moment = Moment { now: self.now, seen: self.now, limits_now: self.now };
        self.exchange.answer(&self.market, &request, moment).expect("a path of the exchange")
    }

    /// The body of a good answer.
    pub(crate) fn json(&self, target: &str) -> Value {
        let response = self.ask(target);
        assert_eq!(response.status, 200, "{target}: {}", String::from_utf8_lossy(&response.body));
        serde_json::from_slice(&response.body).expect("JSON")
    }

    /// The same with things that go wrong.
    pub(crate) fn with_faults(self, rules: &[&str]) -> Desk {
        let rules = rules.iter().map(|rule| rule.parse().expect("a fault")).collect();
        Desk { faults: Faults::new(1, rules), ..self }
    }

    /// A WebSocket to a path of the exchange, with its greeting.
    pub(crate) fn wire(&self, target: &str) -> (Wire<'_>, Vec<Frame>) {
        let text = format!("GET {target} HTTP/1.1\r\nHost: sim\r\n\r\n");
        let request = Request::read(&mut text.as_bytes()).ok().flatten().expect("a request");
        let moment = Moment { now: self.now, seen: self.now, limits_now: self.now };
        let session = self.exchange.session(&self.market, &request, moment).expect("a stream of the exchange");
        let gate = Gate::new(&self.faults, &request.path);
        let (market, now) = (&self.market, self.now);
        let mut wire = Wire { market, session, gate, from: now, now, limits_now: now };
        let hello = wire.ask(|session, world| session.hello(world));
        (wire, hello)
    }

    /// The rows of a good answer that is a list.
    pub(crate) fn rows(&self, target: &str) -> Vec<Value> {
        match self.json(target) {
            Value::Array(rows) => rows,
            other => panic!("{target}: {other}"),
        }
    }
}

impl Wire<'_> {
    /// What is said to a message.
    pub(crate) fn say(&mut self, message: &str) -> Vec<Frame> {
        self.ask(|session, world| session.text(message, world))
    }

    /// The same, as JSON.
    pub(crate) fn say_json(&mut self, message: &Value) -> Vec<Value> {
        self.say(&message.to_string()).iter().map(json).collect()
    }

    /// What is said while both clocks go on by so many microseconds, turn by turn.
    pub(crate) fn pass(&mut self, width: i64) -> Vec<Frame> {
        let end = self.now + width;
        let mut frames = Vec::new();
        while self.now < end {
            let turn = TURN.min(end - self.now);
            self.now += turn;
            self.limits_now += turn;
            frames.extend(self.ask(|session, world| session.advance(world)));
            self.from = self.now;
        }
        frames
    }

    /// What is said to a ping or a pong.
    pub(crate) fn control(&mut self, kind: ControlKind) -> Vec<Frame> {
        self.ask(|session, world| session.control(kind, world))
    }

    /// What is said to the client by way of farewell.
    pub(crate) fn farewell(&mut self, farewell: Farewell) -> Vec<Frame> {
        self.ask(|session, world| session.farewell(farewell, world))
    }

    fn ask(&mut self, question: impl FnOnce(&mut dyn Session, &World<'_>) -> Vec<Frame>) -> Vec<Frame> {
        let (market, from, now, limits_now) = (self.market, self.from, self.now, self.limits_now);
        question(self.session.as_mut(), &World { market, from, now, limits_now, gate: &self.gate })
    }
}

/// The text of a frame, as JSON.
pub(crate) fn json(frame: &Frame) -> Value {
    match &frame.content {
        Content::Text(text) => serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")),
        other => panic!("{other:?}"),
    }
}

/// Frames of one load, as JSON.
pub(crate) fn of_load(frames: &[Frame], load: Load) -> Vec<Value> {
    frames.iter().filter(|frame| frame.load == load).map(json).collect()
}
