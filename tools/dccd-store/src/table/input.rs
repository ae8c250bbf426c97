//! Opening files and reading their footers.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use arrow_schema::DataType;
use bytes::Bytes;
use dccd_record::{Kind, Ts};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;

use super::canon::Canon;
use super::error::TableError;
use super::schema::{DCCD3_KEY, Numbers, SCHEMA_KEY, SCHEMA_VERSION, SOURCES_KEY, arrow_schema};

/// More columns than any file of ours or of dccd has.
const COLUMNS_MAX: usize = 64;
const READ_BYTES: usize = 64 << 10;

/// Who wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This version of dccd: sorted, no repeats, the columns of [`super`].
    Ours,
    /// dccd 3.
    Dccd3,
    /// dccd 2, or somebody else with columns that are understood.
    Other,
}

/// What a footer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Who wrote the file.
    pub origin: Origin,
    /// What its numbers are; other than the store's in an adopted file.
    pub numbers: Numbers,
    /// Rows; a book has one per level.
    pub rows: u64,
    /// The first instant, if there are rows.
    pub first: Option<Ts>,
    /// The last instant.
    pub last: Option<Ts>,
    /// Where the rows came from, if the file says so.
    pub sources: Vec<String>,
    /// The size of the file.
    pub bytes: u64,
}

/// One row group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) rows: usize,
    /// First and last instant; `None` without rows or without statistics.
    pub(super) hull: Option<(i64, i64)>,
}

/// An open file whose footer makes sense.
pub(super) struct TableFile {
    path: PathBuf,
    bytes: FileBytes,
    metadata: ArrowReaderMetadata,
    origin: Origin,
    numbers: Numbers,
    sources: Vec<String>,
    groups: Vec<Group>,
    canon: Canon,
}

impl std::fmt::Debug for TableFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableFile").field("path", &self.path).field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl TableFile {
    /// Opens a file that should hold records of `kind`.
    pub(super) fn open(path: &Path, kind: Kind) -> Result<TableFile, TableError> {
        let file = File::open(path).map_err(|cause| TableError::io(path, cause))?;
        TableFile::new(path, file, kind)
    }

    /// Reads the footer of an open file.
    pub(super) fn new(path: &Path, file: File, kind: Kind) -> Result<TableFile, TableError> {
        let about = file.metadata().map_err(|cause| TableError::io(path, cause))?;
        if !about.is_file() {
            return Err(TableError::unreadable(path, "not a regular file"));
        }
        let bytes = FileBytes { file: Arc::new(file), length: about.len() };
        let options =
            ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = guarded(path, || ArrowReaderMetadata::load(&bytes, options))?;
        if metadata.schema().fields().len() > COLUMNS_MAX {
            return Err(TableError::unreadable(path, format_args!("more than {COLUMNS_MAX} columns")));
        }
        let canon = Canon::new(kind, metadata.schema()).map_err(|why| TableError::unreadable(path, why))?;
        let numbers = canon.numbers();
        let is_ours = footer_value(metadata.metadata(), SCHEMA_KEY) == Some(SCHEMA_VERSION)
            && has_types(metadata.schema(), &arrow_schema(kind, numbers));
        let origin = match (is_ours, footer_value(metadata.metadata(), DCCD3_KEY)) {
            (true, _) => Origin::Ours,
            (false, Some(_)) => Origin::Dccd3,
            (false, None) if !canon.is_old() => Origin::Dccd3,
            (false, None) => Origin::Other,
        };
        let sources = footer_value(metadata.metadata(), SOURCES_KEY).unwrap_or_default();
        let sources = sources.split(',').filter(|source| !source.is_empty()).map(str::to_owned).collect();
        let mut file =
            TableFile { path: path.to_owned(), bytes, origin, numbers, sources, groups: Vec::new(), canon, metadata };
        file.groups = guarded(path, || file.read_groups())?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bytes(&self) -> &FileBytes {
        &self.bytes
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    pub(super) fn numbers(&self) -> Numbers {
        self.numbers
    }

    pub(super) fn canon(&self) -> &Canon {
        &self.canon
    }

    pub(super) fn arrow_metadata(&self) -> &ArrowReaderMetadata {
        &self.metadata
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(super) fn group(&self, at: usize) -> Group {
        self.groups[at]
    }

    pub(super) fn file(&self) -> &File {
        &self.bytes.file
    }

    /// First and last instant, if the statistics of every row group tell.
    pub(super) fn hull(&self) -> Option<(i64, i64)> {
        let filled = self.groups.iter().filter(|group| group.rows > 0);
        let hulls: Option<Vec<(i64, i64)>> = filled.map(|group| group.hull).collect();
        let hulls = hulls?;
        Some((hulls.iter().map(|hull| hull.0).min()?, hulls.iter().map(|hull| hull.1).max()?))
    }

    /// What the footer says; the instants are given by the caller, who may have had to look for them.
    pub(super) fn info(&self, hull: Option<(i64, i64)>) -> FileInfo {
        FileInfo {
            origin: self.origin,
            numbers: self.numbers,
            rows: self.groups.iter().fold(0, |sum, group| sum + u64::try_from(group.rows).unwrap_or(0)),
            first: hull.map(|(first, _)| believable(first)),
            last: hull.map(|(_, last)| believable(last)),
            sources: self.sources.clone(),
            bytes: self.bytes.length,
        }
    }

    fn read_groups(&self) -> ParquetResult<Vec<Group>> {
        let wrong = |what: &str| ParquetError::General(format!("the footer has a row group with {what}"));
        let group = |about: &RowGroupMetaData| {
            let rows = usize::try_from(about.num_rows()).map_err(|_| wrong("a negative number of rows"))?;
            let column = about.columns().get(self.canon.ts_column()).ok_or_else(|| wrong("too few columns"))?;
            if self.origin == Origin::Ours && about.columns().iter().any(|column| column.num_values() < 0) {
                return Err(wrong("a negative number of values"));
            }
            let stats = column.statistics().filter(|_| rows > 0);
            let hull = stats.and_then(|stats| self.canon.hull(stats)).filter(|(first, last)| first <= last);
            Ok(Group { rows, hull })
        };
        self.metadata().row_groups().iter().map(group).collect()
    }
}

/// Smallest and largest value of statistics.
pub(super) enum Bounds {
    Ints(i64, i64),
    Floats(f64, f64),
}

/// Smallest and largest value of statistics, if they are numbers.
pub(super) fn bounds(stats: &Statistics) -> Option<Bounds> {
    Some(match stats {
        Statistics::Int64(values) => Bounds::Ints(*values.min_opt()?, *values.max_opt()?),
        Statistics::Int32(values) => Bounds::Ints(i64::from(*values.min_opt()?), i64::from(*values.max_opt()?)),
        Statistics::Double(values) => Bounds::Floats(*values.min_opt()?, *values.max_opt()?),
        Statistics::Float(values) => Bounds::Floats(f64::from(*values.min_opt()?), f64::from(*values.max_opt()?)),
        _ => return None,
    })
}

thread_local! {
    /// Whether a panic of this thread is caught and told as what it means.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may stumble over bytes that nobody has checked; a panic inside is the file's fault, and not printed.
pub(super) fn guarded<T>(path: &Path, read: impl FnOnce() -> ParquetResult<T>) -> Result<T, TableError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !IS_GUARDED.get() {
                print(about);
            }
        }));
    });
    let outer = IS_GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(outer);
    match done {
        Ok(done) => done.map_err(|error| TableError::reading(path, error)),
        Err(_) => Err(TableError::unreadable(path, "its structure contradicts itself")),
    }
}

