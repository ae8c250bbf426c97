//! Columns as they come in files, made ours.
//!
//! dccd 2 counted seconds and spelled `quoteVolume`, dccd 3 had no `recv_TS`, others use other types. This is
//! the one place that knows.

use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, TimeUnit};
use dccd_record::Kind;
use parquet::file::statistics::Statistics;

use super::column::{Column, FALSE, TRUE, Texts, Values, WORDS};
use super::error::RowError;
use super::input::{Bounds, bounds};
use super::number::{decimal_from_float, decimal_from_parts, float_from_parts};
use super::rows::{Rows, TEXT_BYTES_MAX};
use super::schema::{Numbers, Type, columns};

const TS_NAME: &str = "TS";
/// What dccd 2 called a column.
const OLD_NAMES: [(&str, &str); 1] = [("quote_volume", "quoteVolume")];

/// Where our columns are in a file.
#[derive(Clone, Debug)]
pub(super) struct Canon {
    kind: Kind,
    unit: Unit,
    ts: usize,
    /// For each of our columns behind the instant its place in the file.
    places: Vec<Option<usize>>,
    numbers: Numbers,
    is_old: bool,
}

/// What a file counts time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Bare numbers: seconds, milli-, micro- or nanoseconds, told by their size.
    BySize,
    /// Timestamps of this many nanoseconds.
    Nanos(i64),
}

/// Why a batch could not be made ours.
#[derive(Debug)]
pub(super) enum CanonError {
    /// The file's fault.
    Unreadable(String),
    /// A number that this store cannot hold.
    Row(RowError),
}

impl fmt::Display for CanonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CanonError::Unreadable(why) => f.write_str(why),
            CanonError::Row(cause) => cause.fmt(f),
        }
    }
}

impl Canon {
    /// Finds the columns of a kind.
    pub(super) fn new(kind: Kind, schema: &Schema) -> Result<Canon, String> {
        let place = |name: &str| schema.fields().iter().position(|field| field.name() == name);
        let ts = place(TS_NAME).ok_or_else(|| format!("it has no column {TS_NAME}"))?;
        let unit = match schema.field(ts).data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Unit::Nanos(1),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Unit::Nanos(1_000),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Unit::Nanos(1_000_000),
            _ => Unit::BySize,
        };
        let old_place = |name: &str| OLD_NAMES.iter().find(|(ours, _)| *ours == name).and_then(|(_, old)| place(old));
        let ours = columns(kind);
        let places: Vec<Option<usize>> = ours.iter().map(|(name, _)| place(name).or_else(|| old_place(name))).collect();
        if places.iter().all(Option::is_none) {
            return Err(format!("it has no column of a {kind}"));
        }
        let is_decimal = |at: &usize| matches!(schema.field(*at).data_type(), DataType::Decimal128(..));
        let mut number_places = ours.iter().zip(&places).filter(|((_, kind_of), _)| *kind_of == Type::Number);
        let has_decimals = number_places.any(|(_, at)| at.as_ref().is_some_and(is_decimal));
        let numbers = if has_decimals { Numbers::Decimal } else { Numbers::Float };
        let is_old = ["quoteVolume", "weightedAverage"].iter().any(|name| place(name).is_some())
            || schema.field(ts).data_type() != &DataType::Int64;
        Ok(Canon { kind, unit, ts, places, numbers, is_old })
    }

    /// The kind whose columns were found.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// What the numbers of the file are.
    pub(super) fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Whether its columns are not those of dccd 3.
    pub(super) fn is_old(&self) -> bool {
        self.is_old
    }

    /// The place of the instant.
    pub(super) fn ts_column(&self) -> usize {
        self.ts
    }

    /// The places of the columns that are read.
    pub(super) fn read_columns(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::once(self.ts).chain(self.places.iter().flatten().copied())
    }

    /// First and last instant by statistics of the column of instants.
    pub(super) fn hull(&self, stats: &Statistics) -> Option<(i64, i64)> {
        // Where the two are of different units, what lies between is anybody's guess.
        match (self.unit, bounds(stats)?) {
            (Unit::Nanos(factor), Bounds::Ints(min, max)) => Some((min.checked_mul(factor)?, max.checked_mul(factor)?)),
            (Unit::Nanos(_), Bounds::Floats(..)) => None,
            (Unit::BySize, Bounds::Ints(min, max)) if factor_of(min) == factor_of(max) => {
                Some((nanos_by_size(min)?, nanos_by_size(max)?))
            }
            (Unit::BySize, Bounds::Floats(min, max)) if factor_by_size(min) == factor_by_size(max) => {
                Some((float_nanos(min)?, float_nanos(max)?))
            }
            (Unit::BySize, _) => None,
        }
    }

    /// Appends a batch that was read with [`Canon::read_columns`], whose columns keep their names.
    pub(super) fn append(&self, batch: &RecordBatch, schema: &Schema, rows: &mut Rows) -> Result<(), CanonError> {
        let column = |at: usize| batch.column_by_name(schema.field(at).name());
        let ts = column(self.ts).ok_or_else(|| unreadable("its instants are not where its footer says"))?;
        self.append_instants(ts, &mut rows.ts)?;
        for ((place, (name, _)), ours) in self.places.iter().zip(columns(self.kind)).zip(&mut rows.columns) {
            match place.and_then(column) {
                Some(theirs) => append_values(theirs, name, ours)?,
                None => (0..batch.num_rows()).for_each(|_| ours.push_null()),
            }
        }
        Ok(())
    }

    /// The instants of a batch that may hold nothing else.
    pub(super) fn instants(&self, batch: &RecordBatch, schema: &Schema) -> Result<Vec<i64>, CanonError> {
        let array = batch.column_by_name(schema.field(self.ts).name());
        let mut instants = Vec::with_capacity(batch.num_rows());
        self.append_instants(array.ok_or_else(|| unreadable("it has no instants"))?, &mut instants)?;
        Ok(instants)
    }

    fn append_instants(&self, array: &ArrayRef, instants: &mut Vec<i64>) -> Result<(), CanonError> {
        let missing = || unreadable("a row has no instant that makes sense");
        if array.null_count() > 0 {
            return Err(missing());
        }
        if let Some(values) = array.as_primitive_opt::<Int64Type>() {
            let start = instants.len();
            instants.extend_from_slice(values.values());
            for instant in &mut instants[start..] {
                *instant = nanos_by_size(*instant).ok_or_else(missing)?;
            }
            return Ok(());
        }
        if let Some(values) = array.as_primitive_opt::<Float64Type>() {
            for value in values.values() {
                instants.push(float_nanos(*value).ok_or_else(missing)?);
            }
            return Ok(());
        }
        let factor = match self.unit {
            Unit::BySize => None,
            Unit::Nanos(factor) => Some(factor),
        };
        for value in ints(array).ok_or_else(|| wrong_type(TS_NAME, array))? {
            let value = value.ok_or_else(missing)?;
            let nanos = match factor {
                Some(factor) => value.checked_mul(factor),
                None => nanos_by_size(value),
            };
            instants.push(nanos.ok_or_else(missing)?);
        }
        Ok(())
    }
}

