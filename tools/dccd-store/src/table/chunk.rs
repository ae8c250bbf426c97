//! Texts as column chunks of Parquet, written without looking each of them up.

use std::fs::File;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use super::column::{Texts, WORDS};
use super::schema::{PAGE_BYTES, PAGE_ROWS, ZSTD_LEVEL};

type RowGroup<'a> = SerializedRowGroupWriter<'a, File>;

/// Writes `codes` of [`WORDS`] as a dictionary of those that occur, and their places in it.
pub(super) fn write_words(codes: &[u8], column: ColumnDescPtr, group: &mut RowGroup<'_>) -> Result<()> {
    let mut dictionary = Vec::new();
    let mut places = [0; WORDS.len() + 1];
    let mut words: u8 = 0;
    for (word, code) in WORDS.iter().zip(1..) {
        if codes.contains(&code) {
            push_plain(word.as_bytes(), &mut dictionary)?;
            places[usize::from(code)] = words;
            words += 1;
        }
    }
    let width: u8 = if words > 2 { 2 } else { 1 };
    let mut chunk = Chunk::new(column)?;
    chunk.write_dictionary(&dictionary, words.into())?;
    for page in codes.chunks(PAGE_ROWS) {
        let mut values = levels(page.len(), page.iter().map(|code| *code != 0))?;
        values.push(width);
        let held: Vec<u8> = page.iter().filter(|code| **code != 0).map(|code| places[usize::from(*code)]).collect();
        push_packed(&held, width, &mut values)?;
        chunk.write_page(page.len(), &values, Encoding::RLE_DICTIONARY)?;
    }
    chunk.close(group)
}

/// Writes the first `rows` texts one after the other.
pub(super) fn write_texts(texts: &Texts, rows: usize, column: ColumnDescPtr, group: &mut RowGroup<'_>) -> Result<()> {
    let mut chunk = Chunk::new(column)?;
    let mut start = 0;
    while start < rows {
        let end = rows.min(start + PAGE_ROWS).min(texts.end_within(start, PAGE_BYTES));
        let mut values = levels(end - start, (start..end).map(|row| !texts.get(row).is_empty()))?;
        values.reserve(texts.bytes_of(start..end) + 4 * (end - start));
        for text in (start..end).map(|row| texts.get(row)).filter(|text| !text.is_empty()) {
            push_plain(text, &mut values)?;
        }
        chunk.write_page(end - start, &values, Encoding::PLAIN)?;
        start = end;
    }
    chunk.close(group)
}

/// A column chunk in memory.
struct Chunk {
    column: ColumnDescPtr,
    compressor: Compressor<'static>,
    bytes: TrackedWrite<Vec<u8>>,
    bytes_unpacked: usize,
    rows: usize,
    data_offset: Option<u64>,
    has_dictionary: bool,
    encoding_stats: Vec<PageEncodingStats>,
    index: OffsetIndexBuilder,
}

impl Chunk {
    fn new(column: ColumnDescPtr) -> Result<Chunk> {
        Ok(Chunk {
            column,
            compressor: Compressor::new(ZSTD_LEVEL)?,
            bytes: TrackedWrite::new(Vec::new()),
            bytes_unpacked: 0,
            rows: 0,
            data_offset: None,
            has_dictionary: false,
            encoding_stats: Vec::new(),
            index: OffsetIndexBuilder::new(),
        })
    }

    fn write_dictionary(&mut self, values: &[u8], count: u32) -> Result<()> {
        let buf = Bytes::from(self.compressor.compress(values)?);
        let page = Page::DictionaryPage { buf, num_values: count, encoding: Encoding::PLAIN, is_sorted: false };
        self.has_dictionary = true;
        self.write(page, values.len())?;
        Ok(())
    }

    /// Writes a page of levels and values.
    fn write_page(&mut self, rows: usize, values: &[u8], encoding: Encoding) -> Result<()> {
        let page = Page::DataPage {
            buf: Bytes::from(self.compressor.compress(values)?),
            num_values: u32::try_from(rows)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, bytes) = self.write(page, values.len())?;
        self.data_offset.get_or_insert(offset);
        self.rows += rows;
        self.index.append_row_count(i64::try_from(rows)?);
        self.index.append_offset_and_size(i64::try_from(offset)?, i32::try_from(bytes)?);
        Ok(())
    }

    /// Where the page begins, and how long it is.
    fn write(&mut self, page: Page, bytes_unpacked: usize) -> Result<(u64, usize)> {
        let (page_type, encoding) = (page.page_type(), page.encoding());
        match self.encoding_stats.last_mut() {
            Some(stats) if stats.page_type == page_type => stats.count += 1,
            _ => self.encoding_stats.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let page = CompressedPage::new(page, bytes_unpacked);
        let written = SerializedPageWriter::new(&mut self.bytes).write_page(page)?;
        self.bytes_unpacked += written.uncompressed_size;
        Ok((written.offset, written.compressed_size))
    }

    fn close(self, group: &mut RowGroup<'_>) -> Result<()> {
        let bytes = Bytes::from(self.bytes.into_inner()?);
        let zstd = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
        let mut encodings = vec![Encoding::RLE];
        encodings.extend(self.encoding_stats.iter().map(|stats| stats.encoding));
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(zstd)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encoding_stats)
            .set_num_values(i64::try_from(self.rows)?)
            .set_total_compressed_size(i64::try_from(bytes.len())?)
            .set_total_uncompressed_size(i64::try_from(self.bytes_unpacked)?)
            .set_data_page_offset(i64::try_from(self.data_offset.unwrap_or(0))?)
            .set_dictionary_page_offset(self.has_dictionary.then_some(0))
            .build()?;
        let result = ColumnCloseResult {
            bytes_written: u64::try_from(bytes.len())?,
            rows_written: u64::try_from(self.rows)?,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.index.build()),
        };
        group.append_column(&bytes, result)
    }
}

/// The start of a page: which of its rows hold a value.
fn levels(rows: usize, present: impl Iterator<Item = bool>) -> Result<Vec<u8>> {
    let present: Vec<u8> = present.map(u8::from).collect();
    let mut out = vec![0; 4];
    if present.contains(&0) {
        push_packed(&present, 1, &mut out)?;
    } else {
        // One run of ones.
        push_varint(u32::try_from(rows)? << 1, &mut out);
        out.push(1);
    }
    let length = u32::try_from(out.len() - 4)?;
    out[..4].copy_from_slice(&length.to_le_bytes());
    Ok(out)
}

/// Appends one run of small values, each `width` bits, in groups of eight.
fn push_packed(values: &[u8], width: u8, out: &mut Vec<u8>) -> Result<()> {
    push_varint((u32::try_from(values.len().div_ceil(8))? << 1) | 1, out);
    for group in values.chunks(8) {
        let bits = group.iter().rev().fold(0_u64, |bits, value| (bits << width) | u64::from(*value));
        out.extend_from_slice(&bits.to_le_bytes()[..usize::from(width)]);
    }
    Ok(())
}

fn push_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[inline]
fn push_plain(text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&u32::try_from(text.len())?.to_le_bytes());
    out.extend_from_slice(text);
    Ok(())
}
