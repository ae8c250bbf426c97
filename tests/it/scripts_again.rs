//! An interrupted backfill is run again, and asks for nothing that is there.

use std::process::Stdio;

use dccd_record::Ts;
use dccd_tests::{Random, Running, Signal, assert_same_records, instant, of_kind, run};
use serde_json::Value;

use crate::desk::Desk;

const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 60, start: 2024-02-10, end: 2024-03-01}]
";
const NOW: &str = "2024-03-01T12:00:00Z";
const INTERRUPTIONS: usize = 8;
const MILLI: i64 = 1_000_000;

fn read(desk: &Desk, pair: &str) -> Vec<Value> {
    let mut read = desk.scratch.tool("dccd-read");
    read.args(["binance", pair, "--kind", "candle", "--span", "1m", "--data-path", "store"]);
    run(&mut read, "").expect(0).lines()
}

fn parameter<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = request.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// The pair and the first instant that a request for a page of candles asks for.
fn asked(request: &str) -> Option<(String, Ts)> {
    let is_page = request.contains("/klines?") && parameter(request, "limit") != Some("1");
    let start = parameter(request, "startTime").filter(|_| is_page)?.parse::<i64>().ok()?;
    let pair = parameter(request, "symbol")?.replace("USDT", "/USDT");
    Some((pair, Ts::from_nanos(start * MILLI).ok()?))
}

/// No page of `requests` begins inside what was covered before, but for the last instant of it.
#[track_caller]
fn assert_not_asked_again(requests: &[String], covered: &[Value]) -> usize {
    let pages: Vec<(String, Ts)> = requests.iter().filter_map(|request| asked(request)).collect();
    for (pair, start) in &pages {
        for line in of_kind(covered, "covered").filter(|line| line["pair"] == pair.as_str()) {
            let (from, to) = (instant(&line["start"]), instant(&line["end"]));
            let is_inside = (from..to.saturating_add(-60_000 * MILLI)).contains(start);
            assert!(!is_inside, "{pair} from {start} was asked for again; {from} to {to} was covered");
        }
    }
    pages.len()
}

#[test]
fn nothing_covered_is_asked_for_again() {
    let mut random = Random::new("an interrupted backfill");
    // A page takes a while, so that an interruption comes between two.
    let flags =
        ["--now", NOW, "--speed", "0", "--fault", "delay:ms=15,path=/api/", "--fault", "html:path=/data/,status=404"];
    let desk = Desk::new(CONFIG, &flags);
    let mut pages = 0;
    for _ in 0..INTERRUPTIONS {
        let mut covered = read_all(&desk);
        desk.sim.page("/sim/reset");
        let mut running = Running::start_with(&mut desk.dccd(&["backfill"]), Stdio::null(), Stdio::piped());
        let wanted = random.below(6);
        // Where interruptions come late, there may be less left to ask for.
        while desk.sim.requests().len() < usize::try_from(wanted).expect("a small number") && !has_ended(&running) {
            std::thread::yield_now();
        }
        match random.below(3) {
            0 => running.signal(Signal::INT),
            1 => running.signal(Signal::TERM),
            // Nobody can finish anything.
            _ => kill_below(&running),
        }
        let _ = running.wait();
        pages += assert_not_asked_again(&desk.sim.requests(), &covered);
        covered.clear();
    }
    let covered = read_all(&desk);
    desk.sim.page("/sim/reset");
    assert_eq!(desk.run(&["backfill"], 0).text(), "Done. successes=2 failures=0\n");
    pages += assert_not_asked_again(&desk.sim.requests(), &covered);
    // Twenty days and a half are thirty pages, each pair; a page that was under way may be lost at each interruption.
    assert!(pages <= 2 * 31 + 2 * INTERRUPTIONS, "{pages} pages in all");
    desk.assert_no_gaps(2);
    for pair in ["BTC/USDT", "ETH/USDT"] {
        let mut truth = desk.scratch.tool("dccd-sim");
        truth.args(["--now", NOW, "truth", "binance", pair, "--span", "1m", "--start", "2024-02-10"]);
        truth.args(["--end", "2024-03-01"]);
        let truth = run(&mut truth, "").expect(0).lines();
        let stored: Vec<Value> = of_kind(&read(&desk, pair), "candle").cloned().collect();
        assert_same_records(&stored, &truth);
    }
    desk.sim.page("/sim/reset");
    desk.run(&["backfill"], 0);
    assert_eq!(assert_not_asked_again(&desk.sim.requests(), &read_all(&desk)), 0, "all of it is there");
}

fn read_all(desk: &Desk) -> Vec<Value> {
    // What a killed writer left in its journal is there for readers too.
    if !desk.scratch.join("store").exists() {
        return Vec::new();
    }
    desk.inventory().iter().flat_map(|line| read(desk, line["pair"].as_str().unwrap_or(""))).collect()
}

/// Whether a program is over, though nobody has waited for it yet.
fn has_ended(running: &Running) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", running.id())).unwrap_or_default();
    state.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('Z'))
}

fn kill_below(running: &Running) {
    for (pid, _) in crate::desk::descendants(running.id()) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}