pub(super) fn footer_value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let entries = metadata.file_metadata().key_value_metadata()?;
    entries.iter().find(|entry| entry.key == key)?.value.as_deref()
}

fn has_types(held: &arrow_schema::Schema, wanted: &arrow_schema::Schema) -> bool {
    let types = |schema: &arrow_schema::Schema| -> Vec<(String, DataType, bool)> {
        schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone(), field.is_nullable()))
            .collect()
    };
    types(held) == types(wanted)
}

/// The first column that is not as it should be.
pub(super) fn type_difference(held: &arrow_schema::Schema, wanted: &arrow_schema::Schema) -> String {
    let name = |field: Option<&arrow_schema::FieldRef>| match field {
        Some(field) => {
            let null = if field.is_nullable() { "" } else { " not null" };
            format!("{} {}{null}", field.name(), field.data_type())
        }
        None => "nothing".to_owned(),
    };
    let columns = 0..held.fields().len().max(wanted.fields().len());
    let pairs = columns.map(|at| (name(held.fields().get(at)), name(wanted.fields().get(at))));
    let first = pairs.into_iter().find(|(held, wanted)| held != wanted);
    first.map(|(held, wanted)| format!("{held} where {wanted} should be")).unwrap_or_default()
}

/// The instant, held inside what can be believed.
pub(super) fn believable(nanos: i64) -> Ts {
    Ts::from_nanos(nanos.clamp(Ts::MIN.nanos(), Ts::MAX.nanos())).unwrap_or(Ts::MIN)
}

/// A file that is read by position, so that nothing depends on a shared cursor.
#[derive(Clone, Debug)]
pub(super) struct FileBytes {
    file: Arc<File>,
    length: u64,
}

impl Length for FileBytes {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileBytes {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> ParquetResult<BufReader<Cursor>> {
        Ok(BufReader::with_capacity(READ_BYTES, Cursor { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let end = u64::try_from(length).ok().and_then(|length| start.checked_add(length));
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {} bytes", self.length)));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(|cause| ParquetError::External(Box::new(cause)))?;
        Ok(Bytes::from(bytes))
    }
}

/// A place in a file.
#[derive(Debug)]
pub(super) struct Cursor {
    file: Arc<File>,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}
