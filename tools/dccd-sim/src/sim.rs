//! The whole simulation behind one port: exchanges, faults and its own pages below `/sim/`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::binance::{self, Binance, Moment};
use crate::clock::{Clock, MILLI, SECOND, http_date};
use crate::faults::{Fault, FaultKind, Faults};
use crate::http::{Delivery, Handler, Request, Response};
use crate::limits::LimitSettings;
use crate::market::Market;

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
    binance: Binance,
    faults: Faults,
    latency: Duration,
    late: i64,
    traffic: Mutex<Traffic>,
}

/// How late things come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// Before every answer.
    pub(crate) latency: Duration,
    /// Trades are shown so many microseconds after they happened.
    pub(crate) late: i64,
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
        let binance = Binance::new(&market, limits);
        let Delays { latency, late } = delays;
        Sim { clock, market, binance, faults, latency, late, traffic: Mutex::default() }
    }

    fn exchange_answer(&self, request: &Request) -> Response {
        let now = self.clock.now();
        let moment = Moment { now, seen: now.saturating_sub(self.late), limits_now: self.clock.limits_now() };
        let answer = self.binance.answer(&self.market, request, moment);
        answer.unwrap_or_else(|| Response::html(404))
    }

    /// What a fault makes of an answer; those who were refused anyway are left alone.
    fn spoil(&self, fault: &Fault, request: &Request, mut response: Response) -> Response {
        if matches!(response.status, 418 | 429) {
            return response;
        }
        match fault.kind {
            FaultKind::TooFast | FaultKind::Ban => return self.refuse(fault, request),
            FaultKind::Html => return Response::html(fault.status),
            FaultKind::Json => {
                let body =
                    json!({"code": fault.code, "msg": "An unknown error occurred while processing the request."});
                return Response::json(fault.status, body.to_string());
            }
            FaultKind::Empty if response.body.starts_with(b"[") => response.body = Arc::new(b"[]".to_vec()),
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
            FaultKind::Truncate if request.path.ends_with(".zip") => {
                let half = response.body.len() / 2;
                response.body = Arc::new(response.body.get(..half).unwrap_or_default().to_vec());
            }
            FaultKind::Empty | FaultKind::Checksum | FaultKind::Truncate => {}
        }
        response
    }

    fn refuse(&self, fault: &Fault, request: &Request) -> Response {
        let (status, now) = (if fault.kind == FaultKind::Ban { 418 } else { 429 }, self.clock.limits_now());
        if let Some(limit) = Binance::limit_of(&request.path) {
            match fault.kind {
                FaultKind::Ban => self.binance.limits().ban(limit, now, fault.retry_secs),
                _ => self.binance.limits().tell_to_wait(limit, now, fault.retry_secs),
            }
        }
        let wait = fault.retry_secs.saturating_mul(SECOND);
        let retry = if fault.has_date {
            http_date(self.clock.now().saturating_add(wait))
        } else {
            fault.retry_secs.to_string()
        };
        binance::refusal(status, now.saturating_add(wait)).with("Retry-After", retry)
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
        });
        if let (Value::Object(all), Value::Object(limits)) = (&mut statistics, self.binance.limits().statistics()) {
            all.extend(limits);
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
        let mut response = self.exchange_answer(request);
        if let Some(fault) = self.faults.strike(&target) {
            response = self.spoil(&fault, request, response);
        }
        self.traffic().count_answer(&response);
        response
    }

    fn date(&self) -> String {
        http_date(self.clock.now())
    }
}

impl Traffic {
    fn count_request(&mut self, path: &str, target: String) {
        // Archive paths are counted by folder, since every file has its own.
        let counted =
            if path.starts_with("/data/") { path.rsplit_once('/').map_or(path, |(folder, _)| folder) } else { path };
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
