//! Kraken Futures: instruments, tickers, funding rates, the services for charts and history, and streams.

mod charts;
mod executions;
mod funding;
mod listings;
mod stream;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::HashMap;
use std::sync::Arc;

use dccd_cli::Output;
use dccd_record::Pair;
use serde_json::{Map, Value, json};

use crate::clock::{DAY, HOUR, iso_text};
use crate::decimal::{decimal_text, trimmed_text};
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied, refused};
use crate::http::{Query, Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::catalogue::{Contract, Fate, Group, Listing, Sort, Special, Standing};
use crate::market::statistics::{BOOK_STEP, book};
use crate::market::{Market, Series};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use stream::FuturesSession;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(KrakenFutures { symbols: Arc::new(listings::symbols(market.catalogue())), limits }),
};
const EXCHANGE: &str = "krakenfutures";
const HISTORY: &str = "krakenfutures-history";
const LIMITS: &[Rule] = &[
    Rule { name: EXCHANGE, host: EXCHANGE, max: 500, pace: Pace::Window { secs: 10 }, over: Over::Wait },
    Rule { name: HISTORY, host: EXCHANGE, max: 100, pace: Pace::Window { secs: 600 }, over: Over::Wait },
];
/// Linear perpetuals since 2022-03-22, inverse ones since 2018-08-31, linear dated ones since 2022-07-01.
const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Perp],
        bases: &["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "BCH", "ATOM", "NEAR", "UNI"],
        quotes: &["USD"],
        opened: 19_073 * DAY + 15 * HOUR,
        amount_digits: 4,
        digits: 8,
        contract: Contract::Base,
        specials: &[
            // Renamed on 2023-12-20: the old name ends where the new one begins.
            Special { base: "MATIC", quote: "USD", first_day: 19_100, last_day: 19_711, fate: Fate::Delisted },
            Special { base: "POL", quote: "USD", first_day: 19_711, last_day: 0, fate: Fate::Delisted },
            Special { base: "RUNE", quote: "USD", first_day: 19_150, last_day: 19_700, fate: Fate::Halted },
        ],
    },
    Group {
        sorts: &[Sort::Inverse],
        bases: &["BTC", "ETH", "XRP", "LTC", "BCH"],
        quotes: &["USD"],
        opened: 17_774 * DAY + 16 * HOUR,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face: 1 },
        specials: &[],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC", "ETH"],
        quotes: &["USD"],
        opened: 19_174 * DAY + 8 * HOUR,
        amount_digits: 4,
        digits: 8,
        contract: Contract::Base,
        specials: &[],
    },
];
/// Levels of a book, each side.
const LEVELS: usize = 200;

/// The simulated Kraken Futures.
#[derive(Debug)]
pub(crate) struct KrakenFutures {
    symbols: Arc<Symbols>,
    limits: Limits,
}

/// Pairs by their symbols.
type Symbols = HashMap<String, Pair>;

/// A refusal: HTTP status and what stands in `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ApiError(u16, &'static str);

const NOT_FOUND: ApiError = ApiError(200, "notFound");

/// What a path below `/derivatives/api/` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Instruments,
    Tickers,
    OrderBook,
    History,
    Funding,
}

