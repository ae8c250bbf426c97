//! Reading any JSON object that holds our fields.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::control::{Control, Covered, Failed, Gap, Job, Order, Proof, Retry, Stored};
use crate::dataset::{Dataset, DatasetError, Exchange, Kind};
use crate::excerpt::excerpt;
use crate::number::Number;
use crate::pair::Pair;
use crate::parse::{DatasetId, Line, LineError, bad};
use crate::range::Range;
use crate::record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
use crate::span::Span;
use crate::time::Ts;

/// Every field that any kind has, as raw JSON: digits stay digits.
#[derive(Deserialize)]
pub(crate) struct Wire<'a> {
    #[serde(borrow)]
    kind: Field<'a>,
    exchange: Field<'a>,
    pair: Field<'a>,
    of: Field<'a>,
    span: Field<'a>,
    ts: Field<'a>,
    recv_ts: Field<'a>,
    open: Field<'a>,
    high: Field<'a>,
    low: Field<'a>,
    close: Field<'a>,
    volume: Field<'a>,
    quote_volume: Field<'a>,
    trades: Field<'a>,
    derived: Field<'a>,
    price: Field<'a>,
    amount: Field<'a>,
    side: Field<'a>,
    tid: Field<'a>,
    snapshot: Field<'a>,
    bids: Field<'a>,
    asks: Field<'a>,
    seq: Field<'a>,
    rate: Field<'a>,
    mark_price: Field<'a>,
    open_interest: Field<'a>,
    open_interest_value: Field<'a>,
    start: Field<'a>,
    end: Field<'a>,
    proof: Field<'a>,
    reason: Field<'a>,
    r#final: Field<'a>,
    error: Field<'a>,
    retry: Field<'a>,
    path: Field<'a>,
    rows: Field<'a>,
    id: Field<'a>,
    job: Field<'a>,
    why: Field<'a>,
    ranges: Field<'a>,
    live: Field<'a>,
    max_retries: Field<'a>,
    retry_delay: Field<'a>,
}

/// A field that is missing or null is `None`.
type Field<'a> = Option<&'a RawValue>;

impl<'a> Wire<'a> {
    pub(crate) fn from_json(line: &'a str) -> Result<Wire<'a>, LineError> {
        // Serde would also take the fields from an array, by position.
        if !line.trim_ascii_start().starts_with('{') {
            return Err(LineError::Malformed("it does not begin with {".to_owned()));
        }
        serde_json::from_str(line).map_err(|error| LineError::Malformed(error.to_string()))
    }

    /// The `kind`, whatever it is.
    pub(crate) fn word(&self) -> Result<Cow<'a, str>, LineError> {
        text(self.kind, "kind").map_err(|error| match error {
            LineError::Missing(_) => LineError::NoKind,
            other => other,
        })
    }

    pub(crate) fn dataset(&self, kind: Kind) -> Result<Dataset, LineError> {
        let exchange = Exchange::new(&text(self.exchange, "exchange")?).map_err(LineError::Dataset)?;
        let pair: Pair =
            text(self.pair, "pair")?.parse().map_err(|cause| LineError::Dataset(DatasetError::Pair(cause)))?;
        let span = match self.span {
            Some(_) if kind.has_span() => {
                let seconds = u32::try_from(unsigned(self.span, "span")?).unwrap_or(u32::MAX);
                Some(Span::from_secs(seconds).map_err(|cause| LineError::Dataset(DatasetError::BadSpan(cause)))?)
            }
            _ => None,
        };
        Dataset::new(exchange, kind, pair, span).map_err(LineError::Dataset)
    }

    /// The dataset that a control line speaks of.
    fn subject(&self) -> Result<Dataset, LineError> {
        let word = text(self.of, "of")?;
        let kind = Kind::from_name(&word).ok_or_else(|| LineError::Dataset(DatasetError::Kind(excerpt(&word))))?;
        self.dataset(kind)
    }

    fn range(&self) -> Result<Range, LineError> {
        let (start, end) = (time(self.start, "start")?, time(self.end, "end")?);
        Range::new(start, end).ok_or_else(|| bad("end", format!("{end} is not after the start {start}")))
    }

