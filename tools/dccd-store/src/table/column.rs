//! One column of rows.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Decimal128Array, PrimitiveArray};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use dccd_record::{Number, Ts};

use super::number::{DECIMAL_SCALE, decimal_from_number};

/// Words that a column of words may hold; the code of a word is its place here plus one, 0 is null.
pub(super) const WORDS: [&str; 4] = ["buy", "sell", "bid", "ask"];
pub(super) const BUY: u8 = 1;
pub(super) const SELL: u8 = 2;
pub(super) const BID: u8 = 3;
pub(super) const ASK: u8 = 4;

/// Codes of a column of flags.
pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;

/// The values of one column. All columns but the instant may hold nulls.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    Int(Values<i64>),
    Float(Values<f64>),
    Decimal(Values<i128>),
    /// Codes of [`WORDS`].
    Word(Vec<u8>),
    /// 0 for null, else [`FALSE`] or [`TRUE`].
    Flag(Vec<u8>),
    Text(Texts),
}

impl Column {
    pub(super) fn push_null(&mut self) {
        match self {
            Column::Int(values) => values.push(None),
            Column::Float(values) => values.push(None),
            Column::Decimal(values) => values.push(None),
            Column::Word(codes) | Column::Flag(codes) => codes.push(0),
            Column::Text(texts) => texts.push(b""),
        }
    }

    /// Pushes a number that was found to fit.
    #[inline(always)]
    pub(super) fn push_number(&mut self, number: Option<Number<'_>>) {
        match self {
            Column::Float(values) => values.push(number.map(Number::to_f64)),
            Column::Decimal(values) => values.push(number.and_then(decimal_from_number)),
            _ => unreachable!("not a column of numbers"),
        }
    }

    /// The parser lets no count through that is above the largest `i64`.
    #[inline(always)]
    pub(super) fn push_count(&mut self, count: Option<u64>) {
        self.push_int(count.and_then(|count| i64::try_from(count).ok()));
    }

    #[inline(always)]
    pub(super) fn push_time(&mut self, ts: Option<Ts>) {
        self.push_int(ts.map(Ts::nanos));
    }

    #[inline(always)]
    fn push_int(&mut self, value: Option<i64>) {
        match self {
            Column::Int(values) => values.push(value),
            _ => unreachable!("not a column of integers"),
        }
    }

    #[inline(always)]
    pub(super) fn push_code(&mut self, code: u8) {
        match self {
            Column::Word(codes) | Column::Flag(codes) => codes.push(code),
            _ => unreachable!("not a column of codes"),
        }
    }

    #[inline(always)]
    pub(super) fn push_text(&mut self, text: &str) {
        match self {
            Column::Text(texts) => texts.push(text.as_bytes()),
            _ => unreachable!("not a column of texts"),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Column::Int(values) => values.clear(),
            Column::Float(values) => values.clear(),
            Column::Decimal(values) => values.clear(),
            Column::Word(codes) | Column::Flag(codes) => codes.clear(),
            Column::Text(texts) => texts.clear(),
        }
    }

    /// Appends rows of another column of the same type.
    pub(super) fn append(&mut self, other: &Column, rows: Range<usize>) {
        match (self, other) {
            (Column::Int(ours), Column::Int(theirs)) => ours.append(theirs, rows),
            (Column::Float(ours), Column::Float(theirs)) => ours.append(theirs, rows),
            (Column::Decimal(ours), Column::Decimal(theirs)) => ours.append(theirs, rows),
            (Column::Word(ours), Column::Word(theirs)) | (Column::Flag(ours), Column::Flag(theirs)) => {
                ours.extend_from_slice(&theirs[rows]);
            }
            (Column::Text(ours), Column::Text(theirs)) => ours.append(theirs, rows),
            _ => unreachable!("columns of one kind have one type"),
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Column::Int(values) => values.truncate(rows),
            Column::Float(values) => values.truncate(rows),
            Column::Decimal(values) => values.truncate(rows),
            Column::Word(codes) | Column::Flag(codes) => codes.truncate(rows),
            Column::Text(texts) => texts.truncate(rows),
        }
    }

    pub(super) fn remove_front(&mut self, rows: usize) {
        match self {
            Column::Int(values) => values.remove_front(rows),
            Column::Float(values) => values.remove_front(rows),
            Column::Decimal(values) => values.remove_front(rows),
            Column::Word(codes) | Column::Flag(codes) => drop(codes.drain(..rows)),
            Column::Text(texts) => texts.remove_front(rows),
        }
    }

    /// The rows named, in that order; mostly they are long runs.
    pub(super) fn take(&self, rows: &[u32]) -> Column {
        let mut taken = self.empty(rows.len());
        for run in rows.chunk_by(|before, after| before + 1 == *after) {
            let first = index(run[0]);
            taken.append(self, first..first + run.len());
        }
        taken
    }

