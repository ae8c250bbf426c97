use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Door, Host};
use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::limits::LimitSettings;
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{ControlKind, Farewell, Frame, Load};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk() -> Desk {
    Desk::new("binance", 100_000, 0, NOW)
}

fn subscribe(wire: &mut Wire<'_>, names: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"method": "SUBSCRIBE", "params": names, "id": 1}))
}

/// What REST says at the end of a wire.
fn rest(wire: &Wire<'_>, target: &str) -> Value {
    Desk { now: wire.now, ..desk() }.json(target)
}

#[test]
fn paths_are_doors() {
    let check = |path: &str, expected: Option<(Host, bool, &[&str])>| {
        let door = Door::of(path);
        let found = door
            .as_ref()
            .map(|door| (door.host, door.is_combined, door.names.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(found, expected.map(|(host, combined, names)| (host, combined, names.to_vec())), "{path}");
    };
    check("/stream", Some((Host::Root, true, &[])));
    check("/ws", Some((Host::Root, false, &[])));
    check("/ws/btcusdt@trade", Some((Host::Root, false, &["btcusdt@trade"])));
    check("/ws/btcusdt%40trade/ethusdt@trade", Some((Host::Root, false, &["btcusdt@trade", "ethusdt@trade"])));
    check("/public/stream", Some((Host::Public, true, &[])));
    check("/market/ws/btcusdt@aggTrade", Some((Host::Market, false, &["btcusdt@aggTrade"])));
    // Paths of others.
    for path in ["/ws/v1", "/ws/v5/public", "/ws/2", "/v2", "/", "/realtime", "/wss", "/ws/v5/business"] {
        check(path, None);
    }
}

#[test]
fn messages_are_answered() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/ws");
    assert!(hello.is_empty());
    assert_eq!(subscribe(&mut wire, &["btcusdt@aggTrade", "nope@aggTrade"]), [json!({"result": null, "id": 1})]);
    let list = wire.say_json(&json!({"method": "LIST_SUBSCRIPTIONS", "id": "a"}));
    assert_eq!(list, [json!({"result": ["btcusdt@aggTrade", "nope@aggTrade"], "id": "a"})]);
    assert_eq!(of_load(&wire.pass(MINUTE), Load::Trade)[0]["s"], "BTCUSDT");
    assert_eq!(
        wire.say_json(&json!({"method": "SET_PROPERTY", "params": ["combined", true], "id": 2}))[0]["result"],
        Value::Null
    );
    assert_eq!(of_load(&wire.pass(MINUTE), Load::Trade)[0]["stream"], "btcusdt@aggTrade");
    wire.say(&json!({"method": "UNSUBSCRIBE", "params": ["btcusdt@aggTrade"], "id": 3}).to_string());
    assert!(of_load(&wire.pass(MINUTE), Load::Trade).is_empty());
    if let Some(recorded) = recorded_message("binance/error-ws-subscribe-rejected.json") {
        assert_eq!(wire.say_json(&json!({"method": "NOPE", "id": 1})), [recorded]);
    }
    assert_eq!(wire.say_json(&json!("x")).len(), 1);
    assert_eq!(text(&wire.say("{")[0])["error"]["code"], 3);
    let shutdown = wire.farewell(Farewell::Restart);
    assert_eq!(text(&shutdown[0])["data"]["e"], "serverShutdown");
}

#[test]
fn what_is_asked_for_at_the_wrong_door_stays_silent() {
    let desk = desk();
    let check = |target: &str, expected: &[&str]| {
        let (mut wire, _) = desk.wire(target);
        let frames = wire.pass(2 * MINUTE);
        let mut names: Vec<String> = frames
            .iter()
            .filter(|frame| frame.is_data())
            .map(|frame| text(frame)["stream"].as_str().unwrap_or_default().to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, expected, "{target}");
    };
    let all = "btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@depth/btcusdt_perpetual@continuousKline_1m";
    check(&format!("/public/stream?streams={all}"), &["btcusdt@depth"]);
    check(
        &format!("/market/stream?streams={all}"),
        &["btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt_perpetual@continuousKline_1m"],
    );
    check(&format!("/stream?streams={all}"), &["btcusdt@aggTrade", "btcusdt@depth", "btcusdt@kline_1m"]);
    check(
        "/stream?streams=btcusd_perp%40aggTrade/btcusd_perpetual@continuousKline_1m",
        &["btcusd_perp@aggTrade", "btcusd_perpetual@continuousKline_1m"],
    );
    check("/stream?streams=BTCUSDT@aggTrade/btcusdt@depth7/btcusdt@kline_7m/btcusdt@aggtrade", &[]);
}

#[test]
fn trades_are_those_of_rest() {
    let check = |target: &str, rest_path: &str, symbol: &str| {
        let desk = desk();
        let (mut wire, _) = desk.wire(target);
        let pushed = of_load(&wire.pass(5 * MINUTE), Load::Trade);
        let page =
            rest(&wire, &format!("{rest_path}/aggTrades?symbol={symbol}&startTime={}&limit=1000", NOW / MILLI + 1));
        let page = page.as_array().cloned().unwrap_or_default();
        assert!(page.len() > 50, "{}", page.len());
        assert_eq!(pushed.len(), page.len());
        for (mut event, row) in pushed.into_iter().zip(page) {
            assert!(event["E"].as_i64() >= event["T"].as_i64());
            let fields = event.as_object_mut().expect("an object");
            assert_eq!((fields.remove("e"), fields.remove("s")), (Some(json!("aggTrade")), Some(json!(symbol))));
            fields.remove("E");
            assert_eq!(event, row);
        }
    };
    check("/ws/btcusdt@aggTrade", "/api/v3", "BTCUSDT");
    check("/market/ws/btcusdt@aggTrade", "/fapi/v1", "BTCUSDT");
    check("/ws/btcusd_perp@aggTrade", "/dapi/v1", "BTCUSD_PERP");
    // The parts of trades have consecutive ids.
    let desk = desk();
    let (mut wire, _) = desk.wire("/ws/btcusdt@trade");
    let parts: Vec<i64> =
        of_load(&wire.pass(MINUTE), Load::Trade).iter().filter_map(|event| event["t"].as_i64()).collect();
    assert!(parts.len() > 20 && parts.windows(2).all(|two| two[1] == two[0] + 1), "{parts:?}");
}

#[test]
fn microseconds_are_for_those_who_ask() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/stream?streams=btcusdt@aggTrade&timeUnit=MICROSECOND");
    let event = of_load(&wire.pass(MINUTE), Load::Trade).remove(0);
    assert!(event["data"]["T"].as_i64() > Some(NOW) && event["data"]["T"].as_i64() < Some(NOW + MINUTE));
}

