//! Every recording of Kraken's spot streams is read to exactly its digits, and every book to where it ended.

use std::collections::BTreeMap;

use dccd_record::{Book, Level, Number};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::KrakenStreams;
use crate::krakenfutures;
use crate::live::{Break, Checksum, Event, FrameReader, Joint, Keeper, OrderBook, Streams};
use crate::tests::frames::{
    RECV, book_line, candle_line, check_mutations, check_names, expected, keep, reader, received, said, subscriptions,
    top, trade_line,
};
use crate::tests::ts;

/// What a recording proves.
enum Proves {
    /// So many of its frames are read, of one series.
    Read(usize, &'static str),
    /// What its only frame says of a series.
    Says(&'static str, &'static str),
    /// Frames of the first protocol, which is not spoken; or of channels that are not asked for.
    NotRead(&'static str),
    /// A book of the first protocol, with so many checksums.
    OldBook(u64),
}
use Proves::{NotRead, OldBook, Read, Says};

const OBSOLETE: &str = "the first protocol";
const BOOK: &str = "kraken:book:BTC-USD";

const TABLE: &[(&str, Proves)] = &[
    (
        "error-ws-v2-subscribe-rejected.json",
        Says("kraken:trade:NOPE-USD", "refused 0: Currency pair not supported NOPE/USD"),
    ),
    ("ws-ack-nt-v2-pong.json", Says(BOOK, "heartbeat 2023-09-25T09:05:00.123500000Z")),
    // Its frames of contracts are read as such.
    ("ws-book-cmp-l2-event.json", NotRead(OBSOLETE)),
    ("ws-book-jk-spot-aggbook.ndjson", Read(2, "kraken:book:ETH-USDT")),
    ("ws-book-v1-eth-chf-book1000.ndjson", OldBook(317)),
    ("ws-book-v1-grt-eth-book1000.ndjson", OldBook(20)),
    ("ws-book-v1-ocean-xbt-book1000.ndjson", OldBook(148)),
    ("ws-book-v1-xbt-chf-book1000.ndjson", OldBook(289)),
    ("ws-book-v2-btc-usd-depth10.ndjson", Read(11, BOOK)),
    ("ws-mixed-gct-v1-handledata.ndjson", NotRead(OBSOLETE)),
    ("ws-mixed-tardis-kraken-v2.json", Read(2, "kraken:trade:BTC-USD")),
    ("ws-mixed-tardis-kraken.json", NotRead(OBSOLETE)),
    ("ws-ohlc-cmp-candlestick.json", NotRead(OBSOLETE)),
    ("ws-ohlc-hb-kraken-spot.ndjson", NotRead(OBSOLETE)),
    ("ws-ohlc-jk-spot-kline.ndjson", Read(2, "kraken:candle:ETH-USDT:5m")),
    ("ws-ohlc-nt-v2-update.json", Read(1, "kraken:candle:BTC-USD:1m")),
    ("ws-ticker-cmp-bbo.json", NotRead(OBSOLETE)),
    ("ws-ticker-cmp-ticker.json", NotRead(OBSOLETE)),
    ("ws-ticker-v1-all-pairs.ndjson", NotRead(OBSOLETE)),
    // The state of the connection, an answer to somebody else and a heartbeat are understood.
    ("ws-ticker-v2-btc-usd.ndjson", Read(3, "kraken:trade:BTC-USD")),
    ("ws-trades-cmp-trade.json", NotRead(OBSOLETE)),
    ("ws-trades-jk-spot-trades.ndjson", Read(2, "kraken:trade:ETH-USDT")),
    ("ws-trades-v1-all-pairs.ndjson", NotRead(OBSOLETE)),
];

#[test]
fn the_table_names_every_recording() {
    let spot = TABLE.iter().map(|(name, _)| *name);
    check_names("kraken", spot.chain(krakenfutures::RECORDINGS.iter().map(|(name, _)| *name)));
}

#[test]
fn frames_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = received("kraken", name) else { return };
        match proves {
            Read(count, id) => check_frames(name, &frames, id, *count),
            Says(id, words) => assert_eq!(said(&mut *open(&[id]), &[id], &frames[0]).expect(name), [*words], "{name}"),
            NotRead(why) => check_frames(&format!("{name}, of {why}"), &frames, BOOK, 0),
            OldBook(checksums) => check_old_book(name, &frames, *checksums),
        }
    }
}

