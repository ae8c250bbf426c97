use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, MINUTE, SECOND, parse_iso};
use crate::limits::LimitSettings;
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{Frame, Load};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk() -> Desk {
    Desk::new("coinbase", 100_000, 0, NOW)
}

/// A subscription of the Exchange.
fn subscribe(wire: &mut Wire<'_>, channels: &[&str], products: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"type": "subscribe", "channels": channels, "product_ids": products}))
}

/// A subscription of Advanced Trade.
fn subscribe_to(wire: &mut Wire<'_>, channel: &str, products: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"type": "subscribe", "channel": channel, "product_ids": products}))
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}

fn rest_trades(now: i64, count: usize) -> Vec<Value> {
    let mut rows = Desk { now, ..desk() }.rows("/products/BTC-USD/trades?limit=1000");
    rows.truncate(count);
    rows.reverse();
    rows
}

fn assert_same_trade(pushed: &Value, rest: &Value) {
    assert_eq!((number(&pushed["price"]), number(&pushed["size"])), (number(&rest["price"]), number(&rest["size"])));
    assert_eq!(pushed["time"], rest["time"]);
}

#[test]
fn the_exchange_answers_with_all_that_is_subscribed_to() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/");
    assert!(hello.is_empty());
    let answers = subscribe(&mut wire, &["matches", "heartbeat"], &["BTC-USD", "ETH-USD"]);
    let kinds: Vec<&str> = answers.iter().filter_map(|answer| answer["type"].as_str()).collect();
    assert_eq!(kinds, ["last_match", "last_match", "subscriptions"]);
    assert_eq!(
        answers[2]["channels"],
        json!([
            {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
            {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"]},
        ])
    );
    let own = json!({"type": "subscribe", "channels": [{"name": "level2_batch", "product_ids": ["BTC-USD"]}]});
    let answers = wire.say_json(&own);
    assert_eq!((&answers[0]["type"], &answers[1]["type"]), (&json!("subscriptions"), &json!("snapshot")));
    assert_eq!(answers[0]["channels"].as_array().map(Vec::len), Some(3));
    let refusals = [
        (vec!["matches"], vec!["NOPE-USD"], "NOPE-USD is not a valid product"),
        (vec!["matches"], vec!["SOL-USD", "RUNE-USD"], "RUNE-USD is delisted"),
        (vec!["moon"], vec!["BTC-USD"], "moon is not a valid channel"),
        (vec!["level2"], vec!["BTC-USD"], "level2, level3, and full channels now require authentication"),
        (vec!["matches"], vec![], "product_ids is required"),
        (vec![], vec!["BTC-USD"], "channels is required"),
    ];
    for (channels, products, reason) in refusals {
        let answers = subscribe(&mut wire, &channels, &products);
        let expected = json!({"type": "error", "message": "Failed to subscribe", "reason": reason});
        assert_eq!(answers, [expected]);
    }
    let end = json!({"type": "unsubscribe", "channels": ["matches", "heartbeat"], "product_ids": ["BTC-USD"]});
    let left = wire.say_json(&end);
    assert_eq!(left[0]["channels"].as_array().map(Vec::len), Some(3));
    let frames = wire.pass(MINUTE);
    let of_trades = of_load(&frames, Load::Trade);
    assert!(!of_trades.is_empty() && of_trades.iter().all(|frame| frame["product_id"] == "ETH-USD"));
    assert_eq!(text(&wire.say("x")[0])["message"], "Malformed JSON");
}

#[test]
fn matches_are_the_trades_of_rest_and_heartbeats_count_them() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let answers = subscribe(&mut wire, &["heartbeat", "matches"], &["BTC-USD"]);
    let mut last = answers[0].clone();
    assert_eq!(last["type"], "last_match");
    let frames = wire.pass(5 * MINUTE);
    let pushed = of_load(&frames, Load::Trade);
    let rest = rest_trades(wire.now, pushed.len());
    assert!(pushed.len() > 100, "{}", pushed.len());
    for (pushed, rest) in pushed.iter().zip(&rest) {
        assert_eq!((&pushed["type"], &pushed["trade_id"]), (&json!("match"), &rest["trade_id"]));
        assert_eq!(pushed["side"], rest["side"], "both the maker's");
        assert_same_trade(pushed, rest);
    }
    let mut beats = 0;
    for frame in &frames {
        let value = text(frame);
        assert!(value["sequence"].as_i64() >= last["sequence"].as_i64(), "{value}");
        if frame.load == Load::Heartbeat {
            assert_eq!(value["last_trade_id"], last["trade_id"]);
            beats += 1;
        } else {
            assert_eq!(value["trade_id"].as_i64(), last["trade_id"].as_i64().map(|id| id + 1));
            assert!(value["sequence"].as_i64() > last["sequence"].as_i64(), "{value}");
            last = value;
        }
    }
    assert_eq!(beats, 300);
}

