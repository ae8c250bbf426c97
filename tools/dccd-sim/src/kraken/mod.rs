//! Kraken: spot. Errors of REST come in HTTP 200; streams are those of version 2.

mod listings;
mod ohlc;
mod stamp;
mod stream;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use std::collections::HashMap;
use std::sync::Arc;

use dccd_cli::Output;
use dccd_record::Pair;
use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, SECOND, http_date, iso_text};
use crate::decimal::decimal_text;
use crate::exchange::{Entry, Exchange, Moment, Refusal, refused};
use crate::http::{Query, Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::catalogue::{Contract, Fate, Group, Listing, Sort, Special, Standing};
use crate::market::statistics::{BOOK_STEP, book};
use crate::market::{Market, Series};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(Kraken { symbols: listings::symbols(market.catalogue()), limits }),
};
const EXCHANGE: &str = "kraken";
/// What new connections to its streams count against.
const CONNECTIONS: &str = "kraken-connections";
/// One request a second, some more at once; 150 new connections within ten minutes.
const LIMITS: &[Rule] = &[
    Rule { name: EXCHANGE, host: EXCHANGE, max: 10, pace: Pace::Drain { per_minute: 60 }, over: Over::Wait },
    Rule {
        name: CONNECTIONS,
        host: CONNECTIONS,
        max: 150,
        pace: Pace::Window { secs: 600 },
        over: Over::Ban { secs: 600 },
    },
];
/// Since 2013-10-06.
const GROUPS: &[Group] = &[Group {
    sorts: &[Sort::Spot],
    bases: &[
        "BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "TRX", "BCH", "ATOM", "NEAR", "UNI",
        "SUSHI", "SHIB", "XLM", "ETC", "EUR", "GBP", "USDT", "USDC",
    ],
    quotes: &["USD", "EUR", "GBP", "USDT", "USDC", "BTC", "ETH"],
    opened: 15_984 * DAY + 21 * HOUR,
    amount_digits: AMOUNT_DIGITS,
    digits: 16,
    contract: Contract::Base,
    specials: &[
        // Renamed on 2023-12-20: the old name ends where the new one begins.
        Special { base: "MATIC", quote: "USD", first_day: 18_697, last_day: 19_711, fate: Fate::Delisted },
        Special { base: "POL", quote: "USD", first_day: 19_711, last_day: 0, fate: Fate::Delisted },
        Special { base: "XMR", quote: "EUR", first_day: 17_200, last_day: 19_690, fate: Fate::Delisted },
        Special { base: "RUNE", quote: "USD", first_day: 0, last_day: 19_700, fate: Fate::Halted },
    ],
}];
/// Digits after the point of every amount.
const AMOUNT_DIGITS: u32 = 8;
/// Prices of trades and books have at least so many.
const PRICE_DIGITS_MIN: u32 = 5;
const PATH: &str = "/0/public/";

/// The simulated Kraken.
#[derive(Debug)]
pub(crate) struct Kraken {
    /// Pairs by every name that the exchange understands.
    symbols: HashMap<String, Pair>,
    limits: Limits,
}

/// A refusal: what stands in `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ApiError(&'static str);

const UNKNOWN_PAIR: ApiError = ApiError("EQuery:Unknown asset pair");
const BAD_ARGUMENTS: ApiError = ApiError("EGeneral:Invalid arguments");

