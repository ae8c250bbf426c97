//! Every recording of Coinbase's streams is read to exactly its digits.

#![expect(clippy::print_stderr, reason = "what is not read says why")]

use serde_json::Value;

use super::reader;
use crate::coinbase::stream::{ADVANCED, CoinbaseStreams, EXCHANGE};
use crate::live::{Keeper, LiveHost, Streams, Subscription};
use crate::tests::frames::{RECV, book_line, check_names, expected, keep, received, said, top, trade_line};
use crate::tests::{dataset, ts};

/// What a recording proves.
enum Proves {
    /// What a connection that carries these says: so many frames, and so many that are refused.
    Exchange(&'static [&'static str], usize, usize),
    /// The same of the other interface.
    Advanced(&'static [&'static str], usize),
    /// Nothing is read, and why not.
    NotRead(&'static str),
}
use Proves::{Advanced, Exchange, NotRead};

const BAND: &[&str] = &["coinbase:book:BAND-GBP", "coinbase:trade:BAND-GBP"];
const SKL_GBP: &[&str] = &["coinbase:book:SKL-GBP", "coinbase:trade:SKL-GBP"];
const SKL_USD: &[&str] = &["coinbase:book:SKL-USD", "coinbase:trade:SKL-USD"];
const YFI: &[&str] = &["coinbase:book:YFI-BTC", "coinbase:trade:YFI-BTC"];
const BTC: &[&str] = &["coinbase:book:BTC-USD", "coinbase:trade:BTC-USD"];
const MIXED: &[&str] =
    &["coinbase:trade:ETC-GBP", "coinbase:book:BTC-EUR", "coinbase:book:BAT-USDC", "coinbase:book:YFI-USD"];

const TABLE: &[(&str, Proves)] = &[
    ("ws-ack-nt-advanced-subscriptions.json", Advanced(&["coinbase:book:BTC-USD"], 1)),
    ("ws-book-band-gbp-exchange-feed.ndjson", Exchange(BAND, 475, 0)),
    ("ws-book-nt-advanced-l2-snapshot.json", Advanced(&["coinbase:book:BTC-USD"], 1)),
    ("ws-book-skl-gbp-exchange-feed.ndjson", Exchange(SKL_GBP, 293, 0)),
    ("ws-book-skl-usd-exchange-feed.ndjson", Exchange(SKL_USD, 703, 0)),
    ("ws-book-yfi-btc-exchange-feed.ndjson", Exchange(YFI, 491, 0)),
    // The last one is an answer over REST.
    ("ws-mixed-cmp-trade.json", Exchange(BTC, 3, 1)),
    ("ws-mixed-tardis-coinbase-international.json", NotRead("another exchange of the same house")),
    // One book has an amount of `0.-10000`.
    ("ws-mixed-tardis-coinbase.json", Exchange(MIXED, 5, 1)),
    ("ws-ohlc-jk-advancedtrade-klines.ndjson", Advanced(&["coinbase:candle:ETH-USDT:5m"], 2)),
    ("ws-ticker-band-gbp-exchange-feed.ndjson", Exchange(BAND, 8, 0)),
    ("ws-ticker-skl-gbp-exchange-feed.ndjson", Exchange(SKL_GBP, 5, 0)),
    ("ws-ticker-skl-usd-exchange-feed.ndjson", Exchange(SKL_USD, 56, 0)),
    ("ws-ticker-yfi-btc-exchange-feed.ndjson", Exchange(YFI, 4, 0)),
    // Trades are taken from the other interface, but all frames count.
    ("ws-trades-advanced-btc-usd-2026.ndjson", Advanced(&["coinbase:book:BTC-USD"], 3)),
    ("ws-trades-band-gbp-exchange-feed.ndjson", Exchange(BAND, 8, 0)),
    ("ws-trades-jk-advancedtrade-trades.ndjson", Advanced(&["coinbase:book:ETH-USDT"], 2)),
    ("ws-trades-nt-advanced-market-trades.json", Advanced(&["coinbase:book:BTC-USD"], 1)),
    ("ws-trades-skl-gbp-exchange-feed.ndjson", Exchange(SKL_GBP, 5, 0)),
    ("ws-trades-skl-usd-exchange-feed.ndjson", Exchange(SKL_USD, 56, 0)),
    ("ws-trades-yfi-btc-exchange-feed.ndjson", Exchange(YFI, 4, 0)),
];