#[test]
fn closed_candles_are_those_of_rest() {
    let check = |target: &str, rest_target: &str| {
        let desk = desk();
        let (mut wire, _) = desk.wire(target);
        let events = of_load(&wire.pass(5 * MINUTE), Load::Candle);
        let open = events.iter().filter(|event| event["k"]["x"] == false).count();
        assert!(open > 50, "{open}");
        let closed: Vec<&Value> =
            events.iter().filter(|event| event["k"]["x"] == true).map(|event| &event["k"]).collect();
        assert_eq!(closed.len(), 5, "{target}");
        let page = rest(&wire, &format!("{rest_target}&interval=1m&limit=6"));
        for (own, row) in closed.iter().zip(page.as_array().into_iter().flatten()) {
            for (at, key) in ["t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B"].iter().enumerate() {
                assert_eq!(own[key], row[at], "{key} of {row}");
            }
            let ids = [&own["f"], &own["L"]].map(|id| id.as_i64().expect("an id"));
            match own["n"].as_i64() {
                Some(0) => assert_eq!(ids, [-1, -1]),
                count => assert_eq!(Some(ids[1] - ids[0] + 1), count),
            }
        }
    };
    check("/ws/btcusdt@kline_1m", "/api/v3/klines?symbol=BTCUSDT");
    check("/market/ws/btcusdt@kline_1m", "/fapi/v1/klines?symbol=BTCUSDT");
    check(
        "/market/ws/btcusdt_perpetual@continuousKline_1m",
        "/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=PERPETUAL",
    );
    check("/ws/btcusd_perp@kline_1m", "/dapi/v1/klines?symbol=BTCUSD_PERP");
}

