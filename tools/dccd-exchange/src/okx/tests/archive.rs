//! Files of OKX's archive.

use dccd_record::{Fixed, Number, Range, RangeSet};

use crate::AnswerError;
use crate::archive::{BulkFile, Check, FileReader, FileSummary, Packing, Use, files, files_end};
use crate::tests::{dataset, range, ts};

const SPOT: &str = "okx:trade:BTC-USDT";
const SWAP: &str = "okx:trade:BTC-USDT_PERP";
const HEADER: &[u8] = b"instrument_name,trade_id,side,price,size,created_time";
/// 2024-01-01 of UTC+8 begins in 2023.
const FIRST_MS: i64 = 1_704_038_400_000;

fn day() -> Range {
    range("2023-12-31T16:00:00Z", "2024-01-01T16:00:00Z")
}

fn list(id: &str, start: &str, end: &str, now: &str, usage: Use) -> Vec<BulkFile> {
    files(&dataset(id), range(start, end), ts(now), usage).expect("possible")
}

fn names(id: &str, start: &str, end: &str, now: &str, usage: Use) -> Vec<String> {
    list(id, start, end, now, usage).iter().map(|file| file.name().to_owned()).collect()
}

fn read(id: &str, contract: Option<&str>, lines: &[&[u8]]) -> Result<(FileSummary, String), AnswerError> {
    let file = list(id, "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "2024-02-01T00:00:00Z", Use::Always).remove(0);
    assert_eq!(file.period, day());
    let contract: Option<Fixed> = contract.and_then(|text| Number::new(text).ok()?.to_fixed().ok());
    let mut reader = FileReader::new(&dataset(id), &file, Range::all(), contract);
    let mut out = Vec::new();
    for line in lines {
        reader.line(line, &mut out)?;
    }
    Ok((reader.finish(), String::from_utf8(out).expect("lines are text")))
}

#[test]
fn days_begin_at_midnight_of_hong_kong() {
    let (start, end, now) = ("2024-01-01T15:59:59Z", "2024-01-02T16:00:01Z", "2024-02-01T00:00:00Z");
    let found = list(SWAP, start, end, now, Use::Always);
    let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "cdn/okex/traderecords/trades/daily/20240101/BTC-USDT-SWAP-trades-2024-01-01.zip",
            "cdn/okex/traderecords/trades/daily/20240102/BTC-USDT-SWAP-trades-2024-01-02.zip",
            "cdn/okex/traderecords/trades/daily/20240103/BTC-USDT-SWAP-trades-2024-01-03.zip",
        ]
    );
    assert_eq!((found[0].period, found[0].packing, found[0].check), (day(), Packing::Zip, Check::Inside));
    // Seconds of a day are paged, unless REST no longer has them.
    let whole = ["BTC-USDT-SWAP-trades-2024-01-02.zip"];
    assert_eq!(names(SWAP, start, end, now, Use::WhereBetter), whole);
    assert_eq!(names(SWAP, start, end, "2025-01-01T00:00:00Z", Use::WhereBetter).len(), 3);
    // The day must be over, for more than a day where there is another source.
    assert_eq!(names(SWAP, start, end, "2024-01-02T16:00:00Z", Use::Always).len(), 2);
    assert_eq!(names(SWAP, start, end, "2024-01-04T03:59:59Z", Use::WhereBetter).len(), 0);
    assert_eq!(names(SWAP, start, end, "2024-01-04T04:00:00Z", Use::WhereBetter), whole);
    assert_eq!(names(SPOT, "2021-08-01T00:00:00Z", "2021-09-01T00:00:00Z", now, Use::Always).len(), 1);
    assert!(names("okx:trade:BTC-USDT_240329", start, end, now, Use::Always).is_empty(), "dated ones have none");
    assert_eq!(names("okx:trade:BTC-USD_INVERSE", start, end, now, Use::Always).len(), 3);
    let end = |now: &str| files_end(&dataset(SPOT), ts(now)).map(|end| end.to_string());
    assert_eq!(end("2024-01-04T03:59:59Z").as_deref(), Some("2024-01-01T16:00:00.000000000Z"));
    assert_eq!(end("2024-01-04T04:00:00Z").as_deref(), Some("2024-01-02T16:00:00.000000000Z"));
    assert_eq!(files_end(&dataset("okx:candle:BTC-USDT:1m"), ts(now)), None);
}

