//! Asking an exchange: HTTP, the budgets that all processes of a host share, retries, bulk files.

mod ask;
mod budget;
mod budgets;
mod bulk;
mod http;
mod retry;

pub use ask::{AskError, Asker, ban_length};
pub use budget::{Budget, BudgetError, Grant, Priority};
pub use budgets::Budgets;
pub use bulk::{BulkError, Downloader, Scratch, read_lines};
pub use http::{Body, Client, Head, HttpError};
pub use retry::{Backoff, Policy, Stopped, Waiter};

#[cfg(test)]
mod tests;