#[test]
fn the_table_names_every_recording() {
    check_names("coinbase", TABLE.iter().map(|(name, _)| *name));
}

#[test]
fn every_frame_is_read_to_its_digits() {
    for (name, proves) in TABLE {
        let Some(frames) = received("coinbase", name) else { return };
        match proves {
            NotRead(why) => {
                let ids = ["coinbase:trade:BTC-USD"];
                for host in [&EXCHANGE, &ADVANCED] {
                    let mut reader = reader(host, &ids);
                    assert!(frames.iter().all(|frame| said(&mut *reader, &ids, frame).is_err()), "{name}");
                }
                eprintln!("{name}: {why}");
            }
            Exchange(ids, read, refused) => {
                assert_eq!(play(name, &EXCHANGE, ids, &frames), (*read, *refused), "{name}")
            }
            Advanced(ids, read) => assert_eq!(play(name, &ADVANCED, ids, &frames), (*read, 0), "{name}"),
        }
    }
}

/// How many frames were read as expected, and how many refused.
fn play(name: &str, host: &'static LiveHost, ids: &[&str], frames: &[String]) -> (usize, usize) {
    let mut reader = reader(host, ids);
    let mut accepted = vec![false; ids.len()];
    let (mut read, mut refused) = (0, 0);
    for frame in frames {
        let words: Value = serde_json::from_str(frame).expect("JSON");
        let events =
            if *host == ADVANCED { advanced(ids, &mut accepted, &words) } else { exchange(ids, &mut accepted, &words) };
        match said(&mut *reader, ids, frame) {
            Ok(said) => {
                assert_eq!(Some(said), events, "{name}");
                read += 1;
            }
            Err(error) => {
                assert_eq!(events, None, "{name}: {error}");
                refused += 1;
            }
        }
    }
    (read, refused)
}

/// What a frame of the Exchange feed says, put together by hand; `None` if it is not to be read.
fn exchange(ids: &[&str], accepted: &mut [bool], words: &Value) -> Option<Vec<String>> {
    let product = words["product_id"].as_str().unwrap_or_default();
    let of = |kind: &str| format!("coinbase:{kind}:{product}");
    Some(vec![match words["type"].as_str()? {
        "ticker" => "ignored".to_owned(),
        "subscriptions" => {
            let channels = words["channels"].as_array().expect("channels").iter();
            let listed = channels.map(|channel| (text(&channel["name"]), &channel["product_ids"]));
            return Some(accept(ids, accepted, &listed.collect::<Vec<_>>()));
        }
        "snapshot" => {
            let (bids, asks) = (levels(&words["bids"], "")?, levels(&words["asks"], "")?);
            let line = book_line(&of("book"), ts(RECV), true, [&bids, &asks, "null"]);
            format!("book Snapshot {{ seq: None }} {line}")
        }
        "l2update" => {
            let (bids, asks) = (levels(&words["changes"], "buy")?, levels(&words["changes"], "sell")?);
            let line = book_line(&of("book"), ts(text(&words["time"])), false, [&bids, &asks, "null"]);
            format!("book Bare {line}")
        }
        form => {
            let side = if words["side"] == "buy" { "sell" } else { "buy" };
            let number = words["trade_id"].to_string();
            let digits = [text(&words["price"]), text(&words["size"]), side, &number];
            let line = trade_line(&of("trade"), ts(text(&words["time"])), digits);
            let form = if form == "match" { "trade" } else { "past" };
            format!("{form} Some({number}) {line}")
        }
    }])
}

