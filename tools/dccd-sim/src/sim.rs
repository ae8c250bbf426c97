//! The whole simulation behind one port: exchanges, faults and its own pages below `/sim/`.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::{Clock, MILLI, SECOND, http_date};
use crate::exchange::{Exchange, Moment, Refusal, exchanges, refused_stream};
use crate::faults::{Fault, FaultKind, Faults};
use crate::http::{Delivery, Handler, Request, Response, Takeover};
use crate::limits::LimitSettings;
use crate::market::Market;
use crate::ws::{self, Connection, Hub, handshake};

/// Requests that are remembered.
const LOG_MAX: usize = 100_000;
/// Of each, so many characters.
const TARGET_CHARS_MAX: usize = 500;
/// Paths that are counted apart.
const PATHS_MAX: usize = 10_000;

/// The simulation.
#[derive(Debug)]
pub(crate) struct Sim {
    clock: Clock,
    market: Market,
    exchanges: Vec<Box<dyn Exchange>>,
    faults: Faults,
    latency: Duration,
    late: i64,
    traffic: Mutex<Traffic>,
    streams: ws::Traffic,
    stream_age_max: Option<Duration>,
}

/// How late things come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// Before every answer.
    pub(crate) latency: Duration,
    /// Trades are shown so many microseconds after they happened.
    pub(crate) late: i64,
    /// Streams end when they are so old.
    pub(crate) stream_age_max: Option<Duration>,
}

#[derive(Debug, Default)]
struct Traffic {
    requests: BTreeMap<String, u64>,
    answers: BTreeMap<u16, u64>,
    bytes: u64,
    log: VecDeque<String>,
}

impl Sim {
    pub(crate) fn new(clock: Clock, market: Market, limits: &LimitSettings, faults: Faults, delays: Delays) -> Sim {
        let exchanges = exchanges(&market, limits);
        let Delays { latency, late, stream_age_max } = delays;
        let (traffic, streams) = (Mutex::default(), ws::Traffic::default());
        Sim { clock, market, exchanges, faults, latency, late, traffic, streams, stream_age_max }
    }

    fn moment(&self) -> Moment {
        let now = self.clock.now();
        Moment { now, seen: now.saturating_sub(self.late), limits_now: self.clock.limits_now() }
    }

    /// The answer, and the exchange whose path it was.
    fn exchange_answer(&self, request: &Request) -> (Response, Option<&dyn Exchange>) {
        let moment = self.moment();
        let ask = |exchange: &dyn Exchange| exchange.answer(&self.market, request, moment);
        let mut exchanges = self.exchanges.iter().map(Box::as_ref);
        let found = exchanges.find_map(|exchange| Some((ask(exchange)?, Some(exchange))));
        found.unwrap_or_else(|| (Response::html(404), None))
    }

    /// What a fault makes of an answer; those who were refused anyway are left alone.
    fn spoil(&self, fault: &Fault, request: &Request, mut response: Response, exchange: &dyn Exchange) -> Response {
        if response.is_refusal {
            return response;
        }
        let path = &request.path;
        match fault.kind {
            FaultKind::TooFast | FaultKind::Ban => return self.refuse(fault, path, exchange),
            FaultKind::Html => return Response::html(fault.status),
            FaultKind::Json => return exchange.failure(fault.status, fault.code, path),
            FaultKind::Error => {
                response = exchange.failure(fault.status, fault.code, path);
                response.status = 200;
            }
            FaultKind::Type => response.content_type = "text/html; charset=utf-8",
            FaultKind::Empty => {
                if let Some(body) = exchange.empty(path, &response.body) {
                    response.body = Arc::new(body);
                }
            }
            FaultKind::Null => response.body = Arc::new(b"null".to_vec()),
            FaultKind::Cut => response.delivery = Delivery::Cut,
            FaultKind::Slow => response.delivery = Delivery::Slow(fault.wait_ms),
            FaultKind::Endless => response.delivery = Delivery::Endless(fault.wait_ms),
            FaultKind::Stall => response.delivery = Delivery::Stall,
            FaultKind::Reset => response.delivery = Delivery::Reset,
            FaultKind::Delay => thread::sleep(Duration::from_millis(fault.wait_ms)),
            FaultKind::Checksum if request.path.ends_with(".CHECKSUM") => {
                let reversed = response.body.split(|byte| *byte == b' ').next().unwrap_or_default();
                let mut body: Vec<u8> = reversed.iter().rev().copied().collect();
                body.extend_from_slice(response.body.get(reversed.len()..).unwrap_or_default());
                response.body = Arc::new(body);
            }
            FaultKind::Truncate if [".zip", ".gz"].iter().any(|end| request.path.ends_with(end)) => {
                let half = response.body.len() / 2;
                response.body = Arc::new(response.body.get(..half).unwrap_or_default().to_vec());
            }
            // The rest has no place here: what has nothing to be struck, and what strikes streams.
            _ => {}
        }
        response
    }

