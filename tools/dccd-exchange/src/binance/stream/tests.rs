//! Every recording of Binance's streams is read to exactly its digits, and every book to where it ended.

use dccd_record::{Book, Level, Number, Ts};
use serde_json::{Value, json};

use super::BinanceStreams;
use crate::live::{Break, FrameReader, Joint, Keeper, Link, OrderBook, Streams, SubscriptionId};
use crate::tests::frames::RECV;
use crate::tests::frames::{
    Dice, book_line, candle_line, check_mutations, check_names, expected, keep, mutated, reader, received, said,
    subscriptions, top, trade_line,
};
use crate::tests::recordings::recording;
use crate::tests::ts;

/// What a recording proves.
enum Proves {
    /// So many of its frames are read, of these streams and series; the others were not asked for.
    Read(usize, &'static [(&'static str, &'static str)]),
    /// Frames of these streams are asked for, and none can be read: the words why.
    Odd(&'static [(&'static str, &'static str)], &'static str),
    /// Its frames are of streams that are never asked for.
    Foreign,
    /// A refusal.
    Refused,
}
use Proves::{Foreign, Odd, Read, Refused};

const NKN: &str = "binance:book:NKN-USDT";
const RUNE: &str = "binance:book:RUNE-EUR";
const AKRO: &str = "binance:book:AKRO-USDT_PERP";
const SUSHI: &str = "binance:book:SUSHI-USDT_PERP";

const TABLE: &[(&str, Proves)] = &[
    ("error-ws-subscribe-rejected.json", Refused),
    (
        "ws-book-cmp-l2-event.json",
        Read(
            3,
            &[
                ("btcusdt@depth@100ms", "binance:book:BTC-USDT"),
                ("ethusdt_210625@depth@100ms", "binance:book:ETH-USDT_210625"),
                ("btcusd_perp@depth@100ms", "binance:book:BTC-USD_INVERSE"),
            ],
        ),
    ),
    // The best levels alone, whole each time.
    ("ws-book-cmp-l2-topk.json", Foreign),
    ("ws-book-jk-spot-partialbook.ndjson", Foreign),
    ("ws-book-jk-usdfutures-partialbook.ndjson", Foreign),
    ("ws-book-nknusdt-diff.ndjson", Read(150, &[("nknusdt@depth@100ms", NKN)])),
    ("ws-book-runeeur-diff.ndjson", Read(2, &[("runeeur@depth@100ms", RUNE)])),
    ("ws-book-usdm-akrousdt-diff.ndjson", Read(189, &[("akrousdt@depth@100ms", AKRO)])),
    ("ws-book-usdm-sushiusdt-diff.ndjson", Read(255, &[("sushiusdt@depth@100ms", SUSHI)])),
    // Forecasts of rates.
    ("ws-funding-cmp-funding-rate.json", Foreign),
    ("ws-mixed-gct-handledata.ndjson", Foreign),
    ("ws-mixed-tardis-binance-delivery.json", Foreign),
    ("ws-mixed-tardis-binance-futures.json", Read(2, &[("btcusdt@depth@100ms", "binance:book:BTC-USDT_PERP")])),
    // Single trades, and changes each second.
    ("ws-mixed-tardis-binance.json", Foreign),
    (
        "ws-ohlc-cmp-candlestick.json",
        Read(
            2,
            &[
                ("btcusdt@kline_1m", "binance:candle:BTC-USDT:1m"),
                ("btcusdt_220624@kline_1m", "binance:candle:BTC-USDT_220624:1m"),
            ],
        ),
    ),
    ("ws-ohlc-hb-binance-perpetual.ndjson", Read(2, &[("btcusdt@kline_1m", "binance:candle:BTC-USDT_PERP:1m")])),
    // The example names another symbol and another span.
    ("ws-ohlc-jk-spot-klines.ndjson", Odd(&[("btcusdt@kline_8h", "binance:candle:BTC-USDT:8h")], "not of BTCUSDT")),
    // Months have no fixed width.
    ("ws-ohlc-jk-usdfutures-klines.ndjson", Foreign),
    ("ws-ohlc-nknusdt-kline.ndjson", Read(1, &[("nknusdt@kline_1m", "binance:candle:NKN-USDT:1m")])),
    ("ws-ohlc-usdm-akrousdt-kline.ndjson", Read(8, &[("akrousdt@kline_1m", "binance:candle:AKRO-USDT_PERP:1m")])),
    ("ws-ohlc-usdm-sushiusdt-kline.ndjson", Read(22, &[("sushiusdt@kline_1m", "binance:candle:SUSHI-USDT_PERP:1m")])),
    // Best prices, and sums of a day.
    ("ws-ticker-cmp-bbo.json", Foreign),
    ("ws-ticker-cmp-ticker.json", Foreign),
    ("ws-ticker-nknusdt-bookticker.ndjson", Foreign),
    ("ws-ticker-usdm-akrousdt-bookticker.ndjson", Foreign),
    ("ws-ticker-usdm-sushiusdt-bookticker.ndjson", Foreign),
    (
        "ws-trades-cmp-trade.json",
        Read(
            3,
            &[
                ("btcusdt@aggTrade", "binance:trade:BTC-USDT"),
                ("btcusdt_210625@aggTrade", "binance:trade:BTC-USDT_210625"),
            ],
        ),
    ),
    (
        "ws-trades-jk-spot-aggregatedtrades.ndjson",
        Odd(&[("btcusdt@aggTrade", "binance:trade:BTC-USDT")], "not of BTCUSDT"),
    ),
    ("ws-trades-jk-usdfutures-aggtrades.ndjson", Odd(&[("btcusdt@aggTrade", "binance:trade:BTC-USDT_PERP")], "1970")),
    ("ws-trades-nknusdt-aggtrade.ndjson", Read(1, &[("nknusdt@aggTrade", "binance:trade:NKN-USDT")])),
    ("ws-trades-usdm-akrousdt-aggtrade.ndjson", Read(8, &[("akrousdt@aggTrade", "binance:trade:AKRO-USDT_PERP")])),
    ("ws-trades-usdm-sushiusdt-aggtrade.ndjson", Read(40, &[("sushiusdt@aggTrade", "binance:trade:SUSHI-USDT_PERP")])),
];

#[test]
fn the_table_names_every_recording() {
    check_names("binance", TABLE.iter().map(|(name, _)| *name));
}

#[test]
fn frames_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = received("binance", name) else { return };
        match proves {
            Refused => {
                let ids = ["binance:trade:BTC-USDT", "binance:book:BTC-USDT"];
                let words = said(&mut *open(&ids), &ids, &frames[0]).expect(name);
                assert_eq!(words.len(), 2, "{name}");
                assert!(words[1].starts_with("refused 1: Invalid request") && words[1].ends_with("(code 2)"), "{name}");
            }
            Foreign => check_frames(name, &frames, &[("a@aggTrade", "binance:trade:A-A")], 0, ""),
            Read(count, series) => check_frames(name, &frames, series, *count, ""),
            Odd(series, why) => check_frames(name, &frames, series, 0, why),
        }
    }
}

