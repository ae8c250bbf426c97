//! Every recording of Kraken Futures' streams is read to exactly its digits, and every book to where it ended.
//!
//! Most are of contracts `FI_`, which share their dates with `FF_` and have no name of their own here: they are read as
//! those.

use std::collections::BTreeMap;

use serde_json::json;
use serde_json::value::RawValue;

use super::KrakenFuturesStreams;
use crate::live::{Break, Event, FrameReader, Keeper, Streams};
use crate::tests::frames::{
    RECV, book_line, check_mutations, expected, keep, reader, received, said, subscriptions, top, trade_line,
};
use crate::tests::ts;

/// What a recording proves.
pub(crate) enum Proves {
    /// All its frames are read, of which so many are changes of this book.
    Book(&'static str, usize),
    /// All its frames are read, of which so many are of the trades of this series, after a hundred past ones.
    Trades(&'static str, usize),
    /// So many of its frames are read, of these series; the others are of channels that are not asked for.
    Mixed(&'static [&'static str], usize),
}
use Proves::{Book, Mixed, Trades};

/// In the folder of Kraken.
pub(crate) const RECORDINGS: &[(&str, Proves)] = &[
    ("ws-book-futures-fi_bchusd_210730.ndjson", Book("krakenfutures:book:BCH-USD_210730", 18)),
    ("ws-book-futures-fi_ethusd_210730.ndjson", Book("krakenfutures:book:ETH-USD_210730", 346)),
    ("ws-book-futures-fi_xrpusd_210924.ndjson", Book("krakenfutures:book:XRP-USD_210924", 37)),
    ("ws-book-futures-pi_xrpusd.ndjson", Book("krakenfutures:book:XRP-USD_INVERSE", 235)),
    (
        "ws-mixed-tardis-cryptofacilities.json",
        Mixed(&["krakenfutures:book:LTC-USD_INVERSE", "krakenfutures:trade:BTC-USD_190426"], 4),
    ),
    ("ws-trades-futures-fi_bchusd_210730.ndjson", Trades("krakenfutures:trade:BCH-USD_210730", 1)),
    ("ws-trades-futures-fi_ethusd_210730.ndjson", Trades("krakenfutures:trade:ETH-USD_210730", 0)),
    ("ws-trades-futures-fi_xbtusd_210730.ndjson", Trades("krakenfutures:trade:BTC-USD_210730", 0)),
    ("ws-trades-futures-fi_xrpusd_210924.ndjson", Trades("krakenfutures:trade:XRP-USD_210924", 0)),
    ("ws-trades-futures-pi_ethusd.ndjson", Trades("krakenfutures:trade:ETH-USD_INVERSE", 1)),
    ("ws-trades-futures-pi_ltcusd.ndjson", Trades("krakenfutures:trade:LTC-USD_INVERSE", 1)),
    ("ws-trades-futures-pi_xrpusd.ndjson", Trades("krakenfutures:trade:XRP-USD_INVERSE", 0)),
];

/// The frames of a recording, with contracts that have a name here.
fn frames(file: &str) -> Option<Vec<String>> {
    Some(received("kraken", file)?.into_iter().map(|frame| frame.replace("\"FI_", "\"FF_")).collect())
}

#[test]
fn frames_have_the_recorded_digits() {
    for (name, proves) in RECORDINGS {
        let Some(frames) = frames(name) else { return };
        match proves {
            Book(id, changes) => {
                assert_eq!(check_frames(name, &frames, &[id]), frames.len(), "{name}");
                check_book(name, &frames, id, *changes);
            }
            Trades(id, count) => {
                assert_eq!(check_frames(name, &frames, &[id]), frames.len(), "{name}");
                check_ids(name, &frames, id, 100 + count);
            }
            Mixed(ids, count) => assert_eq!(check_frames(name, &frames, ids), *count, "{name}"),
        }
    }
}

/// How many frames are read; each is read to what it says, or was not asked for.
fn check_frames(name: &str, frames: &[String], ids: &[&str]) -> usize {
    let mut reader = open(ids);
    let mut read = 0;
    for frame in frames {
        match said(&mut *reader, ids, frame) {
            Ok(said) => {
                assert_eq!(said, words(ids, frame), "{name}: {frame}");
                read += 1;
            }
            Err(error) => {
                let is_expected = ["no known sort", "was not asked for"];
                assert!(is_expected.iter().any(|why| error.0.contains(why)), "{name}: {error}");
            }
        }
    }
    read
}

type Fields = BTreeMap<String, Box<RawValue>>;

fn text(fields: &Fields, key: &str) -> String {
    fields.get(key).map_or_else(String::new, |raw| raw.get().trim_matches('"').to_owned())
}

/// What must be said of a frame, put together from the recorded text alone.
fn words(ids: &[&str], frame: &str) -> Vec<String> {
    let fields: Fields = serde_json::from_str(frame).expect("an object");
    let feed = text(&fields, "feed");
    let kind = if feed.starts_with("book") { "book" } else { "trade" };
    let at = ids.iter().position(|id| id.contains(kind) && frame.contains(&contract(id)));
    let id = at.map_or("", |at| ids[at]);
    match (fields.contains_key("event"), &*feed) {
        (true, "book" | "trade") => vec![at.map_or("ignored".to_owned(), |at| format!("accepted {at}"))],
        (true, _) => vec!["ignored".to_owned()],
        (false, "trade") => vec![format!("trade {}", trade(id, &fields))],
        (false, "trade_snapshot") => {
            let trades: Vec<Fields> = serde_json::from_str(fields["trades"].get()).expect("trades");
            trades.iter().rev().map(|fields| format!("past {}", trade(id, fields))).collect()
        }
        (false, "book_snapshot") => {
            let seq = text(&fields, "seq");
            let side = |key: &str| {
                let levels: Vec<Fields> = serde_json::from_str(fields[key].get()).expect("levels");
                levels.iter().map(level).collect::<Vec<_>>().join(",")
            };
            let line = book_line(id, millis(&text(&fields, "timestamp")), true, [&side("bids"), &side("asks"), &seq]);
            vec![format!("book Snapshot {{ seq: Some({seq}) }} {line}")]
        }
        (false, "book") => {
            let seq = text(&fields, "seq");
            let (bids, asks) = match &*text(&fields, "side") {
                "buy" => (level(&fields), String::new()),
                _ => (String::new(), level(&fields)),
            };
            let line = book_line(id, millis(&text(&fields, "timestamp")), false, [&bids, &asks, &seq]);
            vec![format!("book Update {{ first: {seq}, last: {seq}, previous: None }} {line}")]
        }
        other => panic!("{other:?}"),
    }
}

fn trade(id: &str, fields: &Fields) -> String {
    let [price, amount, side, uid] = ["price", "qty", "side", "uid"].map(|key| text(fields, key));
    let line = trade_line(id, millis(&text(fields, "time")), [&price, &amount, &side, &uid]);
    format!("Some({}) {line}", text(fields, "seq"))
}

fn level(fields: &Fields) -> String {
    format!("[{},{}]", text(fields, "price"), text(fields, "qty"))
}

fn millis(text: &str) -> dccd_record::Ts {
    dccd_record::Ts::from_millis(text.parse().expect("milliseconds")).expect("believable")
}

/// The contract of a series as the exchange calls it.
fn contract(id: &str) -> String {
    let pair = id.rsplit(':').next().expect("a pair").replace("BTC-", "XBT-").replace('-', "");
    match pair.strip_suffix("_INVERSE") {
        Some(names) => format!("\"PI_{names}\""),
        None => format!("\"FF_{pair}\""),
    }
}

fn open(ids: &[&str]) -> Box<dyn FrameReader> {
    let link = &KrakenFuturesStreams.links(&subscriptions(&ids[..1])).expect("possible")[0];
    reader(&KrakenFuturesStreams, link, ids)
}

fn keeper(id: &str) -> Keeper {
    Keeper::new(KrakenFuturesStreams.rule(&subscriptions(&[id])[0]))
}

/// No number is missing, and the best levels are those that are expected.
fn check_book(name: &str, frames: &[String], id: &str, changes: usize) {
    let expected = expected("kraken", name.strip_suffix(".ndjson").expect("lines")).expect("an expectation");
    let mut keeper = keeper(id);
    assert_eq!(keep(&mut keeper, &mut *open(&[id]), frames), (1 + changes, 0), "{name}");
    let ten = top(keeper.book().expect("a book"), 10, |price, amount, _| json!([price, amount]));
    assert_eq!((&ten, &json!(0)), (&expected["final_top10"], &expected["sequence_gaps"]), "{name}");
}

/// The numbers of trades are consecutive, those of the past included.
fn check_ids(name: &str, frames: &[String], id: &str, count: usize) {
    let (mut reader, mut numbers) = (open(&[id]), Vec::new());
    for frame in frames {
        let mut take = |event: Event<'_>| {
            if let Event::PastTrade(_, number, _) | Event::Trade(_, number, _) = event {
                numbers.push(number.expect("a number"));
            }
        };
        reader.read(frame, ts(RECV), &mut take).expect(name);
    }
    assert_eq!(numbers.len(), count, "{name}");
    assert!(numbers.is_sorted_by(|before, after| before + 1 == *after), "{name}");
}

