//! What an exchange refuses: it fails, and its neighbours go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::PATIENCE;
use crate::program::Program;
use crate::server::{FIRST_MS, Peer, Server};

#[test]
fn what_the_exchange_refuses_fails_and_its_neighbour_goes_on() {
    let server = Server::start(|_, visit| {
        let Some(mut peer) = visit.accept() else { return };
        while !peer.hear().is_none_or(|text| text.contains("NOPE/USD")) {}
        let refusal = r#"{"error":"Currency pair not supported NOPE/USD","method":"subscribe","req_id":1,"success":false,"symbol":"NOPE/USD"}"#;
        let consent =
            r#"{"method":"subscribe","req_id":1,"success":true,"result":{"channel":"trade","symbol":"BTC/USD"}}"#;
        peer.say(refusal);
        peer.say(consent);
        for id in 0..10 {
            peer.say(&format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":1.50,"qty":0.10,"ord_type":"limit","trade_id":{id},"timestamp":"2024-01-01T00:00:0{id}.000000Z"}}]}}"#
            ));
        }
        peer.stay();
    });
    let mut program = Program::start(&server, &["kraken", "NOPE/USD", "BTC/USD"]);
    program.wait_for("trade", 10);
    let run = program.stop();
    let failed: Vec<&Value> = run.of("failed").collect();
    assert_eq!((run.status, failed.len(), &failed[0]["pair"]), (Some(0), 1, &"NOPE/USD".into()));
    assert_eq!(failed[0]["error"], "the exchange refused: Currency pair not supported NOPE/USD");
    assert!(run.stderr.contains("kraken:trade:NOPE-USD: the exchange refused: "), "{}", run.stderr);
    let covered: Vec<&Value> = run.of("covered").collect();
    assert!(!covered.is_empty() && covered.iter().all(|line| line["pair"] == "BTC/USD"), "{covered:?}");
}

/// What stands in for Coinbase's Advanced Trade on one connection: it counts its frames, and grants books alone.
struct Advanced {
    sequence: u64,
    error: &'static str,
}

impl Advanced {
    fn say(&mut self, peer: &mut Peer, channel: &str, events: &str) {
        let (second, number) = (self.sequence % 60, self.sequence);
        peer.say(&format!(
            r#"{{"channel":"{channel}","client_id":"","timestamp":"2024-01-01T00:00:{second:02}Z","sequence_num":{number},"events":[{events}]}}"#
        ));
        self.sequence += 1;
    }

