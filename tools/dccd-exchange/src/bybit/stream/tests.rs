//! Every recording of Bybit's streams is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not read says why")]

use dccd_record::Ts;
use serde_json::Value;

use super::{BybitStreams, request};
use crate::Impossible;
use crate::live::{Break, Event, FrameReader, Joint, KeepAlive, Keeper, Streams, Subscription, SubscriptionId};
use crate::tests::frames::{
    book_line, candle_line, check_mutations, check_names, frames, keep, received, said, subscriptions, trade_line,
};
use crate::tests::{dataset, ts};

/// What a recording proves.
enum Proves {
    /// So many frames of topics, and so many that are refused or are no topics.
    Topics(usize, usize),
    /// An answer to a request.
    Answer(&'static str),
    /// Nothing is read, and why not.
    NotRead(&'static str),
}
use Proves::{Answer, NotRead, Topics};

const GONE: &str = "a format from before v5";

/// The other frames of those that are mixed are of formats from before v5, or of topics that are not asked for.
const TABLE: &[(&str, Proves)] = &[
    ("error-ws-nt-subscribe-failure.json", Answer("refused: Invalid topic: invalid.topic.BTCUSDT")),
    ("ws-ack-nt-subscribe-ok.json", Answer("ignored")),
    ("ws-book-cmp-l2-orderbook.json", NotRead(GONE)),
    ("ws-book-v5-spot-orderbook1-2026.ndjson", Topics(2, 0)),
    ("ws-mixed-tardis-bybit-spot.json", Topics(4, 3)),
    ("ws-mixed-tardis-bybit.json", Topics(6, 29)),
    ("ws-ohlc-cmp-candlestick.json", NotRead(GONE)),
    ("ws-ohlc-nt.json", Topics(1, 0)),
    ("ws-ticker-cmp-ticker.json", NotRead(GONE)),
    ("ws-trades-cmp-trade.json", NotRead(GONE)),
    ("ws-trades-docs-trade.ndjson", Topics(1, 0)),
    ("ws-trades-jk-v5-linear-trades.ndjson", Topics(1, 0)),
];

/// The pairs of the recorded symbols.
const PAIRS: [(&str, &str); 4] =
    [("BTCUSDT", "BTC-USDT"), ("BTCUSDC", "BTC-USDC"), ("BTCPERP", "BTC-USDC_PERP"), ("BTCUSD", "BTC-USD_INVERSE")];

#[test]
fn the_table_names_every_recording() {
    check_names("bybit", TABLE.iter().map(|(name, _)| *name));
}

#[test]
fn every_frame_is_read_to_its_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = received("bybit", name) else { return };
        let (mut read, mut refused) = (0, 0);
        for frame in &frames {
            match expectation(frame) {
                Some((subscription, events)) => {
                    let id = subscription.dataset.to_string();
                    let said = said(&mut *reader(&[subscription]), &[&id], frame);
                    assert_eq!(said.as_ref(), Ok(&events), "{name}");
                    read += 1;
                }
                None => {
                    let ids = ["bybit:trade:BTC-USDT"];
                    let said = said(&mut *reader(&subscriptions(&ids)), &ids, frame);
                    if let Answer(answer) = proves {
                        assert_eq!(said, Ok(vec![(*answer).to_owned()]), "{name}");
                    }
                    refused += usize::from(said.is_err());
                }
            }
        }
        match proves {
            Topics(topics, others) => assert_eq!((read, refused), (*topics, *others), "{name}"),
            Answer(_) => assert_eq!((frames.len(), refused), (1, 0), "{name}"),
            NotRead(why) => {
                assert_eq!(refused, frames.len(), "{name}");
                eprintln!("{name}: {why}");
            }
        }
    }
}

/// The series of a frame of v5, and its events put together by hand; `None` if it is something else.
fn expectation(frame: &str) -> Option<(Subscription, Vec<String>)> {
    let frame: Value = serde_json::from_str(frame).expect("JSON");
    let parts: Vec<&str> = frame["topic"].as_str()?.split('.').collect();
    let pair = PAIRS.iter().find(|(symbol, _)| Some(symbol) == parts.last()).map(|(_, pair)| *pair);
    let of = |kind: &str| format!("bybit:{kind}:{}", pair.expect("a known pair"));
    let (id, events) = match parts[..] {
        ["publicTrade", _] => {
            let id = of("trade");
            let events = list(&frame["data"]).iter().map(|row| format!("trade None {}", trade(&id, row))).collect();
            (id, events)
        }
        ["orderbook", _, _] => {
            let id = of("book");
            let events = vec![book(&id, &frame)];
            (id, events)
        }
        ["kline", "5", _] => {
            let events = vec![format!("open 0 {}", stamp(&frame["data"][0]["start"]))];
            (of("candle") + ":5m", events)
        }
        _ => return None,
    };
    let depth = (parts.first() == Some(&"orderbook")).then(|| parts[1].parse().expect("a depth"));
    Some((Subscription { depth, ..Subscription::new(dataset(&id)) }, events))
}