/// A client's book: bids, then asks, by rank of price.
#[derive(Default)]
struct Mirror([BTreeMap<u64, (f64, f64)>; 2]);

impl Mirror {
    fn set(&mut self, is_ask: bool, price: &Value, amount: &Value) {
        let rank = price.as_str().expect("a price").replace('.', "").parse().expect("digits");
        let side = &mut self.0[usize::from(is_ask)];
        if number(amount) == 0.0 {
            side.remove(&rank);
        } else {
            side.insert(rank, (number(price), number(amount)));
        }
    }

    fn assert_is_that_of_rest(&self, time: &Value) {
        let now = time.as_str().and_then(parse_iso).expect("a stamp");
        let rest = Desk { now, ..desk() }.json("/products/BTC-USD/book?level=2");
        let side = |name: &str| -> Vec<(f64, f64)> {
            let levels = rest[name].as_array().into_iter().flatten();
            levels.map(|level| (number(&level[0]), number(&level[1]))).collect()
        };
        let [bids, asks] = &self.0;
        assert_eq!(bids.values().rev().copied().collect::<Vec<_>>(), side("bids"), "{time}");
        assert_eq!(asks.values().copied().collect::<Vec<_>>(), side("asks"), "{time}");
    }
}

#[test]
fn books_of_the_exchange_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let answers = subscribe(&mut wire, &["level2_batch"], &["BTC-USD"]);
    let mut mirror = Mirror::default();
    for (is_ask, name) in [(false, "bids"), (true, "asks")] {
        for level in answers[1][name].as_array().into_iter().flatten() {
            mirror.set(is_ask, &level[0], &level[1]);
        }
    }
    mirror.assert_is_that_of_rest(&answers[1]["time"]);
    let updates = of_load(&wire.pass(20 * SECOND), Load::Book);
    assert!(updates.len() > 150, "{}", updates.len());
    for (at, update) in updates.iter().enumerate() {
        for change in update["changes"].as_array().into_iter().flatten() {
            mirror.set(change[0] == "sell", &change[1], &change[2]);
        }
        if at % 20 == 0 {
            mirror.assert_is_that_of_rest(&update["time"]);
        }
    }
}

#[test]
fn advanced_trade_numbers_all_frames_of_a_connection() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let mut all = subscribe_to(&mut wire, "market_trades", &["BTC-USD", "ETH-USD"]);
    let channels: Vec<&str> = all.iter().filter_map(|frame| frame["channel"].as_str()).collect();
    assert_eq!(channels, ["market_trades", "market_trades", "subscriptions"], "what is there comes first");
    all.extend(subscribe_to(&mut wire, "level2", &["BTC-USD"]));
    all.extend(subscribe_to(&mut wire, "candles", &["BTC-USD"]));
    all.extend(wire.say_json(&json!({"type": "subscribe", "channel": "heartbeats"})));
    assert_eq!(
        all.last().expect("an answer")["events"][0]["subscriptions"],
        json!({
            "market_trades": ["BTC-USD", "ETH-USD"], "level2": ["BTC-USD"], "candles": ["BTC-USD"],
            "heartbeats": ["heartbeats"],
        })
    );
    all.extend(wire.pass(30 * SECOND).iter().map(text));
    let numbers: Vec<i64> = all.iter().filter_map(|frame| frame["sequence_num"].as_i64()).collect();
    assert_eq!(numbers, (0..i64::try_from(all.len()).expect("few")).collect::<Vec<_>>());
    let beats = all.iter().filter(|frame| frame["channel"] == "heartbeats");
    let counted: Vec<i64> = beats.filter_map(|beat| beat["events"][0]["heartbeat_counter"].as_i64()).collect();
    assert_eq!(counted, (1..=30).collect::<Vec<_>>());
    let refusals = [
        (json!({"type": "subscribe", "channel": "moon", "product_ids": ["BTC-USD"]}), "moon is not a valid channel"),
        (json!({"type": "subscribe", "channel": "level2", "product_ids": ["NO-USD"]}), "NO-USD is not a valid product"),
        (json!({"type": "subscribe", "channel": "level2"}), "product_ids is required"),
        (json!({"type": "moon", "channel": "heartbeats"}), "type has to be subscribe or unsubscribe"),
    ];
    for (message, reason) in refusals {
        assert_eq!(wire.say_json(&message), [json!({"type": "error", "message": reason})]);
    }
    for channel in ["level2", "market_trades", "heartbeats"] {
        let end = json!({"type": "unsubscribe", "channel": channel, "product_ids": ["BTC-USD", "ETH-USD"]});
        assert_eq!(wire.say_json(&end)[0]["channel"], "subscriptions");
    }
    let left = of_load(&wire.pass(30 * SECOND), Load::Candle);
    assert!(left.iter().all(|frame| frame["channel"] == "candles"));
}

