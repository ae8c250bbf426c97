use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::{DAY, HOUR, MINUTE, SECOND};
use crate::tests::desk::{Desk, Wire, json as text, of_load};
use crate::tests::recordings::{assert_alike, recorded_frames};
use crate::ws::{ControlKind, Frame, Load};

/// 2024-01-05T12:34:56.
const NOW: i64 = 19_727 * DAY + 12 * HOUR + 34 * MINUTE + 56 * SECOND;

fn desk() -> Desk {
    Desk::new("krakenfutures", 100_000, 0, NOW)
}

fn subscribe(wire: &mut Wire<'_>, feed: &str, products: &[&str]) -> Vec<Value> {
    wire.say_json(&json!({"event": "subscribe", "feed": feed, "product_ids": products}))
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(f64::NAN)
}

#[test]
fn it_answers_product_by_product() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/ws/v1");
    assert_eq!(text(&hello[0]), json!({"event": "info", "version": 1}));
    let answers = subscribe(&mut wire, "trade", &["pf_xbtusd", "PI_ETHUSD", "pf_moonusd"]);
    assert_eq!(answers[0], json!({"event": "subscribed", "feed": "trade", "product_ids": ["PF_XBTUSD"]}));
    assert_eq!(answers[1]["feed"], "trade_snapshot");
    assert_eq!(answers[2]["product_ids"][0], "PI_ETHUSD");
    assert_eq!(answers[4], json!({"event": "error", "message": "Invalid product id"}));
    assert_eq!(subscribe(&mut wire, "trade", &["PF_XBTUSD"])[0]["event"], "alert");
    assert_eq!(subscribe(&mut wire, "moon", &["PF_XBTUSD"])[0]["message"], "Invalid feed");
    assert_eq!(subscribe(&mut wire, "book", &[])[0]["message"], "Invalid product id");
    assert_eq!(text(&wire.say("{")[0])["message"], "Json Error");
    let end = json!({"event": "unsubscribe", "feed": "trade", "product_ids": ["PF_XBTUSD"]});
    assert_eq!(wire.say_json(&end)[0]["event"], "unsubscribed");
    let frames = of_load(&wire.pass(50 * SECOND), Load::Trade);
    assert!(!frames.is_empty() && frames.iter().all(|trade| trade["product_id"] == "PI_ETHUSD"));
}

#[test]
fn trades_are_those_of_the_history_service() {
    let desk = desk();
    for (product, symbol) in [("PF_XBTUSD", "PF_XBTUSD"), ("pi_xbtusd", "PI_XBTUSD")] {
        let (mut wire, _) = desk.wire("/ws/v1");
        let answers = subscribe(&mut wire, "trade", &[product]);
        let earlier = answers[1]["trades"].as_array().cloned().unwrap_or_default();
        assert_eq!(earlier.len(), 100);
        assert!(earlier.windows(2).all(|two| number(&two[0]["seq"]) == number(&two[1]["seq"]) + 1.0));
        let pushed = of_load(&wire.pass(59 * SECOND), Load::Trade);
        let later = Desk { now: wire.now, ..super::tests::desk() };
        let since = NOW / 1_000 + 1;
        let page = later.json(&format!("/api/history/v3/market/{symbol}/executions?sort=asc&since={since}"));
        let rest = page["elements"].as_array().cloned().unwrap_or_default();
        assert!(rest.len() > 10, "{}", rest.len());
        assert_eq!(pushed.len(), rest.len());
        assert_eq!(number(&pushed[0]["seq"]), number(&earlier[0]["seq"]) + 1.0);
        for (own, element) in pushed.iter().zip(&rest) {
            let execution = &element["event"]["Execution"]["execution"];
            assert_eq!((&own["uid"], &own["time"]), (&execution["uid"], &execution["timestamp"]));
            assert_eq!(number(&own["price"]), number(&execution["price"]));
            assert_eq!(number(&own["qty"]), number(&execution["quantity"]));
            assert_eq!(own["side"] == "buy", execution["takerOrder"]["direction"] == "Buy");
        }
    }
}

/// A client's book, by price in steps of 1/10^8.
#[derive(Default)]
struct Mirror([BTreeMap<i64, f64>; 2]);

impl Mirror {
    fn set(&mut self, side: usize, price: &Value, amount: &Value) {
        #[allow(clippy::cast_possible_truncation, reason = "prices of tests are small")]
        let rank = (number(price) * 1e8).round() as i64;
        match number(amount) {
            0.0 => self.0[side].remove(&rank),
            amount => self.0[side].insert(rank, amount),
        };
    }

    fn is_crossed(&self) -> bool {
        let [bids, asks] = &self.0;
        bids.keys().next_back().zip(asks.keys().next()).is_some_and(|(bid, ask)| bid >= ask)
    }
}

