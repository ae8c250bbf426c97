//! The sheet of a day, against answers that were worked out by hand.

use dccd_tests::{Scratch, run};
use serde_json::{Value, json};

const SPOT: &str = r#""exchange":"binance","pair":"BTC/USDT""#;
const DAY_SECS: u64 = 86_400;

/// So many seconds into 2024-01-01, or the next day.
fn at(seconds: u64, nanos: u64) -> String {
    let (day, second) = (1 + seconds / DAY_SECS, seconds % DAY_SECS);
    format!("2024-01-{day:02}T{:02}:{:02}:{:02}.{nanos:09}Z", second / 3600, second / 60 % 60, second % 60)
}

fn of(kind: &str, start: u64, end: u64, more: &str) -> String {
    let word = if more.contains("reason") { "gap" } else { "covered" };
    let (start, end) = (at(start, 0), at(end, 0));
    format!(r#"{{"kind":"{word}",{SPOT},{kind},"start":"{start}","end":"{end}",{more}}}"#)
}

const TRADES: &str = r#""of":"trade""#;
const CANDLES: &str = r#""of":"candle","span":3600"#;

/// One trade each minute from 00:00 on, read as many milliseconds later as its number.
fn trades() -> Vec<String> {
    let trade = |n: u64| {
        let (ts, recv_ts) = (at(n * 60, 0), at(n * 60, (n + 1) * 1_000_000));
        let (price, amount) = (100 + n % 7, format!("0.{:02}", 1 + n % 9));
        format!(
            r#"{{"kind":"trade",{SPOT},"ts":"{ts}","price":{price},"amount":{amount},"side":"buy","tid":"{n}","recv_ts":"{recv_ts}"}}"#
        )
    };
    (0..200).map(trade).collect()
}

/// Open, high, low, close, volume in hundredths of each whole hour of the trades.
fn candles() -> Vec<(u64, [u64; 4], u64)> {
    let hour = |hour: u64| {
        let numbers = hour * 60..(hour + 1) * 60;
        let price = |n: u64| 100 + n % 7;
        let volume = numbers.clone().map(|n| 1 + n % 9).sum();
        (hour, [price(numbers.start), 106, 100, price(numbers.end - 1)], volume)
    };
    (0..3).map(hour).collect()
}

fn candle((hour, [open, high, low, close], volume): (u64, [u64; 4], u64)) -> String {
    let volume = format!("{}.{:02}", volume / 100, volume % 100);
    let ts = at(hour * 3600, 0).replace(".000000000", "");
    format!(
        r#"{{"kind":"candle",{SPOT},"span":3600,"ts":"{ts}","open":{open},"high":{high},"low":{low},"close":{close},"volume":{volume},"quote_volume":null,"trades":60}}"#
    )
}

fn store(scratch: &Scratch, lines: &[String]) {
    let input = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    run(scratch.tool("dccd-write").args(["--data-path", "data"]), input).expect(0);
}

fn report(scratch: &Scratch, flags: &[&str]) -> Vec<Value> {
    let mut report = scratch.tool("dccd-health");
    let ended = run(report.args(["report", "--data-path", "data", "--json"]).args(flags), "").expect(0);
    assert_eq!(ended.stderr, "");
    ended.lines()
}

#[test]
fn a_sheet_says_what_was_worked_out_by_hand() {
    let scratch = Scratch::new();
    let mut lines = trades();
    // Of 16 hours asked: 12 covered, 4 missing in three gaps. Behind that nothing was asked, and tomorrow all is well.
    lines.push(of(TRADES, 0, 12 * 3600, r#""proof":"id""#));
    lines.push(of(TRADES, 12 * 3600, 13 * 3600, r#""reason":"disconnected""#));
    lines.push(of(TRADES, 13 * 3600, 15 * 3600, r#""reason":"never published","final":true"#));
    let stream = format!(
        r#"{{"kind":"range",{SPOT},"job":"j",{TRADES},"start":"{}","end":"{}","why":"asked"}}"#,
        at(0, 0),
        at(16 * 3600, 0)
    );
    lines.push(stream);
    lines.push(of(TRADES, DAY_SECS, 2 * DAY_SECS, r#""proof":"page""#));
    lines.push(of(r#""of":"book""#, 0, 1000, r#""reason":"checksum does not match""#));
    store(&scratch, &lines);
    let sheets = report(&scratch, &["--date", "2024-01-01"]);
    assert_eq!(sheets.len(), 2, "{sheets:?}");
    let trades = &sheets[0];
    assert_eq!(
        (&trades["kind"], &trades["date"], &trades["of"]),
        (&json!("report"), &json!("2024-01-01"), &json!("trade"))
    );
    assert_eq!((&trades["rows"], &trades["covered_percent"]), (&json!(200), &json!(75.0)));
    assert_eq!((&trades["gaps"], &trades["gap_seconds"]), (&json!(3), &json!(4.0 * 3600.0)));
    let reason = |reason: Value, verdict: &str, hours: u64| json!({"reason": reason, "verdict": verdict, "gaps": 1, "seconds": 3600.0 * f64::from(u32::try_from(hours).expect("small"))});
    let reasons = [
        reason(Value::Null, "repairable", 1),
        reason(json!("disconnected"), "repairable", 1),
        reason(json!("never published"), "final", 2),
    ];
    assert_eq!(trades["reasons"], json!(reasons));
    // Lags of 1 to 200 ms.
    assert_eq!(
        (&trades["live_records"], &trades["lag_p50_ms"], &trades["lag_p99_ms"]),
        (&json!(200), &json!(100.0), &json!(198.0))
    );
    assert_eq!(trades["candles_compared"], Value::Null);
    // Nobody sells the past of a book.
    let book = &sheets[1];
    assert_eq!((&book["of"], &book["rows"], &book["covered_percent"]), (&json!("book"), &json!(0), &json!(0.0)));
    assert_eq!(book["reasons"][0]["verdict"], "lost");

    let next = report(&scratch, &["--date", "2024-01-02", "--kind", "trades"]);
    assert_eq!((next.len(), &next[0]["rows"], &next[0]["covered_percent"]), (1, &json!(0), &json!(100.0)));
    assert_eq!(next[0]["lag_p50_ms"], Value::Null);
    assert_eq!(report(&scratch, &["--date", "2024-01-03"]), [] as [Value; 0]);
    assert_eq!(report(&scratch, &[]), [] as [Value; 0]);
    assert_eq!(report(&scratch, &["--days", "30", "--exchange", "kraken"]), [] as [Value; 0]);

    // A file that was purged is still known by its rows; nobody can look into it.
    std::fs::remove_file(scratch.join("data/binance/trades/BTC-USDT/2024-01-01.parquet")).expect("it is there");
    scratch.write("data/.dccd/purged/binance:trade:BTC-USDT/2024-01-01.json", "{\"rows\":200}\n");
    let purged = &report(&scratch, &["--date", "2024-01-01", "--kind", "trade"])[0];
    assert_eq!((&purged["rows"], &purged["covered_percent"]), (&json!(200), &json!(75.0)));
    assert_eq!((&purged["lag_p50_ms"], &purged["repeats"]), (&Value::Null, &Value::Null));
}

#[test]
fn the_table_is_for_people() {
    let scratch = Scratch::new();
    let mut lines = trades();
    lines.push(of(TRADES, 0, 86_399, r#""proof":"id""#));
    lines.push(of(TRADES, 86_399, 86_400, r#""reason":"disconnected""#));
    store(&scratch, &lines);
    let table =
        |flags: &[&str]| run(scratch.tool("dccd-health").args(["report", "--data-path", "data"]).args(flags), "");
    assert_eq!(
        table(&["--date", "2024-01-01"]).expect(0).text(),
        "date        exchange  pair      type   span  rows  covered  gaps  missing  verdict       repeats  lag_p50  lag_p99  compared  differ\n\
         2024-01-01  binance   BTC/USDT  trade  -     200   99.99%   1     1s       1 repairable  0        100ms    198ms    -         -\n"
    );
    for wrong in
        [&["--date", "yesterday"][..], &["--days", "0"], &["--days", "2", "--date", "2024-01-01"], &["--kind", "tick"]]
    {
        table(wrong).expect(2);
    }
    scratch.write("data/binance/trades/BTC-USDT/2024-01-01.parquet", "broken");
    let ended = table(&["--date", "2024-01-01", "--json"]).expect(65);
    assert_eq!(ended.lines()[0]["rows"], Value::Null);
    assert!(ended.stderr.contains("2024-01-01.parquet cannot be read"), "{}", ended.stderr);
}

#[test]
fn candles_are_compared_with_the_trades_of_the_same_pair() {
    let scratch = Scratch::new();
    let mut lines = trades();
    lines.push(of(TRADES, 0, 3 * 3600, r#""proof":"id""#));
    lines.extend(candles().into_iter().map(candle));
    // A candle that fills a quiet hour is right, but trades are not covered there.
    lines.push(candle((3, [100, 100, 100, 100], 0)));
    lines.push(of(CANDLES, 0, 4 * 3600, r#""proof":"page""#));
    store(&scratch, &lines);
    let compared = |scratch: &Scratch| {
        let sheets = report(scratch, &["--date", "2024-01-01", "--kind", "candle"]);
        let fields = ["candles_compared", "candles_differ", "price_difference_max", "volume_difference_max"];
        fields.map(|field| sheets[0][field].as_f64().unwrap_or_else(|| panic!("{sheets:?}")))
    };
    assert_eq!(compared(&scratch), [3.0, 0.0, 0.0, 0.0]);
    // The close of one candle is a 1 % lower than its trades say.
    let (hour, [open, high, low, close], volume) = candles()[1];
    let changed = candle((hour, [open, high, low, close], volume))
        .replace(&format!("\"close\":{close}"), &format!("\"close\":{}.{:02}", close * 99 / 100, close * 99 % 100));
    store(&scratch, &[changed]);
    let [candles, differ, price, volume_off] = compared(&scratch);
    assert_eq!((candles, differ, volume_off), (3.0, 1.0, 0.0));
    assert!((price - 0.01).abs() < 1e-9, "{price}");
    // The volume of another one is half as large.
    let (hour, prices, volume) = self::candles()[2];
    let halved = candle((hour, prices, volume)).replace(
        &format!("\"volume\":{}.{:02}", volume / 100, volume % 100),
        &format!("\"volume\":{}.{:03}", volume / 200, volume * 5 % 1000),
    );
    store(&scratch, &[halved]);
    let [candles, differ, _, volume_off] = compared(&scratch);
    assert_eq!((candles, differ), (3.0, 2.0));
    assert!((volume_off - 0.5).abs() < 1e-9, "{volume_off}");
}