    pub(crate) fn record(self, id: DatasetId, kind: Kind) -> Result<Line<'a>, LineError> {
        let ts = time(self.ts, "ts")?;
        let recv_ts = optional(self.recv_ts, |field| time(field, "recv_ts"))?;
        Ok(match kind {
            Kind::Candle => Line::Candle(
                id,
                Candle {
                    ts,
                    open: number(self.open, "open")?,
                    high: number(self.high, "high")?,
                    low: number(self.low, "low")?,
                    close: number(self.close, "close")?,
                    volume: number(self.volume, "volume")?,
                    quote_volume: optional(self.quote_volume, |field| number(field, "quote_volume"))?,
                    trades: optional(self.trades, |field| unsigned(field, "trades"))?,
                    is_derived: optional(self.derived, |field| boolean(field, "derived"))?.unwrap_or(false),
                },
            ),
            Kind::Trade => Line::Trade(
                id,
                Trade {
                    ts,
                    price: number(self.price, "price")?,
                    amount: number(self.amount, "amount")?,
                    side: optional(self.side, side)?,
                    tid: optional(self.tid, |field| text(field, "tid"))?.filter(|tid| !tid.is_empty()),
                    recv_ts,
                },
            ),
            Kind::Book => Line::Book(
                id,
                Book {
                    ts,
                    is_snapshot: boolean(self.snapshot, "snapshot")?,
                    bids: levels(self.bids, "bids")?,
                    asks: levels(self.asks, "asks")?,
                    seq: optional(self.seq, |field| unsigned(field, "seq"))?,
                    recv_ts,
                },
            ),
            Kind::Funding => Line::Funding(
                id,
                Funding {
                    ts,
                    rate: number(self.rate, "rate")?,
                    mark_price: optional(self.mark_price, |field| number(field, "mark_price"))?,
                },
            ),
            Kind::OpenInterest => Line::OpenInterest(
                id,
                OpenInterest {
                    ts,
                    open_interest: number(self.open_interest, "open_interest")?,
                    open_interest_value: optional(self.open_interest_value, |field| {
                        number(field, "open_interest_value")
                    })?,
                },
            ),
        })
    }

    /// The control line of this kind; `None` if no version of ours knows it.
    pub(crate) fn control(&self, word: &str) -> Result<Option<Control>, LineError> {
        Ok(Some(match word {
            "covered" => Control::Covered(self.covered()?),
            "gap" => Control::Gap(self.gap()?),
            "failed" => Control::Failed(self.failed()?),
            "stored" => Control::Stored(self.stored()?),
            "job" => Control::Job(self.job()?),
            "range" => Control::Range(self.order()?),
            _ => return Ok(None),
        }))
    }

    fn covered(&self) -> Result<Covered, LineError> {
        let word = text(self.proof, "proof")?;
        let proof =
            Proof::from_name(&word).ok_or_else(|| bad("proof", format!("{:?} is none we know", excerpt(&word))))?;
        Ok(Covered { dataset: self.subject()?, range: self.range()?, proof })
    }

    fn gap(&self) -> Result<Gap, LineError> {
        Ok(Gap {
            dataset: self.subject()?,
            range: self.range()?,
            reason: text(self.reason, "reason")?.into_owned(),
            is_final: optional(self.r#final, |field| boolean(field, "final"))?.unwrap_or(false),
        })
    }

    fn failed(&self) -> Result<Failed, LineError> {
        Ok(Failed {
            dataset: self.subject()?,
            range: self.range()?,
            error: text(self.error, "error")?.into_owned(),
            is_retryable: boolean(self.retry, "retry")?,
        })
    }

    fn stored(&self) -> Result<Stored, LineError> {
        Ok(Stored {
            dataset: self.subject()?,
            path: text(self.path, "path")?.into_owned(),
            rows: unsigned(self.rows, "rows")?,
            range: self.range()?,
        })
    }

    fn job(&self) -> Result<Job, LineError> {
        Ok(Job {
            id: text(self.id, "id")?.into_owned(),
            dataset: self.subject()?,
            start: optional(self.start, |field| time(field, "start"))?,
            end: optional(self.end, |field| time(field, "end"))?,
            ranges: optional(self.ranges, |field| unsigned(field, "ranges"))?,
            is_live: optional(self.live, |field| boolean(field, "live"))?.unwrap_or(false),
            retry: self.retry()?,
        })
    }

    fn order(&self) -> Result<Order, LineError> {
        Ok(Order {
            job: text(self.job, "job")?.into_owned(),
            dataset: self.subject()?,
            range: self.range()?,
            why: text(self.why, "why")?.into_owned(),
            retry: self.retry()?,
        })
    }

    fn retry(&self) -> Result<Retry, LineError> {
        Ok(Retry { max_retries: optional(self.max_retries, retries)?, retry_delay: optional(self.retry_delay, delay)? })
    }
}

