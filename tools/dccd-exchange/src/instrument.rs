//! What an exchange trades.

use dccd_record::{Market, Pair, Ts};
use serde::Serialize;

use crate::adapter::ADAPTERS;
use crate::answer::{AnswerError, Reply};
use crate::request::Request;

/// Whether an instrument can be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trading {
    /// It is traded.
    Open,
    /// It is listed, but nothing can be traded now, or only cancelled.
    Halted,
    /// It will be traded.
    Announced,
    /// It is gone for good, or has expired.
    Delisted,
}

/// One instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instrument {
    /// The exchange's own name of it.
    pub symbol: String,
    /// Ours; `None` where we have none for it.
    pub pair: Option<Pair>,
    /// Whether it is traded.
    pub trading: Trading,
    /// The exchange's own word for that.
    pub status: String,
    /// The smallest step of its price.
    pub tick: Option<String>,
    /// The smallest step of its amount.
    pub lot: Option<String>,
    /// Since when it is traded.
    pub since: Option<Ts>,
}

/// How a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// That was all.
    All,
    /// There is another page.
    More(Request),
}

impl Instrument {
    /// Appends the instrument as a line.
    pub fn write(&self, exchange: &str, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Line<'a> {
            kind: &'static str,
            exchange: &'a str,
            symbol: &'a str,
            pair: Option<String>,
            market: Option<&'static str>,
            trading: Trading,
            status: &'a str,
            tick: Option<&'a str>,
            lot: Option<&'a str>,
            since: Option<String>,
        }
        let line = Line {
            kind: "instrument",
            exchange,
            symbol: &self.symbol,
            pair: self.pair.as_ref().map(Pair::to_string),
            market: self.pair.as_ref().map(|pair| market_name(pair.market())),
            trading: self.trading,
            status: &self.status,
            tick: self.tick.as_deref(),
            lot: self.lot.as_deref(),
            since: self.since.map(|since| since.to_string()),
        };
        // A structure of texts can always be written.
        if serde_json::to_writer(&mut *out, &line).is_ok() {
            out.push(b'\n');
        }
    }
}

/// The questions for everything that an exchange trades; `None` if we do not speak to it.
pub fn instruments(exchange: &str) -> Option<Vec<Request>> {
    Some(ADAPTERS.iter().find(|adapter| adapter.name() == exchange)?.instruments())
}

/// Reads an answer to one of these questions.
pub fn read_instruments(
    exchange: &str,
    request: &Request,
    reply: &Reply<'_>,
    found: &mut Vec<Instrument>,
) -> Result<Listed, AnswerError> {
    match ADAPTERS.iter().find(|adapter| adapter.name() == exchange) {
        Some(adapter) => adapter.read_instruments(request, reply, found),
        None => Ok(Listed::All),
    }
}

fn market_name(market: Market) -> &'static str {
    match market {
        Market::Spot => "spot",
        Market::Perp => "perp",
        Market::Inverse => "inverse",
        Market::Dated(_) | Market::Quarter | Market::NextQuarter => "dated",
    }
}
