//! Binance: REST and streams of spot, USD-M and COIN-M futures, and the bulk archive.

mod archive;
mod error;
mod groups;
mod info;
mod klines;
mod params;
mod statistics;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod truth;
mod venue;

use std::sync::Arc;

use dccd_cli::Output;
use dccd_record::Market as MarketKind;
use serde_json::json;

use crate::archive::Shelf;
use crate::clock::MILLI;
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied};
use crate::http::{Query, Request, Response};
use crate::limits::{Limits, Over, Pace, Rule, Verdict};
use crate::market::{Market, Series};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use error::ApiError;
use params::{Params, Unit};
use stream::BinanceSession;
use venue::{Digits, EXCHANGE, Style, Symbols, Venue};

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: groups::GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(Binance::open(market, limits)),
};

/// The published limits.
const LIMITS: &[Rule] = &[
    rule(SPOT, "spot", 6_000, 60),
    rule(USDM, "usdm", 2_400, 60),
    rule(COINM, "coinm", 2_400, 60),
    rule(FUNDING, "usdm", 500, 300),
    rule(FUTURES_DATA, "usdm", 1_000, 300),
    Rule { over: Over::Wait, ..rule(CONNECTIONS, CONNECTIONS, 300, 300) },
    Rule { over: Over::Wait, ..rule(USDM_CONNECTIONS, USDM_CONNECTIONS, 300, 300) },
];
const SPOT: &str = "spot";
const USDM: &str = "usdm";
const COINM: &str = "coinm";
const FUNDING: &str = "usdm-funding";
const FUTURES_DATA: &str = "usdm-data";
/// New streams of spot, and of COIN-M, which has the same paths.
const CONNECTIONS: &str = "spot-connections";
const USDM_CONNECTIONS: &str = "usdm-connections";

const fn rule(name: &'static str, host: &'static str, max: i64, secs: i64) -> Rule {
    Rule { name, host, max, pace: Pace::Window { secs }, over: Over::Strikes }
}

/// The simulated Binance.
#[derive(Debug)]
pub(crate) struct Binance {
    symbols: Arc<Symbols>,
    limits: Limits,
    shelf: Shelf,
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Ping,
    Time,
    ExchangeInfo,
    Klines,
    ContinuousKlines,
    Aggregate,
    Historical,
    Recent,
    Depth,
    Funding,
    OpenInterest,
    OpenInterestNow,
    PremiumIndex,
}