fn check_frames(name: &str, frames: &[String], id: &str, count: usize) {
    let mut reader = open(&[id]);
    let mut read = 0;
    for frame in frames {
        match said(&mut *reader, &[id], frame) {
            Ok(said) => {
                assert_eq!(said, words(id, frame), "{name}: {frame}");
                read += 1;
            }
            Err(error) => {
                let is_expected = ["invalid type", "no known sort", "was not asked for"];
                assert!(is_expected.iter().any(|why| error.0.contains(why)), "{name}: {error}");
            }
        }
    }
    assert_eq!(read, count, "{name}");
}

type Fields = BTreeMap<String, Box<RawValue>>;

/// What must be said of a frame, put together from the recorded text alone.
fn words(id: &str, frame: &str) -> Vec<String> {
    let frame: Fields = serde_json::from_str(frame).expect("an object");
    let text = |fields: &Fields, key: &str| fields[key].get().trim_matches('"').to_owned();
    let rows: Vec<Fields> =
        frame.get("data").map_or_else(Vec::new, |data| serde_json::from_str(data.get()).expect("rows"));
    let is_snapshot = frame.get("type").is_some_and(|sort| sort.get() == "\"snapshot\"");
    let row_words = |row: &Fields, channel: &str| match channel {
        "status" => "ignored".to_owned(),
        "trade" => {
            let (number, sort) = (text(row, "trade_id"), if is_snapshot { "past" } else { "trade" });
            let (price, amount, side) = (text(row, "price"), text(row, "qty"), text(row, "side"));
            let line = trade_line(id, ts(&text(row, "timestamp")), [&price, &amount, &side, &number]);
            format!("{sort} Some({number}) {line}")
        }
        "ohlc" => format!("open 0 {}", ts(&text(row, "interval_begin"))),
        "book" => {
            let joint = if is_snapshot { "Snapshot { seq: None }" } else { "Bare" };
            let time = row.get("timestamp").map_or_else(|| RECV.to_owned(), |_| text(row, "timestamp"));
            let side = |key: &str| {
                let levels: Vec<Fields> = serde_json::from_str(row[key].get()).expect("levels");
                let level = |level: &Fields| format!("[{},{}]", text(level, "price"), text(level, "qty"));
                levels.iter().map(level).collect::<Vec<_>>().join(",")
            };
            let line = book_line(id, ts(&time), is_snapshot, [&side("bids"), &side("asks"), "null"]);
            format!("book {joint} {} {line}", text(row, "checksum"))
        }
        other => panic!("{other}"),
    };
    match (frame.contains_key("channel"), frame.get("result")) {
        (true, _) if text(&frame, "channel") == "heartbeat" => vec!["heartbeat".to_owned()],
        (true, _) => rows.iter().map(|row| row_words(row, &text(&frame, "channel"))).collect(),
        (false, Some(result)) if result.get().contains("ticker") => vec!["ignored".to_owned()],
        _ => vec!["accepted 0".to_owned()],
    }
}

fn open(ids: &[&str]) -> Box<dyn FrameReader> {
    let link = &KrakenStreams.links(&subscriptions(&ids[..1])).expect("possible")[0];
    reader(&KrakenStreams, link, ids)
}

fn keeper(id: &str, depth: u32) -> Keeper {
    let mut wanted = subscriptions(&[id]).remove(0);
    wanted.depth = Some(depth);
    Keeper::new(KrakenStreams.rule(&wanted))
}

fn top_ten(book: &OrderBook) -> Value {
    top(book, 10, |price, amount, _| json!([price, amount]))
}

#[test]
fn a_book_ends_as_expected_with_all_nine_checksums() {
    let name = "ws-book-v2-btc-usd-depth10";
    let Some(frames) = received("kraken", &format!("{name}.ndjson")) else { return };
    let expected = expected("kraken", name).expect("an expectation");
    let mut keeper = keeper(BOOK, 10);
    assert_eq!(keep(&mut keeper, &mut *open(&[BOOK]), &frames), (9, 0));
    assert_eq!((keeper.checksums(), &expected["checksums_matching"]), (9, &json!(9)));
    assert_eq!(top_ten(keeper.book().expect("a book")), expected["final_top10"]);
}