#[test]
fn candles_without_trades_are_closed_and_those_of_outages_left_out() {
    // 2024-01-03T10:05: the exchange stands still from 10:07 to 10:12.
    let before = 19_725 * DAY + 10 * HOUR + 5 * MINUTE;
    let desk = Desk::new("binance", 100, 0, before);
    let (mut wire, _) = desk.wire("/ws/nknusdt@kline_1m");
    let closed: Vec<Value> =
        of_load(&wire.pass(10 * MINUTE), Load::Candle).into_iter().filter(|event| event["k"]["x"] == true).collect();
    let minutes: Vec<i64> = closed
        .iter()
        .filter_map(|event| event["k"]["t"].as_i64())
        .map(|open| (open - before / MILLI) / 60_000)
        .collect();
    assert_eq!(minutes, [0, 1, 7, 8, 9]);
    assert!(closed.iter().any(|event| event["k"]["n"] == 0 && event["k"]["f"] == -1));
}

/// A client's book by price, in the digits it got.
#[derive(Default)]
struct Mirror([BTreeMap<u64, (String, String)>; 2]);

impl Mirror {
    fn apply(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in self.0.iter_mut().zip([bids, asks]) {
            for level in levels.as_array().into_iter().flatten() {
                let [price, amount] = [0, 1].map(|at| level[at].as_str().unwrap_or_default().to_owned());
                let rank: u64 = price.replace('.', "").parse().expect("digits");
                if amount.trim_matches(['0', '.']).is_empty() {
                    side.remove(&rank)
                } else {
                    side.insert(rank, (price, amount))
                };
            }
        }
    }

    fn best(&self, depth: usize) -> [Vec<(String, String)>; 2] {
        let [bids, asks] = &self.0;
        [bids.values().rev().take(depth).cloned().collect(), asks.values().take(depth).cloned().collect()]
    }
}

fn sides(book: &Value, depth: usize) -> [Vec<(String, String)>; 2] {
    let mut mirror = Mirror::default();
    mirror.apply(&book["bids"], &book["asks"]);
    mirror.best(depth)
}

/// Follows the exchange's instructions for keeping a book, from a snapshot taken `late` after the stream began.
fn follow(target: &str, depth_target: &str, late: i64) {
    let desk = desk();
    let (mut wire, _) = desk.wire(target);
    let mut buffered = wire.pass(late);
    let snapshot = rest(&wire, &format!("{depth_target}&limit=1000"));
    // To the end of a second, so that the last change is of the step that REST is asked for.
    buffered.extend(wire.pass(MINUTE + SECOND - late % SECOND));
    let is_spot = depth_target.contains("/api/v3/");
    let id = snapshot["lastUpdateId"].as_i64().expect("an id");
    let mut mirror = Mirror::default();
    mirror.apply(&snapshot["bids"], &snapshot["asks"]);
    let mut previous: Option<i64> = None;
    for event in of_load(&buffered, Load::Book) {
        let (first, last) = (event["U"].as_i64().expect("an id"), event["u"].as_i64().expect("an id"));
        if if is_spot { last <= id } else { last < id } {
            continue;
        }
        match (previous, event["pu"].as_i64()) {
            (None, None) => assert!(first <= id + 1 && id < last, "{first}..{last} and {id}"),
            (None, Some(before)) => assert!((first <= id && id <= last) || before == id, "{first}..{last} and {id}"),
            (Some(previous), None) => assert_eq!(first, previous + 1),
            (Some(previous), Some(before)) => {
                assert_eq!(before, previous);
                assert!(first > before + 1, "futures count updates of other pairs in between");
            }
        }
        previous = Some(last);
        mirror.apply(&event["b"], &event["a"]);
    }
    assert!(previous.is_some());
    let truth = rest(&wire, &format!("{depth_target}&limit=500"));
    assert_eq!(truth["lastUpdateId"].as_i64(), previous, "{target}");
    assert_eq!(mirror.best(500), sides(&truth, 500), "{target}");
}

