use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bitmex::CLOSED;
use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND, iso_text};
use crate::exchange::Moment;
use crate::http::Request;
use crate::market::statistics::BOOK_STEP;
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{Frame, Load};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;
/// 2021-07-22T22:36:07.
const THEN: i64 = 18_830 * DAY + 22 * HOUR + 36 * MINUTE + 7 * SECOND;

fn desk_at(now: i64) -> Desk {
    Desk::new("bitmex", 100_000, 0, now)
}

fn subscribe(wire: &mut Wire<'_>, names: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"op": "subscribe", "args": names}))
}

fn rows<'a>(frames: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    frames.into_iter().flat_map(|frame| frame["data"].as_array().cloned().unwrap_or_default()).collect()
}

#[test]
fn it_greets_and_answers_name_by_name() {
    let desk = desk_at(NOW);
    let (mut wire, hello) = desk.wire("/realtime?subscribe=trade:XBTUSD,funding:XBTUSD");
    let hello: Vec<Value> = hello.iter().map(text).collect();
    assert_eq!(hello[0]["info"], "Welcome to the BitMEX Realtime API.");
    assert_eq!((&hello[1]["subscribe"], &hello[2]["table"]), (&json!("trade:XBTUSD"), &json!("trade")));
    assert_eq!((&hello[3]["subscribe"], hello.len()), (&json!("funding:XBTUSD"), 5));
    assert_eq!(wire.say("ping"), [Frame::control("pong")]);
    let request = json!({"op": "subscribe", "args": ["trade:XBTUSDT", "trade:NOPE", "moon:XBTUSD", "trade:XBTUSD"]});
    let answers = wire.say_json(&request);
    assert_eq!(answers[0], json!({"success": true, "subscribe": "trade:XBTUSDT", "request": request}));
    assert_eq!((&answers[1]["action"], &answers[1]["filter"]), (&json!("partial"), &json!({"symbol": "XBTUSDT"})));
    let errors: Vec<&str> = answers[2..].iter().filter_map(|answer| answer["error"].as_str()).collect();
    let expected =
        ["Unknown or expired symbol.", "Unknown table: moon", "You are already subscribed to this topic: trade:XBTUSD"];
    assert_eq!(errors, expected);
    assert!(answers[2..].iter().all(|answer| answer["status"] == 400 && answer["request"] == request));
    // Settled on 2024-03-29 at the latest.
    let later = desk_at(19_900 * DAY);
    let (mut late, _) = later.wire("/realtime");
    assert_eq!(subscribe(&mut late, &["trade:XBTH24"])[0]["error"], "Unknown or expired symbol.");
    assert_eq!(text(&wire.say("hello")[0])["status"], 400);
    assert_eq!(wire.say_json(&json!({"op": "subscribe"}))[0]["error"], "Invalid args.");
    let end = json!({"op": "unsubscribe", "args": "trade:XBTUSDT"});
    assert_eq!(wire.say_json(&end)[0]["unsubscribe"], "trade:XBTUSDT");
    assert_eq!(wire.say_json(&end)[0]["error"], "You are not subscribed to this topic: trade:XBTUSDT");
    let pushed = rows(&of_load(&wire.pass(MINUTE), Load::Trade));
    assert!(!pushed.is_empty() && pushed.iter().all(|row| row["symbol"] == "XBTUSD"));
}

#[test]
fn trades_are_those_of_rest() {
    for symbol in ["XBTUSD", "XBT_USDT", "XBTH24"] {
        let desk = desk_at(NOW);
        let (mut wire, _) = desk.wire("/realtime");
        let partial = subscribe(&mut wire, &[&format!("trade:{symbol}")]).remove(1);
        let frames = of_load(&wire.pass(5 * MINUTE), Load::Trade);
        assert!(frames.iter().all(|frame| frame["table"] == "trade" && frame["action"] == "insert"));
        assert!(frames.iter().any(|frame| frame["data"].as_array().is_some_and(|rows| rows.len() > 1)), "together");
        let pushed = rows(std::iter::once(&partial).chain(&frames));
        let target = format!("/api/v1/trade?symbol={symbol}&count={}&reverse=true", pushed.len());
        let mut rest = desk_at(wire.now).rows(&target);
        rest.reverse();
        assert!(pushed.len() > 100, "{}", pushed.len());
        assert_eq!(pushed, rest, "{symbol}");
    }
}

/// A client's book: price and size of each id and side.
#[derive(Default)]
struct Mirror(BTreeMap<(i64, String), (f64, i64)>);

