//! Writing row groups.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::{DataType, Schema};
use dccd_record::Kind;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use super::chunk::{write_texts, write_words};
use super::column::Column;
use super::error::TableError;
use super::input::TableFile;
use super::rows::Rows;
use super::schema::{Numbers, Provenance, arrow_schema, properties};

/// Rows handed to the encoder at once, so that its buffers do not grow.
const SLICE_ROWS: usize = 20_000;
/// The same for decimals: the encoder keeps the whole slice that a smallest or largest value came from until the
/// footer is written.
const DECIMAL_SLICE_ROWS: usize = 1 << 10;

/// A file being written, row group by row group.
pub(super) struct Output {
    path: PathBuf,
    schema: Arc<Schema>,
    columns: SchemaDescriptor,
    writer: SerializedFileWriter<File>,
    factory: ArrowRowGroupWriterFactory,
    groups: usize,
    rows: u64,
    hull: Option<(i64, i64)>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("path", &self.path).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: File,
    pub(super) rows: u64,
    /// First and last instant.
    pub(super) hull: Option<(i64, i64)>,
    pub(super) bytes: u64,
}

impl Output {
    /// A new file; one that is already there is replaced.
    pub(super) fn create(
        path: &Path,
        kind: Kind,
        numbers: Numbers,
        provenance: &Provenance,
    ) -> Result<Output, TableError> {
        // Never written in place: the old file may be open, and even be one of the sources.
        match std::fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(TableError::io(path, cause)),
            _ => {}
        }
        let file = File::options().read(true).write(true).create_new(true).open(path);
        Output::new(path, file.map_err(|cause| TableError::io(path, cause))?, kind, numbers, provenance)
    }

    /// Writes to a file that is open and empty.
    pub(super) fn new(
        path: &Path,
        file: File,
        kind: Kind,
        numbers: Numbers,
        provenance: &Provenance,
    ) -> Result<Output, TableError> {
        let schema = arrow_schema(kind, numbers);
        let failed = |error| TableError::writing(path, error);
        let columns = ArrowSchemaConverter::new().convert(&schema).map_err(failed)?;
        let writer = SerializedFileWriter::new(file, columns.root_schema_ptr(), properties(provenance));
        let writer = writer.map_err(failed)?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        Ok(Output { path: path.to_owned(), schema, columns, writer, factory, groups: 0, rows: 0, hull: None })
    }

    /// Writes the first `count` rows, which are sorted and without repeats, as one row group.
    pub(super) fn write(&mut self, rows: &Rows, count: usize) -> Result<(), TableError> {
        let (Some(first), Some(last)) = (rows.ts[..count].first(), rows.ts[..count].last()) else { return Ok(()) };
        self.encode(rows, count).map_err(|error| TableError::writing(&self.path, error))?;
        self.count(count, (*first, *last));
        Ok(())
    }

    /// Copies a row group of another file as it is; both have the same columns.
    pub(super) fn splice(&mut self, input: &TableFile, group: usize) -> Result<(), TableError> {
        let about = input.group(group);
        let Some(hull) = about.hull else { return Ok(()) };
        self.copy(input, group).map_err(|error| TableError::reading(input.path(), error))?;
        self.count(about.rows, hull);
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the footer; until then the file is no Parquet file.
    pub(super) fn finish(self) -> Result<Written, TableError> {
        let failed = |error| TableError::writing(&self.path, error);
        let file = self.writer.into_inner().map_err(failed)?;
        let bytes = file.metadata().map_err(|cause| TableError::io(&self.path, cause))?.len();
        Ok(Written { file, rows: self.rows, hull: self.hull, bytes })
    }

    fn encode(&mut self, rows: &Rows, count: usize) -> Result<(), ParquetError> {
        let columns = self.factory.create_column_writers(self.groups)?;
        let mut group = self.writer.next_row_group()?;
        for (at, (mut column, field)) in columns.into_iter().zip(self.schema.fields()).enumerate() {
            let array: ArrayRef = match at.checked_sub(1).and_then(|at| rows.columns.get(at)) {
                None => Arc::new(Int64Array::from(rows.ts[..count].to_vec())),
                // Nobody looks for a text by its bounds, and finding them costs more than packing the text.
                Some(Column::Word(codes)) => {
                    write_words(&codes[..count], self.columns.column(at), &mut group)?;
                    continue;
                }
                Some(Column::Text(texts)) => {
                    write_texts(texts, count, self.columns.column(at), &mut group)?;
                    continue;
                }
                Some(values) => values.array(count),
            };
            let is_decimal = matches!(field.data_type(), DataType::Decimal128(..));
            let step = if is_decimal { DECIMAL_SLICE_ROWS } else { SLICE_ROWS };
            for start in (0..count).step_by(step) {
                let slice = array.slice(start, step.min(count - start));
                for leaf in compute_leaves(field, &slice)? {
                    column.write(&leaf)?;
                }
            }
            column.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    fn copy(&mut self, input: &TableFile, group: usize) -> Result<(), ParquetError> {
        let metadata = input.metadata();
        let about = metadata.row_group(group);
        let index = metadata.page_index();
        let mut copy = self.writer.next_row_group()?;
        for (at, column) in about.columns().iter().enumerate() {
            let result = ColumnCloseResult {
                bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
                rows_written: u64::try_from(about.num_rows()).unwrap_or(0),
                metadata: column.clone(),
                bloom_filter: None,
                column_index: index.and_then(|index| index.column_index(group, at)).cloned(),
                offset_index: index.and_then(|index| index.offset_index(group, at)).cloned(),
            };
            copy.append_column(input.bytes(), result)?;
        }
        copy.close()?;
        Ok(())
    }

    fn count(&mut self, rows: usize, (first, last): (i64, i64)) {
        self.groups += 1;
        self.rows += u64::try_from(rows).unwrap_or(u64::MAX);
        self.hull = Some(self.hull.map_or((first, last), |(start, end)| (start.min(first), end.max(last))));
    }
}
