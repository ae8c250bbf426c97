//! The truth in the order of time: what streams push, each once, when the clock passes it.

#![allow(dead_code, reason = "exchanges take it up one after the other")]

mod band;
mod books;
mod candles;
#[cfg(test)]
mod tests;
mod trades;

#[allow(unused_imports, reason = "exchanges take it up one after the other")]
pub(crate) use band::BandFeed;
pub(crate) use books::{DepthFeed, Fallen};
pub(crate) use candles::CandleFeed;
pub(crate) use trades::{TradeFeed, recent};
