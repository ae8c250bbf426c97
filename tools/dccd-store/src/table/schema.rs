//! The columns of each kind, and how they are written.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use dccd_record::Kind;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::ColumnPath;

use super::column::{Column, Texts, Values};

/// The footer's key for the version of the schema.
pub(super) const SCHEMA_KEY: &str = "dccd.schema";
/// The version of the schema that this module writes.
pub(super) const SCHEMA_VERSION: &str = "4";
pub(super) const VERSION_KEY: &str = "dccd.version";
pub(super) const SOURCES_KEY: &str = "dccd.sources";
/// dccd 3 kept this in the footer.
pub(super) const DCCD3_KEY: &str = "dccd.provenance";

/// The most rows of a row group, but for an instant that has more by itself.
///
/// Tests see row groups, pages and batches so small that a few hundred rows meet every seam.
pub(super) const GROUP_ROWS: usize = if cfg!(test) { 64 } else { 128 << 10 };
/// Rows of one page: what a query reads at the least. Half as many make files 7 % larger.
pub(super) const PAGE_ROWS: usize = if cfg!(test) { 16 } else { 64 << 10 };
/// Rows after which the limits of a page are looked at.
const LOOK_ROWS: usize = if cfg!(test) { 4 } else { 1 << 10 };
pub(super) const PAGE_BYTES: usize = if cfg!(test) { 300 } else { 1 << 20 };
/// The fastest: level 3 packs 9 % tighter, for a seventh more of all the time that writing takes.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// What the numbers of a store are; chosen when it is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// Float64: what reads back as the same number is kept.
    Float,
    /// Decimal128(38,18): every digit is kept.
    Decimal,
}

/// Who made a file; kept in its footer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The version of dccd.
    pub version: String,
    /// Where the rows came from, such as `binance`.
    pub sources: Vec<String>,
}

impl Provenance {
    /// Written by `version`, such as `dccd-write 4.0.0`, from nowhere yet.
    pub fn new(version: &str) -> Provenance {
        Provenance { version: version.to_owned(), sources: Vec::new() }
    }

    /// The same with one more source.
    pub fn with_source(mut self, source: &str) -> Provenance {
        self.sources.push(source.to_owned());
        self
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Number,
    Word,
    Flag,
    Text,
}

/// Places of the columns behind the instant.
pub(super) mod at {
    pub(crate) const CANDLE_DERIVED: usize = 7;
    pub(crate) const TRADE_PRICE: usize = 0;
    pub(crate) const TRADE_AMOUNT: usize = 1;
    pub(crate) const TRADE_SIDE: usize = 2;
    pub(crate) const TRADE_TID: usize = 3;
    pub(crate) const BOOK_SIDE: usize = 0;
    pub(crate) const BOOK_PRICE: usize = 1;
    pub(crate) const BOOK_IS_SNAPSHOT: usize = 4;
    pub(crate) const BOOK_SEQ: usize = 5;
    pub(crate) const BOOK_RECV_TS: usize = 6;
}

/// The columns of a kind behind the instant, in order.
pub(super) fn columns(kind: Kind) -> &'static [(&'static str, Type)] {
    match kind {
        Kind::Candle => &[
            ("open", Type::Number),
            ("high", Type::Number),
            ("low", Type::Number),
            ("close", Type::Number),
            ("volume", Type::Number),
            ("quote_volume", Type::Number),
            ("trades", Type::Int),
            ("derived", Type::Flag),
        ],
        Kind::Trade => &[
            ("price", Type::Number),
            ("amount", Type::Number),
            ("side", Type::Word),
            ("tid", Type::Text),
            ("recv_TS", Type::Int),
        ],
        Kind::Book => &[
            ("side", Type::Word),
            ("price", Type::Number),
            ("amount", Type::Number),
            ("count", Type::Int),
            ("is_snapshot", Type::Flag),
            ("seq", Type::Int),
            ("recv_TS", Type::Int),
        ],
        Kind::Funding => &[("rate", Type::Number), ("mark_price", Type::Number)],
        Kind::OpenInterest => &[("open_interest", Type::Number), ("open_interest_value", Type::Number)],
    }
}

/// No rows yet, but a column for each of the kind's.
pub(super) fn empty_columns(kind: Kind, numbers: Numbers) -> Vec<Column> {
    let empty = |kind_of: Type| match (kind_of, numbers) {
        (Type::Int, _) => Column::Int(Values::default()),
        (Type::Number, Numbers::Float) => Column::Float(Values::default()),
        (Type::Number, Numbers::Decimal) => Column::Decimal(Values::default()),
        (Type::Word, _) => Column::Word(Vec::new()),
        (Type::Flag, _) => Column::Flag(Vec::new()),
        (Type::Text, _) => Column::Text(Texts::default()),
    };
    columns(kind).iter().map(|(_, kind_of)| empty(*kind_of)).collect()
}

/// The schema of a file.
pub(super) fn arrow_schema(kind: Kind, numbers: Numbers) -> Arc<Schema> {
    let data_type = |kind_of: Type| match (kind_of, numbers) {
        (Type::Int, _) => DataType::Int64,
        (Type::Number, Numbers::Float) => DataType::Float64,
        (Type::Number, Numbers::Decimal) => DataType::Decimal128(38, 18),
        (Type::Word | Type::Text, _) => DataType::Utf8,
        (Type::Flag, _) => DataType::Boolean,
    };
    let mut fields = vec![Field::new("TS", DataType::Int64, false)];
    fields.extend(columns(kind).iter().map(|(name, kind_of)| Field::new(*name, data_type(*kind_of), true)));
    Arc::new(Schema::new(fields))
}

/// How files are written.
pub(super) fn properties(provenance: &Provenance) -> WriterPropertiesPtr {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).expect("a level that zstd has");
    let entry = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("dccd version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(zstd))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_write_batch_size(LOOK_ROWS)
        .set_max_row_group_row_count(None)
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
        .set_key_value_metadata(Some(vec![
            entry(SCHEMA_KEY, SCHEMA_VERSION),
            entry(VERSION_KEY, &provenance.version),
            entry(SOURCES_KEY, &provenance.sources.join(",")),
        ]));
    for name in ["TS", "recv_TS", "seq"] {
        let path = ColumnPath::from(name);
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    Arc::new(builder.build())
}
