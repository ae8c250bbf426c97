//! How Bybit spells what it trades.

use dccd_record::{Day, Market, Pair};

/// By month.
const LETTERS: [&str; 12] = ["F", "G", "H", "J", "K", "M", "N", "Q", "U", "V", "X", "Z"];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The category, which alone tells spot from perpetual contracts.
pub(super) fn category(pair: &Pair) -> &'static str {
    match pair.market() {
        Market::Spot => "spot",
        _ if pair.quote() == "USD" => "inverse",
        _ => "linear",
    }
}

/// The symbol, which is another one's in another category.
pub(super) fn symbol(pair: &Pair) -> String {
    let (base, quote) = (pair.base(), pair.quote());
    match pair.market() {
        Market::Perp if quote == "USDC" => format!("{base}PERP"),
        Market::Dated(date) => dated(base, quote, date),
        _ => format!("{base}{quote}"),
    }
}

/// `BTCUSDU25`, `BTCUSDT-26SEP25` or `BTC-26SEP25`, that quoted in USDC.
fn dated(base: &str, quote: &str, date: u32) -> String {
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let place = usize::try_from(month.saturating_sub(1)).unwrap_or_default();
    let letter = LETTERS.get(place).copied().unwrap_or_default();
    let name = MONTHS.get(place).copied().unwrap_or_default();
    match quote {
        // The letter does not name the day. Any other than the day of delivery gets a name that nothing has,
        // since it must not bring the records of that contract.
        "USD" if is_last_friday(year, month, day) => format!("{base}{quote}{letter}{year:02}"),
        "USDC" => format!("{base}-{day:02}{name}{year:02}"),
        _ => format!("{base}{quote}-{day:02}{name}{year:02}"),
    }
}

fn is_last_friday(year: u32, month: u32, day: u32) -> bool {
    let number = |day: u32| Day { year: 2000 + i64::from(year), month: i64::from(month), day: i64::from(day) }.number();
    // 1970-01-02 was a Friday.
    number(day).is_some_and(|number| number.rem_euclid(7) == 1) && number(day + 7).is_none()
}
