//! `dccd-inventory verify` as a process, on stores that were damaged in many ways.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use dccd_store::{StoreOptions, Taken, Writer, WriterOptions};
use tempfile::TempDir;

const TRADES: &str = "binance/trades/BTC-USDT";
const CANDLES: &str = "binance/ohlc/BTC-USDT/1h";
/// Days of trades: the first of them is 2024-01-01.
const DAYS: i64 = 4;
const TRADES_PER_DAY: i64 = 480;

fn series(kind: &str) -> String {
    match kind {
        "candle" => r#""kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600"#.to_owned(),
        "open_interest" => r#""kind":"open_interest","exchange":"okx","pair":"BTC/USDT:perp","span":3600"#.to_owned(),
        "funding" => r#""kind":"funding","exchange":"okx","pair":"BTC/USDT:perp""#.to_owned(),
        kind => format!(r#""kind":"{kind}","exchange":"binance","pair":"BTC/USDT""#),
    }
}

fn at(seconds: i64) -> String {
    dccd_record::Ts::from_secs(1_704_067_200 + seconds).unwrap().to_string()
}

fn covered(kind: &str, days: (i64, i64), proof: &str) -> String {
    let whose = series(kind).replace(&format!(r#""kind":"{kind}""#), &format!(r#""kind":"covered","of":"{kind}""#));
    let (start, end) = (at(days.0 * 86_400), at(days.1 * 86_400));
    format!(r#"{{{whose},"start":"{start}","end":"{end}","proof":"{proof}"}}"#)
}

fn trade(number: i64) -> String {
    let (series, ts) = (series("trade"), at(number * 86_400 / TRADES_PER_DAY));
    format!(r#"{{{series},"ts":"{ts}","price":42000.5,"amount":0.01,"side":"buy","tid":"{}"}}"#, 1_000 + number)
}

/// A store with every kind of data, all of it sound.
fn store() -> TempDir {
    let mut lines: Vec<String> = (0..DAYS * TRADES_PER_DAY).map(trade).collect();
    lines.push(covered("trade", (0, DAYS), "id"));
    for hour in 0..24 * DAYS {
        let (candle, ts) = (series("candle"), at(hour * 3600));
        lines.push(format!(
            r#"{{{candle},"ts":"{ts}","open":2,"high":3,"low":1,"close":2.5,"volume":10,"quote_volume":null,"trades":null}}"#
        ));
        let interest = series("open_interest");
        lines.push(format!(r#"{{{interest},"ts":"{ts}","open_interest":12.5,"open_interest_value":null}}"#));
    }
    for eighth in 0..3 * DAYS {
        let (funding, ts) = (series("funding"), at(eighth * 8 * 3600));
        lines.push(format!(r#"{{{funding},"ts":"{ts}","rate":-0.0001,"mark_price":42000}}"#));
    }
    for second in 0..200 {
        let (book, ts) = (series("book"), at(second));
        let amount = second % 2;
        let is_snapshot = second % 100 == 0;
        let amount = if is_snapshot { 1 } else { amount };
        lines.push(format!(
            r#"{{{book},"ts":"{ts}","snapshot":{is_snapshot},"bids":[[2,{amount}],[1,5]],"asks":[[3,1]],"seq":{second}}}"#
        ));
    }
    lines.push(covered("book", (0, 1), "sequence"));
    for kind in ["candle", "open_interest", "funding"] {
        lines.push(covered(kind, (0, DAYS), "page"));
    }
    write(&lines)
}

fn write(lines: &[String]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_to(dir.path(), lines);
    dir
}

fn write_to(root: &Path, lines: &[String]) {
    let options = WriterOptions {
        sync_interval: Duration::from_secs(1),
        store: StoreOptions::AsItIs,
        program: "test 0".to_owned(),
    };
    let mut writer = Writer::open(root, &options).unwrap();
    lines.iter().for_each(|line| assert_eq!(writer.take(line.as_bytes()).unwrap(), Taken::Yes, "{line}"));
    writer.finish().unwrap();
}

fn verify(store: &Path, flags: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-inventory"));
    let output = command.env_clear().arg("verify").arg("--data-path").arg(store).args(flags).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Level, check and path of each finding.
fn findings(store: &Path, depth: &str) -> Vec<(String, String, String)> {
    let (status, stdout, stderr) = verify(store, &["--depth", depth, "--json"]);
    let lines = stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let word = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap().to_owned();
    let found: Vec<_> = lines.map(|line| (word(&line, "level"), word(&line, "check"), word(&line, "path"))).collect();
    let has_errors = found.iter().any(|(level, ..)| level == "error");
    assert_eq!(status, i32::from(has_errors), "{found:?} {stderr}");
    assert_eq!(stderr.is_empty(), found.is_empty(), "{stderr}");
    found
}

/// Does some damage to a sound store, and expects to hear of exactly that, at this depth and no lower one.
#[track_caller]
fn check(damage: impl Fn(&Path), depth: &str, expected: &[(&str, &str, &str)]) {
    let dir = store();
    damage(dir.path());
    let depths = ["names", "footers", "pages"];
    let first = depths.iter().position(|name| *name == depth).unwrap();
    for (at, depth) in depths.iter().enumerate() {
        let found = findings(dir.path(), depth);
        let found: Vec<_> = found.iter().map(|(l, c, p)| (l.as_str(), c.as_str(), p.as_str())).collect();
        assert_eq!(found, if at < first { &[] } else { expected }, "{depth}");
    }
}

fn day(number: i64) -> String {
    format!("{TRADES}/2024-01-{number:02}.parquet")
}

/// A name that somebody chose must not begin a line of its own, or move a cursor.
#[test]
fn each_finding_is_one_line() {
    let dir = store();
    fs::write(dir.path().join("x\nerror: \u{1b}[2J"), "").unwrap();
    let (status, stdout, _) = verify(dir.path(), &[]);
    assert_eq!(status, 0, "{stdout}");
    assert!(stdout.starts_with("note: x error:  [2J: no file of a store; "), "{stdout:?}");
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}

/// Makes a file look as if nobody had touched it for days.
fn grow_old(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3 * 86_400)).unwrap();
}

#[test]
fn a_sound_store_has_no_findings() {
    let dir = store();
    for depth in ["names", "footers", "pages"] {
        assert_eq!(verify(dir.path(), &["--depth", depth]), (0, String::new(), String::new()));
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(verify(empty.path(), &[]), (0, String::new(), String::new()));
    assert_eq!(verify(&empty.path().join("nowhere"), &[]).0, 74);
    assert_eq!(verify(empty.path(), &["--depth", "deep"]).0, 2);
    assert_eq!(verify(empty.path(), &["--kind", "tick"]).0, 2);
}

#[test]
fn a_finding_is_a_sentence() {
    let dir = store();
    fs::write(dir.path().join(day(1)), "broken").unwrap();
    let (status, stdout, stderr) = verify(dir.path(), &["-q"]);
    assert_eq!((status, stderr), (1, String::new()));
    assert!(stdout.starts_with(&format!("error: {}: it cannot be read: ", day(1))), "{stdout}");
    assert!(
        stdout
            .ends_with("; dccd-sync restore, or fetch that time again: dccd-write then keeps the damaged file aside\n")
    );
    let (_, stdout, stderr) = verify(dir.path(), &["--pair", "BTC/USDT", "--kind", "trades"]);
    assert_eq!(stdout.lines().count(), 1);
    assert_eq!(stderr, format!("dccd-inventory: files verified (footers): {DAYS}, errors: 1, notes: 0\n"));
    assert_eq!(verify(dir.path(), &["--kind", "candle"]), (0, String::new(), String::new()));
    // Flags of the table are not for it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-inventory"));
    assert_eq!(command.env_clear().args(["--gaps", "verify"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn names_that_do_not_belong() {
    let create = |name: &'static str| {
        move |root: &Path| {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "x").unwrap();
        }
    };
    for (name, level, what) in [
        ("binance/trades/BTC-USDT/2024-1-1.parquet", "error", "name"),
        ("binance/trades/BTC-USDT/2024-01-01 (copy).parquet", "error", "name"),
        ("binance/ohlc/BTC-USDT/1h/2024-01-01.parquet", "error", "name"),
        ("binance/trades/BTC-USDT/notes.txt", "note", "place"),
        ("binance/trades/2024-01-01.parquet", "error", "place"),
        ("binance/trade/BTC-USDT/2024-01-01.parquet", "error", "place"),
        ("binance/ohlc/BTC-USDT/60m/2024.parquet", "error", "place"),
        ("Binance/trades/BTC-USDT/2024-01-01.parquet", "error", "place"),
        ("all.parquet", "error", "place"),
        ("README", "note", "place"),
    ] {
        check(create(name), "names", &[(level, what, name)]);
    }
    check(create("old stuff/deep/down/x"), "names", &[("note", "place", "old stuff")]);
    check(create("lost+found/x.parquet"), "names", &[]);
    check(create(".snapshots/1/binance/trades/BTC-USDT/2024-01-01.parquet"), "names", &[]);
}

#[test]
fn what_is_in_the_works_is_no_finding_until_its_writer_is_gone() {
    let name = |pid: u32| format!("{TRADES}/.2024-01-01.00000000000000000001-{pid}.1.part");
    // No process has that number: it is above the largest.
    let gone = name(4_194_999);
    let old = |name: String| {
        move |root: &Path| {
            fs::write(root.join(&name), "x").unwrap();
            grow_old(&root.join(&name));
        }
    };
    check(|root| fs::write(root.join(&gone), "x").unwrap(), "names", &[]);
    check(old(name(std::process::id())), "names", &[]);
    check(old(gone.clone()), "names", &[("note", "leftover", &gone)]);
}

#[test]
fn permissions() {
    let mode = |name: String, mode: u32| {
        move |root: &Path| fs::set_permissions(root.join(&name), fs::Permissions::from_mode(mode)).unwrap()
    };
    // Root may read everything all the same; other users hear of it again when the file is opened.
    if rustix::process::geteuid().is_root() {
        check(mode(day(1), 0o200), "names", &[("error", "permission", &day(1))]);
    }
    check(mode(TRADES.to_owned(), 0o555), "names", &[("error", "permission", TRADES)]);
    check(mode(CANDLES.to_owned(), 0o777), "names", &[("note", "permission", CANDLES)]);
}

#[test]
fn ledgers_and_journals() {
    let ledger = ".dccd/ledger/binance:trade:BTC-USDT.ndjson";
    let append = |text: &'static str| {
        move |root: &Path| {
            let content = fs::read_to_string(root.join(ledger)).unwrap();
            fs::write(root.join(ledger), content + text).unwrap();
        }
    };
    check(append("{\"kind\":\"covered\n"), "names", &[("error", "ledger", ledger)]);
    check(
        append(concat!(
            r#"{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"trade","#,
            r#""start":"2190-01-01T00:00:00Z","end":"2190-01-02T00:00:00Z","proof":"page"}"#,
            "\n"
        )),
        "names",
        &[("error", "ledger", ledger), ("note", "missing", &format!("{TRADES}/2190-01-01.parquet"))],
    );
    check(|root| fs::remove_file(root.join(ledger)).unwrap(), "names", &[("note", "no_ledger", TRADES)]);
    let odd = ".dccd/ledger/binance:trade:BTCUSDT.ndjson";
    check(|root| fs::write(root.join(odd), "").unwrap(), "names", &[("error", "name", odd)]);
    check(|root| fs::create_dir_all(root.join(".dccd/aside/x")).unwrap(), "names", &[("note", "aside", ".dccd/aside")]);

    let journal = ".dccd/journal/00000000000000000001-1.000000.ndjson.zst";
    let frame = |text: &str| zstd_frame(text);
    let put = |bytes: Vec<u8>, is_old: bool| {
        move |root: &Path| {
            fs::create_dir_all(root.join(".dccd/journal")).unwrap();
            fs::write(root.join(journal), &bytes).unwrap();
            if is_old {
                grow_old(&root.join(journal));
            }
        }
    };
    let line = trade(1) + "\n";
    check(put(frame(&line), false), "names", &[]);
    check(put(frame(&line), true), "names", &[("note", "ownerless", journal)]);
    check(put(frame("no line\n"), false), "names", &[("error", "journal", journal)]);
    let mut damaged = frame(&line);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    // A last frame that is torn was never durable.
    check(put(damaged.clone(), false), "names", &[]);
    check(put([damaged, frame(&line)].concat(), false), "names", &[("error", "journal", journal)]);
}

/// A frame as a journal has it.
fn zstd_frame(text: &str) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.include_checksum(true).unwrap();
    compressor.compress(text.as_bytes()).unwrap()
}

#[test]
fn files_that_should_be_there() {
    let remove = |name: String| move |root: &Path| fs::remove_file(root.join(&name)).unwrap();
    check(remove(day(2)), "names", &[("error", "missing", &day(2))]);
    // A market that was closed looks the same.
    check(remove(day(4)), "names", &[("note", "missing", &day(4))]);
    check(remove(day(1)), "names", &[]);
    let purge = |root: &Path| {
        let marker = root.join(".dccd/purged/binance:trade:BTC-USDT/2024-01-02.json");
        fs::create_dir_all(marker.parent().unwrap()).unwrap();
        fs::write(marker, "{}\n").unwrap();
        fs::remove_file(root.join(day(2))).unwrap();
    };
    check(purge, "names", &[]);
    // In a quiet one a day may have no trades.
    let quiet: Vec<String> = (0..10).map(|number| trade(number * 2 * TRADES_PER_DAY)).collect();
    let dir = write(&[quiet, vec![covered("trade", (0, 20), "page")]].concat());
    assert_eq!(findings(dir.path(), "pages"), []);
    // Where no file is left, none can tell; what is covered may have been empty.
    let lost = write(&[trade(1), covered("trade", (0, 1), "page")]);
    assert_eq!(findings(lost.path(), "names"), []);
    fs::remove_file(lost.path().join(day(1))).unwrap();
    assert_eq!(findings(lost.path(), "names"), [("note".to_owned(), "missing".to_owned(), TRADES.to_owned())]);
    // What an earlier dccd stored had rows for sure.
    let dir = write(&[covered("candle", (0, 20), "file")]);
    let missing = format!("{CANDLES}/2024.parquet");
    assert_eq!(findings(dir.path(), "names"), [("error".to_owned(), "missing".to_owned(), missing)]);
}

#[test]
fn rows_that_wait_in_a_journal_are_there() {
    let dir = store();
    fs::remove_file(dir.path().join(day(2))).unwrap();
    let journal = dir.path().join(".dccd/journal/00000000000000000001-1.000000.ndjson.zst");
    fs::create_dir_all(journal.parent().unwrap()).unwrap();
    fs::write(journal, zstd_frame(&(trade(TRADES_PER_DAY + 1) + "\n"))).unwrap();
    assert_eq!(findings(dir.path(), "names"), []);
}

#[test]
fn footers() {
    let broken = |bytes: &'static [u8]| move |root: &Path| fs::write(root.join(day(3)), bytes).unwrap();
    let unreadable = day(3);
    let unreadable = [("error", "unreadable", unreadable.as_str())];
    check(broken(b""), "footers", &unreadable);
    check(broken(b"PAR1PAR1"), "footers", &unreadable);
    let cut = |root: &Path| {
        let bytes = fs::read(root.join(day(3))).unwrap();
        fs::write(root.join(day(3)), &bytes[..bytes.len() - 100]).unwrap();
    };
    check(cut, "footers", &unreadable);
    let replace = |from: String, to: String| {
        move |root: &Path| {
            fs::copy(root.join(&from), root.join(&to)).unwrap();
        }
    };
    // A file under the name of another day, pair or kind.
    check(replace(day(2), day(3)), "footers", &[("error", "period", &day(3))]);
    let strange = "binance/ohlc/BTC-USDT/1h/2024.parquet";
    check(replace(day(1), strange.to_owned()), "footers", &[("error", "unreadable", strange)]);
    let schema = |root: &Path| {
        let bytes = fs::read(root.join(day(3))).unwrap();
        let key = b"dccd.schema";
        let from = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len();
        let four = from + bytes[from..].iter().position(|byte| *byte == b'4').unwrap();
        let mut bytes = bytes;
        bytes[four] = b'5';
        fs::write(root.join(day(3)), bytes).unwrap();
    };
    check(schema, "footers", &[("error", "schema", &day(3))]);
}

#[test]
fn the_numbers_of_a_store_are_all_alike() {
    let dir = store();
    fs::write(dir.path().join(".dccd/store.json"), "{\"schema\":1,\"numbers\":\"decimal\"}\n").unwrap();
    let found = findings(dir.path(), "footers");
    assert!(
        found.len() > 5 && found.iter().all(|(level, check, _)| level == "error" && check == "schema"),
        "{found:?}"
    );
}

#[test]
fn rows_of_which_the_ledger_knows_nothing() {
    let dir = write(&[trade(0), trade(1), covered("trade", (5, 6), "page")]);
    let found = findings(dir.path(), "footers");
    assert_eq!(found, [("note".to_owned(), "unknown".to_owned(), day(1))]);
}

/// Bytes of the first page of the first column, which are packed and so do not decode once they are changed.
fn spoil_page(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let magic = 0xfd2f_b528_u32.to_le_bytes();
    let frame = bytes.windows(4).position(|window| window == magic).unwrap();
    bytes[frame] ^= 0xff;
    fs::write(path, bytes).unwrap();
}

#[test]
fn pages() {
    check(|root| spoil_page(&root.join(day(2))), "pages", &[("error", "unreadable", &day(2))]);
    // Trades that the ledger says are all there.
    let some = |root: &Path| {
        fs::remove_file(root.join(day(2))).unwrap();
        let ledger = root.join(".dccd/ledger/binance:trade:BTC-USDT.ndjson");
        let kept = fs::read(&ledger).unwrap();
        let lines: Vec<String> = (TRADES_PER_DAY..2 * TRADES_PER_DAY).filter(|n| n % 100 != 0).map(trade).collect();
        write_to(root, &lines);
        fs::write(&ledger, kept).unwrap();
    };
    let ids = day(2);
    let ids = ("error", "ids", ids.as_str());
    check(some, "pages", &[ids; 5]);
}

#[test]
fn whatever_the_bytes_it_is_a_finding_and_no_crash() {
    let seed: u64 = std::env::var("DCCD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_241_122);
    let mut state = seed;
    let mut below = move |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % end
    };
    let dir = store();
    let names = [day(1), format!("{CANDLES}/2024.parquet"), "binance/orderbook/BTC-USDT/2024-01-01.parquet".to_owned()];
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
    let good: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    for round in 0..120 {
        for (path, good) in paths.iter().zip(&good) {
            let mut bad = good.clone();
            for _ in 0..=below(3) {
                // Half of the damage goes where the footer is.
                let at = if below(2) == 0 { below(bad.len()) } else { bad.len() - 1 - below(bad.len().min(2_000)) };
                bad[at] = u8::try_from(below(256)).unwrap();
            }
            fs::write(path, bad).unwrap();
        }
        let (status, stdout, stderr) = verify(dir.path(), &["--depth", "pages", "--json"]);
        let is_quiet = stderr.lines().count() <= 1;
        assert!(
            is_quiet && (0..=1).contains(&status),
            "seed {seed}, round {round}: status {status}\n{stdout}\n{stderr}"
        );
        assert_eq!(status == 1, stdout.contains("\"level\":\"error\""), "seed {seed}, round {round}: {stdout}");
        for line in stdout.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(names.iter().any(|name| line["path"] == **name), "seed {seed}, round {round}: {line}");
        }
    }
}
