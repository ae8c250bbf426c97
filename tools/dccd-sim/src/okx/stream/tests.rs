use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, MILLI, MINUTE, SECOND};
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames, recorded_message};
use crate::ws::{Content, Farewell, Frame, Load};

/// 2024-01-05T14:34:56.
const NOW: i64 = 19_727 * DAY + 14 * HOUR + 34 * MINUTE + 56 * SECOND;
const PUBLIC: &str = "/ws/v5/public";
const BUSINESS: &str = "/ws/v5/business";

fn desk() -> Desk {
    Desk::new("okx", 300_000, 0, NOW)
}

/// The exchange at another instant.
fn desk_at(now: i64) -> Desk {
    Desk { now, ..desk() }
}

fn ask(wire: &mut Wire<'_>, op: &str, args: &[(&str, &str)]) -> Vec<Frame> {
    let args: Vec<Value> = args.iter().map(|(channel, name)| json!({"channel": channel, "instId": name})).collect();
    wire.say(&json!({"op": op, "args": args}).to_string())
}

fn subscribe(wire: &mut Wire<'_>, args: &[(&str, &str)]) -> Vec<Value> {
    ask(wire, "subscribe", args).iter().map(text).collect()
}

fn rows(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn rest(desk: &Desk, target: &str) -> Vec<Value> {
    rows(&desk.json(&format!("/api/v5/{target}"))["data"])
}

fn millis(value: &Value) -> i64 {
    value.as_str().and_then(|millis| millis.parse::<i64>().ok()).expect("milliseconds")
}

#[test]
fn every_channel_is_answered_and_each_door_has_its_own() {
    let desk = desk();
    let (mut wire, hello) = desk.wire(PUBLIC);
    assert!(hello.is_empty());
    let answers = subscribe(&mut wire, &[("trades", "BTC-USDT"), ("books", "NOPE-USDT"), ("trades", "ETH-USDT-SWAP")]);
    let events: Vec<&str> = answers.iter().filter_map(|answer| answer["event"].as_str()).collect();
    assert_eq!(events, ["subscribe", "error", "subscribe"]);
    assert_eq!(answers[0]["arg"], json!({"channel": "trades", "instId": "BTC-USDT"}));
    assert_eq!(answers[1]["code"], "60018");
    for (channel, name, code) in [
        ("candle1m", "BTC-USDT", "60018"),
        ("trades-all", "BTC-USDT", "60018"),
        ("funding-rate", "BTC-USDT", "60018"),
        ("books", "LUNA-USDT", "60018"),
        ("books-l2-tbt", "BTC-USDT", "60011"),
    ] {
        let answers = subscribe(&mut wire, &[(channel, name)]);
        assert_eq!((answers.len(), &answers[0]["code"]), (1, &json!(code)), "{channel} {name}");
    }
    for (message, code) in [
        ("hello", "60012"),
        ("{\"op\":\"subscribe\"}", "60012"),
        ("{\"op\":\"subscribe\",\"args\":[]}", "60013"),
        ("{\"op\":\"fly\",\"args\":[]}", "60019"),
    ] {
        assert_eq!(text(&wire.say(message)[0])["code"], code, "{message}");
    }
    let (mut business, _) = desk.wire(BUSINESS);
    let answers =
        subscribe(&mut business, &[("books", "BTC-USDT"), ("candle1h", "BTC-USDT"), ("candle6Hutc", "BTC-USDT")]);
    let events: Vec<&str> = answers.iter().filter_map(|answer| answer["event"].as_str()).collect();
    assert_eq!(events, ["error", "error", "subscribe"]);
    let with_id = json!({"id": "12", "op": "unsubscribe", "args": [{"channel": "trades", "instId": "BTC-USDT"}]});
    let ended = wire.say_json(&with_id);
    assert_eq!((&ended[0]["event"], &ended[0]["id"]), (&json!("unsubscribe"), &json!("12")));
    let frames = wire.pass(MINUTE);
    assert!(!frames.is_empty() && frames.iter().all(|frame| text(frame)["arg"]["instId"] == "ETH-USDT-SWAP"));
}

#[test]
fn single_trades_are_those_of_rest() {
    let desk = desk();
    for name in ["BTC-USDT", "ETH-USDT-SWAP", "BTC-USD-SWAP"] {
        let (mut wire, _) = desk.wire(BUSINESS);
        subscribe(&mut wire, &[("trades-all", name)]);
        let frames = of_load(&wire.pass(MINUTE), Load::Trade);
        let mut rest = rest(&desk_at(wire.now), &format!("market/trades?instId={name}&limit=500"));
        rest.reverse();
        rest.retain(|row| millis(&row["ts"]) > NOW / MILLI);
        assert!(rest.len() > 50, "{name} {}", rest.len());
        assert_eq!(frames.len(), rest.len(), "one in each frame");
        for (frame, rest) in frames.iter().zip(&rest) {
            assert_eq!(frame["data"], json!([rest]));
        }
    }
}

#[test]
fn fills_of_one_order_at_one_price_are_merged() {
    let desk = Desk::new("okx", 2_000, 3_000, NOW - NOW.rem_euclid(DAY));
    let series = desk.market.series("okx", &"BTC/USDT".parse().expect("a pair")).expect("a series");
    let trades: Vec<_> = series.trades(series.first_id_at(desk.now)..series.first_id_at(desk.now + DAY)).collect();
    let key = |trade: &crate::market::trade::Trade| (trade.micros, trade.price, trade.taker);
    let first = trades.windows(2).find(|two| key(&two[0]) == key(&two[1])).expect("fills of one order");
    let desk = Desk { now: first[0].micros - SECOND, ..desk };
    let (mut public, _) = desk.wire(PUBLIC);
    let (mut business, _) = desk.wire(BUSINESS);
    subscribe(&mut public, &[("trades", "BTC-USDT")]);
    subscribe(&mut business, &[("trades-all", "BTC-USDT")]);
    let merged = of_load(&public.pass(2 * SECOND), Load::Trade);
    let single = of_load(&business.pass(2 * SECOND), Load::Trade);
    let mut rest = single.iter().map(|frame| &frame["data"][0]);
    let mut counts = Vec::new();
    for frame in &merged {
        let row = &frame["data"][0];
        let count: usize = row["count"].as_str().and_then(|count| count.parse().ok()).expect("a number");
        let fills: Vec<&Value> = rest.by_ref().take(count).collect();
        assert_eq!(fills.last().map(|last| &last["tradeId"]), Some(&row["tradeId"]), "the id of the last");
        for name in ["px", "side", "ts"] {
            assert!(fills.iter().all(|fill| fill[name] == row[name]), "{name}");
        }
        let size = |row: &Value| row["sz"].as_str().and_then(|size| size.parse::<f64>().ok()).expect("a size");
        assert!((fills.iter().map(|fill| size(fill)).sum::<f64>() - size(row)).abs() < 1e-6);
        counts.push(count);
    }
    assert_eq!(rest.next(), None);
    assert!(counts.iter().any(|count| *count > 1));
}

/// A client's book: prices in their order, with the texts of the rest.
#[derive(Default)]
struct Mirror([BTreeMap<i64, Value>; 2]);

impl Mirror {
    fn apply(&mut self, frame: &Value) {
        if frame["action"] == "snapshot" {
            *self = Mirror::default();
        }
        for (side, name) in self.0.iter_mut().zip(["bids", "asks"]) {
            for level in rows(&frame["data"][0][name]) {
                let rank: f64 = level[0].as_str().and_then(|price| price.parse().ok()).expect("a price");
                #[allow(clippy::cast_possible_truncation, reason = "prices are small")]
                let rank = (rank * 1e8).round() as i64;
                if level[1] == "0" {
                    assert_eq!((&level[3], side.remove(&rank).is_some()), (&json!("0"), true), "{level}");
                } else {
                    side.insert(rank, level);
                }
            }
        }
    }

    fn best(&self) -> [Value; 2] {
        let [bids, asks] = &self.0;
        [json!(bids.values().rev().collect::<Vec<_>>()), json!(asks.values().collect::<Vec<_>>())]
    }
}

#[test]
fn books_are_those_of_rest_and_name_the_one_before() {
    let desk = desk();
    for name in ["BTC-USDT", "DOGE-USDT-SWAP", "BTC-USD-240329"] {
        let (mut wire, _) = desk.wire(PUBLIC);
        let answers = ask(&mut wire, "subscribe", &[("books", name)]);
        let frames: Vec<Frame> = answers.into_iter().skip(1).chain(wire.pass(20 * SECOND)).collect();
        let mut mirror = Mirror::default();
        let mut last = json!(-1);
        for (at, frame) in of_load(&frames, Load::Book).iter().enumerate() {
            mirror.apply(frame);
            let row = &frame["data"][0];
            assert_eq!(frame["action"], if at == 0 { "snapshot" } else { "update" });
            assert_eq!((&row["prevSeqId"], &row["checksum"]), (&last, &json!(0)));
            last = row["seqId"].clone();
            if at % 10 == 0 {
                let rest = rest(&desk_at(millis(&row["ts"]) * MILLI), &format!("market/books?instId={name}&sz=400"));
                assert_eq!(mirror.best(), [rest[0]["bids"].clone(), rest[0]["asks"].clone()], "{name}");
                assert_eq!(row["seqId"], rest[0]["seqId"]);
            }
        }
        assert!(frames.len() > 150, "{name} {}", frames.len());
        let broken = text(&frames[1].clone().broken());
        assert_ne!(broken["data"][0]["prevSeqId"], text(&frames[1])["data"][0]["prevSeqId"]);
    }
}

#[test]
fn the_best_levels_come_as_a_whole() {
    let desk = desk();
    let (mut wire, _) = desk.wire(PUBLIC);
    let opened = ask(&mut wire, "subscribe", &[("books5", "BTC-USDT"), ("bbo-tbt", "ETH-USDT-SWAP")]);
    let frames: Vec<Frame> = opened.into_iter().chain(wire.pass(10 * SECOND)).collect();
    for (channel, name, depth) in [("books5", "BTC-USDT", 5), ("bbo-tbt", "ETH-USDT-SWAP", 1)] {
        let own: Vec<Value> =
            of_load(&frames, Load::Book).into_iter().filter(|frame| frame["arg"]["channel"] == channel).collect();
        assert!(own.len() > 2, "{channel} {}", own.len());
        for frame in &own {
            let row = &frame["data"][0];
            let rest = rest(&desk_at(millis(&row["ts"]) * MILLI), &format!("market/books?instId={name}&sz={depth}"));
            assert_eq!((&row["bids"], &row["asks"]), (&rest[0]["bids"], &rest[0]["asks"]));
            assert_eq!((frame.get("action"), row.get("checksum")), (None, None));
        }
    }
}

#[test]
fn candles_are_those_of_rest() {
    let desk = desk();
    let (mut wire, _) = desk.wire(BUSINESS);
    let opened = ask(&mut wire, "subscribe", &[("candle1m", "ETH-USDT"), ("candle5m", "BTC-USD-SWAP")]);
    assert_eq!(of_load(&opened, Load::Candle).len(), 2, "the open ones at once");
    let frames = of_load(&wire.pass(11 * MINUTE), Load::Candle);
    let later = desk_at(wire.now);
    for (channel, name, finished) in [("candle1m", "ETH-USDT", 11), ("candle5m", "BTC-USD-SWAP", 3)] {
        let own: Vec<&Value> =
            frames.iter().filter(|frame| frame["arg"]["channel"] == channel).map(|frame| &frame["data"][0]).collect();
        let done: Vec<&&Value> = own.iter().filter(|row| row[8] == "1").collect();
        assert_eq!(done.len(), finished, "{channel}");
        let bar = channel.trim_start_matches("candle");
        let list = rest(&later, &format!("market/candles?instId={name}&bar={bar}"));
        assert!(done.iter().all(|row| list.contains(row)), "{channel}");
        let last = own.last().expect("an open one");
        assert_eq!((&last[8], &last[0]), (&json!("0"), &list[0][0]));
    }
}

#[test]
fn funding_and_open_interest_are_those_of_rest() {
    // Half a minute before funding is paid.
    let now = 19_728 * DAY - 30 * SECOND;
    let desk = desk_at(now);
    let (mut wire, _) = desk.wire(PUBLIC);
    let arguments = [("funding-rate", "BTC-USDT-SWAP"), ("open-interest", "BTC-USDT-SWAP")];
    let opened = subscribe(&mut wire, &arguments);
    let of = |frames: &[Value], channel: &str| -> Vec<Value> {
        let own = frames.iter().filter(|frame| frame["arg"]["channel"] == channel && frame.get("data").is_some());
        own.map(|frame| frame["data"][0].clone()).collect()
    };
    let frames: Vec<Value> = opened.into_iter().chain(wire.pass(MINUTE).iter().map(text)).collect();
    let funding = of(&frames, "funding-rate");
    let (first, last) = (&funding[0], &funding[funding.len() - 1]);
    assert_eq!(
        (millis(&first["fundingTime"]), millis(&last["fundingTime"])),
        (19_728 * DAY / MILLI, (19_728 * DAY + 8 * HOUR) / MILLI)
    );
    assert_eq!(first["nextFundingTime"], last["fundingTime"]);
    let paid = &rest(&desk_at(wire.now), "public/funding-rate-history?instId=BTC-USDT-SWAP&limit=1")[0];
    assert_eq!((&first["fundingTime"], &first["fundingRate"]), (&paid["fundingTime"], &paid["fundingRate"]));
    assert_eq!(last["settFundingRate"], paid["realizedRate"]);
    let measured = of(&frames, "open-interest");
    assert!(measured.len() >= 20, "{}", measured.len());
    let last = &measured[measured.len() - 1];
    let then = desk_at(millis(&last["ts"]) * MILLI);
    let same = &rest(&then, "public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP")[0];
    assert_eq!((&last["oi"], &last["oiUsd"]), (&same["oi"], &same["oiUsd"]));
}

#[test]
fn those_who_do_not_ping_are_cut_off() {
    let desk = desk();
    let (mut wire, _) = desk.wire(PUBLIC);
    let silent = Frame::close(4_004, "No data received in 30s.", "silent");
    for _ in 0..3 {
        assert!(wire.pass(29 * SECOND).is_empty());
        assert_eq!(wire.say("ping")[0].content, Content::Text("pong".to_owned()));
    }
    assert!(wire.pass(30 * SECOND).is_empty());
    assert_eq!(wire.pass(SECOND / 100), std::slice::from_ref(&silent));
    let (mut busy, _) = desk.wire(PUBLIC);
    subscribe(&mut busy, &[("books", "BTC-USDT")]);
    assert!(!busy.pass(2 * MINUTE).contains(&silent), "data keep it alive");
}

#[test]
fn a_quiet_book_gives_signs_of_life_and_a_restart_is_announced() {
    // Halted since 2022.
    let desk = desk();
    let (mut wire, _) = desk.wire(PUBLIC);
    let opened = subscribe(&mut wire, &[("books", "FTT-USDT")]);
    assert_eq!(opened[1]["data"][0]["bids"], json!([]));
    let mut alive = Vec::new();
    for _ in 0..6 {
        alive.extend(wire.pass(20 * SECOND));
        wire.say("ping");
    }
    assert_eq!(alive.len(), 2);
    for frame in &alive {
        let row = &text(frame)["data"][0];
        assert_eq!((&row["seqId"], &row["asks"]), (&row["prevSeqId"], &json!([])));
        assert_eq!(row["seqId"], opened[1]["data"][0]["seqId"]);
    }
    subscribe(&mut wire, &[("books", "BTC-USDT")]);
    assert!(wire.farewell(Farewell::Age).is_empty());
    assert_eq!(text(&wire.farewell(Farewell::Restart)[0])["code"], "64008");
    let after = of_load(&wire.pass(SECOND), Load::Book);
    let ids = |at: usize| (after[at]["data"][0]["prevSeqId"].as_i64(), after[at]["data"][0]["seqId"].as_i64());
    assert!(ids(0).1 < ids(0).0 && ids(1).0 == ids(0).1, "it counts anew, but names the one before");
}

#[test]
fn requests_of_an_hour_are_counted() {
    let limits = crate::limits::LimitSettings { ban_secs: 1, ..Default::default() };
    let desk = Desk::with_limits("okx", 1_000, 0, NOW, &limits);
    let (mut wire, _) = desk.wire(PUBLIC);
    for _ in 0..240 {
        assert_eq!(subscribe(&mut wire, &[("trades", "BTC-USDT")])[0]["event"], "subscribe");
        assert_eq!(text(&ask(&mut wire, "unsubscribe", &[("trades", "BTC-USDT")])[0])["event"], "unsubscribe");
    }
    assert_eq!(subscribe(&mut wire, &[("trades", "BTC-USDT")])[0]["code"], "60014");
    wire.limits_now += HOUR;
    assert_eq!(subscribe(&mut wire, &[("trades", "BTC-USDT")])[0]["event"], "subscribe");
}

#[test]
fn subscriptions_can_be_refused_and_ignored() {
    let desk = desk().with_faults(&["ws-deny:path=books BTC-USDT,next=1", "ws-ignore:path=trades,next=1"]);
    let (mut wire, _) = desk.wire(PUBLIC);
    let both = [("books", "BTC-USDT"), ("trades", "BTC-USDT")];
    let denied = subscribe(&mut wire, &both);
    assert_eq!((denied.len(), &denied[0]["code"]), (1, &json!("60018")));
    assert!(wire.pass(20 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, &both).len(), 3, "two answers and a snapshot");
    let frames = wire.pass(20 * SECOND);
    assert!([Load::Trade, Load::Book].iter().all(|load| frames.iter().any(|frame| frame.load == *load)));
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let (mut wire, _) = desk.wire(PUBLIC);
    let arguments = [("books", "BTC-USDT"), ("trades", "BTC-USDT"), ("funding-rate", "BTC-USD-SWAP")];
    let opened = subscribe(&mut wire, &arguments);
    let frames = wire.pass(MINUTE);
    let parse = |text: &String| serde_json::from_str::<Value>(text).expect("JSON");
    if let Some(recorded) = recorded_frames("okx/ws-book-zec-usdt-books-2026.ndjson") {
        assert_alike(&opened[1], &parse(&recorded[0]), "snapshot");
        assert_alike(&of_load(&frames, Load::Book)[0], &parse(&recorded[1]), "update");
    }
    if let Some(recorded) = recorded_frames("okx/ws-trades-jk-unified-trades.ndjson") {
        assert_alike(&opened[2], &parse(&recorded[0]), "answer");
        assert_alike(&of_load(&frames, Load::Trade)[0], &parse(&recorded[1]), "trade");
    }
    if let Some(recorded) = recorded_frames("okx/ws-funding-jk-unified-fundingrate.ndjson") {
        assert_alike(&opened[4], &parse(&recorded[1]), "funding");
    }
    if let Some(recorded) = recorded_message("okx/error-ws-subscribe-rejected.json") {
        let refusal = &subscribe(&mut wire, &[("books", "NOPE-USDT")])[0];
        assert_alike(refusal, &recorded, "refusal");
        assert_eq!((&refusal["code"], &refusal["msg"]), (&recorded["code"], &recorded["msg"]));
    }
    let (mut business, _) = desk.wire(BUSINESS);
    let candle = subscribe(&mut business, &[("candle1H", "BTC-USDT-SWAP")]);
    if let Some(recorded) = recorded_frames("okx/ws-ohlc-hb-okx-perpetual.ndjson") {
        let recorded = parse(&recorded[0]);
        assert_alike(&candle[1], &recorded, "candle");
        assert_alike(&candle[1]["data"][0], &recorded["data"][0], "candle");
    }
}