/// Every frame is read to what it says, refused for lack of a subscription, or, for `why`, refused.
fn check_frames(name: &str, frames: &[String], series: &[(&str, &str)], count: usize, why: &str) {
    let ids: Vec<&str> = series.iter().map(|(_, id)| *id).collect();
    let mut reader = open(&ids);
    let mut read = 0;
    for frame in frames {
        let value: Value = serde_json::from_str(frame).expect(name);
        let said = said(&mut *reader, &ids, frame);
        let Some(stream) = value["stream"].as_str() else {
            let is_ours = value["id"] == json!(1);
            assert_eq!(said.expect(name), [if is_ours { "accepted 0" } else { "ignored" }], "{name}: {frame}");
            continue;
        };
        match (series.iter().position(|(known, _)| *known == stream), said) {
            (Some(_), Err(error)) if !why.is_empty() => assert!(error.0.contains(why), "{name}: {error}"),
            (Some(at), said) => {
                assert_eq!(said.expect(name), [words(at, ids[at], &value["data"])], "{name}: {frame}");
                read += 1;
            }
            (None, Err(error)) => assert!(error.0.contains("was not asked for"), "{name}: {error}"),
            (None, Ok(said)) => panic!("{name}: {said:?} of {frame}"),
        }
    }
    assert_eq!(read, count, "{name}");
}

