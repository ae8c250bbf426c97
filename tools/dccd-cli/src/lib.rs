//! How a tool behaves.
//!
//! Every program of dccd shares one entry: flags, signals, standard streams, messages and exit
//! statuses work the same everywhere because they are here and nowhere else.

mod addresses;
mod args;
mod completion;
pub mod config;
mod entry;
pub mod env;
mod input;
mod log;
mod output;
mod plain;
mod sandbox;
mod status;
mod stop;
mod table;
mod zone;

pub use addresses::{AddressBook, AddressError};
pub use args::{Common, ConfigFlags, DatasetFlags, InstantError, StoreFlags, ToolArgs, parse_instant};
pub use entry::{Tool, entry};
pub use input::{Input, Wait};
pub use log::Log;
pub use output::{Output, OutputError};
pub use plain::plain;
pub use sandbox::Powers;
pub use status::{Status, ToolError};
pub use stop::Stop;
pub use table::write_table;
pub use zone::{TypedTime, UnknownZone, Zone};

#[cfg(test)]
mod tests;
