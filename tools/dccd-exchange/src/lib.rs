//! What each exchange says.
//!
//! An adapter is pure: a job and what is known so far give the next [`Ask`]; the bytes of an answer
//! give finished lines and a [`Page`], and the [`Walk`] turns pages into what is now complete. No
//! socket, no clock and no thread is touched, so every exchange is tested from stored bytes.

mod answer;
pub mod archive;
pub mod binance;
mod capability;
mod request;
mod walk;

pub use answer::{AnswerError, Mark, Page, Reply};
pub use capability::{Capability, Impossible, SpanName, TABLE, capability};
pub use request::{Api, LimitGroup, Request};
pub use walk::{Ask, Step, Walk};

#[cfg(test)]
mod tests;
