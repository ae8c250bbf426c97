//! What is written reads back as the same.

use std::time::Duration;

use super::{second, seconds};
use crate::{
    Book, Candle, Control, Covered, Dataset, Failed, Funding, Gap, Job, Level, Line, LineWriter, Number, OpenInterest,
    Order, Parser, Proof, Retry, Side, Stored, Trade, write_control,
};

fn n(text: &str) -> Number<'_> {
    Number::new(text).unwrap()
}

fn dataset(id: &str) -> Dataset {
    id.parse().unwrap()
}

/// Writes, compares with the manual's text, and reads back.
fn check(id: &str, write: impl FnOnce(&mut LineWriter, &mut Vec<u8>), expected: &str) {
    let dataset = dataset(id);
    let mut out = Vec::new();
    write(&mut LineWriter::new(&dataset), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    let mut parser = Parser::new();
    let line = parser.parse(expected.as_bytes()).unwrap();
    let (read_id, _) = line.record().unwrap();
    assert_eq!(parser.dataset(read_id), &dataset);
    let mut again = Vec::new();
    let mut writer = LineWriter::new(&dataset);
    match &line {
        Line::Candle(_, record) => writer.candle(record, &mut again),
        Line::Trade(_, record) => writer.trade(record, &mut again),
        Line::Book(_, record) => writer.book(record, &mut again),
        Line::Funding(_, record) => writer.funding(record, &mut again),
        Line::OpenInterest(_, record) => writer.open_interest(record, &mut again),
        other => panic!("{other:?}"),
    }
    assert_eq!(String::from_utf8(again).unwrap(), format!("{expected}\n"));
}

#[test]
fn candles() {
    let candle = Candle {
        ts: second(3600),
        open: n("42283.58000000"),
        high: n("42300"),
        low: n("42000.1"),
        close: n("42001"),
        volume: n("0.00069"),
        quote_volume: Some(n("29.17567020")),
        trades: Some(7),
        is_derived: true,
    };
    check(
        "binance:candle:BTC-USDT:1h",
        |writer, out| writer.candle(&candle, out),
        r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T01:00:00Z","open":42283.58000000,"high":42300,"low":42000.1,"close":42001,"volume":0.00069,"quote_volume":29.17567020,"trades":7,"derived":true}"#,
    );
    let bare = Candle { quote_volume: None, trades: None, is_derived: false, ..candle };
    check(
        "binance:candle:BTC-USDT:1h",
        |writer, out| writer.candle(&bare, out),
        r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T01:00:00Z","open":42283.58000000,"high":42300,"low":42000.1,"close":42001,"volume":0.00069,"quote_volume":null,"trades":null}"#,
    );
}

#[test]
fn trades() {
    let trade = Trade {
        ts: second(1).saturating_add(5),
        price: n("1e-7"),
        amount: n("0.10"),
        side: Some(Side::Buy),
        tid: Some("a\"\\\u{1}é".into()),
        recv_ts: Some(second(2)),
    };
    check(
        "binance:trade:BTC-USDT_PERP",
        |writer, out| writer.trade(&trade, out),
        r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:01.000000005Z","price":0.0000001,"amount":0.10,"side":"buy","tid":"a\"\\\u0001é","recv_ts":"2024-01-01T00:00:02.000000000Z"}"#,
    );
    let bare = Trade { side: None, tid: None, recv_ts: None, ..trade };
    check(
        "binance:trade:BTC-USDT_PERP",
        |writer, out| writer.trade(&bare, out),
        r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:01.000000005Z","price":0.0000001,"amount":0.10,"side":null,"tid":null}"#,
    );
}

#[test]
fn books() {
    let level = |price, amount, count| Level { price: n(price), amount: n(amount), count };
    let book = Book {
        ts: second(0),
        is_snapshot: true,
        bids: vec![level("1.5", "2", None), level("1.4", "0", Some(3))],
        asks: Vec::new(),
        seq: Some(u64::MAX / 2),
        recv_ts: Some(second(0)),
    };
    check(
        "okx:book:BTC-USD_250328",
        |writer, out| writer.book(&book, out),
        r#"{"kind":"book","exchange":"okx","pair":"BTC/USD:250328","ts":"2024-01-01T00:00:00.000000000Z","snapshot":true,"bids":[[1.5,2],[1.4,0,3]],"asks":[],"seq":9223372036854775807,"recv_ts":"2024-01-01T00:00:00.000000000Z"}"#,
    );
    let delta = Book { is_snapshot: false, seq: None, recv_ts: None, bids: Vec::new(), ..book };
    check(
        "okx:book:BTC-USD_250328",
        |writer, out| writer.book(&delta, out),
        r#"{"kind":"book","exchange":"okx","pair":"BTC/USD:250328","ts":"2024-01-01T00:00:00.000000000Z","snapshot":false,"bids":[],"asks":[],"seq":null}"#,
    );
}