    fn refuse(&self, fault: &Fault, path: &str, exchange: &dyn Exchange) -> Response {
        let (now, secs, is_ban) = (self.clock.limits_now(), fault.retry_secs, fault.kind == FaultKind::Ban);
        if let Some(limit) = exchange.limit_of(path) {
            match is_ban {
                true => exchange.limits().ban(limit, now, secs),
                false => exchange.limits().tell_to_wait(limit, now, secs),
            }
        }
        let wait = secs.saturating_mul(SECOND);
        let refusal = Refusal { is_ban, until: now.saturating_add(wait), retry_secs: secs };
        let response = exchange.refusal(refusal, path);
        if !exchange.has_retry_after() && !fault.has_retry {
            return response;
        }
        let retry = if fault.has_date { http_date(self.clock.now().saturating_add(wait)) } else { secs.to_string() };
        response.with("Retry-After", retry)
    }

    fn own_page(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/sim/stats" => Response::json(200, self.statistics().to_string()),
            "/sim/requests" => {
                let log: Vec<String> = self.traffic().log.iter().cloned().collect();
                Response::json(200, json!(log).to_string())
            }
            "/sim/faults" => self.faults_page(request),
            "/sim/reset" => {
                *self.traffic() = Traffic::default();
                self.streams.reset();
                self.faults.reset();
                Response::json(200, "{}")
            }
            _ => Response::json(404, json!({"error": "no such page: stats, requests, faults, reset"}).to_string()),
        }
    }

    fn faults_page(&self, request: &Request) -> Response {
        let query = request.query();
        if query.value("clear").is_some() {
            self.faults.clear();
        }
        let parts: Vec<(&str, &str)> = query.iter().filter(|(name, _)| *name != "clear").collect();
        if !parts.is_empty() {
            let added = Fault::from_parts(parts.into_iter()).and_then(|fault| self.faults.add(fault));
            if let Err(error) = added {
                return Response::json(400, json!({"error": error.to_string()}).to_string());
            }
        }
        Response::json(200, self.faults.statistics().to_string())
    }

    fn statistics(&self) -> Value {
        let traffic = self.traffic();
        let answers: BTreeMap<String, u64> =
            traffic.answers.iter().map(|(status, count)| (status.to_string(), *count)).collect();
        let mut statistics = json!({
            "now_ms": self.clock.now() / MILLI,
            "requests": traffic.requests,
            "requests_total": traffic.requests.values().sum::<u64>(),
            "answers": answers,
            "body_bytes": traffic.bytes,
            "faults": self.faults.statistics(),
            "struck": self.faults.struck(),
            "streams": self.streams.statistics(),
        });
        let each: Vec<(&str, Value)> =
            self.exchanges.iter().map(|exchange| (exchange.name(), exchange.limits().statistics())).collect();
        if let Value::Object(all) = &mut statistics {
            each.iter().for_each(|(_, limits)| add_up(all, limits));
            all.insert(
                "exchanges".to_owned(),
                each.into_iter().map(|(name, limits)| (name.to_owned(), limits)).collect(),
            );
        }
        statistics
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for Sim {
    fn answer(&self, request: &Request) -> Response {
        if request.path.starts_with("/sim/") {
            return self.own_page(request);
        }
        let target = request.target();
        self.traffic().count_request(&request.path, target.chars().take(TARGET_CHARS_MAX).collect());
        if !self.latency.is_zero() {
            thread::sleep(self.latency);
        }
        let (mut response, exchange) = self.exchange_answer(request);
        // A path that nobody knows is spoiled in the way of the first exchange.
        let exchange = exchange.or_else(|| self.exchanges.first().map(Box::as_ref));
        if let (Some(fault), Some(exchange)) = (self.faults.strike(&target, FaultKind::is_of_requests), exchange) {
            response = self.spoil(&fault, request, response, exchange);
        }
        self.traffic().count_answer(&response);
        response
    }

    fn take_over(&self, request: &Request) -> Option<Takeover<'_>> {
        if !handshake::is_asked(request) {
            return None;
        }
        let moment = self.moment();
        let session = |exchange: &dyn Exchange| exchange.session(&self.market, request, moment);
        let mut exchanges = self.exchanges.iter().map(Box::as_ref);
        let (exchange, session) = exchanges.find_map(|exchange| Some((exchange, session(exchange)?)))?;
        if !self.latency.is_zero() {
            thread::sleep(self.latency);
        }
        let (name, path) = (exchange.name(), request.path.clone());
        let refuse = |response: Response| {
            self.streams.refuse(name, &request.path);
            Some(Takeover::Refused(response))
        };
        match self.faults.strike(&request.target(), FaultKind::is_of_handshakes) {
            Some(fault) if fault.kind == FaultKind::WsHang => {
                return refuse(Response { delivery: Delivery::Stall, ..Response::html(503) });
            }
            Some(fault) => return refuse(Response::html(fault.status)),
            None => {}
        }
        if let Some(response) = refused_stream(exchange, &path, moment.limits_now) {
            return refuse(response);
        }
        let Ok(head) = handshake::accept(request) else { return refuse(Response::html(400)) };
        let (clock, market, faults, traffic) = (&self.clock, &self.market, &self.faults, &self.streams);
        let hub = Hub { clock, market, faults, traffic, age_max: self.stream_age_max };
        Some(Takeover::Granted(Box::new(move |mut stream, early, stop| {
            stream.write_all(&head)?;
            Connection::new(hub, (name, &path), session, stream, early)?.run(stop);
            Ok(())
        })))
    }

    fn date(&self) -> String {
        http_date(self.clock.now())
    }
}

