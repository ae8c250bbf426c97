//! Parameters, checked as Binance checks them.

use crate::binance::error::ApiError;
use crate::clock::MILLI;
use crate::http::Query;

/// An integer from here on is microseconds, below it milliseconds.
const MICROS_MIN: i64 = 100_000_000_000_000;

/// Nobody asks for anything after the year 9999.
const INSTANT_MAX: i64 = 253_402_300_800_000_000;

/// The unit of an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Millis,
    Micros,
}

impl Unit {
    /// `micros` in this unit, cut off.
    pub(crate) fn of(self, micros: i64) -> i64 {
        match self {
            Unit::Millis => micros.div_euclid(MILLI),
            Unit::Micros => micros,
        }
    }

    /// How many microseconds one is.
    pub(crate) fn micros(self) -> i64 {
        match self {
            Unit::Millis => MILLI,
            Unit::Micros => 1,
        }
    }
}

/// An instant of a query: the unit it was written in is as wide as the instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryTime {
    /// Its first microsecond.
    pub(crate) start: i64,
    /// The first microsecond after it.
    pub(crate) end: i64,
}

/// What to do with a limit above the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Above {
    Clamp,
    Refuse,
}

/// The parameters of one request.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    query: Query,
    takes_micros: bool,
}

impl Params {
    /// Refuses any parameter that is not in `allowed`.
    pub(crate) fn new(query: Query, allowed: &[&str], takes_micros: bool) -> Result<Params, ApiError> {
        let sent = query.iter().len();
        let read = query.iter().filter(|(name, _)| allowed.contains(name)).count();
        if read < sent {
            let message =
                format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
            return Err(ApiError::bad(-1104, message));
        }
        Ok(Params { query, takes_micros })
    }

    /// A parameter that may be absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.query.value(name)
    }

    /// A parameter that has to be there.
    pub(crate) fn mandatory(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let message = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
            ApiError::bad(-1102, message)
        })
    }

    /// A symbol's text.
    pub(crate) fn symbol(&self, name: &str) -> Result<&str, ApiError> {
        let symbol = self.mandatory(name)?;
        let is_legal =
            |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.') || (c.is_alphabetic() && !c.is_lowercase());
        if symbol.chars().all(is_legal) && symbol.chars().count() <= 20 {
            Ok(symbol)
        } else {
            Err(illegal(name, "^[A-Z0-9-_.]{1,20}$"))
        }
    }

    /// A whole number that is not negative.
    pub(crate) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let is_number = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number);
        number.map(Some).ok_or_else(|| illegal(name, "^[0-9]{1,20}$"))
    }

    /// An instant in milliseconds, or in microseconds where the exchange takes them.
    pub(crate) fn time(&self, name: &str) -> Result<Option<QueryTime>, ApiError> {
        let Some(number) = self.whole(name)? else { return Ok(None) };
        let unit = if self.takes_micros && number >= MICROS_MIN { Unit::Micros } else { Unit::Millis };
        let start = number.checked_mul(unit.micros()).filter(|start| *start < INSTANT_MAX);
        let start = start.ok_or_else(|| ApiError::invalid(name))?;
        Ok(Some(QueryTime { start, end: start + unit.micros() }))
    }

    /// The number of rows of a page.
    pub(crate) fn limit(&self, default: usize, max: usize, above: Above) -> Result<usize, ApiError> {
        let Some(limit) = self.whole("limit")? else { return Ok(default) };
        match usize::try_from(limit) {
            Ok(limit) if (1..=max).contains(&limit) => Ok(limit),
            Ok(limit) if limit > max && above == Above::Clamp => Ok(max),
            _ => Err(ApiError::invalid("limit")),
        }
    }
}

fn illegal(name: &str, range: &str) -> ApiError {
    ApiError::bad(-1100, format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."))
}
