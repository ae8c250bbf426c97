//! What an exchange trades: as lines, and as the reason why there is nothing to fetch.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::server::{Answer, Server, ok, status};
use super::{command, ended, run, run_with_input, send};

/// Binance's list of spot: what it trades, what it stopped for a while, what it will trade, what it gave up.
const SPOT: &str = r#"{"symbols":[
{"symbol":"BTCUSDT","baseAsset":"BTC","quoteAsset":"USDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","stepSize":"0.00001000"}]},
{"symbol":"ETHUSDT","baseAsset":"ETH","quoteAsset":"USDT","status":"TRADING","filters":[]},
{"symbol":"NOPEUSD","baseAsset":"NOPE","quoteAsset":"USD","status":"BREAK","filters":[]},
{"symbol":"NOPEEUR","baseAsset":"NOPE","quoteAsset":"EUR","status":"CLOSE","filters":[]},
{"symbol":"NOPEBTC","baseAsset":"NOPE","quoteAsset":"BTC","status":"PENDING_TRADING","filters":[]}]}"#;
/// And of USD-M contracts.
const USDM: &str = r#"{"symbols":[
{"symbol":"BTCUSDT","baseAsset":"BTC","quoteAsset":"USDT","status":"TRADING","contractType":"PERPETUAL","onboardDate":1569398400000,"filters":[]}]}"#;
/// And of COIN-M contracts.
const OTHERS: &str = r#"{"symbols":[
{"symbol":"ETHUSD_PERP","baseAsset":"ETH","quoteAsset":"USD","contractStatus":"TRADING","contractType":"PERPETUAL","onboardDate":1569398400000,"filters":[]}]}"#;
const DAY: [&str; 6] = ["--span", "1m", "--start", "2024-01-01", "--end", "2024-01-02"];

/// The small exchange with its lists; nothing is there that begins with NOPE.
fn listed(_: usize, path: &str) -> Option<Answer> {
    match path.split('?').next() {
        Some("/api/v3/exchangeInfo") => Some(ok(SPOT)),
        Some("/fapi/v1/exchangeInfo") => Some(ok(USDM)),
        Some(path) if path.ends_with("/exchangeInfo") => Some(ok(OTHERS)),
        _ => None,
    }
}

fn lists(server: &Server) -> usize {
    server.seen().iter().filter(|(path, _)| path.contains("/api/v3/exchangeInfo")).count()
}

#[test]
fn what_is_traded_is_listed_as_lines() {
    let server = Server::start(listed);
    let all = run(&server, &["binance", "--list"]);
    assert_eq!((all.status, all.stderr.as_str()), (Some(0), ""));
    let field = |line: &Value, key: &str| line[key].as_str().map(str::to_owned);
    let lines = all.of("instrument");
    assert_eq!((lines.len(), all.lines().len()), (7, 7));
    let first = r#"{"kind":"instrument","exchange":"binance","symbol":"BTCUSDT","pair":"BTC/USDT","market":"spot","trading":"open","status":"TRADING","tick":"0.01000000","lot":"0.00001000","since":null}"#;
    assert_eq!(all.stdout.lines().next(), Some(first));
    let tradings: Vec<_> = lines.iter().filter_map(|line| field(line, "trading")).collect();
    assert_eq!(tradings, ["open", "open", "halted", "delisted", "announced", "open", "open"]);
    let last = lines.iter().rev().nth(1).expect("the line before the last");
    assert_eq!(field(last, "pair").as_deref(), Some("BTC/USDT:perp"));
    assert_eq!(field(last, "since").as_deref(), Some("2019-09-25T08:00:00.000000000Z"));

    let some = run(&server, &["binance", "btc-usdt", "ETH/USDT", "--list"]);
    let pairs: Vec<_> = some.of("instrument").iter().filter_map(|line| field(line, "pair")).collect();
    assert_eq!((some.status, pairs), (Some(0), vec!["BTC/USDT".to_owned(), "ETH/USDT".to_owned()]));
    let none = run(&server, &["binance", "BTC/USD", "BTC/USDT", "--list"]);
    assert_eq!((none.status, none.lines().len()), (Some(1), 1));
    assert_eq!(none.stderr, "dccd-fetch: binance lists no BTC/USD; did you mean BTC/USDT or BTC/USDT:perp?\n");
}

