//! Coinbase: REST of the Exchange's spot; streams of the Exchange and of Advanced Trade.

mod candles;
mod listings;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use dccd_cli::Output;
use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, MILLI, iso_text};
use crate::decimal::{decimal_text, trimmed_text};
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied, refused};
use crate::http::{Query, Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::catalogue::{Contract, Fate, Group, Listing, Sort, Special};
use crate::market::statistics::{BOOK_STEP, book};
use crate::market::{Market, Series, ids};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry =
    Entry { name: EXCHANGE, groups: GROUPS, rules: LIMITS, open: |_, limits| Box::new(Coinbase { limits }) };
const EXCHANGE: &str = "coinbase";
/// What new connections to its streams count against.
const CONNECTIONS: &str = "coinbase-connections";
/// Ten requests a second, fifteen at once; eight new connections a second, twenty at once.
const LIMITS: &[Rule] = &[
    Rule { name: EXCHANGE, host: EXCHANGE, max: 15, pace: Pace::Drain { per_minute: 600 }, over: Over::Wait },
    Rule { name: CONNECTIONS, host: CONNECTIONS, max: 20, pace: Pace::Drain { per_minute: 480 }, over: Over::Wait },
];
/// Since 2014-12-01.
const GROUPS: &[Group] = &[Group {
    sorts: &[Sort::Spot],
    bases: &[
        "BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "BCH", "ATOM", "NEAR", "UNI", "SUSHI",
        "SHIB", "XLM", "ETC", "USDT",
    ],
    quotes: &["USD", "EUR", "GBP", "USDT", "USDC", "BTC", "ETH"],
    opened: 16_405 * DAY + HOUR,
    amount_digits: 8,
    digits: 16,
    contract: Contract::Base,
    specials: &[
        // Renamed on 2023-12-20: the old name ends where the new one begins.
        Special { base: "MATIC", quote: "USD", first_day: 18_697, last_day: 19_711, fate: Fate::Delisted },
        Special { base: "POL", quote: "USD", first_day: 19_711, last_day: 0, fate: Fate::Delisted },
        Special { base: "RUNE", quote: "USD", first_day: 0, last_day: 19_676, fate: Fate::Delisted },
        Special { base: "NKN", quote: "USD", first_day: 0, last_day: 19_700, fate: Fate::Halted },
    ],
}];
/// Levels of a full book, each side.
const LEVELS: usize = 1_000;
/// Digits after the point of prices and amounts.
const DIGITS: u32 = 8;

/// The simulated Coinbase.
#[derive(Debug)]
pub(crate) struct Coinbase {
    limits: Limits,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ApiError(u16, &'static str);

const NOT_FOUND: ApiError = ApiError(404, "NotFound");

impl Exchange for Coinbase {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn limit_of(&self, path: &str) -> Option<&'static str> {
        is_own(path).then_some(EXCHANGE)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        if !is_own(&request.path) {
            return None;
        }
        if let Some(refusal) = refused(self, &request.path, 1, moment) {
            return Some(refusal);
        }
        let answer = if request.header("user-agent").is_none() {
            Err(ApiError(400, "User-Agent header is required."))
        } else {
            page(market, request, moment)
        };
        Some(answer.unwrap_or_else(|ApiError(status, message)| error(status, message)))
    }

    fn refusal(&self, refusal: Refusal, _: &str) -> Response {
        // Those who do not stop are met by the edge, which speaks HTML.
        if refusal.is_ban { Response::html(403).refused() } else { error(429, "Public rate limit exceeded").refused() }
    }

    fn failure(&self, status: u16, _: Option<i64>, _: &str) -> Response {
        error(status, "Internal server error")
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        emptied(body, "")
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let has_limits = !self.limits.is_off();
        let is_here = request.path == stream::PATH;
        is_here.then(|| Box::new(stream::CoinbaseSession::new(moment, has_limits)) as Box<dyn Session>)
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        (path == stream::PATH).then_some(CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

fn is_own(path: &str) -> bool {
    matches!(path, "/products" | "/time" | "/currencies") || path.starts_with("/products/")
}

fn page(market: &Market, request: &Request, moment: Moment) -> Result<Response, ApiError> {
    let now = moment.now;
    let path = match request.path.as_str() {
        "/time" => return Ok(json_body(&time(now))),
        "/currencies" => return Ok(json_body(&listings::currencies(market, now))),
        "/products" => return Ok(json_body(&listings::products(market, now))),
        path => path.strip_prefix("/products/").ok_or(NOT_FOUND)?,
    };
    let (id, name) = path.split_once('/').unwrap_or((path, ""));
    let pair = listings::pair(id).ok_or(NOT_FOUND)?;
    let series = market.series(EXCHANGE, &pair).ok_or(NOT_FOUND)?;
    let listing = series.listing();
    if listing.since > now {
        return Err(NOT_FOUND);
    }
    let query = request.query();
    match name {
        "" => Ok(json_body(&listings::product(listing, now))),
        "candles" => candles::page(&series, &query, moment),
        "trades" => trades::page(&series, &query, moment),
        "ticker" => Ok(json_body(&ticker(&series, moment))),
        "book" => book_page(&series, &query, now),
        _ => Err(NOT_FOUND),
    }
}

fn time(now: i64) -> Value {
    json!({"iso": iso_text(now, 3), "epoch": f64_of(now / MILLI) / 1_000.0})
}

/// The book of now; one that is no longer traded has none.
fn book_page(series: &Series, query: &Query, now: i64) -> Result<Response, ApiError> {
    let depth = match query.value("level").unwrap_or("1") {
        "1" => 1,
        "2" | "3" => LEVELS,
        _ => return Err(ApiError(400, "Invalid level")),
    };
    let listing = series.listing();
    let book = if now < listing.until { book(series, now.div_euclid(BOOK_STEP), depth) } else { Default::default() };
    let is_by_order = query.value("level") == Some("3");
    let levels = |levels: &[(i64, i64)]| -> Vec<Value> {
        let one = |(ticks, amount): &(i64, i64)| {
            let (price, size) = (price_text(listing, *ticks), amount_text(listing, i128::from(*amount)));
            if is_by_order {
                json!([price, size, ids::uuid(series.key(), *ticks)])
            } else {
                json!([price, size, 1 + ticks % 7])
            }
        };
        levels.iter().map(one).collect()
    };
    Ok(json_body(&json!({
        "bids": levels(&book.bids), "asks": levels(&book.asks), "sequence": book_sequence(series, book.step * BOOK_STEP),
        "auction_mode": false, "auction": null, "time": iso_text(book.step * BOOK_STEP, 6),
    })))
}

/// The number of the last thing that happened in a book: what counts are its steps and its trades.
fn book_sequence(series: &Series, instant: i64) -> i64 {
    instant.div_euclid(BOOK_STEP) + series.first_id_at(instant.saturating_add(1))
}

fn ticker(series: &Series, moment: Moment) -> Value {
    let listing = series.listing();
    let known = series.first_id_at(moment.seen.saturating_add(1));
    let day = series.bar(moment.now - DAY, moment.seen.saturating_add(1));
    let price = series.price_at(moment.now);
    let mut ticker = json!({
        "ask": price_text(listing, price + 1), "bid": price_text(listing, price),
        "volume": amount_text(listing, day.volume), "rfq_volume": "0.00000000",
    });
    if let (Some(last), Value::Object(fields)) = (series.trades(known - 1..known).next(), &mut ticker) {
        fields.insert("trade_id".to_owned(), json!(trades::id(&last)));
        fields.insert("price".to_owned(), json!(long_price_text(listing, last.price)));
        fields.insert("size".to_owned(), json!(amount_text(listing, i128::from(last.amount))));
        fields.insert("time".to_owned(), json!(iso_text(last.micros, 6)));
    }
    ticker
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, json!({"message": message}).to_string())
}

fn json_body(value: &Value) -> Response {
    Response::json(200, value.to_string())
}

/// A price as books have it.
fn price_text(listing: &Listing, ticks: i64) -> String {
    decimal_text(i128::from(ticks), listing.price_scale, listing.price_scale)
}

/// A price as trades have it.
fn long_price_text(listing: &Listing, ticks: i64) -> String {
    decimal_text(i128::from(ticks), listing.price_scale, DIGITS)
}

/// A price as candles have it: a JSON number.
fn price_number(listing: &Listing, ticks: i64) -> String {
    trimmed_text(i128::from(ticks), listing.price_scale)
}

fn amount_text(listing: &Listing, amount: i128) -> String {
    decimal_text(amount, listing.amount_scale, DIGITS)
}

fn amount_number(listing: &Listing, amount: i128) -> String {
    trimmed_text(amount, listing.amount_scale)
}

/// A small whole number, as JSON's numbers are.
fn f64_of(number: i64) -> f64 {
    number.to_string().parse().unwrap_or(0.0)
}
