use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::book::checksum;
use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::market::catalogue::Listing;
use crate::market::statistics::Book;
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{Content, Farewell, Frame, Load};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk() -> Desk {
    Desk::new("kraken", 100_000, 0, NOW)
}

fn subscribe(wire: &mut Wire<'_>, params: &Value) -> Vec<Value> {
    wire.say_json(&json!({"method": "subscribe", "params": params, "req_id": 7}))
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}

#[test]
fn it_greets_and_answers_symbol_by_symbol() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/v2");
    assert_eq!(text(&hello[0])["data"][0]["system"], "online");
    let answers = subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["BTC/USD", "NOPE/USD", "ETH/USD"]}));
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["result"], json!({"channel": "trade", "snapshot": false, "symbol": "BTC/USD"}));
    assert_eq!(
        (&answers[1]["success"], &answers[1]["error"]),
        (&json!(false), &json!("Currency pair not supported NOPE/USD"))
    );
    assert!(answers.iter().all(|answer| answer["req_id"] == 7 && answer["time_in"].is_string()));
    assert_eq!(
        subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["BTC/USD"]}))[0]["error"],
        "Already subscribed"
    );
    assert_eq!(wire.say_json(&json!({"method": "ping", "req_id": 3}))[0]["method"], "pong");
    let refusals = [
        (json!({"channel": "trade", "symbol": "BTC/USD"}), "Malformed request"),
        (json!({"channel": "book", "symbol": ["BTC/USD"], "depth": 11}), "Subscription depth not supported"),
        (json!({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 3}), "Subscription ohlc interval not supported"),
        (json!({"channel": "moon", "symbol": ["BTC/USD"]}), "Subscription name invalid"),
    ];
    for (params, message) in refusals {
        assert_eq!(subscribe(&mut wire, &params)[0]["error"], message, "{params}");
    }
    assert_eq!(text(&wire.say("hello")[0])["error"], "Malformed request");
    let end = json!({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD", "SOL/USD"]}});
    let ended = wire.say_json(&end);
    assert_eq!((&ended[0]["success"], &ended[1]["success"]), (&json!(true), &json!(false)));
    let frames = wire.pass(MINUTE);
    assert!(frames.iter().filter(|frame| frame.is_data()).all(|frame| text(frame)["data"][0]["symbol"] == "ETH/USD"));
}

#[test]
fn trades_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/v2");
    let answers = subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["BTC/USD"], "snapshot": true}));
    let earlier: Vec<Value> = answers[1]["data"].as_array().cloned().unwrap_or_default();
    assert_eq!((earlier.len(), &answers[1]["type"]), (50, &json!("snapshot")));
    let frames = wire.pass(5 * MINUTE);
    let pushed: Vec<Value> = of_load(&frames, Load::Trade)
        .into_iter()
        .flat_map(|frame| frame["data"].as_array().cloned().unwrap_or_default())
        .collect();
    let later = Desk { now: wire.now, ..super::tests::desk() };
    let since = (NOW / SECOND).to_string();
    let page = later.json(&format!("/0/public/Trades?pair=XBTUSD&since={since}&count=1000"));
    let rest = page["result"]["XXBTZUSD"].as_array().cloned().unwrap_or_default();
    assert!(rest.len() > 100, "{}", rest.len());
    assert_eq!(pushed.len(), rest.len());
    assert_eq!(earlier[49]["trade_id"].as_i64().map(|id| id + 1), rest[0][6].as_i64());
    for (pushed, rest) in pushed.iter().zip(&rest) {
        assert_eq!(pushed["trade_id"], rest[6]);
        assert_eq!((number(&pushed["price"]), number(&pushed["qty"])), (number(&rest[0]), number(&rest[1])));
        assert_eq!(pushed["side"] == "buy", rest[3] == "b");
        assert_eq!(pushed["ord_type"] == "market", rest[4] == "m");
        let seconds = rest[2].to_string();
        let stamp = pushed["timestamp"].as_str().and_then(crate::clock::parse_iso).expect("a stamp");
        let shown = super::super::stamp::parse_seconds(&seconds).expect("seconds");
        assert!((stamp * 1_000 - shown).abs() <= 1_300, "{stamp} and {seconds}");
    }
}

/// The digits of numbers as they stand in a frame: `[(price, qty)]` of one side.
fn levels(frame: &str, side: &str) -> Vec<(String, String)> {
    let (_, rest) = frame.split_once(&format!("\"{side}\":[")).expect("a side");
    let (list, _) = rest.split_once(']').expect("a list");
    let level = |text: &str| {
        let (price, amount) = text.trim_start_matches("{\"price\":").split_once(",\"qty\":").expect("a level");
        (price.to_owned(), amount.trim_end_matches('}').to_owned())
    };
    list.split("},").filter(|text| !text.is_empty()).map(level).collect()
}