impl Exchange for Kraken {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn limit_of(&self, path: &str) -> Option<&'static str> {
        path.starts_with(PATH).then_some(EXCHANGE)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        let name = request.path.strip_prefix(PATH)?;
        if let Some(refusal) = refused(self, &request.path, 1, moment) {
            return Some(refusal);
        }
        let answer = self.page(market, name, &request.query(), moment);
        Some(match answer {
            Ok(result) => body(200, format!("{{\"error\":[],\"result\":{result}}}")),
            Err(ApiError(message)) => error(200, message),
        })
    }

    fn refusal(&self, refusal: Refusal, _: &str) -> Response {
        let message = if refusal.is_ban { "EGeneral:Temporary lockout" } else { "EGeneral:Too many requests" };
        error(200, message).refused()
    }

    fn failure(&self, status: u16, _: Option<i64>, _: &str) -> Response {
        error(status, "EService:Unavailable")
    }

    fn empty(&self, _: &str, body: &[u8]) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(body).ok()?;
        let rows = value.get_mut("result")?.as_object_mut()?.values_mut().find_map(Value::as_array_mut)?;
        rows.clear();
        Some(value.to_string().into_bytes())
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let is_here = request.path == stream::PATH;
        is_here.then(|| Box::new(stream::KrakenSession::new(moment)) as Box<dyn Session>)
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        (path == stream::PATH).then_some(CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Kraken {
    /// What stands in `result`, as JSON.
    fn page(&self, market: &Market, name: &str, query: &Query, moment: Moment) -> Result<String, ApiError> {
        let now = moment.now;
        match name {
            "Time" => return Ok(time(now).to_string()),
            "SystemStatus" => return Ok(json!({"status": "online", "timestamp": iso_text(now, 0)}).to_string()),
            "Assets" => return Ok(listings::assets(market, now).to_string()),
            "AssetPairs" => return self.pairs(market, query, now),
            _ => {}
        }
        if !matches!(name, "OHLC" | "Trades" | "Depth" | "Ticker") {
            return Err(ApiError("EGeneral:Unknown method"));
        }
        let symbol = query.value("pair").ok_or(BAD_ARGUMENTS)?;
        let series = self.series(market, symbol, now)?;
        let key = listings::key(&series.listing().pair);
        match name {
            "OHLC" => ohlc::page(&series, &key, query, moment),
            "Trades" => trades::page(&series, &key, query, moment),
            "Depth" => depth(&series, &key, query, now),
            _ => Ok(json!({key: ticker(&series, moment)}).to_string()),
        }
    }

    fn pairs(&self, market: &Market, query: &Query, now: i64) -> Result<String, ApiError> {
        let Some(names) = query.value("pair") else { return Ok(listings::pairs(market, now).to_string()) };
        let mut pairs = serde_json::Map::new();
        for name in names.split(',') {
            let series = self.series(market, name, now)?;
            let listing = series.listing();
            pairs.insert(listings::key(&listing.pair), listings::pair(listing, now));
        }
        Ok(Value::Object(pairs).to_string())
    }

    /// What was taken off is as unknown as what never was.
    fn series(&self, market: &Market, symbol: &str, now: i64) -> Result<Arc<Series>, ApiError> {
        let pair = self.symbols.get(symbol).ok_or(UNKNOWN_PAIR)?;
        let series = market.series(EXCHANGE, pair).ok_or(UNKNOWN_PAIR)?;
        match series.listing().standing(now) {
            Standing::Trading | Standing::Halted => Ok(series),
            Standing::Unlisted | Standing::Delisted => Err(UNKNOWN_PAIR),
        }
    }
}

fn time(now: i64) -> Value {
    // As HTTP dates, but with two digits of the year and an offset.
    let date = http_date(now);
    let text: Vec<&str> = date.split(' ').collect();
    let rfc1123 = match text.as_slice() {
        [weekday, day, month, year, time, _] => format!("{weekday} {day} {month} {} {time} +0000", &year[2..]),
        _ => date.clone(),
    };
    json!({"unixtime": now / SECOND, "rfc1123": rfc1123})
}

/// The book of now; one that is halted has none.
fn depth(series: &Series, key: &str, query: &Query, now: i64) -> Result<String, ApiError> {
    let count: usize = query.value("count").unwrap_or("100").parse().map_err(|_| BAD_ARGUMENTS)?;
    if !(1..=500).contains(&count) {
        return Err(BAD_ARGUMENTS);
    }
    let listing = series.listing();
    let book = if now < listing.until { book(series, now.div_euclid(BOOK_STEP), count) } else { Default::default() };
    let levels = |levels: &[(i64, i64)]| -> Vec<Value> {
        let since = |ticks: i64| book.step * BOOK_STEP / SECOND - ticks % 60;
        let one = |(ticks, amount): &(i64, i64)| {
            json!([long_price_text(listing, *ticks), amount_text(listing, i128::from(*amount)), since(*ticks)])
        };
        levels.iter().map(one).collect()
    };
    Ok(json!({key: {"asks": levels(&book.asks), "bids": levels(&book.bids)}}).to_string())
}

fn ticker(series: &Series, moment: Moment) -> Value {
    let (listing, seen) = (series.listing(), moment.seen.saturating_add(1));
    let (today, day) = (series.bar(moment.now - moment.now.rem_euclid(DAY), seen), series.bar(moment.now - DAY, seen));
    let price = |ticks: i64| long_price_text(listing, ticks);
    let best = series.price_at(moment.now);
    let last = series.last_price_before(seen).unwrap_or(best);
    json!({
        "a": [price(best + 1), "1", "1.000"],
        "b": [price(best), "1", "1.000"],
        "c": [price(last), "0.00100000"],
        "v": [amount_text(listing, today.volume), amount_text(listing, day.volume)],
        "p": [vwap_text(listing, &today), vwap_text(listing, &day)],
        "t": [today.trades, day.trades],
        "l": [price(today.low), price(day.low)],
        "h": [price(today.high), price(day.high)],
        "o": price(today.open),
    })
}

fn error(status: u16, message: &str) -> Response {
    body(status, json!({"error": [message]}).to_string())
}

fn body(status: u16, text: String) -> Response {
    Response::new(status, "application/json; charset=utf-8", text)
}

/// A price as candles have it.
fn price_text(listing: &Listing, ticks: i64) -> String {
    decimal_text(i128::from(ticks), listing.price_scale, listing.price_scale)
}

/// A price as trades and books have it.
fn long_price_text(listing: &Listing, ticks: i64) -> String {
    decimal_text(i128::from(ticks), listing.price_scale, listing.price_scale.max(PRICE_DIGITS_MIN))
}

fn amount_text(listing: &Listing, amount: i128) -> String {
    decimal_text(amount, listing.amount_scale, AMOUNT_DIGITS)
}

/// The average price, rounded to a tick.
fn vwap_text(listing: &Listing, bar: &crate::market::bar::Bar) -> String {
    if bar.volume == 0 {
        return "0.0".to_owned();
    }
    let ticks = (bar.quote_volume + bar.volume / 2) / bar.volume;
    decimal_text(ticks, listing.price_scale, listing.price_scale)
}
