//! What every simulated exchange can do, and which there are.

use std::fmt;

use dccd_cli::Output;
use serde_json::Value;

use crate::binance;
use crate::bitfinex;
use crate::bitmex;
use crate::bybit;
use crate::clock::SECOND;
use crate::coinbase;
use crate::http::{Request, Response};
use crate::kraken;
use crate::krakenfutures;
use crate::limits::{LimitSettings, Limits, Rule, Verdict};
use crate::market::Market;
use crate::market::catalogue::Group;
use crate::okx;
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;

/// The table of exchanges: another one is another module and another line here.
pub(crate) const EXCHANGES: &[Entry] = &[
    binance::ENTRY,
    coinbase::ENTRY,
    kraken::ENTRY,
    krakenfutures::ENTRY,
    bitfinex::ENTRY,
    bitmex::ENTRY,
    bybit::ENTRY,
    okx::ENTRY,
];

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// As records name it.
    pub(crate) name: &'static str,
    /// What it trades.
    pub(crate) groups: &'static [Group],
    /// Its published limits; names and hosts differ from those of all other exchanges.
    pub(crate) rules: &'static [Rule],
    /// Makes it.
    pub(crate) open: fn(&Market, Limits) -> Box<dyn Exchange>,
}

/// One simulated exchange.
pub(crate) trait Exchange: fmt::Debug + Send + Sync {
    /// As records name it.
    fn name(&self) -> &'static str;

    /// The limits and how they were used.
    fn limits(&self) -> &Limits;

    /// The limit that a path of this exchange counts against.
    fn limit_of(&self, path: &str) -> Option<&'static str>;

    /// The answer, if the path is one of this exchange; requests beyond a limit are refused.
    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response>;

    /// What it says to those who ask too fast, marked with [`Response::refused`].
    fn refusal(&self, refusal: Refusal, path: &str) -> Response;

    /// Whether its refusals have `Retry-After`.
    fn has_retry_after(&self) -> bool {
        false
    }

    /// What it says when it is out of order, as an error of this status; the code is one it was told to give.
    fn failure(&self, status: u16, code: Option<i64>, path: &str) -> Response;

    /// A good answer without its rows, in the exchange's own form of one that has none; `None` if it has no rows.
    fn empty(&self, path: &str, body: &[u8]) -> Option<Vec<u8>>;

    /// Its side of a WebSocket to a path, if one of its streams is there.
    fn session(&self, _market: &Market, _request: &Request, _moment: Moment) -> Option<Box<dyn Session>> {
        None
    }

    /// The limit that a new WebSocket to a path counts against.
    fn connection_limit_of(&self, _path: &str) -> Option<&'static str> {
        None
    }

    /// Prints every record of the range that has happened, as a store should hold it.
    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError>;
}

/// When a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the exchange's clock.
    pub(crate) now: i64,
    /// The latest trades that are shown, by the same clock.
    pub(crate) seen: i64,
    /// By the clock of its limits.
    pub(crate) limits_now: i64,
}

/// Why and for how long somebody is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Banned, not only asked to wait.
    pub(crate) is_ban: bool,
    /// When it is over, by the limits' clock.
    pub(crate) until: i64,
    /// Seconds until then.
    pub(crate) retry_secs: i64,
}

/// All of them, with their limits.
pub(crate) fn exchanges(market: &Market, settings: &LimitSettings) -> Vec<Box<dyn Exchange>> {
    EXCHANGES.iter().map(|entry| (entry.open)(market, Limits::new(entry.rules, settings))).collect()
}

/// The names that `--limit` knows.
pub(crate) fn limit_names() -> impl Iterator<Item = &'static str> {
    EXCHANGES.iter().flat_map(|entry| entry.rules).map(|rule| rule.name)
}

/// Counts a request of a path against its limit; the refusal, if it is beyond it.
pub(crate) fn refused(exchange: &dyn Exchange, path: &str, weight: i64, moment: Moment) -> Option<Response> {
    let limit = exchange.limit_of(path)?;
    let refusal = match exchange.limits().admit(limit, weight, moment.limits_now) {
        Verdict::Admitted(_) => return None,
        Verdict::TooFast { retry_secs, .. } => {
            let until = moment.limits_now.saturating_add(retry_secs.saturating_mul(SECOND));
            Refusal { is_ban: false, until, retry_secs }
        }
        Verdict::Banned { until, retry_secs } => Refusal { is_ban: true, until, retry_secs },
    };
    let response = exchange.refusal(refusal, path);
    if exchange.has_retry_after() {
        return Some(response.with("Retry-After", refusal.retry_secs.to_string()));
    }
    Some(response)
}

/// Counts a new WebSocket against its limit; the page that it gets instead, if it is beyond it.
pub(crate) fn refused_stream(exchange: &dyn Exchange, path: &str, limits_now: i64) -> Option<Response> {
    let limit = exchange.connection_limit_of(path)?;
    match exchange.limits().admit(limit, 1, limits_now) {
        Verdict::Admitted(_) => None,
        Verdict::TooFast { retry_secs, .. } | Verdict::Banned { retry_secs, .. } => {
            Some(Response::html(429).with("Retry-After", retry_secs.to_string()).refused())
        }
    }
}

/// `body` with the list at `pointer` (as RFC 6901 has it) emptied; `None` if there is no such list.
pub(crate) fn emptied(body: &[u8], pointer: &str) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    value.pointer_mut(pointer)?.as_array_mut()?.clear();
    Some(value.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_exchanges_and_limits_are_their_own() {
        let names: BTreeSet<&str> = EXCHANGES.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), EXCHANGES.len());
        let limits: BTreeSet<&str> = limit_names().collect();
        assert_eq!(limits.len(), limit_names().count());
        for (at, entry) in EXCHANGES.iter().enumerate() {
            for rule in entry.rules {
                let others = EXCHANGES.iter().enumerate().filter(|(other, _)| *other != at);
                let is_own = !others.flat_map(|(_, other)| other.rules).any(|other| other.host == rule.host);
                assert!(is_own, "{}: host {}", entry.name, rule.host);
            }
        }
    }

    #[test]
    fn lists_are_emptied_where_they_are() {
        let check = |body: &str, pointer: &str, expected: Option<&str>| {
            let found = emptied(body.as_bytes(), pointer).map(|body| String::from_utf8_lossy(&body).into_owned());
            assert_eq!(found.as_deref(), expected, "{body}");
        };
        check("[1,2]", "", Some("[]"));
        check("{\"a\":{\"b\":[1]}}", "/a/b", Some("{\"a\":{\"b\":[]}}"));
        check("{\"a\":1}", "/a", None);
        check("<html>", "", None);
    }
}
