//! The real binary against a small exchange on loopback.

mod contracts;
mod faults;
mod program;
mod refusals;
mod server;

use std::process::Command;
use std::time::Duration;

use program::{Program, command, run, word};
use serde_json::Value;
use server::{FIRST_MS, Server, change, trade};
use tempfile::TempDir;

/// Nothing holds a test up for longer.
const PATIENCE: Duration = Duration::from_secs(120);

const TRADES: [&str; 2] = ["binance", "BTC/USDT"];

/// An exchange that has these trades, and then says nothing more.
fn trades(ids: std::ops::Range<u64>) -> Server {
    Server::start(move |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        for id in ids.clone() {
            peer.say(&trade(id));
        }
        peer.stay();
    })
}

#[test]
fn help_and_flags_that_make_no_sense() {
    let (status, stdout, stderr) = run(&["--help"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("Get live data from an exchange as lines\n"), "{stdout}");
    let check = |args: &[&str], expected: &str| {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    };
    check(&[], "<EXCHANGE>");
    check(&["binance"], "<PAIR>");
    check(&["binance", "BTC/USDT", "--spam"], "--spam");
    check(&["binance", "BTCUSDT"], "no pair");
    check(&["nowhere", "BTC/USDT"], "there is binance");
    check(&["binance", "BTC/USDT", "--channels", "ticker"], "ticker");
    check(&["binance", "BTC/USDT", "--depth", "0"], "--depth");
    check(&["binance", "BTC/USDT", "--time-step", "86401"], "--time-step");
    check(&["binance", "BTC/USDT", "--span", "7m"], "neither divides a day");
    check(&["binance", "BTC/USDT", "--ws-url", "here"], "no URL");
    check(&["binance", "BTC/USDT", "--job", "binance:BTC-USDT"], "cannot be used with");
}

#[test]
fn what_no_exchange_pushes_is_wrong_from_the_beginning() {
    let check = |args: &[&str], expected: &str| {
        let (status, stdout, stderr) = run(args);
        assert_eq!(status, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
        let [order, failed] = &lines[..] else { panic!("an order and its answer, not {stdout}") };
        assert_eq!((&order["kind"], &order["of"]), (&"job".into(), &failed["of"]));
        assert_eq!((&failed["kind"], &failed["retry"]), (&"failed".into(), &false.into()));
        assert!(failed["error"].as_str().is_some_and(|error| error.contains(expected)), "{failed}");
    };
    check(&["binance", "BTC/USDT:perp", "--channels", "funding"], "it has candle, trade, book");
    check(&["coinbase", "BTC/USD", "--channels", "candles", "--span", "1m"], "5m");
    check(&["kraken", "BTC/USD:perp"], "has no market of BTC/USD:perp");
    let (status, stdout, stderr) = run(&["bitmex", "BTC/USD:inverse"]);
    assert_eq!((status, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("2026-09-23"), "{stderr}");
}

#[test]
fn what_cannot_be_had_stops_no_neighbour() {
    let server = trades(0..10);
    let mut program = Program::start(&server, &["binance", "BTC/USDT", "--channels", "funding,trades"]);
    program.wait_for("trade", 10);
    let run = program.stop();
    assert_eq!((run.status, run.ids()), (Some(0), (0..10).collect()));
    let failed: Vec<&Value> = run.of("failed").collect();
    assert_eq!((failed.len(), &failed[0]["of"], &failed[0]["pair"]), (1, &"funding".into(), &"BTC/USDT".into()));
    assert!(run.stderr.contains("binance:funding:BTC-USDT: "), "{}", run.stderr);
}

#[test]
fn trades_their_order_and_what_is_covered() {
    let server = trades(0..10);
    let mut program = Program::start(&server, &TRADES);
    program.wait_for("trade", 10);
    let run = program.stop().expect_silence();
    assert_eq!((&run.lines[0]["kind"], &run.lines[0]["id"]), (&"job".into(), &"binance:trade:BTC-USDT".into()));
    assert_eq!(run.ids(), (0..10).collect::<Vec<_>>());
    let first = run.of("trade").next().expect("a trade");
    assert_eq!((&first["ts"], &first["side"]), (&"2024-01-01T00:00:00.000000000Z".into(), &"buy".into()));
    assert!(first["recv_ts"].as_str().is_some_and(|ts| ts > "2024-01-02"), "{first}");
    // Times may be out of order by a second; whatever else of the first second there was, nobody knows.
    assert_eq!(run.said("trade"), [word("covered", "00:01.000000001", "00:08")]);
    assert!(run.of("covered").all(|line| line["proof"] == "id"));
}

#[test]
fn candles_come_closed_or_not_at_all() {
    let server = Server::start(|_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        for (minute, is_closed) in [(0, false), (0, true), (1, false), (1, true), (2, true), (3, false)] {
            let ms = FIRST_MS + minute * 60_000;
            peer.say(&format!(
                r#"{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":{ms},"s":"BTCUSDT","k":{{"t":{ms},"T":0,"s":"BTCUSDT","i":"1m","o":"1.50","c":"1.60","h":"2.00","l":"1.00","v":"3","n":2,"x":{is_closed},"q":"4.50"}}}}}}"#
            ));
        }
        peer.stay();
    });
    let mut program = Program::start(&server, &["binance", "BTC/USDT", "--channels", "candles"]);
    program.wait_for("candle", 3);
    let run = program.stop().expect_silence();
    let times: Vec<&Value> = run.of("candle").map(|line| &line["ts"]).collect();
    assert_eq!(times, ["2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z", "2024-01-01T00:02:00Z"]);
    assert_eq!(run.said("candle"), [word("covered", "00:00", "03:00")]);
}

/// A snapshot over REST at number 100, and changes from 101 on, which happen so many milliseconds after the
/// beginning.
fn book(times: &'static [i64]) -> Server {
    let rest = |path: &str| {
        let body = r#"{"lastUpdateId":100,"bids":[["1.00","1"],["0.90","5"]],"asks":[["2.00","1"],["2.10","5"]]}"#;
        path.starts_with("/api/v3/depth").then(|| body.to_owned())
    };
    Server::with_rest(rest, |_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        for (ms, seq) in times.iter().zip(101..) {
            peer.say(&change(seq, *ms));
        }
        peer.stay();
    })
}

#[test]
fn a_book_begins_with_a_snapshot_and_goes_on_with_changes() {
    let server = book(&[0, 400, 1_200, 2_300]);
    let mut program = Program::start(&server, &["binance", "BTC/USDT", "--channels", "book"]);
    program.wait_for("book", 4);
    let run = program.stop().expect_silence();
    let books: Vec<(Option<bool>, Option<u64>)> =
        run.of("book").map(|line| (line["snapshot"].as_bool(), line["seq"].as_u64())).collect();
    // The snapshot over REST has no time of the exchange's; with the first change behind it the book has.
    let expected = [(true, 101), (false, 102), (false, 103), (false, 104)];
    assert_eq!(books, expected.map(|(is_snapshot, seq)| (Some(is_snapshot), Some(seq))));
    assert_eq!(run.said("book"), [word("covered", "00:00", "00:02.3")]);
    assert!(run.of("covered").all(|line| line["proof"] == "sequence"));
}

#[test]
fn a_book_in_steps_is_whole_and_as_deep_as_asked() {
    let server = book(&[0, 400, 1_200, 2_300, 2_400]);
    let args = ["binance", "BTC/USDT", "--channels", "book", "--time-step", "1", "--depth", "1"];
    let mut program = Program::start(&server, &args);
    program.wait_for("book", 2);
    let run = program.stop().expect_silence();
    let books: Vec<(&Value, &Value, &Value)> =
        run.of("book").map(|line| (&line["ts"], &line["bids"], &line["snapshot"])).collect();
    let (first, second) = (serde_json::json!([[1.00, 102]]), serde_json::json!([[1.00, 103]]));
    let (one, two) = ("2024-01-01T00:00:01.000000000Z".into(), "2024-01-01T00:00:02.000000000Z".into());
    assert_eq!(books, [(&one, &first, &true.into()), (&two, &second, &true.into())]);
    assert_eq!(run.said("book"), [word("covered", "00:00", "00:02.4")]);
}

#[test]
fn records_alone_for_other_programs() {
    let server = trades(0..10);
    let mut program =
        Program::start(&server, &["binance", "BTC/USDT", "--channels", "trades,funding", "--records", "-q"]);
    program.wait_for("trade", 10);
    let run = program.stop();
    assert_eq!(run.status, Some(0));
    assert!(run.lines.iter().all(|line| line["kind"] == "trade"), "{:?}", run.lines);
}

const CONFIG: &str = "stream_jobs:
  - {exchange: binance, pairs: [BTC/USDT, ETH/USDT], channels: [trades]}
";

#[test]
fn a_job_of_the_configuration() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("config.yml"), CONFIG).expect("a file");
    let server = trades(0..10);
    let mut program = Program::start_in(&server, &["--job", "binance:BTC-USDT"], folder);
    program.begin_to_read();
    program.wait_for("trade", 10);
    let run = program.stop().expect_silence();
    let orders: Vec<&Value> = run.of("job").map(|line| &line["id"]).collect();
    assert_eq!(orders, ["binance:trade:BTC-USDT"]);
}

