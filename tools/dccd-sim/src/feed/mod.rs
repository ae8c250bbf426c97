//! The truth in the order of time: what streams push, each once, when the clock passes it.

mod band;
mod books;
mod candles;
#[cfg(test)]
mod tests;
mod trades;

pub(crate) use band::BandFeed;
pub(crate) use books::{DepthFeed, Fallen, next_step};
pub(crate) use candles::CandleFeed;
pub(crate) use trades::{TradeFeed, recent};
