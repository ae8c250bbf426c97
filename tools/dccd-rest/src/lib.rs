//! Asking an exchange: HTTP, the budget that all processes of a host share, retries, bulk files.

mod ask;
mod budget;
mod bulk;
mod http;
mod retry;

pub use ask::{AskError, Asker};
pub use budget::{Budget, BudgetError, Grant, Priority};
pub use bulk::{BulkError, Downloader, read_lines};
pub use http::{Body, Client, Head, HttpError};
pub use retry::{Policy, Stopped, Waiter};

#[cfg(test)]
mod tests;
