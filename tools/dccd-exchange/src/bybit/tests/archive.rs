//! Files of public.bybit.com.

use dccd_record::{Range, RangeSet};

use crate::archive::{BulkFile, Check, FileReader, FileSummary, Packing, Use, files, files_end};
use crate::tests::{dataset, range, ts};
use crate::{AnswerError, Ask};

const PERP: &str = "bybit:trade:BTC-USDT_PERP";
const INVERSE: &str = "bybit:trade:BTC-USD_INVERSE";
const HEADER: &str =
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional";

fn day() -> Range {
    range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
}

fn read(id: &str, wanted: Range, lines: &[&str]) -> Result<(FileSummary, String), AnswerError> {
    let file = files(&dataset(id), day(), ts("2024-01-05T00:00:00Z"), Use::Always).expect("possible").remove(0);
    let mut reader = FileReader::new(&dataset(id), &file, wanted, None);
    let mut out = Vec::new();
    for line in lines {
        reader.line(line.as_bytes(), &mut out)?;
    }
    Ok((reader.finish(), String::from_utf8(out).expect("lines are text")))
}

#[test]
fn each_day_that_is_over_has_a_file() {
    let list = |id: &str, start: &str, end: &str| -> Vec<BulkFile> {
        files(&dataset(id), range(start, end), ts("2024-01-03T01:00:00Z"), Use::WhereBetter).expect("possible")
    };
    let found = list(PERP, "2023-12-31T23:59:59.999999999Z", "2024-01-03T00:30:00Z");
    let paths: Vec<&str> = found.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "trading/BTCUSDT/BTCUSDT2023-12-31.csv.gz",
            "trading/BTCUSDT/BTCUSDT2024-01-01.csv.gz",
            "trading/BTCUSDT/BTCUSDT2024-01-02.csv.gz"
        ]
    );
    assert_eq!((found[1].period, found[1].packing, found[1].check), (day(), Packing::Gzip, Check::Inside));
    assert_eq!((found[1].name(), found[1].requests()), ("BTCUSDT2024-01-01.csv.gz", 1));
    let path = |id: &str| list(id, "2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z").remove(0).path;
    assert_eq!(path(INVERSE), "trading/BTCUSD/BTCUSD2024-01-01.csv.gz");
    assert_eq!(path("bybit:trade:BTC-USDC_PERP"), "trading/BTCPERP/BTCPERP2024-01-01.csv.gz");
    assert_eq!(path("bybit:trade:BTC-USD_240329"), "trading/BTCUSDH24/BTCUSDH242024-01-01.csv.gz");
    assert!(list(INVERSE, "2019-09-01T00:00:00Z", "2019-10-01T00:00:00Z").is_empty(), "before the first file");
    assert!(list("bybit:candle:BTC-USDT_PERP:1h", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z").is_empty());
    let end = |now: &str| files_end(&dataset(PERP), ts(now)).map(|end| end.to_string());
    assert_eq!(end("2024-01-03T11:59:59Z").as_deref(), Some("2024-01-02T00:00:00.000000000Z"));
    assert_eq!(end("2024-01-03T12:00:00Z").as_deref(), Some("2024-01-03T00:00:00.000000000Z"));
}

#[test]
fn the_first_day_is_sought_in_the_first_week() {
    let path = |ask: Option<Ask>| ask.map(|ask| ask.request.path);
    let first = path(Ask::first_record(&dataset(PERP)).expect("possible"));
    assert_eq!(first.as_deref(), Some("/v5/market/kline?category=linear&symbol=BTCUSDT&interval=W&limit=1000"));
    let near = path(Ask::first_record_near(&dataset(PERP), ts("2020-03-23T00:00:00Z")).expect("possible"));
    let days =
        "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=D&start=1584921600000&end=1585526399999&limit=7";
    assert_eq!(near.as_deref(), Some(days));
    let candles = dataset("bybit:candle:BTC-USDT_PERP:1h");
    assert_eq!(path(Ask::first_record_near(&candles, ts("2020-03-23T00:00:00Z")).expect("possible")), None);
}

#[test]
fn rows_are_trades_whatever_their_order() {
    let late = "1704153599.9999,BTCUSDT,Sell,0.001,42280.10,MinusTick,aaaaaaaa-0000-5000-8000-000000000003,1,0.001,42";
    let rows = [
        HEADER,
        late,
        "1704067200.5,BTCUSDT,Buy,1e-05,42000,PlusTick,aaaaaaaa-0000-5000-8000-000000000002,1,1,1",
        "1704067200,BTCUSDT,Buy,12,42000.50,PlusTick,aaaaaaaa-0000-5000-8000-000000000001,1,1,1",
    ];
    let (summary, lines) = read(PERP, day(), &rows).expect("sound lines");
    assert_eq!((summary.lines, summary.covered, summary.gaps), (3, RangeSet::from_iter([day()]), Vec::new()));
    let lines: Vec<&str> = lines.lines().collect();
    assert!(
        lines[0].contains(
            r#""ts":"2024-01-01T23:59:59.999900000Z","price":42280.10,"amount":0.001,"side":"sell","tid":"aaaaaaaa-0000-5000-8000-000000000003""#
        ),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains(r#""ts":"2024-01-01T00:00:00.500000000Z","price":42000,"amount":0.00001,"#),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains(r#""ts":"2024-01-01T00:00:00.000000000Z","price":42000.50,"amount":12,"#),
        "{}",
        lines[2]
    );
    // Only what is wanted goes out and is covered.
    let hour = range("2024-01-01T23:00:00Z", "2024-01-02T01:00:00Z");
    let (summary, lines) = read(PERP, hour, &rows).expect("sound lines");
    assert_eq!((summary.lines, lines.lines().count()), (1, 1));
    assert_eq!(summary.covered, RangeSet::from_iter(hour.intersect(day())));
}

#[test]
fn columns_are_known_by_their_names() {
    let rows = [
        "RPI,trdMatchID,price,size,side,symbol,timestamp",
        "0,aaaaaaaa-0000-5000-8000-000000000001,42000.5,7,Sell,BTCUSD,1704067200.0001",
    ];
    let (summary, lines) = read(INVERSE, day(), &rows).expect("sound lines");
    assert_eq!(summary.covered, RangeSet::from_iter([day()]));
    assert!(
        lines.contains(r#""ts":"2024-01-01T00:00:00.000100000Z","price":42000.5,"amount":7,"side":"sell""#),
        "{lines}"
    );
    for rows in [&[HEADER][..], &[]] {
        let (summary, _) = read(PERP, day(), rows).expect("nothing is wrong");
        assert!(summary.covered.is_empty(), "{rows:?} proves nothing");
    }
}

#[test]
fn what_cannot_be_understood_is_refused() {
    let check = |rows: &[&str], expected: &str| {
        let error = read(PERP, day(), rows).expect_err("refused").to_string();
        assert!(error.contains(expected), "{rows:?}: {error}");
    };
    check(&["1704067200,BTCUSDT,Buy,1,1,x,id,1,1,1"], "line 1: \"1704067200,BTCUSDT,Buy,1,1,x,id,1,1,1\" names");
    check(&["timestamp,symbol,side,size,price"], "names no columns");
    check(&["timestamp,timestamp,symbol,side,size,price,trdMatchID"], "names no columns");
    check(&["\u{feff}<html>"], "names no columns");
    let row = |row: &str, expected: &str| check(&[HEADER, row], expected);
    row("1704067200,ETHUSDT,Buy,1,1,x,id,1,1,1", "\"ETHUSDT\" is not BTCUSDT");
    row("1704067200,BTCUSDT,buy,1,1,x,id,1,1,1", "is no side");
    row("1704067200,BTCUSDT,Buy,1,1,x,,1,1,1", "has no id");
    row("1704067200,BTCUSDT,Buy,1,1", "too few fields");
    row("1704067200,BTCUSDT,Buy,1,x1,x,id,1,1,1", "is no number");
    row("1704067200,BTCUSDT,Buy,,1,x,id,1,1,1", "is no number");
    row("1.7040672e9,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no time");
    row("-1704067200,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no time");
    row("99999999999999999999,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no time");
    row("1704067200.1234567890,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no time");
    row("1704239999,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no instant of the day");
    row("1704060000,BTCUSDT,Buy,1,1,x,id,1,1,1", "is no instant of the day");
}