#[test]
fn one_wrong_digit_breaks_a_book_until_the_next_snapshot() {
    let Some(mut frames) = received("kraken", "ws-book-v2-btc-usd-depth10.ndjson") else { return };
    let changed = frames[3].replace("0.04358176", "0.04358177");
    assert_ne!(frames[3], changed);
    frames[3] = changed;
    let (mut keeper, mut reader, mut told) = (keeper(BOOK, 10), open(&[BOOK]), Vec::new());
    for frame in &frames {
        let mut take = |event: Event<'_>| {
            if let Event::Book(_, book, joint, sum) = event {
                told.push(keeper.take(&book, joint, sum));
            }
        };
        reader.read(frame, ts(RECV), &mut take).expect("sound");
    }
    assert_eq!(told[0], Ok(true));
    assert!(matches!(told[1], Err(Break::Checksum { said: 3_973_935_795, .. })), "{:?}", told[1]);
    assert_eq!(told[2..5], [Err(Break::NoSnapshot), Err(Break::NoSnapshot), Err(Break::NoSnapshot)]);
    assert_eq!(told[5..], [Ok(true), Ok(true), Ok(true), Ok(true)]);
}

/// Books of the first protocol are verified in the same way as those of the second.
fn check_old_book(name: &str, frames: &[String], checksums: u64) {
    check_frames(name, frames, BOOK, 0);
    let expected = expected("kraken", name.strip_suffix(".ndjson").expect("lines")).expect("an expectation");
    let mut keeper = keeper(BOOK, 1000);
    for frame in frames.iter().filter(|frame| frame.starts_with('[')) {
        take_old(&mut keeper, frame);
    }
    assert_eq!((keeper.checksums(), &expected["checksums_matching"]), (checksums, &json!(checksums)), "{name}");
    assert_eq!(top_ten(keeper.book().expect("a book")), expected["final_top10"], "{name}");
}

/// `[id, {sides}, {sides}?, "book-1000", pair]`; a change may have one side or two, and the checksum stands last.
fn take_old(keeper: &mut Keeper, frame: &str) {
    let frame: Vec<Value> = serde_json::from_str(frame).expect("a list");
    let parts: Vec<&Value> = frame.iter().filter(|part| part.is_object()).collect();
    let is_snapshot = parts.iter().any(|part| !part["as"].is_null());
    let side = |keys: [&str; 2]| -> Vec<Level<'_>> {
        let rows = parts.iter().flat_map(|part| keys.map(|key| &part[key])).filter_map(Value::as_array).flatten();
        rows.map(|row| Level { price: number(&row[0]), amount: number(&row[1]), count: None }).collect()
    };
    let (bids, asks) = (side(["b", "bs"]), side(["a", "as"]));
    let book = Book { ts: ts(RECV), is_snapshot, bids, asks, seq: None, recv_ts: None };
    let said = parts.iter().find_map(|part| part["c"].as_str());
    let said = said.map(|sum| Checksum(sum.parse().expect("a checksum")));
    assert!(said.is_some() || is_snapshot);
    let joint = if is_snapshot { Joint::Snapshot { seq: None } } else { Joint::Bare };
    assert_eq!(keeper.take(&book, joint, said), Ok(true), "{frame:?}");
}

fn number(value: &Value) -> Number<'_> {
    Number::new(value.as_str().expect("digits")).expect("a number")
}

#[test]
fn all_774_checksums_of_the_first_protocol_are_in_the_table() {
    let sums = TABLE.iter().map(|(_, proves)| if let OldBook(checksums) = proves { *checksums } else { 0 });
    assert_eq!(sums.sum::<u64>(), 774);
}

const MINUTES: &str = "kraken:candle:BTC-USD:1m";

