//! Every recording of Bitfinex's streams is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not read says why")]

use std::collections::HashMap;

use dccd_record::Ts;
use serde_json::Value;
use serde_json::value::RawValue;

use super::reader;
use crate::bitfinex::stream::BitfinexStreams;
use crate::live::{Keeper, Streams, Subscription};
use crate::tests::dataset;
use crate::tests::frames::{
    RECV, book_line, candle_line, check_names, expected, frames, funding_line, keep, received, said, top, trade_line,
    written_out,
};
use crate::tests::ts;

/// What a recording proves.
enum Proves {
    /// What is pushed of a dataset: so many frames, a heartbeat being one, and so many that are refused. What the
    /// recording does not tell of its channels is told before it.
    Pushes(&'static [&'static str], &'static [&'static str], usize, usize),
    /// An answer to a request.
    Answer(&'static str),
    /// Nothing is read, and why not.
    NotRead(&'static str),
}
use Proves::{Answer, NotRead, Pushes};

const TICKER: &str = "tickers are not asked for";
/// What both flags of the numbers and the times give.
const FLAGS: &str = r#"{"event":"conf","status":"OK","flags":98304}"#;
const SEQ_FLAG: &str = r#"{"event":"conf","status":"OK","flags":65536}"#;

const TABLE: &[(&str, Proves)] = &[
    ("error-ws-subscribe-rejected.json", Answer("refused: symbol: invalid (10300)")),
    ("ws-book-cmp-l2-event.json", Pushes(&["bitfinex:book:BTC-USDT", "bitfinex:book:BTC-USDT_PERP"], &[], 2, 0)),
    ("ws-book-jk-spot-orderbook.ndjson", Pushes(&["bitfinex:book:ETH-USDT"], &[], 1, 0)),
    // Books of orders are not asked for.
    ("ws-book-raw-cmp-l3-event.json", Pushes(&["bitfinex:book:BTC-USDT", "bitfinex:book:BTC-USDT_PERP"], &[], 0, 4)),
    ("ws-book-tbftusd-book.ndjson", Pushes(&["bitfinex:book:BFT-USD"], &[], 2, 0)),
    ("ws-book-tdogusd-book.ndjson", Pushes(&["bitfinex:book:DOG-USD"], &[], 387, 0)),
    ("ws-book-tioteth-book.ndjson", Pushes(&["bitfinex:book:IOTA-ETH"], &[], 786, 0)),
    ("ws-book-ttestbtc-testusd-book.ndjson", Pushes(&["bitfinex:book:TESTBTC-TESTUSD"], &[], 82, 0)),
    ("ws-funding-jk-spot-derivstatus.ndjson", Pushes(&["bitfinex:funding:BTC-USDT_PERP"], &[], 1, 0)),
    // Channels without a name are of two more connections; tickers, raw books and an unknown channel are refused.
    (
        "ws-mixed-tardis-bitfinex.json",
        Pushes(
            &["bitfinex:trade:BTC-USD", "bitfinex:book:ETH-USD", "bitfinex:trade:ETH-USD"],
            &[FLAGS, r#"{"event":"subscribed","channel":"trades","chanId":6957,"symbol":"tETHUSD"}"#],
            9,
            4,
        ),
    ),
    (
        "ws-mixed-tardis-bitfinex-derivatives.json",
        Pushes(
            &["bitfinex:funding:BTC-USDT_PERP", "bitfinex:book:BTC-USDT_PERP", "bitfinex:trade:BTC-USDT_PERP"],
            &[
                FLAGS,
                r#"{"event":"subscribed","channel":"book","chanId":23917,"symbol":"tBTCF0:USTF0"}"#,
                r#"{"event":"subscribed","channel":"book","chanId":23918,"symbol":"tBTCF0:USTF0"}"#,
                r#"{"event":"subscribed","channel":"trades","chanId":23916,"symbol":"tBTCF0:USTF0"}"#,
            ],
            8,
            3,
        ),
    ),
    (
        "ws-ohlc-cmp-candlestick.json",
        Pushes(&["bitfinex:candle:BTC-USDT:1m", "bitfinex:candle:BTC-USDT_PERP:1m"], &[], 2, 0),
    ),
    ("ws-ohlc-jk-spot-klines.ndjson", Pushes(&["bitfinex:candle:ETH-USDT:1h"], &[], 1, 0)),
    ("ws-ticker-cmp-ticker.json", NotRead(TICKER)),
    ("ws-ticker-tdogusd-ticker.ndjson", NotRead(TICKER)),
    ("ws-ticker-tioteth-ticker.ndjson", NotRead(TICKER)),
    ("ws-trades-cmp-trade.json", Pushes(&["bitfinex:trade:BTC-USDT", "bitfinex:trade:BTC-USDT_PERP"], &[], 4, 0)),
    // Loans are no trades: the snapshot has one of them, and two frames are of nothing else.
    (
        "ws-trades-gct-alltrades.ndjson",
        Pushes(
            &["bitfinex:trade:BTC-USD"],
            &[SEQ_FLAG, r#"{"event":"subscribed","channel":"trades","chanId":18788,"symbol":"tBTCUSD"}"#],
            2,
            3,
        ),
    ),
    ("ws-trades-jk-spot-trades.ndjson", Pushes(&["bitfinex:trade:ETH-USDT"], &[], 1, 0)),
    ("ws-trades-tbftusd-trades.ndjson", Pushes(&["bitfinex:trade:BFT-USD"], &[], 3, 0)),
    ("ws-trades-tdogusd-trades.ndjson", Pushes(&["bitfinex:trade:DOG-USD"], &[], 3, 0)),
    ("ws-trades-tioteth-trades.ndjson", Pushes(&["bitfinex:trade:IOTA-ETH"], &[], 3, 0)),
    ("ws-trades-ttestbtc-testusd-trades.ndjson", Pushes(&["bitfinex:trade:TESTBTC-TESTUSD"], &[], 3, 0)),
];

#[test]
fn the_table_names_every_recording() {
    check_names("bitfinex", TABLE.iter().map(|(name, _)| *name));
}

#[test]
fn every_frame_is_read_to_its_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = received("bitfinex", name) else { return };
        match proves {
            NotRead(why) => {
                let ids = ["bitfinex:trade:BTC-USD"];
                let mut reader = reader(&ids);
                let frames = frames.iter().filter(|frame| frame.starts_with('[') && !frame.contains("hb"));
                for frame in frames.flat_map(|frame| numbered(frame)) {
                    assert!(said(&mut *reader, &ids, &frame).is_err(), "{name}: {frame}");
                }
                eprintln!("{name}: {why}");
            }
            Answer(answer) => {
                let ids = ["bitfinex:trade:BTC-USD"];
                assert_eq!(said(&mut *reader(&ids), &ids, &frames[0]), Ok(vec![(*answer).to_owned()]), "{name}");
            }
            Pushes(ids, before, pushed, refused) => {
                assert_eq!(play(name, ids, before, &frames), (*pushed, *refused), "{name}");
            }
        }
    }
}

/// How many frames were pushed, each as expected, and how many refused.
fn play(name: &str, ids: &[&str], before: &[&str], frames: &[String]) -> (usize, usize) {
    let mut reader = reader(ids);
    let mut known = Known::default();
    let (mut pushed, mut refused) = (0, 0);
    let before = before.iter().map(|frame| (*frame).to_owned());
    let frames = frames.iter().flat_map(|frame| numbered(frame));
    for frame in before.chain(frames) {
        let compact: String = frame.lines().map(str::trim_start).collect();
        let events = known.events(ids, &compact);
        match said(&mut *reader, ids, &frame) {
            Ok(events_said) => {
                assert_eq!(Some(events_said), events, "{name}: {frame}");
                pushed += usize::from(frame.starts_with('['));
            }
            Err(error) => {
                assert_eq!(events, None, "{name}: {error}: {frame}");
                refused += 1;
            }
        }
    }
    (pushed, refused)
}

/// Some recordings have a channel in place of its number: its grant is told apart, once for each frame.
fn numbered(frame: &str) -> Vec<String> {
    let Some(rest) = frame.strip_prefix("[{") else { return vec![frame.to_owned()] };
    let (channel, rest) = rest.split_once('}').expect("an object");
    vec![format!(r#"{{"event":"subscribed","chanId":1,{channel}}}"#), format!("[1{rest}")]
}

/// What a recording told of itself so far.
#[derive(Default)]
struct Known {
    flags: u64,
    /// Channel, and the number of the dataset.
    channels: HashMap<u64, (String, usize)>,
    payment: Option<(i64, String)>,
}

impl Known {
    /// What a frame says, put together by hand; `None` if it is not to be read.
    fn events(&mut self, ids: &[&str], frame: &str) -> Option<Vec<String>> {
        if frame.starts_with('{') {
            let words: Value = serde_json::from_str(frame).expect("JSON");
            return self.words(ids, &words).map(|event| vec![event]);
        }
        let list: Vec<&RawValue> = serde_json::from_str(frame).expect("a list");
        let (number, rest) = list.split_first().expect("a channel");
        let marks = rest.iter().take_while(|raw| raw.get().starts_with('"')).count();
        let mark = if marks > 0 { rest[0].get().trim_matches('"') } else { "" };
        let payload = rest[marks.min(1)];
        let tail = if mark == "hb" { &rest[1..] } else { &rest[marks.min(1) + 1..] };
        let seq = (self.flags & 65_536 != 0).then(|| format!("sequence {}", tail[0]));
        let time = (self.flags & 32_768 != 0).then(|| stamp(tail[1].get()));
        let mut events: Vec<String> = seq.into_iter().collect();
        if mark == "hb" {
            events.push(time.map_or_else(|| "heartbeat".to_owned(), |ts| format!("heartbeat {ts}")));
            return Some(events);
        }
        let (channel, at) = self.channels.get(&number.get().parse().expect("a number")).cloned()?;
        let id = ids[at];
        match (channel.as_str(), mark) {
            ("trades", "te") => events.push("ignored".to_owned()),
            ("trades", "tu") => events.push(format!("trade None {}", trade(id, payload)?)),
            ("trades", "") => {
                let rows: Vec<&RawValue> = serde_json::from_str(payload.get()).expect("rows");
                for row in rows.iter().rev() {
                    events.push(format!("past None {}", trade(id, row)?));
                }
            }
            ("book", "") => events.push(book(id, payload, time.unwrap_or_else(|| ts(RECV)))),
            ("candles", "") => events.extend(candles(id, at, payload)),
            ("status", "") => events.extend(self.status(id, at, payload)),
            _ => return None,
        }
        Some(events)
    }

    fn words(&mut self, ids: &[&str], words: &Value) -> Option<String> {
        match words["event"].as_str().expect("an event") {
            "info" => Some("ignored".to_owned()),
            "conf" => {
                self.flags = words["flags"].as_u64().expect("flags");
                Some("ignored".to_owned())
            }
            "subscribed" => {
                let channel = words["channel"].as_str().expect("a channel");
                if words["prec"] == "R0" {
                    return None;
                }
                let kind = match channel {
                    "trades" => "trade",
                    "book" => "book",
                    "candles" => "candle",
                    "status" => "funding",
                    _ => return None,
                };
                let of = words["symbol"].as_str().or(words["key"].as_str()).expect("what it is of");
                let pair = PAIRS.iter().find(|(symbol, _)| *symbol == of.rsplit("1m:").next().expect("a part"));
                let pair = pair.or_else(|| PAIRS.iter().find(|(symbol, _)| of.ends_with(&format!(":{symbol}"))));
                let start = format!("bitfinex:{kind}:{}", pair.expect("a known symbol").1);
                let at = ids.iter().position(|id| *id == start || id.starts_with(&format!("{start}:")))?;
                self.channels.retain(|_, (_, other)| *other != at);
                self.channels.insert(words["chanId"].as_u64().expect("a number"), (channel.to_owned(), at));
                Some(format!("accepted {at}"))
            }
            other => panic!("{other}"),
        }
    }

    /// A payment was made when another one is named; more than eight hours between them are a hole.
    fn status(&mut self, id: &str, at: usize, payload: &RawValue) -> Vec<String> {
        let row: Vec<&RawValue> = serde_json::from_str(payload.get()).expect("a status");
        let mut events = Vec::new();
        if row[7].get() != "null" && row[11].get() != "null" {
            let next: i64 = row[7].get().parse().expect("milliseconds");
            let waiting = self.payment.replace((next, row[11].get().to_owned()));
            if let Some((paid, rate)) = waiting.filter(|(paid, _)| *paid < next) {
                let ts = Ts::from_millis(paid).expect("believable");
                events.push(format!("funding {}", funding_line(id, ts, &written_out(&rate))));
                if next - paid > 8 * 3_600_000 {
                    let (start, end) = (ts.saturating_add(1), Ts::from_millis(next).expect("believable"));
                    let why = format!("the status skips from the funding of {ts} to that of {end}");
                    events.push(format!("lost {at} {start} {end}: {why}"));
                }
            }
        }
        events.push(format!("heartbeat {}", stamp(row[0].get())));
        events
    }
}

const PAIRS: [(&str, &str); 9] = [
    ("tBTCUST", "BTC-USDT"),
    ("tBTCF0:USTF0", "BTC-USDT_PERP"),
    ("tETHUST", "ETH-USDT"),
    ("tBFTUSD", "BFT-USD"),
    ("tDOGUSD", "DOG-USD"),
    ("tIOTETH", "IOTA-ETH"),
    ("tTESTBTC:TESTUSD", "TESTBTC-TESTUSD"),
    ("tBTCUSD", "BTC-USD"),
    ("tETHUSD", "ETH-USD"),
];

fn stamp(millis: &str) -> Ts {
    Ts::from_millis(millis.parse().expect("milliseconds")).expect("believable")
}

fn trade(id: &str, row: &RawValue) -> Option<String> {
    let row: Vec<&RawValue> = serde_json::from_str(row.get()).expect("a trade");
    let [tid, time, amount, price] = row[..] else { return None };
    let side = if amount.get().starts_with('-') { "sell" } else { "buy" };
    let [price, amount] = [price.get(), amount.get().trim_start_matches('-')].map(written_out);
    Some(trade_line(id, stamp(time.get()), [&price, &amount, side, tid.get()]))
}

fn book(id: &str, payload: &RawValue, ts: Ts) -> String {
    let is_snapshot = payload.get().starts_with("[[");
    let rows: Vec<Vec<&RawValue>> = if is_snapshot {
        serde_json::from_str(payload.get()).expect("levels")
    } else {
        vec![serde_json::from_str(payload.get()).expect("a level")]
    };
    let side = |is_bid: bool| {
        let of_side = rows.iter().filter(|row| is_bid != row[2].get().starts_with('-'));
        let level = |row: &Vec<&RawValue>| {
            let amount = if row[1].get() == "0" { "0" } else { row[2].get().trim_start_matches('-') };
            format!("[{},{},{}]", written_out(row[0].get()), written_out(amount), row[1])
        };
        of_side.map(level).collect::<Vec<_>>().join(",")
    };
    let joint = if is_snapshot { "Snapshot { seq: None }" } else { "Bare" };
    format!("book {joint} {}", book_line(id, ts, is_snapshot, [&side(true), &side(false), "null"]))
}

/// Of a snapshot, all but the newest candle are closed.
fn candles(id: &str, at: usize, payload: &RawValue) -> Vec<String> {
    let rows: Vec<Vec<&RawValue>> = serde_json::from_str(payload.get()).expect("candles");
    let line = |row: &Vec<&RawValue>| {
        let [time, open, close, high, low, volume] = row[..] else { panic!("six fields") };
        let numbers = [open, high, low, close, volume].map(RawValue::get);
        let [open, high, low, close, volume] = numbers;
        let numbers = [open, high, low, close, volume, "null", "null"];
        format!("candle {}", candle_line(id, stamp(time.get()), numbers))
    };
    let mut events: Vec<String> = rows[1..].iter().rev().map(line).collect();
    events.push(format!("open {at} {}", stamp(rows[0][0].get())));
    events
}

#[test]
fn recorded_books_end_in_their_expected_levels() {
    for (name, id, applied) in [
        ("ws-book-tbftusd-book", "bitfinex:book:BFT-USD", 1),
        ("ws-book-tdogusd-book", "bitfinex:book:DOG-USD", 385),
        ("ws-book-tioteth-book", "bitfinex:book:IOTA-ETH", 784),
        ("ws-book-ttestbtc-testusd-book", "bitfinex:book:TESTBTC-TESTUSD", 80),
    ] {
        let Some(frames) = received("bitfinex", &format!("{name}.ndjson")) else { return };
        let outcome = expected("bitfinex", name).expect("it is there");
        assert_eq!(outcome["data_frames"], applied, "{name}");
        let mut keeper = Keeper::new(BitfinexStreams.rule(&Subscription::new(dataset(id))));
        assert_eq!(keep(&mut keeper, &mut *reader(&[id]), &frames), (applied, 0), "{name}");
        let book = keeper.book().expect("believable");
        assert!(!book.is_crossed(), "{name}");
        let mut ours = top(book, 10, |price, amount, count| {
            serde_json::json!([price, count.expect("a count").to_string(), amount])
        });
        for level in ours["asks"].as_array_mut().expect("asks") {
            level[2] = Value::String(format!("-{}", level[2].as_str().expect("an amount")));
        }
        assert_eq!(ours, outcome["final_top10"], "{name}");
        assert_eq!(book.bids().count(), outcome["levels"]["bids"], "{name}");
        assert_eq!(book.asks().count(), outcome["levels"]["asks"], "{name}");
    }
}

#[test]
fn what_is_sent_is_what_was_recorded() {
    for (name, id) in [
        ("ws-book-tbftusd-book.ndjson", "bitfinex:book:BFT-USD"),
        ("ws-book-ttestbtc-testusd-book.ndjson", "bitfinex:book:TESTBTC-TESTUSD"),
        ("ws-trades-tioteth-trades.ndjson", "bitfinex:trade:IOTA-ETH"),
        ("ws-ohlc-jk-spot-klines.ndjson", "bitfinex:candle:ETH-USDT:1h"),
        ("ws-funding-jk-spot-derivstatus.ndjson", "bitfinex:funding:BTC-USDT_PERP"),
    ] {
        let Some(recorded) = frames("bitfinex", name) else { return };
        let wanted = Subscription { depth: Some(100), ..Subscription::new(dataset(id)) };
        let link = BitfinexStreams.links(&[wanted]).expect("possible").remove(0);
        assert!(recorded.iter().any(|frame| frame.is_sent && frame.raw == link.opening[1]), "{name}");
    }
}