/// What must be said of a frame, put together from the recorded JSON alone.
fn words(at: usize, id: &str, data: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match data["e"].as_str().expect("an event") {
        "aggTrade" => {
            let side = if data["m"] == json!(true) { "sell" } else { "buy" };
            let (price, amount, number) = (text(&data["p"]), text(&data["q"]), text(&data["a"]));
            let line = trade_line(id, stamp(&data["T"]), [&price, &amount, side, &number]);
            format!("trade Some({number}) {line}")
        }
        "kline" => {
            let row = &data["k"];
            if row["x"] == json!(false) {
                return format!("open {at} {}", stamp(&row["t"]));
            }
            let fields = ["o", "h", "l", "c", "v", "q", "n"].map(|field| text(&row[field]));
            let fields = std::array::from_fn(|at| fields[at].as_str());
            format!("candle {}", candle_line(id, stamp(&row["t"]), fields))
        }
        "depthUpdate" => {
            let (first, last) = (&data["U"], &data["u"]);
            let previous = data["pu"].as_u64();
            let joint = format!("Update {{ first: {first}, last: {last}, previous: {previous:?} }}");
            let time = if data["T"].is_null() { &data["E"] } else { &data["T"] };
            let sides = [&data["b"], &data["a"]].map(levels);
            let line = book_line(id, stamp(time), false, [&sides[0], &sides[1], &last.to_string()]);
            format!("book {joint} {line}")
        }
        other => panic!("{other}"),
    }
}

fn levels(side: &Value) -> String {
    let level =
        |level: &Value| format!("[{},{}]", level[0].as_str().expect("digits"), level[1].as_str().expect("digits"));
    side.as_array().expect("levels").iter().map(level).collect::<Vec<_>>().join(",")
}

fn stamp(value: &Value) -> Ts {
    Ts::from_millis(value.as_i64().expect("milliseconds")).expect("believable")
}

fn open(ids: &[&str]) -> Box<dyn FrameReader> {
    let link = &BinanceStreams.links(&subscriptions(&ids[..1])).expect("possible")[0];
    reader(&BinanceStreams, link, ids)
}

/// The frames of a capture, and a keeper that has the snapshot that belongs to it.
fn capture(id: &str, frames: &str, snapshot: &str) -> Option<(Keeper, Vec<String>)> {
    let body: Value = serde_json::from_str(recording("binance", snapshot)?.body.get()).expect("JSON");
    let seq = body["lastUpdateId"].as_u64();
    let (bids, asks) = (side(&body["bids"]), side(&body["asks"]));
    let book = Book { ts: ts(RECV), is_snapshot: true, bids, asks, seq, recv_ts: None };
    let wanted = &subscriptions(&[id])[0];
    assert!(BinanceStreams.has_rest_snapshot(wanted));
    let mut keeper = Keeper::new(BinanceStreams.rule(wanted));
    assert_eq!(keeper.take(&book, Joint::Snapshot { seq }, None), Ok(true));
    Some((keeper, received("binance", frames)?))
}

fn side(rows: &Value) -> Vec<Level<'_>> {
    let rows = rows.as_array().expect("levels").iter();
    rows.map(|row| Level { price: number(&row[0]), amount: number(&row[1]), count: None }).collect()
}

fn number(value: &Value) -> Number<'_> {
    Number::new(value.as_str().expect("digits")).expect("a number")
}

