//! `dccd-health` as a process.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod alerting;
mod counting;
mod history;
mod logging;
mod server;
mod units;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const JOB: &str = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"mine","of":"trade","ranges":1}"#;
const ORDER: &str = r#"{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"mine","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","why":"asked"}"#;
const STORED: &str = r#"{"kind":"stored","exchange":"binance","pair":"BTC/USDT","of":"trade","path":"x","rows":5,"start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z"}"#;
const COVERED: &str = r#"{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","proof":"id"}"#;
const FAILED: &str = r#"{"kind":"failed","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"2024-01-01T00:00:00.000000000Z","end":"2024-01-02T00:00:00.000000000Z","error":"no such symbol","retry":false}"#;

fn start(store: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-health"));
    command.env_clear().current_dir(std::env::temp_dir()).args(args).arg("--data-path").arg(store);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn finish(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn health(store: &Path, args: &[&str], lines: &[&str]) -> (i32, String, String) {
    let mut child = start(store, args);
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    // A tool that ends early does not read it all.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    finish(child)
}

fn store() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn every_line_is_passed_on_unchanged() {
    let dir = store();
    let lines = [JOB, r#"{"kind":"weather"}"#, ORDER, STORED, "{\"kind\":\"job\"}", COVERED];
    let (status, stdout, stderr) = health(dir.path(), &["record"], &lines);
    assert_eq!(stdout.lines().collect::<Vec<_>>(), lines);
    assert!(status == 65 && stderr.contains("line 5"), "{status} {stderr}");
}

#[test]
fn the_summary_counts_jobs() {
    let dir = store();
    let summary = |lines: &[&str]| health(dir.path(), &["record", "--summary"], lines);
    let done = |successes: u32, failures: u32| format!("Done. successes={successes} failures={failures}\n");
    assert_eq!(summary(&[JOB, ORDER, STORED, COVERED]), (0, done(1, 0), String::new()));
    assert_eq!(summary(&[JOB, ORDER, FAILED]), (65, done(0, 1), String::new()));
    assert_eq!(summary(&[JOB, ORDER, &FAILED.replace("false", "true")]), (75, done(0, 1), String::new()));
    assert_eq!(summary(&[]), (0, done(0, 0), String::new()));
    let (status, stdout, stderr) = summary(&[JOB, ORDER, STORED]);
    assert_eq!((status, stdout), (75, done(0, 1)));
    assert_eq!(stderr, "dccd-health: mine: ranges without an answer: 1\n");
}

/// An id comes from outside: it must not begin a line of its own, or move a cursor.
#[test]
fn what_is_told_stays_on_its_line() {
    let dir = store();
    let job = JOB.replace("mine", "x\\u001b[2J\\nAll is well");
    let told = "x [2J All is well";
    for _ in 0..3 {
        let (status, _, stderr) = health(dir.path(), &["record"], &[&job]);
        assert_eq!((status, stderr), (75, format!("dccd-health: {told}: ranges without an answer: 1\n")));
    }
    let (_, table, _) = health(dir.path(), &["runs"], &[]);
    assert_eq!(table.lines().filter(|line| line.starts_with(told)).count(), 3, "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
    let (_, reasons, _) = health(dir.path(), &["check", "--disk-free-gb=0"], &[]);
    assert!(reasons.contains(&format!("\nfailing: {told}: failed 3 times in a row")), "{reasons}");
    assert_eq!(reasons.lines().count(), 2, "{reasons}");
}

#[test]
fn status_prints_what_was_counted() {
    let dir = store();
    let header = "job  last_run  last_success  rows  errors\n";
    assert_eq!(health(dir.path(), &["status"], &[]), (0, header.to_owned(), String::new()));
    health(dir.path(), &["record"], &[JOB, ORDER, STORED, COVERED]);
    health(dir.path(), &["record"], &[JOB, ORDER, FAILED]);
    let (status, table, _) = health(dir.path(), &["status"], &[]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((status, row[0], &row[3..]), (0, "binance/BTC/USDT", &["5", "1"][..]), "{table}");
    let (_, lines, _) = health(dir.path(), &["status", "--json"], &[]);
    assert!(lines.starts_with(r#"{"kind":"status","job":"binance/BTC/USDT","last_run":"2"#), "{lines}");
    assert!(lines.ends_with("\"rows\":5,\"errors\":1}\n"), "{lines}");
}

#[test]
fn counts_are_kept_though_nobody_reads_the_lines() {
    let dir = store();
    let mut child = start(dir.path(), &["record"]);
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for line in [JOB, ORDER, STORED, COVERED] {
        writeln!(stdin, "{line}").unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert!(health(dir.path(), &["status"], &[]).1.contains("binance/BTC/USDT"));
}

fn other(line: &str) -> String {
    line.replace("mine", "other").replace("BTC/USDT", "ETH/USDT")
}

#[test]
fn a_job_of_the_list_that_nobody_speaks_of_has_failed() {
    let dir = store();
    let list = dir.path().join("jobs");
    std::fs::write(&list, format!("{JOB}\n{}\n", other(JOB))).unwrap();
    let summary =
        |lines: &[&str]| health(dir.path(), &["record", "--summary", "--jobs", list.to_str().unwrap()], lines);
    let done = |successes: u32, failures: u32| format!("Done. successes={successes} failures={failures}\n");
    let (status, stdout, stderr) = summary(&[JOB, ORDER, STORED, COVERED]);
    assert_eq!((status, stdout, stderr.lines().count()), (75, done(1, 1), 1), "{stderr}");
    assert!(stderr.contains("other: ranges without an answer: 1"), "{stderr}");
    assert_eq!(summary(&[]).1, done(0, 2));
    let (_, lines, _) = health(dir.path(), &["status", "--json"], &[]);
    assert!(lines.contains("ETH/USDT") && lines.ends_with("\"rows\":0,\"errors\":2}\n"), "{lines}");
    let all = [JOB, ORDER, STORED, COVERED].map(|line| [line.to_owned(), other(line)]).concat();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(summary(&all), (0, done(2, 0), String::new()));
}

#[test]
fn a_list_that_is_no_list_is_refused() {
    let dir = store();
    let list = dir.path().join("jobs");
    let record = || health(dir.path(), &["record", "--summary", "--jobs", list.to_str().unwrap()], &[]);
    assert!(
        matches!(record(), (74, stdout, stderr) if stdout.is_empty() && stderr.contains("cannot read the jobs in"))
    );
    for (content, number) in [(ORDER, 1), (&format!("{JOB}\nnonsense\n"), 2), (JOB, 1), (&format!("{JOB}\n{{"), 2)] {
        let content = if content == ORDER { format!("{ORDER}\n") } else { content.to_owned() };
        std::fs::write(&list, &content).unwrap();
        let (status, stdout, stderr) = record();
        assert_eq!((status, stdout.as_str()), (65, ""), "{content}");
        assert!(stderr.contains(&format!("line {number} is not a whole job line")), "{content}: {stderr}");
    }
    std::fs::write(&list, "").unwrap();
    assert_eq!(record(), (0, "Done. successes=0 failures=0\n".to_owned(), String::new()));
}

#[test]
fn an_interrupted_run_is_no_failure_of_its_jobs() {
    let dir = store();
    let told = dir.path().join("told");
    let lines = [JOB.to_owned(), ORDER.to_owned(), STORED.to_owned(), other(JOB), other(ORDER), other(COVERED)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let record = || health(dir.path(), &["record", "--summary", "--interrupted-if", told.to_str().unwrap()], &lines);
    let errors = || {
        let (_, lines, _) = health(dir.path(), &["status", "--json"], &[]);
        lines.lines().map(|line| line.ends_with("\"errors\":1}")).collect::<Vec<_>>()
    };
    std::fs::write(&told, "").unwrap();
    let (status, stdout, stderr) = record();
    assert_eq!((status, stdout.as_str()), (143, "Done. successes=1 failures=0\n"));
    assert_eq!(stderr, "dccd-health: jobs that were interrupted, and go on when run again: 1\n");
    assert_eq!(errors(), [false, false]);
    std::fs::remove_file(&told).unwrap();
    let (status, stdout, _) = record();
    assert_eq!((status, stdout.as_str()), (75, "Done. successes=1 failures=1\n"));
    assert_eq!(errors(), [true, false]);
}

#[test]
fn what_sigterm_left_undone_is_no_failure() {
    let dir = store();
    let mut child = start(dir.path(), &["record"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for line in [JOB, ORDER] {
        writeln!(stdin, "{line}").unwrap();
        stdout.read_line(&mut String::new()).unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    }
    drop(stdin);
    assert_eq!(finish(child).0, 143);
    assert!(health(dir.path(), &["status", "--json"], &[]).1.ends_with("\"errors\":0}\n"));
}

#[test]
fn a_store_that_cannot_be_written_hides_no_failure() {
    let dir = store();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let (status, stdout, stderr) = health(&dir.path().join("file"), &["record", "--summary"], &[JOB, ORDER]);
    assert_eq!((status, stdout.as_str()), (74, "Done. successes=0 failures=1\n"));
    assert!(stderr.contains("cannot create folder"), "{stderr}");
}

/// The writer before it is stopping too, and what it still has to say counts.
#[test]
fn sigterm_does_not_cut_the_input_off() {
    let dir = store();
    let mut child = start(dir.path(), &["record"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut echo = |line: &str| {
        writeln!(stdin, "{line}").unwrap();
        let mut came = String::new();
        stdout.read_line(&mut came).unwrap();
        assert_eq!(came.trim_end(), line);
    };
    echo(JOB);
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    [ORDER, STORED, COVERED].into_iter().for_each(&mut echo);
    drop(stdin);
    assert_eq!(finish(child), (0, String::new(), String::new()));
    assert!(health(dir.path(), &["status"], &[]).1.contains("binance/BTC/USDT"));
}

#[test]
fn a_stream_is_seen_while_it_runs() {
    const LOOKS_MAX: u32 = 600;
    let stream = JOB.replace("\"ranges\":1", "\"live\":true");
    let dir = store();
    let status = || health(dir.path(), &["status", "--json"], &[]).1;
    let wait_for = |rows: &str| {
        for _ in 0..LOOKS_MAX {
            if status().ends_with(rows) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{rows} is not in {}", status());
    };
    let mut child = start(dir.path(), &["record", "--summary", "--count-secs=1"]);
    let mut stdin = child.stdin.take().unwrap();
    write!(stdin, "{stream}\n{STORED}\n{COVERED}\n").unwrap();
    wait_for("\"rows\":5,\"errors\":0}\n");
    writeln!(stdin, "{FAILED}").unwrap();
    wait_for("\"rows\":5,\"errors\":1}\n");
    write!(stdin, "{STORED}\n{COVERED}\n").unwrap();
    wait_for("\"rows\":10,\"errors\":0}\n");
    writeln!(stdin, "{STORED}").unwrap();
    drop(stdin);
    assert_eq!(finish(child), (0, "Done. successes=1 failures=0\n".to_owned(), String::new()));
    assert!(status().ends_with("\"rows\":15,\"errors\":0}\n"), "{}", status());
}

#[test]
fn a_stream_that_covers_nothing_has_failed() {
    let dir = store();
    let stream = JOB.replace("\"ranges\":1", "\"live\":true");
    let (status, stdout, stderr) = health(dir.path(), &["record", "--summary"], &[&stream, STORED]);
    assert_eq!((status, stdout.as_str()), (75, "Done. successes=0 failures=1\n"));
    assert_eq!(stderr, "dccd-health: mine: nothing was covered\n");
}

/// Lines are passed on, and counts are tried again, though the store cannot be written now.
#[test]
fn a_count_that_cannot_be_kept_ends_no_stream() {
    let dir = store();
    let stream = JOB.replace("\"ranges\":1", "\"live\":true");
    std::fs::create_dir(dir.path().join(".dccd")).unwrap();
    std::fs::write(dir.path().join(".dccd/locks"), "in the way").unwrap();
    let mut child = start(dir.path(), &["record", "--count-secs=1"]);
    let mut stdin = child.stdin.take().unwrap();
    write!(stdin, "{stream}\n{STORED}\n{COVERED}\n").unwrap();
    let mut told = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut told).unwrap();
    assert!(told.ends_with("; trying again\n"), "{told}");
    std::fs::remove_file(dir.path().join(".dccd/locks")).unwrap();
    writeln!(stdin, "{STORED}").unwrap();
    drop(stdin);
    let (status, stdout, _) = finish(child);
    assert_eq!((status, stdout.lines().count()), (0, 4));
    assert!(health(dir.path(), &["status", "--json"], &[]).1.ends_with("\"rows\":10,\"errors\":0}\n"));
}

#[test]
fn wrong_calls_are_refused() {
    let dir = store();
    assert_eq!(health(dir.path(), &["record", "--json"], &[]).0, 2);
    assert_eq!(health(dir.path(), &["heal"], &[]).0, 2);
    assert!(!dir.path().join(".dccd").exists());
    std::fs::write(dir.path().join("file"), "").unwrap();
    let (status, _, stderr) = health(&dir.path().join("file"), &["record"], &[JOB, ORDER, COVERED]);
    assert!(status == 74 && stderr.contains("cannot create folder"), "{status} {stderr}");
}
