use dccd_record::{Range, RangeSet};

use super::{dataset, range, ts};
use crate::archive::{BulkFile, Check, FileReader, FileSummary, Packing, Use, files};

fn paths(id: &str, start: &str, end: &str, now: &str, usage: Use) -> Vec<String> {
    let files = files(&dataset(id), range(start, end), ts(now), usage).expect("possible");
    files.into_iter().map(|file| file.path).collect()
}

#[test]
fn whole_months_and_the_days_around_them() {
    let (start, end, now) = ("2023-12-31T12:00:00Z", "2024-02-02T00:00:00Z", "2024-06-01T00:00:00Z");
    let always = paths("binance:candle:BTC-USDT:1m", start, end, now, Use::Always);
    assert_eq!(
        always,
        [
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2023-12-31.zip",
            "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip",
            "data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02-01.zip",
        ]
    );
    // A day of minutes is two pages: no file is quicker.
    let better = paths("binance:candle:BTC-USDT:1m", start, end, now, Use::WhereBetter);
    assert_eq!(better, ["data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip"]);
    assert!(paths("binance:candle:BTC-USDT:1h", start, end, now, Use::WhereBetter).is_empty());
}

#[test]
fn other_kinds_have_their_own_files() {
    let check = |id: &str, usage: Use, first: Option<&str>, count: usize| {
        let paths = paths(id, "2024-01-01T00:00:00Z", "2024-01-04T00:00:00Z", "2024-01-05T12:00:00Z", usage);
        assert_eq!((paths.first().map(String::as_str), paths.len()), (first, count), "{id}");
    };
    let day = "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-01.zip";
    check("binance:trade:BTC-USDT", Use::WhereBetter, Some(day), 3);
    let perp = "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-01.zip";
    check("binance:trade:BTC-USDT_PERP", Use::Always, Some(perp), 3);
    // The first instant of a day may stand in the file of the day before.
    let before = "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2023-12-31.zip";
    check("binance:open_interest:BTC-USDT_PERP:5m", Use::Always, Some(before), 4);
    // REST still has it.
    check("binance:open_interest:BTC-USDT_PERP:5m", Use::WhereBetter, None, 0);
    check("binance:funding:BTC-USDT_PERP", Use::WhereBetter, None, 0);
    // The month is not over.
    check("binance:funding:BTC-USDT_PERP", Use::Always, None, 0);
    check("binance:book:BTC-USDT", Use::Always, None, 0);
}

fn file(period: Range) -> BulkFile {
    let (packing, check) = (Packing::Zip, Check::Beside);
    BulkFile { api: &crate::binance::SPOT, path: String::new(), period, packing, check }
}

fn read(id: &str, period: Range, wanted: Range, text: &str) -> (FileSummary, String) {
    let mut reader = FileReader::new(&dataset(id), &file(period), wanted, None);
    let mut out = Vec::new();
    for line in text.lines() {
        reader.line(line.as_bytes(), &mut out).expect("a sound line");
    }
    (reader.finish(), String::from_utf8(out).expect("lines are text"))
}