fn top_ten(book: &OrderBook) -> Value {
    top(book, 10, |price, amount, _| json!([price, amount]))
}

/// Capture, snapshot, frames applied, frames older than the snapshot, and the number that is reached.
const BOOKS: &[(&str, &str, &str, usize, usize, u64)] = &[
    (NKN, "ws-book-nknusdt-diff", "book-rest-nknusdt-limit1000", 149, 1, 499_870_179),
    (RUNE, "ws-book-runeeur-diff", "book-rest-runeeur-limit1000", 1, 1, 15_602_513),
    (AKRO, "ws-book-usdm-akrousdt-diff", "book-rest-usdm-akrousdt-limit1000", 188, 1, 600_860_423_964),
    (SUSHI, "ws-book-usdm-sushiusdt-diff", "book-rest-usdm-sushiusdt-limit1000", 252, 3, 600_860_425_198),
];

#[test]
fn books_end_as_expected() {
    for (id, name, snapshot, applied, older, last) in BOOKS {
        let Some((mut keeper, frames)) = capture(id, &format!("{name}.ndjson"), snapshot) else { return };
        let expected = expected("binance", name).expect("an expectation");
        assert_eq!(keep(&mut keeper, &mut *open(&[id]), &frames), (*applied, *older), "{name}");
        assert_eq!([&expected["applied_frames"], &expected["skipped_frames"]], [&json!(applied), &json!(older)]);
        assert_eq!((keeper.seq(), expected["final_update_id"].as_u64()), (Some(*last), Some(*last)), "{name}");
        assert_eq!(top_ten(keeper.book().expect("a book")), expected["final_top10"], "{name}");
    }
}

#[test]
fn a_missing_frame_breaks_a_book() {
    for (id, name, snapshot, applied, ..) in BOOKS.iter().filter(|(_, _, _, applied, ..)| *applied > 1) {
        let Some((mut keeper, mut frames)) = capture(id, &format!("{name}.ndjson"), snapshot) else { return };
        frames.remove(frames.len() / 2);
        let (mut reader, mut breaks, mut taken) = (open(&[id]), Vec::new(), 0);
        for frame in &frames {
            let mut take = |event: crate::live::Event<'_>| {
                let crate::live::Event::Book(_, book, joint, sum) = event else { panic!("{event:?}") };
                match keeper.take(&book, joint, sum) {
                    Ok(is_news) => taken += usize::from(is_news),
                    Err(error) => breaks.push(error),
                }
            };
            reader.read(frame, ts(RECV), &mut take).expect(name);
        }
        assert!(taken < applied - 1 && keeper.book().is_none(), "{name}");
        assert!(matches!(breaks[0], Break::Sequence { .. }), "{name}: {:?}", breaks[0]);
        assert!(breaks[1..].iter().all(|error| *error == Break::NoSnapshot), "{name}");
    }
}

fn links(ids: &[&str]) -> Vec<Link> {
    BinanceStreams.links(&subscriptions(ids)).expect("possible")
}

