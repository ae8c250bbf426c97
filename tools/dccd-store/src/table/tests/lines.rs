//! Line to row to file to line.

use dccd_record::{Kind, Line, Parser, Range};

use super::model::EXCHANGE;
use super::random::{Random, for_seeds};
use crate::table::{MergedScan, Numbers, PartWriter, Provenance, Record, RowError, Rows, check};

/// The records of `lines` after they went through a file, written as lines again.
fn through_file(kind: Kind, numbers: Numbers, lines: &[String]) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("x.part");
    let mut parser = Parser::new();
    let mut part = PartWriter::create(&path, kind, numbers, &Provenance::default()).expect("a part");
    let mut writer = None;
    for line in lines {
        let line = parser.parse(line.as_bytes()).expect("a line the test made");
        check(&line, numbers).expect("a line that fits");
        part.push(&line).expect("a line that fits");
        let (id, _) = line.record().expect("a record");
        writer.get_or_insert_with(|| dccd_record::LineWriter::new(parser.dataset(id)));
    }
    let source = part.finish().expect("room").into_source();
    let (mut out, mut writer) = (Vec::new(), writer.expect("at least one line"));
    for rows in MergedScan::new(kind, numbers, vec![source], Range::all()).expect("a part that opens") {
        let told = rows.expect("a part that reads").for_each(|record| {
            match &record {
                Record::Candle(record) => writer.candle(record, &mut out),
                Record::Trade(record) => writer.trade(record, &mut out),
                Record::Book(record) => writer.book(record, &mut out),
                Record::Funding(record) => writer.funding(record, &mut out),
                Record::OpenInterest(record) => writer.open_interest(record, &mut out),
            }
            Ok::<(), ()>(())
        });
        assert_eq!(told.map(|unusable| unusable.0), Ok(0));
    }
    String::from_utf8(out).expect("lines are text").lines().map(str::to_owned).collect()
}

fn check_identity(kind: Kind, lines: &[String]) {
    for numbers in [Numbers::Float, Numbers::Decimal] {
        assert_eq!(through_file(kind, numbers, lines), lines, "{numbers:?}");
    }
}

/// A number as exchanges write it, without zeros at the end of the fraction.
fn digits(random: &mut Random) -> String {
    let digits_max = u32::try_from(random.below(8)).expect("small");
    let whole = random.below(10_u64.pow(digits_max));
    let places = usize::try_from(random.below(9)).expect("small");
    let fraction = format!("{:0places$}", random.below(10_u64.pow(u32::try_from(places).expect("small"))));
    let fraction = fraction.trim_end_matches('0');
    if places == 0 || fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") }
}

fn maybe(random: &mut Random, text: String) -> String {
    if random.is_one_in(3) { "null".to_owned() } else { text }
}

fn time(second: u64, nanos: u64) -> String {
    format!("2024-03-01T{:02}:{:02}:{:02}.{nanos:09}Z", second / 3600, second / 60 % 60, second % 60)
}

