//! One budget for all processes of a host.

use std::process::Command;

use dccd_tests::{Running, Scratch, Sim, run};
use serde_json::Value;

const PAIRS: [&str; 8] =
    ["BTC/USDT", "ETH/USDT", "BNB/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT", "DOGE/USDT", "LTC/USDT"];

fn fetch(scratch: &Scratch, sim: &Sim, pair: &str, end: &str) -> Command {
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args(["binance", pair, "--kind", "trade", "--source", "rest", "--rest-url", sim.url()]);
    fetch.args(["--start", "2024-01-01", "--end", end]);
    fetch
}

fn total(stats: &Value) -> u64 {
    stats["requests_total"].as_u64().expect("a number of requests")
}

#[test]
fn eight_processes_stay_within_the_published_limit() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-07-01T00:00:00Z"]);
    // More than one minute's budget in all.
    let mut running: Vec<_> =
        PAIRS.iter().map(|pair| Running::start(&mut fetch(&scratch, &sim, pair, "2024-01-05"))).collect();
    for fetching in &mut running {
        fetching.close_stdin();
    }
    for fetching in running {
        fetching.finish().expect(0);
    }
    let stats = sim.stats();
    assert_eq!((&stats["sent_429"], &stats["sent_418"]), (&0.into(), &0.into()), "{stats}");
    let spot = stats["limits"].as_array().and_then(|limits| limits.iter().find(|limit| limit["name"] == "spot"));
    let spot = spot.expect("a limit of spot");
    let windows = spot["windows"].as_array().map_or(0, Vec::len);
    assert!(windows >= 2, "all fitted into one minute, which proves nothing: {spot}");
    assert!(spot["used_max"].as_i64() <= spot["max"].as_i64(), "{spot}");
}

#[test]
fn a_ban_is_remembered_by_all_and_after_restart() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-07-01T00:00:00Z", "--fault", "418:next=1,skip=10,retry=7200"]);
    let mut running: Vec<_> =
        PAIRS[..4].iter().map(|pair| Running::start(&mut fetch(&scratch, &sim, pair, "2024-01-02"))).collect();
    for fetching in &mut running {
        fetching.close_stdin();
    }
    for fetching in running {
        let ended = fetching.finish().expect(75);
        assert!(ended.text().contains("\"failed\""), "{}", ended.text());
    }
    let before = sim.stats();
    // Only what was under way when the ban came may still have arrived.
    assert!(before["requests_while_banned"].as_u64() < Some(4), "{before}");
    for pair in PAIRS {
        run(&mut fetch(&scratch, &sim, pair, "2024-01-02"), "").expect(75);
    }
    assert_eq!(total(&sim.stats()), total(&before), "somebody asked during the ban");
}

#[test]
fn a_short_wait_is_waited_for() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-07-01T00:00:00Z", "--fault", "429:next=1,skip=2,retry=1,date=1"]);
    run(&mut fetch(&scratch, &sim, "BTC/USDT", "2024-01-01T01:00"), "").expect(0);
    let stats = sim.stats();
    assert_eq!((&stats["sent_418"], &stats["requests_while_limited"]), (&0.into(), &0.into()), "{stats}");
}