impl Exchange for KrakenFutures {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn limit_of(&self, path: &str) -> Option<&'static str> {
        let is_history = matches!(endpoint(path), Some((Endpoint::Funding | Endpoint::History, _)))
            || path.starts_with(executions::PATH);
        is_own(path).then_some(if is_history { HISTORY } else { EXCHANGE })
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        let path = request.path.as_str();
        if !is_own(path) {
            return None;
        }
        if let Some(refusal) = refused(self, path, 1, moment) {
            return Some(refusal);
        }
        let query = request.query();
        let answer = if let Some(path) = path.strip_prefix(charts::PATH) {
            charts::page(self, market, path, &query, moment)
        } else if let Some(path) = path.strip_prefix(executions::PATH) {
            executions::page(self, market, path, &query, moment)
        } else {
            self.page(market, path, &query, moment)
        };
        Some(match answer {
            Ok(text) => body(200, text),
            Err(ApiError(status, message)) => error(status, message, Some(moment.now)),
        })
    }

    fn refusal(&self, refusal: Refusal, _: &str) -> Response {
        // Those who do not stop are met by the edge, which speaks HTML.
        if refusal.is_ban { Response::html(403).refused() } else { error(200, "apiLimitExceeded", None).refused() }
    }

    fn failure(&self, status: u16, _: Option<i64>, _: &str) -> Response {
        error(status, "Unavailable", None)
    }

    fn empty(&self, path: &str, body: &[u8]) -> Option<Vec<u8>> {
        if path.starts_with(charts::PATH) {
            return emptied(body, "/candles").map(|_| b"{\"candles\":[],\"more_candles\":false}".to_vec());
        }
        ["/rates", "/tickers", "/instruments", "/history", "/elements"]
            .iter()
            .find_map(|pointer| emptied(body, pointer))
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let is_here = request.path == stream::PATH;
        is_here.then(|| Box::new(FuturesSession::new(&self.symbols, moment)) as Box<dyn Session>)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl KrakenFutures {
    fn page(&self, market: &Market, path: &str, query: &Query, moment: Moment) -> Result<String, ApiError> {
        let now = moment.now;
        let (endpoint, symbol) = endpoint(path).ok_or(ApiError(404, "notFound"))?;
        let symbol = symbol.or_else(|| query.value("symbol"));
        let series = || self.listed(market, symbol.ok_or(ApiError(200, "requiredArgumentMissing"))?, now);
        let mut fields = Map::new();
        fields.insert("result".to_owned(), json!("success"));
        let (name, value) = match endpoint {
            Endpoint::Instruments => ("instruments", listings::instruments(market, now)),
            Endpoint::Tickers if symbol.is_some() => ("ticker", ticker(series()?.as_ref(), moment)),
            Endpoint::Tickers => ("tickers", tickers(market, moment)),
            Endpoint::OrderBook => ("orderBook", order_book(series()?.as_ref(), now)),
            Endpoint::History => ("history", executions::recent(series()?.as_ref(), query, moment)?),
            // Rates have digits that a float has no room for.
            Endpoint::Funding => return Ok(funding::page(series()?.as_ref(), now)),
        };
        fields.insert(name.to_owned(), value);
        fields.insert("serverTime".to_owned(), json!(iso_text(now, 3)));
        Ok(Value::Object(fields).to_string())
    }

    /// The truth about a symbol that was ever listed.
    fn known(&self, market: &Market, symbol: &str, now: i64) -> Option<Arc<Series>> {
        known(&self.symbols, market, symbol, now)
    }

    /// The truth about a symbol that is listed.
    fn listed(&self, market: &Market, symbol: &str, now: i64) -> Result<Arc<Series>, ApiError> {
        let series = self.known(market, symbol, now).ok_or(NOT_FOUND)?;
        if series.listing().standing(now) == Standing::Delisted { Err(NOT_FOUND) } else { Ok(series) }
    }
}

fn known(symbols: &Symbols, market: &Market, symbol: &str, now: i64) -> Option<Arc<Series>> {
    let pair = symbols.get(&symbol.to_uppercase())?;
    market.series(EXCHANGE, pair).filter(|series| series.listing().since <= now)
}

fn is_own(path: &str) -> bool {
    ["/derivatives/", charts::PATH, executions::PATH].iter().any(|start| path.starts_with(start))
}

/// The endpoint of a path, and the symbol if the path has it.
fn endpoint(path: &str) -> Option<(Endpoint, Option<&str>)> {
    let rest = path.strip_prefix("/derivatives/api/")?;
    let (version, name) = rest.split_once('/')?;
    if !matches!(version, "v3" | "v4") {
        return None;
    }
    match name.split_once('/') {
        None => match name {
            "instruments" => Some((Endpoint::Instruments, None)),
            "tickers" => Some((Endpoint::Tickers, None)),
            "orderbook" => Some((Endpoint::OrderBook, None)),
            "history" => Some((Endpoint::History, None)),
            "historicalfundingrates" | "historical-funding-rates" => Some((Endpoint::Funding, None)),
            _ => None,
        },
        Some(("tickers", symbol)) => Some((Endpoint::Tickers, Some(symbol))),
        Some(_) => None,
    }
}

fn tickers(market: &Market, moment: Moment) -> Value {
    let listings = listings::listings(market, moment.now);
    let series = listings.filter_map(|listing| market.series(EXCHANGE, &listing.pair));
    series.map(|series| ticker(&series, moment)).collect()
}

fn ticker(series: &Series, moment: Moment) -> Value {
    let (listing, seen) = (series.listing(), moment.seen.saturating_add(1));
    let price = series.price_at(moment.now);
    let number = |ticks: i64| json_number(&price_number(listing, ticks));
    let last_id = series.first_id_at(seen);
    let last = series.trades(last_id - 1..last_id).next();
    let day = series.bar(moment.now - DAY, seen);
    let mut ticker = json!({
        "symbol": listings::symbol(&listing.pair),
        "tag": listings::tag(&listing.pair),
        "pair": listings::pair_text(&listing.pair),
        "markPrice": number(price),
        "indexPrice": number(price),
        "bid": number(price),
        "bidSize": 1,
        "ask": number(price + 1),
        "askSize": 1,
        "vol24h": json_number(&amount_number(listing, day.volume)),
        "openInterest": json_number(&listings::open_interest_text(series, moment.now)),
        "suspended": listing.standing(moment.now) == Standing::Halted,
        "postOnly": false,
    });
    let Value::Object(fields) = &mut ticker else { return ticker };
    if let Some(last) = last {
        fields.insert("last".to_owned(), number(last.price));
        fields.insert("lastTime".to_owned(), json!(iso_text(last.micros, 3)));
        fields.insert("lastSize".to_owned(), json_number(&amount_number(listing, i128::from(last.amount))));
    }
    if let Some(rate) = funding::latest(series, moment.now) {
        fields.insert("fundingRate".to_owned(), json_number(&rate.absolute));
        fields.insert("fundingRatePrediction".to_owned(), json_number(&rate.absolute));
    }
    ticker
}

/// The book of now; one that is halted has none.
fn order_book(series: &Series, now: i64) -> Value {
    let listing = series.listing();
    let book = if now < listing.until { book(series, now.div_euclid(BOOK_STEP), LEVELS) } else { Default::default() };
    let levels = |levels: &[(i64, i64)]| -> Vec<Value> {
        let one = |(ticks, amount): &(i64, i64)| {
            json!([
                json_number(&price_number(listing, *ticks)),
                json_number(&amount_number(listing, i128::from(*amount)))
            ])
        };
        levels.iter().map(one).collect()
    };
    json!({"bids": levels(&book.bids), "asks": levels(&book.asks)})
}

fn error(status: u16, message: &str, now: Option<i64>) -> Response {
    let mut fields = json!({"result": "error", "error": message});
    if let (Some(now), Value::Object(fields)) = (now, &mut fields) {
        fields.insert("serverTime".to_owned(), json!(iso_text(now, 3)));
    }
    body(status, fields.to_string())
}

fn body(status: u16, text: String) -> Response {
    Response::new(status, "application/json", text)
}

fn price_number(listing: &Listing, ticks: i64) -> String {
    trimmed_text(i128::from(ticks), listing.price_scale)
}

fn amount_number(listing: &Listing, amount: i128) -> String {
    trimmed_text(amount, listing.amount_scale)
}

fn price_tick(listing: &Listing) -> String {
    decimal_text(1, listing.price_scale, listing.price_scale)
}

/// A JSON number of these digits.
fn json_number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
