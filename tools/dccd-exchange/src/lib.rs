//! What each exchange says.
//!
//! A job and what is known so far give the next [`Ask`]; the bytes of an answer give finished lines and a
//! [`Page`], and the [`Walk`] turns pages into what is now complete. No socket, no clock and no thread is
//! touched, so every exchange is tested from stored bytes. One module per exchange says how it is asked and
//! how it answers; which way through a range fits it is a field of its rows in the table of capabilities.

mod adapter;
mod answer;
pub mod archive;
mod binance;
mod bitfinex;
mod bitmex;
mod bybit;
mod capability;
mod coinbase;
mod columns;
mod instrument;
mod kraken;
mod krakenfutures;
pub mod live;
mod okx;
mod request;
mod sink;
mod walk;
mod wire;

pub use answer::{AnswerError, Mark, Page, Reply};
pub use capability::{
    Capability, Impossible, Paging, Reach, Seek, SpanName, Unit, capability, closed, exchanges, table,
};
pub use instrument::{Instrument, Listed, Trading, instruments, read_instruments};
pub use request::{Api, LimitGroup, Request};
pub use walk::{Ask, Step, Walk};

#[cfg(test)]
mod tests;
