//! The fields of a record by name, for CSV and for a choice of columns.

use dccd_record::{Kind, Level, Number, Ts};
use dccd_store::table::Record;

/// A field of one kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Ts,
    Open,
    High,
    Low,
    Close,
    Volume,
    QuoteVolume,
    Trades,
    Derived,
    Price,
    Amount,
    Side,
    Tid,
    RecvTs,
    Snapshot,
    Bids,
    Asks,
    Seq,
    Count,
    Rate,
    MarkPrice,
    OpenInterest,
    OpenInterestValue,
}

impl Column {
    /// The name in lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Column::Ts => "ts",
            Column::Open => "open",
            Column::High => "high",
            Column::Low => "low",
            Column::Close => "close",
            Column::Volume => "volume",
            Column::QuoteVolume => "quote_volume",
            Column::Trades => "trades",
            Column::Derived => "derived",
            Column::Price => "price",
            Column::Amount => "amount",
            Column::Side => "side",
            Column::Tid => "tid",
            Column::RecvTs => "recv_ts",
            Column::Snapshot => "snapshot",
            Column::Bids => "bids",
            Column::Asks => "asks",
            Column::Seq => "seq",
            Column::Count => "count",
            Column::Rate => "rate",
            Column::MarkPrice => "mark_price",
            Column::OpenInterest => "open_interest",
            Column::OpenInterestValue => "open_interest_value",
        }
    }
}

/// A field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    /// As it is in JSON: a number, true, false or an array.
    Bare(String),
    /// A JSON string.
    Text(String),
}

/// The columns that records of a kind have; in a table a book is one row per level.
pub(crate) fn columns(kind: Kind, is_table: bool) -> Vec<Column> {
    use Column::*;
    match kind {
        Kind::Candle => vec![Ts, Open, High, Low, Close, Volume, QuoteVolume, Trades, Derived],
        Kind::Trade => vec![Ts, Price, Amount, Side, Tid, RecvTs],
        Kind::Book if is_table => vec![Ts, Snapshot, Side, Price, Amount, Count, Seq, RecvTs],
        Kind::Book => vec![Ts, Snapshot, Bids, Asks, Seq, RecvTs],
        Kind::Funding => vec![Ts, Rate, MarkPrice],
        Kind::OpenInterest => vec![Ts, OpenInterest, OpenInterestValue],
    }
}

/// A record's value in a column; a book's levels are told apart by [`level_value`].
pub(crate) fn value(record: &Record<'_>, column: Column) -> Value {
    match (record, column) {
        (Record::Candle(candle), Column::Ts) => Value::Text(in_seconds(candle.ts)),
        (record, Column::Ts) => Value::Text(record.ts().to_string()),
        (Record::Candle(candle), column) => match column {
            Column::Open => number(Some(candle.open)),
            Column::High => number(Some(candle.high)),
            Column::Low => number(Some(candle.low)),
            Column::Close => number(Some(candle.close)),
            Column::Volume => number(Some(candle.volume)),
            Column::QuoteVolume => number(candle.quote_volume),
            Column::Trades => unsigned(candle.trades),
            Column::Derived => boolean(candle.is_derived),
            _ => Value::Null,
        },
        (Record::Trade(trade), column) => match column {
            Column::Price => number(Some(trade.price)),
            Column::Amount => number(Some(trade.amount)),
            Column::Side => text(trade.side.map(|side| side.name())),
            Column::Tid => text(trade.tid.as_deref()),
            Column::RecvTs => time(trade.recv_ts),
            _ => Value::Null,
        },
        (Record::Book(book), column) => match column {
            Column::Snapshot => boolean(book.is_snapshot),
            Column::Bids => levels(&book.bids),
            Column::Asks => levels(&book.asks),
            Column::Seq => unsigned(book.seq),
            Column::RecvTs => time(book.recv_ts),
            _ => Value::Null,
        },
        (Record::Funding(funding), column) => match column {
            Column::Rate => number(Some(funding.rate)),
            Column::MarkPrice => number(funding.mark_price),
            _ => Value::Null,
        },
        (Record::OpenInterest(record), column) => match column {
            Column::OpenInterest => number(Some(record.open_interest)),
            Column::OpenInterestValue => number(record.open_interest_value),
            _ => Value::Null,
        },
    }
}

/// The value of one level of a book in a column that a table has per level; `None` for the book's own columns.
pub(crate) fn level_value(side: &'static str, level: &Level<'_>, column: Column) -> Option<Value> {
    match column {
        Column::Side => Some(text(Some(side))),
        Column::Price => Some(number(Some(level.price))),
        Column::Amount => Some(number(Some(level.amount))),
        Column::Count => Some(unsigned(level.count)),
        _ => None,
    }
}

fn in_seconds(ts: Ts) -> String {
    let mut text = Vec::with_capacity(20);
    ts.write_secs(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn number(number: Option<Number<'_>>) -> Value {
    number.map_or(Value::Null, |number| Value::Bare(number.to_string()))
}

fn unsigned(count: Option<u64>) -> Value {
    count.map_or(Value::Null, |count| Value::Bare(count.to_string()))
}

fn boolean(value: bool) -> Value {
    Value::Bare(value.to_string())
}

fn text(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn time(ts: Option<Ts>) -> Value {
    ts.map_or(Value::Null, |ts| Value::Text(ts.to_string()))
}

fn levels(levels: &[Level<'_>]) -> Value {
    let level = |level: &Level<'_>| match level.count {
        Some(count) => format!("[{},{},{count}]", level.price, level.amount),
        None => format!("[{},{}]", level.price, level.amount),
    };
    Value::Bare(format!("[{}]", levels.iter().map(level).collect::<Vec<_>>().join(",")))
}