fn append_values(array: &ArrayRef, name: &'static str, column: &mut Column) -> Result<(), CanonError> {
    match column {
        Column::Int(values) => append_ints(array, name, values),
        Column::Float(values) => append_floats(array, name, values),
        Column::Decimal(values) => append_decimals(array, name, values),
        Column::Word(codes) => append_words(array, name, codes),
        Column::Flag(codes) => append_flags(array, name, codes),
        Column::Text(texts) => append_texts(array, name, texts),
    }
}

fn append_ints(array: &ArrayRef, name: &str, values: &mut Values<i64>) -> Result<(), CanonError> {
    if let Some(plain) = array.as_primitive_opt::<Int64Type>().filter(|plain| plain.null_count() == 0) {
        values.extend_present(plain.values());
        return Ok(());
    }
    if let Some(floats) = floats(array) {
        // What pandas makes of whole numbers among which one is missing.
        floats.for_each(|value| values.push(value.and_then(whole)));
        return Ok(());
    }
    ints(array).ok_or_else(|| wrong_type(name, array))?.for_each(|value| values.push(value));
    Ok(())
}

fn append_floats(array: &ArrayRef, name: &str, values: &mut Values<f64>) -> Result<(), CanonError> {
    if let Some(plain) = array.as_primitive_opt::<Float64Type>().filter(|plain| plain.null_count() == 0)
        && plain.values().iter().all(|value| value.is_finite())
    {
        values.extend_present(plain.values());
    } else if let Some(floats) = floats(array) {
        floats.for_each(|value| values.push(value));
    } else if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() {
        decimals.iter().for_each(|value| values.push(value.map(|value| float_from_parts(value, decimals.scale()))));
    } else {
        #[expect(clippy::cast_precision_loss, reason = "a float column holds what it can")]
        let float = |value: Option<i64>| value.map(|value| value as f64);
        ints(array).ok_or_else(|| wrong_type(name, array))?.for_each(|value| values.push(float(value)));
    }
    Ok(())
}

fn append_decimals(array: &ArrayRef, name: &'static str, values: &mut Values<i128>) -> Result<(), CanonError> {
    let refuse = |value: String| CanonError::Row(RowError::Number { field: name, value });
    if let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() {
        if decimals.null_count() == 0 && decimals.scale() == 18 {
            values.extend_present(decimals.values());
            return Ok(());
        }
        for value in decimals {
            let fitted = value.map(|value| decimal_from_parts(value, decimals.scale()).ok_or(value)).transpose();
            values.push(fitted.map_err(|value| refuse(value.to_string()))?);
        }
    } else if let Some(floats) = floats(array) {
        for value in floats {
            let fitted = value.map(|value| decimal_from_float(value).ok_or(value)).transpose();
            values.push(fitted.map_err(|value| refuse(value.to_string()))?);
        }
    } else {
        for value in ints(array).ok_or_else(|| wrong_type(name, array))? {
            values.push(value.and_then(|value| decimal_from_parts(i128::from(value), 0)));
        }
    }
    Ok(())
}