#[test]
fn trades_come_back() {
    for_seeds(5, |_, random| {
        let line = |at: u64, random: &mut Random| {
            let (price, amount) = (digits(random), digits(random));
            let side = maybe(random, "\"sell\"".to_owned());
            let recv = format!(r#","recv_ts":"{}""#, time(at, 999_999_999));
            let recv = if random.is_one_in(2) { recv } else { String::new() };
            format!(
                r#"{{"kind":"trade",{EXCHANGE},"ts":"{}","price":{price},"amount":{amount},"side":{side},"tid":"{}"{recv}}}"#,
                time(at, random.below(1_000_000_000)),
                1_000_000 + at
            )
        };
        let lines: Vec<String> = (0..300).map(|at| line(at, random)).collect();
        check_identity(Kind::Trade, &lines);
    });
}

#[test]
fn candles_come_back() {
    for_seeds(5, |_, random| {
        let line = |at: u64, random: &mut Random| {
            let [open, high, low, close, volume, quote] = [(); 6].map(|()| digits(random));
            let (quote, trades) = (maybe(random, quote), random.below(100_000).to_string());
            let (trades, derived) =
                (maybe(random, trades), if random.is_one_in(4) { r#","derived":true"# } else { "" });
            let ts = time(at * 60, 0).replace(".000000000", "");
            format!(
                r#"{{"kind":"candle",{EXCHANGE},"span":60,"ts":"{ts}","open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume},"quote_volume":{quote},"trades":{trades}{derived}}}"#
            )
        };
        let lines: Vec<String> = (0..200).map(|at| line(at, random)).collect();
        check_identity(Kind::Candle, &lines);
    });
}

#[test]
fn books_come_back_line_by_line() {
    let book = |ts: u64, rest: &str| format!(r#"{{"kind":"book",{EXCHANGE},"ts":"{}",{rest}}}"#, time(ts, 5));
    let mut lines = vec![
        book(1, r#""snapshot":true,"bids":[[100.5,1],[100,2,7],[99.5,0.25]],"asks":[[101,3],[102,4]],"seq":10"#),
        book(2, r#""snapshot":false,"bids":[],"asks":[[101,0]],"seq":11"#),
        book(3, r#""snapshot":false,"bids":[],"asks":[],"seq":12"#),
        book(4, r#""snapshot":true,"bids":[],"asks":[],"seq":null"#),
        book(5, r#""snapshot":false,"bids":[[1,1]],"asks":[],"seq":13,"recv_ts":"2024-03-01T00:00:05.000000001Z""#),
        book(
            5,
            r#""snapshot":false,"bids":[[2,1],[1,1]],"asks":[],"seq":14,"recv_ts":"2024-03-01T00:00:05.000000001Z""#,
        ),
        book(6, r#""snapshot":false,"bids":[[2,1]],"asks":[],"seq":null,"recv_ts":"2024-03-01T00:00:06.000000001Z""#),
        book(
            6,
            r#""snapshot":false,"bids":[[2,0],[1,9]],"asks":[],"seq":null,"recv_ts":"2024-03-01T00:00:06.000000002Z""#,
        ),
    ];
    for ts in 7..40 {
        let levels: Vec<String> = (0..30).map(|at| format!("[{},{at}]", 5000 - at)).collect();
        lines.push(book(ts, &format!(r#""snapshot":true,"bids":[{}],"asks":[],"seq":{ts}"#, levels.join(","))));
    }
    check_identity(Kind::Book, &lines);
}

#[test]
fn funding_and_open_interest_come_back() {
    let funding = |rate: &str, price: &str, at| {
        format!(r#"{{"kind":"funding",{EXCHANGE},"ts":"{}","rate":{rate},"mark_price":{price}}}"#, time(at, 4_000_000))
    };
    check_identity(Kind::Funding, &[funding("0.0001", "42000.1", 0), funding("-0.00003", "null", 28_800)]);
    let interest = format!(
        r#"{{"kind":"open_interest",{EXCHANGE},"span":300,"ts":"{}","open_interest":81234.567,"open_interest_value":null}}"#,
        time(300, 0)
    );
    check_identity(Kind::OpenInterest, &[interest]);
}

#[test]
fn floats_are_told_shortest_and_without_exponent() {
    let line = |price: &str| {
        format!(
            r#"{{"kind":"trade",{EXCHANGE},"ts":"{}","price":{price},"amount":1,"side":null,"tid":null}}"#,
            time(0, 0)
        )
    };
    for (written, told) in [
        ("1.50", "1.5"),
        ("100000000000000000000000", "100000000000000000000000"),
        ("0.00000000000012", "0.00000000000012"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("1e-7", "0.0000001"),
    ] {
        assert_eq!(through_file(Kind::Trade, Numbers::Float, &[line(written)]), [line(told)]);
    }
}

#[test]
fn decimals_that_do_not_fit_are_refused() {
    let mut parser = Parser::new();
    let text = |price: &str| {
        format!(
            r#"{{"kind":"trade",{EXCHANGE},"ts":"{}","price":{price},"amount":1,"side":null,"tid":null}}"#,
            time(0, 0)
        )
    };
    let mut refused = |price: &str| {
        let text = text(price);
        let line: Line<'_> = parser.parse(text.as_bytes()).expect("a line the test made");
        let mut rows = Rows::new(Kind::Trade, Numbers::Decimal);
        let pushed = rows.push(&line);
        assert_eq!(check(&line, Numbers::Decimal), pushed);
        assert_eq!(check(&line, Numbers::Float), Ok(()));
        assert_eq!(rows.len(), usize::from(pushed.is_ok()));
        pushed.err()
    };
    for price in ["0.1234567890123456789", "100000000000000000000", "1e20", "1e-19"] {
        let error = refused(price).expect("too many digits");
        assert!(matches!(error, RowError::Number { field: "price", .. }), "{error}");
    }
    for price in ["0.123456789012345678", "99999999999999999999.5", "1.000000000000000000000", "0e30"] {
        assert_eq!(refused(price), None, "{price}");
    }
}

#[test]
fn a_line_of_another_kind_leaves_nothing() {
    let mut rows = Rows::new(Kind::Candle, Numbers::Float);
    assert_eq!(rows.push(&Line::Unknown), Err(RowError::Kind(Kind::Candle)));
    assert!(rows.is_empty());
}
