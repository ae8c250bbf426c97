//! What Binance trades, and since when.

use crate::clock::{DAY, HOUR};
use crate::market::catalogue::{BASES, Contract, Fate, Group, Sort, Special};

/// All of it.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        sorts: &[Sort::Spot],
        bases: BASES,
        quotes: &["USDT", "USDC", "EUR", "BTC", "ETH", "BNB"],
        opened: FIRST_SPOT_DAY * DAY + 4 * HOUR,
        amount_digits: 5,
        digits: 8,
        contract: Contract::Base,
        specials: &[HALTED],
    },
    Group {
        sorts: &[Sort::Perp, Sort::Quarter, Sort::NextQuarter],
        bases: BASES,
        quotes: &["USDT", "USDC"],
        opened: FIRST_PERP_DAY * DAY + 18 * HOUR,
        amount_digits: 3,
        digits: 8,
        contract: Contract::Base,
        specials: &[SETTLED],
    },
    Group {
        sorts: &[Sort::Dated],
        bases: &["BTC", "ETH"],
        quotes: &["USDT"],
        opened: FIRST_DATED_DAY * DAY + 8 * HOUR,
        amount_digits: 3,
        digits: 8,
        contract: Contract::Base,
        specials: &[],
    },
    coin(&[Sort::Inverse], &["BTC"], FIRST_COIN_PERP_DAY, 100, &[]),
    coin(
        &[Sort::Inverse],
        &["ETH", "BNB", "XRP", "ADA", "DOGE", "LTC", "DOT", "LINK"],
        FIRST_COIN_PERP_DAY,
        10,
        &[DELIVERED],
    ),
    coin(&[Sort::Dated, Sort::Quarter, Sort::NextQuarter], &["BTC"], FIRST_COIN_DAY, 100, &[]),
    coin(&[Sort::Dated, Sort::Quarter, Sort::NextQuarter], &["ETH"], FIRST_COIN_DAY, 10, &[]),
];
/// 2017-08-17.
const FIRST_SPOT_DAY: i64 = 17_395;
/// 2019-09-08.
const FIRST_PERP_DAY: i64 = 18_147;
/// 2021-02-03.
const FIRST_DATED_DAY: i64 = 18_661;
/// 2020-08-10.
const FIRST_COIN_PERP_DAY: i64 = 18_484;
/// 2020-06-04.
const FIRST_COIN_DAY: i64 = 18_417;

/// Halted on 2024-09-10.
const HALTED: Special =
    Special { base: "MATIC", quote: "USDT", first_day: 18_012, last_day: 19_976, fate: Fate::Halted };
/// Settled on 2024-09-04.
const SETTLED: Special =
    Special { base: "MATIC", quote: "USDT", first_day: 18_557, last_day: 19_970, fate: Fate::Delisted };
/// Taken off on 2024-02-20.
const DELIVERED: Special =
    Special { base: "XMR", quote: "USD", first_day: 18_800, last_day: 19_773, fate: Fate::Delisted };

/// Contracts of so many dollars each, paid in coins.
const fn coin(
    sorts: &'static [Sort],
    bases: &'static [&'static str],
    first_day: i64,
    face: i64,
    specials: &'static [Special],
) -> Group {
    Group {
        sorts,
        bases,
        quotes: &["USD"],
        opened: first_day * DAY + 8 * HOUR,
        amount_digits: 0,
        digits: 8,
        contract: Contract::Inverse { face },
        specials,
    }
}