fn append_words(array: &ArrayRef, name: &str, codes: &mut Vec<u8>) -> Result<(), CanonError> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| wrong_type(name, array))?;
    let code = |word: &str| match word {
        "b" | "BUY" | "Buy" => WORDS.iter().position(|known| *known == "buy"),
        "s" | "SELL" | "Sell" => WORDS.iter().position(|known| *known == "sell"),
        "bids" => WORDS.iter().position(|known| *known == "bid"),
        "asks" => WORDS.iter().position(|known| *known == "ask"),
        word => WORDS.iter().position(|known| *known == word),
    };
    let code = |word: Option<&str>| word.and_then(code).and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0);
    codes.extend(texts.iter().map(code));
    Ok(())
}

fn append_flags(array: &ArrayRef, name: &str, codes: &mut Vec<u8>) -> Result<(), CanonError> {
    let code = |flag: Option<bool>| match flag {
        None => 0,
        Some(false) => FALSE,
        Some(true) => TRUE,
    };
    let flags = array.as_boolean_opt().ok_or_else(|| wrong_type(name, array))?;
    codes.extend(flags.iter().map(code));
    Ok(())
}

fn append_texts(array: &ArrayRef, name: &str, texts: &mut Texts) -> Result<(), CanonError> {
    if let Some(strings) = array.as_string_opt::<i32>() {
        for text in strings {
            let text = text.unwrap_or("");
            if text.len() > TEXT_BYTES_MAX {
                return Err(unreadable(&format!("a {name} has {} bytes", text.len())));
            }
            texts.push(text.as_bytes());
        }
        return Ok(());
    }
    for value in ints(array).ok_or_else(|| wrong_type(name, array))? {
        texts.push(value.map(|value| value.to_string()).unwrap_or_default().as_bytes());
    }
    Ok(())
}

/// The values of any column of whole numbers or timestamps; one that does not fit is missing.
fn ints(array: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<i64>> + '_>> {
    macro_rules! from {
        ($of:ty) => {
            Box::new(array.as_primitive_opt::<$of>()?.iter().map(|value| i64::try_from(value?).ok()))
        };
    }
    Some(match array.data_type() {
        DataType::Int64 => from!(Int64Type),
        DataType::Int32 => from!(Int32Type),
        DataType::Int16 => from!(Int16Type),
        DataType::Int8 => from!(Int8Type),
        DataType::UInt64 => from!(UInt64Type),
        DataType::UInt32 => from!(UInt32Type),
        DataType::UInt16 => from!(UInt16Type),
        DataType::UInt8 => from!(UInt8Type),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => from!(TimestampNanosecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => from!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => from!(TimestampMillisecondType),
        _ => return None,
    })
}

/// The values of any column of floats; NaN and infinity are missing.
fn floats(array: &ArrayRef) -> Option<Box<dyn Iterator<Item = Option<f64>> + '_>> {
    Some(match array.data_type() {
        DataType::Float64 => Box::new(
            array.as_primitive_opt::<Float64Type>()?.iter().map(|value| value.filter(|value| value.is_finite())),
        ),
        DataType::Float32 => Box::new(
            array
                .as_primitive_opt::<Float32Type>()?
                .iter()
                .map(|value| value.map(widen).filter(|value| value.is_finite())),
        ),
        _ => return None,
    })
}

/// The double that has the same shortest digits, rather than the same bits and a tail of noise.
fn widen(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

fn whole(value: f64) -> Option<i64> {
    let in_range = value.fract() == 0.0 && value.abs() < 9.0e18;
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as just checked")]
    in_range.then_some(value as i64)
}

/// Nanoseconds per unit, told by size: every instant from 2000 to 2200 is unmistakable.
fn factor_by_size(value: f64) -> i64 {
    match value.abs() {
        size if size < 1e11 => 1_000_000_000,
        size if size < 1e14 => 1_000_000,
        size if size < 1e17 => 1_000,
        _ => 1,
    }
}

fn factor_of(value: i64) -> i64 {
    match value.unsigned_abs() {
        100_000_000_000_000_000.. => 1,
        100_000_000_000_000.. => 1_000,
        100_000_000_000.. => 1_000_000,
        _ => 1_000_000_000,
    }
}

fn nanos_by_size(value: i64) -> Option<i64> {
    value.checked_mul(factor_of(value))
}

/// Seconds with a fraction are kept to the microsecond, as far as a double reaches.
fn float_nanos(value: f64) -> Option<i64> {
    let factor = factor_by_size(value);
    let seconds = value.trunc();
    let scaled = whole(seconds)?.checked_mul(factor)?;
    #[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
    let fraction = ((value - seconds) * factor as f64 / 1_000.0).round();
    scaled.checked_add(whole(fraction)?.checked_mul(1_000)?)
}

fn wrong_type(name: &str, array: &ArrayRef) -> CanonError {
    unreadable(&format!("its column {name} is of type {}", array.data_type()))
}

fn unreadable(why: &str) -> CanonError {
    CanonError::Unreadable(why.to_owned())
}
