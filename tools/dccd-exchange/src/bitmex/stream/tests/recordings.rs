//! Every recording of BitMEX's streams is read to exactly its digits.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::reader;
use crate::bitmex::stream::BitmexStreams;
use crate::live::{Keeper, Streams, Subscription};
use crate::tests::frames::{
    RECV, book_line, candle_line, check_names, expected, funding_line, keep, received, said, top, trade_line,
    written_out,
};
use crate::tests::{dataset, ts};

/// Each recording with its frames that say something, and those that do not: greetings, quotes and other tables,
/// and rows of a book that is not known. Grants are not counted.
const TABLE: &[(&str, usize, usize)] = &[
    ("error-ws-subscribe-rejected.json", 1, 0),
    ("ws-book-bchusd-orderbookl2.ndjson", 73, 1),
    ("ws-book-cmp-l2-topk.json", 4, 0),
    ("ws-book-cmp-order-book-l2-25.json", 2, 3),
    ("ws-book-eosusdt-orderbookl2.ndjson", 86, 1),
    ("ws-book-uniusdt-orderbookl2.ndjson", 80, 1),
    ("ws-book-xbtusd-orderbookl2.ndjson", 1300, 1),
    ("ws-book-xrpu21-orderbookl2.ndjson", 6, 1),
    ("ws-funding-cmp-funding-rate.json", 2, 0),
    ("ws-mixed-tardis-bitmex.json", 5, 6),
    ("ws-ohlc-cmp-candlestick.json", 4, 0),
    ("ws-ticker-bchusd-quote.ndjson", 0, 4),
    ("ws-ticker-cmp-bbo.json", 0, 1),
    ("ws-ticker-eosusdt-quote.ndjson", 0, 9),
    ("ws-ticker-uniusdt-quote.ndjson", 0, 14),
    ("ws-ticker-xbtusd-quote.ndjson", 0, 30),
    ("ws-ticker-xrpu21-quote.ndjson", 0, 3),
    ("ws-trades-bchusd-trade.ndjson", 1, 1),
    ("ws-trades-cmp-trade.json", 4, 0),
    ("ws-trades-eosusdt-trade.ndjson", 1, 1),
    ("ws-trades-uniusdt-trade.ndjson", 2, 1),
    ("ws-trades-xbtusd-trade.ndjson", 6, 1),
    ("ws-trades-xrpu21-trade.ndjson", 1, 1),
];

/// The pairs of the recorded symbols.
const PAIRS: [(&str, &str); 17] = [
    ("XBTUSD", "BTC-USD_INVERSE"),
    ("XBT_USDT", "BTC-USDT"),
    ("XBTUSDT", "BTC-USDT_PERP"),
    ("XBTUSDTM23", "BTC-USDT_230630"),
    ("XBTM21", "BTC-USD_210625"),
    ("XBTM22", "BTC-USD_220624"),
    ("ETHUSD", "ETH-USD_PERP"),
    ("ETHH21", "ETH-BTC_210326"),
    ("ETHH22", "ETH-BTC_220325"),
    ("ETHZ21", "ETH-BTC_211231"),
    ("ETHUSDH21", "ETH-USD_210326"),
    ("ETHUSDM22", "ETH-USD_220624"),
    ("EOSM19", "EOS-BTC_190628"),
    ("EOSUSDT", "EOS-USDT_PERP"),
    ("UNIUSDT", "UNI-USDT_PERP"),
    ("BCHUSD", "BCH-USD_PERP"),
    ("XRPU21", "XRP-BTC_210924"),
];
const MORE: [(&str, &str); 2] = [("BLURUSDT", "BLUR-USDT_PERP"), ("AAVEUSDT", "AAVE-USDT_PERP")];

fn pair(symbol: &str) -> &'static str {
    let known = PAIRS.iter().chain(&MORE).find(|(known, _)| *known == symbol);
    known.unwrap_or_else(|| panic!("{symbol} is new")).1
}

