//! A market with exchanges on it, to be asked without a socket.

use serde_json::Value;

use crate::exchange::{Exchange, Moment, exchanges};
use crate::http::{Request, Response};
use crate::limits::LimitSettings;
use crate::market::catalogue::Catalogue;
use crate::market::{Market, Settings};

/// One exchange at one instant.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) market: Market,
    pub(crate) exchange: Box<dyn Exchange>,
    pub(crate) now: i64,
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
        Desk { market, exchange: exchange.expect("a simulated exchange"), now }
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

    /// The rows of a good answer that is a list.
    pub(crate) fn rows(&self, target: &str) -> Vec<Value> {
        match self.json(target) {
            Value::Array(rows) => rows,
            other => panic!("{target}: {other}"),
        }
    }
}