    fn answer(&mut self, peer: &mut Peer, asked: &str) {
        if asked.contains("candles") {
            peer.say(&format!(r#"{{"type":"error","message":"{}"}}"#, self.error));
        } else if asked.contains("level2") {
            let event = |form: &str, amount: u64| {
                format!(
                    r#"{{"type":"{form}","product_id":"BTC-USD","updates":[{{"side":"bid","event_time":"x","price_level":"1.5","new_quantity":"{amount}"}}]}}"#
                )
            };
            self.say(peer, "l2_data", &event("snapshot", 1));
            self.say(peer, "subscriptions", r#"{"subscriptions":{"level2":["BTC-USD"]}}"#);
            for amount in 2..7 {
                self.say(peer, "l2_data", &event("update", amount));
            }
        }
    }
}

#[test]
fn a_refusal_that_names_no_channel_takes_down_one_series() {
    for error in ["BTC-USD cannot be had", "this cannot be had"] {
        let server = Server::start(move |_, visit| {
            let Some(mut peer) = visit.accept() else { return };
            let mut exchange = Advanced { sequence: 0, error };
            while let Some(asked) = peer.hear() {
                exchange.answer(&mut peer, &asked);
            }
        });
        let args = ["coinbase", "BTC/USD", "--channels", "book,candles", "--span", "5m"];
        let mut program = Program::start(&server, &args);
        let (mut books, mut failed) = (0, 0);
        program.wait_until(|line| {
            books += usize::from(line["kind"] == "book");
            failed += usize::from(line["kind"] == "failed");
            books == 6 && failed == 1
        });
        let run = program.stop();
        let failed: Vec<&Value> = run.of("failed").collect();
        assert_eq!((run.status, failed.len(), &failed[0]["of"]), (Some(0), 1, &"candle".into()), "{failed:?}");
        assert_eq!(failed[0]["error"], format!("the exchange refused: {error}"));
        assert_eq!(run.of("gap").count(), 0, "{:?}", run.lines);
        assert!(run.of("covered").any(|line| line["of"] == "book"), "{:?}", run.lines);
    }
}

/// A trade of Bitfinex, so many seconds after the beginning.
fn say_trade(peer: &mut Peer, second: i64) -> bool {
    let ms = FIRST_MS + second * 1000;
    peer.say(&format!(r#"[7,"tu",[{second},{ms},0.5,1.5]]"#))
}

/// Hears what is asked for, and answers the question for trades.
fn answer(peer: &mut Peer, is_granted: bool) {
    while !peer.hear().is_none_or(|text| text.contains("trades")) {}
    peer.say(if is_granted {
        r#"{"event":"subscribed","channel":"trades","chanId":7,"symbol":"tBTCUSD","pair":"BTCUSD"}"#
    } else {
        r#"{"event":"error","channel":"trades","symbol":"tBTCUSD","msg":"subscribe: failed","code":10300}"#
    });
}

#[test]
fn what_the_next_connection_is_refused_is_missing_from_then_on() {
    const LATER: i64 = 600;
    let server = Server::start(|number, visit| {
        let Some(mut peer) = visit.accept() else { return };
        peer.say(r#"{"event":"info","version":2,"platform":{"status":1}}"#);
        answer(&mut peer, number != 1);
        let mut seconds = if number == 0 { 0.. } else { LATER.. };
        let mut is_told = false;
        while peer.is_there() {
            match number {
                // Told that it is to end, it goes on until its successor has taken over.
                0 => {
                    let second = seconds.next().unwrap_or_default();
                    say_trade(&mut peer, second);
                    if second > 9 && !std::mem::replace(&mut is_told, true) {
                        peer.say(r#"{"event":"info","code":20051,"msg":"restarting"}"#);
                    }
                }
                1 => drop(peer.say(r#"[0,"hb"]"#)),
                _ => drop(say_trade(&mut peer, seconds.next().unwrap_or_default())),
            }
        }
    });
    let mut program = Program::start(&server, &["bitfinex", "BTC/USD"]);
    program.wait_until(|line| line["kind"] == "covered" && line["start"].as_str() > Some("2024-01-01T00:10"));
    let run = program.stop();
    assert_eq!((run.status, server.opened().len()), (Some(0), 3), "{}", run.stderr);
    let said = run.said("trade");
    let [(first, ..), (reason, from, to), (last, ..)] = &said[..] else { panic!("one gap: {said:?}") };
    assert_eq!((first.as_str(), last.as_str()), ("covered", "covered"));
    assert_eq!(reason, "records were lost while connections changed");
    assert!(from.as_str() < "05" && to.as_str() > "10", "{said:?}");
}

/// A connection is told that it is to end, and its successor is `told` something before it takes over, because the first
/// one ends or because it has run beside it long enough. That is a gap.
fn take_over(told: &'static str, closes_early: bool) {
    const LATER: i64 = 600;
    let (has_fault, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let server = Server::start(move |number, visit| {
        let Some(mut peer) = visit.accept() else { return };
        peer.say(r#"{"event":"info","version":2,"platform":{"status":1}}"#);
        answer(&mut peer, true);
        if number == 0 {
            assert!((0..10).all(|second| say_trade(&mut peer, second)));
            peer.say(r#"{"event":"info","code":20051,"msg":"restarting"}"#);
            peer.stay_until(|| has_fault.load(Ordering::SeqCst));
            let last = if closes_early { 40 } else { LATER };
            let _ = (10..last).all(|second| say_trade(&mut peer, second) && peer.is_there());
            is_over.store(true, Ordering::SeqCst);
            return;
        }
        peer.say(told);
        has_fault.store(true, Ordering::SeqCst);
        peer.stay_until(|| is_over.load(Ordering::SeqCst));
        let _ = (LATER..).all(|second| say_trade(&mut peer, second) && peer.is_there());
    });
    let mut program = Program::start(&server, &["bitfinex", "BTC/USD"]);
    program.wait_until(|line| line["kind"] == "covered" && line["end"].as_str() > Some("2024-01-01T00:10"));
    let run = program.stop();
    let said = run.said("trade");
    let gap = said.iter().find(|(word, ..)| word != "covered");
    let Some((_, from, to)) = gap else { panic!("no gap after {told}: {said:?}") };
    assert!(from.as_str() < "05" && to.as_str() > "10", "{said:?}");
}

#[test]
fn what_the_next_connection_lost_before_it_takes_over_is_missing() {
    let garbled = r#"[7,"tu",[5"#;
    let refusal = r#"{"event":"error","channel":"trades","symbol":"tBTCUSD","msg":"subscribe: failed","code":10300}"#;
    // What the first one told until it ended may have been old.
    let nothing = r#"[7,"hb"]"#;
    std::thread::scope(|scope| {
        for (told, closes_early) in [(garbled, false), (garbled, true), (refusal, true), (nothing, true)] {
            scope.spawn(move || take_over(told, closes_early));
        }
    });
}

#[test]
fn a_successor_that_is_lost_with_its_forerunner_takes_over_nothing() {
    const LATER: i64 = 600;
    // One for the successor that is there, one when both may end, one for each that has.
    let stage = Arc::new(AtomicUsize::new(0));
    let stages = Arc::clone(&stage);
    let server = Server::start(move |number, visit| {
        let Some(mut peer) = visit.accept() else { return };
        peer.say(r#"{"event":"info","version":2,"platform":{"status":1}}"#);
        answer(&mut peer, true);
        if number == 0 {
            assert!((0..10).all(|second| say_trade(&mut peer, second)));
            peer.say(r#"{"event":"info","code":20051,"msg":"restarting"}"#);
            peer.stay_until(|| stages.load(Ordering::SeqCst) >= 1);
            assert!((10..30).all(|second| say_trade(&mut peer, second) && peer.is_there()));
            peer.stay_until(|| stages.load(Ordering::SeqCst) >= 2);
            drop(peer);
            stages.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if number == 1 {
            stages.fetch_add(1, Ordering::SeqCst);
            peer.stay_until(|| stages.load(Ordering::SeqCst) >= 2);
            assert!(peer.say_bytes([0xff; 4]) && say_trade(&mut peer, LATER));
            stages.fetch_add(1, Ordering::SeqCst);
        }
        let _ = (LATER..).all(|second| say_trade(&mut peer, second) && peer.is_there());
    });
    let mut program = Program::start(&server, &["bitfinex", "BTC/USD"]);
    program.wait_for_trade(29);
    program.pause();
    stage.fetch_add(1, Ordering::SeqCst);
    let began = Instant::now();
    while stage.load(Ordering::SeqCst) < 4 {
        assert!(began.elapsed() < PATIENCE, "the server did not do its part");
        std::thread::yield_now();
    }
    program.resume();
    program.wait_until(|line| line["kind"] == "covered" && line["end"].as_str() > Some("2024-01-01T00:10"));
    let said = program.stop().said("trade");
    let gap = said.iter().find(|(word, ..)| word != "covered");
    let Some((_, from, to)) = gap else { panic!("no gap: {said:?}") };
    assert!(from.as_str() < "05" && to.as_str() > "10", "{said:?}");
}

#[test]
fn what_comes_before_a_renewal_is_granted_proves_nothing() {
    const LATER: i64 = 600;
    let newest = |path: &str| path.contains("/trades/").then(|| format!("[[9,{},0.5,1.5]]", FIRST_MS + 9000));
    let server = Server::with_rest(newest, |_, visit| {
        let Some(mut peer) = visit.accept() else { return };
        peer.say(r#"{"event":"info","version":2,"platform":{"status":1}}"#);
        answer(&mut peer, true);
        assert!((0..5).all(|second| say_trade(&mut peer, second)));
        // It is silent, which is not what REST says.
        while !peer.hear().is_none_or(|text| text.contains("unsubscribe")) {}
        say_trade(&mut peer, 9);
        peer.say(r#"{"event":"unsubscribed","status":"OK","chanId":7}"#);
        answer(&mut peer, true);
        let _ = (LATER..).all(|second| say_trade(&mut peer, second) && peer.is_there());
    });
    let mut program = Program::start(&server, &["bitfinex", "BTC/USD"]);
    program.wait_until(|line| line["kind"] == "covered" && line["end"].as_str() > Some("2024-01-01T00:10"));
    let run = program.stop();
    let said = run.said("trade");
    let [(first, ..), gaps @ .., (last, ..)] = &said[..] else { panic!("a gap: {said:?}") };
    assert_eq!((first.as_str(), last.as_str(), server.opened().len()), ("covered", "covered", 1), "{said:?}");
    assert!(gaps.iter().all(|(word, ..)| word != "covered"), "{said:?}");
    assert_eq!(gaps.last().map(|(_, _, to)| to.as_str()), Some("10:01.000000001"), "{said:?}");
}