#[test]
fn a_series_that_is_asked_for_again_is_granted_alone() {
    let ids = ["binance:trade:BTC-USDT", "binance:book:BTC-USDT"];
    let mut reader = open(&ids);
    let asked = reader.renewal(SubscriptionId(1));
    let expected = [
        r#"{"id":0,"method":"UNSUBSCRIBE","params":["btcusdt@depth@100ms"]}"#,
        r#"{"id":1000001,"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"]}"#,
    ];
    assert_eq!(asked, expected);
    let mut said = |frame: &str| said(&mut *reader, &ids, frame).expect("sound");
    assert_eq!(said(r#"{"result":null,"id":0}"#), ["ignored"]);
    assert_eq!(said(r#"{"result":null,"id":1000001}"#), ["accepted 1"]);
    let refusal = r#"{"error":{"code":2,"msg":"no"},"id":1000001}"#;
    assert_eq!(said(refusal), ["refused 1: no (code 2)"]);
    assert_eq!(said(r#"{"result":null,"id":1000002}"#), ["ignored"]);
    assert_eq!(open(&ids).renewal(SubscriptionId(2)), Vec::<String>::new());
}

#[test]
fn series_go_to_the_connections_that_carry_them() {
    let links = links(&[
        "binance:trade:BTC-USDT_PERP",
        "binance:trade:BTC-USDT",
        "binance:book:BTC-USDT_PERP",
        "binance:candle:BTC-USDT_PERP:1h",
        "binance:book:ETH-USD_INVERSE",
        "binance:candle:BTC-USDT:1s",
        "binance:candle:BTC-USDT_QUARTER:1h",
        "binance:book:BTC-USD_261225",
    ]);
    let told: Vec<(&str, &str, &str)> =
        links.iter().map(|link| (link.host.ws_url, link.path.as_str(), link.opening[0].as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "wss://stream.binance.com:9443",
                "/stream",
                r#"{"id":1,"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@kline_1s"]}"#
            ),
            (
                "wss://fstream.binance.com",
                "/public/stream",
                r#"{"id":1,"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"]}"#
            ),
            (
                "wss://fstream.binance.com",
                "/market/stream",
                r#"{"id":1,"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@kline_1h","btcusdt_current_quarter@continuousKline_1h"]}"#
            ),
            (
                "wss://dstream.binance.com",
                "/stream",
                r#"{"id":1,"method":"SUBSCRIBE","params":["ethusd_perp@depth@100ms","btcusd_261225@depth@100ms"]}"#
            ),
        ]
    );
    let carried: Vec<&[SubscriptionId]> = links.iter().map(|link| &link.subscriptions[..]).collect();
    assert_eq!(
        carried,
        [&[1, 5][..], &[2], &[0, 3, 6], &[4, 7]].map(|ids| ids.iter().copied().map(SubscriptionId).collect::<Vec<_>>())
    );
}

#[test]
fn many_series_are_spread() {
    let ids: Vec<String> = (0..450).map(|at| format!("binance:trade:C{at}-USDT")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = links(&ids);
    let sizes: Vec<(usize, usize)> = links.iter().map(|link| (link.subscriptions.len(), link.opening.len())).collect();
    assert_eq!(sizes, [(200, 2), (200, 2), (50, 1)]);
    let mut reader = BinanceStreams.reader(&links[1], &subscriptions(&ids));
    let accepted = said(&mut *reader, &ids, r#"{"result":null,"id":2}"#).expect("an answer");
    assert_eq!((accepted.len(), accepted[0].as_str(), accepted[99].as_str()), (100, "accepted 300", "accepted 399"));
    assert_eq!(said(&mut *reader, &ids, r#"{"result":null,"id":3}"#).expect("an answer"), ["ignored"]);
}

#[test]
fn what_is_not_pushed_is_refused_with_words() {
    for (id, words) in [
        ("binance:funding:BTC-USDT_PERP", "binance has no funding of BTC/USDT:perp; it has candle, trade, book"),
        ("binance:candle:BTC-USDT_PERP:1s", "has no span of 1s"),
        ("binance:candle:BTC-EUR_INVERSE:1h", "has no market of BTC/EUR:inverse"),
    ] {
        let error = BinanceStreams.links(&subscriptions(&[id])).expect_err(id).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn other_frames_are_told_apart() {
    let ids = ["binance:candle:BTC-USD_INVERSE:1m", "binance:trade:BTC-USD_INVERSE"];
    let closed = r#"{"stream":"btcusd_perp@kline_1m","data":{"e":"kline","E":1700000000000,"s":"BTCUSD_PERP","k":{"t":1699999980000,"T":1700000039999,"s":"BTCUSD_PERP","i":"1m","f":1,"L":2,"o":"37000.1","c":"37000.4","h":"37000.5","l":"37000.0","v":"1200","n":7,"x":true,"q":"3.24323","V":"1","Q":"1","B":"0"}}}"#;
    let line = candle_line(
        ids[0],
        ts("2023-11-14T22:13:00Z"),
        ["37000.1", "37000.5", "37000.0", "37000.4", "3.24323", "null", "7"],
    );
    for (frame, words) in [
        (closed, format!("candle {line}")),
        (
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}"#,
            "restart: the server is about to shut down".to_owned(),
        ),
        (r#"{"e":"serverShutdown","E":1700000000000}"#, "restart: the server is about to shut down".to_owned()),
        (r#"{"error":{"code":-1,"msg":"no"},"id":null}"#, "refused: no (code -1)".to_owned()),
    ] {
        assert_eq!(said(&mut *open(&ids), &ids, frame).expect(frame), [words]);
    }
    for (frame, why) in [
        ("", "EOF"),
        ("null", "invalid type"),
        ("{}", "no known sort"),
        (r#"{"id":1}"#, "no known sort"),
        (r#"{"result":["btcusdt@aggTrade"],"id":1}"#, "no known sort"),
        (
            r#"{"stream":"btcusd_perp@aggTrade","data":{"e":"trade","s":"BTCUSD_PERP","a":1,"p":"1","q":"1","T":1700000000000,"m":true}}"#,
            "where aggTrade belongs",
        ),
        (&closed.replace("1699999980000", "1699999980001"), "no candle of 1m begins"),
        (&closed.replace("37000.5", "37000,5"), "37000,5"),
        (&closed[..closed.len() - 9], "EOF"),
    ] {
        let error = said(&mut *open(&ids), &ids, frame).expect_err(frame).to_string();
        assert!(error.contains(why), "{frame}: {error}");
    }
}

#[test]
fn spoiled_frames_are_refused_and_nothing_more() {
    let ids = [NKN, "binance:candle:SUSHI-USDT_PERP:1m", "binance:trade:SUSHI-USDT_PERP", AKRO];
    let files = [
        "ws-book-nknusdt-diff",
        "ws-ohlc-usdm-sushiusdt-kline",
        "ws-trades-usdm-sushiusdt-aggtrade",
        "ws-book-usdm-akrousdt-diff",
    ];
    let mut frames =
        vec![r#"{"result":null,"id":1}"#.to_owned(), r#"{"error":{"code":2,"msg":"no"},"id":1}"#.to_owned()];
    for file in files {
        let Some(more) = received("binance", &format!("{file}.ndjson")) else { return };
        frames.extend(more.into_iter().take(20));
    }
    check_mutations(|| open(&ids), &frames, 1);
}

#[test]
fn trades_in_the_usual_hand_are_read_as_the_parser_reads_them() {
    const TRADE: &str = r#"{"stream":"nknusdt@aggTrade","data":{"e":"aggTrade","E":1704067200123,"s":"NKNUSDT","a":1234567890,"p":"0.35130000","q":"6195.00000000","f":1234567891,"l":1234567899,"T":1704067200120,"m":true,"M":true}}"#;
    let ids = ["binance:trade:NKN-USDT"];
    // White space is as good to a parser, and to it alone.
    let parsed = |frame: &str| said(&mut *open(&ids), &ids, &format!(" {frame}"));
    let check = |frame: &str| {
        let scanned = said(&mut *open(&ids), &ids, frame);
        assert_eq!(scanned.is_ok(), parsed(frame).is_ok(), "{frame}");
        if let (Ok(scanned), Ok(parsed)) = (scanned, parsed(frame)) {
            assert_eq!(scanned, parsed, "{frame}");
        }
    };
    check(TRADE);
    check(&TRADE.replace("\"m\":true", "\"m\":false"));
    check(&TRADE.replace(",\"M\":true", ""));
    check(&format!("{TRADE} \n"));
    let mut dice = Dice::new(7);
    for _ in 0..50_000 {
        check(&mutated(TRADE, TRADE, &mut dice));
    }
}
