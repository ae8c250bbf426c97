//! Bitfinex: REST and streams, version 2.

mod book;
mod candles;
mod conf;
mod error;
mod params;
mod status;
mod stream;
mod symbols;
#[cfg(test)]
mod tests;
mod trades;
mod truth;

use std::sync::Arc;

use dccd_cli::Output;

use crate::clock::{DAY, HOUR};
use crate::exchange::{Entry, Exchange, Moment, Refusal, emptied, refused};
use crate::http::{Request, Response};
use crate::limits::{Limits, Over, Pace, Rule};
use crate::market::Market;
use crate::market::catalogue::{Contract, Fate, Group, Sort, Special};
use crate::truth::{TruthError, TruthQuery};
use crate::ws::Session;
use error::ApiError;
use symbols::Symbols;

/// The name that pairs of this exchange have in records.
pub(crate) const EXCHANGE: &str = "bitfinex";

/// What the table of exchanges says of it.
pub(crate) const ENTRY: Entry = Entry {
    name: EXCHANGE,
    groups: GROUPS,
    rules: LIMITS,
    open: |market, limits| Box::new(Bitfinex::open(market, limits)),
};

/// What it trades: spot since 2013-01-14, perpetual contracts since 2019-09-10.
const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Spot],
        bases: &[
            "BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK", "AVAX", "TRX", "ATOM", "NEAR", "UNI",
            "SUSHI", "SHIB", "XLM", "ETC", "XMR",
        ],
        quotes: &["USD", "USDT", "EUR", "BTC"],
        opened: 15_719 * DAY + 10 * HOUR,
        amount_digits: 8,
        digits: 12,
        contract: Contract::Base,
        specials: &[GONE],
    },
    Group {
        sorts: &[Sort::Perp],
        bases: &["BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "AVAX"],
        quotes: &["USDT"],
        opened: 18_149 * DAY + 10 * HOUR,
        amount_digits: 8,
        digits: 12,
        contract: Contract::Base,
        specials: &[],
    },
];
/// Traded from 2021-03-14 to 2025-01-01: since then in no list.
const GONE: Special =
    Special { base: "MATIC", quote: "USD", first_day: 18_700, last_day: 20_089, fate: Fate::Delisted };

/// The published limits: per endpoint and minute; who goes beyond one is blocked everywhere for a minute.
const LIMITS: &[Rule] = &[
    rule("bitfinex-candles", 30),
    rule("bitfinex-trades", 15),
    rule("bitfinex-book", 240),
    rule("bitfinex-status", 90),
    rule("bitfinex-conf", 90),
    rule("bitfinex-platform", 30),
    Rule { host: CONNECTIONS, ..rule(CONNECTIONS, 20) },
];
/// What new connections to its streams count against.
const CONNECTIONS: &str = "bitfinex-connections";

const fn rule(name: &'static str, max: i64) -> Rule {
    Rule { name, host: EXCHANGE, max, pace: Pace::Window { secs: 60 }, over: Over::Ban { secs: 60 } }
}

/// The simulated Bitfinex.
#[derive(Debug)]
pub(crate) struct Bitfinex {
    symbols: Arc<Symbols>,
    limits: Limits,
}