#[test]
fn rows_are_trades_and_contracts_are_multiplied() {
    let spot: [&[u8]; 3] = [
        b"instrument_name,trade_id,side,price,size,created_time,source",
        b"BTC-USDT,10,buy,42280.1,0.00123,1704038400000,0",
        b"BTC-USDT,11,SELL,42280,1.5,1704038400001,1",
    ];
    let (summary, lines) = read(SPOT, None, &spot).expect("sound lines");
    assert_eq!((summary.covered, summary.gaps), (RangeSet::from_iter([day()]), Vec::new()));
    let first = r#""ts":"2023-12-31T16:00:00.000000000Z","price":42280.1,"amount":0.00123,"side":"buy","tid":"10""#;
    let second = r#""ts":"2023-12-31T16:00:00.001000000Z","price":42280,"amount":1.5,"side":"sell","tid":"11""#;
    assert!(lines.contains(first) && lines.contains(second), "{lines}");
    let swap: [&[u8]; 2] = [HEADER, b"BTC-USDT-SWAP,10,buy,42280.1,12.3,1704038400000"];
    let (_, lines) = read(SWAP, Some("0.01"), &swap).expect("sound lines");
    assert!(lines.contains(r#""amount":0.123,"#), "{lines}");
    let error = read(SWAP, None, &swap).expect_err("what a contract is must be known").to_string();
    assert!(error.contains("whose size is not known"), "{error}");
}

#[test]
fn early_headers_are_in_two_languages_and_name_no_instrument() {
    let mut header = b"trade_id/".to_vec();
    // GBK.
    header.extend([0xb4, 0xe9, 0xba, 0xcf]);
    header
        .extend(b"id,side/\xbd\xbb\xd2\xd7,size/\xca\xfd\xc1\xbf,price/\xbc\xdb\xb8\xf1,created_time/\xca\xb1\xbc\xe4");
    let rows: [&[u8]; 2] = [&header, b"10,buy,1.5,42280.1,1704038400000"];
    let (summary, lines) = read(SPOT, None, &rows).expect("sound lines");
    assert_eq!(summary.covered, RangeSet::from_iter([day()]));
    assert!(lines.contains(r#""price":42280.1,"amount":1.5,"#), "{lines}");
}

fn rows(marks: &[(i64, i64)]) -> Vec<Vec<u8>> {
    let row = |(id, ms): &(i64, i64)| format!("BTC-USDT,{id},buy,1,1,{}", FIRST_MS + ms).into_bytes();
    std::iter::once(HEADER.to_vec()).chain(marks.iter().map(row)).collect()
}

fn read_marks(marks: &[(i64, i64)]) -> Result<(FileSummary, String), AnswerError> {
    let rows = rows(marks);
    read(SPOT, None, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[test]
fn ids_that_skip_are_holes() {
    let (summary, lines) = read_marks(&[(5, 0), (7, 500), (8, 1000)]).expect("sound lines");
    let hole = range("2023-12-31T16:00:00Z", "2023-12-31T16:00:00.500000001Z");
    assert_eq!(lines.lines().count(), 3);
    assert_eq!(summary.covered.missing(day()), RangeSet::from_iter([hole]));
    assert_eq!(summary.gaps, [(hole, "the archive's trade ids skip from 5 to 7".to_owned())]);
}

#[test]
fn of_a_day_that_is_cut_elsewhere_only_what_lies_between_two_ids_is_known() {
    const DAY_MS: i64 = 86_400_000;
    let (summary, _) = read_marks(&[(5, 1000), (6, 2000), (7, DAY_MS + 5000)]).expect("sound lines");
    let between = range("2023-12-31T16:00:01.000000001Z", "2024-01-01T16:00:05Z");
    assert_eq!(summary.covered, RangeSet::from_iter([between]));
    for marks in [&[][..], &[(5, -1)], &[(5, DAY_MS)]] {
        let (summary, _) = read_marks(marks).expect("sound lines");
        assert!(summary.covered.is_empty(), "{marks:?}: {summary:?}");
    }
}

#[test]
fn what_cannot_be_understood_is_refused() {
    let check = |rows: &[&[u8]], expected: &str| {
        let error = read(SPOT, None, rows).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error} has no {expected:?}");
    };
    check(&[b"BTC-USDT,10,buy,1,1,1704038400000"], "names no columns");
    check(&[b"\xff\xfe<html>"], "names no columns");
    let row = |row: &[u8], expected: &str| check(&[HEADER, row], expected);
    row(b"BTC-USDC,10,buy,1,1,1704038400000", "\"BTC-USDC\" is not BTC-USDT");
    row(b"BTC-USDT,x,buy,1,1,1704038400000", "is no id");
    row(b"BTC-USDT,10,long,1,1,1704038400000", "is no side");
    row(b"BTC-USDT,10,buy,1,,1704038400000", "is no number");
    row(b"BTC-USDT,10,buy,1,1,1704038400000.5", "is no instant");
    row(b"BTC-USDT,10,buy,1,1,17", "not between");
    row(b"BTC-USDT,10,buy,1", "too few fields");
    row(b"BTC-USDT,10,buy,\xff,1,1704038400000", "is no text");
    // Each trade once for each side, as in 2021.
    let twice = read_marks(&[(5, 0), (5, 0)]).expect_err("refused").to_string();
    assert!(twice.contains("out of order"), "{twice}");
    assert!(read_marks(&[(6, 0), (5, 0)]).is_err());
    let swap: [&[u8]; 2] = [HEADER, b"BTC-USDT-SWAP,10,buy,1,99999999999999999999999999999,1704038400000"];
    assert!(read(SWAP, Some("99999999999"), &swap).is_err());
}