/// Every series of every recorded symbol.
fn ids() -> Vec<String> {
    let kinds = ["trade", "book", "funding", "candle:1m", "candle:5m"];
    let of = |pair: &str, kind: &str| match kind.split_once(':') {
        Some((kind, span)) => format!("bitmex:{kind}:{pair}:{span}"),
        None => format!("bitmex:{kind}:{pair}"),
    };
    PAIRS.iter().chain(&MORE).flat_map(|(_, pair)| kinds.map(|kind| of(pair, kind))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    symbol: &'a str,
    timestamp: Option<&'a str>,
    side: Option<&'a str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    size: Option<&'a RawValue>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(rename = "trdMatchID")]
    name: Option<&'a str>,
    #[serde(borrow)]
    home_notional: Option<&'a RawValue>,
    #[serde(borrow)]
    foreign_notional: Option<&'a RawValue>,
    #[serde(borrow)]
    open: Option<&'a RawValue>,
    #[serde(borrow)]
    high: Option<&'a RawValue>,
    #[serde(borrow)]
    low: Option<&'a RawValue>,
    #[serde(borrow)]
    close: Option<&'a RawValue>,
    #[serde(borrow)]
    trades: Option<&'a RawValue>,
    #[serde(borrow)]
    funding_rate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    bids: Vec<[&'a RawValue; 2]>,
    #[serde(borrow, default)]
    asks: Vec<[&'a RawValue; 2]>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    table: Option<&'a str>,
    action: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    subscribe: Option<&'a str>,
    error: Option<&'a str>,
}

/// Prices by symbol, id and side.
type Prices = HashMap<String, HashMap<(String, String), String>>;

#[test]
fn the_table_names_every_recording() {
    check_names("bitmex", TABLE.iter().map(|(name, ..)| *name));
}

#[test]
fn every_frame_is_read_to_its_digits() {
    let ids = ids();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for (name, telling, others) in TABLE {
        let Some(frames) = received("bitmex", name) else { return };
        let (mut reader, mut prices) = (reader(&ids), Prices::new());
        let (mut told, mut ignored) = (0, 0);
        for frame in &frames {
            // These are frames of as many connections.
            if name.contains("-cmp-") {
                (reader, prices) = (super::reader(&ids), Prices::new());
            }
            let wire: Frame<'_> = serde_json::from_str(frame).unwrap_or_else(|error| panic!("{name}: {error}"));
            let events = events(&ids, &wire, &mut prices);
            assert_eq!(said(&mut *reader, &ids, frame).expect(name), events, "{name}");
            if wire.subscribe.is_none() {
                *(if events == ["ignored"] { &mut ignored } else { &mut told }) += 1;
            }
        }
        assert_eq!((told, ignored), (*telling, *others), "{name}");
    }
}

/// What a frame says, put together by hand.
fn events(ids: &[&str], frame: &Frame<'_>, prices: &mut Prices) -> Vec<String> {
    let ignored = || vec!["ignored".to_owned()];
    if let Some(error) = frame.error {
        return vec![format!("refused: {error}")];
    }
    if let Some(arg) = frame.subscribe {
        let (table, symbol) = arg.split_once(':').expect("a symbol");
        let kind = match table {
            "trade" => "trade",
            "orderBookL2" => "book",
            _ => return ignored(),
        };
        let id = format!("bitmex:{kind}:{}", pair(symbol));
        return vec![format!("accepted {}", ids.iter().position(|known| *known == id).expect("known"))];
    }
    let (Some(table), Some(action), Some(data)) = (frame.table, frame.action, frame.data) else { return ignored() };
    if matches!(table, "quote" | "instrument" | "liquidation") {
        return ignored();
    }
    let rows: Vec<Row<'_>> = serde_json::from_str(data.get()).expect("rows");
    if table.starts_with("orderBookL2") {
        return books(&rows, action, prices);
    }
    rows.iter().map(|row| record(table, action, row)).collect()
}

fn record(table: &str, action: &str, row: &Row<'_>) -> String {
    let of = |kind: &str| format!("bitmex:{kind}:{}", pair(row.symbol));
    let digits = |raw: Option<&RawValue>| written_out(raw.expect("digits").get());
    let ts = ts(row.timestamp.expect("a time"));
    match table {
        "trade" => {
            let form = if action == "partial" { "past" } else { "trade" };
            let (price, amount) = (digits(row.price), digits(row.home_notional));
            let (side, name) = (row.side.expect("a side").to_lowercase(), row.name.expect("a name"));
            format!("{form} None {}", trade_line(&of("trade"), ts, [&price, &amount, &side, name]))
        }
        "funding" => format!("funding {}", funding_line(&of("funding"), ts, &digits(row.funding_rate))),
        "orderBook10" => {
            let side = |levels: &[[&RawValue; 2]]| {
                levels.iter().map(|[price, amount]| format!("[{price},{amount}]")).collect::<Vec<_>>().join(",")
            };
            let line = book_line(&of("book"), ts, true, [&side(&row.bids), &side(&row.asks), "null"]);
            format!("book Snapshot {{ seq: None }} {line}")
        }
        _ => {
            // The stamp is that of the end.
            let (span, minutes) = if table == "tradeBin1m" { ("1m", 1) } else { ("5m", 5) };
            let ts = ts.saturating_add(-minutes * 60_000_000_000);
            let fields = [row.open, row.high, row.low, row.close, row.home_notional, row.foreign_notional, row.trades];
            let fields = fields.map(digits);
            let numbers = fields.each_ref().map(String::as_str);
            format!("candle {}", candle_line(&format!("{}:{span}", of("candle")), ts, numbers))
        }
    }
}

/// A line for each symbol of a frame, with the prices that were said before.
fn books(rows: &[Row<'_>], action: &str, prices: &mut Prices) -> Vec<String> {
    let mut symbols: Vec<&str> = rows.iter().map(|row| row.symbol).collect();
    symbols.dedup();
    let mut events = Vec::new();
    for symbol in symbols {
        let is_whole = action == "partial";
        if is_whole {
            prices.insert(symbol.to_owned(), HashMap::new());
        }
        let Some(known) = prices.get_mut(symbol) else {
            events.push("ignored".to_owned());
            continue;
        };
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        let mut stamps = Vec::new();
        for row in rows.iter().filter(|row| row.symbol == symbol) {
            let side = row.side.expect("a side");
            let key = (row.id.expect("an id").to_string(), side.to_owned());
            if let Some(price) = row.price {
                known.insert(key.clone(), price.to_string());
            }
            let price = known[&key].clone();
            if action == "delete" {
                known.remove(&key);
            }
            let amount = row.size.map_or("0", RawValue::get);
            if side == "Buy" { &mut bids } else { &mut asks }.push(format!("[{},{amount}]", written_out(&price)));
            stamps.extend(row.timestamp.map(ts));
        }
        if is_whole {
            asks.reverse();
            stamps.clear();
        }
        let stamp = stamps.into_iter().max().unwrap_or_else(|| ts(RECV));
        let joint = if is_whole { "Snapshot { seq: None }" } else { "Bare" };
        let id = format!("bitmex:book:{}", pair(symbol));
        let line = book_line(&id, stamp, is_whole, [&bids.join(","), &asks.join(","), "null"]);
        events.push(format!("book {joint} {line}"));
    }
    events
}

#[test]
fn recorded_books_end_in_their_expected_levels() {
    for (name, id, frames_applied) in [
        ("ws-book-bchusd-orderbookl2", "bitmex:book:BCH-USD_PERP", 73),
        ("ws-book-eosusdt-orderbookl2", "bitmex:book:EOS-USDT_PERP", 86),
        ("ws-book-uniusdt-orderbookl2", "bitmex:book:UNI-USDT_PERP", 80),
        ("ws-book-xbtusd-orderbookl2", "bitmex:book:BTC-USD_INVERSE", 1300),
        ("ws-book-xrpu21-orderbookl2", "bitmex:book:XRP-BTC_210924", 6),
    ] {
        let Some(frames) = received("bitmex", &format!("{name}.ndjson")) else { return };
        let outcome = expected("bitmex", name).expect("it is there");
        let actions = outcome["actions"].as_object().expect("actions");
        let actions: u64 = actions.values().map(|count| count.as_u64().expect("a count")).sum();
        let mut keeper = Keeper::new(BitmexStreams.rule(&Subscription::new(dataset(id))));
        assert_eq!(keep(&mut keeper, &mut *reader(&[id]), &frames), (frames_applied, 0), "{name}");
        assert_eq!(usize::try_from(actions), Ok(frames_applied), "{name}");
        assert!(outcome["unknown_ids"].as_object().expect("ids").is_empty(), "{name}");
        let book = keeper.book().expect("believable");
        assert!(!book.is_crossed(), "{name}");
        let ours =
            top(book, 10, |price, amount, _| serde_json::json!([price, amount.parse::<u64>().expect("contracts")]));
        assert_eq!(ours, outcome["final_top10"], "{name}");
        assert_eq!(book.levels(), outcome["levels"], "{name}");
    }
}
