//! How OKX spells what it trades.

use dccd_record::{Market, Pair};

/// The instrument.
pub(super) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (pair.base(), pair.quote());
    match pair.market() {
        Market::Perp | Market::Inverse => format!("{base}-{quote}-SWAP"),
        Market::Dated(date) => format!("{base}-{quote}-{date:06}"),
        Market::Spot | Market::Quarter | Market::NextQuarter => format!("{base}-{quote}"),
    }
}

/// The sort of instrument.
pub(super) fn instrument_type(pair: &Pair) -> &'static str {
    match pair.market() {
        Market::Perp | Market::Inverse => "SWAP",
        Market::Dated(_) => "FUTURES",
        Market::Spot | Market::Quarter | Market::NextQuarter => "SPOT",
    }
}

/// Whether its contracts are worth an amount of the quote.
pub(super) fn is_inverse(pair: &Pair) -> bool {
    pair.market() != Market::Spot && pair.quote() == "USD"
}
