//! Which connections there were, and what was said on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::frame::Load;
use crate::clock::MILLI;

/// Connections that are remembered.
const LOG_MAX: usize = 1_000;
/// Paths that are counted apart; those beyond are counted together.
const PATHS_MAX: usize = 1_000;
const BEYOND: &str = "...";

/// All streams of all exchanges.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    state: Mutex<State>,
}

/// What a connection is called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId(u64);

#[derive(Debug, Default)]
struct State {
    opened: u64,
    places: BTreeMap<Place, Tally>,
    log: VecDeque<Visit>,
}

/// An exchange and a path of it.
type Place = (&'static str, String);

#[derive(Clone, Debug, Default)]
struct Tally {
    opened: u64,
    open: u64,
    refused: u64,
    messages: u64,
    frames: BTreeMap<Load, u64>,
    closed: BTreeMap<&'static str, u64>,
}

/// One connection.
#[derive(Clone, Debug)]
struct Visit {
    id: u64,
    exchange: &'static str,
    path: String,
    opened: i64,
    closed: Option<(i64, &'static str)>,
    messages: u64,
    frames: u64,
}

impl Traffic {
    /// A connection was made, at an instant of the exchange's clock.
    pub(crate) fn open(&self, exchange: &'static str, path: &str, now: i64) -> ConnectionId {
        let mut state = self.lock();
        state.opened += 1;
        let id = state.opened;
        let tally = state.tally(exchange, path);
        tally.opened += 1;
        tally.open += 1;
        if state.log.len() == LOG_MAX {
            state.log.pop_front();
        }
        let path = path.to_owned();
        state.log.push_back(Visit { id, exchange, path, opened: now, closed: None, messages: 0, frames: 0 });
        ConnectionId(id)
    }

    /// A handshake was refused.
    pub(crate) fn refuse(&self, exchange: &'static str, path: &str) {
        self.lock().tally(exchange, path).refused += 1;
    }

    /// A frame was sent.
    pub(crate) fn sent(&self, id: ConnectionId, place: (&'static str, &str), load: Load) {
        let mut state = self.lock();
        *state.tally(place.0, place.1).frames.entry(load).or_default() += 1;
        if let Some(visit) = state.visit(id) {
            visit.frames += 1;
        }
    }

    /// A message came.
    pub(crate) fn heard(&self, id: ConnectionId, place: (&'static str, &str)) {
        let mut state = self.lock();
        state.tally(place.0, place.1).messages += 1;
        if let Some(visit) = state.visit(id) {
            visit.messages += 1;
        }
    }

    /// A connection has ended.
    pub(crate) fn close(&self, id: ConnectionId, place: (&'static str, &str), now: i64, why: &'static str) {
        let mut state = self.lock();
        let tally = state.tally(place.0, place.1);
        tally.open = tally.open.saturating_sub(1);
        *tally.closed.entry(why).or_default() += 1;
        if let Some(visit) = state.visit(id) {
            visit.closed = Some((now, why));
        }
    }

    /// Forgets what was counted, but not who is there.
    pub(crate) fn reset(&self) {
        let mut state = self.lock();
        state.log.retain(|visit| visit.closed.is_none());
        state.places.retain(|_, tally| tally.open > 0);
        for tally in state.places.values_mut() {
            *tally = Tally { open: tally.open, ..Tally::default() };
        }
    }

    /// Counts by exchange and path, and the last connections.
    pub(crate) fn statistics(&self) -> Value {
        let state = self.lock();
        let mut exchanges: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        for ((exchange, path), tally) in &state.places {
            exchanges.entry(exchange).or_default().insert(path, tally.statistics());
        }
        let sum = |count: fn(&Tally) -> u64| state.places.values().map(count).sum::<u64>();
        json!({
            "opened": sum(|tally| tally.opened),
            "open": sum(|tally| tally.open),
            "refused": sum(|tally| tally.refused),
            "exchanges": exchanges,
            "connections": state.log.iter().map(Visit::statistics).collect::<Vec<_>>(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tally(&mut self, exchange: &'static str, path: &str) -> &mut Tally {
        let place = (exchange, path.to_owned());
        let is_beyond = self.places.len() >= PATHS_MAX && !self.places.contains_key(&place);
        self.places.entry(if is_beyond { (exchange, BEYOND.to_owned()) } else { place }).or_default()
    }

    /// One of the remembered connections; the newest are looked at first.
    fn visit(&mut self, id: ConnectionId) -> Option<&mut Visit> {
        self.log.iter_mut().rev().find(|visit| visit.id == id.0)
    }
}

impl Tally {
    fn statistics(&self) -> Value {
        let frames: BTreeMap<&str, u64> = self.frames.iter().map(|(load, count)| (load.name(), *count)).collect();
        json!({
            "opened": self.opened,
            "open": self.open,
            "refused": self.refused,
            "messages": self.messages,
            "frames": frames,
            "closed": self.closed,
        })
    }
}

impl Visit {
    fn statistics(&self) -> Value {
        json!({
            "exchange": self.exchange,
            "path": self.path,
            "opened_ms": self.opened / MILLI,
            "closed_ms": self.closed.map(|(at, _)| at / MILLI),
            "why": self.closed.map(|(_, why)| why),
            "messages": self.messages,
            "frames": self.frames,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_and_remembered() {
        let traffic = Traffic::default();
        let place = ("kraken", "/v2");
        let first = traffic.open(place.0, place.1, 5 * MILLI);
        let second = traffic.open(place.0, place.1, 6 * MILLI);
        traffic.sent(first, place, Load::Book);
        traffic.heard(first, place);
        traffic.refuse(place.0, place.1);
        traffic.close(first, place, 9 * MILLI, "client");
        let statistics = traffic.statistics();
        assert_eq!(
            (&statistics["opened"], &statistics["open"], &statistics["refused"]),
            (&json!(2), &json!(1), &json!(1))
        );
        let counts = &statistics["exchanges"]["kraken"]["/v2"];
        assert_eq!((&counts["frames"]["book"], &counts["closed"]["client"]), (&json!(1), &json!(1)));
        assert_eq!(statistics["connections"][0]["why"], "client");
        assert_eq!(statistics["connections"][0]["closed_ms"], 9);
        assert!(statistics["connections"][1]["closed_ms"].is_null());
        traffic.reset();
        let statistics = traffic.statistics();
        assert_eq!((&statistics["opened"], &statistics["open"]), (&json!(0), &json!(1)));
        assert_eq!(statistics["connections"].as_array().map(Vec::len), Some(1));
        traffic.close(second, place, 10 * MILLI, "age");
        assert_eq!(traffic.statistics()["open"], 0);
    }

    #[test]
    fn paths_beyond_many_are_counted_together() {
        let traffic = Traffic::default();
        for at in 0..PATHS_MAX + 5 {
            traffic.refuse("binance", &format!("/ws/{at}"));
        }
        assert_eq!(traffic.statistics()["exchanges"]["binance"][BEYOND]["refused"], 5);
    }
}
