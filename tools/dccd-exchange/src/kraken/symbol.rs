//! Kraken's own names of assets and pairs.

use dccd_record::{Market, Pair};

/// What pairs are asked for by: `XBTUSD`.
pub(super) fn symbol(pair: &Pair) -> String {
    format!("{}{}", theirs(pair.base()), theirs(pair.quote()))
}

/// Our pair for `XBT/USD`.
pub(super) fn pair(name: &str) -> Option<Pair> {
    let (base, quote) = name.split_once('/')?;
    Pair::new(ours(base), ours(quote), Market::Spot).ok()
}

/// Whether an answer's key is about a pair: old assets have a letter more there, as in `XXBTZUSD`.
pub(super) fn is_key_of(key: &str, pair: &Pair) -> bool {
    let quote = theirs(pair.quote());
    forms(theirs(pair.base())).any(|base| key.strip_prefix(&*base).is_some_and(|rest| forms(quote).any(|q| rest == q)))
}

/// An asset's name, and what it is called where it is an old one.
fn forms(asset: &str) -> impl Iterator<Item = String> + '_ {
    ["", "X", "Z"].into_iter().map(move |letter| format!("{letter}{asset}"))
}

fn theirs(asset: &str) -> &str {
    match asset {
        "BTC" => "XBT",
        "DOGE" => "XDG",
        other => other,
    }
}

fn ours(asset: &str) -> &str {
    match asset {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    }
}
