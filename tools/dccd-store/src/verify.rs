//! Whether a store is as it should be.
//!
//! Nothing is changed, and nothing that is found wrong ends the search: it becomes a [`Finding`]. A store may be
//! written to meanwhile, so whatever looks wrong is looked at again, and only what stays is told.
//!
//! [`Store::verify_names`](crate::Store::verify_names) looks at names, permissions, ledgers and journals, and lists
//! the data files; [`Store::verify_file`](crate::Store::verify_file) looks into one of them.

mod file;
mod journals;
mod ledgers;
mod missing;
mod names;
mod walk;

use std::path::PathBuf;

use dccd_record::Dataset;

use crate::layout::Period;

pub use file::Look;
pub use names::{Named, Scope};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Data is lost or wrong, or nobody can get at it.
    Error,
    /// Good to know: nothing is lost, or nobody can say.
    Note,
}

impl Level {
    /// The word used in lines.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Note => "note",
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Where a file lies.
    Place,
    /// What it is called.
    Name,
    /// Unfinished files.
    Leftover,
    /// Who may read and write.
    Permission,
    /// Whether it is known what is complete.
    NoLedger,
    /// The lines of a ledger.
    Ledger,
    /// The frames of a journal.
    Journal,
    /// A journal without a writer.
    Ownerless,
    /// Files that were set aside.
    Aside,
    /// Whether what is covered is there.
    Missing,
    /// Whether a file can be read.
    Unreadable,
    /// Its columns and their version.
    Schema,
    /// Its numbers of rows.
    Count,
    /// The instants that its footer names.
    Statistics,
    /// Whether its rows are of its period, and of the past.
    Period,
    /// Whether the ledger knows of them.
    Unknown,
    /// The order of rows.
    Order,
    /// One record that is there twice.
    Repeat,
    /// Ids that follow each other.
    Ids,
    /// Numbers that cannot be.
    Value,
    /// Open, high, low and close.
    Bounds,
    /// Instants that are no multiple of the span.
    Alignment,
    /// Books in which somebody pays what another asks.
    Crossed,
}

impl Check {
    /// The word used in lines.
    pub fn name(self) -> &'static str {
        match self {
            Check::Place => "place",
            Check::Name => "name",
            Check::Leftover => "leftover",
            Check::Permission => "permission",
            Check::NoLedger => "no_ledger",
            Check::Ledger => "ledger",
            Check::Journal => "journal",
            Check::Ownerless => "ownerless",
            Check::Aside => "aside",
            Check::Missing => "missing",
            Check::Unreadable => "unreadable",
            Check::Schema => "schema",
            Check::Count => "count",
            Check::Statistics => "statistics",
            Check::Period => "period",
            Check::Unknown => "unknown",
            Check::Order => "order",
            Check::Repeat => "repeat",
            Check::Ids => "ids",
            Check::Value => "value",
            Check::Bounds => "bounds",
            Check::Alignment => "alignment",
            Check::Crossed => "crossed",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Check::Place | Check::Name => "move it out of the store, or to where it belongs",
            Check::Leftover => "remove it, once no dccd-write runs",
            Check::Permission => "give it to the user that runs dccd-write, with chown and chmod",
            Check::NoLedger => "ask for its time again if it is to count as complete",
            Check::Ledger => "the next dccd-write there keeps it aside, and what it proved is asked for again",
            Check::Journal => "the next dccd-write keeps it aside, and what it proved is asked for again",
            Check::Ownerless => "run dccd-write on the store: it publishes what waits",
            Check::Aside => "see what can be saved, then remove them",
            Check::Missing => "dccd-sync restore, or fetch that time again with dccd-fetch | dccd-write",
            Check::Unreadable => {
                "dccd-sync restore, or fetch that time again: dccd-write then keeps the damaged file aside"
            }
            Check::Schema => "read it with the dccd that wrote it, or move it away and fetch that time again",
            Check::Unknown => "fetch that time again if it is to count as complete",
            Check::Value | Check::Bounds | Check::Crossed => {
                "compare with the exchange, and fetch that time again: what comes takes its place"
            }
            Check::Count
            | Check::Statistics
            | Check::Period
            | Check::Order
            | Check::Repeat
            | Check::Ids
            | Check::Alignment => "dccd-sync restore, or move it out of the store and fetch that time again",
        }
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file or folder, from the store's folder on.
    pub path: PathBuf,
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub check: Check,
    /// The series, if it is of one.
    pub dataset: Option<Dataset>,
    /// What is wrong.
    pub what: String,
    /// Where in the file, if that can be said.
    pub place: Option<String>,
}

impl Finding {
    fn new(level: Level, check: Check, path: PathBuf, what: impl Into<String>) -> Finding {
        Finding { path, level, check, dataset: None, what: what.into(), place: None }
    }

    fn of(self, dataset: &Dataset) -> Finding {
        Finding { dataset: Some(dataset.clone()), ..self }
    }
}

/// One published file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The series it is of.
    pub dataset: Dataset,
    /// The stretch of time it holds.
    pub period: Period,
    /// Where it is.
    pub path: PathBuf,
}
