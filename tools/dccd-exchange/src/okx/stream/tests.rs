//! Every recording of OKX's streams is read to exactly its digits, and every book to where it ended.
//!
//! Old recordings are of channels that have since been split or moved: they are read under the name under which the
//! same rows come today. One contract is one coin here, so that amounts stay as they came.

use dccd_record::{Fixed, Ts};
use serde_json::{Value, json};

use super::OkxStreams;
use crate::live::{Break, Event, FrameReader, Keeper, Link, OrderBook, Streams, Subscription, SubscriptionId};
use crate::tests::frames::{
    RECV, book_line, candle_line, check_mutations, check_names, expected, funding_line, keep, received, said,
    subscriptions, top, trade_line,
};
use crate::tests::ts;

/// What a recording proves.
enum Proves {
    /// So many of its frames are read, of these series; the others were not asked for.
    Read(usize, &'static [&'static str]),
    /// Frames of this series cannot be read: the words why.
    Odd(&'static str, &'static str),
    /// Its frames are of channels that are never asked for, or of the third version of the interface.
    Foreign,
    /// The words of a refusal.
    Refused(&'static str),
}
use Proves::{Foreign, Odd, Read, Refused};

const SPOT_BOOK: &str = "okx:book:BTC-USDT";
const SWAP_BOOK: &str = "okx:book:UNI-USD_INVERSE";

const TABLE: &[(&str, Proves)] = &[
    ("error-ws-subscribe-rejected.json", Refused("Wrong URL or channel:books,instId:NOPE-USDT doesn't exist.")),
    ("ws-book-btc-usdt-books.ndjson", Read(99, &[SPOT_BOOK])),
    ("ws-book-cmp-l2-event.json", Read(2, &[SPOT_BOOK, "okx:book:BTC-USDT_220325"])),
    // The best levels alone, whole each time.
    ("ws-book-cmp-l2-topk.json", Foreign),
    // The example has lost its action.
    ("ws-book-jk-unified-orderbook.ndjson", Odd("okx:book:ETH-USDT", "neither a snapshot nor an update")),
    ("ws-book-uni-usd-swap-books.ndjson", Read(94, &[SWAP_BOOK])),
    ("ws-book-zec-usdt-books-2026.ndjson", Read(2, &["okx:book:ZEC-USDT"])),
    // When a rate was paid was not said yet.
    ("ws-funding-cmp-funding-rate.json", Read(1, &["okx:funding:BTC-USD_INVERSE"])),
    // The example names two instruments.
    ("ws-funding-jk-unified-fundingrate.ndjson", Foreign),
    ("ws-funding-nt.json", Read(1, &["okx:funding:BTC-USDT_PERP"])),
    ("ws-mixed-tardis-okex-futures.json", Foreign),
    ("ws-mixed-tardis-okex-swap.json", Read(1, &["okx:book:REN-USDT_PERP"])),
    ("ws-mixed-tardis-okex.json", Foreign),
    // Candles had seven fields, and none said whether they were closed.
    ("ws-ohlc-cmp-candlestick.json", Odd("okx:candle:BTC-USDT:1m", "a candle has 7 fields")),
    ("ws-ohlc-hb-okx-perpetual.ndjson", Read(2, &["okx:candle:BTC-USDT_PERP:1h"])),
    // A day of Hong Kong.
    ("ws-ohlc-jk-unified-klines.ndjson", Foreign),
    ("ws-ticker-btc-usdt-tickers.ndjson", Foreign),
    ("ws-ticker-cmp-bbo.json", Foreign),
    ("ws-ticker-cmp-ticker.json", Foreign),
    ("ws-ticker-uni-usd-swap-tickers.ndjson", Foreign),
    ("ws-trades-btc-usdt-trades.ndjson", Read(71, &["okx:trade:BTC-USDT"])),
    (
        "ws-trades-cmp-trade.json",
        Read(3, &["okx:trade:BTC-USDT", "okx:trade:BTC-USDT_PERP", "okx:trade:BTC-USD_INVERSE"]),
    ),
    ("ws-trades-jk-unified-trades.ndjson", Odd("okx:trade:ETH-USDT", "not of ETH-USDT")),
    ("ws-trades-uni-usd-swap-trades.ndjson", Read(3, &["okx:trade:UNI-USD_INVERSE"])),
];