#[test]
fn a_missing_change_breaks_a_book() {
    let id = "krakenfutures:book:XRP-USD_INVERSE";
    let Some(mut frames) = frames("ws-book-futures-pi_xrpusd.ndjson") else { return };
    let changes: Vec<usize> = (0..frames.len()).filter(|at| frames[*at].starts_with("{\"feed\":\"book\",")).collect();
    frames.remove(changes[changes.len() / 2]);
    let (mut keeper, mut reader, mut breaks) = (keeper(id), open(&[id]), Vec::new());
    for frame in &frames {
        let mut take = |event: Event<'_>| {
            if let Event::Book(_, book, joint, sum) = event {
                breaks.extend(keeper.take(&book, joint, sum).err());
            }
        };
        reader.read(frame, ts(RECV), &mut take).expect("sound");
    }
    let Break::Sequence { reached, came } = breaks[0] else { panic!("{:?}", breaks[0]) };
    assert_eq!(came, reached + 2);
    assert!(breaks[1..].iter().all(|error| *error == Break::NoSnapshot) && keeper.book().is_none());
}

#[test]
fn frames_of_another_collection_are_read_too() {
    let Some(frames) = frames("ws-book-cmp-l2-event.json") else { return };
    let ids = ["krakenfutures:book:BTC-USD_INVERSE", "krakenfutures:book:BTC-USD_220624"];
    let frames: Vec<String> = frames.into_iter().filter(|frame| frame.starts_with('{')).collect();
    assert_eq!((check_frames("cmp", &frames, &ids), frames.len()), (3, 3));
}