#[test]
fn trades_of_advanced_trade_are_those_of_rest_newest_first() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let answers = subscribe_to(&mut wire, "market_trades", &["BTC-USD"]);
    let earlier = answers[0]["events"][0]["trades"].as_array().cloned().unwrap_or_default();
    assert_eq!((earlier.len(), &answers[0]["events"][0]["type"]), (50, &json!("snapshot")));
    let mut pushed = Vec::new();
    for frame in of_load(&wire.pass(5 * MINUTE), Load::Trade) {
        let mut trades = frame["events"][0]["trades"].as_array().cloned().unwrap_or_default();
        trades.reverse();
        pushed.extend(trades);
    }
    let rest = rest_trades(wire.now, pushed.len());
    assert!(pushed.len() > 100, "{}", pushed.len());
    let id = |trade: &Value| trade["trade_id"].as_str().and_then(|id| id.parse::<i64>().ok());
    assert_eq!(id(&earlier[0]).map(|id| id + 1), id(&pushed[0]));
    for (pushed, rest) in pushed.iter().zip(&rest) {
        assert_eq!(id(pushed), rest["trade_id"].as_i64());
        assert_eq!(pushed["side"], if rest["side"] == "sell" { "BUY" } else { "SELL" }, "the taker's");
        assert_same_trade(pushed, rest);
    }
}

#[test]
fn books_of_advanced_trade_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let answers = subscribe_to(&mut wire, "level2", &["BTC-USD"]);
    let updates = of_load(&wire.pass(10 * SECOND), Load::Book);
    assert!(updates.len() > 80, "{}", updates.len());
    let mut mirror = Mirror::default();
    for (at, frame) in answers[..1].iter().chain(&updates).enumerate() {
        let event = &frame["events"][0];
        assert_eq!((&frame["channel"], &event["product_id"]), (&json!("l2_data"), &json!("BTC-USD")));
        let updates = event["updates"].as_array().cloned().unwrap_or_default();
        for update in &updates {
            mirror.set(update["side"] == "offer", &update["price_level"], &update["new_quantity"]);
        }
        if at % 20 == 0 {
            mirror.assert_is_that_of_rest(&updates[0]["event_time"]);
        }
    }
}

#[test]
fn candles_of_advanced_trade_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/");
    let answers = subscribe_to(&mut wire, "candles", &["BTC-USD"]);
    let pushed = of_load(&wire.pass(16 * MINUTE), Load::Candle);
    assert!((400..=960).contains(&pushed.len()), "about one a second: {}", pushed.len());
    let mut last = BTreeMap::new();
    for frame in answers[..1].iter().chain(&pushed) {
        for row in frame["events"][0]["candles"].as_array().into_iter().flatten() {
            last.insert(row["start"].as_str().and_then(|start| start.parse::<i64>().ok()), row.clone());
        }
    }
    assert_eq!(last.len(), 5);
    let rest = Desk { now: wire.now, ..self::desk() }.rows("/products/BTC-USD/candles?granularity=300");
    for row in &rest[..5] {
        let own = &last[&row[0].as_i64()];
        for (name, at) in [("low", 1), ("high", 2), ("open", 3), ("close", 4), ("volume", 5)] {
            assert_eq!(number(&own[name]), number(&row[at]), "{name} of {row}");
        }
    }
}

