//! The examples for those who embed the library crates do what they say.

use std::process::{Command, Stdio};

use dccd_tests::{
    Running, Scratch, Sim, assert_covered_is_there, assert_same_records, example_path, of_kind, run, skip,
};
use serde_json::Value;

fn example(scratch: &Scratch, sim: &Sim, name: &str) -> Option<Command> {
    let Some(path) = example_path(name) else {
        skip(&format!("the example {name}"), "examples are not built in DCCD_BIN_DIR");
        return None;
    };
    let mut command = scratch.program(path);
    command.env("DCCD_BINANCE_REST_URL", sim.url());
    Some(command)
}

fn read(scratch: &Scratch, series: &[&str]) -> Vec<Value> {
    run(scratch.tool("dccd-read").args(series).args(["--data-path", "store"]), "").expect(0).lines()
}

#[test]
fn one_shot() {
    let scratch = Scratch::new();
    let now = ["--now", "2024-03-01T12:00:30Z"];
    let sim = Sim::start(&scratch, &now);
    let Some(mut command) = example(&scratch, &sim, "one_shot") else { return };
    command.args(["store", "binance:candle:BTC-USDT:1h", "2024-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]);
    let said = run(&mut command, "").expect(0).text();
    assert!(said.contains("2024-01-01T00:00:00.000000000Z to 2024-03-01T12:00:00.000000000Z is there"), "{said}");
    let series = ["binance", "BTC/USDT", "--kind", "candle", "--span", "1h"];
    let stored: Vec<Value> = of_kind(&read(&scratch, &series), "candle").cloned().collect();
    let mut truth = scratch.tool("dccd-sim");
    truth.args(now).arg("truth").args(series).args(["--start", "2024-01-01"]);
    assert_same_records(&stored, &run(&mut truth, "").expect(0).lines());
}

#[test]
fn continuous() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-03-01T12:00:30Z", "--speed", "20"]);
    let Some(mut command) = example(&scratch, &sim, "continuous") else { return };
    command.args(["store", "binance:trade:BTC-USDT", "0"]);
    for _ in 0..2 {
        let mut running = Running::start_with(&mut command, Stdio::null(), Stdio::piped());
        for _ in 0..5 {
            running.line_with("is there up to");
        }
        // As a crash would: the next one goes on where this one was.
        running.kill();
    }
    let series = ["binance", "BTC/USDT", "--kind", "trade"];
    let lines = read(&scratch, &series);
    assert_eq!(of_kind(&lines, "covered").count(), 1, "there is a hole");
    let mut truth = scratch.tool("dccd-sim");
    truth.args(["--now", "2024-03-01T13:00:00Z", "truth"]).args(series);
    truth.args(["--start", "2024-03-01T11:55", "--end", "2024-03-01T12:10"]);
    assert_covered_is_there(&lines, &run(&mut truth, "").expect(0).lines());
}