/// The frames of a recording under today's names.
fn frames(file: &str) -> Option<Vec<String>> {
    let renamed = |frame: String| {
        frame.replace("\"channel\":\"trades\"", "\"channel\":\"trades-all\"").replace("books-l2-tbt", "books")
    };
    Some(received("okx", file)?.into_iter().map(renamed).collect())
}

#[test]
fn the_table_names_every_recording() {
    check_names("okx", TABLE.iter().map(|(name, _)| *name));
}

#[test]
fn frames_have_the_recorded_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = frames(name) else { return };
        match proves {
            Read(count, ids) => assert_eq!(check_frames(name, &frames, ids, ""), *count, "{name}"),
            Foreign => assert_eq!(check_frames(name, &frames, &["okx:trade:A-A"], ""), 0, "{name}"),
            Odd(id, why) => assert_eq!(check_frames(name, &frames, &[id], why), 0, "{name}"),
            Refused(words) => {
                let ids = ["okx:trade:NOPE-USDT", "okx:book:NOPE-USDT", "okx:book:NOPE-USDT_PERP"];
                let said = said(&mut *open(&ids), &ids, &frames[0]).expect(name);
                assert!(said[0].starts_with(&format!("refused 1: {words}")), "{said:?}");
                assert!(said[0].ends_with("(code 60018)"), "{said:?}");
            }
        }
    }
}

/// How many frames are read; each is read to what it says, was not asked for, or, for `why`, is refused.
fn check_frames(name: &str, frames: &[String], ids: &[&str], why: &str) -> usize {
    let mut reader = open(ids);
    let mut read = 0;
    for frame in frames {
        let value: Value = serde_json::from_str(frame).expect(name);
        let at = ids.iter().position(|id| is_of(id, &value["arg"]));
        match (at, said(&mut *reader, ids, frame)) {
            (Some(at), Ok(said)) if value["event"] == json!("subscribe") => {
                assert_eq!(said, [format!("accepted {at}")], "{name}");
                read += usize::from(why.is_empty());
            }
            (None, Ok(said)) => {
                assert!(value["event"] == json!("subscribe") && said == ["ignored"], "{name}: {frame}");
            }
            (Some(_), Err(error)) if !why.is_empty() => assert!(error.0.contains(why), "{name}: {error}"),
            (Some(at), said) => {
                assert_eq!(said.expect(name), words(at, ids[at], &value), "{name}: {frame}");
                read += 1;
            }
            (None, Err(error)) => {
                let is_expected = ["was not asked for", "no known sort"];
                assert!(is_expected.iter().any(|why| error.0.contains(why)), "{name}: {error}");
            }
        }
    }
    read
}

/// Whether the channel and the instrument of a frame are those of a series.
fn is_of(id: &str, arg: &Value) -> bool {
    let pair = id.split(':').nth(2).expect("a pair");
    let symbol = pair.replace("_PERP", "-SWAP").replace("_INVERSE", "-SWAP").replace('_', "-");
    let channel = match id.split(':').nth(1).expect("a kind") {
        "trade" => "trades-all",
        "book" => "books",
        "funding" => "funding-rate",
        _ if id.ends_with(":1h") => "candle1H",
        _ => "candle1m",
    };
    arg["channel"] == json!(channel) && arg["instId"] == json!(symbol)
}

