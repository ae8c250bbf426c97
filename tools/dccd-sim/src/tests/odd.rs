//! Odd questions: whatever is asked, there is an answer, and soon.

use super::desk::Desk;
use crate::clock::{DAY, HOUR, SECOND};
use crate::exchange::EXCHANGES;
use crate::hash::{mix, pick};
use crate::ws::Frame;

/// 2024-01-05T12:00:00.
const NOW: i64 = 19_727 * DAY + 12 * HOUR;
const SEEDS: [u64; 2] = [1, 0xdccd];
const QUESTIONS: i64 = 400;

/// Paths of each exchange, with the parameters that they take.
const PATHS: [(&str, &str, &[&str]); 22] = [
    ("binance", "/api/v3/klines", &["symbol=BTCUSDT", "interval=1h", "startTime", "endTime", "limit"]),
    ("binance", "/api/v3/aggTrades", &["symbol=BTCUSDT", "fromId", "startTime", "endTime", "limit"]),
    ("binance", "/fapi/v1/fundingRate", &["symbol=BTCUSDT", "startTime", "endTime", "limit"]),
    ("binance", "/futures/data/openInterestHist", &["symbol=BTCUSDT", "period=5m", "startTime", "endTime", "limit"]),
    ("coinbase", "/products/BTC-USD/candles", &["granularity=3600", "start", "end"]),
    ("coinbase", "/products/BTC-USD/trades", &["limit", "before", "after"]),
    ("coinbase", "/products/BTC-USD/book", &["level"]),
    ("kraken", "/0/public/OHLC", &["pair=XBTUSD", "interval=60", "since"]),
    ("kraken", "/0/public/Trades", &["pair=XBTUSD", "since", "count"]),
    ("kraken", "/0/public/Depth", &["pair=XBTUSD", "count"]),
    ("kraken", "/0/public/AssetPairs", &["pair"]),
    ("krakenfutures", "/api/charts/v1/trade/PF_XBTUSD/1h", &["from", "to", "count"]),
    ("krakenfutures", "/derivatives/api/v4/historicalfundingrates", &["symbol=PF_XBTUSD", "from"]),
    ("krakenfutures", "/derivatives/api/v3/history", &["symbol=PF_XBTUSD", "lastTime"]),
    (
        "krakenfutures",
        "/api/history/v3/market/PF_XBTUSD/executions",
        &["since", "before", "count", "sort=asc", "continuation_token"],
    ),
    ("bybit", "/v5/market/kline", &["category=spot", "symbol=BTCUSDT", "interval=60", "start", "end", "limit"]),
    ("okx", "/api/v5/market/history-candles", &["instId=BTC-USDT", "bar=1H", "before", "after", "limit"]),
    ("okx", "/api/v5/market/history-trades", &["instId=BTC-USDT", "type=1", "before", "after", "limit"]),
    ("bitfinex", "/v2/candles/trade:1h:tBTCUSD/hist", &["start", "end", "limit", "sort"]),
    ("bitfinex", "/v2/trades/tBTCUSD/hist", &["start", "end", "limit", "sort"]),
    ("bitmex", "/api/v1/trade/bucketed", &["symbol=XBTUSD", "binSize=1h", "startTime", "endTime", "count", "start"]),
    ("bitmex", "/api/v1/trade", &["symbol=XBTUSD", "startTime", "endTime", "count", "start", "reverse"]),
];

/// Values that one parameter or another does not expect.
const VALUES: [&str; 24] = [
    "0",
    "1",
    "-1",
    "7",
    "1000",
    "1001",
    "99999999999",
    "1704067200",
    "1704067200000",
    "1704067200000000",
    "1704067200000000000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e9",
    "1704067200.123456789",
    "",
    "%00",
    "%FF%zz",
    "true",
    "2024-01-01T00:00:00Z",
    "2199-12-31T23:59:59.999999999Z",
    "0001-01-01",
    "c3Q-5",
];