#[test]
fn books_are_kept_as_the_exchange_instructs() {
    follow("/ws/btcusdt@depth@100ms", "/api/v3/depth?symbol=BTCUSDT", 730 * MILLI);
    follow("/ws/shibusdt@depth@100ms", "/api/v3/depth?symbol=SHIBUSDT", 0);
    follow("/ws/btcusdt@depth", "/api/v3/depth?symbol=BTCUSDT", 2_500 * MILLI);
    follow("/public/ws/btcusdt@depth@100ms", "/fapi/v1/depth?symbol=BTCUSDT", 730 * MILLI);
    follow("/public/ws/btcusdt@depth@100ms", "/fapi/v1/depth?symbol=BTCUSDT", 0);
    follow("/public/ws/btcusdt@depth@500ms", "/fapi/v1/depth?symbol=BTCUSDT", 1_300 * MILLI);
    follow("/ws/btcusd_perp@depth@100ms", "/dapi/v1/depth?symbol=BTCUSD_PERP", 200 * MILLI);
}

#[test]
fn partial_books_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire("/stream?streams=btcusdt@depth20@100ms/ethusdt@depth5");
    let frames = of_load(&wire.pass(10 * SECOND), Load::Book);
    let last = |name: &str| frames.iter().rev().find(|frame| frame["stream"] == name).map(|frame| &frame["data"]);
    let truth = rest(&wire, "/api/v3/depth?symbol=BTCUSDT&limit=20");
    assert_eq!(last("btcusdt@depth20@100ms"), Some(&truth));
    assert_eq!(last("ethusdt@depth5").map(|book| sides(book, 100)[0].len()), Some(5));
}

#[test]
fn wrong_sequences_are_wrong() {
    let desk = desk();
    for (target, key) in [("/ws/btcusdt@depth@100ms", "U"), ("/public/ws/btcusdt@depth@100ms", "pu")] {
        let (mut wire, _) = desk.wire(target);
        let frame = wire.pass(200 * MILLI).into_iter().find(|frame| frame.load == Load::Book).expect("a change");
        let (right, wrong) = (text(&frame), text(&frame.broken()));
        assert_ne!(right[key], wrong[key]);
        assert_eq!((&right["b"], &right["u"]), (&wrong["b"], &wrong["u"]));
        assert!(wrong["U"].as_i64() <= wrong["u"].as_i64());
    }
}

