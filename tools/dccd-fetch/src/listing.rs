//! What an exchange trades, and what that says of a pair that it gives nothing of.

use dccd_exchange::{Instrument, Listed, Request, Trading};
use dccd_record::{Market, Pair};

use crate::worker::Failure;

/// Pages of one list; no exchange needs a tenth of that.
const PAGES_MAX: usize = 200;
/// Pairs that are suggested in place of one that is not there.
const SUGGESTIONS_MAX: usize = 3;

/// What an exchange trades.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) instruments: Vec<Instrument>,
    /// Why a part of it is missing.
    pub(crate) failure: Option<Failure>,
}

impl Listing {
    /// Asks every request and the pages that follow from it; one that fails does not keep the others back.
    pub(crate) fn collect(
        requests: Vec<Request>,
        mut ask: impl FnMut(&Request, &mut Vec<Instrument>) -> Result<Listed, Failure>,
    ) -> Listing {
        let mut listing = Listing { instruments: Vec::new(), failure: None };
        for request in requests {
            if let Err(failure) = listing.pages(request, &mut ask) {
                let is_stop = failure.is_stop;
                listing.failure.get_or_insert(failure);
                if is_stop {
                    break;
                }
            }
        }
        listing
    }

    fn pages(
        &mut self,
        mut request: Request,
        ask: &mut impl FnMut(&Request, &mut Vec<Instrument>) -> Result<Listed, Failure>,
    ) -> Result<(), Failure> {
        let before = self.instruments.len();
        for _ in 0..PAGES_MAX {
            match ask(&request, &mut self.instruments)? {
                // No exchange trades nothing.
                Listed::All if self.instruments.len() == before => {
                    return Err(Failure::retryable(format!("the list of {} is empty", request.api.name)));
                }
                Listed::All => return Ok(()),
                Listed::More(next) if next == request => break,
                Listed::More(next) => request = next,
            }
        }
        Err(Failure::hopeless(format!("the list of {} does not end", request.api.name)))
    }

    /// The instruments of a pair.
    pub(crate) fn of<'a>(&'a self, pair: &'a Pair) -> impl Iterator<Item = &'a Instrument> {
        self.instruments.iter().filter(move |instrument| instrument.pair.as_ref().is_some_and(|ours| is_of(pair, ours)))
    }

    /// What is so of a pair that an exchange gave nothing of: not known, not traded any more, not now, not yet.
    pub(crate) fn explain(&self, exchange: &str, pair: &Pair, failure: Failure) -> Failure {
        let said = &failure.message;
        // The one that lives speaks for those that went before it.
        let Some(found) = self.of(pair).min_by_key(|instrument| life(instrument.trading)) else {
            return match &self.failure {
                Some(unlisted) if unlisted.is_stop => unlisted.clone(),
                Some(unlisted) => {
                    let message = format!("{said}; and what {exchange} trades is not known: {}", unlisted.message);
                    Failure { message, is_pair_doubtful: false, ..failure }
                }
                None => Failure::hopeless(format!("{said}; {exchange} lists no {pair}{}", self.suggestion(pair))),
            };
        };
        let symbol = format!("{exchange} lists {pair} as {} (status {})", found.symbol, found.status);
        let since = found.since.map_or_else(String::new, |since| format!(" since {}", since.day()));
        match found.trading {
            Trading::Open => {
                let message = format!("{said}; {symbol}, traded{since}");
                Failure { message, is_pair_doubtful: false, ..failure }
            }
            Trading::Halted => Failure::retryable(format!("{said}; {symbol}, which is halted: it may come back")),
            Trading::Announced => {
                let from = found.since.map_or_else(String::new, |since| format!(" before {}", since.day()));
                Failure::retryable(format!("{said}; {symbol}, which is announced: it is not traded{from}"))
            }
            Trading::Delisted => Failure::hopeless(format!("{said}; {symbol}, which is delisted: nothing more comes")),
        }
    }

    /// `; did you mean A/B or C/D?`, or nothing.
    pub(crate) fn suggestion(&self, asked: &Pair) -> String {
        let mut rated: Vec<(usize, String)> = self
            .instruments
            .iter()
            .filter(|instrument| instrument.trading != Trading::Delisted)
            .filter_map(|instrument| instrument.pair.as_ref())
            .filter_map(|pair| Some((distance(asked, pair)?, pair.to_string())))
            .collect();
        rated.sort_unstable();
        rated.dedup();
        rated.truncate(SUGGESTIONS_MAX);
        let names: Vec<String> = rated.into_iter().map(|(_, name)| name).collect();
        match names.split_last() {
            None => String::new(),
            Some((last, [])) => format!("; did you mean {last}?"),
            Some((last, others)) => format!("; did you mean {} or {last}?", others.join(", ")),
        }
    }
}

fn life(trading: Trading) -> u8 {
    match trading {
        Trading::Open => 0,
        Trading::Halted => 1,
        Trading::Announced => 2,
        Trading::Delisted => 3,
    }
}

/// Whether `ours` is what `asked` names; contracts that follow each other go by their dates in a list.
pub(crate) fn is_of(asked: &Pair, ours: &Pair) -> bool {
    let is_series = matches!(asked.market(), Market::Quarter | Market::NextQuarter);
    let is_market = if is_series { is_dated(ours) } else { asked.market() == ours.market() };
    is_market && asked.base() == ours.base() && asked.quote() == ours.quote()
}

fn is_dated(pair: &Pair) -> bool {
    matches!(pair.market(), Market::Dated(_) | Market::Quarter | Market::NextQuarter)
}

/// How far a pair is from the one that was asked for; `None` if nobody could have meant it.
fn distance(asked: &Pair, pair: &Pair) -> Option<usize> {
    let markets = match (asked.market(), pair.market()) {
        (asked, ours) if asked == ours => 0,
        // Nobody means a contract that ends who did not name a day.
        _ if is_dated(pair) && !is_dated(asked) => 6,
        _ => 1,
    };
    if (asked.base(), asked.quote()) == (pair.quote(), pair.base()) {
        return Some(1 + markets);
    }
    let bases = strsim::osa_distance(asked.base(), pair.base());
    let quotes = strsim::osa_distance(asked.quote(), pair.quote());
    // A short name with a letter changed is another asset altogether, unless the rest is right.
    let bases_max = if asked.quote() == pair.quote() { (asked.base().len() / 3).max(1) } else { 0 };
    let is_near = bases <= bases_max.min(asked.base().len().saturating_sub(1));
    // The same asset for some other money is what one may have meant, dollars of any kind above all.
    is_near.then(|| bases * 2 + quotes * 2 + markets)
}

#[cfg(test)]
mod tests;
