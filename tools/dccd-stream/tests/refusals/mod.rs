//! What an exchange refuses: it fails, and its neighbours go on.

use serde_json::Value;

use crate::program::Program;
use crate::server::{Peer, Server};

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