/// A client's book that keeps the digits it got, with prices in their order.
#[derive(Default)]
struct Mirror([BTreeMap<u64, (String, String)>; 2]);

impl Mirror {
    fn apply(&mut self, frame: &str, depth: usize) {
        if frame.contains("\"snapshot\"") {
            *self = Mirror::default();
        }
        for (side, name) in self.0.iter_mut().zip(["bids", "asks"]) {
            for (price, amount) in levels(frame, name) {
                let rank: u64 = price.replace('.', "").parse().expect("digits");
                if amount.trim_matches(['0', '.']).is_empty() {
                    side.remove(&rank)
                } else {
                    side.insert(rank, (price, amount))
                };
            }
            while side.len() > depth {
                if name == "bids" {
                    side.pop_first()
                } else {
                    side.pop_last()
                };
            }
        }
    }

    fn best(&self) -> [Vec<(String, String)>; 2] {
        let [bids, asks] = &self.0;
        [bids.values().rev().cloned().collect(), asks.values().cloned().collect()]
    }

    /// As the exchange explains it to its clients.
    fn checksum(&self) -> u32 {
        let [bids, asks] = self.best();
        let digits = |text: &String| text.replace('.', "").trim_start_matches('0').to_owned();
        let levels = asks.iter().take(10).chain(bids.iter().take(10));
        crc32fast::hash(
            levels.flat_map(|(price, amount)| [digits(price), digits(amount)]).collect::<String>().as_bytes(),
        )
    }
}

#[test]
fn books_are_those_of_rest_and_their_checksums_are_right() {
    let desk = desk();
    for (depth, symbol, key) in [(10, "BTC/USD", "XXBTZUSD"), (100, "SHIB/USD", "SHIBUSD")] {
        let (mut wire, _) = desk.wire("/v2");
        let params = json!({"channel": "book", "symbol": [symbol], "depth": depth});
        let answers = wire.say(&json!({"method": "subscribe", "params": params}).to_string());
        let mut mirror = Mirror::default();
        let mut count = 0;
        for frame in answers.iter().skip(1).chain(&wire.pass(MINUTE)) {
            let Content::Text(raw) = &frame.content else { panic!("{frame:?}") };
            if frame.load != Load::Book {
                continue;
            }
            mirror.apply(raw, depth);
            let value = text(frame);
            assert_eq!(value["data"][0]["checksum"], mirror.checksum(), "{raw}");
            count += 1;
            if count % 50 == 1 {
                let now = value["data"][0]["timestamp"].as_str().and_then(crate::clock::parse_iso).expect("a stamp");
                let later = Desk { now, ..super::tests::desk() };
                let rest = later.json(&format!("/0/public/Depth?pair={key}&count={depth}"));
                for (side, own) in ["bids", "asks"].iter().zip(mirror.best()) {
                    let rest = rest["result"][key][side].as_array().cloned().unwrap_or_default();
                    let rest: Vec<(f64, f64)> =
                        rest.iter().map(|level| (number(&level[0]), number(&level[1]))).collect();
                    let own: Vec<(f64, f64)> = own
                        .iter()
                        .map(|(price, amount)| (price.parse().expect("a price"), amount.parse().expect("an amount")))
                        .collect();
                    assert_eq!(own, rest, "{symbol} {side}");
                }
            }
        }
        assert!(count > 300, "{count}");
    }
}

#[test]
fn checksums_are_those_of_the_exchange() {
    let Some(frames) = recorded_frames("kraken/ws-book-v2-btc-usd-depth10.ndjson") else { return };
    let market = crate::tests::desk::Desk::new("kraken", 1, 0, NOW).market;
    let listing = market.catalogue().listing("kraken", &"BTC/USD".parse().expect("a pair")).expect("listed");
    let listing = Listing { price_scale: 1, amount_scale: 8, ..listing };
    let mut mirror = Mirror::default();
    for frame in frames.iter().filter(|frame| frame.contains("\"book\"") && frame.contains("\"checksum\"")) {
        mirror.apply(frame, 10);
        let whole = |text: &String| text.replace('.', "").parse::<i64>().expect("digits");
        let [bids, asks] =
            mirror.best().map(|side| side.iter().map(|(price, amount)| (whole(price), whole(amount))).collect());
        let value: Value = serde_json::from_str(frame).expect("JSON");
        assert_eq!(value["data"][0]["checksum"], checksum(&listing, &Book { step: 0, bids, asks }), "{frame}");
    }
}

