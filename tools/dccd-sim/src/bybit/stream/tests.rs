use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::market::statistics::BOOK_STEP;
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{Farewell, Frame, Load};

/// 2024-01-05T14:34:56.
const NOW: i64 = 19_727 * DAY + 14 * HOUR + 34 * MINUTE + 56 * SECOND;
const SPOT: &str = "/v5/public/spot";
const LINEAR: &str = "/v5/public/linear";

fn desk() -> Desk {
    Desk::new("bybit", 500_000, 0, NOW)
}

/// The exchange at another instant.
fn desk_at(now: i64) -> Desk {
    Desk { now, ..desk() }
}

fn subscribe(wire: &mut Wire<'_>, args: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"op": "subscribe", "args": args, "req_id": "7"}))
}

fn rows(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn rest(desk: &Desk, target: &str) -> Value {
    desk.json(&format!("/v5/market/{target}"))["result"].take()
}

#[test]
fn requests_are_accepted_as_a_whole_or_not_at_all() {
    let desk = desk();
    let (mut wire, hello) = desk.wire(SPOT);
    assert!(hello.is_empty());
    let answers = subscribe(&mut wire, &["publicTrade.BTCUSDT", "kline.1.ETHUSDT"]);
    assert_eq!(answers.len(), 1);
    let expected = (&json!(true), &json!("subscribe"), &json!("7"), &json!("subscribe"));
    let of = |answer: &Value| -> (Value, Value) { (answer["success"].clone(), answer["ret_msg"].clone()) };
    assert_eq!((&answers[0]["success"], &answers[0]["ret_msg"], &answers[0]["req_id"], &answers[0]["op"]), expected);
    let many: Vec<String> = (0..11).map(|at| format!("publicTrade.X{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refusals: [(&[&str], &str); 6] = [
        (&["publicTrade.SOLUSDT", "publicTrade.NOPE"], "Invalid symbol :[publicTrade.NOPE]"),
        (&["publicTrade.LUNAUSDT"], "Invalid symbol :[publicTrade.LUNAUSDT]"),
        (&["orderbook.7.BTCUSDT"], "error:handler not found,topic:orderbook.7.BTCUSDT"),
        (&["kline.1h.BTCUSDT"], "error:handler not found,topic:kline.1h.BTCUSDT"),
        (&["publicTrade.SOLUSDT", "publicTrade.BTCUSDT"], "error:already subscribed,topic:publicTrade.BTCUSDT"),
        (&many, "args size >10"),
    ];
    for (args, message) in refusals {
        let answers = subscribe(&mut wire, args);
        assert_eq!((answers.len(), of(&answers[0])), (1, (json!(false), json!(message))), "{args:?}");
    }
    assert_eq!(text(&wire.say("hello")[0])["success"], false);
    let pong = wire.say_json(&json!({"op": "ping", "req_id": 3}));
    assert_eq!((of(&pong[0]), &pong[0]["op"]), ((json!(true), json!("pong")), &json!("ping")));
    assert_eq!(pong[0]["req_id"], "3", "a number comes back as text");
    let end = wire.say_json(&json!({"op": "unsubscribe", "args": ["publicTrade.BTCUSDT"]}));
    assert_eq!((&end[0]["success"], &end[0]["op"], end[0].get("req_id")), (&json!(true), &json!("unsubscribe"), None));
    let frames = wire.pass(MINUTE);
    assert!(frames.iter().all(|frame| text(frame)["topic"] == "kline.1.ETHUSDT"), "nothing of what was refused");
    let (mut linear, _) = desk.wire(LINEAR);
    assert_eq!(subscribe(&mut linear, &["publicTrade.BTCPERP"])[0]["ret_msg"], "");
    let symbols: Vec<String> = (0..900).map(|at| format!("kline.1.{at:017}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    assert_eq!(subscribe(&mut linear, &symbols)[0]["ret_msg"], format!("Invalid symbol :[{}]", symbols[0]));
}

#[test]
fn trades_are_those_of_rest() {
    let desk = desk();
    for (path, category, symbol, width) in [
        (SPOT, "spot", "BTCUSDT", MINUTE),
        (LINEAR, "linear", "BTCUSDT", MINUTE),
        ("/v5/public/inverse", "inverse", "BTCUSD", MINUTE),
    ] {
        let (mut wire, _) = desk.wire(path);
        subscribe(&mut wire, &[&format!("publicTrade.{symbol}")]);
        let frames = wire.pass(width);
        let pushed: Vec<Value> = of_load(&frames, Load::Trade).iter().flat_map(|frame| rows(&frame["data"])).collect();
        let page = rest(&desk_at(wire.now), &format!("recent-trade?category={category}&symbol={symbol}&limit=1000"));
        let mut rest = rows(&page["list"]);
        rest.reverse();
        rest.retain(|row| row["time"].as_str().and_then(|time| time.parse::<i64>().ok()) > Some(NOW / MILLI));
        assert!(rest.len() >= 60, "{}", rest.len());
        // REST has no more than 60 of spot.
        assert!(pushed.len() == rest.len() || (category == "spot" && pushed.len() > 60), "{category}");
        let pushed = &pushed[pushed.len() - rest.len()..];
        for (pushed, rest) in pushed.iter().zip(&rest) {
            for (own, theirs) in
                [("i", "execId"), ("p", "price"), ("v", "size"), ("S", "side"), ("s", "symbol"), ("RPI", "isRPITrade")]
            {
                assert_eq!(pushed[own], rest[theirs]);
            }
            assert_eq!(pushed["T"].to_string(), rest["time"].as_str().unwrap_or_default());
            assert_eq!(pushed["seq"].to_string(), rest["seq"].as_str().unwrap_or_default());
        }
    }
}

#[test]
fn a_burst_comes_in_full_frames_and_tells_where_prices_went() {
    let desk = Desk::new("bybit", 2_000, 3_000, NOW - NOW.rem_euclid(DAY));
    let series = desk.market.series("bybit", &"BTC/USDT:perp".parse().expect("a pair")).expect("a series");
    let trades: Vec<_> = series.trades(series.first_id_at(desk.now)..series.first_id_at(desk.now + DAY)).collect();
    let burst = trades.windows(2_000).find(|window| window[1_999].micros - window[0].micros < SECOND).expect("a burst");
    let desk = Desk { now: burst[0].micros - SECOND, ..desk };
    let (mut wire, _) = desk.wire(LINEAR);
    subscribe(&mut wire, &["publicTrade.BTCUSDT"]);
    let frames = of_load(&wire.pass(2 * SECOND), Load::Trade);
    assert!(frames.iter().any(|frame| rows(&frame["data"]).len() == 1_024));
    let pushed: Vec<Value> = frames.iter().flat_map(|frame| rows(&frame["data"])).collect();
    let price = |row: &Value| row["p"].as_str().and_then(|price| price.parse::<f64>().ok()).expect("a price");
    for two in pushed.windows(2) {
        let tick = two[1]["L"].as_str().unwrap_or_default();
        let (before, after) = (price(&two[0]), price(&two[1]));
        let was_rise = two[0]["L"].as_str().is_some_and(|tick| tick.contains("Plus"));
        assert_eq!(tick.starts_with("Zero"), before == after);
        assert_eq!(tick.contains("Plus"), after > before || (after == before && was_rise));
    }
}

/// A client's book: prices in their order, with the texts of the amounts.
#[derive(Default)]
struct Mirror([BTreeMap<i64, (String, String)>; 2]);

impl Mirror {
    fn apply(&mut self, frame: &Value) {
        if frame["type"] == "snapshot" {
            *self = Mirror::default();
        }
        for (side, name) in self.0.iter_mut().zip(["b", "a"]) {
            for level in rows(&frame["data"][name]) {
                let [price, amount] = [0, 1].map(|at| level[at].as_str().expect("text").to_owned());
                let rank: f64 = price.parse().expect("a price");
                #[allow(clippy::cast_possible_truncation, reason = "prices are small")]
                let rank = (rank * 1e8).round() as i64;
                if amount == "0" {
                    side.remove(&rank)
                } else {
                    side.insert(rank, (price, amount))
                };
            }
        }
    }

    fn best(&self) -> [Value; 2] {
        let [bids, asks] = &self.0;
        [json!(bids.values().rev().collect::<Vec<_>>()), json!(asks.values().collect::<Vec<_>>())]
    }
}

#[test]
fn books_are_those_of_rest_and_count_one_by_one() {
    let desk = desk();
    for (path, category, symbol, depth) in [
        (SPOT, "spot", "BTCUSDT", 1_000),
        (SPOT, "spot", "SHIBUSDT", 50),
        (LINEAR, "linear", "ETHUSDT", 200),
        (LINEAR, "linear", "BTCUSDT", 1),
    ] {
        let (mut wire, _) = desk.wire(path);
        let answers =
            wire.say(&json!({"op": "subscribe", "args": [format!("orderbook.{depth}.{symbol}")]}).to_string());
        let frames: Vec<Frame> = answers.into_iter().skip(1).chain(wire.pass(20 * SECOND)).collect();
        let mut mirror = Mirror::default();
        let (mut last_u, mut compared) = (None, 0);
        for (at, frame) in of_load(&frames, Load::Book).iter().enumerate() {
            mirror.apply(frame);
            assert_eq!(frame["type"] == "snapshot", at == 0 || depth == 1);
            let u = frame["data"]["u"].as_i64();
            assert!(last_u.is_none_or(|last: i64| Some(last + 1) == u), "{last_u:?} {u:?}");
            last_u = u;
            let cts = frame["cts"].as_i64().expect("an instant") * MILLI;
            if cts.div_euclid(BOOK_STEP) % 2 == 0 {
                let target = format!("orderbook?category={category}&symbol={symbol}&limit={depth}");
                let rest = rest(&desk_at(cts), &target);
                assert_eq!(mirror.best(), [rest["b"].clone(), rest["a"].clone()], "{symbol}");
                assert_eq!((&frame["data"]["seq"], &frame["cts"]), (&rest["seq"], &rest["cts"]));
                assert_eq!(depth == 1_000, frame["data"]["u"] == rest["u"], "only the deepest is that of REST");
                compared += 1;
            }
        }
        assert!(compared > 5, "{symbol} {compared}");
    }
}

#[test]
fn the_best_level_is_repeated_where_nothing_changes() {
    // The contract ends at eight.
    let desk = desk_at(19_811 * DAY + 8 * HOUR - 10 * SECOND);
    let (mut wire, _) = desk.wire("/v5/public/inverse");
    subscribe(&mut wire, &["orderbook.1.BTCUSDH24", "orderbook.50.BTCUSDH24"]);
    let frames = of_load(&wire.pass(30 * SECOND), Load::Book);
    let of = |topic: &str| -> Vec<&Value> { frames.iter().filter(|frame| frame["topic"] == topic).collect() };
    let best = of("orderbook.1.BTCUSDH24");
    for two in best.windows(2) {
        let later = two[1]["ts"].as_i64().zip(two[0]["ts"].as_i64()).map(|(later, earlier)| later - earlier);
        assert!(later <= Some(3_000), "{later:?}");
        let is_repeated = two[0]["data"]["u"] == two[1]["data"]["u"];
        let is_same = two[0]["data"]["b"] == two[1]["data"]["b"] && two[0]["data"]["a"] == two[1]["data"]["a"];
        assert_eq!(is_repeated, is_same);
    }
    let empty: Vec<&&Value> = best.iter().filter(|frame| rows(&frame["data"]["b"]).is_empty()).collect();
    assert_eq!(empty.len(), 7, "once as a change, then every three seconds");
    let mut mirror = Mirror::default();
    of("orderbook.50.BTCUSDH24").into_iter().for_each(|frame| mirror.apply(frame));
    assert_eq!(mirror.best(), [json!([]), json!([])]);
}

#[test]
fn sequences_can_be_wrong_but_not_of_one_level() {
    let desk = desk();
    let (mut wire, _) = desk.wire(LINEAR);
    subscribe(&mut wire, &["orderbook.1.BTCUSDT", "orderbook.50.BTCUSDT"]);
    let frames = wire.pass(10 * SECOND);
    assert!(frames.iter().any(|frame| text(frame)["topic"] == "orderbook.1.BTCUSDT"));
    for frame in &frames {
        let is_whole = text(frame)["topic"] == "orderbook.1.BTCUSDT";
        let (right, wrong) = (text(frame)["data"]["u"].take(), text(&frame.clone().broken())["data"]["u"].take());
        assert_eq!(right == wrong, is_whole);
    }
}

#[test]
fn candles_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire(LINEAR);
    subscribe(&mut wire, &["kline.1.ETHUSDT", "kline.5.XLMPERP"]);
    let frames = of_load(&wire.pass(11 * MINUTE), Load::Candle);
    let later = desk_at(wire.now);
    for (topic, target, finished) in
        [("kline.1.ETHUSDT", "symbol=ETHUSDT&interval=1", 11), ("kline.5.XLMPERP", "symbol=XLMPERP&interval=5", 3)]
    {
        let own: Vec<&Value> = frames.iter().filter(|frame| frame["topic"] == topic).collect();
        let done: Vec<&Value> =
            own.iter().map(|frame| &frame["data"][0]).filter(|row| row["confirm"] == true).collect();
        assert_eq!(done.len(), finished, "{topic}");
        let list = rows(&rest(&later, &format!("kline?category=linear&{target}"))["list"]);
        for row in &done {
            let same =
                list.iter().find(|theirs| theirs[0].as_str() == Some(&row["start"].to_string())).expect("listed");
            for (name, at) in [("open", 1), ("high", 2), ("low", 3), ("close", 4), ("volume", 5), ("turnover", 6)] {
                assert_eq!(row[name], same[at], "{name} of {row}");
            }
            let width = row["interval"].as_str().and_then(|minutes| minutes.parse::<i64>().ok()).expect("minutes");
            assert_eq!(row["end"].as_i64().map(|end| end + 1 - width * MINUTE / MILLI), row["start"].as_i64());
        }
        let ts: Vec<i64> = own
            .iter()
            .filter(|frame| frame["data"][0]["confirm"] == false)
            .filter_map(|frame| frame["ts"].as_i64())
            .collect();
        assert!(ts.windows(2).all(|two| (900..=60_100).contains(&(two[1] - two[0]))), "{ts:?}");
    }
}

#[test]
fn the_silent_are_cut_off_and_a_restart_counts_anew() {
    let desk = desk();
    let (mut idle, _) = desk.wire(SPOT);
    assert!(idle.pass(599 * SECOND).is_empty());
    idle.say("{\"op\":\"ping\"}");
    assert!(idle.pass(600 * SECOND).is_empty());
    assert_eq!(idle.pass(SECOND / 100), [Frame::close(1_000, "", "silent")]);
    let (mut wire, _) = desk.wire(SPOT);
    subscribe(&mut wire, &["orderbook.50.BTCUSDT", "publicTrade.BTCUSDT"]);
    assert!(wire.farewell(Farewell::Age).is_empty());
    let restarted = of_load(&wire.farewell(Farewell::Restart), Load::Book);
    assert_eq!(
        (restarted.len(), &restarted[0]["type"], &restarted[0]["data"]["u"]),
        (1, &json!("snapshot"), &json!(1))
    );
    let next = of_load(&wire.pass(SECOND), Load::Book);
    assert_eq!((&next[0]["type"], &next[0]["data"]["u"]), (&json!("delta"), &json!(2)));
}

#[test]
fn subscriptions_can_be_refused_and_ignored() {
    let desk = desk().with_faults(&["ws-deny:path=orderbook.50 BTCUSDT,next=1", "ws-ignore:path=publicTrade,next=1"]);
    let (mut wire, _) = desk.wire(SPOT);
    let both = ["kline.1.BTCUSDT", "orderbook.50.BTCUSDT"];
    let denied = subscribe(&mut wire, &both);
    assert_eq!((denied.len(), &denied[0]["ret_msg"]), (1, &json!("Invalid symbol :[orderbook.50.BTCUSDT]")));
    assert!(subscribe(&mut wire, &["publicTrade.BTCUSDT"]).is_empty());
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, &both)[0]["success"], true);
    assert_eq!(subscribe(&mut wire, &["publicTrade.BTCUSDT"])[0]["success"], true);
    let frames = wire.pass(30 * SECOND);
    for load in [Load::Trade, Load::Book, Load::Candle] {
        assert!(frames.iter().any(|frame| frame.load == load), "{load:?}");
    }
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let (mut spot, _) = desk.wire(SPOT);
    let opened = spot.say_json(&json!({"op": "subscribe", "req_id": 1, "args": ["orderbook.1.BTCUSDT"]}));
    if let Some(recorded) = recorded_frames("bybit/ws-book-v5-spot-orderbook1-2026.ndjson") {
        for (ours, recorded) in opened.iter().zip(&recorded) {
            assert_alike(ours, &serde_json::from_str(recorded).expect("JSON"), recorded);
        }
    }
    let (mut linear, _) = desk.wire(LINEAR);
    let answer = subscribe(&mut linear, &["publicTrade.BTCUSDT", "kline.5.BTCUSDT"]).remove(0);
    let frames = linear.pass(MINUTE);
    if let Some(recorded) = recorded_message("bybit/ws-ack-nt-subscribe-ok.json") {
        assert_alike(&answer, &recorded, "answer");
    }
    if let Some(recorded) = recorded_message("bybit/error-ws-nt-subscribe-failure.json") {
        assert_alike(&subscribe(&mut linear, &["invalid.topic.BTCUSDT"])[0], &recorded, "refusal");
    }
    if let Some(recorded) = recorded_message("bybit/ws-ohlc-nt.json") {
        assert_alike(&of_load(&frames, Load::Candle)[0], &recorded, "kline");
    }
    if let Some(recorded) = recorded_frames("bybit/ws-trades-docs-trade.ndjson") {
        let recorded = serde_json::from_str(&recorded[0]).expect("JSON");
        assert_alike(&of_load(&frames, Load::Trade)[0], &recorded, "publicTrade");
    }
}