/// A frame of a candle of the minute `minute` past noon, which closes at `close`.
fn candle(sort: &str, rows: &[(u32, &str)]) -> String {
    let row = |(minute, close): &(u32, &str)| {
        format!(
            r#"{{"symbol":"BTC/USD","open":100.10,"high":101.0,"low":99.90,"close":{close},"trades":3,"volume":0.30000000,"vwap":100.2,"interval_begin":"2026-01-01T12:{minute:02}:00.000000000Z","interval":1}}"#
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!(r#"{{"channel":"ohlc","type":"{sort}","data":[{}]}}"#, rows.join(","))
}

fn closed(minute: u32, close: &str) -> String {
    let numbers = ["100.10", "101.0", "99.90", close, "0.30000000", "null", "3"];
    format!("candle {}", candle_line(MINUTES, ts(&format!("2026-01-01T12:{minute:02}:00Z")), numbers))
}

fn quiet(minute: u32, close: &str) -> String {
    let line = candle_line(
        MINUTES,
        ts(&format!("2026-01-01T12:{minute:02}:00Z")),
        [close, close, close, close, "0", "null", "0"],
    );
    format!("candle {}", line.replace('}', ",\"derived\":true}"))
}

fn still_open(minute: u32) -> String {
    format!("open 0 2026-01-01T12:{minute:02}:00.000000000Z")
}

fn check_candles(frames: &[(String, Vec<String>)]) {
    let mut reader = open(&[MINUTES]);
    for (frame, words) in frames {
        let said = said(&mut *reader, &[MINUTES], frame).unwrap_or_else(|error| vec![error.to_string()]);
        assert_eq!(&said, words, "{frame}");
    }
}

#[test]
fn a_candle_closes_when_a_later_one_begins() {
    check_candles(&[
        // In whatever order the past comes.
        (candle("snapshot", &[(1, "100.3"), (0, "100.2")]), vec![still_open(0), closed(0, "100.2"), still_open(1)]),
        (candle("update", &[(1, "100.40")]), vec![still_open(1)]),
        (candle("update", &[(2, "100.5")]), vec![closed(1, "100.40"), still_open(2)]),
        // Quiet minutes are filled, as history fills them.
        (
            candle("update", &[(5, "100.6")]),
            vec![closed(2, "100.5"), quiet(3, "100.5"), quiet(4, "100.5"), still_open(5)],
        ),
        // What comes late is the better one.
        (candle("update", &[(4, "100.7")]), vec![closed(4, "100.7")]),
        (candle("update", &[(6, "100.8")]), vec![closed(5, "100.6"), still_open(6)]),
        (r#"{"channel":"ohlc","type":"snapshot","data":[]}"#.to_owned(), vec!["ignored".to_owned()]),
    ]);
}

#[test]
fn a_candle_that_may_be_incomplete_is_said_to_be_lost() {
    let error = "a frame that cannot be read: EOF while parsing an object at line 1 column 1: \"{\"".to_owned();
    let lost =
        "lost 0 2026-01-01T12:00:00.000000000Z 2026-01-01T12:02:00.000000000Z: its last state may be lost".to_owned();
    check_candles(&[
        (candle("update", &[(0, "100.1")]), vec![still_open(0)]),
        ("{".to_owned(), vec![error.clone()]),
        // Its next state is whole.
        (candle("update", &[(0, "100.2")]), vec![still_open(0)]),
        ("{".to_owned(), vec![error]),
        (candle("update", &[(2, "100.2")]), vec![lost, still_open(2)]),
        (candle("update", &[(3, "100.3")]), vec![closed(2, "100.2"), still_open(3)]),
    ]);
}

#[test]
fn a_long_silence_is_not_filled() {
    let year = |year: u32| candle("update", &[(0, "100.1")]).replace("2026-", &format!("{year}-"));
    let mut reader = open(&[MINUTES]);
    said(&mut *reader, &[MINUTES], &year(2026)).expect("sound");
    let said = said(&mut *reader, &[MINUTES], &year(2199)).expect("sound");
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[1], "lost 0 2026-01-01T12:01:00.000000000Z 2199-01-01T12:00:00.000000000Z: nothing was pushed");
}

#[test]
fn messages_ask_for_many_pairs_at_once() {
    let mut wanted = subscriptions(&[
        "kraken:trade:BTC-USD",
        "kraken:candle:BTC-USD:1h",
        "kraken:book:DOGE-EUR",
        "kraken:trade:ETH-USD",
        "kraken:book:BTC-USD",
    ]);
    wanted[2].depth = Some(11);
    wanted[4].depth = Some(5000);
    let links = KrakenStreams.links(&wanted).expect("possible");
    assert_eq!((links.len(), links[0].path.as_str(), links[0].host.ws_url), (1, "/v2", "wss://ws.kraken.com"));
    assert_eq!(
        links[0].opening,
        [
            r#"{"method":"subscribe","params":{"channel":"trade","snapshot":true,"symbol":["BTC/USD","ETH/USD"]},"req_id":1}"#,
            r#"{"method":"subscribe","params":{"channel":"ohlc","interval":60,"snapshot":true,"symbol":["BTC/USD"]},"req_id":1060}"#,
            r#"{"method":"subscribe","params":{"channel":"book","depth":25,"snapshot":true,"symbol":["DOGE/EUR"]},"req_id":2}"#,
            r#"{"method":"subscribe","params":{"channel":"book","depth":1000,"snapshot":true,"symbol":["BTC/USD"]},"req_id":2}"#,
        ]
    );
    assert_eq!(
        KrakenStreams.renewal(&wanted[2]),
        [
            r#"{"method":"unsubscribe","params":{"channel":"book","depth":25,"symbol":["DOGE/EUR"]},"req_id":2}"#,
            r#"{"method":"subscribe","params":{"channel":"book","depth":25,"snapshot":true,"symbol":["DOGE/EUR"]},"req_id":2}"#,
        ]
    );
    assert_eq!(KrakenStreams.rule(&wanted[2]).depth, Some(25));
    let ids: Vec<String> = (0..230).map(|at| format!("kraken:trade:C{at}-USD")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = KrakenStreams.links(&subscriptions(&ids)).expect("possible");
    let sizes: Vec<(usize, usize)> = links.iter().map(|link| (link.subscriptions.len(), link.opening.len())).collect();
    assert_eq!(sizes, [(200, 4), (30, 1)]);
}

#[test]
fn what_is_not_pushed_is_refused_with_words() {
    for (id, words) in [
        ("kraken:candle:BTC-USD:1w", "kraken has no span of 1w; it has 1m 5m 15m 30m 1h 4h 1d"),
        ("kraken:funding:BTC-USD", "kraken has no funding of BTC/USD; it has candle, trade, book"),
        ("kraken:trade:BTC-USD_PERP", "kraken has no market of BTC/USD:perp"),
    ] {
        let error = KrakenStreams.links(&subscriptions(&[id])).expect_err(id).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn other_frames_are_told_apart() {
    let ids = [BOOK, MINUTES, "kraken:candle:BTC-USD:1h"];
    for (frame, words) in [
        (
            r#"{"channel":"status","type":"update","data":[{"system":"maintenance"}]}"#,
            "restart: the exchange is in maintenance",
        ),
        (r#"{"channel":"status","type":"update","data":[{"system":"post_only"}]}"#, "ignored"),
        (
            r#"{"method":"subscribe","req_id":1060,"result":{"channel":"ohlc","symbol":"BTC/USD","interval":60},"success":true}"#,
            "accepted 2",
        ),
        (r#"{"method":"subscribe","req_id":1001,"error":"no","symbol":"BTC/USD","success":false}"#, "refused 1: no"),
        (r#"{"method":"subscribe","req_id":7,"error":"no","success":false}"#, "refused: no"),
        (
            r#"{"method":"unsubscribe","req_id":2,"result":{"channel":"book","symbol":"BTC/USD"},"success":true}"#,
            "ignored",
        ),
        (r#"{"method":"unsubscribe","req_id":2,"symbol":"BTC/USD","error":"no","success":false}"#, "ignored"),
    ] {
        assert_eq!(said(&mut *open(&ids), &ids, frame).expect(frame), [words]);
    }
    for (frame, why) in [
        (r#"{"method":"subscribe","req_id":1}"#, "neither yes nor no"),
        (r#"{"channel":"book","type":"partial","data":[]}"#, "neither a snapshot nor an update"),
        (r#"{"channel":"instrument","type":"update","data":{}}"#, "no known sort"),
        (&candle("update", &[(0, "1e99")]), "does not fit"),
        (&candle("update", &[(0, "100.1")]).replace(":00:00.0", ":00:01.0"), "no candle of 1m begins"),
        (
            r#"{"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[],"asks":[],"checksum":1}]}"#,
            "was not asked for",
        ),
    ] {
        let error = said(&mut *open(&ids), &ids, frame).expect_err(frame).to_string();
        assert!(error.contains(why), "{frame}: {error}");
    }
}

#[test]
fn spoiled_frames_are_refused_and_nothing_more() {
    let ids = [BOOK, MINUTES, "kraken:trade:BTC-USD", "kraken:trade:ETH-USDT"];
    let files = [
        "ws-book-v2-btc-usd-depth10.ndjson",
        "ws-mixed-tardis-kraken-v2.json",
        "ws-trades-jk-spot-trades.ndjson",
        "error-ws-v2-subscribe-rejected.json",
        "ws-ack-nt-v2-pong.json",
    ];
    let mut frames = vec![candle("snapshot", &[(1, "100.3"), (0, "100.2")]), candle("update", &[(2, "100.5")])];
    for file in files {
        let Some(more) = received("kraken", file) else { return };
        frames.extend(more);
    }
    check_mutations(|| open(&ids), &frames, 2);
}
