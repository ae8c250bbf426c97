//! Bitfinex's names for what is traded.

use dccd_record::{Market, Pair};

/// Our names, and Bitfinex's where they differ.
static NAMES: &[(&str, &str)] = &[
    ("ALGO", "ALG"),
    ("AMPL", "AMP"),
    ("ATOM", "ATO"),
    ("BCH", "BCHN"),
    ("DASH", "DSH"),
    ("DATA", "DAT"),
    ("EURS", "EUS"),
    ("EURT", "EUT"),
    ("IOTA", "IOT"),
    ("LUNA", "LUNA2"),
    ("LUNC", "LUNA"),
    ("MANA", "MNA"),
    ("OMNI", "OMN"),
    ("QTUM", "QTM"),
    ("STORJ", "STJ"),
    ("TUSD", "TSD"),
    ("USDC", "UDC"),
    ("USDT", "UST"),
    ("USTC", "TERRAUST"),
    ("VSYS", "VSY"),
    ("WAXP", "WAX"),
    ("WBTC", "WBT"),
    ("XCHF", "XCH"),
    ("XEC", "BCHABC"),
];
/// What the assets of derivatives end with.
const DERIVATIVE: &str = "F0";
/// Longer names are kept apart by a colon.
const PLAIN_CHARS_MAX: usize = 3;

/// Bitfinex's own spelling of a pair.
pub(super) fn symbol(pair: &Pair) -> String {
    format!("t{}", name(pair))
}

/// The same without the letter that stands for trading.
pub(super) fn name(pair: &Pair) -> String {
    let suffix = if pair.market() == Market::Spot { "" } else { DERIVATIVE };
    let (base, quote) = (theirs(pair.base()) + suffix, theirs(pair.quote()) + suffix);
    let is_plain = [&base, &quote].iter().all(|name| name.chars().count() <= PLAIN_CHARS_MAX);
    format!("{base}{}{quote}", if is_plain { "" } else { ":" })
}

/// Our pair of one of its names; `None` if we could not ask for it.
pub(super) fn pair(name: &str, market: Market) -> Option<Pair> {
    let (base, quote) = name.split_once(':').or_else(|| name.split_at_checked(PLAIN_CHARS_MAX))?;
    let asset = |theirs: &str| match market {
        Market::Spot => Some(ours(theirs)),
        _ => theirs.strip_suffix(DERIVATIVE).map(ours),
    };
    let pair = Pair::new(&asset(base)?, &asset(quote)?, market).ok()?;
    (self::name(&pair) == name).then_some(pair)
}

fn theirs(ours: &str) -> String {
    NAMES.iter().find(|(name, _)| *name == ours).map_or(ours, |(_, theirs)| theirs).to_owned()
}

fn ours(theirs: &str) -> String {
    NAMES.iter().find(|(_, name)| *name == theirs).map_or(theirs, |(ours, _)| ours).to_owned()
}
