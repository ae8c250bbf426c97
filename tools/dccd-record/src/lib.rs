//! What one line means.
//!
//! Every dccd tool reads and writes NDJSON lines: market facts (candle, trade, book, funding, open
//! interest) and what a producer knows about their completeness (covered, gap, failed, ...). This
//! crate turns bytes into typed lines and back. It does no I/O, reads no clock and starts no thread,
//! so the same input always gives the same output.
//!
//! ```
//! use dccd_record::{Line, Parser};
//!
//! let mut parser = Parser::new();
//! let text = br#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:00.000000000Z","price":42283.58,"amount":0.00069,"side":"sell","tid":"2807759891"}"#;
//! let Line::Trade(dataset, trade) = parser.parse(text)? else { panic!("a trade line") };
//! assert_eq!(trade.price.as_str(), "42283.58");
//! assert_eq!(parser.dataset(dataset).to_string(), "binance:trade:BTC-USDT");
//! # Ok::<(), dccd_record::LineError>(())
//! ```

mod buffer;
mod candles;
mod control;
mod dataset;
mod digits;
mod excerpt;
mod number;
mod pair;
mod parse;
mod range;
mod record;
mod scan;
mod seen;
mod span;
mod time;
mod wire;
mod write;

pub use buffer::{BufferedLine, LINE_BYTES_MAX, LineBuffer};
pub use candles::{
    BuiltCandle, CANDLE_BYTES_MAX, COVERED_PIECES_MAX, CandleBuilder, CandleError, Decided, QuoteVolume, aligned_inner,
};
pub use control::{Control, Covered, Failed, Gap, Job, Order, Proof, Retry, Stored};
pub use dataset::{Dataset, DatasetError, Exchange, Kind};
pub use digits::Digits;
pub use number::{Fixed, Number, NumberError};
pub use pair::{Market, Pair, PairError};
pub use parse::{DatasetId, Line, LineError, Parser};
pub use range::{Range, RangeSet};
pub use record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
pub use seen::Sight;
pub use span::{Span, SpanError};
pub use time::{Day, TimeError, Ts};
pub use write::{LineWriter, write_control};

#[cfg(test)]
mod tests;
