//! Where and how data lies.
//!
//! A store is a folder of Parquet files, one per dataset and period, with a `.dccd` folder for what
//! makes them trustworthy: journals (lines that are durable but not yet in Parquet), ledgers (what is
//! known to be complete) and locks. Only this crate builds a path in the store, renames a file there or
//! writes a ledger.
//!
//! [`Writer`] makes lines durable; [`Store`] opens what is there for reading, and [`Coverage`]
//! says what is complete without opening more than it must.

mod aside;
mod counts;
mod coverage;
mod error;
mod file_id;
mod folders;
mod fsys;
mod journal;
mod layout;
mod ledger;
mod leftovers;
mod lock;
mod log;
mod policy;
mod publish;
mod purged;
mod repeats;
mod runs;
mod seam;
mod store;
mod sync;
pub mod table;
pub mod verify;
mod view;
mod writer;

pub use counts::{CountFile, CountLock};
pub use coverage::{Coverage, Density};
pub use error::StoreError;
pub use file_id::FileId;
pub use folders::folders;
pub use layout::{Layout, Period};
pub use ledger::{Ledger, NamedGap};
pub use leftovers::Leftovers;
pub use log::RotatingLog;
pub use purged::{Purged, restore_command};
pub use runs::{append_runs, run_files};
pub use store::{Store, StoreOptions};
pub use sync::{Kept, Opened, Picture, Probes, PurgeOutcome, Restored, StoreFile, SyncSite};
pub use view::{PeriodView, View};
pub use writer::{Durable, Taken, Writer, WriterOptions};

#[cfg(test)]
mod tests;