#[test]
fn pings_want_pongs_and_messages_are_counted() {
    let desk = Desk::with_limits("binance", 1, 0, NOW, &LimitSettings::default());
    let (mut wire, _) = desk.wire("/ws");
    let pings = wire.pass(50 * SECOND);
    assert_eq!(pings.len(), 3, "each 20 s, by the clock");
    assert!(pings.iter().all(|frame| frame.load == Load::Heartbeat));
    wire.control(ControlKind::Pong);
    wire.limits_now += 30 * SECOND;
    assert!(wire.pass(SECOND).is_empty());
    wire.pass(20 * SECOND);
    wire.limits_now += 61 * SECOND;
    assert!(wire.pass(MILLI).contains(&Frame::close(1_008, "Pong timeout", "silence")));

    let (mut wire, _) = desk.wire("/ws");
    for _ in 0..5 {
        assert_eq!(wire.say_json(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 1})).len(), 1);
    }
    assert_eq!(wire.control(ControlKind::Ping), [Frame::close(1_008, "Too many requests", "flood")]);
    wire.limits_now += SECOND;
    assert!(wire.control(ControlKind::Ping).is_empty());

    let names: Vec<String> = (0..1_025).map(|at| format!("btcusdt{at}@aggTrade")).collect();
    let subscribe = |names: &[String]| json!({"method": "SUBSCRIBE", "params": names, "id": 1}).to_string();
    let (mut wire, _) = desk.wire("/ws");
    assert_eq!(wire.say(&subscribe(&names[1..])).len(), 1);
    assert_eq!(wire.say(&subscribe(&names)), [Frame::close(1_008, "Too many streams", "streams")]);
}

#[test]
fn subscriptions_can_be_refused_and_ignored() {
    let desk = desk().with_faults(&["ws-deny:path=aggTrade BTCUSDT,next=2", "ws-ignore:path=depth,next=1"]);
    let (mut wire, _) = desk.wire("/ws/btcusdt@aggTrade/ethusdt@aggTrade");
    let trades = of_load(&wire.pass(2 * MINUTE), Load::Trade);
    assert!(trades.iter().all(|event| event["s"] == "ETHUSDT") && !trades.is_empty());
    assert_eq!(subscribe(&mut wire, &["btcusdt@aggTrade"])[0]["error"]["code"], 2);
    assert!(subscribe(&mut wire, &["btcusdt@depth@100ms"]).is_empty());
    assert!(of_load(&wire.pass(SECOND), Load::Book).is_empty());
    assert_eq!(subscribe(&mut wire, &["btcusdt@aggTrade"])[0]["result"], Value::Null);
    assert!(of_load(&wire.pass(MINUTE), Load::Trade).iter().any(|event| event["s"] == "BTCUSDT"));
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let check = |target: &str, name: &str| {
        let Some(recorded) = recorded_frames(name) else { return };
        let (mut wire, _) = desk.wire(target);
        let frame = wire.pass(2 * MINUTE).into_iter().find(Frame::is_data).expect("a frame");
        let recorded = recorded
            .iter()
            .filter_map(|raw| serde_json::from_str::<Value>(raw).ok())
            .find(|value| value["data"].is_object());
        assert_alike(&text(&frame), &recorded.expect("a frame"), name);
    };
    check("/stream?streams=nknusdt@aggTrade", "binance/ws-trades-nknusdt-aggtrade.ndjson");
    check("/stream?streams=nknusdt@kline_1m", "binance/ws-ohlc-nknusdt-kline.ndjson");
    check("/stream?streams=nknusdt@depth@100ms", "binance/ws-book-nknusdt-diff.ndjson");
    check("/stream?streams=btcusdt@depth5@100ms", "binance/ws-book-jk-spot-partialbook.ndjson");
    check("/market/stream?streams=btcusdt@aggTrade", "binance/ws-trades-usdm-akrousdt-aggtrade.ndjson");
    check("/market/stream?streams=btcusdt@kline_1m", "binance/ws-ohlc-usdm-akrousdt-kline.ndjson");
    check("/public/stream?streams=btcusdt@depth@100ms", "binance/ws-book-usdm-akrousdt-diff.ndjson");
    check("/public/stream?streams=btcusdt@depth5@100ms", "binance/ws-book-jk-usdfutures-partialbook.ndjson");
    if let Some(recorded) = recorded_message("binance/ws-mixed-tardis-binance-delivery.json") {
        let (mut wire, _) = desk.wire("/stream?streams=btcusd_perp@depth@100ms");
        let frame = wire.pass(SECOND).into_iter().find(Frame::is_data).expect("a frame");
        assert_alike(&text(&frame), &recorded[2]["message"], "COIN-M");
    }
}
