//! The files that runs are counted in.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{COVERED, FAILED, JOB, ORDER, STORED, finish, health, other, start, store};

const WORKING: [&str; 4] = [JOB, ORDER, STORED, COVERED];
/// What dccd 2 knows of a pair; of a key more it makes an error, and forgets the whole file.
const KEYS: [&str; 4] = ["errors_count", "last_run_at", "last_success_at", "rows_collected"];

/// What a file of the store holds.
fn content(store: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(store.join(".dccd").join(name)).unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn status(store: &Path) -> String {
    health(store, &["status", "--json"], &[]).1
}

#[test]
fn processes_that_record_at_once_lose_no_count() {
    const PROCESSES: usize = 50;
    let dir = store();
    let mut children: Vec<Child> = (0..PROCESSES).map(|_| start(dir.path(), &["record"])).collect();
    for (number, child) in children.iter_mut().enumerate() {
        let mine = WORKING.map(str::to_owned);
        // Each has a job that fails beside it, all of the same pair.
        let failing = [JOB, ORDER, FAILED].map(|line| other(line).replace("other", &format!("job-{}", number % 5)));
        let lines: String = mine.iter().chain(&failing).map(|line| format!("{line}\n")).collect();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    }
    children.into_iter().for_each(|child| assert_eq!(finish(child).0, 65));
    let lines = status(dir.path());
    assert!(lines.contains("\"rows\":250,\"errors\":0}") && lines.ends_with("\"rows\":0,\"errors\":50}\n"), "{lines}");
    let jobs = content(dir.path(), "jobs.json");
    for job in 0..5 {
        assert_eq!(jobs["binance/ETH/USDT"]["jobs"][format!("job-{job}")]["errors_count"], 10);
    }
    assert_eq!(jobs["binance/BTC/USDT"]["jobs"]["mine"]["rows_collected"], 250);
    let shown = content(dir.path(), "metrics.json");
    assert_eq!(shown["binance/BTC/USDT"]["rows_collected"], 250);
    assert_eq!(shown["binance/ETH/USDT"]["errors_count"], 50);
    let (_, runs, _) = health(dir.path(), &["runs", "--json", "--last", "1000"], &[]);
    assert_eq!(runs.lines().count(), 2 * PROCESSES);
}

#[test]
fn metrics_are_kept_exactly_as_dccd_2_did() {
    let dir = store();
    let config = dir.path().join("config.yml");
    // What is told of a job that fails is remembered too, though nobody hears it.
    fs::write(&config, "alerts: {webhook_url: 'http://127.0.0.1:1/', max_consecutive_errors: 1}\n").unwrap();
    let failing = [JOB, ORDER, FAILED].map(other);
    let lines: Vec<&str> = WORKING.into_iter().chain(failing.iter().map(String::as_str)).collect();
    assert_eq!(health(dir.path(), &["record", "-c", config.to_str().unwrap()], &lines).0, 65);
    assert_eq!(health(dir.path(), &["record", "--failure", "dccd-sync"], &[]).0, 0);
    let shown = content(dir.path(), "metrics.json");
    assert_eq!(keys(&shown), ["binance/BTC/USDT", "binance/ETH/USDT"]);
    for pair in keys(&shown) {
        let counts = &shown[pair];
        assert_eq!(keys(counts), KEYS);
        assert!(counts["last_run_at"].is_f64() && counts["rows_collected"].is_u64(), "{counts}");
        assert!(counts["last_success_at"].is_f64() || counts["last_success_at"].is_null(), "{counts}");
    }
    let jobs = content(dir.path(), "jobs.json");
    assert!(jobs["binance/ETH/USDT"]["jobs"]["other"]["incident"].is_object(), "{jobs}");
    assert_eq!(jobs["dccd-sync"]["jobs"]["dccd-sync"]["errors_count"], 1);
    assert!(status(dir.path()).contains("\"job\":\"dccd-sync\""));
}

/// Records, and is killed after what is known of jobs was written, and before what is shown of it is.
fn killed_between(store: &Path, args: &[&str], lines: &[&str]) {
    const TIME_MAX: Duration = Duration::from_secs(60);
    let jobs = || fs::read(store.join(".dccd/jobs.json")).ok();
    let before = jobs();
    // Nobody reads from this pipe, so whoever opens it for writing waits.
    let part = store.join(".dccd/.metrics.json.part");
    assert!(Command::new("mkfifo").arg(&part).status().unwrap().success());
    let mut child = start(store, args);
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let begun = Instant::now();
    while jobs() == before {
        assert!(begun.elapsed() < TIME_MAX, "nothing is counted");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(child.try_wait().unwrap().is_none(), "the other file was written elsewhere");
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(&part).unwrap();
}

#[test]
fn a_kill_between_both_files_loses_and_doubles_nothing() {
    let dir = store();
    let shown = || content(dir.path(), "metrics.json")["binance/BTC/USDT"].clone();
    let job = || content(dir.path(), "jobs.json")["binance/BTC/USDT"]["jobs"]["mine"].clone();
    assert_eq!(health(dir.path(), &["record"], &WORKING).0, 0);
    for killed in 1..=2 {
        killed_between(dir.path(), &["record"], &[JOB, ORDER, STORED, FAILED]);
        assert_eq!((&shown()["rows_collected"], &shown()["errors_count"]), (&5.into(), &0.into()), "it is behind");
        assert_eq!((&job()["rows_collected"], &job()["errors_count"]), (&(5 + 5 * killed).into(), &killed.into()));
        // Whoever asks is told what is known.
        let said = status(dir.path());
        assert!(said.ends_with(&format!("\"rows\":{},\"errors\":{killed}}}\n", 5 + 5 * killed)), "{said}");
    }
    // Whoever counts next, whatever it is, shows it all.
    assert_eq!(health(dir.path(), &["record"], &[JOB, ORDER, FAILED].map(other).each_ref().map(String::as_str)).0, 65);
    assert_eq!((&shown()["rows_collected"], &shown()["errors_count"]), (&15.into(), &2.into()));
    assert_eq!(health(dir.path(), &["record"], &WORKING).0, 0);
    assert_eq!((&shown()["rows_collected"], &shown()["errors_count"]), (&20.into(), &0.into()));
    assert_eq!((&job()["rows_collected"], &job()["errors_count"]), (&20.into(), &0.into()));
}

/// It is counted all the same, once, and brought up to date by whoever comes next.
#[test]
fn a_view_that_cannot_be_written_is_told() {
    let dir = store();
    let part = dir.path().join(".dccd/.metrics.json.part");
    fs::create_dir_all(&part).unwrap();
    let (code, _, stderr) = health(dir.path(), &["record"], &WORKING);
    assert!(code == 0 && stderr.ends_with("; what it lacks stands in jobs.json\n"), "{code} {stderr}");
    fs::remove_dir(&part).unwrap();
    assert_eq!(health(dir.path(), &["record"], &WORKING), (0, WORKING.join("\n") + "\n", String::new()));
    assert_eq!(content(dir.path(), "metrics.json")["binance/BTC/USDT"]["rows_collected"], 10);
}

#[test]
fn counts_that_make_no_sense_are_set_aside_and_told() {
    let strange: [&[u8]; 6] = [
        b"{\"binance",
        b"",
        b"[]",
        b"\xff\xfe",
        br#"{"binance/BTC/USDT":{"rows_collected":"many"}}"#,
        br#"{"binance/BTC/USDT":{"last_run_at":[],"jobs":7}}"#,
    ];
    for name in ["metrics.json", "jobs.json"] {
        let dir = store();
        for (number, strange) in strange.iter().enumerate() {
            health(dir.path(), &["record"], &WORKING);
            fs::write(dir.path().join(".dccd").join(name), strange).unwrap();
            let (code, _, stderr) = health(dir.path(), &["status"], &[]);
            assert!(code == 65 && stderr.contains(&format!("{name} makes no sense")), "{code} {stderr}");
            let (code, _, stderr) = health(dir.path(), &["record"], &WORKING);
            assert!(code == 0 && stderr.contains(&format!("{name} made no sense and is now")), "{code} {stderr}");
            // The other file knows what the pair had.
            assert!(status(dir.path()).contains(&format!("\"rows\":{},", 10 * (number + 1))), "{}", status(dir.path()));
            let aside: Vec<_> = fs::read_dir(dir.path().join(".dccd/aside")).unwrap().collect();
            assert_eq!(aside.len(), number + 1);
            let named = stderr.split_whitespace().find(|word| word.contains("/aside/")).unwrap().trim_end_matches(';');
            assert_eq!(&fs::read(named).unwrap(), strange);
        }
    }
}

/// What dccd 2 wrote is counted on, and what others keep there stays.
#[test]
fn counts_of_dccd_2_are_gone_on_with() {
    let dir = store();
    fs::create_dir(dir.path().join(".dccd")).unwrap();
    let old = r#"{
  "binance/BTC/USDT": {"last_run_at": 1700000000.1234567, "last_success_at": null, "rows_collected": 5, "errors_count": 2, "note": [1]},
  "kraken/ETH/EUR": {"last_run_at": 1700000000, "last_success_at": 1600000000.5, "rows_collected": 7, "errors_count": 0},
  "version": 2, "mine": {"a": 1.5}
}"#;
    fs::write(dir.path().join(".dccd/metrics.json"), old).unwrap();
    let (code, table, stderr) = health(dir.path(), &["status"], &[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(table.contains("kraken/ETH/EUR    2023-11-14T22:13:20Z  2020-09-13T12:26:40Z  7     0\n"), "{table}");
    assert_eq!(table.lines().count(), 3);
    assert_eq!(health(dir.path(), &["record"], &WORKING).0, 0);
    let counts = content(dir.path(), "metrics.json");
    let pair = &counts["binance/BTC/USDT"];
    assert_eq!((&pair["rows_collected"], &pair["errors_count"]), (&10.into(), &0.into()));
    assert!(pair["last_run_at"].is_f64() && pair["last_run_at"] == pair["last_success_at"], "{pair}");
    assert_eq!((&counts["version"], &counts["mine"]["a"], &pair["note"][0]), (&2.into(), &1.5.into(), &1.into()));
    assert_eq!(counts["kraken/ETH/EUR"]["last_success_at"], 1_600_000_000.0);
}

/// Somebody went back to dccd 2 for a while.
#[test]
fn what_dccd_2_counted_meanwhile_is_gone_on_with() {
    let dir = store();
    health(dir.path(), &["record"], &WORKING);
    let mut counts = content(dir.path(), "metrics.json");
    let pair = &mut counts["binance/BTC/USDT"];
    let later = pair["last_run_at"].as_f64().unwrap() + 1.25;
    for (key, value) in [("last_run_at", later.into()), ("rows_collected", 100.into()), ("errors_count", 4.into())] {
        pair[key] = value;
    }
    fs::write(dir.path().join(".dccd/metrics.json"), counts.to_string()).unwrap();
    assert!(status(dir.path()).ends_with("\"rows\":100,\"errors\":4}\n"), "{}", status(dir.path()));
    health(dir.path(), &["record"], &[JOB, ORDER, FAILED]);
    assert!(status(dir.path()).ends_with("\"rows\":100,\"errors\":5}\n"), "{}", status(dir.path()));
    let job = &content(dir.path(), "jobs.json")["binance/BTC/USDT"]["jobs"]["mine"];
    assert_eq!((&job["rows_collected"], &job["errors_count"]), (&5.into(), &1.into()));
}
