//! From the simulated exchange to the store and back, whole and interrupted.

use std::process::Command;

use dccd_tests::{
    Random, Running, Scratch, Sim, assert_covered_is_there, assert_same_records, find_python, kind_of, of_kind, run,
    run_pipe, workspace_root,
};
use serde_json::Value;

const NOW: &str = "2024-07-01T12:34:56Z";

/// One series over one time.
struct Job<'a> {
    series: &'a [&'a str],
    range: [&'a str; 2],
}

impl Job<'_> {
    fn command(&self, scratch: &Scratch, tool: &str, more: &[&str]) -> Command {
        let mut command = scratch.tool(tool);
        let [start, end] = self.range;
        command.args(more).args(self.series).args(["--start", start, "--end", end]);
        command
    }

    fn fetch(&self, scratch: &Scratch, sim: &Sim, source: &str) -> Command {
        let mut fetch = self.command(scratch, "dccd-fetch", &[]);
        fetch.args(["--source", source, "--rest-url", sim.url(), "--archive-url", sim.url()]);
        fetch
    }

    fn truth(&self, scratch: &Scratch, source: &str) -> Vec<Value> {
        let mut truth = self.command(scratch, "dccd-sim", &["--now", NOW, "truth"]);
        run(truth.args(["--source", source]), "").expect(0).lines()
    }

    /// What the store says of the range, records and knowledge.
    fn read(&self, scratch: &Scratch) -> Vec<Value> {
        run(&mut self.command(scratch, "dccd-read", &["--data-path", "data"]), "").expect(0).lines()
    }
}

fn write(scratch: &Scratch) -> Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    write
}

fn inventory(scratch: &Scratch) -> Vec<Value> {
    run(scratch.tool("dccd-inventory").args(["--json", "--data-path", "data"]), "").expect(0).lines()
}

fn records(lines: &[Value]) -> Vec<Value> {
    let is_record = |line: &&Value| ["candle", "trade", "book", "funding", "open_interest"].contains(&kind_of(line));
    lines.iter().filter(is_record).cloned().collect()
}

/// Fetches, stores, and compares with the truth; the range has no gap afterwards.
#[track_caller]
fn check(series: &[&str], range: [&str; 2], source: &str) {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW]);
    let job = Job { series, range };
    for ended in run_pipe(vec![job.fetch(&scratch, &sim, source), write(&scratch)], "") {
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    }
    let truth = job.truth(&scratch, source);
    assert!(!truth.is_empty(), "the simulated exchange has nothing of {series:?}");
    assert_same_records(&records(&job.read(&scratch)), &truth);
    let inventory = inventory(&scratch);
    assert_eq!((inventory.len(), &inventory[0]["gaps"], &inventory[0]["rows"]), (1, &0.into(), &truth.len().into()));
    let gaps = run(scratch.tool("dccd-inventory").args(["--json", "--gaps", "--data-path", "data"]), "").expect(0);
    assert_eq!(gaps.text(), "");
}

#[test]
fn candles_over_rest() {
    check(&["binance", "BTC/USDT", "--kind", "candle", "--span", "1h"], ["2024-01-01", "2024-05-01"], "rest");
}

#[test]
fn candles_of_a_perpetual() {
    check(&["binance", "BTC/USDT:perp", "--kind", "candle", "--span", "15m"], ["2024-02-25", "2024-03-05"], "rest");
}

#[test]
fn candles_from_the_archive() {
    check(&["binance", "BTC/USDT", "--kind", "candle", "--span", "5m"], ["2024-03-03", "2024-03-06"], "archive");
}

#[test]
fn trades_over_rest() {
    check(&["binance", "BTC/USDT", "--kind", "trade"], ["2024-01-01T22:00", "2024-01-02T03:00"], "rest");
}

#[test]
fn trades_from_the_archive() {
    check(&["binance", "ETH/USDT", "--kind", "trade"], ["2024-01-01", "2024-01-03"], "archive");
}

