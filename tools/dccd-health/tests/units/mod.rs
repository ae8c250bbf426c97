//! How units ended.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{COVERED, FAILED, JOB, ORDER, health, store};

/// Runs `record` as systemd would, and gives its status and what it said.
fn record(store: &Path, args: &[&str], environment: &str, lines: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-health"));
    command.env_clear().current_dir(std::env::temp_dir()).arg("record").args(args).arg("--data-path").arg(store);
    command.envs(environment.split_whitespace().map(|pair| pair.split_once('=').unwrap()));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // Who counts a unit reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// The errors of what is counted under `key`.
fn errors(store: &Path, key: &str) -> Option<u64> {
    let (_, lines, _) = health(store, &["status", "--json"], &[]);
    let line = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    line.filter(|line| line["job"] == key).map(|line| line["errors"].as_u64().unwrap()).next()
}

#[test]
fn a_unit_is_counted_as_systemd_says() {
    let dir = store();
    let count = |unit: &str, environment: &str| {
        assert_eq!(record(dir.path(), &["--unit", unit], environment, &[]), (0, String::new()), "{environment}");
    };
    let failed = "SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=75";
    count("dccd-sync.service", failed);
    count("dccd-sync", failed);
    assert_eq!(errors(dir.path(), "dccd-sync"), Some(2));
    // Somebody stopped it, or it was not to run.
    count("dccd-sync", "SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=143");
    count("dccd-sync", "SERVICE_RESULT=success EXIT_CODE=killed EXIT_STATUS=TERM");
    count("dccd-sync", "SERVICE_RESULT=exec-condition");
    assert_eq!(errors(dir.path(), "dccd-sync"), Some(2));
    count("dccd-sync", "SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0");
    assert_eq!(errors(dir.path(), "dccd-sync"), Some(0));
    let (_, runs, _) = health(dir.path(), &["runs", "--json"], &[]);
    assert!(runs.contains(r#""error":"the unit ended with exit-code (exited, 75)"}"#), "{runs}");
    assert_eq!(runs.lines().count(), 3);
    assert_eq!(std::fs::read_to_string(dir.path().join(".dccd/metrics.json")).unwrap(), "{}\n", "it is no pair");
}

#[test]
fn the_unit_of_a_job_succeeds_by_what_is_covered_alone() {
    let dir = store();
    let count = |unit: &str, result: &str| {
        assert_eq!(record(dir.path(), &["--unit", unit], &format!("SERVICE_RESULT={result}"), &[]).0, 0);
    };
    for unit in ["dccd-fetch@binance:trade:BTC-USDT.service", "binance:trade:BTC-USDT"] {
        count(unit, "timeout");
    }
    assert_eq!(errors(dir.path(), "binance/BTC/USDT"), Some(2));
    count("dccd-alert@dccd-fetch@binance:trade:BTC-USDT.service.service", "success");
    assert_eq!(errors(dir.path(), "binance/BTC/USDT"), Some(2));
    let lines = [JOB, ORDER, COVERED].map(|line| line.replace("mine", "binance:trade:BTC-USDT"));
    record(dir.path(), &[], "", &lines.each_ref().map(String::as_str));
    assert_eq!(errors(dir.path(), "binance/BTC/USDT"), Some(0));
}

#[test]
fn what_the_pipe_counted_is_counted_once() {
    let dir = store();
    let unit = |environment: &str| {
        let environment = format!("SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=65 {environment}");
        assert_eq!(record(dir.path(), &["--unit", "binance:trade:BTC-USDT"], &environment, &[]).0, 0);
        errors(dir.path(), "binance/BTC/USDT").unwrap()
    };
    let pipe = |last: &str, environment: &str| {
        record(dir.path(), &[], environment, &[JOB, ORDER, last]);
        errors(dir.path(), "binance/BTC/USDT").unwrap()
    };
    assert_eq!((pipe(FAILED, "INVOCATION_ID=a"), unit("INVOCATION_ID=a")), (1, 1));
    // The next time its pipe never said a word.
    assert_eq!((unit("INVOCATION_ID=b"), unit("INVOCATION_ID=b")), (2, 2));
    let monitored = "MONITOR_SERVICE_RESULT=exit-code MONITOR_INVOCATION_ID=b INVOCATION_ID=c";
    assert_eq!(unit(monitored), 2);
    // The pipe was well, and the unit was not.
    assert_eq!((pipe(COVERED, "INVOCATION_ID=d"), unit("INVOCATION_ID=d")), (0, 1));
    // Outside of units there is nothing to compare.
    assert_eq!((pipe(FAILED, ""), pipe(FAILED, ""), unit("")), (2, 3, 4));
}

#[test]
fn a_stream_that_could_not_begin_is_well_once_it_did() {
    let dir = store();
    for _ in 0..2 {
        let unit = "dccd-stream@binance:BTC-USDT.service";
        assert_eq!(record(dir.path(), &["--unit", unit], "SERVICE_RESULT=exit-code", &[]).0, 0);
    }
    let counted = || {
        let counts = std::fs::read(dir.path().join(".dccd/jobs.json")).unwrap();
        let counts: serde_json::Value = serde_json::from_slice(&counts).unwrap();
        counts["binance/BTC/USDT"]["jobs"]["binance:BTC-USDT"]["errors_count"].as_u64()
    };
    assert_eq!((counted(), errors(dir.path(), "binance/BTC/USDT")), (Some(2), Some(2)));
    record(dir.path(), &[], "", &[&JOB.replace("\"ranges\":1", "\"live\":true"), COVERED]);
    assert_eq!((counted(), errors(dir.path(), "binance/BTC/USDT")), (Some(0), Some(0)));
}

#[test]
fn ends_can_be_told_by_hand() {
    let dir = store();
    assert_eq!(record(dir.path(), &["--failure", "nightly"], "INVOCATION_ID=a", &[]), (0, String::new()));
    assert_eq!(record(dir.path(), &["--failure", "nightly"], "INVOCATION_ID=a", &[]).0, 0);
    assert_eq!(errors(dir.path(), "nightly"), Some(2));
    assert_eq!(record(dir.path(), &["--success", "nightly"], "", &[]).0, 0);
    assert_eq!(errors(dir.path(), "nightly"), Some(0));
    let wrong: [(&[&str], &str); 6] = [
        (&["--unit", "nightly"], "--unit is for ExecStopPost="),
        (&["--failure", "a/b"], "is no unit and no job"),
        (&["--failure", ""], "is no unit and no job"),
        (&["--failure", "a\nb"], "is no unit and no job"),
        (&["--failure", "a", "--success", "a"], "cannot be used with"),
        (&["--failure", "a", "--summary"], "cannot be used with"),
    ];
    for (args, said) in wrong {
        let (status, stderr) = record(dir.path(), args, "", &[]);
        assert!(status == 2 && stderr.contains(said), "{args:?}: {status} {stderr}");
    }
}
