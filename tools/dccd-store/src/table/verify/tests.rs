#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_record::{Kind, Parser, Range, RangeSet, Span, Ts};

use super::super::column::{Column, Values};
use super::super::output::Output;
use super::super::rows::Rows;
use super::super::schema::{Numbers, Provenance};
use super::{Check, Expected, FileChecks, Flaw};

const DAY: &str = "2024-01-01T00:00:00Z";
const EXCHANGE: &str = r#""exchange":"binance","pair":"BTC/USDT""#;

fn ts(text: &str) -> Ts {
    text.parse().unwrap()
}

fn nanos(ts: Ts) -> i64 {
    ts.nanos()
}

/// Milliseconds of the day, as a time.
fn at(millis: i64) -> String {
    Ts::from_nanos(nanos(ts(DAY)) + millis * 1_000_000).unwrap().to_string()
}

fn trade(millis: i64, tid: &str, price: &str, amount: &str) -> String {
    let ts = at(millis);
    format!(r#"{{"kind":"trade",{EXCHANGE},"ts":"{ts}","price":{price},"amount":{amount},"side":"buy","tid":"{tid}"}}"#)
}

fn candle(minute: i64, [open, high, low, close, volume]: [&str; 5]) -> String {
    let ts = at(minute * 60_000);
    format!(
        r#"{{"kind":"candle",{EXCHANGE},"span":60,"ts":"{ts}","open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume},"quote_volume":null,"trades":null}}"#
    )
}

fn book(millis: i64, is_snapshot: bool, bids: &str, asks: &str) -> String {
    let ts = at(millis);
    format!(
        r#"{{"kind":"book",{EXCHANGE},"ts":"{ts}","snapshot":{is_snapshot},"bids":{bids},"asks":{asks},"seq":null}}"#
    )
}

/// No line can say a number below 0, but a file may: every 7 is made -7.
fn negate_sevens(rows: &mut Rows) {
    let count = rows.len();
    for column in &mut rows.columns {
        match column {
            Column::Float(values) => {
                let mut negated = Values::default();
                (0..count).for_each(|row| {
                    negated.push(values.get(row).map(|value| if value == 7.0 { -value } else { value }))
                });
                *values = negated;
            }
            Column::Decimal(values) => {
                let seven = 7 * 10_i128.pow(18);
                let mut negated = Values::default();
                (0..count).for_each(|row| {
                    negated.push(values.get(row).map(|value| if value == seven { -value } else { value }))
                });
                *values = negated;
            }
            _ => {}
        }
    }
}

/// What is found in a file that holds these lines as they come.
fn flaws(kind: Kind, numbers: Numbers, lines: &[String], by_id: &[Range]) -> Vec<Flaw> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    let mut output = Output::create(&path, kind, numbers, &Provenance::default()).unwrap();
    let mut parser = Parser::new();
    // In row groups of three lines, so that every check crosses a seam.
    for group in lines.chunks(3) {
        let mut rows = Rows::new(kind, numbers);
        group.iter().for_each(|line| rows.push(&parser.parse(line.as_bytes()).unwrap()).unwrap());
        negate_sevens(&mut rows);
        output.write(&rows, rows.len()).unwrap();
    }
    output.finish().unwrap();
    let by_id: RangeSet = by_id.iter().copied().collect();
    let expected = Expected {
        kind,
        span: (kind == Kind::Candle).then(|| Span::from_secs(60).unwrap()),
        period: Range::new(ts(DAY), ts("2024-01-02T00:00:00Z")).unwrap(),
        numbers,
        end: ts("2024-06-01T00:00:00Z"),
        by_id: &by_id,
    };
    let mut checks = FileChecks::open(&path, expected).unwrap();
    assert!(checks.is_ours());
    checks.look_at_pages().unwrap();
    checks.into_flaws()
}

#[track_caller]
fn check(kind: Kind, lines: &[String], expected: &[(Check, u64, u64)]) {
    for numbers in [Numbers::Float, Numbers::Decimal] {
        let found = flaws(kind, numbers, lines, &[]);
        let told = found.iter().filter_map(|flaw| flaw.place.map(|(place, count)| (flaw.check, place.row, count)));
        assert_eq!(told.collect::<Vec<_>>(), expected, "{numbers:?}: {found:?}");
    }
}

#[test]
fn what_is_sound_has_no_flaw() {
    let trades: Vec<String> = (0..40).map(|n| trade(n / 3, &n.to_string(), "1.5", "0")).collect();
    let candles: Vec<String> = (0..40).map(|n| candle(n, ["2", "3", "1", "1", "0"])).collect();
    let books: Vec<String> =
        (0..40).map(|n| book(n, n % 4 == 0, "[[2,1],[1,1]]", if n % 4 == 0 { "[[3,1]]" } else { "[[3,0]]" })).collect();
    for (kind, lines) in [(Kind::Trade, trades), (Kind::Candle, candles), (Kind::Book, books)] {
        for numbers in [Numbers::Float, Numbers::Decimal] {
            assert_eq!(flaws(kind, numbers, &lines, &[]), []);
        }
    }
}