impl Exchange for Binance {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    /// None for the archive.
    fn limit_of(&self, path: &str) -> Option<&'static str> {
        route(path).map(|(venue, endpoint)| limit_name(venue, endpoint))
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        if request.path.starts_with("/data/") {
            return Some(archive::answer(&self.shelf, &self.symbols, market, &request.path, moment.now));
        }
        let (venue, endpoint) = route(&request.path)?;
        let query = request.query();
        let weight = weight(venue, endpoint, &query);
        let limit = limit_name(venue, endpoint);
        let verdict = self.limits.admit(limit, weight, moment.limits_now);
        let response = match verdict {
            Verdict::Admitted(_) => match self.page(market, venue, endpoint, request, query, moment) {
                Ok(body) => Response::json(200, body),
                Err(error) => error.response(),
            },
            Verdict::TooFast { retry_secs, .. } => too_fast(venue).with("Retry-After", retry_secs.to_string()),
            Verdict::Banned { until, retry_secs } => banned(until).with("Retry-After", retry_secs.to_string()),
        };
        Some(with_usage(response, limit, verdict))
    }

    fn refusal(&self, refusal: Refusal, path: &str) -> Response {
        if refusal.is_ban {
            return banned(refusal.until);
        }
        too_fast(route(path).map_or(Venue::Spot, |(venue, _)| venue))
    }

    fn has_retry_after(&self) -> bool {
        true
    }

    fn failure(&self, status: u16, code: Option<i64>, _: &str) -> Response {
        let message = "An unknown error occurred while processing the request.";
        Response::json(status, json!({"code": code.unwrap_or(-1003), "msg": message}).to_string())
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        emptied(body, "")
    }

    fn session(&self, _: &Market, request: &Request, _: Moment) -> Option<Box<dyn Session>> {
        let session = BinanceSession::open(&self.symbols, request, self.limits.is_off())?;
        Some(Box::new(session))
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        match stream::Door::of(path)?.host {
            stream::Host::Root => Some(CONNECTIONS),
            stream::Host::Public | stream::Host::Market => Some(USDM_CONNECTIONS),
        }
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Binance {
    fn open(market: &Market, limits: Limits) -> Binance {
        Binance { symbols: Arc::new(Symbols::new(market.catalogue())), limits, shelf: Shelf::default() }
    }

    fn page(
        &self,
        market: &Market,
        venue: Venue,
        endpoint: Endpoint,
        request: &Request,
        query: Query,
        moment: Moment,
    ) -> Result<Vec<u8>, ApiError> {
        let wants_micros =
            request.header("x-mbx-time-unit").is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
        let unit = if venue == Venue::Spot && wants_micros { Unit::Micros } else { Unit::Millis };
        let now = moment.now;
        let params = Params::new(query, endpoint.params(), venue == Venue::Spot)?;
        match endpoint {
            Endpoint::Ping => return Ok(b"{}".to_vec()),
            Endpoint::Time => return Ok(json!({"serverTime": unit.of(now)}).to_string().into_bytes()),
            Endpoint::ExchangeInfo => {
                let only = params.text("symbol");
                if let Some(only) = only {
                    self.symbols.pair(venue, only)?;
                }
                return Ok(info::exchange_info(market, venue, only, now));
            }
            _ => {}
        }
        // Open interest is one path for both kinds of futures: COIN-M has a pair and a contract type.
        let names_pair = endpoint == Endpoint::OpenInterest && params.text("pair").is_some();
        let venue = if names_pair { Venue::Coinm } else { venue };
        let pair = if endpoint == Endpoint::ContinuousKlines || names_pair {
            let kind = contract(venue, params.mandatory("contractType")?)?;
            self.symbols.contract(venue, params.symbol("pair")?, kind)?
        } else {
            self.symbols.pair(venue, params.symbol("symbol")?)?.clone()
        };
        let series = market.series(EXCHANGE, &pair).ok_or_else(ApiError::invalid_symbol)?;
        if series.listing().since > now {
            return Err(ApiError::invalid_symbol());
        }
        let style = Style { venue, unit, digits: Digits::of(series.listing()) };
        if endpoint == Endpoint::OpenInterestNow {
            let contract_type = info::contract_type(market.catalogue(), series.listing(), now);
            return statistics::open_interest_now(&series, style, contract_type, now);
        }
        series_page(&series, style, endpoint, &params, request, moment)
    }
}

impl Endpoint {
    fn params(self) -> &'static [&'static str] {
        match self {
            Endpoint::Ping | Endpoint::Time => &[],
            Endpoint::ExchangeInfo | Endpoint::OpenInterestNow | Endpoint::PremiumIndex => &["symbol"],
            Endpoint::Klines => klines::PARAMS,
            Endpoint::ContinuousKlines => klines::CONTINUOUS_PARAMS,
            Endpoint::Aggregate => trades::AGGREGATE_PARAMS,
            Endpoint::Historical => trades::HISTORICAL_PARAMS,
            Endpoint::Recent => trades::RECENT_PARAMS,
            Endpoint::Depth => statistics::DEPTH_PARAMS,
            Endpoint::Funding => statistics::FUNDING_PARAMS,
            Endpoint::OpenInterest => statistics::OPEN_INTEREST_PARAMS,
        }
    }
}

fn series_page(
    series: &Series,
    style: Style,
    endpoint: Endpoint,
    params: &Params,
    request: &Request,
    moment: Moment,
) -> Result<Vec<u8>, ApiError> {
    let now = moment.now;
    match endpoint {
        Endpoint::Klines | Endpoint::ContinuousKlines => klines::page(series, style, params, moment),
        Endpoint::Aggregate => trades::aggregate_page(series, style, params, moment.seen),
        Endpoint::Historical if style.venue != Venue::Spot && request.header("x-mbx-apikey").is_none() => {
            Err(ApiError::new(401, -2014, "API-key format invalid."))
        }
        Endpoint::Historical | Endpoint::Recent => trades::part_page(series, style, params, moment.seen),
        Endpoint::Depth => statistics::depth(series, style, params, now),
        Endpoint::Funding => statistics::funding_page(series, style, params, now),
        Endpoint::OpenInterest => statistics::open_interest_page(series, params, now),
        Endpoint::PremiumIndex => Ok(statistics::premium_index(series, style, now)),
        Endpoint::Ping | Endpoint::Time | Endpoint::ExchangeInfo | Endpoint::OpenInterestNow => Ok(b"{}".to_vec()),
    }
}

fn contract(venue: Venue, name: &str) -> Result<MarketKind, ApiError> {
    match name {
        "PERPETUAL" => Ok(venue.perpetual()),
        "CURRENT_QUARTER" => Ok(MarketKind::Quarter),
        "NEXT_QUARTER" => Ok(MarketKind::NextQuarter),
        _ => Err(ApiError::invalid("contractType")),
    }
}