    /// A column of the same type with room for some rows.
    fn empty(&self, rows: usize) -> Column {
        match self {
            Column::Int(_) => Column::Int(Values::with_capacity(rows)),
            Column::Float(_) => Column::Float(Values::with_capacity(rows)),
            Column::Decimal(_) => Column::Decimal(Values::with_capacity(rows)),
            Column::Word(_) => Column::Word(Vec::with_capacity(rows)),
            Column::Flag(_) => Column::Flag(Vec::with_capacity(rows)),
            Column::Text(texts) => {
                Column::Text(Texts::with_capacity(rows, texts.bytes.len().min(rows.saturating_mul(24))))
            }
        }
    }

    /// Total order of two values; null comes first.
    pub(super) fn compare(&self, row: usize, other: &Column, other_row: usize) -> Ordering {
        match (self, other) {
            (Column::Int(ours), Column::Int(theirs)) => ours.get(row).cmp(&theirs.get(other_row)),
            (Column::Decimal(ours), Column::Decimal(theirs)) => ours.get(row).cmp(&theirs.get(other_row)),
            (Column::Float(ours), Column::Float(theirs)) => match (ours.get(row), theirs.get(other_row)) {
                (Some(ours), Some(theirs)) => ours.total_cmp(&theirs),
                (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
            },
            (Column::Word(ours), Column::Word(theirs)) | (Column::Flag(ours), Column::Flag(theirs)) => {
                ours[row].cmp(&theirs[other_row])
            }
            (Column::Text(ours), Column::Text(theirs)) => compare_ids(ours.get(row), theirs.get(other_row)),
            _ => unreachable!("columns of one kind have one type"),
        }
    }

    /// The first `count` values as Arrow has them; texts take another way.
    pub(super) fn array(&self, count: usize) -> ArrayRef {
        match self {
            Column::Int(values) => {
                let (values, nulls) = values.buffers(count);
                Arc::new(PrimitiveArray::<Int64Type>::new(values, nulls))
            }
            Column::Float(values) => {
                let (values, nulls) = values.buffers(count);
                Arc::new(PrimitiveArray::<Float64Type>::new(values, nulls))
            }
            Column::Decimal(values) => {
                let (values, nulls) = values.buffers(count);
                let scale = i8::try_from(DECIMAL_SCALE).unwrap_or(0);
                let array = Decimal128Array::new(values, nulls).with_precision_and_scale(38, scale);
                Arc::new(array.expect("38 digits, 18 of them after the point, are a valid decimal type"))
            }
            Column::Flag(codes) => {
                let mut flags = BooleanBuilder::with_capacity(count);
                codes[..count].iter().for_each(|code| flags.append_option((*code != 0).then_some(*code == TRUE)));
                Arc::new(flags.finish())
            }
            Column::Word(_) | Column::Text(_) => unreachable!("texts are no Arrow arrays"),
        }
    }
}

/// Numbers of which any may be null.
#[derive(Clone, Debug)]
pub(super) struct Values<T> {
    /// How many nulls there are, while there is nothing else; 0 from the first value on.
    nulls: usize,
    values: Vec<T>,
    /// Whether each value is there; empty while no null was seen.
    present: Vec<bool>,
}

impl<T> Default for Values<T> {
    fn default() -> Values<T> {
        Values { nulls: 0, values: Vec::new(), present: Vec::new() }
    }
}

impl<T: Copy + Default> Values<T> {
    fn with_capacity(rows: usize) -> Values<T> {
        Values { values: Vec::with_capacity(rows), ..Values::default() }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<T>) {
        match value {
            Some(value) => self.push_value(value),
            None => self.push_nulls(1),
        }
    }

    #[inline]
    pub(super) fn push_value(&mut self, value: T) {
        if self.nulls > 0 {
            self.spell_out();
        }
        if !self.present.is_empty() {
            self.present.push(true);
        }
        self.values.push(value);
    }

    #[inline]
    fn push_nulls(&mut self, count: usize) {
        if self.values.is_empty() {
            self.nulls += count;
            return;
        }
        self.present.resize(self.values.len(), true);
        self.values.resize(self.values.len() + count, T::default());
        self.present.resize(self.values.len(), false);
    }

    pub(super) fn extend_present(&mut self, values: &[T]) {
        if self.nulls > 0 {
            self.spell_out();
        }
        self.values.extend_from_slice(values);
        if !self.present.is_empty() {
            self.present.resize(self.values.len(), true);
        }
    }

    /// Gives each null its place, before the first value comes.
    #[cold]
    fn spell_out(&mut self) {
        let nulls = std::mem::take(&mut self.nulls);
        self.values.resize(nulls, T::default());
        self.present.resize(nulls, false);
    }

    fn clear(&mut self) {
        self.nulls = 0;
        self.values.clear();
        self.present.clear();
    }

    pub(super) fn get(&self, row: usize) -> Option<T> {
        let is_present = self.nulls == 0 && (self.present.is_empty() || self.present[row]);
        is_present.then(|| self.values[row])
    }

