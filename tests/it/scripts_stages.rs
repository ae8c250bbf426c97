//! A pipe of stages ends as one: whichever is killed, and however it is told to stop.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dccd_tests::{PATIENCE, Running, Signal, assert_covered_is_there, run};
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::desk::{Desk, REPLACED, descendants, script};
use crate::scripts_recipe::shells;

/// More than can be fetched while a test lasts.
const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 60, start: 2022-01-01, end: 2024-03-01}]
";
/// Something to run side by side.
const TWO_EXCHANGES: &str = "\
settings: {data_path: store}
histo_jobs:
  - {exchange: binance, pairs: [ETH/USDT], span: 60, start: 2022-01-01, end: 2024-03-01}
  - {exchange: okx, pairs: [BTC/USDT], span: 60, start: 2022-01-01, end: 2024-03-01}
";
const SLOW: [&str; 4] = ["--now", "2024-03-01T12:00:00Z", "--fault", "delay:ms=20,path=/api/"];
/// Without archives, which hold a month in one answer.
const NO_ARCHIVE: [&str; 2] = ["--fault", "html:path=/data/,status=404"];
/// A stage's end is noticed, and the store written, within this time.
const SOON: Duration = Duration::from_secs(20);

fn desk() -> Desk {
    Desk::new(CONFIG, &[&SLOW[..], &NO_ARCHIVE].concat())
}

fn side_by_side() -> Desk {
    Desk::new(TWO_EXCHANGES, &[&SLOW[..], &NO_ARCHIVE].concat())
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
    start_command(desk, desk.dccd(args))
}

fn start_command(desk: &Desk, mut command: Command) -> Running {
    std::fs::create_dir_all(desk.scratch.join("tmp")).expect("a folder");
    command.env("TMPDIR", desk.scratch.join("tmp"));
    // As a terminal would, so that a signal can go to all.
    command.process_group(0);
    let running = Running::start_with(&mut command, Stdio::null(), Stdio::piped());
    wait_for_pages(desk, 10);
    running
}

/// No folder of a pipe is left.
#[track_caller]
fn assert_nothing_left(desk: &Desk) {
    let left: Vec<_> = std::fs::read_dir(desk.scratch.join("tmp")).expect("the folder is there").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
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
    let status = if stage == "dccd-health" { 137 } else { 75 };
    assert_eq!((ended.status, ended.text().as_str()), (status, "Done. successes=0 failures=2\n"), "{}", ended.stderr);
    let errors: Vec<u64> = desk.counts().values().filter_map(|count| count["errors"].as_u64()).collect();
    // Nobody else counts.
    assert_eq!(errors, if stage == "dccd-health" { vec![] } else { vec![1, 1] });
    assert_nothing_left(&desk);
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
    // It is at work for long if there are many jobs; here it waits for something else.
    let plan = dccd_tests::tool_path("dccd-plan");
    desk.replace("dccd-plan", &format!("'{}' \"$@\"; while :; do sleep 0.1 >&2; done", plan.display()));
    let mut command = desk.shell(&format!("{REPLACED} exec dccd backfill"));
    let mut running = Running::start_with(&mut command, Stdio::null(), Stdio::piped());
    wait_for_pages(&desk, 10);
    let victim = descendant(running.id(), "dccd-plan").expect("dccd-plan waits");
    kill_process(victim, Signal::KILL).expect("a running stage can be killed");
    let began = Instant::now();
    let ended = running.wait();
    assert!(began.elapsed() < SOON, "the others lived on for {:?}", began.elapsed());
    assert_eq!((ended.status, ended.text().as_str()), (75, "Done. successes=0 failures=2\n"), "{}", ended.stderr);
}

#[track_caller]
fn check_stopped(args: &[&str], signal: Signal, status: i32, is_to_all: bool) {
    let desk = desk();
    let running = start(&desk, args);
    stop(&desk, running, signal, status, is_to_all);
    // What was drained is in the store, and nothing was left for somebody else to recover.
    assert!(desk.inventory()[0]["rows"].as_u64() > Some(0));
    assert_sound(&desk);
}

/// Stops a run, which is recorded then, and is no failure of any job.
#[track_caller]
fn stop(desk: &Desk, mut running: Running, signal: Signal, status: i32, is_to_all: bool) {
    let all = descendants(running.id());
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
    assert!(ended.stderr.contains("jobs that were interrupted, and go on when run again: "), "{}", ended.stderr);
    assert_eq!(ended.text(), "Done. successes=0 failures=0\n", "{}", ended.stderr);
    let left: Vec<_> = all.iter().filter(|(pid, _)| rustix::process::test_kill_process(*pid).is_ok()).collect();
    assert!(left.is_empty(), "still there: {left:?}");
    assert_nothing_left(desk);
    let counts = desk.counts();
    assert_eq!(counts.len(), 2, "{counts:?}");
    assert!(counts.values().all(|count| count["errors"] == 0 && count["last_run"].is_string()), "{counts:?}");
}

/// The same for exchanges side by side.
#[track_caller]
fn check_beside(signal: Signal, status: i32, is_to_all: bool) {
    let desk = side_by_side();
    let running = start(&desk, &["backfill", "--parallel"]);
    stop(&desk, running, signal, status, is_to_all);
    assert!(desk.inventory().iter().any(|line| line["rows"].as_u64() > Some(0)));
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
    check_beside(Signal::TERM, 143, false);
}

#[test]
fn control_c_ends_pipes_side_by_side() {
    check_beside(Signal::INT, 130, true);
}

#[test]
fn a_terminal_that_is_gone_ends_pipes_side_by_side() {
    check_beside(Signal::HUP, 129, true);
}

#[test]
fn a_terminal_that_is_gone_is_a_stop_like_others() {
    check_stopped(&["backfill"], Signal::HUP, 129, true);
    check_stopped(&["backfill"], Signal::HUP, 129, false);
}

#[test]
fn control_c_stops_all_in_every_shell() {
    for shell in shells() {
        for args in [&["dccd-backfill"][..], &["dccd-backfill", "--parallel"]] {
            let desk = side_by_side();
            let mut command = desk.shell("exec \"$@\"");
            command.arg("sh").args(shell).arg(script(args[0])).args(&args[1..]);
            let running = start_command(&desk, command);
            stop(&desk, running, Signal::INT, 130, true);
        }
    }
}
