//! What Bitfinex trades: lists of names, of which each is open.

use dccd_record::Market;

use super::symbol::pair;
use super::{API, CONF, error};
use crate::answer::{AnswerError, Reply};
use crate::instrument::{Instrument, Listed, Trading};
use crate::request::Request;
use crate::wire::json;

const SPOT_PATH: &str = "/v2/conf/pub:list:pair:exchange";
const DERIVATIVES_PATH: &str = "/v2/conf/pub:list:pair:futures";

/// The questions for everything that is traded.
pub(super) fn requests() -> Vec<Request> {
    let request = |path: &str| Request { api: &API, path: path.to_owned(), weight: 1, group: &CONF };
    vec![request(SPOT_PATH), request(DERIVATIVES_PATH)]
}

/// Adds what an answer lists.
pub(super) fn read(request: &Request, reply: &Reply<'_>, found: &mut Vec<Instrument>) -> Result<Listed, AnswerError> {
    error::check(reply)?;
    let lists: Vec<Vec<String>> = json(reply.body)?;
    let market = if request.path == SPOT_PATH { Market::Spot } else { Market::Perp };
    found.extend(lists.iter().flatten().map(|name| Instrument {
        symbol: format!("t{name}"),
        pair: pair(name, market),
        trading: Trading::Open,
        status: "listed".to_owned(),
        tick: None,
        lot: None,
        since: None,
    }));
    Ok(Listed::All)
}
