//! Records as rows of Parquet files.
//!
//! This module is the only one that knows what a column is. Everything is made of [`Rows`]: records of one
//! kind in columns. Writers push lines into [`Rows`] or a [`PartWriter`], [`assemble`] joins what was published
//! before with what came since, and [`MergedScan`] reads any number of [`Source`]s as one sorted series without
//! repeats. All three apply the same keys and the same rule for who wins among equals.
//!
//! | to do this | use this |
//! |---|---|
//! | columns from lines | `Rows::new(kind, numbers)`, `rows.push(&line)?`, `rows.len()`, `rows.instants()` |
//! | is a line fit for columns | `check(&line, numbers)?`: before it goes anywhere durable |
//! | a file bigger than memory, from lines in any order | `PartWriter::create(path, kind, numbers, &provenance)?`, `part.push(&line)?`, `part.finish()? -> Part` |
//! | the next published file | `assemble(Assembly { kind, numbers, provenance: &p, existing: Option<Source>, added: Vec<Source>, replaced: &ranges }, temp_path)? -> Assembled` |
//! | what goes into it, in commit order | `Source::published(path, adopted)`, `part.into_source()`, `Source::rows(rows)` |
//! | facts of a file, from its footer | `FileScan::open(path, kind)?.info() -> &FileInfo` |
//! | sorted rows of one file | `FileScan::open(path, kind)?.batches(range, numbers)?` |
//! | sorted rows of many sources, no repeats | `MergedScan::new(kind, numbers, sources, range)?`, an iterator of `Result<Rows, TableError>` |
//! | only the last records | `MergedScan::last(kind, numbers, sources, range, count)?`: begins where at least `count` are left |
//! | records from rows | `rows.for_each(\|record: Record<'_>\| ...) -> Result<Unusable, E>` |
//!
//! A [`Source`] that comes later in the list was committed later. `Assembled::New` names the file to rename over
//! the published one: the temporary path, or the only part itself when it already is what would be written;
//! `Assembled::Unchanged` means that nothing new was in the sources. Neither fsyncs nor renames.
//! [`TableError::Unreadable`] is a file to set aside, [`TableError::Io`] a disk in trouble.

mod assemble;
mod canon;
mod chunk;
mod column;
mod error;
mod input;
mod merge;
mod number;
mod order;
mod output;
mod pages;
mod part;
mod record;
mod repeats;
mod rows;
mod scan;
mod schema;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod verify;

pub use assemble::{Assembled, Assembly, assemble};
pub use error::{RowError, TableError};
pub use input::{FileInfo, Origin};
pub(crate) use order::EDGE_NANOS;
pub use part::{Part, PartWriter, PushError};
pub use record::{Record, Unusable};
pub use rows::{Rows, check};
pub use scan::{FileBatches, FileScan, MergedScan};
pub use schema::{Numbers, Provenance};
pub use source::Source;
pub(crate) use verify::{Expected, FileChecks, Flaw};