/// Adds the statistics of one exchange's limits to those of all: lists and tables are joined, counts summed.
fn add_up(all: &mut Map<String, Value>, limits: &Value) {
    for (name, value) in limits.as_object().into_iter().flatten() {
        match (all.get_mut(name), value) {
            (Some(Value::Array(known)), Value::Array(more)) => known.extend(more.iter().cloned()),
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more.clone()),
            (Some(known), Value::Number(more)) => {
                *known = json!(known.as_u64().unwrap_or(0) + more.as_u64().unwrap_or(0));
            }
            (Some(_), _) => {}
            (None, value) => {
                all.insert(name.clone(), value.clone());
            }
        }
    }
}

impl Traffic {
    fn count_request(&mut self, path: &str, target: String) {
        // Archive paths are counted by folder, since every file has its own.
        let counted = if ["/data/", "/cdn/", "/trading/", "/spot/"].iter().any(|archive| path.starts_with(archive)) {
            path.rsplit_once('/').map_or(path, |(folder, _)| folder)
        } else {
            path
        };
        if let Some(count) = self.requests.get_mut(counted) {
            *count += 1;
        } else if self.requests.len() < PATHS_MAX {
            self.requests.insert(counted.to_owned(), 1);
        }
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        self.log.push_back(target);
    }

    fn count_answer(&mut self, response: &Response) {
        *self.answers.entry(response.status).or_default() += 1;
        self.bytes += u64::try_from(response.body.len()).unwrap_or(0);
    }
}