#[test]
fn microseconds_and_milliseconds_are_told_apart() {
    let day = range("2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z");
    let text = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
                10,1.50,2,1,1,1735689600123456,True,True\n11,1.6,2,1,1,1735689600123,false\r\n";
    let (summary, lines) = read("binance:trade:BTC-USDT", day, day, text);
    assert_eq!((summary.lines, summary.covered), (2, RangeSet::from_iter([day])));
    let mut lines = lines.lines();
    let (first, second) = (lines.next().expect("two"), lines.next().expect("two"));
    assert!(
        first.contains(r#""ts":"2025-01-01T00:00:00.123456000Z","price":1.50,"amount":2,"side":"sell","tid":"10""#)
    );
    assert!(second.contains(r#""ts":"2025-01-01T00:00:00.123000000Z","price":1.6,"amount":2,"side":"buy","tid":"11""#));
}

#[test]
fn ids_that_skip_inside_a_file_are_not_covered() {
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let text =
        "1,1,1,1,1,1704067200000,True,True\n3,1,1,1,1,1704067200500,True,True\n4,1,1,1,1,1704067201000,True,True\n";
    let (summary, _) = read("binance:trade:BTC-USDT", day, day, text);
    let hole = range("2024-01-01T00:00:00Z", "2024-01-01T00:00:00.500000001Z");
    assert_eq!(summary.covered.missing(day), RangeSet::from_iter([hole]));
    assert_eq!(summary.gaps, [(hole, "the archive's trade ids skip from 1 to 3".to_owned())]);
}

#[test]
fn only_what_is_wanted_of_a_file_goes_out() {
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let wanted = range("2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z");
    let row = |hour: i64| {
        let open = 1_704_067_200_000 + hour * 3_600_000;
        format!("{open},1,2,0.5,1.5,10,{},15,3,1,1,0\n", open + 3_599_999)
    };
    let text: String = (0..24).map(row).collect();
    let (summary, lines) = read("binance:candle:BTC-USDT:1h", day, wanted, &text);
    assert_eq!((lines.lines().count(), summary.covered), (1, RangeSet::from_iter([wanted])));
    assert!(lines.contains(r#""ts":"2024-01-01T01:00:00Z","open":1,"high":2,"low":0.5,"close":1.5,"volume":10,"quote_volume":15,"trades":3"#));
}

#[test]
fn a_file_without_rows_of_its_period_proves_nothing() {
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let all = range("2023-12-01T00:00:00Z", "2024-02-01T00:00:00Z");
    let yesterday = "1703980800000,1,2,0.5,1.5,10,1703984399999,15,3,1,1,0\n";
    for text in ["", "open_time,open,high\n", yesterday] {
        let (summary, _) = read("binance:candle:BTC-USDT:1h", day, all, text);
        assert!(summary.covered.is_empty(), "{text:?}: {summary:?}");
    }
    let (summary, _) = read("binance:trade:BTC-USDT", day, all, "1,1,1,1,1,1703980800000,True,True\n");
    assert!(summary.covered.is_empty(), "{summary:?}");
}

#[test]
fn a_day_of_metrics_proves_the_instants_it_holds() {
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let all = range("2023-12-01T00:00:00Z", "2024-02-01T00:00:00Z");
    let header = "create_time,symbol,sum_open_interest,sum_open_interest_value,x\n";
    let late = format!("{header}2024-01-01 00:05:00,BTCUSDT,10.5,100,1\n2024-01-02 00:00:00,BTCUSDT,11,101,1\n");
    let (summary, lines) = read("binance:open_interest:BTC-USDT_PERP:5m", day, all, &late);
    assert_eq!(
        summary.covered.iter().collect::<Vec<_>>(),
        [range("2024-01-01T00:00:00.000000001Z", "2024-01-02T00:00:00.000000001Z")]
    );
    assert!(
        lines.contains(
            r#""span":300,"ts":"2024-01-01T00:05:00.000000000Z","open_interest":10.5,"open_interest_value":100"#
        ),
        "{lines}"
    );
    let early = format!("{header}2024-01-01 00:00:00,BTCUSDT,10.5,100,1\n2024-01-01 23:55:00,BTCUSDT,11,101,1\n");
    let (summary, _) = read("binance:open_interest:BTC-USDT_PERP:5m", day, all, &early);
    assert_eq!(summary.covered, RangeSet::from_iter([day]));
}

#[test]
fn a_line_that_makes_no_sense_is_named() {
    let day = range("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
    let check = |id: &str, line: &str, expected: &str| {
        let mut reader = FileReader::new(&dataset(id), &file(day), day, None);
        let error = reader.line(line.as_bytes(), &mut Vec::new()).expect_err("no record").to_string();
        assert!(error.contains("line 1") && error.contains(expected), "{line}: {error}");
    };
    check("binance:trade:BTC-USDT", "1,2,3", "too few fields");
    check("binance:trade:BTC-USDT", "1,1,1,1,1,1704067200000,maybe", "neither True nor False");
    check("binance:trade:BTC-USDT", "1,1e,1,1,1,1704067200000,True", "no number");
    check("binance:trade:BTC-USDT", "1,1,1,1,1,17,True", "not between 2000 and 2200");
    check("binance:candle:BTC-USDT:1h", "1704067200001,1,1,1,1,1,1,1,1", "out of place");
}