    fn append(&mut self, other: &Values<T>, rows: Range<usize>) {
        if other.nulls > 0 {
            self.push_nulls(rows.len());
            return;
        }
        if other.present.is_empty() {
            self.extend_present(&other.values[rows]);
            return;
        }
        if self.nulls > 0 {
            self.spell_out();
        }
        self.present.resize(self.values.len(), true);
        self.present.extend_from_slice(&other.present[rows.clone()]);
        self.values.extend_from_slice(&other.values[rows]);
    }

    fn truncate(&mut self, rows: usize) {
        self.nulls = self.nulls.min(rows);
        self.values.truncate(rows);
        self.present.truncate(rows);
    }

    fn remove_front(&mut self, rows: usize) {
        if self.nulls > 0 {
            self.nulls -= rows;
            return;
        }
        self.values.drain(..rows);
        if !self.present.is_empty() {
            self.present.drain(..rows);
        }
    }
}

impl<T: Copy + Default + PartialEq> PartialEq for Values<T> {
    fn eq(&self, other: &Values<T>) -> bool {
        let (ours, theirs) = (self.nulls + self.values.len(), other.nulls + other.values.len());
        ours == theirs && (0..ours).all(|row| self.get(row) == other.get(row))
    }
}

impl<T: arrow_buffer::ArrowNativeType> Values<T> {
    fn buffers(&self, count: usize) -> (ScalarBuffer<T>, Option<NullBuffer>) {
        if self.nulls > 0 {
            return (vec![T::default(); count].into(), Some(NullBuffer::new_null(count)));
        }
        let nulls = self.present.get(..count).map(NullBuffer::from);
        (ScalarBuffer::from(self.values[..count].to_vec()), nulls)
    }
}

/// Texts one after the other; an empty text is null.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Texts {
    /// Where each text begins, and where the last one ends.
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Texts {
    fn with_capacity(rows: usize, bytes: usize) -> Texts {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Texts { offsets, bytes: Vec::with_capacity(bytes) }
    }

    /// Texts are kept short by whoever pushes, so that a batch stays far below the 2 GiB that offsets reach.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.offsets.push(offset(self.bytes.len()));
    }

    pub(super) fn get(&self, row: usize) -> &[u8] {
        &self.bytes[place(self.offsets[row])..place(self.offsets[row + 1])]
    }

    fn clear(&mut self) {
        self.offsets.truncate(1);
        self.bytes.clear();
    }

    fn append(&mut self, other: &Texts, rows: Range<usize>) {
        let (start, end) = (place(other.offsets[rows.start]), place(other.offsets[rows.end]));
        let base = offset(self.bytes.len()) - offset(start);
        self.bytes.extend_from_slice(&other.bytes[start..end]);
        let _ = offset(self.bytes.len());
        self.offsets.extend(other.offsets[rows.start + 1..=rows.end].iter().map(|held| held + base));
    }

    fn truncate(&mut self, rows: usize) {
        self.bytes.truncate(place(self.offsets[rows]));
        self.offsets.truncate(rows + 1);
    }

    fn remove_front(&mut self, rows: usize) {
        let cut = self.offsets[rows];
        self.bytes.drain(..place(cut));
        self.offsets.drain(..rows);
        self.offsets.iter_mut().for_each(|held| *held -= cut);
    }

    /// How many bytes some texts have.
    pub(super) fn bytes_of(&self, rows: Range<usize>) -> usize {
        place(self.offsets[rows.end]) - place(self.offsets[rows.start])
    }

    /// The row at which the texts from `start` on have more than `bytes` bytes; one row is always within.
    pub(super) fn end_within(&self, start: usize, bytes: usize) -> usize {
        let limit = place(self.offsets[start]) + bytes;
        let within = self.offsets[start + 1..].partition_point(|end| place(*end) <= limit);
        start + within.max(1)
    }
}

/// The order of ids: shorter first, so that whole numbers are in the order of their values.
#[inline]
pub(super) fn compare_ids(left: &[u8], right: &[u8]) -> Ordering {
    // Most ids have 8 to 16 bytes: their first eight and, if these are the same, their last eight tell.
    let words = |id: &[u8]| Some((id.first_chunk().copied()?, id.last_chunk().copied()?));
    left.len().cmp(&right.len()).then_with(|| match (words(left), words(right)) {
        (Some(left_words), Some(right_words)) if left.len() <= 16 => {
            let order = |(first, last)| (u64::from_be_bytes(first), u64::from_be_bytes(last));
            order(left_words).cmp(&order(right_words))
        }
        _ => left.cmp(right),
    })
}

pub(super) fn index(row: u32) -> usize {
    usize::try_from(row).expect("a machine of at least 32 bits")
}

pub(super) fn row_number(row: usize) -> u32 {
    u32::try_from(row).expect("a batch has far less than 4 billion rows")
}

fn offset(length: usize) -> i32 {
    i32::try_from(length).expect("a batch holds far less than 2 GiB of text")
}

fn place(offset: i32) -> usize {
    usize::try_from(offset).expect("offsets are never negative")
}
