//! BitMEX's names for what is traded.

use dccd_record::{Market, Pair};

/// The letters that stand for months.
const MONTHS: &[u8; 12] = b"FGHJKMNQUVXZ";

/// BitMEX's own spelling of a pair. Spot and perpetual contracts differ by the underscore alone.
pub(super) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (theirs(pair.base()), theirs(pair.quote()));
    match pair.market() {
        Market::Spot => format!("{base}_{quote}"),
        Market::Dated(date) => format!("{}{}", root(base, quote), month(date)),
        _ => format!("{base}{quote}"),
    }
}

/// Our name of one of its assets.
pub(super) fn asset(theirs: &str) -> String {
    match theirs.to_ascii_uppercase() {
        name if name == "XBT" => "BTC".to_owned(),
        name => name,
    }
}

/// Bitcoin against the dollar and anything against bitcoin go by the base alone.
fn root(base: &str, quote: &str) -> String {
    let is_short = quote == "XBT" || (base, quote) == ("XBT", "USD");
    if is_short { base.to_owned() } else { format!("{base}{quote}") }
}

/// The month and the year of a date `YYMMDD`.
fn month(date: u32) -> String {
    let at = usize::try_from(date / 100 % 100).unwrap_or(0).wrapping_sub(1);
    let letter = MONTHS.get(at).copied().map_or('?', char::from);
    format!("{letter}{:02}", date / 10_000)
}

fn theirs(ours: &str) -> &str {
    if ours == "BTC" { "XBT" } else { ours }
}
