//! Whatever dies, every job that was to be done is counted: as a failure, unless somebody interrupted the run.

use std::process::Stdio;
use std::time::Instant;

use dccd_tests::{Ended, PATIENCE, Running, Signal, run};

use crate::desk::{Desk, REPLACED};

const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs:
  - {exchange: kraken, pairs: [BTC/USD], span: 3600, start: 2024-02-28, end: 2024-03-01}
  - {exchange: binance, pairs: [BTC/USDT, ETH/USDT], span: 3600, start: 2024-02-28, end: 2024-03-01}
  - {exchange: okx, pairs: [BTC/USDT], span: 3600, start: 2024-02-28, end: 2024-03-01}
";
const NOW: [&str; 2] = ["--now", "2024-03-01T12:00:00Z"];
/// One pipe, one pipe for each exchange, and the same without being asked.
const RUNS: [&[&str]; 3] = [&["backfill"], &["backfill", "--parallel"], &["collect"]];

#[track_caller]
fn run_replaced(desk: &Desk, args: &[&str]) -> Ended {
    run(&mut desk.shell(&format!("{REPLACED} exec dccd {}", args.join(" "))), "")
}

/// The errors of all pairs.
fn errors(desk: &Desk) -> Vec<u64> {
    desk.counts().values().filter_map(|count| count["errors"].as_u64()).collect()
}

#[track_caller]
fn check_dead(stage: &str, text: &str) {
    for args in RUNS {
        let desk = Desk::new(CONFIG, &NOW);
        desk.replace(stage, text);
        let ended = run_replaced(&desk, args).expect(75);
        assert_eq!(ended.text(), "Done. successes=0 failures=4\n", "{args:?}: {}", ended.stderr);
        assert_eq!(errors(&desk), [1, 1, 1, 1], "{args:?}");
        run_replaced(&desk, args).expect(75);
        assert_eq!(errors(&desk), [2, 2, 2, 2], "{args:?}");
    }
}

#[test]
fn a_stage_that_dies_before_its_first_line_fails_all_jobs() {
    check_dead("dccd-plan", "exit 101");
    check_dead("dccd-fetch", "exit 101");
    check_dead("dccd-write", "exit 101");
}

#[test]
fn a_stage_that_is_killed_before_its_first_line_fails_all_jobs() {
    for stage in ["dccd-plan", "dccd-fetch", "dccd-write"] {
        check_dead(stage, "kill -s KILL $$");
    }
}

/// One that ends as if all were well counts no better.
#[test]
fn a_stage_that_says_nothing_fails_all_jobs() {
    check_dead("dccd-plan", "exit 0");
    check_dead("dccd-fetch", "exit 0");
    check_dead("dccd-write", "exec cat >/dev/null");
}

#[test]
fn jobs_that_were_not_even_listed_end_the_command() {
    for args in RUNS {
        let desk = Desk::new(CONFIG, &NOW);
        desk.replace("dccd-config", "exit 101");
        assert_eq!(run_replaced(&desk, args).expect(101).text(), "", "{args:?}");
    }
}

#[test]
fn what_counts_may_die_too() {
    for args in RUNS {
        let desk = Desk::new(CONFIG, &NOW);
        desk.replace("dccd-health", "exit 101");
        let ended = run_replaced(&desk, args).expect(101);
        assert_eq!(ended.text(), "Done. successes=0 failures=4\n", "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn a_store_that_cannot_be_written_fails_all_jobs() {
    for args in RUNS {
        let desk = Desk::new(CONFIG, &NOW);
        desk.scratch.write("store/.dccd", "in the way");
        let ended = run(&mut desk.dccd(args), "").expect(74);
        assert_eq!(ended.text(), "Done. successes=0 failures=4\n", "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("dccd-health: cannot "), "{args:?}: {}", ended.stderr);
    }
}

/// Those that were done before count as successes.
#[test]
fn a_stage_that_is_killed_on_the_way_fails_what_is_left() {
    let desk = Desk::new(CONFIG, &NOW);
    let fetch = dccd_tests::tool_path("dccd-fetch");
    desk.replace("dccd-fetch", &format!("'{}' \"$@\" | sed '/covered.*ETH/,$d'; kill -s KILL $$", fetch.display()));
    let ended = run_replaced(&desk, &["backfill"]).expect(75);
    assert_eq!(ended.text(), "Done. successes=2 failures=2\n", "{}", ended.stderr);
    let failed: Vec<_> =
        desk.counts().into_iter().filter(|(_, count)| count["errors"] == 1).map(|(pair, _)| pair).collect();
    assert_eq!(failed, ["binance/ETH/USDT", "okx/BTC/USDT"]);
}

#[test]
fn a_slow_exchange_holds_up_no_other_and_may_be_interrupted() {
    // More than any test may take.
    let desk = Desk::new(CONFIG, &[&NOW[..], &["--fault", "delay:ms=300000,path=/0/public/"]].concat());
    let mut running = Running::start_with(&mut desk.dccd(&["collect"]), Stdio::null(), Stdio::piped());
    let until = Instant::now() + PATIENCE;
    while desk.counts().len() < 3 {
        assert!(Instant::now() < until, "the others wait");
    }
    running.signal(Signal::TERM);
    let ended = running.wait().expect(143);
    assert!(ended.stderr.contains("jobs that were interrupted, and go on when run again: 1"), "{}", ended.stderr);
    let counts = desk.counts();
    let kraken = &counts["kraken/BTC/USD"];
    assert!(kraken["errors"] == 0 && kraken["last_run"].is_string() && kraken["last_success"].is_null(), "{kraken}");
}

#[test]
fn an_exchange_that_is_unknown_or_not_configured_is_named() {
    let desk = Desk::new(CONFIG, &NOW);
    for args in RUNS {
        let unknown = run(&mut desk.dccd(&[args, &["--exchange", "binanc"]].concat()), "").expect(2);
        assert!(unknown.stderr.contains("binance") && unknown.text().is_empty(), "{}", unknown.stderr);
        let absent = run(&mut desk.dccd(&[args, &["--exchange", "bybit"]].concat()), "").expect(0);
        assert!(absent.stderr.contains("no job"), "{}", absent.stderr);
        assert_eq!(absent.text(), "Done. successes=0 failures=0\n");
    }
    // No job is not every dataset.
    desk.run(&["repair", "--exchange", "bybit"], 0);
    assert!(desk.sim.requests().is_empty());
}
