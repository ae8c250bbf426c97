//! BitMEX: that it closed, and what is read of its frames.

mod recordings;

use super::BitmexStreams;
use crate::Impossible;
use crate::live::{Event, FrameReader, KeepAlive, Keeper, Link, LiveHost, Streams, Subscription};
use crate::tests::frames::{book_line, candle_line, check_mutations, funding_line, said, subscriptions, trade_line};
use crate::tests::{dataset, ts};

/// Where it was.
static HOST: LiveHost = LiveHost {
    name: "bitmex",
    ws_url: "wss://ws.bitmex.com",
    keep_alive: KeepAlive::Text { text: "ping", secs: 5 },
    silence_secs: 10,
    age_secs_max: None,
    sends: (1, 1000),
    connects: (3, 1),
};

fn reader(ids: &[&str]) -> Box<dyn FrameReader> {
    let link = Link { host: &HOST, path: "/realtime".to_owned(), opening: Vec::new(), subscriptions: Vec::new() };
    crate::tests::frames::reader(&BitmexStreams, &link, ids)
}

#[test]
fn nothing_can_be_subscribed_any_more() {
    let refused = BitmexStreams.links(&subscriptions(&["bitmex:trade:BTC-USD_INVERSE"])).expect_err("closed");
    assert_eq!(Some(refused), Impossible::closed("bitmex"));
}