/// What must be said of a frame, put together from the recorded JSON alone.
fn words(at: usize, id: &str, frame: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows = frame["data"].as_array().expect("rows").iter();
    let row_words = |row: &Value| match id.split(':').nth(1).expect("a kind") {
        "trade" => {
            let [price, amount, side, number] = ["px", "sz", "side", "tradeId"].map(|key| text(&row[key]));
            let line = trade_line(id, millis(&row["ts"]), [&price, &amount, &side, &number]);
            format!("trade Some({number}) {line}")
        }
        "candle" if row[8] == json!("0") => format!("open {at} {}", millis(&row[0])),
        "candle" => {
            let volume = if id.contains('_') { &row[6] } else { &row[5] };
            let numbers = [&row[1], &row[2], &row[3], &row[4], volume, &row[7], &Value::Null].map(text);
            let numbers = std::array::from_fn(|at| numbers[at].as_str());
            format!("candle {}", candle_line(id, millis(&row[0]), numbers))
        }
        "funding" => "ignored".to_owned(),
        _ => book_words(id, frame, row),
    };
    rows.map(row_words).collect()
}

fn book_words(id: &str, frame: &Value, row: &Value) -> String {
    let level = |level: &Value| {
        let [price, amount, count] = [0, 1, 3].map(|at| level[at].as_str().expect("digits"));
        format!("[{price},{amount},{count}]")
    };
    let side = |key: &str| row[key].as_array().expect("levels").iter().map(level).collect::<Vec<_>>().join(",");
    let (seq, previous) = (row["seqId"].as_u64(), row["prevSeqId"].as_u64());
    let is_snapshot = frame["action"] == json!("snapshot");
    let joint = match seq {
        _ if is_snapshot => format!("Snapshot {{ seq: {seq:?} }}"),
        Some(seq) => format!("Update {{ first: {seq}, last: {seq}, previous: {previous:?} }}"),
        None => "Bare".to_owned(),
    };
    let sum = row["checksum"].as_i64().filter(|sum| *sum != 0);
    let sum = sum.map(|sum| format!(" {}", if sum < 0 { sum + (1 << 32) } else { sum })).unwrap_or_default();
    let seq = seq.map_or("null".to_owned(), |seq| seq.to_string());
    let line = book_line(id, millis(&row["ts"]), is_snapshot, [&side("bids"), &side("asks"), &seq]);
    format!("book {joint}{sum} {line}")
}

fn millis(value: &Value) -> Ts {
    Ts::from_millis(value.as_str().expect("digits").parse().expect("milliseconds")).expect("believable")
}

/// Subscriptions in which one contract is one coin.
fn wanted(ids: &[&str]) -> Vec<Subscription> {
    let one = Fixed::from_parts(1, 0);
    subscriptions(ids).into_iter().map(|wanted| Subscription { contract: one, ..wanted }).collect()
}

fn open(ids: &[&str]) -> Box<dyn FrameReader> {
    let wanted = wanted(ids);
    let link = OkxStreams.links(&wanted[..1]).expect("possible").remove(0);
    let link = Link { subscriptions: (0..ids.len()).map(SubscriptionId).collect(), ..link };
    OkxStreams.reader(&link, &wanted)
}

fn keeper(id: &str) -> Keeper {
    Keeper::new(OkxStreams.rule(&wanted(&[id])[0]))
}

fn top_ten(book: &OrderBook) -> Value {
    top(book, 10, |price, amount, _| json!([price, amount]))
}

#[test]
fn books_end_as_expected_with_all_191_checksums() {
    let mut sum = 0;
    for (id, name, checksums) in
        [(SPOT_BOOK, "ws-book-btc-usdt-books", 98), (SWAP_BOOK, "ws-book-uni-usd-swap-books", 93)]
    {
        let Some(frames) = frames(&format!("{name}.ndjson")) else { return };
        let expected = expected("okx", name).expect("an expectation");
        let mut keeper = keeper(id);
        assert_eq!(keep(&mut keeper, &mut *open(&[id]), &frames).1, 0, "{name}");
        assert_eq!((keeper.checksums(), &expected["checksums_matching"]), (checksums, &json!(checksums)), "{name}");
        assert_eq!(top_ten(keeper.book().expect("a book")), expected["final_top10"], "{name}");
        sum += keeper.checksums();
    }
    assert_eq!(sum, 191);
}