#[test]
fn the_silent_and_the_idle_go_and_the_hasty_are_refused() {
    let desk = Desk::with_limits("coinbase", 1, 0, NOW, &LimitSettings::default());
    let (mut silent, _) = desk.wire("/");
    assert_eq!(text(&silent.say("hello")[0])["type"], "error");
    assert!(silent.pass(5 * SECOND).is_empty());
    assert_eq!(silent.pass(1), [Frame::close(1_000, "", "silent")]);
    let (mut idle, _) = desk.wire("/");
    subscribe_to(&mut idle, "market_trades", &["BTC-USD"]);
    assert!(idle.pass(90 * SECOND).is_empty());
    assert_eq!(idle.pass(1), [Frame::close(1_000, "", "idle")]);
    let (mut hasty, _) = desk.wire("/");
    for _ in 0..8 {
        assert_eq!(subscribe_to(&mut hasty, "heartbeats", &[])[0]["channel"], "subscriptions");
    }
    assert_eq!(subscribe_to(&mut hasty, "heartbeats", &[])[0]["message"], "rate limit exceeded");
    hasty.pass(SECOND);
    assert_eq!(subscribe_to(&mut hasty, "heartbeats", &[])[0]["channel"], "subscriptions");
    assert!(hasty.pass(120 * SECOND).iter().all(|frame| frame.load == Load::Heartbeat));
}

#[test]
fn subscriptions_can_be_refused_and_ignored() {
    let faults = ["ws-deny:path=matches BTC-USD,next=1", "ws-ignore:path=level2,next=1"];
    let desk = desk().with_faults(&faults);
    let (mut wire, _) = desk.wire("/");
    assert_eq!(subscribe(&mut wire, &["matches"], &["BTC-USD"])[0]["reason"], "BTC-USD is not a valid product");
    assert!(subscribe(&mut wire, &["level2_batch"], &["BTC-USD"]).is_empty());
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, &["level2_batch"], &["BTC-USD"]).len(), 2);

    let faults = ["ws-deny:path=level2 BTC-USD,next=1", "ws-ignore:path=market_trades,next=1"];
    let desk = desk.with_faults(&faults);
    let (mut wire, _) = desk.wire("/");
    assert_eq!(subscribe_to(&mut wire, "level2", &["BTC-USD"])[0]["type"], "error");
    assert!(subscribe_to(&mut wire, "market_trades", &["BTC-USD"]).is_empty());
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(subscribe_to(&mut wire, "market_trades", &["BTC-USD"]).len(), 2);
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let (mut exchange, _) = desk.wire("/");
    let answers = subscribe(&mut exchange, &["matches", "level2_batch"], &["BTC-USD"]);
    let frames = exchange.pass(MINUTE);
    let changed = of_load(&frames, Load::Book).remove(0);
    let traded = of_load(&frames, Load::Trade).remove(0);
    for (file, ours) in [
        ("coinbase/ws-book-skl-usd-exchange-feed.ndjson", [&answers[2], &changed]),
        ("coinbase/ws-trades-skl-usd-exchange-feed.ndjson", [&answers[0], &traded]),
    ] {
        let frames = recorded_frames(file).unwrap_or_default();
        let frames: Vec<Value> = frames.iter().map(|frame| serde_json::from_str(frame).expect("JSON")).collect();
        for ours in ours {
            let kind = &ours["type"];
            let theirs = frames.iter().find(|frame| frame["type"] == *kind);
            assert!(frames.is_empty() || theirs.is_some(), "{file}: {kind}");
            if let Some(theirs) = theirs {
                assert_alike(ours, theirs, file);
            }
        }
    }
    let (mut advanced, _) = desk.wire("/");
    let trades = subscribe_to(&mut advanced, "market_trades", &["BTC-USD"]);
    let book = subscribe_to(&mut advanced, "level2", &["BTC-USD"]);
    let candles = subscribe_to(&mut advanced, "candles", &["BTC-USD"]);
    if let Some(recorded) = recorded_frames("coinbase/ws-trades-advanced-btc-usd-2026.ndjson") {
        for (ours, recorded) in trades.iter().zip(&recorded) {
            assert_alike(ours, &serde_json::from_str(recorded).expect("JSON"), "trades");
        }
    }
    if let Some(recorded) = recorded_message("coinbase/ws-book-nt-advanced-l2-snapshot.json") {
        assert_alike(&book[0], &recorded, "book");
    }
    if let Some(recorded) = recorded_frames("coinbase/ws-ohlc-jk-advancedtrade-klines.ndjson") {
        assert_alike(&candles[0], &serde_json::from_str(&recorded[1]).expect("JSON"), "candles");
    }
}