fn trade(id: &str, row: &Value) -> String {
    let side = row["S"].as_str().expect("a side").to_lowercase();
    trade_line(id, stamp(&row["T"]), [text(&row["p"]), text(&row["v"]), &side, text(&row["i"])])
}

fn book(id: &str, frame: &Value) -> String {
    let number = frame["data"]["u"].to_string();
    let is_snapshot = frame["type"] == "snapshot";
    let joint = if is_snapshot {
        format!("Snapshot {{ seq: Some({number}) }}")
    } else {
        format!("Update {{ first: {number}, last: {number}, previous: None }}")
    };
    let levels = |side: &Value| {
        let level = |level: &Value| format!("[{},{}]", text(&level[0]), text(&level[1]));
        list(side).iter().map(level).collect::<Vec<_>>().join(",")
    };
    let ts = if frame["cts"].is_null() { stamp(&frame["ts"]) } else { stamp(&frame["cts"]) };
    let (bids, asks) = (levels(&frame["data"]["b"]), levels(&frame["data"]["a"]));
    format!("book {joint} {}", book_line(id, ts, is_snapshot, [&bids, &asks, &number]))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn stamp(value: &Value) -> Ts {
    Ts::from_millis(value.as_i64().expect("milliseconds")).expect("believable")
}

/// A reader of the first connection.
fn reader(subscriptions: &[Subscription]) -> Box<dyn FrameReader> {
    let links = BybitStreams.links(subscriptions).expect("possible");
    BybitStreams.reader(&links[0], subscriptions)
}

#[test]
fn what_is_sent_is_what_was_recorded() {
    let Some(recorded) = frames("bybit", "ws-trades-jk-v5-linear-trades.ndjson") else { return };
    let sent: Value = serde_json::from_str(&recorded[0].raw).expect("JSON");
    assert!(recorded[0].is_sent);
    let links = BybitStreams.links(&subscriptions(&["bybit:trade:BTC-USDT_PERP"])).expect("possible");
    let ours: Value = serde_json::from_str(&links[0].opening[0]).expect("JSON");
    assert_eq!((&ours["op"], &ours["args"]), (&sent["op"], &sent["args"]));
    assert_eq!(links[0].path, "/v5/public/linear");
    let said = |reader: &mut dyn FrameReader, frame: &str| said(reader, &["bybit:trade:BTC-USDT_PERP"], frame);
    let mut reader = reader(&subscriptions(&["bybit:trade:BTC-USDT_PERP"]));
    // The exchange echoes the id of the request.
    let echoed = recorded[1].raw.replace(r#""req_id":"1""#, r#""req_id":"publicTrade.BTCUSDT""#);
    assert_ne!(echoed, recorded[1].raw);
    assert_eq!(said(&mut *reader, &echoed), Ok(vec!["accepted 0".to_owned()]));
    let refused = echoed.replace("true", "false").replace(r#""ret_msg":"""#, r#""ret_msg":"Invalid symbol"#);
    let refused = refused.replace("Invalid symbol", "Invalid symbol\"");
    assert_eq!(said(&mut *reader, &refused), Ok(vec!["refused 0: Invalid symbol".to_owned()]));
}

#[test]
fn a_recorded_book_replays() {
    let Some(frames) = received("bybit", "ws-book-v5-spot-orderbook1-2026.ndjson") else { return };
    let subscriptions = [Subscription { depth: Some(1), ..Subscription::new(dataset("bybit:book:BTC-USDT")) }];
    let mut keeper = Keeper::new(BybitStreams.rule(&subscriptions[0]));
    assert_eq!(keep(&mut keeper, &mut *reader(&subscriptions), &frames[1..]), (2, 0));
    let book = keeper.book().expect("believable");
    assert_eq!(book.bids().collect::<Vec<_>>(), [("63705.3", "2.014151", None)]);
    assert_eq!(book.asks().collect::<Vec<_>>(), [("63705.4", "2.334566", None)]);
    assert_eq!(keeper.seq(), Some(72_212_458));
}

/// A made-up frame of fifty levels.
fn frame(form: &str, seq: u64, bids: &str, asks: &str) -> String {
    format!(
        r#"{{"topic":"orderbook.50.BTCUSDT","type":"{form}","ts":1700000000001,"data":{{"s":"BTCUSDT","b":[{bids}],"a":[{asks}],"u":{seq},"seq":9}},"cts":1700000000000}}"#
    )
}

#[test]
fn a_book_breaks_where_frames_are_missing_and_begins_anew() {
    let subscriptions = subscriptions(&["bybit:book:BTC-USDT"]);
    let rule = BybitStreams.rule(&subscriptions[0]);
    let (mut keeper, mut reader) = (Keeper::new(rule), reader(&subscriptions));
    let mut take = |frame: &str| {
        let mut taken = Ok(false);
        let mut keep = |event: Event<'_>| {
            if let Event::Book(_, book, joint, checksum) = event {
                taken = keeper.take(&book, joint, checksum);
            }
        };
        reader.read(frame, ts("2026-01-01T00:00:00Z"), &mut keep).expect("sound");
        (taken, keeper.book().map(|book| book.levels()))
    };
    assert_eq!(take(&frame("delta", 6, "", "")), (Err(Break::NoSnapshot), None));
    let bids: String = (100..151).map(|price| format!(r#"["{price}","1"],"#)).collect();
    let snapshot = frame("snapshot", 5, bids.trim_end_matches(','), r#"["151","1"]"#);
    assert_eq!(take(&snapshot), (Ok(true), Some(51)), "no deeper than fifty");
    assert_eq!(take(&frame("delta", 6, r#"["150","0"]"#, "")), (Ok(true), Some(50)));
    assert_eq!(take(&frame("delta", 8, "", "")), (Err(Break::Sequence { reached: 6, came: 8 }), None));
    assert_eq!(take(&frame("delta", 9, "", "")), (Err(Break::NoSnapshot), None));
    assert_eq!(take(&frame("delta", 1, r#"["7","1"]"#, "")), (Ok(true), Some(1)), "the service began anew");
    assert_eq!(take(&frame("delta", 2, "", r#"["8","1"]"#)), (Ok(true), Some(2)));
}

#[test]
fn candles_are_closed_when_it_is_said() {
    let row = |start: &str, confirm: bool| {
        let start = ts(start).millis();
        format!(
            r#"{{"topic":"kline.60.BTCUSD","type":"snapshot","ts":1,"data":[{{"start":{start},"end":1,"interval":"60","open":"16649.5","close":"16677","high":"16678","low":"16608","volume":"34666","turnover":"2.0810","confirm":{confirm},"timestamp":1}}]}}"#
        )
    };
    let ids = ["bybit:candle:BTC-USD_INVERSE:1h"];
    let mut reader = reader(&subscriptions(&ids));
    let mut said = |frame: &str| said(&mut *reader, &ids, frame).expect("sound");
    let [one, two, three, four] = ["08", "09", "10", "11"].map(|hour| format!("2022-12-29T{hour}:00:00Z"));
    let open = |start: &str| format!("open 0 {}", ts(start));
    // What an inverse contract calls volume is US dollars.
    let line = |start: &str| {
        let numbers = ["16649.5", "16678", "16608", "16677", "2.0810", "34666", "null"];
        format!("candle {}", candle_line(ids[0], ts(start), numbers))
    };
    assert_eq!(said(&row(&one, false)), [open(&one)]);
    assert_eq!(said(&row(&one, false)), [open(&one)]);
    assert_eq!(said(&row(&one, true)), [line(&one)]);
    assert_eq!(said(&row(&two, false)), [open(&two)]);
    let lost = format!("lost 0 {} {}: a candle was not said to be closed", ts(&two), ts(&three));
    assert_eq!(said(&row(&three, false)), [lost, open(&three)]);
    assert_eq!(said(&row(&three, true)), [line(&three)]);
    assert_eq!(said(&row(&four, true)), [line(&four)]);
}

#[test]
fn each_category_has_its_own_connections() {
    let ids = [
        "bybit:trade:BTC-USDT",
        "bybit:book:BTC-USDT_PERP",
        "bybit:candle:BTC-USDT:1m",
        "bybit:trade:BTC-USD_INVERSE",
        "bybit:book:BTC-USDC_PERP",
    ];
    let mut wanted = subscriptions(&ids);
    wanted[1].depth = Some(51);
    wanted[4].depth = Some(5000);
    let links = BybitStreams.links(&wanted).expect("possible");
    let carried: Vec<(&str, Vec<usize>)> =
        links.iter().map(|link| (link.path.as_str(), link.subscriptions.iter().map(|id| id.0).collect())).collect();
    let expected =
        [("/v5/public/spot", vec![0, 2]), ("/v5/public/linear", vec![1, 4]), ("/v5/public/inverse", vec![3])];
    assert_eq!(carried, expected);
    assert_eq!(
        links[0].opening,
        [request("subscribe", "publicTrade.BTCUSDT"), request("subscribe", "kline.1.BTCUSDT")]
    );
    assert_eq!(
        links[1].opening,
        [request("subscribe", "orderbook.200.BTCUSDT"), request("subscribe", "orderbook.1000.BTCPERP")]
    );
    assert_eq!(links[0].host.keep_alive, KeepAlive::Text { text: r#"{"op":"ping"}"#, secs: 20 });
    assert_eq!(
        BybitStreams.renewal(&wanted[1])[0],
        r#"{"req_id":"orderbook.200.BTCUSDT","op":"unsubscribe","args":["orderbook.200.BTCUSDT"]}"#
    );
}

#[test]
fn topics_of_one_connection_are_within_the_limit() {
    let ids: Vec<String> = (0..3000).map(|at| format!("bybit:trade:A{at}-USDT_PERP")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = BybitStreams.links(&subscriptions(&ids)).expect("possible");
    let mut carried: Vec<SubscriptionId> = Vec::new();
    for link in &links {
        let args = |request: &String| request.split_once("args").map_or(0, |(_, args)| args.len());
        assert!(link.opening.iter().map(args).sum::<usize>() < 21_000 + link.opening.len() * 6);
        assert_eq!(link.opening.len(), link.subscriptions.len());
        carried.extend(&link.subscriptions);
    }
    assert_eq!(carried, (0..3000).map(SubscriptionId).collect::<Vec<_>>());
    assert_eq!(links.len(), 4);
}

#[test]
fn what_is_not_pushed_is_refused() {
    let refused = |id: &str| BybitStreams.links(&subscriptions(&[id])).expect_err("impossible");
    assert!(matches!(refused("bybit:funding:BTC-USDT_PERP"), Impossible::Kind { .. }), "only what may be paid");
    assert!(matches!(refused("bybit:open_interest:BTC-USDT_PERP:1h"), Impossible::Kind { .. }));
    assert!(matches!(refused("bybit:candle:BTC-USDT:10m"), Impossible::Span { .. }));
    assert!(matches!(refused("bybit:trade:BTC-EUR_PERP"), Impossible::Market { .. }));
}

#[test]
fn spoiled_frames_are_refused() {
    let ids = ["bybit:trade:BTC-USDT"];
    let mut reader = reader(&subscriptions(&ids));
    let sound = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"7"}]}"#;
    assert!(said(&mut *reader, &ids, sound).is_ok());
    for (from, to) in [
        ("BTCUSDT\",\"S", "ETHUSDT\",\"S"),
        ("Buy", "buy"),
        ("0.001", "0.00.1"),
        ("1672304486865", "-1672304486865"),
        ("publicTrade", "tickers"),
        ("\"i\"", "\"j\""),
        ("}]}", "}]"),
        (sound, ""),
        (sound, "null"),
        (sound, "[]"),
        (sound, "{}"),
        (sound, "pong"),
    ] {
        assert!(said(&mut *reader, &ids, &sound.replace(from, to)).is_err(), "{to}");
    }
    assert_eq!(
        said(&mut *reader, &ids, r#"{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}"#),
        Ok(vec!["heartbeat".to_owned()])
    );
}

#[test]
fn mutated_frames_do_no_harm() {
    let ids = ["bybit:trade:BTC-USDT", "bybit:book:BTC-USDT", "bybit:candle:BTC-USDT:5m", "bybit:candle:BTC-USDT:1h"];
    let mut sound =
        vec![frame("delta", 6, r#"["150","0"]"#, r#"["151","1"],["152","2"]"#), frame("snapshot", 1, "", "")];
    sound.push(r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","i":"7"}]}"#.to_owned());
    sound.push(r#"{"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"open":"1","close":"2","high":"3","low":"1","volume":"2.081","turnover":"34666.4005","confirm":true}]}"#.to_owned());
    sound.push(
        r#"{"success":true,"ret_msg":"","conn_id":"c","req_id":"publicTrade.BTCUSDT","op":"subscribe"}"#.to_owned(),
    );
    check_mutations(|| reader(&subscriptions(&ids)), &sound, 20_261_122);
}

#[test]
fn the_joint_says_what_a_frame_is() {
    let subscriptions = subscriptions(&["bybit:book:BTC-USDT"]);
    let mut joints = Vec::new();
    let mut reader = reader(&subscriptions);
    for sound in [frame("snapshot", 5, "", ""), frame("delta", 6, "", ""), frame("delta", 1, "", "")] {
        let mut take = |event: Event<'_>| {
            if let Event::Book(_, book, joint, None) = event {
                joints.push((book.is_snapshot, joint));
            }
        };
        reader.read(&sound, ts("2026-01-01T00:00:00Z"), &mut take).expect("sound");
    }
    let update = Joint::Update { first: 6, last: 6, previous: None };
    let expected =
        [(true, Joint::Snapshot { seq: Some(5) }), (false, update), (true, Joint::Snapshot { seq: Some(1) })];
    assert_eq!(joints, expected);
}
