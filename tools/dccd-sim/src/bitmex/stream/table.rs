//! Which tables there are, and how a partial describes them.

use crate::bitmex::buckets;
use crate::ws::Load;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Trade,
    /// With so many levels.
    Book(usize),
    /// Of a name and a width.
    Bin(&'static str, i64),
    Funding,
}

/// What is done to the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Partial,
    Insert,
    Update,
    Delete,
}

/// Levels of each side of a whole book.
const WHOLE: usize = 5_000;
const BEST: usize = 25;
/// Bins by their names.
const BINS: [(&str, &str); 4] =
    [("tradeBin1m", "1m"), ("tradeBin5m", "5m"), ("tradeBin1h", "1h"), ("tradeBin1d", "1d")];
const TRADE: &str = r#""keys":[],"types":{"timestamp":"timestamp","symbol":"symbol","side":"symbol","size":"long","price":"float","tickDirection":"symbol","trdMatchID":"guid","grossValue":"long","homeNotional":"float","foreignNotional":"float","trdType":"symbol","pool":"symbol"},"foreignKeys":{"symbol":"instrument","side":"side"},"attributes":{"timestamp":"sorted","symbol":"grouped"}"#;
const BOOK: &str = r#""keys":["symbol","id","side"],"types":{"symbol":"symbol","id":"long","side":"symbol","size":"long","price":"float","timestamp":"timestamp","transactTime":"timestamp"},"foreignKeys":{"symbol":"instrument","side":"side"},"attributes":{"symbol":"parted","id":"sorted"}"#;
const BIN: &str = r#""keys":[],"types":{"timestamp":"timestamp","symbol":"symbol","open":"float","high":"float","low":"float","close":"float","trades":"long","volume":"long","vwap":"float","lastSize":"long","turnover":"long","homeNotional":"float","foreignNotional":"float"},"foreignKeys":{"symbol":"instrument"},"attributes":{"timestamp":"sorted","symbol":"grouped"}"#;
const FUNDING: &str = r#""keys":["timestamp","symbol"],"types":{"timestamp":"timestamp","symbol":"symbol","fundingInterval":"timespan","fundingRate":"float","fundingRateDaily":"float"},"foreignKeys":{"symbol":"instrument"},"attributes":{"timestamp":"sorted","symbol":"grouped"}"#;

impl Table {
    pub(super) fn parse(name: &str) -> Option<Table> {
        match name {
            "trade" => Some(Table::Trade),
            "orderBookL2" => Some(Table::Book(WHOLE)),
            "orderBookL2_25" => Some(Table::Book(BEST)),
            "funding" => Some(Table::Funding),
            name => {
                let (name, bin_size) = BINS.iter().find(|(bin, _)| *bin == name)?;
                Some(Table::Bin(name, buckets::width(bin_size).ok()?))
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Trade => "trade",
            Table::Book(BEST) => "orderBookL2_25",
            Table::Book(_) => "orderBookL2",
            Table::Bin(name, _) => name,
            Table::Funding => "funding",
        }
    }

    pub(super) fn load(self) -> Load {
        match self {
            Table::Trade => Load::Trade,
            Table::Book(_) => Load::Book,
            Table::Bin(..) => Load::Candle,
            Table::Funding => Load::Funding,
        }
    }

    /// What only a partial says: of which columns the table is made, and that it holds one symbol.
    pub(super) fn shape(self, symbol: &str) -> String {
        let columns = match self {
            Table::Trade => TRADE,
            Table::Book(_) => BOOK,
            Table::Bin(..) => BIN,
            Table::Funding => FUNDING,
        };
        format!("{columns},\"filter\":{{\"symbol\":\"{symbol}\"}},")
    }
}

impl Action {
    pub(super) fn name(self) -> &'static str {
        match self {
            Action::Partial => "partial",
            Action::Insert => "insert",
            Action::Update => "update",
            Action::Delete => "delete",
        }
    }
}