#[test]
fn funding() {
    check(&["binance", "BTC/USDT:perp", "--kind", "funding"], ["2023-01-01", "2024-06-01"], "rest");
}

#[test]
fn open_interest() {
    let series = ["binance", "BTC/USDT:perp", "--kind", "open_interest", "--span", "1h"];
    check(&series, ["2024-06-10", "2024-06-30"], "rest");
}

#[test]
fn candles_of_trades_are_those_of_the_exchange() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW]);
    let range = ["2024-01-01", "2024-01-01T04:00"];
    let trades = Job { series: &["binance", "BTC/USDT", "--kind", "trade"], range };
    let mut make = scratch.tool("dccd-candles");
    make.args(["--span", "5m"]);
    let ended = run_pipe(vec![trades.fetch(&scratch, &sim, "rest"), make], "");
    let lines = ended[1].clone().expect(0).lines();
    let candles = Job { series: &["binance", "BTC/USDT", "--kind", "candle", "--span", "5m"], range };
    // Trades come joined, so their number differs; the exchange fills spans without trades, we leave them out.
    let comparable = |lines: &[Value]| -> Vec<Value> {
        let mut candles: Vec<Value> =
            of_kind(lines, "candle").filter(|candle| candle["volume"].as_f64() != Some(0.0)).cloned().collect();
        for fields in candles.iter_mut().filter_map(Value::as_object_mut) {
            fields.remove("trades");
            fields.remove("derived");
        }
        candles
    };
    let (ours, theirs) = (comparable(&lines), comparable(&candles.truth(&scratch, "rest")));
    assert!(ours.len() > 40, "only {} candles", ours.len());
    assert_same_records(&ours, &theirs);
}

#[test]
fn every_digit_stays_in_a_decimal_store() {
    let scratch = Scratch::new();
    let line = "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\
                \"ts\":\"2024-01-01T00:00:00.000000001Z\",\"price\":12345678901234567.123456789012345678,\
                \"amount\":0.000000000000000001,\"side\":null,\"tid\":null}\n";
    run(write(&scratch).arg("--decimal"), line).expect(0);
    let mut read = scratch.tool("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
    assert_eq!(run(&mut read, "").expect(0).text(), line);
}

/// However often a fetch is killed, wherever: what is said to be there is there, and the next one ends in the truth.
#[track_caller]
fn check_killed(series: &[&str], range: [&str; 2]) {
    let mut random = Random::new("a killed fetch");
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW]);
    let job = Job { series, range };
    let truth = job.truth(&scratch, "rest");
    for _ in 0..12 {
        let mut fetching = Running::start(&mut job.fetch(&scratch, &sim, "rest"));
        fetching.close_stdin();
        let mut seen = Vec::new();
        for _ in 0..random.below(6) {
            while let Some(line) = fetching.line() {
                seen.extend_from_slice(line.as_bytes());
                seen.push(b'\n');
                if line.contains("\"covered\"") {
                    break;
                }
            }
        }
        let ended = fetching.kill();
        seen.extend_from_slice(&ended.stdout);
        run(&mut write(&scratch), seen).expect(0);
        if !inventory(&scratch).is_empty() {
            assert_covered_is_there(&job.read(&scratch), &truth);
        }
    }
    for ended in run_pipe(vec![job.fetch(&scratch, &sim, "rest"), write(&scratch)], "") {
        ended.expect(0);
    }
    assert_same_records(&records(&job.read(&scratch)), &truth);
    assert_eq!(inventory(&scratch)[0]["gaps"], 0);
}

#[test]
fn a_killed_fetch_of_candles_ends_in_the_same_store() {
    check_killed(&["binance", "BTC/USDT", "--kind", "candle", "--span", "1m"], ["2024-01-01", "2024-01-08"]);
}

#[test]
fn a_killed_fetch_of_trades_ends_in_the_same_store() {
    check_killed(&["binance", "BTC/USDT", "--kind", "trade"], ["2024-01-01", "2024-01-01T06:00"]);
}

