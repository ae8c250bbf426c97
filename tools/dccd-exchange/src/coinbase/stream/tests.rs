//! Coinbase: what is sent, and what is read of both interfaces.

mod recordings;

use super::{ADVANCED, CoinbaseStreams, EXCHANGE};
use crate::Impossible;
use crate::live::{FrameReader, Link, LiveHost, Streams, Subscription, SubscriptionId};
use crate::tests::frames::{book_line, candle_line, check_mutations, said, subscriptions, trade_line};
use crate::tests::ts;

/// A connection to a host, whatever it carries.
fn link(host: &'static LiveHost) -> Link {
    Link { host, path: "/".to_owned(), opening: Vec::new(), subscriptions: Vec::new() }
}

fn reader(host: &'static LiveHost, ids: &[&str]) -> Box<dyn FrameReader> {
    crate::tests::frames::reader(&CoinbaseStreams, &link(host), ids)
}

#[test]
fn what_is_sent_is_what_is_documented() {
    let ids = [
        "coinbase:trade:BTC-USD",
        "coinbase:book:BTC-USD",
        "coinbase:candle:BTC-USD:5m",
        "coinbase:book:BTC-USDC",
        "coinbase:candle:BTC-USDC:5m",
    ];
    let wanted = subscriptions(&ids);
    let links = CoinbaseStreams.links(&wanted).expect("possible");
    let carried: Vec<(&str, Vec<usize>)> =
        links.iter().map(|link| (link.host.name, link.subscriptions.iter().map(|id| id.0).collect())).collect();
    assert_eq!(carried, [("coinbase", vec![0, 3]), ("coinbase-advanced", vec![1, 2]), ("coinbase-advanced", vec![4])]);
    assert_eq!(
        links[0].opening,
        [
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches","heartbeat"]}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USDC"],"channels":["level2_batch","heartbeat"]}"#,
        ]
    );
    assert_eq!(
        links[1].opening,
        [
            r#"{"type":"subscribe","channel":"heartbeats"}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"candles"}"#,
        ]
    );
    assert_eq!(
        CoinbaseStreams.renewal(&wanted[1]),
        [
            r#"{"type":"unsubscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
        ]
    );
}