#[test]
fn funding_and_open_interest() {
    check(
        "binance:funding:BTC-USDT_PERP",
        |writer, out| writer.funding(&Funding { ts: second(0), rate: n("-0.0001"), mark_price: Some(n("42.0")) }, out),
        r#"{"kind":"funding","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:00.000000000Z","rate":-0.0001,"mark_price":42.0}"#,
    );
    let record = OpenInterest { ts: second(300), open_interest: n("12.5"), open_interest_value: None };
    check(
        "binance:open_interest:BTC-USDT_PERP:5m",
        |writer, out| writer.open_interest(&record, out),
        r#"{"kind":"open_interest","exchange":"binance","pair":"BTC/USDT:perp","span":300,"ts":"2024-01-01T00:05:00.000000000Z","open_interest":12.5,"open_interest_value":null}"#,
    );
}

#[test]
fn control_lines() {
    let trades = || dataset("binance:trade:BTC-USDT");
    let candles = || dataset("binance:candle:BTC-USDT:1h");
    let range = seconds(0, 60);
    let odd = "\"quoted\\\" \n\u{7f} é".to_owned();
    let check = |control: Control, expected: Option<&str>| {
        let mut out = Vec::new();
        write_control(&control, &mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        assert!(!out.contains(&b'\n'));
        if let Some(expected) = expected {
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
        assert_eq!(Parser::new().parse(&out), Ok(Line::Control(Box::new(control))));
    };
    for proof in [Proof::Page, Proof::Id, Proof::Sequence, Proof::Heartbeat, Proof::Archive, Proof::File] {
        check(Control::Covered(Covered { dataset: candles(), range, proof }), None);
        assert_eq!(Proof::from_name(proof.name()), Some(proof));
    }
    check(
        Control::Covered(Covered { dataset: candles(), range, proof: Proof::Page }),
        Some(
            r#"{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"candle","span":3600,"start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-01T00:01:00.000000000Z","proof":"page"}"#,
        ),
    );
    for is_final in [true, false] {
        check(Control::Gap(Gap { dataset: trades(), range, reason: odd.clone(), is_final }), None);
    }
    for is_retryable in [true, false] {
        check(Control::Failed(Failed { dataset: trades(), range, error: odd.clone(), is_retryable }), None);
    }
    check(Control::Stored(Stored { dataset: trades(), path: odd.clone(), rows: u64::MAX / 2, range }), None);
    for (start, end) in [(None, None), (Some(second(0)), None), (Some(second(0)), Some(second(1)))] {
        check(
            Control::Job(Job {
                id: "mine".to_owned(),
                dataset: candles(),
                start,
                end,
                ranges: None,
                is_live: false,
                retry: Retry::default(),
            }),
            None,
        );
    }
    check(
        Control::Job(Job {
            id: "mine".to_owned(),
            dataset: trades(),
            start: None,
            end: None,
            ranges: None,
            is_live: true,
            retry: Retry::default(),
        }),
        Some(r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"mine","of":"trade","live":true}"#),
    );
    check(
        Control::Range(Order {
            job: "mine".to_owned(),
            dataset: trades(),
            range,
            why: String::new(),
            retry: Retry { max_retries: Some(5), retry_delay: Some(Duration::from_millis(1500)) },
        }),
        Some(
            r#"{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"mine","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-01T00:01:00.000000000Z","why":"","max_retries":5,"retry_delay":1.5}"#,
        ),
    );
    for delay in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(999), Retry::DELAY_MAX] {
        let retry = Retry { max_retries: Some(0), retry_delay: Some(delay) };
        check(
            Control::Job(Job {
                id: "mine".to_owned(),
                dataset: trades(),
                start: None,
                end: None,
                ranges: Some(2),
                is_live: false,
                retry,
            }),
            None,
        );
    }
}
