//! Flags of `dccd-read`.

use clap::{Parser, ValueEnum};
use dccd_cli::{Common, StoreFlags, ToolArgs, TypedTime};
use dccd_record::{Dataset, Exchange, Kind, Pair, Range, Span, Ts};

use crate::error::Error;
use crate::fields::{self, Column};
use crate::read::Format;

/// Give stored data back as lines or CSV
#[derive(Parser)]
#[command(name = "dccd-read", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Exchange, as in binance
    exchange: String,

    /// Pair, as in BTC/USDT or BTC/USDT:perp
    pair: String,

    /// Kind of records: candle, trade, book, funding or open_interest
    ///
    /// With --span alone, candles are meant.
    #[arg(long)]
    kind: Option<String>,

    /// Width of a candle or of open interest, as in 1m, 1h or 1d
    #[arg(long)]
    span: Option<String>,

    /// First instant, as in 2024-01-01 or 2024-01-01T12:00:00Z [default: the first stored]
    ///
    /// One that names no offset from UTC is in the configured time zone, or UTC.
    #[arg(long, value_name = "TIME")]
    start: Option<TypedTime>,

    /// First instant that is no longer wanted [default: after the last stored]
    #[arg(long, value_name = "TIME")]
    end: Option<TypedTime>,

    /// Only the last N records of the range
    #[arg(long, value_name = "N")]
    pub(crate) last: Option<usize>,

    /// Only records, without covered and gap lines
    #[arg(long)]
    records: bool,

    /// How to write; csv has a header and only records
    ///
    /// In CSV a book takes one row per level, and null is an empty field.
    #[arg(long, value_enum, default_value_t = FormatName::Ndjson)]
    format: FormatName,

    /// Only these fields, in this order, as in ts,price,amount
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,

    #[command(flatten)]
    pub(crate) store: StoreFlags,

    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// One JSON object per line
    Ndjson,
    /// Comma-separated, with a header
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  The last day of hourly candles as CSV:
      dccd-read binance BTC/USDT --span 1h --last 24 --format csv

  What was traded in a minute, by side:
      dccd-read binance BTC/USDT --kind trade --start 2024-01-01T12:00 --end 2024-01-01T12:01 --records |
          jq -s 'group_by(.side)[] | {side: .[0].side, amount: map(.amount) | add}'";

impl Args {
    pub(crate) fn dataset(&self) -> Result<Dataset, Error> {
        let exchange = Exchange::new(&self.exchange).map_err(Error::Dataset)?;
        let pair = Pair::from_user(&self.pair).map_err(Error::Pair)?;
        let span = self.span.as_deref().map(str::parse::<Span>).transpose().map_err(Error::Span)?;
        let kind = match (&self.kind, span) {
            (Some(word), _) => Kind::from_user(word).map_err(Error::Dataset)?,
            (None, Some(_)) => Kind::Candle,
            (None, None) => return Err(Error::NoKind),
        };
        Dataset::new(exchange, kind, pair, span).map_err(Error::Dataset)
    }

    pub(crate) fn range(&self) -> Result<Range, Error> {
        let instant = |typed: &Option<TypedTime>, default| match typed {
            Some(typed) => self.store.instant(typed).map_err(Error::Instant),
            None => Ok(default),
        };
        let (start, end) = (instant(&self.start, Ts::MIN)?, instant(&self.end, Ts::MAX)?);
        Range::new(start, end).ok_or(Error::EmptyRange(start, end))
    }

    /// The columns asked for; `None` for whole lines.
    pub(crate) fn columns(&self, dataset: &Dataset) -> Result<Option<Vec<Column>>, Error> {
        let is_csv = self.format == FormatName::Csv;
        let known = fields::columns(dataset.kind(), is_csv);
        if self.columns.is_empty() {
            return Ok(is_csv.then_some(known));
        }
        let column = |name: &String| {
            let found = known.iter().copied().find(|column| column.name() == name.trim());
            found.ok_or_else(|| Error::Column {
                name: name.clone(),
                known: known.iter().map(|column| column.name()).collect::<Vec<_>>().join(", "),
            })
        };
        self.columns.iter().map(column).collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn format(&self, columns: Option<Vec<Column>>) -> Format {
        match (self.format, columns) {
            (FormatName::Csv, Some(columns)) => Format::Csv(columns),
            (_, Some(columns)) => Format::Some(columns),
            (_, None) => Format::Lines,
        }
    }

    /// A choice of fields, like CSV, leaves no place for lines of another shape.
    pub(crate) fn is_records_only(&self) -> bool {
        self.records || self.format == FormatName::Csv || !self.columns.is_empty()
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