fn told(keeper: &mut Keeper, id: &str, frames: &[String]) -> Vec<Result<bool, Break>> {
    let (mut reader, mut told) = (open(&[id]), Vec::new());
    for frame in frames {
        let mut take = |event: Event<'_>| {
            if let Event::Book(_, book, joint, sum) = event {
                told.push(keeper.take(&book, joint, sum));
            }
        };
        reader.read(frame, ts(RECV), &mut take).expect("sound");
    }
    told
}

#[test]
fn a_missing_frame_breaks_the_checksum() {
    let Some(mut frames) = frames("ws-book-btc-usdt-books.ndjson") else { return };
    frames.remove(30);
    let mut keeper = keeper(SPOT_BOOK);
    let told = told(&mut keeper, SPOT_BOOK, &frames);
    let first = told.iter().position(Result::is_err).expect("a break");
    assert!(matches!(told[first], Err(Break::Checksum { .. })), "{:?}", told[first]);
    assert!(told[first + 1..].iter().all(|told| *told == Err(Break::NoSnapshot)) && keeper.book().is_none());
}

const ZEC: &str = "okx:book:ZEC-USDT";

/// A change from one number to another; without levels it says that nothing changed.
fn change(previous: i64, seq: i64) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"ZEC-USDT"}},"action":"update","data":[{{"asks":[],"bids":[],"ts":"1788613464401","checksum":0,"seqId":{seq},"prevSeqId":{previous}}}]}}"#
    )
}

#[test]
fn books_of_today_are_linked_by_their_numbers() {
    let Some(mut frames) = frames("ws-book-zec-usdt-books-2026.ndjson") else { return };
    let mut keeper = keeper(ZEC);
    // Nothing for a minute, a maintenance after which numbers begin anew, and then one that does not follow.
    frames.extend([change(4_429_784_551, 4_429_784_551), change(4_429_784_551, 7), change(7, 9), change(10, 12)]);
    let told = told(&mut keeper, ZEC, &frames);
    let gap = Break::Sequence { reached: 9, came: 12 };
    assert_eq!(told, [Ok(true), Ok(true), Ok(true), Ok(true), Ok(true), Err(gap)]);
    assert_eq!(keeper.checksums(), 0);
}

#[test]
fn contracts_become_coins() {
    let ids = ["okx:trade:BTC-USDT_PERP", "okx:book:BTC-USDT_PERP"];
    let trade = r#"{"arg":{"channel":"trades-all","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","tradeId":"219066264","px":"43568.8","sz":"7","side":"buy","ts":"1646312440645","source":"0"}]}"#;
    let book = r#"{"arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"action":"snapshot","data":[{"asks":[["43568.9","120.5","0","3"]],"bids":[],"ts":"1646312440645","checksum":5,"seqId":9,"prevSeqId":-1}]}"#;
    let mut wanted = wanted(&ids);
    let links = OkxStreams.links(&wanted).expect("possible");
    for known in [None, Fixed::from_parts(1, 2)] {
        wanted.iter_mut().for_each(|wanted| wanted.contract = known);
        let link = Link { subscriptions: vec![SubscriptionId(0), SubscriptionId(1)], ..links[0].clone() };
        let mut reader = OkxStreams.reader(&link, &wanted);
        let mut read = |frame| said(&mut *reader, &ids, frame);
        if known.is_none() {
            assert!(read(trade).expect_err("no size").0.contains("contracts whose size is not known"));
            assert!(read(book).expect_err("no size").0.contains("contracts whose size is not known"));
            continue;
        }
        let line = trade_line(ids[0], ts("2022-03-03T13:00:40.645Z"), ["43568.8", "0.07", "buy", "219066264"]);
        assert_eq!(read(trade).expect("sound"), [format!("trade Some(219066264) {line}")]);
        // The checksum is one of contracts.
        let line = book_line(ids[1], ts("2022-03-03T13:00:40.645Z"), true, ["", "[43568.9,1.205,3]", "9"]);
        assert_eq!(read(book).expect("sound"), [format!("book Snapshot {{ seq: Some(9) }} {line}")]);
    }
}

