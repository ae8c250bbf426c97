//! Every recording of Bybit's streams is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not read says why")]

use serde_json::Value;

use super::BybitStreams;
use crate::Impossible;
use crate::live::{Event, FrameReader, Joint, Keeper, Streams, Subscription, SubscriptionId};
use crate::tests::frames::{RECV, check_mutations, check_names, frames, keep, reader, received, said, subscriptions};
use crate::tests::{dataset, ts};

/// What a recording proves.
enum Proves {
    /// So many frames of topics.
    Topics(usize),
    /// An answer to a request.
    Answer(&'static str),
    /// Of so many frames the first ones are of formats that are gone.
    Mixed(usize, usize),
    /// Nothing is read, and why not.
    NotRead(&'static str),
}
use Proves::{Answer, Mixed, NotRead, Topics};

const GONE: &str = "a format from before v5";

const TABLE: &[(&str, Proves)] = &[
    ("error-ws-nt-subscribe-failure.json", Answer("refused: Invalid topic: invalid.topic.BTCUSDT")),
    ("ws-ack-nt-subscribe-ok.json", Answer("ignored")),
    ("ws-book-cmp-l2-orderbook.json", NotRead(GONE)),
    ("ws-book-v5-spot-orderbook1-2026.ndjson", Topics(2)),
    ("ws-mixed-tardis-bybit-spot.json", Mixed(3, 4)),
    ("ws-mixed-tardis-bybit.json", Mixed(19, 16)),
    ("ws-ohlc-cmp-candlestick.json", NotRead(GONE)),
    ("ws-ohlc-nt.json", Topics(1)),
    ("ws-ticker-cmp-ticker.json", NotRead(GONE)),
    ("ws-trades-cmp-trade.json", NotRead(GONE)),
    ("ws-trades-docs-trade.ndjson", Topics(1)),
    ("ws-trades-jk-v5-linear-trades.ndjson", Topics(1)),
];

/// What the recorded topics are of.
const SPOT: [&str; 4] = ["bybit:trade:BTC-USDT", "bybit:book:BTC-USDT", "bybit:trade:BTC-USDC", "bybit:candle:BTC-USDT:5m"];
