//! The real binary against a small exchange on loopback.

mod pairs;
mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use server::{Answer, Server, exchange, ok, status};
use sha2::Digest;
use tempfile::TempDir;

/// A run, with what its tests need.
struct Run {
    stdout: String,
    stderr: String,
    status: Option<i32>,
}

impl Run {
    /// The lines of these kinds.
    fn of(&self, kind: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["kind"] == kind).collect()
    }

    fn lines(&self) -> Vec<Value> {
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "a line is cut: {}", self.stdout);
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("every line is an object")).collect()
    }

    /// Start and end of the one range that is covered.
    fn covered(&self) -> (String, String) {
        let lines = self.of("covered");
        let text = |value: &Value| value.as_str().expect("a time").to_owned();
        for pair in lines.windows(2) {
            assert_eq!(pair[0]["end"], pair[1]["start"], "a hole in what is covered");
        }
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            panic!("nothing is covered: {}", self.stdout)
        };
        (text(&first["start"]), text(&last["end"]))
    }
}

fn command(server: &Server, budget: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-fetch"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DCCD_") {
            command.env_remove(name);
        }
    }
    command.args(args).args(["--retry-delay", "0.01"]).arg("--budget-dir").arg(budget);
    command.env("DCCD_BINANCE_REST_URL", &server.url).env("DCCD_BINANCE_ARCHIVE_URL", &server.url);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(server: &Server, args: &[&str]) -> Run {
    let budget = TempDir::new().expect("a temporary folder");
    ended(command(server, budget.path(), args).output().expect("the program runs"))
}

fn run_with_input(server: &Server, args: &[&str], input: &str) -> Run {
    let budget = TempDir::new().expect("a temporary folder");
    let mut child = command(server, budget.path(), args).stdin(Stdio::piped()).spawn().expect("the program runs");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the program reads");
    ended(child.wait_with_output().expect("the program ends"))
}

fn ended(output: Output) -> Run {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Run { stdout: text(output.stdout), stderr: text(output.stderr), status: output.status.code() }
}

fn send(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("the program is there");
}

fn sound() -> Server {
    Server::start(|_, _| None)
}

const HOUR: [&str; 8] =
    ["binance", "BTC/USDT", "--span", "1m", "--start", "2024-01-01T20:00", "--end", "2024-01-01T21:00"];