#[test]
fn a_rate_counts_once_it_is_paid() {
    let ids = ["okx:funding:BTC-USDT_PERP"];
    let frame = |state: &str, rate: &str, time: &str| {
        format!(
            r#"{{"arg":{{"channel":"funding-rate","instId":"BTC-USDT-SWAP"}},"data":[{{"instType":"SWAP","instId":"BTC-USDT-SWAP","fundingRate":"0.5","fundingTime":"1785600000000","nextFundingRate":"","nextFundingTime":"1785628800000","prevFundingTime":"{time}","settFundingRate":"{rate}","settState":"{state}","ts":"1785548167559"}}]}}"#
        )
    };
    let paid = |time: &str, rate: &str| format!("funding {}", funding_line(ids[0], ts(time), rate));
    let mut reader = open(&ids);
    for (frame, words) in [
        (frame("settled", "0.0000539822210069", "1785542400000"), paid("2026-08-01T00:00:00Z", "0.0000539822210069")),
        (frame("settled", "0.0000539822210069", "1785542400000"), "ignored".to_owned()),
        (frame("processing", "-0.0001", "1785571200000"), "ignored".to_owned()),
        (frame("settled", "-0.0001", "1785571200000"), paid("2026-08-01T08:00:00Z", "-0.0001")),
        (frame("settled", "", "1785600000000"), "ignored".to_owned()),
        (frame("settled", "0.1", ""), "ignored".to_owned()),
    ] {
        assert_eq!(said(&mut *reader, &ids, &frame).expect(&frame), [words], "{frame}");
    }
}

#[test]
fn series_go_to_the_url_that_has_them() {
    let wanted = subscriptions(&[
        "okx:trade:BTC-USDT",
        "okx:book:BTC-USDT_PERP",
        "okx:candle:BTC-USD_INVERSE:6h",
        "okx:funding:BTC-USDT_PERP",
        "okx:trade:BTC-USDT_261225",
    ]);
    let links = OkxStreams.links(&wanted).expect("possible");
    let told: Vec<(&str, &str)> = links.iter().map(|link| (link.path.as_str(), link.opening[0].as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "/ws/v5/public",
                r#"{"args":[{"channel":"books","instId":"BTC-USDT-SWAP"},{"channel":"funding-rate","instId":"BTC-USDT-SWAP"}],"op":"subscribe"}"#
            ),
            (
                "/ws/v5/business",
                r#"{"args":[{"channel":"trades-all","instId":"BTC-USDT"},{"channel":"candle6Hutc","instId":"BTC-USD-SWAP"},{"channel":"trades-all","instId":"BTC-USDT-261225"}],"op":"subscribe"}"#
            ),
        ]
    );
    assert_eq!(links[1].subscriptions, [0, 2, 4].map(SubscriptionId));
    assert_eq!(
        OkxStreams.renewal(&wanted[1]),
        [
            r#"{"args":[{"channel":"books","instId":"BTC-USDT-SWAP"}],"op":"unsubscribe"}"#,
            r#"{"args":[{"channel":"books","instId":"BTC-USDT-SWAP"}],"op":"subscribe"}"#,
        ]
    );
    let ids: Vec<String> = (0..230).map(|at| format!("okx:trade:C{at}-USDT")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let links = OkxStreams.links(&subscriptions(&ids)).expect("possible");
    let sizes: Vec<(usize, usize)> = links.iter().map(|link| (link.subscriptions.len(), link.opening.len())).collect();
    assert_eq!(sizes, [(200, 2), (30, 1)]);
    assert!(links.iter().flat_map(|link| &link.opening).all(|message| message.len() < 65_536));
}