#[test]
fn books_are_those_of_rest_level_by_level() {
    let desk = desk();
    for symbol in ["PF_XBTUSD", "PI_XBTUSD", "PF_ADAUSD"] {
        let (mut wire, _) = desk.wire("/ws/v1");
        let snapshot = subscribe(&mut wire, "book", &[symbol]).remove(1);
        let mut mirror = Mirror::default();
        for (side, name) in ["bids", "asks"].into_iter().enumerate() {
            for level in snapshot[name].as_array().into_iter().flatten() {
                mirror.set(side, &level["price"], &level["qty"]);
            }
        }
        let mut sequence = snapshot["seq"].as_i64().expect("a number");
        let updates = of_load(&wire.pass(30 * SECOND), Load::Book);
        assert!(updates.len() > 1_000, "{}", updates.len());
        for update in updates {
            assert_eq!(update["seq"], sequence + 1);
            sequence += 1;
            mirror.set(usize::from(update["side"] == "sell"), &update["price"], &update["qty"]);
            assert!(!mirror.is_crossed(), "{update}");
        }
        let mut rest = Mirror::default();
        let page = Desk { now: wire.now, ..super::tests::desk() }
            .json(&format!("/derivatives/api/v3/orderbook?symbol={symbol}"));
        for (side, name) in ["bids", "asks"].into_iter().enumerate() {
            for level in page["orderBook"][name].as_array().into_iter().flatten() {
                rest.set(side, &level[0], &level[1]);
            }
        }
        assert_eq!(mirror.0, rest.0, "{symbol}");
        // Whoever comes later sees higher numbers.
        let (mut next, _) = desk.wire("/ws/v1");
        next.now = wire.now;
        assert!(subscribe(&mut next, "book", &[symbol])[1]["seq"].as_i64() > Some(sequence));
    }
}

#[test]
fn the_silent_are_left_and_signs_of_life_are_subscribed_to() {
    let desk = Desk::new("krakenfutures", 1, 0, NOW);
    let (mut wire, _) = desk.wire("/ws/v1");
    assert!(wire.pass(10 * SECOND).is_empty());
    let answer = wire.say_json(&json!({"event": "subscribe", "feed": "heartbeat"}));
    assert_eq!(answer, [json!({"event": "subscribed", "feed": "heartbeat"})]);
    let beats = wire.pass(10 * SECOND);
    assert_eq!(beats.len(), 10);
    assert_eq!(text(&beats[9]), json!({"feed": "heartbeat", "time": wire.now / 1_000}));
    wire.control(ControlKind::Ping);
    wire.limits_now += 55 * SECOND;
    assert!(wire.pass(SECOND).iter().all(|frame| frame.load == Load::Heartbeat));
    wire.limits_now += 5 * SECOND;
    assert!(wire.pass(SECOND / 50).contains(&Frame::close(1_001, "", "silence")));
}

#[test]
fn subscriptions_can_be_refused_and_ignored_and_numbers_be_wrong() {
    let desk = desk().with_faults(&["ws-deny:path=book,next=1", "ws-ignore:path=trade PF_XBTUSD,next=1"]);
    let (mut wire, _) = desk.wire("/ws/v1");
    assert_eq!(subscribe(&mut wire, "book", &["PF_XBTUSD"])[0]["event"], "error");
    assert!(subscribe(&mut wire, "trade", &["PF_XBTUSD"]).is_empty());
    assert!(wire.pass(20 * SECOND).is_empty());
    assert_eq!(subscribe(&mut wire, "book", &["PF_XBTUSD"])[0]["event"], "subscribed");
    let frame = wire.pass(SECOND).remove(0);
    assert_ne!(text(&frame)["seq"], text(&frame.clone().broken())["seq"]);
    assert_eq!(text(&frame)["price"], text(&frame.broken())["price"]);
}

#[test]
fn frames_look_as_recorded() {
    let desk = desk();
    let (mut wire, hello) = desk.wire("/ws/v1");
    let mut ours: Vec<Value> = hello.iter().map(text).collect();
    ours.extend(subscribe(&mut wire, "book", &["pi_ethusd"]));
    ours.extend(subscribe(&mut wire, "trade", &["pi_ethusd"]));
    ours.extend(wire.pass(50 * SECOND).iter().map(text));
    let kind = |value: &Value| (value["feed"].clone(), value["event"].clone());
    for name in ["kraken/ws-book-futures-pi_xrpusd.ndjson", "kraken/ws-trades-futures-pi_ethusd.ndjson"] {
        let Some(recorded) = recorded_frames(name) else { return };
        let recorded: Vec<Value> = recorded.iter().map(|raw| serde_json::from_str(raw).expect("JSON")).collect();
        for recorded in recorded.iter().filter(|value| value["feed"] != "ticker_lite").take(200) {
            let own = ours.iter().find(|own| kind(own) == kind(recorded));
            assert_alike(own.unwrap_or_else(|| panic!("nothing like {recorded}")), recorded, name);
        }
    }
}
