//! What Bybit trades.

use std::borrow::Cow;

use dccd_record::{Market, Pair, Ts};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::open;
use super::symbol::symbol;
use super::table::{API, CAPABILITIES, REQUESTS};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::{date_of, encode, millis, unquoted};

const PATH: &str = "/v5/market/instruments-info";
/// Of contracts only those that are traded are listed unasked.
const OTHER_STATUSES: [&str; 3] = ["PreLaunch", "Delivering", "Closed"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    list: Vec<Row<'a>>,
    #[serde(borrow)]
    next_page_cursor: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow)]
    base_coin: Cow<'a, str>,
    #[serde(borrow)]
    quote_coin: Cow<'a, str>,
    /// Not for spot.
    #[serde(borrow)]
    contract_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    launch_time: Option<&'a RawValue>,
    #[serde(borrow)]
    delivery_time: Option<&'a RawValue>,
    #[serde(borrow)]
    price_filter: Option<PriceFilter<'a>>,
    #[serde(borrow)]
    lot_size_filter: Option<LotSizeFilter<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceFilter<'a> {
    #[serde(borrow)]
    tick_size: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LotSizeFilter<'a> {
    #[serde(borrow)]
    qty_step: Option<&'a RawValue>,
    /// Of spot.
    #[serde(borrow)]
    base_precision: Option<&'a RawValue>,
}

/// The questions for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    let mut queries = vec!["category=spot".to_owned()];
    for category in ["linear", "inverse"] {
        queries.push(format!("category={category}&limit=1000"));
        queries.extend(OTHER_STATUSES.map(|status| format!("category={category}&limit=1000&status={status}")));
    }
    queries.iter().map(|query| request(query)).collect()
}

/// Adds what an answer lists.
pub(super) fn read(request: &Request, reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    let (wire, _) = open::<Wire<'_>>(reply)?;
    let asked = Asked::of(request);
    if asked.category != Some(&*wire.category) {
        return Err(AnswerError::Unexpected(format!("a list of {:?}, which was not asked for", wire.category)));
    }
    found.extend(wire.list.iter().filter(|row| asked.wants(&row.status)).map(instrument));
    match wire.next_page_cursor.as_deref() {
        Some(cursor) if !cursor.is_empty() && !wire.list.is_empty() => asked.next(cursor),
        _ => Ok(Listed::All),
    }
}

/// What a request asks for.
struct Asked<'a> {
    query: &'a str,
    category: Option<&'a str>,
    status: Option<&'a str>,
    cursor: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(request: &'a Request) -> Asked<'a> {
        let query = request.path.split_once('?').map_or("", |(_, query)| query);
        let field = |name: &str| {
            query.split('&').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name).map(|(_, it)| it)
        };
        Asked { query, category: field("category"), status: field("status"), cursor: field("cursor") }
    }

    /// Whether nobody else lists it: what an exchange lists twice is still one instrument.
    fn wants(&self, status: &str) -> bool {
        match self.status {
            Some(asked) => status == asked,
            None => !OTHER_STATUSES.contains(&status),
        }
    }

    fn next(&self, cursor: &str) -> Result<Listed, AnswerError> {
        // Cursors come as they stand in a query; to encode them once more would make them others.
        let is_encoded = cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_.~".contains(&byte));
        let cursor = if is_encoded { cursor.to_owned() } else { encode(cursor) };
        if self.cursor == Some(&cursor) {
            return Err(AnswerError::Unexpected("a page that leads to itself".to_owned()));
        }
        let others = self.query.split('&').filter(|field| !field.starts_with("cursor=")).collect::<Vec<_>>().join("&");
        Ok(Listed::More(request(&format!("{others}&cursor={cursor}"))))
    }
}

fn request(query: &str) -> Request {
    Request { api: &API, path: format!("{PATH}?{query}"), weight: 1, group: &REQUESTS }
}

fn instrument(row: &Row<'_>) -> Instrument {
    let text = |raw: Option<&RawValue>| raw.map(unquoted).filter(|text| !text.is_empty()).map(str::to_owned);
    let lot = row.lot_size_filter.as_ref();
    Instrument {
        symbol: row.symbol.clone().into_owned(),
        pair: pair(row),
        trading: trading(&row.status),
        status: row.status.clone().into_owned(),
        tick: text(row.price_filter.as_ref().and_then(|filter| filter.tick_size)),
        lot: text(lot.and_then(|filter| filter.qty_step.or(filter.base_precision))),
        since: time(row.launch_time),
    }
}

/// Our name, if it leads back to the exchange's.
fn pair(row: &Row<'_>) -> Option<Pair> {
    let market = match row.contract_type.as_deref() {
        None => Market::Spot,
        Some("LinearPerpetual") => Market::Perp,
        Some("InversePerpetual") => Market::Inverse,
        Some("LinearFutures" | "InverseFutures") => Market::Dated(date_of(time(row.delivery_time)?)?),
        Some(_) => return None,
    };
    let pair = Pair::new(&row.base_coin, &row.quote_coin, market).ok()?;
    let is_ours = symbol(&pair) == row.symbol && CAPABILITIES.iter().any(|known| known.has_pair(&pair));
    is_ours.then_some(pair)
}

fn time(raw: Option<&RawValue>) -> Option<Ts> {
    millis(raw?).ok()
}

fn trading(status: &str) -> Trading {
    match status {
        "Trading" => Trading::Open,
        "PreLaunch" => Trading::Announced,
        "Closed" => Trading::Delisted,
        _ => Trading::Halted,
    }
}
