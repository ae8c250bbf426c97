//! OKX: REST and streams v5 of spot, swaps and dated futures, and the daily files of trades.

mod archive;
mod candles;
mod error;
mod instrument;
mod instruments;
mod params;
mod statistics;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use std::sync::Arc;

use dccd_cli::Output;

use crate::archive::Shelf;
use crate::clock::MILLI;
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied, refused};
use crate::http::{Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::Market;
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use candles::Reach;
use error::{ApiError, UNAVAILABLE};
use instrument::{GROUPS, InstrumentType, Names, State};
use params::Params;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry =
    Entry { name: EXCHANGE, groups: GROUPS, rules: LIMITS, open: |market, limits| Box::new(Okx::open(market, limits)) };

/// The name that pairs of this exchange have in records.
const EXCHANGE: &str = "okx";

/// The published limits: each endpoint has its own, in fixed windows of two seconds; three new streams in a second.
///
/// Funding and open interest are limited for each instrument; here they are limited all together.
const LIMITS: &[Rule] = &[
    rule(Endpoint::Time),
    rule(Endpoint::Candles),
    rule(Endpoint::HistoryCandles),
    rule(Endpoint::Trades),
    rule(Endpoint::HistoryTrades),
    rule(Endpoint::Books),
    rule(Endpoint::FundingHistory),
    rule(Endpoint::OpenInterestHistory),
    rule(Endpoint::OpenInterest),
    rule(Endpoint::Instruments),
    Rule { name: CONNECTIONS, host: CONNECTIONS, max: 3, pace: Pace::Window { secs: 1 }, over: Over::Wait },
];
/// What new connections to its streams count against.
const CONNECTIONS: &str = "okx-connections";

const fn rule(endpoint: Endpoint) -> Rule {
    let (name, max) = endpoint.limit();
    Rule { name, host: "okx", max, pace: Pace::Window { secs: 2 }, over: Over::Wait }
}

/// The simulated OKX.
#[derive(Debug)]
struct Okx {
    names: Arc<Names>,
    limits: Limits,
    shelf: Shelf,
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Time,
    Candles,
    HistoryCandles,
    Trades,
    HistoryTrades,
    Books,
    FundingHistory,
    OpenInterestHistory,
    OpenInterest,
    Instruments,
}

impl Exchange for Okx {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    /// None for the files.
    fn limit_of(&self, path: &str) -> Option<&'static str> {
        Endpoint::of(path).map(|endpoint| endpoint.limit().0)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        if archive::is_file(&request.path) {
            return Some(archive::answer(&self.shelf, &self.names, market, &request.path, moment.now));
        }
        let endpoint = Endpoint::of(&request.path)?;
        if let Some(response) = refused(self, &request.path, 1, moment) {
            return Some(response);
        }
        let rows = self.rows(market, endpoint, &Params::new(request.query()), moment);
        Some(match rows {
            Ok(rows) => Response::json(200, format!("{{\"code\":\"0\",\"msg\":\"\",\"data\":[{rows}]}}")),
            Err(error) => error.response(),
        })
    }

    fn refusal(&self, _: Refusal, _: &str) -> Response {
        error::too_fast()
    }

    fn failure(&self, status: u16, code: Option<i64>, _: &str) -> Response {
        ApiError::of_code(status, code.unwrap_or(UNAVAILABLE)).response()
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        emptied(body, "/data")
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let door = stream::Door::of(&request.path)?;
        Some(Box::new(stream::OkxSession::new(door, &self.names, self.limits.is_off(), moment)))
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        stream::Door::of(path).map(|_| CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Okx {
    fn open(market: &Market, limits: Limits) -> Okx {
        Okx { names: Arc::new(Names::new(market.catalogue())), limits, shelf: Shelf::default() }
    }

    /// What stands in `data`.
    fn rows(&self, market: &Market, endpoint: Endpoint, params: &Params, moment: Moment) -> Result<String, ApiError> {
        let now = moment.now;
        match endpoint {
            Endpoint::Time => return Ok(format!("{{\"ts\":\"{}\"}}", now / MILLI)),
            Endpoint::Instruments => return instruments::rows(&self.names, market.catalogue(), params, now),
            Endpoint::OpenInterest => return self.open_interest_now(market, params, now),
            _ => {}
        }
        let pair = self.names.pair(params.mandatory("instId")?).ok_or_else(ApiError::instrument)?;
        let listing = market.catalogue().listing(EXCHANGE, pair).ok_or_else(ApiError::instrument)?;
        let state = State::of(&listing, now).ok_or_else(ApiError::instrument)?;
        let kind = InstrumentType::of(pair);
        let is_illegal = match endpoint {
            Endpoint::FundingHistory => kind != InstrumentType::Swap,
            Endpoint::OpenInterestHistory => kind == InstrumentType::Spot,
            _ => false,
        };
        if is_illegal {
            return Err(ApiError::illegal("instId"));
        }
        if state == State::Preopen {
            return Ok(String::new());
        }
        let series = market.series(EXCHANGE, pair).ok_or_else(ApiError::instrument)?;
        match endpoint {
            Endpoint::Candles => candles::rows(&series, params, Reach::Recent, moment),
            Endpoint::HistoryCandles => candles::rows(&series, params, Reach::History, moment),
            Endpoint::Trades => trades::recent_rows(&series, params, moment.seen),
            Endpoint::HistoryTrades => trades::history_rows(&series, params, now, moment.seen),
            Endpoint::Books => statistics::book_row(&series, params, now),
            Endpoint::FundingHistory => statistics::funding_rows(&series, params, now),
            Endpoint::OpenInterestHistory => statistics::open_interest_rows(&series, params, now),
            Endpoint::Time | Endpoint::Instruments | Endpoint::OpenInterest => Ok(String::new()),
        }
    }

    /// Of one instrument, or of all that have contracts.
    fn open_interest_now(&self, market: &Market, params: &Params, now: i64) -> Result<String, ApiError> {
        let wanted = params.mandatory("instType")?;
        let only = params.text("instId");
        let of_type = self.names.iter().filter(|(_, pair)| InstrumentType::of(pair).name() == wanted);
        let live = of_type.filter(|(name, pair)| {
            let listing = market.catalogue().listing(EXCHANGE, pair);
            let is_live = listing.is_some_and(|listing| State::of(&listing, now) == Some(State::Live));
            is_live && wanted != InstrumentType::Spot.name() && only.is_none_or(|only| only == *name)
        });
        let series = live.filter_map(|(_, pair)| market.series(EXCHANGE, pair));
        let rows: Vec<String> = series.map(|series| statistics::open_interest_now(&series, now)).collect();
        if only.is_some() && rows.is_empty() { Err(ApiError::instrument()) } else { Ok(rows.join(",")) }
    }
}

impl Endpoint {
    fn of(path: &str) -> Option<Endpoint> {
        match path.strip_prefix("/api/v5/")? {
            "public/time" => Some(Endpoint::Time),
            "market/candles" => Some(Endpoint::Candles),
            "market/history-candles" => Some(Endpoint::HistoryCandles),
            "market/trades" => Some(Endpoint::Trades),
            "market/history-trades" => Some(Endpoint::HistoryTrades),
            "market/books" => Some(Endpoint::Books),
            "public/funding-rate-history" => Some(Endpoint::FundingHistory),
            "rubik/stat/contracts/open-interest-history" => Some(Endpoint::OpenInterestHistory),
            "public/open-interest" => Some(Endpoint::OpenInterest),
            "public/instruments" => Some(Endpoint::Instruments),
            _ => None,
        }
    }

    /// The name of its limit, and how many requests it takes in two seconds.
    const fn limit(self) -> (&'static str, i64) {
        match self {
            Endpoint::Time => ("okx-time", 10),
            Endpoint::Candles => ("okx-candles", 40),
            Endpoint::HistoryCandles => ("okx-history-candles", 20),
            Endpoint::Trades => ("okx-trades", 100),
            Endpoint::HistoryTrades => ("okx-history-trades", 10),
            Endpoint::Books => ("okx-books", 40),
            Endpoint::FundingHistory => ("okx-funding", 10),
            Endpoint::OpenInterestHistory => ("okx-open-interest-history", 10),
            Endpoint::OpenInterest => ("okx-open-interest", 20),
            Endpoint::Instruments => ("okx-instruments", 20),
        }
    }
}
