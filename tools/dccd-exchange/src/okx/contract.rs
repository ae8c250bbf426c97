//! What one contract is: derivatives count contracts.

use std::borrow::Cow;

use dccd_record::{Fixed, Kind, Market, Number, Pair};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::envelope::{only, same_symbol};
use super::symbol::{instrument_type, is_inverse, symbol};
use super::table::PUBLIC;
use crate::adapter::Series;
use crate::answer::{AnswerError, Reply};
use crate::request::Request;
use crate::wire::{encode, number, unquoted};

/// The fields of an instrument that say it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow)]
    inst_id: Cow<'a, str>,
    #[serde(borrow)]
    ct_val: &'a RawValue,
    #[serde(borrow)]
    ct_mult: &'a RawValue,
    #[serde(borrow)]
    ct_val_ccy: Cow<'a, str>,
}

/// The question for the size of one contract, where amounts are contracts.
pub(super) fn request(series: &Series<'_>) -> Option<Request> {
    let is_counted = matches!(series.dataset.kind(), Kind::Trade | Kind::Book);
    let pair = series.pair();
    (is_counted && pair.market() != Market::Spot).then(|| {
        let (sort, symbol) = (instrument_type(pair), encode(&symbol(pair)));
        let path = format!("/api/v5/public/instruments?instType={sort}&instId={symbol}");
        Request { group: &PUBLIC, ..series.request_to(&path) }
    })
}

/// The size of one contract: in the base if it is linear, in the quote if it is inverse.
pub(super) fn read(pair: &Pair, reply: &Reply<'_>) -> Result<Fixed, AnswerError> {
    let wire: Wire<'_> = only(reply)?;
    same_symbol(&wire.inst_id, pair)?;
    let expected = if is_inverse(pair) { pair.quote() } else { pair.base() };
    if wire.ct_val_ccy != expected {
        let said: String = wire.ct_val_ccy.chars().take(40).collect();
        return Err(AnswerError::Unexpected(format!("a contract counted in {said:?}, not in {expected}")));
    }
    let size = size(wire.ct_val, wire.ct_mult)?;
    if size <= Fixed::ZERO {
        return Err(AnswerError::Unexpected(format!("a contract of {size}")));
    }
    Ok(size)
}

/// The value of a contract and its multiplier as one number.
pub(super) fn size(value: &RawValue, multiplier: &RawValue) -> Result<Fixed, AnswerError> {
    let fixed = |raw| number(raw)?.to_fixed().map_err(|cause| AnswerError::Unexpected(cause.to_string()));
    fixed(value)?.checked_mul(fixed(multiplier)?).ok_or_else(too_long)
}

/// An amount: as it comes in spot, contracts times their size elsewhere.
pub(super) fn amount<'a>(series: &Series<'_>, raw: &'a RawValue) -> Result<Cow<'a, str>, AnswerError> {
    if series.pair().market() == Market::Spot {
        return Ok(Cow::Borrowed(unquoted(raw)));
    }
    let Some(size) = series.contract else {
        return Err(AnswerError::Unexpected("contracts whose size is not known".to_owned()));
    };
    times(raw, size).map(Cow::Owned)
}

/// A number of contracts times their size.
pub(super) fn times(raw: &RawValue, size: Fixed) -> Result<String, AnswerError> {
    let count = number(raw)?.to_fixed().map_err(|cause| AnswerError::Unexpected(cause.to_string()))?;
    Ok(count.checked_mul(size).ok_or_else(too_long)?.to_string())
}

/// The number that `text` is.
pub(super) fn parse(text: &str) -> Result<Number<'_>, AnswerError> {
    Number::new(text).map_err(|cause| AnswerError::Unexpected(cause.to_string()))
}

fn too_long() -> AnswerError {
    AnswerError::Unexpected("contracts with too many digits to be multiplied exactly".to_owned())
}
