//! BitMEX: REST, version 1, and streams, up to the day it closed.
//!
//! Since then every path is an HTML page that says it was not found: nobody recorded what the host answers now.

mod buckets;
mod error;
mod instruments;
mod params;
mod statistics;
mod stream;
mod symbols;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use std::sync::Arc;

use dccd_cli::Output;

use crate::clock::{DAY, HOUR, SECOND};
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied};
use crate::http::{Request, Response};
use crate::limits::{Limits, Over, Pace, Rule, Verdict};
use crate::market::Market;
use crate::market::catalogue::{Contract, Fate, Group, Sort, Special};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use error::ApiError;
use symbols::Symbols;

/// The name that pairs of this exchange have in records.
pub(crate) const EXCHANGE: &str = "bitmex";
/// 2026-09-23 04:00: it closed for good.
pub(crate) const CLOSED: i64 = 20_719 * DAY + 4 * HOUR;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(Bitmex::open(market, limits)),
};

/// What it traded: inverse contracts first, since 2016-05-13.
const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Inverse],
        bases: &["BTC"],
        quotes: &["USD"],
        opened: 16_934 * DAY + 12 * HOUR,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 1 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC"],
        quotes: &["USD"],
        opened: 17_900 * DAY + 8 * HOUR,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 1 },
        specials: &[],
    },
    linear(&[Sort::Perp], &["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK"], 18_600, &[SETTLED]),
    linear(&[Sort::Spot], &["BTC", "ETH"], 19_129, &[]),
];
/// Taken off on 2024-09-04.
const SETTLED: Special =
    Special { base: "MATIC", quote: "USDT", first_day: 18_800, last_day: 19_970, fate: Fate::Delisted };

/// What is paid in USDT.
const fn linear(
    sorts: &'static [Sort],
    bases: &'static [&'static str],
    first_day: i64,
    specials: &'static [Special],
) -> Group {
    Group {
        sorts,
        bases,
        quotes: &["USDT"],
        opened: first_day * DAY + 12 * HOUR,
        amount_digits: symbols::SIZE_SCALE,
        digits: 14,
        contract: Contract::Base,
        specials,
    }
}

/// Without a key: 30 requests a minute; three new connections a second.
const LIMITS: &[Rule] = &[
    Rule {
        name: LIMIT,
        host: EXCHANGE,
        max: LIMIT_MAX,
        pace: Pace::Drain { per_minute: LIMIT_MAX },
        over: Over::Strikes,
    },
    Rule { name: CONNECTIONS, host: CONNECTIONS, max: 3, pace: Pace::Drain { per_minute: 180 }, over: Over::Wait },
];
const LIMIT: &str = "bitmex";
/// What new connections to its streams count against.
const CONNECTIONS: &str = "bitmex-connections";
const LIMIT_MAX: i64 = 30;

/// The simulated BitMEX.
#[derive(Debug)]
pub(crate) struct Bitmex {
    symbols: Arc<Symbols>,
    limits: Limits,
}

impl Exchange for Bitmex {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn limit_of(&self, path: &str) -> Option<&'static str> {
        path.starts_with("/api/v1/").then_some(LIMIT)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        let name = request.path.strip_prefix("/api/v1/")?;
        if moment.now >= CLOSED {
            return Some(Response::html(404));
        }
        let verdict = self.limits.admit(LIMIT, 1, moment.limits_now);
        let (response, used) = match verdict {
            Verdict::Admitted(used) => match self.page(market, name, request, moment) {
                Ok(body) => (Response::json(200, body), used),
                Err(error) => (error.response(), used),
            },
            Verdict::TooFast { used, retry_secs } => {
                let until = moment.limits_now.saturating_add(retry_secs.saturating_mul(SECOND));
                let refusal = Refusal { is_ban: false, until, retry_secs };
                (self.refusal(refusal, &request.path).with("Retry-After", retry_secs.to_string()), used)
            }
            Verdict::Banned { until, retry_secs } => {
                let refusal = Refusal { is_ban: true, until, retry_secs };
                (self.refusal(refusal, &request.path).with("Retry-After", retry_secs.to_string()), LIMIT_MAX)
            }
        };
        Some(with_usage(response, used, moment.limits_now))
    }

    fn refusal(&self, refusal: Refusal, _: &str) -> Response {
        let error = if refusal.is_ban {
            ApiError::new(403, "HTTPError", "Your IP address is banned.")
        } else {
            let message = format!("Rate limit exceeded, retry in {} seconds.", refusal.retry_secs);
            ApiError::new(429, "RateLimitError", message)
        };
        error.response().refused()
    }

    fn has_retry_after(&self) -> bool {
        true
    }

    fn failure(&self, status: u16, _: Option<i64>, _: &str) -> Response {
        let message = "The system is currently overloaded. Please try again later.";
        ApiError::new(status, "HTTPError", message).response()
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        emptied(body, "")
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let is_here = request.path == stream::PATH && moment.now < CLOSED;
        is_here.then(|| Box::new(stream::BitmexSession::new(&self.symbols, request)) as Box<dyn Session>)
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        (path == stream::PATH).then_some(CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Bitmex {
    fn open(market: &Market, limits: Limits) -> Bitmex {
        Bitmex { symbols: Arc::new(Symbols::new(market.catalogue())), limits }
    }

    fn page(&self, market: &Market, name: &str, request: &Request, moment: Moment) -> Result<Vec<u8>, ApiError> {
        let (query, now) = (request.query(), moment.now);
        match name {
            "instrument" => return instruments::page(&self.symbols, market, &query, now),
            "instrument/active" => return Ok(instruments::active(&self.symbols, market, now)),
            "trade" | "trade/bucketed" | "funding" | "orderBook/L2" => {}
            _ => return Err(ApiError::not_found()),
        }
        let symbol = query.value("symbol").ok_or_else(|| ApiError::invalid("'symbol' is a required arg."))?;
        // A symbol that does not exist has no rows.
        let Some(series) = self.symbols.series(market, symbol, now) else { return Ok(b"[]".to_vec()) };
        match name {
            "trade" => trades::page(&series, &query, moment.seen),
            "trade/bucketed" => buckets::page(&series, &query, moment),
            "funding" => statistics::funding_page(&series, &query, now),
            _ => statistics::book_page(&series, &query, now),
        }
    }
}

fn with_usage(response: Response, used: i64, limits_now: i64) -> Response {
    let full = limits_now.saturating_add(used.saturating_mul(60 * SECOND) / LIMIT_MAX);
    response
        .with("x-ratelimit-limit", LIMIT_MAX.to_string())
        .with("x-ratelimit-remaining", (LIMIT_MAX - used).max(0).to_string())
        .with("x-ratelimit-reset", (full / SECOND).to_string())
}
