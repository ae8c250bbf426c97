//! What goes wrong on the way, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::TRADES;
use serde_json::Value;

use crate::program::{Program, word};
use crate::server::{FIRST_MS, Peer, Server, change, trade, trade_at};

fn say_trades(peer: &mut Peer, ids: std::ops::Range<u64>) {
    for id in ids {
        peer.say(&trade(id));
    }
}

#[test]
fn ids_that_skip_are_a_gap_with_both_edges() {
    let server = Server::start(|_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        say_trades(&mut peer, 0..5);
        say_trades(&mut peer, 8..13);
        peer.stay();
    });
    let mut program = Program::start(&server, &TRADES);
    program.wait_for("trade", 10);
    let run = program.stop().expect_silence();
    let expected = [
        word("covered", "00:01.000000001", "00:03"),
        word("trades 5 to 7 did not come", "00:03", "00:09.000000001"),
        word("covered", "00:09.000000001", "00:11"),
    ];
    assert_eq!(run.said("trade"), expected);
}

#[test]
fn a_frame_that_cannot_be_read_is_named_if_anything_was_in_it() {
    for is_lost in [true, false] {
        let server = Server::start(move |_, visit| {
            let Some(mut peer) = visit.subscribed() else { return };
            say_trades(&mut peer, 0..5);
            peer.say(r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":17040"#);
            say_trades(&mut peer, 5 + u64::from(is_lost)..10);
            peer.stay();
        });
        let mut program = Program::start(&server, &TRADES);
        program.wait_for_trade(9);
        let run = program.stop();
        assert!(run.stderr.contains("1 of "), "{}", run.stderr);
        assert!(run.stderr.ends_with(" frames could not be read\n"), "{}", run.stderr);
        let reasons: Vec<&str> = run.of("gap").filter_map(|line| line["reason"].as_str()).collect();
        match is_lost {
            true => {
                let [reason] = reasons[..] else { panic!("one gap: {reasons:?}") };
                assert!(reason.starts_with("trade 5 did not come: a frame that cannot be read: "), "{reason}");
                assert!(reason.contains("btcusdt@aggTrade"), "{reason}");
            }
            false => assert_eq!(run.said("trade"), [word("covered", "00:01.000000001", "00:08")]),
        }
    }
}

#[test]
fn ids_that_go_on_behind_a_reconnect_leave_no_gap() {
    for is_lost in [false, true] {
        let server = Server::start(move |number, visit| {
            let Some(mut peer) = visit.subscribed() else { return };
            if number == 0 {
                say_trades(&mut peer, 0..5);
                return peer.close();
            }
            say_trades(&mut peer, 5 + u64::from(is_lost)..10);
            peer.stay();
        });
        let mut program = Program::start(&server, &TRADES);
        program.wait_for_trade(9);
        let run = program.stop();
        assert_eq!((run.status, server.opened().len()), (Some(0), 2));
        assert!(run.stderr.contains("the connection is lost: the exchange closed the connection"), "{}", run.stderr);
        match is_lost {
            false => assert_eq!(run.said("trade"), [word("covered", "00:01.000000001", "00:08")]),
            true => {
                let said = run.said("trade");
                assert_eq!((said.len(), said[1].1.as_str(), said[1].2.as_str()), (3, "00:03", "00:07.000000001"));
                assert!(said[1].0.starts_with("trade 5 did not come: disconnected: the exchange closed"), "{said:?}");
            }
        }
    }
}

#[test]
fn who_refuses_the_handshake_is_not_hammered() {
    const TRIES: usize = 4;
    let server = Server::start(|_, visit| visit.refuse(503));
    let program = Program::start(&server, &TRADES);
    server.wait_for(TRIES);
    let opened = server.opened();
    let run = program.stop();
    assert_eq!(run.status, Some(0));
    assert_eq!(run.lines.iter().map(|line| &line["kind"]).collect::<Vec<_>>(), ["job"]);
    assert!(
        run.stderr.contains("cannot connect: the exchange refused the connection with status 503"),
        "{}",
        run.stderr
    );
    // Half a second, then twice as long each time, give or take a quarter.
    for (pair, ms) in opened.windows(2).zip([375, 750, 1500]) {
        let pause = pair[1].duration_since(pair[0]);
        assert!(pause >= Duration::from_millis(ms), "tried again after {pause:?}, not {ms} ms");
    }
}

/// A trade every 50 milliseconds, the same ones on all connections.
struct Ticker {
    begun: Instant,
}

impl Ticker {
    fn newest(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis() / 50).expect("a test is short")
    }

    /// Says trades as they happen, until the other side goes or this holds.
    fn tell(&self, peer: &mut Peer, is_enough: impl Fn() -> bool) {
        let mut next = self.newest();
        while !is_enough() && peer.is_there() {
            let end = self.newest() + 1;
            for id in next..end {
                peer.say(&trade_at(id, i64::try_from(id * 50).expect("a small number")));
            }
            next = next.max(end);
        }
    }
}