impl Mirror {
    fn apply(&mut self, frame: &Value) {
        for row in frame["data"].as_array().into_iter().flatten() {
            let id = row["id"].as_i64().expect("an id");
            let key = (id, row["side"].as_str().expect("a side").to_owned());
            let size = row["size"].as_i64();
            let known = self.0.get(&key).copied();
            match (frame["action"].as_str(), known) {
                (Some("partial" | "insert"), None) => {
                    self.0.insert(key, (row["price"].as_f64().expect("a price"), size.expect("a size")));
                }
                (Some("update"), Some((price, before))) => {
                    assert_ne!(size, Some(before), "{row}");
                    self.0.insert(key, (price, size.expect("a size")));
                }
                (Some("delete"), Some(_)) => {
                    assert_eq!(row.as_object().map(serde_json::Map::len), Some(3), "{row}");
                    self.0.remove(&key);
                }
                (action, known) => panic!("{action:?} of {known:?}: {row}"),
            }
        }
    }

    fn assert_is_that_of_rest(&self, now: i64, symbol: &str, depth: usize) {
        let rest = desk_at(now).rows(&format!("/api/v1/orderBook/L2?symbol={symbol}&depth={depth}"));
        let rest: BTreeMap<(i64, String), (f64, i64)> = rest
            .iter()
            .filter_map(|row| {
                let key = (row["id"].as_i64()?, row["side"].as_str()?.to_owned());
                Some((key, (row["price"].as_f64()?, row["size"].as_i64()?)))
            })
            .collect();
        assert_eq!(self.0, rest, "{symbol} at {now}");
    }

    fn is_crossed(&self) -> bool {
        let of =
            |side: &'static str| self.0.iter().filter(move |((_, own), _)| own == side).map(|(_, (price, _))| *price);
        of("Buy").fold(f64::MIN, f64::max) >= of("Sell").fold(f64::MAX, f64::min)
    }
}

#[test]
fn books_are_those_of_rest() {
    for (table, depth, symbol, turns) in [("orderBookL2_25", 25, "XBTUSD", 300), ("orderBookL2", 0, "XBT_USDT", 20)] {
        let desk = desk_at(NOW);
        let (mut wire, _) = desk.wire("/realtime");
        let answers = subscribe(&mut wire, &[&format!("{table}:{symbol}")]);
        assert_eq!(answers[1]["keys"], json!(["symbol", "id", "side"]));
        let mut mirror = Mirror::default();
        mirror.apply(&answers[1]);
        mirror.assert_is_that_of_rest(NOW, symbol, depth);
        let mut actions = BTreeMap::new();
        for turn in 0..turns {
            for frame in of_load(&wire.pass(BOOK_STEP), Load::Book) {
                assert_eq!(frame["table"], table);
                *actions.entry(frame["action"].to_string()).or_insert(0) += 1;
                mirror.apply(&frame);
                assert!(!mirror.is_crossed(), "on the way: {frame}");
            }
            if turn % 10 == 0 {
                mirror.assert_is_that_of_rest(wire.now, symbol, depth);
            }
        }
        assert!(actions.len() == 3 && actions.values().all(|count| *count >= 5), "{actions:?}");
    }
}

#[test]
fn updates_had_no_price_once() {
    let first_update = |now: i64| {
        let desk = desk_at(now);
        let (mut wire, _) = desk.wire("/realtime");
        subscribe(&mut wire, &["orderBookL2_25:XBTUSD"]);
        let frames = of_load(&wire.pass(MINUTE), Load::Book);
        frames.iter().find(|frame| frame["action"] == "update").map(|frame| frame["data"][0].clone())
    };
    let names = |row: Option<Value>| {
        row.and_then(|row| Some(row.as_object()?.keys().cloned().collect::<std::collections::BTreeSet<String>>()))
    };
    let set = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(names(first_update(THEN)), set(&["symbol", "id", "side", "size"]));
    let modern = ["symbol", "id", "side", "size", "price", "timestamp", "transactTime"];
    assert_eq!(names(first_update(NOW)), set(&modern));
}

#[test]
fn bins_come_when_they_close() {
    let desk = desk_at(NOW);
    let (mut wire, _) = desk.wire("/realtime");
    let answers = subscribe(&mut wire, &["tradeBin1m:XBTUSD", "tradeBin5m:XBTUSD"]);
    assert_eq!(answers[1]["data"][0]["timestamp"], iso_text(NOW - 56 * SECOND, 3));
    let before = of_load(&wire.pass(4 * SECOND - 10 * MILLI), Load::Candle);
    assert!(before.is_empty(), "none is closed");
    let mut frames = of_load(&wire.pass(20 * MILLI), Load::Candle);
    assert_eq!(frames.len(), 2, "12:35 ends a bin of both");
    frames.extend(of_load(&wire.pass(10 * MINUTE), Load::Candle));
    for (table, size, count) in [("tradeBin1m", "1m", 12), ("tradeBin5m", "5m", 4)] {
        let pushed = rows(answers.iter().chain(&frames).filter(|frame| frame["table"] == table));
        let target = format!("/api/v1/trade/bucketed?symbol=XBTUSD&binSize={size}&reverse=true&count={count}");
        let mut rest = desk_at(wire.now).rows(&target);
        rest.reverse();
        assert_eq!(pushed, rest, "{table}");
    }
}