#[test]
fn a_list_that_cannot_be_had_is_a_failure() {
    let down = Server::start(|_, _| Some(status(503, "", "<html>maintenance</html>")));
    let args = ["binance", "--list", "--max-retries", "1"];
    let none = run(&down, &args);
    assert_eq!((none.status, none.stdout.as_str()), (Some(75), ""));
    assert!(none.stderr.contains("status 503"), "{}", none.stderr);
    // One half is printed though the other one is missing.
    let half = Server::start(|number, path| {
        let is_down = path.starts_with("/fapi");
        if is_down { Some(status(503, "", "")) } else { listed(number, path) }
    });
    let some = run(&half, &args);
    assert_eq!((some.status, some.of("instrument").len()), (Some(75), 6));
    // Nobody listens there.
    let gone = run(&down, &[&args[..], &["--rest-url", "http://127.0.0.1:1"]].concat());
    assert_eq!((gone.status, gone.stdout.as_str()), (Some(75), ""), "{}", gone.stderr);
    // Garbage does not heal.
    let odd = run(&Server::start(|_, _| Some(ok(r#"{"symbols":5}"#))), &args);
    assert_eq!((odd.status, odd.stdout.as_str()), (Some(65), ""), "{}", odd.stderr);
}

#[test]
fn lists_and_flags_that_make_no_sense() {
    let server = Server::start(listed);
    let check = |args: &[&str], expected: &str| {
        let run = run(&server, args);
        assert_eq!((run.status, run.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(run.stderr.contains(expected), "{args:?}: {}", run.stderr);
    };
    check(&["--list"], "EXCHANGE");
    check(&["nowhere", "--list"], "no exchange \"nowhere\" here; there is binance");
    check(&["binance", "--list", "--capabilities"], "cannot be used with");
    check(&["binance", "--list", "--start", "2024-01-01"], "cannot be used with");
    check(&["binance", "--list", "--records"], "cannot be used with");
    assert!(server.seen().is_empty());
}

#[test]
fn a_list_ends_when_it_is_told_to() {
    let server = Server::start(|_, _| Some(Answer::Silence));
    let budget = TempDir::new().expect("a temporary folder");
    let child = command(&server, budget.path(), &["binance", "--list"]).spawn().expect("the program runs");
    server.wait_for(1);
    send(&child, Signal::TERM);
    let run = ended(child.wait_with_output().expect("the program ends"));
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (Some(143), "", ""));
}

/// What a pair of which there is nothing is answered with.
#[track_caller]
fn check(pair: &str, expected: &str, is_retryable: bool) {
    let server = Server::start(listed);
    let run = run(&server, &[&["binance", pair], &DAY[..]].concat());
    assert_eq!(run.status, Some(if is_retryable { 75 } else { 65 }), "{}", run.stderr);
    let failed = run.of("failed");
    assert_eq!((failed.len(), &failed[0]["retry"]), (1, &Value::Bool(is_retryable)));
    let error = failed[0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("Invalid symbol.; binance lists ") && error.ends_with(expected), "{error}");
    assert_eq!(lists(&server), 1);
}

#[test]
fn unknown_delisted_halted_and_announced_pairs_are_told_apart() {
    check("NOPE/USDT", "binance lists no NOPE/USDT; did you mean NOPE/USD or NOPE/BTC?", false);
    check("NOPE/EUR", "NOPE/EUR as NOPEEUR (status CLOSE), which is delisted: nothing more comes", false);
    check("NOPE/USD", "NOPE/USD as NOPEUSD (status BREAK), which is halted: it may come back", true);
    check("NOPE/BTC", "NOPE/BTC as NOPEBTC (status PENDING_TRADING), which is announced: it is not traded", true);
}

#[test]
fn an_exchange_is_asked_for_its_list_once() {
    let server = Server::start(listed);
    let pairs = ["NOPE/USDT", "BTC/USDT", "NOPE/USDC", "NOPE/EUR", "NOPE/USD"];
    let args = [&["binance"], &pairs[..], &DAY, &["--connections", "4"]].concat();
    let run = run(&server, &args);
    assert_eq!((run.status, run.of("failed").len()), (Some(65), 4), "{}", run.stderr);
    assert_eq!(run.of("covered").last().map(|line| line["end"].clone()), Some("2024-01-02T00:00:00.000000000Z".into()));
    assert_eq!(lists(&server), 1);
    // A list that is refused is not asked for again either.
    let server =
        Server::start(|_, path| path.contains("exchangeInfo").then(|| status(400, "", r#"{"code":-1,"msg":"no"}"#)));
    let run = self::run(&server, &args);
    assert_eq!((run.status, run.of("failed").len(), lists(&server)), (Some(65), 4, 1), "{}", run.stderr);
    let error = run.of("failed")[0]["error"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(error.contains("Invalid symbol.; and what binance trades is not known: "), "{error}");
}

#[test]
fn what_is_known_is_not_asked_for() {
    let server = Server::start(listed);
    let run = run(&server, &[&["binance", "BTC/USDT"], &DAY[..]].concat());
    assert_eq!((run.status, lists(&server)), (Some(0), 0));
    // A server that fails says nothing of pairs.
    let down = Server::start(|number, path| (number > 0).then(|| status(500, "", "")).or_else(|| listed(number, path)));
    let run = self::run(&down, &[&["binance", "BTC/USDT", "--max-retries", "0"], &DAY[..]].concat());
    assert_eq!((run.status, lists(&down)), (Some(75), 0));
}

#[test]
fn no_first_record_of_a_pair_that_is_not_there_is_no_hope() {
    let server = Server::start(|number, path| {
        let is_page = path.starts_with("/api/v3/klines");
        if is_page { Some(ok("[]")) } else { listed(number, path) }
    });
    let check = |pair: &str, code: i32, is_retryable: bool| {
        let run = run(&server, &["binance", pair, "--span", "1h"]);
        assert_eq!(
            (run.status, &run.of("failed")[0]["retry"]),
            (Some(code), &Value::Bool(is_retryable)),
            "{}",
            run.stderr
        );
    };
    check("NONE/USDT", 65, false);
    check("BTC/USDT", 75, true);
}

#[test]
fn a_closed_exchange_is_an_end_and_only_its_stand_in_is_asked() {
    let server = Server::start(|_, _| Some(status(404, "", "")));
    let budget = TempDir::new().expect("a temporary folder");
    let words = "bitmex closed on 2026-09-23: what is stored stays readable, but nothing more can be had";
    let bitmex = ["bitmex", "BTC/USD:inverse"];
    // An address of another exchange is no stand-in.
    let check = |flags: &[&str], code: i32, lines: usize| {
        let args = [&bitmex[..], flags].concat();
        let run = ended(command(&server, budget.path(), &args).output().expect("the program runs"));
        assert_eq!((run.status, run.lines().len()), (Some(code), lines), "{}", run.stderr);
        assert!(run.stderr.contains(words), "{}", run.stderr);
        run
    };
    let failed = check(&DAY, 65, 2).of("failed");
    assert_eq!((&failed[0]["error"], &failed[0]["retry"]), (&Value::from(words), &Value::Bool(false)));
    check(&["--kind", "book"], 65, 1);
    check(&["--list"], 2, 0);
    assert!(server.seen().is_empty());
    let order = r#"{"kind":"range","exchange":"bitmex","pair":"BTC/USD:inverse","job":"j","of":"trade","start":"2024-01-01T00:00:00Z","end":"2024-01-02T00:00:00Z","why":"gap"}"#;
    let from_lines = run_with_input(&server, &[], &format!("{order}\n"));
    assert_eq!((from_lines.status, from_lines.of("range").len(), from_lines.of("failed").len()), (Some(65), 1, 1));

    let mut stand_in = command(&server, budget.path(), &[&bitmex[..], &DAY, &["--max-retries", "0"]].concat());
    let run = ended(stand_in.env("DCCD_BITMEX_REST_URL", &server.url).output().expect("the program runs"));
    assert!(!server.seen().is_empty() && !run.stderr.contains("closed on"), "{}", run.stderr);
}

/// The names of the files in a folder of budgets.
fn budgets(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir).expect("a folder");
    let mut names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn each_host_that_a_server_stands_in_for_has_a_budget_of_its_own() {
    let server = Server::start(listed);
    let dir = TempDir::new().expect("a temporary folder");
    let run = ended(command(&server, dir.path(), &["binance", "--list"]).output().expect("the program runs"));
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    let port = server.url.rsplit(':').next().expect("a port");
    let names = budgets(dir.path());
    for host in ["api.binance.com", "fapi.binance.com"] {
        assert!(names.contains(&format!("binance-{host}-127.0.0.1_{port}.budget")), "{names:?}");
    }
}