#[test]
fn words_are_understood() {
    let ids = ["bitmex:trade:BTC-USD_INVERSE", "bitmex:candle:BTC-USD_INVERSE:1h", "bitmex:book:BTC-USD_INVERSE"];
    let mut reader = reader(&ids);
    for (frame, events) in [
        ("pong", vec!["heartbeat"]),
        (r#"{"info":"Welcome","version":"x","limit":{"remaining":39}}"#, vec!["ignored"]),
        (
            r#"{"success":true,"subscribe":"tradeBin1h:XBTUSD","request":{"op":"subscribe","args":[]}}"#,
            vec!["accepted 1"],
        ),
        (r#"{"success":true,"subscribe":"orderBookL2_25:XBTUSD","request":{}}"#, vec!["accepted 2"]),
        (r#"{"success":true,"subscribe":"quote:XBTUSD"}"#, vec!["ignored"]),
        (
            r#"{"status":400,"error":"no","request":{"op":"subscribe","args":["trade:XBTUSD","orderBook10:XBTUSD"]}}"#,
            vec!["refused 0: no", "refused 2: no"],
        ),
        (r#"{"status":503,"error":"overloaded"}"#, vec!["refused: overloaded"]),
        (r#"{"table":"quote","action":"insert","data":[]}"#, vec!["ignored"]),
        (r#"{"table":"trade","action":"partial","data":[]}"#, vec!["ignored"]),
    ] {
        assert_eq!(said(&mut *reader, &ids, frame), Ok(events.into_iter().map(str::to_owned).collect()), "{frame}");
    }
    for frame in [
        "ping",
        "",
        "{}",
        r#"{"success":false}"#,
        r#"{"table":"chat","action":"insert","data":[]}"#,
        r#"{"table":"tradeBin4h","action":"insert","data":[]}"#,
        r#"{"table":"trade","action":"replace","data":[]}"#,
        r#"{"table":"trade","action":"delete","data":[]}"#,
        r#"{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD"}]}"#,
        r#"{"table":"trade","action":"insert","data":{}}"#,
    ] {
        assert!(said(&mut *reader, &ids, frame).is_err(), "{frame}");
    }
}

#[test]
fn a_trade_may_have_neither_side_nor_name() {
    let id = "bitmex:trade:BTC-USD_230127";
    let row = r#"{"table":"trade","action":"insert","data":[{"timestamp":"2023-01-27T12:00:00.000Z","symbol":"XBTF23","size":100,"price":23000.5,"trdMatchID":"00000000-0000-0000-0000-000000000000","homeNotional":0.00434773,"foreignNotional":100}]}"#;
    let line = trade_line(id, ts("2023-01-27T12:00:00Z"), ["23000.5", "0.00434773", "", ""]);
    assert_eq!(said(&mut *reader(&[id]), &[id], row), Ok(vec![format!("trade None {line}")]));
}

#[test]
fn a_bucket_without_any_trade_yet_is_no_candle() {
    let id = "bitmex:candle:BTC-USDT:1m";
    let row = r#"{"table":"tradeBin1m","action":"insert","data":[{"timestamp":"2023-03-01T00:06:00.000Z","symbol":"XBT_USDT","open":null,"high":null,"low":null,"close":null,"trades":0,"volume":0}]}"#;
    assert_eq!(said(&mut *reader(&[id]), &[id], row), Ok(vec!["ignored".to_owned()]));
    let flat = row.replace("null", "23118.5");
    let line =
        candle_line(id, ts("2023-03-01T00:05:00Z"), ["23118.5", "23118.5", "23118.5", "23118.5", "0", "null", "0"]);
    assert_eq!(said(&mut *reader(&[id]), &[id], &flat), Ok(vec![format!("candle {line}")]));
}

#[test]
fn funding_is_what_was_paid() {
    let id = "bitmex:funding:BTC-USD_INVERSE";
    let row = r#"{"table":"funding","action":"insert","data":[{"timestamp":"2021-04-01T20:00:00.000Z","symbol":"XBTUSD","fundingInterval":"2000-01-01T08:00:00.000Z","fundingRate":-0.000817,"fundingRateDaily":0.002451}]}"#;
    let line = funding_line(id, ts("2021-04-01T20:00:00Z"), "-0.000817");
    assert_eq!(said(&mut *reader(&[id]), &[id], row), Ok(vec![format!("funding {line}")]));
}

/// A made-up frame of a book.
fn frame(action: &str, rows: &str) -> String {
    format!(r#"{{"table":"orderBookL2","action":"{action}","data":[{rows}]}}"#)
}

#[test]
fn a_level_is_what_its_id_says() {
    let id = "bitmex:book:BTC-USD_INVERSE";
    let mut reader = reader(&[id]);
    let mut keeper = Keeper::new(BitmexStreams.rule(&Subscription::new(dataset(id))));
    let row = |id: u32, side: &str, rest: &str| format!(r#"{{"symbol":"XBTUSD","id":{id},"side":"{side}"{rest}}}"#);
    let mut take = |frame: &str| {
        let mut kept = None;
        let mut keep = |event: Event<'_>| {
            if let Event::Book(_, book, joint, _) = event {
                kept = Some(keeper.take(&book, joint, None));
            }
        };
        let read = reader.read(frame, ts("2026-01-01T00:00:00Z"), &mut keep);
        let levels = keeper.book().map(|book| {
            let bids = book.bids().map(|(price, amount, _)| format!("{price}:{amount}"));
            bids.chain(book.asks().map(|(price, amount, _)| format!("-{price}:{amount}"))).collect::<Vec<_>>().join(" ")
        });
        (read.is_ok(), kept.is_some_and(|kept| kept == Ok(true)), levels.unwrap_or_default())
    };
    let is = |is_read, is_kept, levels: &str| (is_read, is_kept, levels.to_owned());
    let update = |amount: u32| frame("update", &row(1, "Sell", &format!(r#","size":{amount}"#)));
    assert_eq!(take(&update(5)), is(true, false, ""), "nothing is known yet");
    let whole = [row(1, "Sell", r#","size":10,"price":101"#), row(2, "Buy", r#","size":20,"price":100"#)].join(",");
    assert_eq!(take(&frame("partial", &whole)), is(true, true, "100:20 -101:10"));
    assert_eq!(take(&update(5)), is(true, true, "100:20 -101:5"));
    let moved = frame("update", &row(3, "Buy", r#","size":1,"price":99.5,"timestamp":"2022-02-14T08:06:54.742Z""#));
    assert_eq!(take(&moved), is(true, true, "100:20 99.5:1 -101:5"), "newer frames say the price again");
    assert_eq!(take(&frame("delete", &row(2, "Buy", ""))), is(true, true, "99.5:1 -101:5"));
    assert!(!take(&frame("delete", &row(2, "Buy", ""))).0, "it is no longer there");
    assert_eq!(take(&update(6)), is(true, false, "99.5:1 -101:5"), "nothing is known any more");
    assert_eq!(take(&frame("partial", &whole)), is(true, true, "100:20 -101:10"));
    for spoiled in [
        frame("insert", &row(4, "Buy", r#","size":1"#)),
        frame("partial", &row(4, "buy", r#","size":1,"price":1"#)),
        frame("partial", &row(4, "Buy", r#","price":1"#)),
        frame("partial", &whole.replace("XBTUSD", "ETHUSD")),
    ] {
        assert!(!take(&spoiled).0, "{spoiled}");
    }
}

#[test]
fn the_time_of_a_change_is_that_of_its_last_level() {
    let id = "bitmex:book:BTC-USD_INVERSE";
    let mut reader = reader(&[id]);
    let row = |id: u32, time: &str| {
        format!(
            r#"{{"symbol":"XBTUSD","id":{id},"side":"Buy","size":1,"price":{id},"timestamp":"2022-02-14T08:06:{time}Z"}}"#
        )
    };
    let mut said = |frame: &str| said(&mut *reader, &[id], frame).expect("sound").remove(0);
    let recv = ts(crate::tests::frames::RECV);
    let whole = book_line(id, recv, true, ["[2,1],[1,1]", "", "null"]);
    let rows = [row(2, "54.742"), row(1, "50.000")].join(",");
    assert_eq!(said(&frame("partial", &rows)), format!("book Snapshot {{ seq: None }} {whole}"));
    let change = book_line(id, ts("2022-02-14T08:06:54.742Z"), false, ["[2,1],[1,1]", "", "null"]);
    assert_eq!(said(&frame("insert", &rows)), format!("book Bare {change}"));
}

#[test]
fn mutated_frames_do_no_harm() {
    let ids = [
        "bitmex:trade:BTC-USD_INVERSE",
        "bitmex:candle:BTC-USD_INVERSE:1h",
        "bitmex:book:BTC-USD_INVERSE",
        "bitmex:funding:BTC-USD_INVERSE",
    ];
    let sound = [
        r#"{"table":"trade","action":"insert","data":[{"timestamp":"2023-01-27T12:00:00.000Z","symbol":"XBTUSD","side":"Buy","size":100,"price":23000.5,"trdMatchID":"00000000-0000-0000-0000-000000000001","homeNotional":0.00434773,"foreignNotional":100}]}"#,
        r#"{"table":"tradeBin1h","action":"insert","data":[{"timestamp":"2023-03-01T00:00:00.000Z","symbol":"XBTUSD","open":1,"high":2,"low":1,"close":2,"trades":0,"volume":0,"homeNotional":0,"foreignNotional":0}]}"#,
        r#"{"table":"funding","action":"insert","data":[{"timestamp":"2021-04-01T20:00:00.000Z","symbol":"XBTUSD","fundingInterval":"2000-01-01T08:00:00.000Z","fundingRate":-0.000817,"fundingRateDaily":0.002451}]}"#,
        r#"{"table":"orderBookL2","action":"partial","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":10,"price":101},{"symbol":"XBTUSD","id":2,"side":"Buy","size":10,"price":100}]}"#,
        r#"{"table":"orderBookL2","action":"update","data":[{"symbol":"XBTUSD","id":1,"side":"Sell","size":10}]}"#,
        r#"{"table":"orderBookL2","action":"delete","data":[{"symbol":"XBTUSD","id":1,"side":"Sell"}]}"#,
        r#"{"table":"orderBook10","action":"update","data":[{"symbol":"XBTUSD","bids":[[31530.5,1800]],"timestamp":"2022-05-30T22:19:48.301Z"}]}"#,
        r#"{"success":true,"subscribe":"trade:XBTUSD","request":{"op":"subscribe","args":["trade:XBTUSD"]}}"#,
        "pong",
    ]
    .map(str::to_owned);
    check_mutations(|| reader(&ids), &sound, 20_261_126);
}