#[test]
fn a_restart_that_is_announced_is_crossed_without_a_gap() {
    for closes_early in [false, true] {
        let ticker = Ticker { begun: Instant::now() };
        let first_ended_at = Arc::new(AtomicU64::new(0));
        let ended_at = Arc::clone(&first_ended_at);
        let has_second = Arc::new(AtomicBool::new(false));
        let server = Server::start(move |number, visit| {
            let Some(mut peer) = visit.subscribed() else { return };
            if number == 0 {
                let second = ticker.newest() + 20;
                ticker.tell(&mut peer, || ticker.newest() > second);
                peer.say(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1704067201000}}"#);
                ticker.tell(&mut peer, || closes_early && has_second.load(Ordering::SeqCst));
                ended_at.store(ticker.newest(), Ordering::SeqCst);
                return peer.close();
            }
            // The old one ends while the new one has not run for long.
            let begun = Instant::now();
            ticker.tell(&mut peer, || begun.elapsed() > Duration::from_secs(2));
            has_second.store(true, Ordering::SeqCst);
            ticker.tell(&mut peer, || false);
        });
        let mut program = Program::start(&server, &TRADES);
        let ended_at = || first_ended_at.load(Ordering::SeqCst);
        program.wait_until(|line| {
            let id = line["tid"].as_str().and_then(|tid| tid.parse::<u64>().ok());
            ended_at() > 0 && id.is_some_and(|id| id > ended_at() + 40)
        });
        let run = program.stop();
        assert_eq!((run.status, server.opened().len()), (Some(0), 2), "{}", run.stderr);
        assert_eq!(run.stderr.is_empty(), !closes_early, "{}", run.stderr);
        let ids = run.ids();
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "trades are missing or come twice: {ids:?}");
        let said = run.said("trade");
        assert_eq!((said.len(), said[0].0.as_str()), (1, "covered"), "{said:?}");
    }
}

/// Answers about the book and the newest trade of BTC/USDT.
fn rest(newest: u64) -> impl Fn(&str) -> Option<String> + Send + Sync {
    move |path| {
        let ms = FIRST_MS + i64::try_from(newest).ok()? * 1000;
        if path.starts_with("/api/v3/depth") {
            return Some(r#"{"lastUpdateId":100,"bids":[["1.00","1"]],"asks":[["2.00","1"]]}"#.to_owned());
        }
        let trade = format!(
            r#"[{{"a":{newest},"p":"1.50","q":"0.10","f":{newest},"l":{newest},"T":{ms},"m":false,"M":true}}]"#
        );
        path.starts_with("/api/v3/aggTrades").then_some(trade)
    }
}

#[test]
fn a_quiet_market_is_covered_by_what_rest_says() {
    let server = Server::with_rest(rest(4), |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        say_trades(&mut peer, 0..5);
        peer.stay();
    });
    let mut program = Program::start(&server, &TRADES);
    program.wait_until(|line| line["proof"] == "page");
    let run = program.stop().expect_silence();
    // REST may still be filling the last five seconds, and times may be out of order by one.
    assert_eq!(run.said("trade"), [word("covered", "00:01.000000001", "00:54")]);
    assert_eq!(server.opened().len(), 1);
}