#[test]
fn candles_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/v2");
    let answers = subscribe(&mut wire, &json!({"channel": "ohlc", "symbol": ["ETH/USD"], "interval": 1}));
    assert_eq!(answers[0]["result"]["warnings"].as_array().map(Vec::len), Some(1));
    assert_eq!(answers[1]["data"].as_array().map(Vec::len), Some(10));
    let frames = wire.pass(6 * MINUTE);
    let mut last = BTreeMap::new();
    for frame in std::iter::once(answers[1].clone()).chain(of_load(&frames, Load::Candle)) {
        for row in frame["data"].as_array().into_iter().flatten() {
            last.insert(
                row["interval_begin"].as_str().and_then(crate::clock::parse_iso).expect("a stamp") / SECOND,
                row.clone(),
            );
        }
    }
    let later = Desk { now: wire.now, ..super::tests::desk() };
    let page = later.json("/0/public/OHLC?pair=ETHUSD&interval=1");
    let rest = page["result"]["XETHZUSD"].as_array().cloned().unwrap_or_default();
    let mut compared = 0;
    for row in rest.iter().rev().take(16) {
        let Some(own) = row[0].as_i64().and_then(|start| last.get(&start)) else {
            assert_eq!(row[7], 0, "only what saw no trade is left out");
            continue;
        };
        for (name, at) in
            [("open", 1), ("high", 2), ("low", 3), ("close", 4), ("vwap", 5), ("volume", 6), ("trades", 7)]
        {
            assert_eq!(number(&own[name]), number(&row[at]), "{name} of {row}");
        }
        compared += 1;
    }
    assert!(compared >= 15, "{compared}");
}

#[test]
fn silence_is_filled_with_heartbeats_and_the_idle_go() {
    let desk = Desk::new("kraken", 1, 0, NOW);
    let (mut wire, _) = desk.wire("/v2");
    subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["BTC/USD"]}));
    let frames = wire.pass(10 * SECOND);
    assert_eq!(frames.len(), 10);
    assert!(frames.iter().all(|frame| *frame == Frame::heartbeat("{\"channel\":\"heartbeat\"}")));
    let (mut idle, _) = desk.wire("/v2");
    assert!(idle.pass(60 * SECOND).is_empty());
    assert_eq!(idle.pass(SECOND / 50), [Frame::close(1_000, "", "idle"), Frame::close(1_000, "", "idle")]);
    assert_eq!(text(&idle.farewell(Farewell::Restart)[0])["data"][0]["system"], "maintenance");
}

#[test]
fn subscriptions_can_be_refused_and_ignored() {
    let desk = desk().with_faults(&["ws-deny:path=book BTC/USD,next=1", "ws-ignore:path=trade,next=1"]);
    let (mut wire, _) = desk.wire("/v2");
    let book = json!({"channel": "book", "symbol": ["BTC/USD"]});
    let denied = subscribe(&mut wire, &book);
    assert_eq!((denied.len(), &denied[0]["success"]), (1, &json!(false)));
    let trades = json!({"channel": "trade", "symbol": ["BTC/USD"]});
    assert!(subscribe(&mut wire, &trades).is_empty());
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, &book)[0]["success"], true);
    assert_eq!(subscribe(&mut wire, &trades)[0]["success"], true);
    assert!(wire.pass(30 * SECOND).iter().any(|frame| frame.load == Load::Trade));
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/v2");
    let book = subscribe(&mut wire, &json!({"channel": "book", "symbol": ["BTC/USD"], "depth": 10}));
    let update = of_load(&wire.pass(SECOND), Load::Book).remove(0);
    if let Some(recorded) = recorded_frames("kraken/ws-book-v2-btc-usd-depth10.ndjson") {
        let parse = |at: usize| serde_json::from_str::<Value>(&recorded[at]).expect("JSON");
        for (ours, at) in [(&text(&hello[0]), 0), (&book[0], 1), (&book[1], 2), (&update, 3)] {
            assert_alike(ours, &parse(at), &recorded[at]);
        }
    }
    if let Some(recorded) = recorded_message("kraken/error-ws-v2-subscribe-rejected.json") {
        assert_alike(
            &subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["NOPE/USD"]}))[0],
            &recorded,
            "refusal",
        );
    }
    if let Some(recorded) = recorded_message("kraken/ws-ack-nt-v2-pong.json") {
        assert_alike(&wire.say_json(&json!({"method": "ping", "req_id": 1}))[0], &recorded, "pong");
    }
    if let Some(recorded) = recorded_message("kraken/ws-ohlc-nt-v2-update.json") {
        let candles = subscribe(&mut wire, &json!({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 5}));
        assert_alike(&candles[1], &recorded, "ohlc");
    }
    let trades = subscribe(&mut wire, &json!({"channel": "trade", "symbol": ["BTC/USD"], "snapshot": true}));
    if let Some(recorded) = recorded_message("kraken/ws-mixed-tardis-kraken-v2.json") {
        assert_alike(&trades[1], &recorded[0]["message"], "trade");
    }
    let instruments = subscribe(&mut wire, &json!({"channel": "instrument"}));
    assert!(instruments[1]["data"]["pairs"].as_array().is_some_and(|pairs| pairs.len() > 50));
}