#[test]
fn a_stumbling_exchange_changes_nothing() {
    let scratch = Scratch::new();
    let faults =
        ["html:every=5", "cut:every=7", "json:every=11,code=-1001", "reset:every=13", "429:next=1,skip=4,retry=1"];
    let mut flags = vec!["--now", NOW];
    faults.iter().for_each(|fault| flags.extend(["--fault", fault]));
    let sim = Sim::start(&scratch, &flags);
    let series = ["binance", "BTC/USDT", "--kind", "candle", "--span", "1m"];
    let job = Job { series: &series, range: ["2024-01-01", "2024-02-01"] };
    let mut fetch = job.fetch(&scratch, &sim, "rest");
    fetch.args(["--max-retries", "10", "--retry-delay", "0.01"]);
    for ended in run_pipe(vec![fetch, write(&scratch)], "") {
        ended.expect(0);
    }
    assert_same_records(&records(&job.read(&scratch)), &job.truth(&scratch, "rest"));
}

#[test]
fn what_cannot_be_had_is_said() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW, "--fault", "html:skip=3"]);
    let series = ["binance", "BTC/USDT", "--kind", "candle", "--span", "1m"];
    let job = Job { series: &series, range: ["2024-01-01", "2024-02-01"] };
    let mut fetch = job.fetch(&scratch, &sim, "rest");
    fetch.args(["--max-retries", "2", "--retry-delay", "0.01"]);
    let ended = run_pipe(vec![fetch, write(&scratch)], "");
    assert_eq!((ended[0].status, ended[1].status), (75, 0), "{}", ended[0].stderr);
    let lines = ended[1].lines();
    let failed: Vec<_> = of_kind(&lines, "failed").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((&failed[0]["retry"], &failed[0]["end"]), (&true.into(), &"2024-02-01T00:00:00.000000000Z".into()));
    assert_eq!(inventory(&scratch)[0]["gaps"], 1);
    assert_covered_is_there(&job.read(&scratch), &job.truth(&scratch, "rest"));
}

#[test]
fn quickstart_runs_twice() {
    let scratch = Scratch::new();
    let script = workspace_root().join("scripts/quickstart");
    let mut rows = Vec::new();
    for gaps in 0..2 {
        let mut quickstart = scratch.program(&script);
        quickstart.args(["--data-path", "market"]).env("DCCD_BIN_DIR", dccd_tests::bin_dir());
        // Without DuckDB it would install it, and tests stay on this machine.
        quickstart.env("CARGO_TARGET_DIR", scratch.join("target")).env("PIP_NO_INDEX", "1");
        let python = find_python(&["duckdb"]);
        if let Some(python) = &python {
            scratch.with_python(&mut quickstart, python);
        }
        let ended = run(&mut quickstart, "").expect(0);
        let text = ended.text();
        assert!(text.contains("what next"), "{text}\n{}", ended.stderr);
        let inventory =
            run(scratch.tool("dccd-inventory").args(["--json", "--data-path", "market"]), "").expect(0).lines();
        // Nobody listened between the two runs: of books that is a gap, of trades only if something was traded.
        let kinds: Vec<&str> = inventory.iter().filter_map(|line| line["of"].as_str()).collect();
        let found: Vec<u64> = inventory.iter().filter_map(|line| line["gaps"].as_u64()).collect();
        assert_eq!(kinds, ["candle", "trade", "book"], "{text}");
        assert!(found == [0, gaps, gaps] || found == [0, 0, gaps], "{found:?}: {text}");
        rows = inventory.iter().map(|line| line["rows"].as_u64().unwrap_or(0)).collect();
        assert!(rows[0] > 8_000 && rows[1] > 10_000 && rows[2] > 0, "{text}");
        assert!(python.is_none() || text.contains(&format!("│ {:>7} │", rows[0])), "DuckDB counts otherwise:\n{text}");
    }
    assert_eq!(rows.len(), 3);
}
