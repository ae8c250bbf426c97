//! Bybit: REST and streams v5 of spot, linear and inverse markets, and the daily files of trades.

mod archive;
mod error;
mod instrument;
mod instruments;
mod kline;
mod params;
mod statistics;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dccd_cli::Output;
use dccd_record::Market as MarketKind;
use serde_json::json;

use crate::archive::Shelf;
use crate::clock::{MILLI, SECOND};
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied, refused};
use crate::http::{Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::Market;
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use error::{ApiError, SERVER, TOO_MANY_VISITS};
use instrument::{Category, GROUPS, Phase, Symbols};
use params::Params;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(Bybit::open(market, limits)),
};

/// The name that pairs of this exchange have in records.
const EXCHANGE: &str = "bybit";
/// 600 requests of one address in five seconds, and who asks for more is out for ten minutes; 500 new connections to
/// streams in five minutes.
const LIMITS: &[Rule] = &[
    Rule { name: ADDRESS, host: ADDRESS, max: 600, pace: Pace::Window { secs: 5 }, over: Over::Ban { secs: 600 } },
    Rule { name: CONNECTIONS, host: CONNECTIONS, max: 500, pace: Pace::Window { secs: 300 }, over: Over::Wait },
];
const ADDRESS: &str = "bybit";
/// What new connections to its streams count against.
const CONNECTIONS: &str = "bybit-connections";

/// The simulated Bybit.
#[derive(Debug)]
struct Bybit {
    symbols: Arc<Symbols>,
    limits: Limits,
    shelf: Shelf,
    /// When it was last asked, for refusals have to tell the time too.
    asked: AtomicI64,
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Time,
    Kline,
    RecentTrade,
    OrderBook,
    FundingHistory,
    OpenInterest,
    Instruments,
}

impl Exchange for Bybit {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    /// None for the files.
    fn limit_of(&self, path: &str) -> Option<&'static str> {
        path.starts_with("/v5/").then_some(ADDRESS)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        if archive::is_file(&request.path) {
            return Some(archive::answer(&self.shelf, &self.symbols, market, &request.path, moment.now));
        }
        let endpoint = route(&request.path)?;
        self.asked.store(moment.now, Ordering::Relaxed);
        if let Some(response) = refused(self, &request.path, 1, moment) {
            return Some(response);
        }
        let result = self.result(market, endpoint, &Params::new(request.query()), moment);
        Some(envelope(200, result, moment.now))
    }

    fn refusal(&self, refusal: Refusal, _: &str) -> Response {
        if refusal.is_ban {
            return Response::new(403, "text/plain", "403, access too frequent, please try your request again later.")
                .refused();
        }
        envelope(200, Err(ApiError::of_code(TOO_MANY_VISITS)), self.asked.load(Ordering::Relaxed)).refused()
    }

    fn failure(&self, status: u16, code: Option<i64>, _: &str) -> Response {
        envelope(status, Err(ApiError::of_code(code.unwrap_or(SERVER))), self.asked.load(Ordering::Relaxed))
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        emptied(body, "/result/list")
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let category = stream::category(&request.path)?;
        Some(Box::new(stream::BybitSession::new(category, &self.symbols, moment)))
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        stream::category(path).map(|_| CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Bybit {
    fn open(market: &Market, limits: Limits) -> Bybit {
        let symbols = Arc::new(Symbols::new(market.catalogue()));
        Bybit { symbols, limits, shelf: Shelf::default(), asked: AtomicI64::new(0) }
    }

    fn result(&self, market: &Market, endpoint: Endpoint, params: &Params, moment: Moment) -> Result<String, ApiError> {
        let now = moment.now;
        match endpoint {
            Endpoint::Time => return Ok(time(now)),
            Endpoint::Instruments => {
                return Ok(instruments::result(&self.symbols, market.catalogue(), params, now)?.to_string());
            }
            _ => {}
        }
        let category = if endpoint == Endpoint::Kline { params.category_or_linear()? } else { params.category()? };
        let unknown = if endpoint == Endpoint::Kline { ApiError::kline_symbol() } else { ApiError::symbol() };
        let symbol = params.mandatory("symbol")?;
        let pair = self.symbols.pair(category, symbol).ok_or_else(|| unknown.clone())?;
        let listing = market.catalogue().listing(EXCHANGE, pair).ok_or_else(|| unknown.clone())?;
        // What is gone is not served any more, only its files are.
        let phase = Phase::of(&listing, now).filter(|phase| *phase != Phase::Closed).ok_or_else(|| unknown.clone())?;
        let has_funding = matches!(pair.market(), MarketKind::Perp | MarketKind::Inverse);
        let is_refused = match endpoint {
            Endpoint::FundingHistory => !has_funding,
            Endpoint::OpenInterest => category == Category::Spot,
            Endpoint::OrderBook => phase != Phase::Trading,
            _ => false,
        };
        if is_refused {
            return Err(unknown);
        }
        let series = market.series(EXCHANGE, pair).ok_or(unknown)?;
        let (category, mut next) = (category.name(), None);
        let rows = match endpoint {
            Endpoint::Kline => kline::rows(&series, params, moment)?,
            Endpoint::RecentTrade => trades::rows(&series, params, moment.seen)?,
            Endpoint::FundingHistory => statistics::funding_rows(&series, params, now)?,
            Endpoint::OpenInterest => {
                let (rows, cursor) = statistics::open_interest_rows(&series, params, now)?;
                next = Some(cursor);
                rows
            }
            Endpoint::OrderBook => {
                return statistics::depth(&series, params, now).map(|result| format!("{{{result}}}"));
            }
            Endpoint::Time | Endpoint::Instruments => String::new(),
        };
        Ok(match (endpoint, next) {
            (Endpoint::Kline, _) => {
                format!("{{\"category\":\"{category}\",\"symbol\":\"{symbol}\",\"list\":[{rows}]}}")
            }
            (_, Some(next)) => format!(
                "{{\"symbol\":\"{symbol}\",\"category\":\"{category}\",\"list\":[{rows}],\"nextPageCursor\":\"{next}\"}}"
            ),
            _ => format!("{{\"category\":\"{category}\",\"list\":[{rows}]}}"),
        })
    }
}

fn route(path: &str) -> Option<Endpoint> {
    match path.strip_prefix("/v5/market/")? {
        "time" => Some(Endpoint::Time),
        "kline" => Some(Endpoint::Kline),
        "recent-trade" => Some(Endpoint::RecentTrade),
        "orderbook" => Some(Endpoint::OrderBook),
        "funding/history" => Some(Endpoint::FundingHistory),
        "open-interest" => Some(Endpoint::OpenInterest),
        "instruments-info" => Some(Endpoint::Instruments),
        _ => None,
    }
}

fn time(now: i64) -> String {
    json!({"timeSecond": (now / SECOND).to_string(), "timeNano": (i128::from(now) * 1_000).to_string()}).to_string()
}

/// An answer, good or bad, as all are wrapped.
fn envelope(status: u16, result: Result<String, ApiError>, now: i64) -> Response {
    let time = now / MILLI;
    let body = match result {
        Ok(result) => {
            format!("{{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{result},\"retExtInfo\":{{}},\"time\":{time}}}")
        }
        Err(error) => {
            let (code, message) = (error.code, json!(error.message));
            format!("{{\"retCode\":{code},\"retMsg\":{message},\"result\":{{}},\"retExtInfo\":{{}},\"time\":{time}}}")
        }
    };
    Response::json(status, body)
}
