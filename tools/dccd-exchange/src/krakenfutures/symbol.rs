//! Kraken Futures' own names of contracts.

use dccd_record::{Market, Pair};

/// `PF_XBTUSD`, `PI_XBTUSD`, `FF_XBTUSD_261225`.
pub(super) fn symbol(pair: &Pair) -> String {
    let base = if pair.base() == "BTC" { "XBT" } else { pair.base() };
    let names = format!("{base}{}", pair.quote());
    match pair.market() {
        Market::Inverse => format!("PI_{names}"),
        Market::Dated(date) => format!("FF_{names}_{date:06}"),
        Market::Spot | Market::Perp | Market::Quarter | Market::NextQuarter => format!("PF_{names}"),
    }
}

/// Our pair for one of these names, if we have one.
pub(super) fn pair(theirs: &str) -> Option<Pair> {
    let (kind, rest) = theirs.split_once('_')?;
    let (names, market) = match (kind, rest.split_once('_')) {
        ("PF", None) => (rest, Market::Perp),
        ("PI", None) => (rest, Market::Inverse),
        ("FF", Some((names, date))) => (names, Market::Dated(date.parse().ok()?)),
        _ => return None,
    };
    let base = names.strip_suffix("USD")?;
    let pair = Pair::new(if base == "XBT" { "BTC" } else { base }, "USD", market).ok()?;
    (symbol(&pair) == theirs).then_some(pair)
}