#[test]
fn funding_comes_when_it_is_paid() {
    // 2024-01-05T11:59:59.
    let desk = desk_at(NOW - 34 * MINUTE - 57 * SECOND);
    let (mut wire, _) = desk.wire("/realtime");
    let answers = subscribe(&mut wire, &["funding:XBTUSD", "funding:XBT_USDT"]);
    assert_eq!(answers[3]["data"], json!([]), "none is paid for spot");
    let pushed = rows(answers[..2].iter().chain(&of_load(&wire.pass(2 * SECOND), Load::Funding)));
    let mut rest = desk_at(wire.now).rows("/api/v1/funding?symbol=XBTUSD&reverse=true&count=2");
    rest.reverse();
    assert_eq!(pushed, rest);
    assert!(wire.pass(MINUTE).is_empty());
}

#[test]
fn everything_ends_with_the_exchange() {
    let desk = desk_at(CLOSED - 10 * SECOND);
    let (mut wire, _) = desk.wire("/realtime");
    subscribe(&mut wire, &["trade:XBTUSD", "orderBookL2_25:XBTUSD"]);
    assert!(wire.pass(10 * SECOND - 10 * MILLI).iter().all(Frame::is_data));
    assert_eq!(wire.pass(10 * MILLI).last(), Some(&Frame::close(1_001, "", "closed")));
    let request = Request::read(&mut "GET /realtime HTTP/1.1\r\nHost: sim\r\n\r\n".as_bytes());
    let request = request.ok().flatten().expect("a request");
    let session = |now| desk.exchange.session(&desk.market, &request, Moment { now, seen: now, limits_now: now });
    assert!(session(CLOSED - 1).is_some() && session(CLOSED).is_none());
}

#[test]
fn subscriptions_can_be_refused_and_ignored_and_books_crossed() {
    let faults =
        ["ws-deny:path=trade XBTUSD,next=1", "ws-ignore:path=funding,next=1", "ws-cross:path=orderBookL2_25,next=1"];
    let desk = desk_at(NOW).with_faults(&faults);
    let (mut wire, _) = desk.wire("/realtime");
    let answers = subscribe(&mut wire, &["trade:XBTUSD", "funding:XBTUSD"]);
    assert_eq!((answers.len(), &answers[0]["error"]), (1, &json!("Unknown or expired symbol.")));
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, &["trade:XBTUSD", "funding:XBTUSD"]).len(), 4);
    let mut mirror = Mirror::default();
    mirror.apply(&subscribe(&mut wire, &["orderBookL2_25:XBTUSD"])[1]);
    let crossed: Vec<bool> = (0..20)
        .map(|_| {
            of_load(&wire.pass(BOOK_STEP), Load::Book).iter().for_each(|frame| mirror.apply(frame));
            mirror.is_crossed()
        })
        .collect();
    assert_eq!(crossed.iter().filter(|crossed| **crossed).count(), 1);
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk_at(THEN);
    let (mut wire, hello) = desk.wire("/realtime");
    let books = subscribe(&mut wire, &["orderBookL2:XBTUSD"]);
    let trades = subscribe(&mut wire, &["trade:XBTUSD"]);
    let frames = wire.pass(30 * SECOND);
    let (changed, traded) = (of_load(&frames, Load::Book), of_load(&frames, Load::Trade));
    for (file, ours) in [
        ("bitmex/ws-book-xbtusd-orderbookl2.ndjson", [&books[1..], &changed]),
        ("bitmex/ws-trades-xbtusd-trade.ndjson", [&trades[1..], &traded]),
    ] {
        let recorded = recorded_frames(file).unwrap_or_default();
        let recorded: Vec<Value> = recorded.iter().map(|frame| serde_json::from_str(frame).expect("JSON")).collect();
        if let Some(recorded) = recorded.first() {
            assert_alike(&text(&hello[0]), recorded, file);
        }
        let mut compared = 0;
        for theirs in recorded.iter().skip(2) {
            let own = ours.iter().copied().flatten().find(|own| own["action"] == theirs["action"]);
            assert_alike(own.unwrap_or_else(|| panic!("no {}", theirs["action"])), theirs, file);
            compared += 1;
        }
        assert!(recorded.is_empty() || compared > 1, "{file}");
    }
    let bins = subscribe(&mut wire, &["tradeBin1m:XBTUSD"]);
    let funding = subscribe(&mut wire, &["funding:XBTUSD"]);
    for (file, ours) in
        [("bitmex/ws-ohlc-cmp-candlestick.json", bins), ("bitmex/ws-funding-cmp-funding-rate.json", funding)]
    {
        if let Some(recorded) = recorded_message(file) {
            let raw = recorded[0]["raw"].as_str().unwrap_or_default();
            assert_alike(&ours[1], &serde_json::from_str(raw).expect("JSON"), file);
        }
    }
    if let Some(recorded) = recorded_message("bitmex/error-ws-subscribe-rejected.json") {
        assert_eq!(subscribe(&mut wire, &["trade:NOPE"]), [recorded]);
    }
}
