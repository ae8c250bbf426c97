//! A pipe of stages ends as one: whichever is killed, and however it is told to stop.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dccd_tests::{PATIENCE, Running, Signal, assert_covered_is_there, run};
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::desk::{Desk, descendants, script};

/// More than can be fetched while a test lasts.
const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 60, start: 2022-01-01, end: 2024-03-01}]
";
const SLOW: [&str; 4] = ["--now", "2024-03-01T12:00:00Z", "--fault", "delay:ms=20,path=/api/"];
/// Without archives, which hold a month in one answer.
const NO_ARCHIVE: [&str; 2] = ["--fault", "html:path=/data/,status=404"];
/// A stage's end is noticed, and the store written, within this time.
const SOON: Duration = Duration::from_secs(20);

fn desk() -> Desk {
    Desk::new(CONFIG, &[&SLOW[..], &NO_ARCHIVE].concat())
}

/// A process below the process `ancestor`, by its name.
fn descendant(ancestor: u32, name: &str) -> Option<Pid> {
    descendants(ancestor).into_iter().find(|(_, known)| known == name).map(|(pid, _)| pid)
}

/// Waits until the simulator has answered some pages, so that all stages are at work.
fn wait_for_pages(desk: &Desk, count: usize) {
    let until = Instant::now() + PATIENCE;
    while desk.sim.requests().iter().filter(|request| request.contains("/klines?")).count() < count {
        assert!(Instant::now() < until, "nothing was fetched");
        std::thread::yield_now();
    }
}

fn start(desk: &Desk, args: &[&str]) -> Running {
    let mut command = desk.dccd(args);
    // As a terminal would, so that a signal can go to all.
    command.process_group(0);
    let running = Running::start_with(&mut command, Stdio::null(), Stdio::piped());
    wait_for_pages(desk, 10);
    running
}

/// What the store claims it holds.
fn assert_sound(desk: &Desk) {
    run(desk.scratch.tool("dccd-write").args(["--data-path", "store"]), "").expect(0);
    for line in desk.inventory() {
        let Some(end) = line["to"].as_str() else { continue };
        let pair = line["pair"].as_str().expect("a pair");
        let series = ["binance", pair, "--kind", "candle", "--span", "1m"];
        let mut read = desk.scratch.tool("dccd-read");
        let stored = run(read.args(series).args(["--data-path", "store"]), "").expect(0).lines();
        let mut truth = desk.scratch.tool("dccd-sim");
        truth.args(["--now", SLOW[1], "truth"]).args(series).args(["--start", "2022-01-01", "--end"]);
        let truth = run(truth.arg(end), "").expect(0).lines();
        assert_covered_is_there(&stored, &truth);
    }
}

#[track_caller]
fn check_killed(stage: &str) {
    let desk = desk();
    let mut running = start(&desk, &["backfill"]);
    let victim = descendant(running.id(), stage).unwrap_or_else(|| panic!("{stage} does not run"));
    let all = descendants(running.id());
    kill_process(victim, Signal::KILL).expect("a running stage can be killed");
    let began = Instant::now();
    let ended = running.wait();
    assert!(began.elapsed() < SOON, "the others lived on for {:?}", began.elapsed());
    assert_ne!(ended.status, 0, "{}", ended.text());
    let left: Vec<_> = all.iter().filter(|(pid, _)| rustix::process::test_kill_process(*pid).is_ok()).collect();
    assert!(left.is_empty(), "still there: {left:?}");
    assert_sound(&desk);
}

#[test]
fn a_killed_fetch_ends_all() {
    check_killed("dccd-fetch");
}

#[test]
fn a_killed_write_ends_all() {
    check_killed("dccd-write");
}

#[test]
fn a_killed_record_ends_all() {
    check_killed("dccd-health");
}

#[test]
fn a_killed_plan_ends_all() {
    let desk = desk();
    for part in ["compose.sh", "pipeline.sh"] {
        std::fs::copy(script(part), desk.scratch.join(part)).expect("a script can be copied");
    }
    // It is at work for long if there are many jobs; here it waits for jobs that do not come.
    let waits = "set -eu; . ./compose.sh; jobs() { dccd-config jobs; exec sleep 60; }; compose_run";
    desk.scratch.write("waits", waits);
    let mut command = desk.shell("exec sh ./waits");
    let mut running = Running::start_with(&mut command, Stdio::null(), Stdio::piped());
    wait_for_pages(&desk, 10);
    let victim = descendant(running.id(), "dccd-plan").expect("dccd-plan waits");
    kill_process(victim, Signal::KILL).expect("a running stage can be killed");
    let began = Instant::now();
    assert_ne!(running.wait().status, 0);
    assert!(began.elapsed() < SOON, "the others lived on for {:?}", began.elapsed());
}

#[track_caller]
fn check_stopped(args: &[&str], signal: Signal, status: i32, is_to_all: bool) {
    let desk = desk();
    let mut running = start(&desk, args);
    let began = Instant::now();
    if is_to_all {
        let group = i32::try_from(running.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process_group(group, signal).expect("a running group can be told");
    } else {
        running.signal(signal);
    }
    let ended = running.wait().expect(status);
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    // What was drained is in the store, and nothing was left for somebody else to recover.
    assert!(desk.inventory()[0]["rows"].as_u64() > Some(0));
    assert_sound(&desk);
}

#[test]
fn term_to_the_script_alone_drains() {
    check_stopped(&["backfill"], Signal::TERM, 143, false);
}

#[test]
fn interrupt_to_the_script_alone_drains() {
    check_stopped(&["backfill"], Signal::INT, 130, false);
}

#[test]
fn control_c_stops_all() {
    check_stopped(&["backfill"], Signal::INT, 130, true);
}

#[test]
fn term_to_all_stops_all() {
    check_stopped(&["backfill"], Signal::TERM, 143, true);
}

#[test]
fn term_ends_pipes_side_by_side() {
    check_stopped(&["backfill", "--parallel"], Signal::TERM, 143, false);
}

#[test]
fn control_c_ends_pipes_side_by_side() {
    check_stopped(&["backfill", "--parallel"], Signal::INT, 130, true);
}