#[test]
fn help_and_flags_that_make_no_sense() {
    let server = sound();
    let help = run(&server, &["--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    assert!(help.stdout.starts_with("Get history from an exchange as lines\n"), "{}", help.stdout);
    let check = |args: &[&str], expected: &str| {
        let run = run(&server, args);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
    };
    check(&["binance", "BTC/USDT", "--spam"], "--spam");
    check(&["binance", "BTC/USDT"], "needs --span");
    check(&["binance", "BTC/USDT", "--span", "7m"], "neither divides a day");
    check(&["binance", "BTC/USDT", "--span", "48m"], "it has 1s 1m 3m");
    check(&["binance", "BTCUSDT", "--span", "1h"], "no pair");
    check(&["nowhere", "BTC/USDT", "--span", "1h"], "there is binance");
    check(&["binance", "BTC/USDT", "--kind", "funding"], "it has candle, trade, book");
    check(
        &["binance", "BTC/USDT", "--span", "1h", "--start", "2024-02-01", "--end", "2024-01-01"],
        "not after --start",
    );
    check(&["binance", "BTC/USDT", "--kind", "book", "--start", "2024-02-01"], "a book has no past");
    check(&["binance", "BTC/USDT", "--span", "1h", "--rest-url", "here"], "no URL");
    check(&["binance", "BTC/USDT", "--span", "1h", "--connections", "0"], "--connections");
    check(&["--json"], "--capabilities");
    check(&["--start", "2024-01-01"], "need an exchange and a pair");
    assert!(server.seen().is_empty());
}

#[test]
fn pages_of_candles_end_where_the_exchange_has_come_to() {
    // The host's clock is years ahead of the exchange's; the last row served is open.
    let args = ["binance", "BTC/USDT", "--span", "1m", "--start", "2024-01-01T00:00:30"];
    for connections in ["1", "4"] {
        let run = run(&sound(), &[&args[..], &["--connections", connections]].concat());
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
        assert_eq!(run.of("candle").len(), 1439);
        assert_eq!(
            run.covered(),
            ("2024-01-01T00:00:30.000000000Z".to_owned(), "2024-01-02T00:00:00.000000000Z".to_owned())
        );
        let lines = run.lines();
        assert_eq!(
            (lines[0]["kind"].as_str(), lines[0]["job"].as_str()),
            (Some("range"), Some("binance:candle:BTC-USDT:1m"))
        );
        assert_eq!(lines.last().map(|line| line["kind"].clone()), Some(Value::from("covered")));
        assert!(run.stdout.contains(r#""ts":"2024-01-01T00:01:00Z","open":1.10,"high":2.0,"low":0.50,"#));
    }
}

#[test]
fn trades_end_seconds_before_the_exchanges_now() {
    let run =
        run(&sound(), &["binance", "BTC/USDT", "--kind", "trades", "--start", "2024-01-01T23:55", "--source", "rest"]);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert_eq!(run.covered().1, "2024-01-02T00:00:25.500000000Z");
    assert_eq!(run.of("trade").len(), 3255);
}

#[test]
fn without_a_start_it_begins_with_the_first_record() {
    let run = run(&sound(), &["binance", "BTC/USDT", "--span", "1m", "--end", "2024-01-01T00:10"]);
    assert_eq!((run.status, run.of("candle").len()), (Some(0), 10));
    assert_eq!(run.covered().0, "2024-01-01T00:00:00.000000000Z");
}

#[test]
fn one_snapshot_of_a_book() {
    let run = run(&sound(), &["binance", "BTC/USDT", "--kind", "book"]);
    let kinds: Vec<Value> = run.lines().iter().map(|line| line["kind"].clone()).collect();
    assert_eq!((run.status, kinds), (Some(0), vec!["range".into(), "book".into(), "covered".into()]));
    // Covered is an instant of the exchange's clock, not of ours.
    assert_eq!(run.covered().0, "2024-01-02T00:00:30.000000000Z");
    assert!(run.stdout.contains(r#""bids":[[1.0,2]],"asks":[[1.1,3.50]],"seq":7"#));
}

#[test]
fn what_has_not_happened_is_not_covered() {
    let run = run(&sound(), &["binance", "BTC/USDT", "--span", "1m", "--start", "2024-01-02", "--end", "2024-01-03"]);
    assert_eq!((run.status, run.of("candle").len(), run.of("covered").len()), (Some(75), 0, 0));
    assert_eq!(run.of("failed")[0]["retry"], Value::Bool(true));
}

#[test]
fn what_lies_ahead_fails_from_its_own_start() {
    let run = run(&sound(), &["binance", "BTC/USDT", "--span", "1m", "--start", "2030-01-01"]);
    assert_eq!(run.status, Some(75));
    assert_eq!(run.of("failed")[0]["start"], "2030-01-01T00:00:00.000000000Z");
}

#[test]
fn a_folder_that_can_never_keep_budgets_is_a_wrong_configuration() {
    let server = sound();
    let run = ended(command(&server, Path::new("/dev/null/budget"), &HOUR).output().expect("the program runs"));
    assert_eq!((run.status, run.lines().len(), server.seen().len()), (Some(78), 0, 0));
    assert!(run.stderr.contains("cannot keep budgets in /dev/null/budget (see --budget-dir): "), "{}", run.stderr);
}

#[test]
fn a_budget_that_cannot_be_used_now_may_be_usable_later() {
    let server = sound();
    let budget = TempDir::new().expect("a temporary folder");
    let host = server.url.trim_start_matches("http://").replace(':', "_");
    let path = budget.path().join(format!("binance-api.binance.com-{host}.budget"));
    std::fs::create_dir(&path).expect("a folder in its place");
    let run = ended(command(&server, budget.path(), &HOUR).output().expect("the program runs"));
    assert_eq!((run.status, server.seen().len()), (Some(75), 0));
    assert_eq!(run.of("failed")[0]["retry"], Value::Bool(true));
    assert!(run.stderr.contains("cannot use the budget file "), "{}", run.stderr);
}

#[test]
fn answers_that_heal_are_asked_for_again() {
    let check = |answer: Answer| {
        let server = Server::start(move |number, _| (number == 1 || number == 2).then(|| answer.clone()));
        let run = run(&server, &HOUR);
        assert_eq!((run.status, run.stderr.as_str(), run.of("candle").len()), (Some(0), "", 60));
        assert_eq!(server.seen().len(), 4, "one for the clock, three for the page");
    };
    check(status(503, "", "<html>Bad gateway</html>"));
    check(status(500, "", ""));
    check(ok("<!DOCTYPE html><html>maintenance</html>"));
    check(ok(r#"{"code":-1001,"msg":"Internal error"}"#));
    check(ok("null"));
    check(ok("[[1704135600000,\"1\""));
    check(status(429, "Retry-After: 0\r\n", r#"{"code":-1003,"msg":"Too much"}"#));
    let Answer::Body { body, .. } = exchange("/api/v3/klines?limit=10") else { panic!("a body") };
    check(Answer::Cut(body));
}

#[test]
fn retries_are_bounded_and_their_end_is_said() {
    let server = Server::start(|number, _| (number > 0).then(|| status(502, "", "<html>")));
    let run = run(&server, &[&HOUR[..], &["--max-retries", "2"]].concat());
    assert_eq!((run.status, server.seen().len()), (Some(75), 4));
    let failed = run.of("failed");
    assert_eq!((failed.len(), &failed[0]["retry"]), (1, &Value::Bool(true)));
    assert_eq!(failed[0]["start"], "2024-01-01T20:00:00.000000000Z");
    assert!(run.stderr.contains("status 502"), "{}", run.stderr);
}

#[test]
fn a_refusal_is_final_and_the_other_pairs_go_on() {
    let args =
        ["binance", "NOPE/USDT", "BTC/USDT", "--span", "1m", "--start", "2024-01-01", "--end", "2024-01-01T00:10"];
    let run = run(&sound(), &args);
    assert_eq!((run.status, run.of("candle").len()), (Some(65), 10));
    let failed = run.of("failed");
    assert_eq!(
        (failed.len(), &failed[0]["retry"], &failed[0]["pair"]),
        (1, &Value::Bool(false), &Value::from("NOPE/USDT"))
    );
    assert!(failed[0]["error"].as_str().is_some_and(|error| error.contains("Invalid symbol.")));
}

#[test]
fn a_false_empty_page_covers_nothing() {
    let server = Server::start(|_, path| path.contains("startTime").then(|| ok("[]")));
    let args = ["binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-01", "--end", "2024-01-01T01:00"];
    let run = run(&server, &args);
    assert_eq!((run.status, run.of("covered").len(), run.of("failed").len()), (Some(75), 0, 1));
}

#[test]
fn a_ban_is_remembered_by_the_next_process() {
    let server = Server::start(|number, _| (number == 0).then(|| status(418, "Retry-After: 2\r\n", "")));
    let budget = TempDir::new().expect("a temporary folder");
    let first = command(&server, budget.path(), &HOUR).args(["--max-retries", "0"]).output().expect("the program runs");
    let first = ended(first);
    assert_eq!((first.status, server.seen().len()), (Some(75), 1), "{}", first.stderr);
    let second = ended(command(&server, budget.path(), &HOUR).output().expect("the program runs"));
    assert_eq!((second.status, second.of("candle").len()), (Some(0), 60));
    let seen = server.seen();
    let pause = seen[1].1.duration_since(seen[0].1);
    assert!(pause >= Duration::from_millis(1990), "asked again after {pause:?}");
}

#[test]
fn eight_processes_share_one_budget() {
    // A snapshot weighs 50; 19/20 of 6000 are 114 of them.
    const SNAPSHOTS_MAX: usize = 114;
    let server = sound();
    let budget = TempDir::new().expect("a temporary folder");
    let pairs: Vec<String> = (0..20).map(|number| format!("A{number}/USDT")).collect();
    let mut args = vec!["binance", "--kind", "book"];
    args.extend(pairs.iter().map(String::as_str));
    let children: Vec<Child> =
        (0..8).map(|_| command(&server, budget.path(), &args).spawn().expect("the program runs")).collect();
    server.wait_for(SNAPSHOTS_MAX);
    for child in &children {
        send(child, rustix::process::Signal::TERM);
    }
    let mut records = 0;
    for child in children {
        let run = ended(child.wait_with_output().expect("the program ends"));
        assert!(matches!(run.status, Some(0 | 143)), "{:?}: {}", run.status, run.stderr);
        records += run.of("book").len();
    }
    assert_eq!(server.seen().len(), SNAPSHOTS_MAX);
    assert!(records <= SNAPSHOTS_MAX);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let server = sound();
    let budget = TempDir::new().expect("a temporary folder");
    let args = ["binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-01", "--source", "rest"];
    let mut child = command(&server, budget.path(), &args).spawn().expect("the program runs");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert!(line.starts_with(r#"{"kind":"range","#), "{line}");
    drop(reader);
    let run = ended(child.wait_with_output().expect("the program ends"));
    assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn sigterm_ends_it_with_whole_pages() {
    let server = Server::start(|number, _| (number >= 4).then_some(Answer::Silence));
    let budget = TempDir::new().expect("a temporary folder");
    let args = ["binance", "BTC/USDT", "--kind", "trade", "--start", "2024-01-01", "--source", "rest"];
    let mut child = command(&server, budget.path(), &args).spawn().expect("the program runs");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = String::new();
    // Flushed before the wait: two pages are there though the third never comes.
    while text.matches(r#""kind":"covered""#).count() < 2 {
        assert!(reader.read_line(&mut text).expect("a line") > 0, "{text}");
    }
    server.wait_for(5);
    send(&child, rustix::process::Signal::TERM);
    reader.read_to_string(&mut text).expect("the rest");
    let mut run = ended(child.wait_with_output().expect("the program ends"));
    run.stdout = text;
    assert_eq!((run.status, run.stderr.as_str()), (Some(143), ""));
    assert_eq!((run.of("trade").len(), run.of("failed").len()), (2000, 0));
    // The last of them, and as much as ids and times may disagree.
    assert_eq!(run.covered().1, "2024-01-01T00:03:18.900000000Z");
}

#[test]
fn orders_come_in_as_lines() {
    let order = |pair: &str, of: &str, end: &str| {
        format!(
            r#"{{"kind":"range","exchange":"binance","pair":"{pair}","job":"j","of":"{of}","span":60,"start":"2024-01-01T00:00:00Z","end":"{end}","why":"gap"}}"#
        )
    };
    let input = [
        r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"j","of":"candle","span":60}"#,
        &order("BTC/USDT", "candle", "2024-01-01T00:05:00Z"),
        "nonsense",
        r#"{"kind":"later","x":1}"#,
        &order("BTC/USDT", "candle", "2030-01-01T00:00:00Z"),
        &order("NOPE/USDT", "candle", "2024-01-01T00:05:00Z"),
        &order("BTC/USDT", "funding", "2024-01-01T00:05:00Z"),
        r#"{"kind":"range","exch"#,
    ]
    .join("\n");
    let run = run_with_input(&sound(), &[], &input);
    assert_eq!(run.status, Some(65));
    assert!(run.stderr.contains("line 3 of standard input: "), "{}", run.stderr);
    assert!(run.stderr.contains("ends in the middle of a line"), "{}", run.stderr);
    let lines = run.lines();
    let kinds = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((kinds("job"), kinds("later"), kinds("range"), kinds("candle")), (1, 1, 4, 5 + 1440));
    let failed = run.of("failed");
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|line| line["retry"] == Value::Bool(false)));
    // The order is passed on as far as the exchange's clock, and covered up to there.
    assert!(run.stdout.contains(r#""end":"2024-01-02T00:00:00.000000000Z","why":"gap""#));
    assert_eq!(run.of("covered").last().map(|line| line["end"].clone()), Some("2024-01-02T00:00:00.000000000Z".into()));
    let records = run_with_input(&sound(), &["--records"], &input);
    assert!(records.lines().iter().all(|line| line["kind"] == "candle"));
    assert_eq!(records.lines().len(), 5 + 1440);
}

/// A zip of one file, and what stands beside it.
fn zipped(name: &str, text: &str) -> (Vec<u8>, String) {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file(name, options).expect("memory");
    zip.write_all(text.as_bytes()).expect("memory");
    let bytes = zip.finish().expect("memory").into_inner();
    let sum: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    (bytes, format!("{sum}  {name}.zip\n"))
}

/// A day of an archive, in microseconds where `factor` is 1000.
fn archive_day(factor: i64) -> (Vec<u8>, String) {
    let row = |id: i64| format!("{id},1.50,0.10,{id},{id},{},True,True\n", (server::FIRST_MS + id * 1000) * factor);
    zipped("BTCUSDT-aggTrades-2024-01-01.csv", &(0..5000).map(row).collect::<String>())
}

#[test]
fn a_day_of_the_archive_is_verified_and_read() {
    let args = [
        "binance",
        "BTC/USDT",
        "--kind",
        "trade",
        "--start",
        "2024-01-01",
        "--end",
        "2024-01-02",
        "--source",
        "archive",
    ];
    for factor in [1, 1000] {
        let (zip, sum) = archive_day(factor);
        let server = Server::start(move |_, path| {
            let is_day = path.starts_with("/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-01.zip");
            is_day.then(|| if path.ends_with(".CHECKSUM") { ok(sum.clone()) } else { ok(zip.clone()) })
        });
        let run = run(&server, &args);
        assert_eq!((run.status, run.stderr.as_str(), run.of("trade").len()), (Some(0), "", 5000));
        assert_eq!(
            run.covered(),
            ("2024-01-01T00:00:00.000000000Z".to_owned(), "2024-01-02T00:00:00.000000000Z".to_owned())
        );
        assert_eq!(run.of("covered")[0]["proof"], "archive");
        assert!(server.seen().iter().all(|(path, _)| !path.contains("/api/")), "the archive alone is asked");
    }
}

#[test]
fn a_file_that_is_not_what_its_checksum_says_leaves_no_line() {
    let args = [
        "binance",
        "BTC/USDT",
        "--kind",
        "trade",
        "--start",
        "2024-01-01",
        "--end",
        "2024-01-02",
        "--source",
        "archive",
    ];
    let (zip, _) = archive_day(1);
    let server = Server::start(move |_, path| {
        path.starts_with("/data/")
            .then(|| if path.ends_with("CHECKSUM") { ok(format!("{:064}  x.zip", 0)) } else { ok(zip.clone()) })
    });
    let run = run(&server, &[&args[..], &["--max-retries", "1"]].concat());
    assert_eq!((run.status, run.of("trade").len(), run.of("covered").len()), (Some(75), 0, 0));
    assert!(run.stderr.contains("not what its checksum says"), "{}", run.stderr);
}

#[test]
fn a_file_that_its_own_sum_does_not_fit_leaves_no_line() {
    let row = |id: i64| format!("BTC-USDT,{id},buy,1.50,0.10,{}\n", server::FIRST_MS + id * 1000);
    let text = (0..5000).map(row).collect::<String>();
    let (good, _) =
        zipped("BTC-USDT-trades-2024-01-01", &format!("instrument_name,trade_id,side,price,size,created_time\n{text}"));
    let path = "/cdn/okex/traderecords/trades/daily/20240101/BTC-USDT-trades-2024-01-01.zip";
    let args = ["okx", "BTC/USDT", "--kind", "trade", "--start", "2024-01-01", "--end", "2024-01-01T01:00"];
    let args = [&args[..], &["--source", "archive", "--max-retries", "1"]].concat();
    let run_with = |zip: Vec<u8>| {
        let server = Server::start(move |_, asked| (asked == path).then(|| ok(zip.clone())));
        let run = run(&server, &[&args[..], &["--archive-url", &server.url]].concat());
        assert!(server.seen().iter().all(|(asked, _)| !asked.contains("CHECKSUM")), "there is none");
        run
    };
    let whole = run_with(good.clone());
    assert_eq!(
        (whole.status, whole.of("trade").len(), whole.of("covered").len()),
        (Some(0), 3600, 1),
        "{}",
        whole.stderr
    );
    let cut = good[..good.len() - 9].to_vec();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    for spoilt in [cut, flipped, b"<html></html>".to_vec(), Vec::new()] {
        let run = run_with(spoilt);
        assert_eq!((run.status, run.of("trade").len(), run.of("covered").len()), (Some(75), 0, 0), "{}", run.stderr);
        assert!(run.stderr.contains("did not come as it was packed"), "{}", run.stderr);
        assert_eq!(run.of("failed")[0]["retry"], true);
    }
}

#[test]
fn a_file_that_is_missing_is_made_up_for_by_pages() {
    // Two days, long past by the exchange's clock, of which the archive has none.
    let server = Server::start(|_, path| path.ends_with("/time").then(|| ok(r#"{"serverTime":1704499200000}"#)));
    let args =
        ["binance", "BTC/USDT", "--kind", "trade", "--start", "2023-12-30T23:00", "--end", "2024-01-01T00:00:10"];
    let run = run(&server, &args);
    assert_eq!((run.status, run.of("trade").len()), (Some(0), 100), "{}", run.stderr);
    assert_eq!(
        run.covered(),
        ("2023-12-30T23:00:00.000000000Z".to_owned(), "2024-01-01T00:00:10.000000000Z".to_owned())
    );
    let asked: Vec<String> = server.seen().into_iter().map(|(path, _)| path).collect();
    assert!(
        asked.iter().all(|path| !path.starts_with("/data/")),
        "little more than a day is not worth a file: {asked:?}"
    );
    let longer = [&args[..5], &["2023-12-29", "--end", "2024-01-01T00:00:10"]].concat();
    let run = self::run(&server, &longer);
    assert_eq!((run.status, run.of("trade").len()), (Some(0), 100), "{}", run.stderr);
    assert!(server.seen().iter().any(|(path, _)| path.starts_with("/data/")));
}