#[test]
fn a_job_that_is_not_there_is_a_wrong_configuration() {
    let check = |config: Option<&str>, job: &str, expected: &str| {
        let folder = TempDir::new().expect("a temporary folder");
        if let Some(config) = config {
            std::fs::write(folder.path().join("config.yml"), config).expect("a file");
        }
        let output = command(&["--job", job], folder.path()).output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(78), &b""[..]), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    };
    check(Some(CONFIG), "binance:SOL-USDT", "config.yml has no stream job binance:SOL-USDT");
    check(None, "binance:BTC-USDT", "--job needs a configuration");
    check(Some("stream_jobs: 3\n"), "binance:BTC-USDT", "config.yml");
}

#[test]
fn a_folder_that_can_never_keep_budgets_is_a_wrong_configuration() {
    let folder = TempDir::new().expect("a temporary folder");
    for given in ["/dev/null/budget", "/proc/1/budget"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-stream"));
        command.args(TRADES).args(["--budget-dir", given]).current_dir(folder.path());
        let output = command.output().expect("the program runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(78), &b""[..]), "{stderr}");
        assert!(stderr.contains(&format!("cannot keep budgets in {given} (see --budget-dir): ")), "{stderr}");
    }
}

#[test]
fn a_budget_that_cannot_be_opened_ends_it_before_it_asks_anybody() {
    let server = trades(0..10);
    let host = server.address.replace(':', "_");
    for name in ["binance-ws-stream.binance.com_9443", "binance-api.binance.com"] {
        let folder = TempDir::new().expect("a temporary folder");
        let path = folder.path().join(format!("{name}-{host}.budget"));
        std::fs::create_dir(&path).expect("a folder in its place");
        let run = Program::start_in(&server, &TRADES, folder).end();
        let expected = format!("dccd-stream: cannot use the budget file {}: ", path.display());
        assert!(run.stderr.starts_with(&expected), "{}", run.stderr);
        assert_eq!((run.status, run.lines.len()), (Some(74), 0));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let server = Server::start(|_, visit| {
        let Some(mut peer) = visit.subscribed() else { return };
        for id in 0.. {
            if !peer.say(&trade(id % 1_000)) || !peer.is_there() {
                return;
            }
        }
    });
    let mut program = Program::start_unread(&server, &TRADES);
    assert!(program.read_one_and_leave().starts_with(r#"{"kind":"job","#));
    program.end().expect_silence();
}

#[test]
fn a_reader_that_goes_away_is_noticed_while_nothing_happens() {
    let server = trades(0..1);
    let mut program = Program::start_unread(&server, &TRADES);
    assert!(program.read_one_and_leave().starts_with(r#"{"kind":"job","#));
    program.end().expect_silence();
}