/// Hears that a stream is given up and asked for again, and grants it.
fn renewed(peer: &mut Peer) -> bool {
    let asked = [peer.hear(), peer.hear()].map(Option::unwrap_or_default);
    let [end, anew] = asked.each_ref().map(|text| serde_json::from_str::<Value>(text).unwrap_or_default());
    let methods = (end["method"].as_str(), anew["method"].as_str());
    let is_it = methods == (Some("UNSUBSCRIBE"), Some("SUBSCRIBE")) && end["params"] == anew["params"];
    let granted = [&end["id"], &anew["id"]].map(|id| peer.say(&format!(r#"{{"result":null,"id":{id}}}"#)));
    is_it && granted == [true, true]
}

#[test]
fn a_dead_series_is_told_from_a_quiet_one() {
    let server = Server::with_rest(rest(9), |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        say_trades(&mut peer, 0..5);
        if renewed(&mut peer) {
            say_trades(&mut peer, 10..13);
        }
        peer.stay();
    });
    let mut program = Program::start(&server, &TRADES);
    program.wait_for_trade(12);
    let run = program.stop();
    assert_eq!((run.status, server.opened().len()), (Some(0), 1), "{}", run.stderr);
    assert!(run.stderr.contains("nothing comes, though the exchange has more"), "{}", run.stderr);
    let said = run.said("trade");
    assert_eq!((said[1].1.as_str(), said[1].2.as_str()), ("00:03", "00:11.000000001"), "{said:?}");
    assert_eq!(said[1].0, "trades 5 to 9 did not come: nothing comes, though the exchange has more");
}

#[test]
fn a_dead_book_is_asked_for_again() {
    // REST has another book than the one that the changes made.
    let server = Server::with_rest(rest(0), |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        let say_changes = |peer: &mut Peer, seqs: std::ops::Range<u64>, second: i64| {
            for seq in seqs {
                peer.say(&change(seq, second * 1000));
            }
        };
        say_changes(&mut peer, 101..105, 1);
        if renewed(&mut peer) {
            say_changes(&mut peer, 101..103, 100);
        }
        peer.stay();
    });
    let mut program = Program::start(&server, &["binance", "BTC/USDT", "--channels", "book"]);
    program.wait_until(|line| line["kind"] == "book" && line["ts"] == "2024-01-01T00:01:40.000000000Z");
    let run = program.stop();
    assert_eq!((run.status, server.opened().len()), (Some(0), 1), "{}", run.stderr);
    let gap = word("nothing comes, though the exchange has more", "00:01", "01:40");
    assert!(run.said("book").contains(&gap), "{:?}", run.lines);
}

/// About so many trades make a MiB of lines.
const TRADES_OF_A_MIB: u64 = 5_600;

/// When a flood is over, in milliseconds after the beginning.
const CALM_MS: i64 = 20_000;

/// Pushes a flood of trades and changes of a book, and then trades one by one; and whether the flood is over.
fn flood(trades: u64) -> (Server, Arc<AtomicBool>) {
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let server = Server::with_rest(rest(0), move |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        // The book lives once its snapshot came.
        let mut seq = 101;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) && peer.is_there() {
            peer.say(&change(seq, 0));
            seq += 1;
        }
        let texts = (0..trades).flat_map(|id| {
            let change = id.is_multiple_of(16).then(|| change(seq + id / 16, 1_000));
            [Some(trade_at(id, 1_000)), change].into_iter().flatten()
        });
        peer.flood(texts);
        over.store(true, Ordering::SeqCst);
        for (id, ms) in (trades..).zip(CALM_MS..) {
            if !peer.say(&trade_at(id, ms)) || !peer.is_there() {
                return;
            }
        }
    });
    (server, is_over)
}

/// Reads nothing until the flood is over; what was said of trades and of the book, and the trades that came.
fn be_slow(trades: u64) -> (Vec<String>, Vec<String>, Vec<u64>) {
    let (server, is_over) = flood(trades);
    let mut program = Program::start_unread(&server, &["binance", "BTC/USDT", "--channels", "trades,book"]);
    let began = Instant::now();
    while !is_over.load(Ordering::SeqCst) {
        assert!(began.elapsed() < crate::PATIENCE, "it does not read");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    program.begin_to_read();
    program
        .wait_until(|line| line["kind"] == "trade" && line["ts"].as_str().is_some_and(|ts| ts > "2024-01-01T00:00:20"));
    let peak_kib = program.peak_kib();
    let run = program.stop();
    assert_eq!(run.status, Some(0));
    assert!(run.stderr.contains("nobody takes the lines; records are dropped"), "{}", run.stderr);
    assert!(peak_kib < 64 << 10, "it took {peak_kib} KiB");
    let reasons = |of: &str| run.said(of).into_iter().map(|(word, ..)| word).filter(|word| word != "covered").collect();
    (reasons("trade"), reasons("book"), run.ids())
}

const SLOW: &str = "what reads the lines was too slow, and they were dropped";

#[test]
fn a_slow_reader_loses_books_first() {
    let trades = 11 * TRADES_OF_A_MIB;
    let (of_trades, of_book, ids) = be_slow(trades);
    assert_eq!((of_trades, of_book), (vec![], vec![SLOW.to_owned()]));
    assert!(ids.iter().zip(0..).all(|(id, number)| *id == number), "trades are missing");
}

#[test]
fn a_reader_that_is_slower_still_loses_all_and_is_told() {
    let trades = 24 * TRADES_OF_A_MIB;
    let (of_trades, of_book, ids) = be_slow(trades);
    assert_eq!((of_trades, of_book), (vec![SLOW.to_owned()], vec![SLOW.to_owned()]));
    assert!(ids.iter().zip(0..).any(|(id, number)| *id != number), "nothing was dropped");
}