fn optional<'a, T>(
    field: Field<'a>,
    read: impl FnOnce(Field<'a>) -> Result<T, LineError>,
) -> Result<Option<T>, LineError> {
    if field.is_some() { read(field).map(Some) } else { Ok(None) }
}

fn present<'a>(field: Field<'a>, name: &'static str) -> Result<&'a str, LineError> {
    field.map(RawValue::get).ok_or(LineError::Missing(name))
}

fn text<'a>(field: Field<'a>, name: &'static str) -> Result<Cow<'a, str>, LineError> {
    let raw = present(field, name)?;
    if let Some(plain) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !plain.contains('\\')
    {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str::<String>(raw).map(Cow::Owned).map_err(|_| bad(name, format!("{} is no string", excerpt(raw))))
}

fn number<'a>(field: Field<'a>, name: &'static str) -> Result<Number<'a>, LineError> {
    Number::new(present(field, name)?).map_err(|cause| bad(name, cause.to_string()))
}

fn unsigned(field: Field<'_>, name: &'static str) -> Result<u64, LineError> {
    let raw = present(field, name)?;
    raw.parse()
        .ok()
        .filter(|count| i64::try_from(*count).is_ok())
        .ok_or_else(|| bad(name, format!("{} is no whole number from 0 to {}", excerpt(raw), i64::MAX)))
}

fn retries(field: Field<'_>) -> Result<u32, LineError> {
    let raw = present(field, "max_retries")?;
    raw.parse().ok().filter(|count| *count <= Retry::RETRIES_MAX).ok_or_else(|| {
        bad("max_retries", format!("{} is no whole number from 0 to {}", excerpt(raw), Retry::RETRIES_MAX))
    })
}

fn delay(field: Field<'_>) -> Result<Duration, LineError> {
    let secs = number(field, "retry_delay")?;
    Duration::try_from_secs_f64(secs.to_f64()).ok().filter(|delay| *delay <= Retry::DELAY_MAX).ok_or_else(|| {
        bad("retry_delay", format!("{secs} is no number of seconds from 0 to {}", Retry::DELAY_MAX.as_secs()))
    })
}

fn boolean(field: Field<'_>, name: &'static str) -> Result<bool, LineError> {
    match present(field, name)? {
        "true" => Ok(true),
        "false" => Ok(false),
        raw => Err(bad(name, format!("{} is neither true nor false", excerpt(raw)))),
    }
}

fn side(field: Field<'_>) -> Result<Side, LineError> {
    let word = text(field, "side")?;
    Side::from_name(&word).ok_or_else(|| bad("side", format!("{} is neither buy nor sell", excerpt(&word))))
}

/// RFC 3339 text, or an integer in nanoseconds.
fn time(field: Field<'_>, name: &'static str) -> Result<Ts, LineError> {
    let raw = present(field, name)?;
    let ts = match raw.parse::<i64>() {
        Ok(nanos) => Ts::from_nanos(nanos),
        Err(_) => text(field, name)?.parse(),
    };
    ts.map_err(|cause| bad(name, cause.to_string()))
}

fn levels<'a>(field: Field<'a>, name: &'static str) -> Result<Vec<Level<'a>>, LineError> {
    let malformed =
        |cause: serde_json::Error| bad(name, format!("not a list of [price, amount]: {}", excerpt(&cause.to_string())));
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(present(field, name)?).map_err(malformed)?;
    let level = |row: &Vec<&'a RawValue>| match row[..] {
        [price, amount] => {
            Ok(Level { price: number(Some(price), name)?, amount: number(Some(amount), name)?, count: None })
        }
        [price, amount, count] => Ok(Level {
            price: number(Some(price), name)?,
            amount: number(Some(amount), name)?,
            count: optional(Some(count).filter(|raw| raw.get() != "null"), |field| unsigned(field, name))?,
        }),
        _ => Err(bad(name, "a level is [price, amount] or [price, amount, count]".to_owned())),
    };
    rows.iter().map(level).collect()
}