#[test]
fn order_and_repeats() {
    let good = || (0..5).map(|n| trade(n, &n.to_string(), "1", "1"));
    check(Kind::Trade, &good().chain([trade(2, "9", "1", "1")]).collect::<Vec<_>>(), &[(Check::Order, 5, 1)]);
    // Of one millisecond; the ids between fall, but nothing is there twice.
    let lines = |ids: &[&str]| ids.iter().map(|id| trade(7, id, "1", "1")).collect::<Vec<_>>();
    check(Kind::Trade, &lines(&["1", "2", "3", "3"]), &[(Check::Repeat, 3, 1)]);
    let near: Vec<String> = [("5", 0), ("4", 300), ("6", 600), ("5", 900)]
        .map(|(tid, micros)| trade(7, tid, "1", "1").replace(".007000", &format!(".007{micros:03}")))
        .into();
    check(Kind::Trade, &near, &[(Check::Repeat, 3, 1)]);
    // An id may come again later.
    check(Kind::Trade, &[trade(1, "1", "1", "1"), trade(500, "1", "1", "1")], &[]);
    let candles = [0, 1, 2, 2, 1].map(|minute| candle(minute, ["1", "1", "1", "1", "1"]));
    check(Kind::Candle, &candles, &[(Check::Order, 4, 1), (Check::Repeat, 3, 1)]);
    // Trades without an id may be equal.
    let nameless = trade(1, "1", "1", "1").replace("\"1\"}", "null}").replace("\"tid\":\"1\"", "\"tid\":null");
    check(Kind::Trade, &[nameless.clone(), nameless], &[]);
}

#[test]
fn values() {
    let trades = [trade(1, "1", "0", "1"), trade(2, "2", "7", "1"), trade(3, "3", "1", "7"), trade(4, "4", "1", "0")];
    check(Kind::Trade, &trades, &[(Check::Value, 2, 1), (Check::Value, 0, 2)]);
    let candles = [
        candle(0, ["1", "2", "1", "2", "5"]),
        candle(1, ["1", "2", "1.5", "2", "5"]),
        candle(2, ["1", "2", "1", "2.5", "5"]),
        candle(3, ["1", "2", "1", "2", "7"]),
        candle(4, ["1", "2", "0", "2", "5"]),
    ];
    check(Kind::Candle, &candles, &[(Check::Value, 4, 1), (Check::Value, 3, 1), (Check::Bounds, 1, 2)]);
    let books = [
        book(0, true, "[[2,1],[1,1]]", "[[3,1]]"),
        book(1, true, "[[3,1],[2,1]]", "[[3,1],[4,1]]"),
        book(2, false, "[[5,0]]", "[[1,0]]"),
        book(3, true, "[[1,0]]", "[[2,1]]"),
        book(4, false, "[[1,7]]", "[]"),
        book(5, true, "[]", "[]"),
    ];
    check(Kind::Book, &books, &[(Check::Value, 11, 1), (Check::Value, 9, 1), (Check::Crossed, 5, 1)]);
}

#[test]
fn instants() {
    let mut trades = vec![trade(1, "1", "1", "1"), trade(86_400_000, "2", "1", "1"), trade(86_400_001, "3", "1", "1")];
    check(Kind::Trade, &trades, &[(Check::Period, 1, 2)]);
    trades.truncate(1);
    check(Kind::Trade, &trades, &[]);
    let off = candle(1, ["1", "1", "1", "1", "1"]);
    let mut rows = vec![off.clone(), off.replace("\"span\":60", "\"span\":1").replace("00:01:00", "00:01:30")];
    check(Kind::Candle, &rows, &[(Check::Alignment, 1, 1)]);
    rows.pop();
    check(Kind::Candle, &rows, &[]);
}

#[test]
fn ids_follow_each_other_where_the_ledger_says_so() {
    let second = |second: i64| Ts::from_nanos(nanos(ts(DAY)) + second * 1_000_000_000).unwrap();
    let range = |from, to| Range::new(second(from), second(to)).unwrap();
    // One trade in ten seconds; some are left out, or come the other way round.
    let lines = |left_out: &[i64]| -> Vec<String> {
        let ids = (1..100).filter(|id| !left_out.contains(id));
        ids.map(|id| {
            trade(
                id * 10_000,
                &(1_000
                    + if id == 50 {
                        51
                    } else if id == 51 {
                        50
                    } else {
                        id
                    })
                .to_string(),
                "1",
                "1",
            )
        })
        .collect()
    };
    let told = |left_out: &[i64], by_id: &[Range]| -> Vec<String> {
        let flaws = flaws(Kind::Trade, Numbers::Float, &lines(left_out), by_id);
        assert!(flaws.iter().all(|flaw| flaw.check == Check::Ids), "{flaws:?}");
        flaws.into_iter().map(|flaw| flaw.what.split(" missing").next().unwrap_or("").to_owned()).collect()
    };
    let none: [&str; 0] = [];
    assert_eq!(told(&[], &[range(0, 1_000)]), none);
    assert_eq!(told(&[40], &[range(0, 1_000)]), ["trade 1040 is"]);
    assert_eq!(told(&[40, 41, 70], &[range(0, 1_000)]), ["trades 1040 to 1041 are", "trade 1070 is"]);
    // Where nothing is said of ids nothing is missing, and two ranges need not go on.
    assert_eq!(told(&[40, 41], &[range(0, 405), range(415, 1_000)]), none);
    assert_eq!(told(&[40, 70], &[range(500, 1_000)]), ["trade 1070 is"]);
    // Near an edge it may be behind it.
    assert_eq!(told(&[2, 97], &[range(0, 1_000)]), none);
}