fn route(path: &str) -> Option<(Venue, Endpoint)> {
    if let Some(name) = path.strip_prefix("/api/v3/") {
        let endpoint = match name {
            "ping" => Endpoint::Ping,
            "time" => Endpoint::Time,
            "exchangeInfo" => Endpoint::ExchangeInfo,
            "klines" | "uiKlines" => Endpoint::Klines,
            "aggTrades" => Endpoint::Aggregate,
            "historicalTrades" => Endpoint::Historical,
            "trades" => Endpoint::Recent,
            "depth" => Endpoint::Depth,
            _ => return None,
        };
        return Some((Venue::Spot, endpoint));
    }
    if path == "/futures/data/openInterestHist" {
        return Some((Venue::Usdm, Endpoint::OpenInterest));
    }
    let hosts = [("/fapi/v1/", Venue::Usdm), ("/dapi/v1/", Venue::Coinm)];
    let (venue, name) = hosts.into_iter().find_map(|(root, venue)| Some((venue, path.strip_prefix(root)?)))?;
    let endpoint = match name {
        "ping" => Endpoint::Ping,
        "time" => Endpoint::Time,
        "exchangeInfo" => Endpoint::ExchangeInfo,
        "klines" => Endpoint::Klines,
        "continuousKlines" => Endpoint::ContinuousKlines,
        "aggTrades" => Endpoint::Aggregate,
        "historicalTrades" => Endpoint::Historical,
        "trades" => Endpoint::Recent,
        "depth" => Endpoint::Depth,
        "fundingRate" => Endpoint::Funding,
        "openInterest" => Endpoint::OpenInterestNow,
        "premiumIndex" => Endpoint::PremiumIndex,
        _ => return None,
    };
    Some((venue, endpoint))
}

fn limit_name(venue: Venue, endpoint: Endpoint) -> &'static str {
    match (venue, endpoint) {
        (Venue::Spot, _) => SPOT,
        (Venue::Usdm, Endpoint::Funding) => FUNDING,
        (Venue::Usdm, Endpoint::OpenInterest) => FUTURES_DATA,
        (Venue::Usdm, _) => USDM,
        (Venue::Coinm, _) => COINM,
    }
}

fn weight(venue: Venue, endpoint: Endpoint, query: &Query) -> i64 {
    let limit = query.value("limit").and_then(|limit| limit.parse::<i64>().ok());
    match (venue, endpoint) {
        (Venue::Spot, Endpoint::Klines) => 2,
        (Venue::Spot, Endpoint::Aggregate) => 4,
        (Venue::Spot, Endpoint::Historical | Endpoint::Recent) => 25,
        (Venue::Spot, Endpoint::ExchangeInfo) => 20,
        (Venue::Spot, Endpoint::Depth) => match limit.unwrap_or(100) {
            ..=100 => 5,
            101..=500 => 25,
            501..=1_000 => 50,
            _ => 250,
        },
        (_, Endpoint::Klines | Endpoint::ContinuousKlines) => match limit.unwrap_or(500) {
            ..100 => 1,
            100..500 => 2,
            500..=1_000 => 5,
            _ => 10,
        },
        (_, Endpoint::Aggregate) => 20,
        (Venue::Usdm, Endpoint::Historical) => 200,
        (Venue::Coinm, Endpoint::Historical) => 20,
        (Venue::Coinm, Endpoint::PremiumIndex) => 10,
        (_, Endpoint::Recent) => 5,
        (_, Endpoint::Depth) => match limit.unwrap_or(500) {
            ..=50 => 2,
            51..=100 => 5,
            101..=500 => 10,
            _ => 20,
        },
        _ => 1,
    }
}

/// The refusal of too many requests.
fn too_fast(venue: Venue) -> Response {
    let most = if venue == Venue::Spot { 6_000 } else { 2_400 };
    let message = format!(
        "Too much request weight used; current limit is {most} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
    );
    Response::json(429, json!({"code": -1003, "msg": message}).to_string()).refused()
}

/// The refusal of those who went on nevertheless.
fn banned(until: i64) -> Response {
    let message = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans.",
        until / MILLI
    );
    Response::json(418, json!({"code": -1003, "msg": message}).to_string()).refused()
}

fn with_usage(response: Response, limit: &str, verdict: Verdict) -> Response {
    let (Verdict::Admitted(used) | Verdict::TooFast { used, .. }) = verdict else { return response };
    match limit {
        SPOT => response.with("X-MBX-USED-WEIGHT", used.to_string()).with("X-MBX-USED-WEIGHT-1M", used.to_string()),
        USDM | COINM => response.with("X-MBX-USED-WEIGHT-1M", used.to_string()),
        _ => response,
    }
}
