//! The history of runs.

use std::fs;
use std::path::Path;

use super::{COVERED, FAILED, JOB, ORDER, STORED, health, other, start, store};

fn write(store: &Path, month: &str, lines: &[&str]) {
    let dir = store.join(".dccd/runs");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(format!("{month}.jsonl")), lines.concat()).unwrap();
}

fn line(job: &str, state: &str, end: &str) -> String {
    format!(
        "{{\"kind\":\"run\",\"job\":\"{job}\",\"state\":\"{state}\",\"start\":null,\"end\":\"{end}\",\"rows\":0,\"error\":null}}\n"
    )
}

#[test]
fn each_job_of_a_run_has_a_line() {
    let dir = store();
    let header = "job  start  end  state  rows  error\n";
    assert_eq!(health(dir.path(), &["runs"], &[]), (0, header.to_owned(), String::new()));
    let lines = [JOB, ORDER, STORED, COVERED].map(str::to_owned);
    let all: Vec<String> = lines.into_iter().chain([other(JOB), other(ORDER), other(FAILED)]).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    health(dir.path(), &["record"], &all);
    health(dir.path(), &["record"], &[JOB, ORDER]);
    let (_, table, _) = health(dir.path(), &["runs"], &[]);
    let cells: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    let found: Vec<String> = cells.iter().map(|row| format!("{} {}", row[0], row[3..].join(" "))).collect();
    let expected = ["mine succeeded 5", "other failed 0 no such symbol", "mine failed 0 ranges without an answer: 1"];
    assert_eq!(found, expected);
    assert!(cells.iter().all(|row| row[1].len() == 20 && row[1].starts_with("20") && row[1] <= row[2]), "{table}");
    let runs = |args: &[&str]| health(dir.path(), &[&["runs", "--json"], args].concat(), &[]).1.lines().count();
    assert_eq!((runs(&[]), runs(&["--failed"]), runs(&["--job", "mine"]), runs(&["--last", "1"])), (3, 2, 2, 1));
    assert_eq!((runs(&["--since", "2024-01-01"]), runs(&["--since", "2199-01-01"])), (3, 0));
    assert_eq!(health(dir.path(), &["runs", "--last", "0"], &[]).0, 2);
}

#[test]
fn months_are_read_as_one() {
    let dir = store();
    let [a, b, c] = [("a", "2025-11-30"), ("b", "2025-12-01"), ("c", "2025-12-31")]
        .map(|(job, day)| line(job, "succeeded", &format!("{day}T00:00:00Z")));
    write(dir.path(), "2025-11", &[&a]);
    write(dir.path(), "2025-12", &[&b, &c]);
    let runs = |args: &[&str]| health(dir.path(), &[&["runs", "--json"], args].concat(), &[]);
    assert_eq!(runs(&[]), (0, [a.clone(), b.clone(), c.clone()].concat(), String::new()));
    assert_eq!(runs(&["--last", "2"]).1, [b.clone(), c.clone()].concat());
    assert_eq!(runs(&["--since", "2025-12-01"]).1, [b, c.clone()].concat());
    assert_eq!(runs(&["--job", "a"]).1, a);
    // Somebody wrote there, and somebody else was killed while he did.
    let torn = c.get(..c.len() / 2).unwrap();
    write(dir.path(), "2025-12", &[&c, "nonsense\n", "{}\n", torn]);
    let (status, lines, stderr) = runs(&["--last", "1"]);
    assert_eq!((status, lines), (0, c));
    assert_eq!(stderr, "dccd-health: lines of .dccd/runs that make no sense, and are left out: 2\n");
}

#[test]
fn times_are_those_of_the_configured_zone() {
    let dir = store();
    write(dir.path(), "2025-12", &[&line("a", "failed", "2025-12-31T23:30:00Z")]);
    let config = dir.path().join("config.yml");
    fs::write(&config, "settings: {timezone: Europe/Paris}\n").unwrap();
    let runs = |args: &[&str]| health(dir.path(), &[&["runs", "-c", config.to_str().unwrap()], args].concat(), &[]).1;
    assert!(runs(&[]).contains("a    -      2026-01-01T00:30:00+01:00  failed"), "{}", runs(&[]));
    assert_eq!(
        (runs(&["--since", "2026-01-01"]).lines().count(), runs(&["--since", "2026-01-02"]).lines().count()),
        (2, 1)
    );
}

#[test]
fn a_stream_has_a_line_for_what_is_new() {
    use std::io::Write;

    const LOOKS_MAX: u32 = 600;
    let dir = store();
    let runs = || health(dir.path(), &["runs", "--json"], &[]).1;
    let wait_for = |count: usize| {
        for _ in 0..LOOKS_MAX {
            if runs().lines().count() >= count {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{count} lines did not come: {}", runs());
    };
    let mut child = start(dir.path(), &["record", "--summary", "--count-secs=1"]);
    let mut stdin = child.stdin.take().unwrap();
    let stream = JOB.replace("\"ranges\":1", "\"live\":true");
    write!(stdin, "{stream}\n{STORED}\n{COVERED}\n").unwrap();
    wait_for(1);
    write!(stdin, "{STORED}\n{FAILED}\n").unwrap();
    wait_for(2);
    write!(stdin, "{STORED}\n{STORED}\n{COVERED}\n").unwrap();
    wait_for(3);
    writeln!(stdin, "{STORED}").unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let lines = runs();
    let told: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| format!("{} {} {}", line["state"].as_str().unwrap(), line["rows"], line["error"]))
        .collect();
    assert_eq!(told, ["running 5 null", "failing 5 \"no such symbol\"", "running 10 null", "succeeded 5 null"]);
}

#[test]
fn old_months_are_forgotten_as_the_configuration_says() {
    let check = |config: &str, left: usize| {
        let dir = store();
        let path = dir.path().join("config.yml");
        fs::write(&path, config).unwrap();
        write(dir.path(), "2020-01", &[&line("old", "failed", "2020-01-01T00:00:00Z")]);
        health(dir.path(), &["record", "-c", path.to_str().unwrap()], &[JOB, ORDER, COVERED]);
        assert_eq!(fs::read_dir(dir.path().join(".dccd/runs")).unwrap().count(), left, "{config}");
    };
    check("settings: {}\n", 1);
    check("settings: {runs_retention_days: 0}\n", 2);
    check("settings: {runs_retention_days: 36500}\n", 2);
    check("settings: {nonsense: 0}\n", 2);
}