#[test]
fn a_connection_carries_twenty_series() {
    let ids: Vec<String> = (0..41).map(|at| format!("coinbase:book:A{at}-USD")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = CoinbaseStreams.links(&subscriptions(&ids)).expect("possible");
    let carried: Vec<SubscriptionId> = links.iter().flat_map(|link| link.subscriptions.clone()).collect();
    assert_eq!(carried, (0..41).map(SubscriptionId).collect::<Vec<_>>());
    assert_eq!(links.iter().map(|link| link.opening.len()).collect::<Vec<_>>(), [21, 21, 2]);
}

#[test]
fn what_is_not_pushed_is_refused() {
    let refused = |id: &str| CoinbaseStreams.links(&subscriptions(&[id])).expect_err("impossible");
    assert!(matches!(refused("coinbase:candle:BTC-USD:1m"), Impossible::Span { .. }));
    assert!(matches!(refused("coinbase:funding:BTC-USD"), Impossible::Kind { .. }));
    assert!(matches!(refused("coinbase:trade:BTC-USD_PERP"), Impossible::Market { .. }));
}

#[test]
fn trades_are_the_takers_and_heartbeats_name_the_last_one() {
    let ids = ["coinbase:book:BTC-USDC", "coinbase:trade:BTC-USD"];
    let mut reader = reader(&EXCHANGE, &ids);
    let mut said = |frame: &str| said(&mut *reader, &ids, frame);
    let frame = |form: &str, side: &str| {
        format!(
            r#"{{"type":"{form}","trade_id":86326522,"maker_order_id":"a","taker_order_id":"b","side":"{side}","size":"0.00698254","price":"6268.48","product_id":"BTC-USD","sequence":1,"time":"2018-03-09T18:58:24.983045Z"}}"#
        )
    };
    let line =
        |side: &str| trade_line(ids[1], ts("2018-03-09T18:58:24.983045Z"), ["6268.48", "0.00698254", side, "86326522"]);
    assert_eq!(said(&frame("match", "sell")), Ok(vec![format!("trade Some(86326522) {}", line("buy"))]));
    assert_eq!(said(&frame("last_match", "buy")), Ok(vec![format!("past Some(86326522) {}", line("sell"))]));
    let heartbeat = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#;
    let beat = "heartbeat 2014-11-07T08:19:28.464459000Z";
    assert_eq!(said(heartbeat), Ok(vec!["last 1 20".to_owned(), beat.to_owned()]));
    assert_eq!(said(&heartbeat.replace("BTC-USD", "BTC-USDC")), Ok(vec![beat.to_owned()]));
    let refused = r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-USDC is not a valid product"}"#;
    assert_eq!(said(refused), Ok(vec!["refused 0: Failed to subscribe: BTC-USDC is not a valid product".to_owned()]));
    for spoiled in [
        frame("match", "BUY"),
        frame("match", "buy").replace("0.00698254", "nothing"),
        frame("match", "buy").replace("86326522", "-1"),
        frame("match", "buy").replace("2018-03-09T18", "2018-03-09T28"),
        frame("match", "buy").replace("BTC-USD", "ETH-USD"),
        frame("open", "buy"),
        "[]".to_owned(),
        String::new(),
    ] {
        assert!(said(&spoiled).is_err(), "{spoiled}");
    }
}

#[test]
fn batches_of_a_book_are_granted_under_another_name() {
    let ids = ["coinbase:book:BTC-USDC"];
    let mut reader = reader(&EXCHANGE, &ids);
    let listed = |channels: &str| format!(r#"{{"type":"subscriptions","channels":[{channels}]}}"#);
    let book = r#"{"name":"level2_50","product_ids":["BTC-USDC"],"account_ids":null}"#;
    let mut said = |frame: &str| said(&mut *reader, &ids, frame).expect("sound");
    assert_eq!(said(&listed(r#"{"name":"heartbeat","product_ids":["BTC-USDC"]}"#)), ["ignored"]);
    assert_eq!(said(&listed(book)), ["accepted 0"]);
    assert_eq!(said(&listed(book)), ["ignored"]);
    assert_eq!(said(&listed("")), ["ignored"]);
    assert_eq!(said(&listed(book)), ["accepted 0"], "taken up again");
}

#[test]
fn a_refusal_is_of_the_first_request_without_an_answer() {
    let ids =
        ["coinbase:book:BTC-USD", "coinbase:candle:BTC-USD:5m", "coinbase:candle:ETH-USD:5m", "coinbase:book:A-USD"];
    let granted = |channels: &str| {
        advanced("subscriptions", 1, "2020-01-01T00:00:00Z", &format!(r#"{{"subscriptions":{{{channels}}}}}"#))
    };
    let error = |words: &str| format!(r#"{{"type":"error","message":"{words}"}}"#);
    let mut reader = reader(&ADVANCED, &ids);
    let mut check = |frame: String, expected: &[&str]| {
        let said = said(&mut *reader, &ids, &frame).expect("sound");
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|event| !event.starts_with("sequence")).collect();
        assert_eq!(said, expected, "{frame}");
    };
    check(granted(r#""level2":["BTC-USD"]"#), &["accepted 0"]);
    // The channel is not named, but the other one of this product is granted already.
    check(error("BTC-USD is refused"), &["refused 1: BTC-USD is refused"]);
    check(error("nothing is named"), &["refused 2: nothing is named"]);
    check(granted(r#""level2":["BTC-USD","A-USD"]"#), &["accepted 3"]);
    // Everything is answered.
    check(error("slow down"), &["refused: slow down"]);
    check(error("A-USD is delisted"), &["refused 3: A-USD is delisted"]);
    // It is granted after all, and again, and then refused once more.
    check(granted(r#""level2":["BTC-USD","A-USD"],"candles":["ETH-USD"]"#), &["accepted 2"]);
    check(granted(r#""level2":["BTC-USD","A-USD"]"#), &["ignored"]);
    check(error("nothing is named"), &["refused 2: nothing is named"]);
}

/// A made-up frame of Advanced Trade.
fn advanced(channel: &str, seq: u64, time: &str, events: &str) -> String {
    format!(r#"{{"channel":"{channel}","client_id":"","timestamp":"{time}","sequence_num":{seq},"events":[{events}]}}"#)
}

#[test]
fn a_candle_is_believed_if_it_was_said_after_its_end() {
    let id = "coinbase:candle:BTC-USD:5m";
    let mut reader = reader(&ADVANCED, &[id]);
    let row = |start: u64, volume: &str| {
        format!(
            r#"{{"start":"{start}","high":"4","low":"0.5","open":"1","close":"2","volume":"{volume}","product_id":"BTC-USD"}}"#
        )
    };
    let candles = |time: &str, rows: &[String]| {
        advanced("candles", 1, time, &format!(r#"{{"type":"update","candles":[{}]}}"#, rows.join(",")))
    };
    let mut said = |frame: &str| said(&mut *reader, &[id], frame).expect("sound").split_off(1);
    let line = |start: &str, volume: &str| {
        "candle ".to_owned() + &candle_line(id, ts(start), ["1", "4", "0.5", "2", volume, "null", "null"])
    };
    let open = |start: &str| format!("open 0 {}", ts(start));
    let (first, second, third) = ("2020-01-01T00:00:00Z", "2020-01-01T00:05:00Z", "2020-01-01T00:10:00Z");
    let (one, two, three) = (1_577_836_800, 1_577_837_100, 1_577_837_400);
    // Of a snapshot, all but the newest are closed.
    let snapshot = candles("2020-01-01T00:06:00.5Z", &[row(two, "9"), row(one, "8")]);
    assert_eq!(said(&snapshot), [line(first, "8"), open(second)]);
    assert_eq!(said(&candles("2020-01-01T00:09:59.9Z", &[row(two, "10")])), [open(second)]);
    // The last word on it came with the next one.
    let both = candles("2020-01-01T00:10:00.1Z", &[row(three, "1"), row(two, "11")]);
    assert_eq!(said(&both), [line(second, "11"), open(third)]);
    // This one may have changed behind the last word on it.
    assert_eq!(said(&candles("2020-01-01T00:14:59.9Z", &[row(three, "2")])), [open(third)]);
    let lost = said(&candles("2020-01-01T00:15:00.9Z", &[row(three + 300, "3")]));
    assert_eq!(
        lost,
        [
            format!("lost 0 {} {}: a candle was last seen before it was closed", ts(third), ts("2020-01-01T00:15:00Z")),
            open("2020-01-01T00:15:00Z"),
        ]
    );
    // It comes after all.
    assert_eq!(
        said(&candles("2020-01-01T00:15:01.9Z", &[row(three, "2")])),
        [line(third, "2"), open("2020-01-01T00:15:00Z")]
    );
}

#[test]
fn products_quoted_in_usdc_may_come_under_the_name_of_the_others() {
    let id = "coinbase:candle:BTC-USDC:5m";
    let mut reader = reader(&ADVANCED, &[id]);
    let ack = advanced("subscriptions", 1, "2020-01-01T00:00:00Z", r#"{"subscriptions":{"candles":["BTC-USD"]}}"#);
    assert_eq!(said(&mut *reader, &[id], &ack), Ok(vec!["sequence 1".to_owned(), "accepted 0".to_owned()]));
    let events = r#"{"type":"update","candles":[{"start":"1577836800","high":"4","low":"1","open":"1","close":"2","volume":"3","product_id":"BTC-USD"}]}"#;
    let frame = advanced("candles", 2, "2020-01-01T00:00:00Z", events);
    assert!(said(&mut *reader, &[id], &frame).is_ok());
    assert!(said(&mut *reader, &[id], &frame.replace("BTC-USD", "BTC-EUR")).is_err());
}

#[test]
fn every_frame_of_advanced_trade_is_counted() {
    let id = "coinbase:book:BTC-USD";
    let mut reader = reader(&ADVANCED, &[id]);
    let mut said = |frame: &str| said(&mut *reader, &[id], frame);
    let time = "2023-02-09T20:32:50.714964855Z";
    assert_eq!(
        said(&advanced("heartbeats", 7, time, r#"{"current_time":"x","heartbeat_counter":"3049"}"#)),
        Ok(vec!["sequence 7".to_owned(), format!("heartbeat {time}")])
    );
    let update = |form: &str, side: &str| {
        let row = |price: &str, amount: &str| {
            format!(
                r#"{{"side":"{side}","event_time":"1970-01-01T00:00:00Z","price_level":"{price}","new_quantity":"{amount}"}}"#
            )
        };
        let rows = format!("{},{}", row("21921.74", "0.06317902"), row("21921.3", "0"));
        advanced("l2_data", 8, time, &format!(r#"{{"type":"{form}","product_id":"BTC-USD","updates":[{rows}]}}"#))
    };
    let levels = "[21921.74,0.06317902],[21921.3,0]";
    assert_eq!(
        said(&update("update", "offer")),
        Ok(vec![
            "sequence 8".to_owned(),
            format!("book Bare {}", book_line(id, ts(time), false, ["", levels, "null"]))
        ])
    );
    let error = r#"{"type":"error","message":"BTC-USD is unknown"}"#;
    assert_eq!(said(error), Ok(vec!["refused 0: BTC-USD is unknown".to_owned()]));
    for spoiled in [
        update("update", "ask"),
        update("partial", "bid"),
        update("update", "bid").replace("21921.3", "x"),
        update("update", "bid").replace("BTC-USD", "ETH-USD"),
        advanced("l3_data", 9, time, ""),
        advanced("l2_data", 9, "yesterday", ""),
        r#"{"channel":"l2_data","timestamp":"2023-02-09T20:32:50Z","events":[]}"#.to_owned(),
        "null".to_owned(),
    ] {
        assert!(said(&spoiled).is_err(), "{spoiled}");
    }
}

#[test]
fn mutated_frames_do_no_harm() {
    let ids = ["coinbase:trade:BTC-USD", "coinbase:book:BTC-USD", "coinbase:candle:BTC-USD:5m"];
    let exchange = [
        r#"{"type":"match","trade_id":86326522,"maker_order_id":"a","taker_order_id":"b","side":"sell","size":"0.00698254","price":"6268.48","product_id":"BTC-USD","sequence":1,"time":"2018-03-09T18:58:24.983045Z"}"#,
        r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#,
        r#"{"type":"snapshot","product_id":"BTC-USD","bids":[["10101.10","0.45054140"]],"asks":[["10102.55","0.57753524"]]}"#,
        r#"{"type":"l2update","product_id":"BTC-USD","changes":[["buy","10101.8","0.162567"],["sell","10102","0"]],"time":"2022-08-04T15:25:05.010758Z"}"#,
        r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"],"account_ids":null}]}"#,
        r#"{"type":"error","message":"Failed to subscribe","reason":"BTC-USD is not a valid product"}"#,
    ]
    .map(str::to_owned);
    check_mutations(|| reader(&EXCHANGE, &ids), &exchange, 20_261_124);
    let time = "2023-02-09T20:32:50.714964855Z";
    let row = |start: u64| {
        format!(
            r#"{{"start":"{start}","high":"4","low":"1","open":"1","close":"2","volume":"3","product_id":"BTC-USD"}}"#
        )
    };
    let advanced = [
        advanced("heartbeats", 7, time, r#"{"current_time":"x","heartbeat_counter":"3049"}"#),
        advanced(
            "candles",
            8,
            time,
            &format!(r#"{{"type":"update","candles":[{},{}]}}"#, row(1_577_837_100), row(1_577_836_800)),
        ),
        advanced("candles", 9, time, &format!(r#"{{"type":"update","candles":[{}]}}"#, row(1_577_837_400))),
        advanced("subscriptions", 10, time, r#"{"subscriptions":{"level2":["BTC-USD"],"candles":["BTC-USD"]}}"#),
        advanced(
            "l2_data",
            11,
            time,
            r#"{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"x","price_level":"21921.74","new_quantity":"0.06317902"}]}"#,
        ),
        r#"{"type":"error","message":"BTC-USD is unknown"}"#.to_owned(),
    ];
    check_mutations(|| reader(&ADVANCED, &ids), &advanced, 20_261_125);
}

#[test]
fn any_depth_is_the_whole_book() {
    let wanted = |depth| Subscription { depth, ..subscriptions(&["coinbase:book:BTC-USD"]).remove(0) };
    let links = |depth| CoinbaseStreams.links(&[wanted(depth)]).expect("possible");
    assert_eq!(links(Some(1)), links(Some(100_000)));
}