#[test]
fn odd_questions_have_answers() {
    for seed in SEEDS {
        for entry in EXCHANGES {
            let desk = Desk::new(entry.name, 200, 10, NOW);
            let paths: Vec<_> = PATHS.iter().filter(|(exchange, ..)| *exchange == entry.name).collect();
            assert!(!paths.is_empty(), "{}", entry.name);
            for draw in 0..QUESTIONS {
                let word = |salt: i64| mix(mix(seed, salt), draw);
                let (_, path, names) = paths[index(word(0), paths.len())];
                let mut parts = Vec::new();
                for (salt, name) in (1..).zip(*names) {
                    let value = VALUES[index(word(2 * salt), VALUES.len())];
                    // Mostly what is asked for stands; sometimes that too is odd.
                    match (name.split_once('='), word(2 * salt + 1) % 8) {
                        (_, 0) => {}
                        (Some((name, _)), 1) => parts.push(format!("{name}={value}")),
                        (Some(_), _) => parts.push((*name).to_owned()),
                        (None, _) => parts.push(format!("{name}={value}")),
                    }
                }
                let target = format!("{path}?{}", parts.join("&"));
                let response = desk.ask(&target);
                // Bitfinex says 500 to what it does not understand.
                assert!(matches!(response.status, 200 | 400..=500), "seed {seed}: {target}: {}", response.status);
                let is_json = serde_json::from_slice::<serde_json::Value>(&response.body).is_ok();
                assert!(is_json, "seed {seed}: {target}: {}", String::from_utf8_lossy(&response.body));
            }
        }
    }
}

/// Paths of streams, with a message that is answered.
const STREAMS: [(&str, &str, &str); 10] = [
    ("binance", "/ws", r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@kline_1m"],"id":1}"#),
    ("binance", "/market/stream", r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}"#),
    ("kraken", "/v2", r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}"#),
    ("krakenfutures", "/ws/v1", r#"{"event":"subscribe","feed":"book","product_ids":["PF_XBTUSD"]}"#),
    ("bybit", "/v5/public/spot", r#"{"op":"subscribe","args":["orderbook.50.BTCUSDT","kline.1.BTCUSDT"]}"#),
    ("okx", "/ws/v5/public", r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}"#),
    ("coinbase", "/", r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["level2_batch"]}"#),
    ("coinbase", "/", r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#),
    ("bitfinex", "/ws/2", r#"{"event":"subscribe","channel":"book","symbol":"tBTCUSD","len":"25"}"#),
    ("bitmex", "/realtime", r#"{"op":"subscribe","args":["orderBookL2_25:XBTUSD"]}"#),
];

/// What may stand in place of a value of a message.
const ODD_JSON: [&str; 10] =
    ["null", "true", "[]", "{}", "\"\"", "[null]", "-1", "18446744073709551616", "1e400", "\"\\u0000@/_\""];

#[test]
fn odd_messages_do_no_harm() {
    for (exchange, path, message) in STREAMS {
        let desk = Desk::new(exchange, 2_000_000, 10, NOW);
        let values: Vec<&str> = message.split_inclusive([':', ',', '[']).collect();
        let cut = (0..message.len()).step_by(7).filter_map(|at| message.get(..at)).map(str::to_owned);
        let swapped = (1..values.len()).flat_map(|at| {
            let head = values.iter().take(at).copied().collect::<String>();
            let tail = values.iter().skip(at).copied().collect::<String>();
            let tail = tail.trim_start_matches(|letter: char| !",]}".contains(letter)).to_owned();
            ODD_JSON.iter().map(move |odd| format!("{head}{odd}{tail}"))
        });
        for odd in cut.chain(swapped).chain(ODD_JSON.iter().map(|odd| (*odd).to_owned())) {
            let (mut wire, _) = desk.wire(path);
            wire.say(&odd);
            wire.pass(SECOND / 5);
            wire.limits_now += 2 * SECOND;
            assert!(!wire.say(message).is_empty(), "{exchange}: after {odd}");
            assert!(wire.pass(2 * SECOND).iter().any(Frame::is_data), "{exchange}: after {odd}");
        }
    }
}

fn index(word: u64, length: usize) -> usize {
    usize::try_from(pick(word, i64::try_from(length).unwrap_or(1))).unwrap_or(0)
}