#[test]
fn messages_ask_for_many_contracts_at_once() {
    let wanted = subscriptions(&[
        "krakenfutures:book:BTC-USD_PERP",
        "krakenfutures:trade:ETH-USD_INVERSE",
        "krakenfutures:trade:BTC-USD_261225",
    ]);
    let links = KrakenFuturesStreams.links(&wanted).expect("possible");
    assert_eq!((links.len(), links[0].path.as_str()), (1, "/ws/v1"));
    assert_eq!(
        links[0].opening,
        [
            r#"{"event":"subscribe","feed":"heartbeat"}"#,
            r#"{"event":"subscribe","feed":"trade","product_ids":["PI_ETHUSD","FF_XBTUSD_261225"]}"#,
            r#"{"event":"subscribe","feed":"book","product_ids":["PF_XBTUSD"]}"#,
        ]
    );
    assert_eq!(
        KrakenFuturesStreams.renewal(&wanted[0]),
        [
            r#"{"event":"unsubscribe","feed":"book","product_ids":["PF_XBTUSD"]}"#,
            r#"{"event":"subscribe","feed":"book","product_ids":["PF_XBTUSD"]}"#,
        ]
    );
    for (id, words) in [
        ("krakenfutures:candle:BTC-USD_PERP:1m", "krakenfutures has no candle of BTC/USD:perp; it has trade, book"),
        ("krakenfutures:trade:BTC-USD", "krakenfutures has no market of BTC/USD"),
    ] {
        let error = KrakenFuturesStreams.links(&subscriptions(&[id])).expect_err(id).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn other_frames_are_told_apart() {
    let ids = ["krakenfutures:trade:BTC-USD_PERP", "krakenfutures:book:BTC-USD_PERP"];
    for (frame, words) in [
        (r#"{"feed":"heartbeat","time":1700000000000}"#, "heartbeat 2023-11-14T22:13:20.000000000Z"),
        (r#"{"event":"subscribed","feed":"heartbeat"}"#, "ignored"),
        (r#"{"event":"subscribed","feed":"book","product_ids":["PF_XBTUSD"]}"#, "accepted 1"),
        (r#"{"event":"unsubscribed","feed":"book","product_ids":["PF_XBTUSD"]}"#, "ignored"),
        (r#"{"event":"subscribed_failed","feed":"trade","product_ids":["PF_XBTUSD"]}"#, "refused 0: subscribed_failed"),
        (r#"{"event":"error","message":"Invalid product id"}"#, "refused: Invalid product id"),
        (r#"{"event":"alert","message":"Bad request"}"#, "refused: Bad request"),
        (r#"{"feed":"trade_snapshot","product_id":"PF_XBTUSD","trades":[]}"#, "ignored"),
    ] {
        assert_eq!(said(&mut *open(&ids), &ids, frame).expect(frame), [words]);
    }
    let trade = r#"{"feed":"trade","product_id":"PF_XBTUSD","uid":"u","side":"buy","type":"fill","seq":5,"time":1700000000000,"qty":0.0001,"price":37000}"#;
    assert!(said(&mut *open(&ids), &ids, trade).is_ok());
    for (frame, why) in [
        ("[]", "invalid length"),
        (r#"{"event":"challenge"}"#, "no known event"),
        (r#"{"feed":"ticker","product_id":"PF_XBTUSD"}"#, "no known sort"),
        (&trade.replace("PF_XBT", "PF_ETH"), "was not asked for"),
        (&trade.replace("buy", "long"), "is no side"),
        (&trade.replace("1700000000000", "17"), "1970"),
        (&trade.replace("37000", "true"), "true"),
    ] {
        let error = said(&mut *open(&ids), &ids, frame).expect_err(frame).to_string();
        assert!(error.contains(why), "{frame}: {error}");
    }
}

#[test]
fn spoiled_frames_are_refused_and_nothing_more() {
    let ids = ["krakenfutures:book:XRP-USD_INVERSE", "krakenfutures:trade:ETH-USD_INVERSE"];
    let mut all = vec![r#"{"feed":"heartbeat","time":1700000000000}"#.to_owned()];
    for file in ["ws-book-futures-pi_xrpusd.ndjson", "ws-trades-futures-pi_ethusd.ndjson"] {
        let Some(more) = frames(file) else { return };
        all.extend(more);
    }
    check_mutations(|| open(&ids), &all, 3);
}