/// What a frame of Advanced Trade says.
fn advanced(ids: &[&str], accepted: &mut [bool], words: &Value) -> Option<Vec<String>> {
    let mut said = vec![format!("sequence {}", words["sequence_num"])];
    let event = &words["events"][0];
    match text(&words["channel"]) {
        "subscriptions" => {
            let listed = event["subscriptions"].as_object().expect("channels").iter();
            let listed: Vec<(&str, &Value)> = listed.map(|(name, products)| (name.as_str(), products)).collect();
            said.extend(accept(ids, accepted, &listed));
        }
        "l2_data" => {
            let side = |side: &str| {
                let rows = event["updates"].as_array().expect("levels").iter().filter(|row| row["side"] == side);
                let level = |row: &Value| format!("[{},{}]", text(&row["price_level"]), text(&row["new_quantity"]));
                rows.map(level).collect::<Vec<_>>().join(",")
            };
            let ts = ts(text(&words["timestamp"]));
            let line = book_line(ids[0], ts, true, [&side("bid"), &side("offer"), "null"]);
            said.push(format!("book Snapshot {{ seq: None }} {line}"));
        }
        "candles" => {
            let start = text(&event["candles"][0]["start"]).parse().expect("seconds");
            said.push(format!("open 0 {}", dccd_record::Ts::from_secs(start).expect("believable")));
        }
        _ => said.push("ignored".to_owned()),
    }
    Some(said)
}

/// Who is granted now and was not before.
fn accept(ids: &[&str], accepted: &mut [bool], listed: &[(&str, &Value)]) -> Vec<String> {
    let mut events = Vec::new();
    for (at, id) in ids.iter().enumerate() {
        let parts: Vec<&str> = id.split(':').collect();
        let channel = match parts[1] {
            "trade" => "matches",
            "book" => "level2",
            _ => "candles",
        };
        let has = |(name, products): &(&str, &Value)| {
            *name == channel && products.as_array().expect("products").iter().any(|product| product == parts[2])
        };
        if listed.iter().any(has) && !accepted[at] {
            accepted[at] = true;
            events.push(format!("accepted {at}"));
        }
    }
    if events.is_empty() {
        events.push("ignored".to_owned());
    }
    events
}

/// Levels that are behind their side, if one is given; `None` if one has an amount that is no number.
fn levels(rows: &Value, side: &str) -> Option<String> {
    let rows = rows.as_array().expect("levels").iter();
    let of_side = rows.filter(|row| side.is_empty() || row[0] == side);
    let at = usize::from(!side.is_empty());
    let level = |row: &Value| {
        let (price, amount) = (text(&row[at]), text(&row[at + 1]));
        (!amount.contains('-')).then(|| format!("[{price},{amount}]"))
    };
    of_side.map(level).collect::<Option<Vec<_>>>().map(|levels| levels.join(","))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
fn recorded_books_end_in_their_expected_levels() {
    for (name, id, updates) in [
        ("ws-book-band-gbp-exchange-feed", BAND[0], 471),
        ("ws-book-skl-gbp-exchange-feed", SKL_GBP[0], 289),
        ("ws-book-skl-usd-exchange-feed", SKL_USD[0], 699),
        ("ws-book-yfi-btc-exchange-feed", YFI[0], 487),
    ] {
        let Some(frames) = received("coinbase", &format!("{name}.ndjson")) else { return };
        let outcome = expected("coinbase", name).expect("it is there");
        assert_eq!(outcome["updates"], updates, "{name}");
        let mut keeper = Keeper::new(CoinbaseStreams.rule(&Subscription::new(dataset(id))));
        let (applied, older) = keep(&mut keeper, &mut *reader(&EXCHANGE, &[id]), &frames);
        assert_eq!((applied, older), (updates + 1, 0), "{name}");
        let book = keeper.book().expect("believable");
        assert!(!book.is_crossed(), "{name}");
        let ours = top(book, 10, |price, amount, _| serde_json::json!([price, amount]));
        assert_eq!(ours, outcome["final_top10"], "{name}");
        assert_eq!(book.bids().count(), outcome["levels"]["bids"], "{name}");
        assert_eq!(book.asks().count(), outcome["levels"]["asks"], "{name}");
    }
}