impl Exchange for Bitfinex {
    fn name(&self) -> &'static str {
        EXCHANGE
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn limit_of(&self, path: &str) -> Option<&'static str> {
        let endpoint = path.strip_prefix("/v2/")?.split('/').next()?;
        let limits = [
            ("candles", "bitfinex-candles"),
            ("trades", "bitfinex-trades"),
            ("book", "bitfinex-book"),
            ("status", "bitfinex-status"),
            ("conf", "bitfinex-conf"),
            ("platform", "bitfinex-platform"),
        ];
        limits.into_iter().find(|(name, _)| *name == endpoint).map(|(_, limit)| limit)
    }

    fn answer(&self, market: &Market, request: &Request, moment: Moment) -> Option<Response> {
        let path = plain_path(&request.path);
        let parts: Vec<&str> = path.strip_prefix("/v2/")?.split('/').collect();
        if let Some(refusal) = refused(self, &path, 1, moment) {
            return Some(refusal);
        }
        Some(match self.page(market, &parts, request, moment) {
            Ok(body) => Response::json(200, body),
            Err(error) => error.response(),
        })
    }

    fn refusal(&self, _: Refusal, _: &str) -> Response {
        ApiError::too_fast().response().refused()
    }

    fn failure(&self, status: u16, code: Option<i64>, _: &str) -> Response {
        ApiError::failure(status, code).response()
    }

    fn empty(&self, path: &str, body: &[u8]) -> Option<Vec<u8>> {
        if path.ends_with("/last") || path.starts_with("/v2/platform") {
            return None;
        }
        emptied(body, if path.starts_with("/v2/conf") { "/0" } else { "" })
    }

    fn session(&self, _: &Market, request: &Request, moment: Moment) -> Option<Box<dyn Session>> {
        let has_limits = !self.limits.is_off();
        let open = || Box::new(stream::BitfinexSession::new(&self.symbols, moment, has_limits));
        (request.path == stream::PATH).then(|| open() as Box<dyn Session>)
    }

    fn connection_limit_of(&self, path: &str) -> Option<&'static str> {
        (path == stream::PATH).then_some(CONNECTIONS)
    }

    fn truth(&self, market: &Market, query: &TruthQuery, out: &mut Output) -> Result<(), TruthError> {
        truth::print(market, query, out)
    }
}

impl Bitfinex {
    fn open(market: &Market, limits: Limits) -> Bitfinex {
        let pairs = [Sort::Spot, Sort::Perp].map(|sort| market.catalogue().pairs(EXCHANGE, sort));
        Bitfinex { symbols: Arc::new(Symbols::new(pairs.into_iter().flatten())), limits }
    }

    fn page(&self, market: &Market, parts: &[&str], request: &Request, moment: Moment) -> Result<Vec<u8>, ApiError> {
        let query = request.query();
        let series = |symbol: &str| self.symbols.series(market, symbol, moment.now);
        // A symbol that does not exist has an empty history, but no book.
        let nothing = || b"[]".to_vec();
        match parts {
            ["platform", "status"] => Ok(b"[1]".to_vec()),
            ["conf", keys] => Ok(conf::page(&self.symbols, market, keys, moment.now)),
            ["candles", key, section @ ("hist" | "last")] => {
                let mut words = key.splitn(3, ':');
                let (Some("trade"), Some(span), Some(symbol)) = (words.next(), words.next(), words.next()) else {
                    return Err(ApiError::invalid("key"));
                };
                let grid = candles::grid(span)?;
                match series(symbol) {
                    None => Ok(nothing()),
                    Some(series) if *section == "last" => Ok(candles::last(&series, grid, moment.seen)),
                    Some(series) => candles::page(&series, grid, &query, moment.seen),
                }
            }
            ["trades", symbol, "hist"] => match series(symbol) {
                None => Ok(nothing()),
                Some(series) => trades::page(&series, &query, moment.seen),
            },
            ["book", symbol, precision] => {
                let series = series(symbol).filter(|series| moment.now < series.listing().until);
                book::page(&*series.ok_or_else(|| ApiError::invalid("symbol"))?, precision, &query, moment.now)
            }
            ["status", "deriv", symbol, "hist"] => match series(symbol).filter(|_| symbols::is_contract(symbol)) {
                None => Ok(nothing()),
                Some(series) => status::page(&series, &query, moment.now),
            },
            ["status", "deriv"] => {
                let keys = query.value("keys").ok_or_else(|| ApiError::invalid("keys"))?;
                Ok(self.latest_status(market, keys, moment.now))
            }
            _ => Err(ApiError::unknown()),
        }
    }

    /// The newest status of some symbols, or of all.
    fn latest_status(&self, market: &Market, keys: &str, now: i64) -> Vec<u8> {
        let traded = self.symbols.traded(market, Sort::Perp, now);
        let keys: Vec<&str> = keys.split(',').collect();
        let is_wanted = |symbol: &str| keys == ["ALL"] || keys.contains(&symbol);
        let rows = traded.iter().filter_map(|(name, series)| {
            let symbol = format!("t{name}");
            is_wanted(&symbol).then(|| status::keyed_row(series, &symbol, now))?
        });
        format!("[{}]", rows.collect::<Vec<_>>().join(",")).into_bytes()
    }
}

/// A path whose colons and commas may be escaped.
fn plain_path(path: &str) -> String {
    path.replace("%3A", ":").replace("%3a", ":").replace("%2C", ",").replace("%2c", ",")
}