#[test]
fn what_is_not_pushed_is_refused_with_words() {
    for (id, words) in [
        ("okx:funding:BTC-USDT", "okx has no funding of BTC/USDT"),
        (
            "okx:open_interest:BTC-USDT_PERP:1h",
            "okx has no open_interest of BTC/USDT:perp; it has candle, trade, book, funding",
        ),
        ("okx:candle:BTC-USDT:1s", "okx has no span of 1s"),
        ("okx:trade:BTC-EUR_PERP", "okx has no market of BTC/EUR:perp"),
    ] {
        let error = OkxStreams.links(&subscriptions(&[id])).expect_err(id).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn other_frames_are_told_apart() {
    let ids = ["okx:candle:BTC-USDT:1h", "okx:trade:BTC-USDT"];
    for (frame, words) in [
        ("pong", "heartbeat"),
        (
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a"}"#,
            "restart: The connection will soon be closed for a service upgrade. Please reconnect. (code 64008)",
        ),
        (r#"{"event":"channel-conn-count","channel":"trades-all","connCount":"2","connId":"a"}"#, "ignored"),
        (
            r#"{"event":"channel-conn-count-error","channel":"trades-all","connCount":"31","connId":"a"}"#,
            "refused 1: too many connections have the channel \"trades-all\"",
        ),
        (
            r#"{"event":"channel-conn-count-error","channel":"x","connCount":"31","connId":"a"}"#,
            "refused: too many connections have the channel \"x\"",
        ),
        (r#"{"event":"unsubscribe","arg":{"channel":"trades-all","instId":"BTC-USDT"},"connId":"a"}"#, "ignored"),
        (
            r#"{"event":"error","code":"60012","msg":"Invalid request","connId":"a"}"#,
            "refused: Invalid request (code 60012)",
        ),
        (r#"{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[]}"#, "ignored"),
    ] {
        assert_eq!(said(&mut *open(&ids), &ids, frame).expect(frame), [words]);
    }
    let candle = r#"{"arg":{"channel":"candle1H","instId":"BTC-USDT"},"data":[["1705420800000","1","2","0.5","1.5","9","13","13","1"]]}"#;
    let line = candle_line(ids[0], ts("2024-01-16T16:00:00Z"), ["1", "2", "0.5", "1.5", "9", "13", "null"]);
    assert_eq!(said(&mut *open(&ids), &ids, candle).expect("sound"), [format!("candle {line}")]);
    for (frame, why) in [
        ("ping", "expected value"),
        ("{}", "no known sort"),
        (r#"{"event":"login"}"#, "no known event"),
        (&candle.replace("1H", "1D"), "was not asked for"),
        (&candle.replace("5420800000", "5420860000"), "no candle begins at"),
        (&candle.replace("\"13\"", "\"\""), "is no number"),
        (&candle.replace("[[", "[{").replace("]]", "}]"), "expected"),
    ] {
        let error = said(&mut *open(&ids), &ids, frame).expect_err(frame).to_string();
        assert!(error.contains(why), "{frame}: {error}");
    }
}

#[test]
fn spoiled_frames_are_refused_and_nothing_more() {
    let ids = [SPOT_BOOK, SWAP_BOOK, "okx:trade:BTC-USDT", "okx:candle:BTC-USDT_PERP:1h", "okx:funding:BTC-USDT_PERP"];
    let files = [
        "ws-book-btc-usdt-books.ndjson",
        "ws-book-uni-usd-swap-books.ndjson",
        "ws-trades-btc-usdt-trades.ndjson",
        "ws-ohlc-hb-okx-perpetual.ndjson",
        "ws-funding-nt.json",
        "error-ws-subscribe-rejected.json",
    ];
    let mut all = vec!["pong".to_owned()];
    for file in files {
        let Some(more) = frames(file) else { return };
        all.extend(more.into_iter().take(40));
    }
    check_mutations(|| open(&ids), &all, 4);
}
