//! Somebody is told once that a job keeps failing, and once that it works again.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::server::{DOWN, SILENCE, Server};
use super::{COVERED, FAILED, JOB, ORDER, STORED, finish, health, start, store};

const FAILING: [&str; 3] = [JOB, ORDER, FAILED];
const WORKING: [&str; 4] = [JOB, ORDER, STORED, COVERED];
/// What nobody must ever read.
const SECRETS: [&str; 4] = ["anna", "passw0rd", "T0KEN", "s3cret"];

/// Names the address in the store's folder, with every kind of secret in it.
fn configure(store: &Path, port: u16, errors_max: u64) {
    let url = format!("http://anna:passw0rd@127.0.0.1:{port}/hooks/T0KEN?key=s3cret");
    let config = format!("alerts: {{webhook_url: \"{url}\", max_consecutive_errors: {errors_max}}}\n");
    std::fs::write(store.join("config.yml"), config).unwrap();
}

/// Records lines; nothing that it says holds a secret.
fn record(store: &Path, lines: &[&str]) -> (i32, String) {
    let config = store.join("config.yml");
    let (status, _, stderr) = health(store, &["record", "-c", config.to_str().unwrap()], lines);
    for secret in SECRETS {
        assert!(!stderr.contains(secret), "{stderr}");
    }
    (status, stderr)
}

#[test]
fn an_incident_is_told_once_and_its_end_once() {
    let (dir, server) = (store(), Server::start(200));
    configure(dir.path(), server.port, 3);
    for told in [0, 0, 1, 1, 1] {
        assert_eq!(record(dir.path(), &FAILING), (65, String::new()));
        assert_eq!(server.requests().len(), told);
    }
    for _ in 0..2 {
        assert_eq!(record(dir.path(), &WORKING), (0, String::new()));
        assert_eq!(server.requests().len(), 2);
    }
    let texts = server.texts();
    assert!(texts[0].starts_with("dccd on ") && texts[0].contains(": mine failed 3 times in a row"), "{texts:?}");
    assert!(texts[0].ends_with(": no such symbol"), "{texts:?}");
    assert!(
        texts[1].contains(": mine works again since ") && texts[1].ends_with("after it failed 5 times in a row"),
        "{texts:?}"
    );
    for told in [2, 2, 3] {
        record(dir.path(), &FAILING);
        assert_eq!(server.requests().len(), told);
    }
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /hooks/T0KEN?key=s3cret HTTP/1.1");
    let head = request.head.to_lowercase();
    // The base64 of anna:passw0rd.
    assert!(request.head.contains("YW5uYTpwYXNzdzByZA==") && head.contains("content-type: application/json"), "{head}");
}

#[test]
fn what_no_further_try_mends_is_told_at_once() {
    let (dir, server) = (store(), Server::start(200));
    configure(dir.path(), server.port, 3);
    let config = dir.path().join("config.yml");
    for (status, told) in [("75", 0), ("78", 1), ("78", 1), ("0", 2), ("2", 3)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-health"));
        command.env_clear().args(["record", "--unit", "dccd-config", "--data-path"]).arg(dir.path());
        command.arg("-c").arg(&config).env("EXIT_CODE", "exited").env("EXIT_STATUS", status);
        command.env("SERVICE_RESULT", if status == "0" { "success" } else { "exit-code" });
        assert!(command.stdin(Stdio::null()).status().unwrap().success());
        assert_eq!(server.requests().len(), told, "{status}");
    }
    let texts = server.texts();
    assert!(texts[0].contains(": dccd-config failed 2 times in a row, "), "{texts:?}");
    assert!(
        texts[0].ends_with("(exited, 78)") && texts[2].contains(": dccd-config failed 1 time in a row, "),
        "{texts:?}"
    );
}

#[test]
fn less_than_too_many_failures_are_nobody_elses_business() {
    let (dir, server) = (store(), Server::start(200));
    configure(dir.path(), server.port, 3);
    for _ in 0..3 {
        record(dir.path(), &FAILING);
        record(dir.path(), &FAILING);
        record(dir.path(), &WORKING);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn many_who_fail_at_once_tell_it_once() {
    const PROCESSES: usize = 20;
    let (dir, server) = (store(), Server::start(200));
    configure(dir.path(), server.port, 3);
    let config = dir.path().join("config.yml");
    let at_once = |lines: &[&str]| {
        let mut children: Vec<_> =
            (0..PROCESSES).map(|_| start(dir.path(), &["record", "-c", config.to_str().unwrap()])).collect();
        for child in &mut children {
            let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        }
        children.into_iter().for_each(|child| assert_eq!(finish(child).2, ""));
    };
    at_once(&FAILING);
    assert_eq!(server.texts().len(), 1, "{:?}", server.texts());
    at_once(&WORKING);
    assert_eq!(server.texts().len(), 2, "{:?}", server.texts());
}

#[test]
fn jobs_that_fail_together_share_a_message() {
    let (dir, server) = (store(), Server::start(200));
    configure(dir.path(), server.port, 1);
    let jobs: Vec<String> =
        (0..40).flat_map(|number| FAILING.map(|line| line.replace("mine", &format!("job-{number:02}")))).collect();
    let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
    record(dir.path(), &jobs);
    let [text] = &server.texts()[..] else { panic!("{:?}", server.texts()) };
    assert_eq!(text.lines().count(), 17, "{text}");
    assert!(text.contains("\n- job-00 failed 1 time") && text.ends_with("\n- and 25 more: see dccd status"), "{text}");
}

#[test]
fn what_cannot_be_told_waits_for_whoever_comes_next() {
    let (dir, server) = (store(), Server::start(DOWN));
    configure(dir.path(), server.port, 2);
    assert_eq!(record(dir.path(), &FAILING), (65, String::new()));
    for tries in ["(3 tries)", "(1 try)"] {
        let (status, stderr) = record(dir.path(), &FAILING);
        let said = format!(
            "dccd-health: alerts wait to be told: webhook_url at http://127.0.0.1:{} cannot be reached: ",
            server.port
        );
        assert!(status == 65 && stderr.starts_with(&said) && stderr.ends_with(&format!("{tries}\n")), "{stderr}");
    }
    server.answer(204);
    record(dir.path(), &FAILING);
    record(dir.path(), &FAILING);
    let texts = server.texts();
    assert!(texts.len() == 1 && texts[0].contains("failed 4 times"), "{texts:?}");
}

#[test]
fn nobody_listens() {
    let (dir, port) = (store(), Server::closed_port());
    configure(dir.path(), port, 1);
    let (_, stderr) = record(dir.path(), &FAILING);
    assert!(stderr.ends_with("cannot be reached: connection refused (3 tries)\n"), "{stderr}");
}

#[test]
fn a_check_tells_what_waits() {
    let (dir, server) = (store(), Server::start(DOWN));
    configure(dir.path(), server.port, 1);
    record(dir.path(), &FAILING);
    let config = dir.path().join("config.yml");
    let check = || health(dir.path(), &["check", "-c", config.to_str().unwrap()], &[]).2;
    let said = check();
    assert!(said.starts_with("dccd-health: alerts wait to be told: webhook_url at http://127.0.0.1:"), "{said}");
    server.answer(200);
    for _ in 0..2 {
        assert_eq!((check(), server.requests().len()), (String::new(), 1));
    }
}

#[test]
fn an_incident_that_nobody_could_be_told_of_is_told_with_its_end() {
    let (dir, server) = (store(), Server::start(DOWN));
    configure(dir.path(), server.port, 1);
    record(dir.path(), &FAILING);
    record(dir.path(), &WORKING);
    server.answer(200);
    record(dir.path(), &WORKING);
    record(dir.path(), &WORKING);
    let texts = server.texts();
    assert!(texts.len() == 2 && texts[0].contains("failed 1 time") && texts[1].contains("works again"), "{texts:?}");
}

#[test]
fn refusals_are_told_apart() {
    let check = |status: u16, requests: usize, said: &str| {
        let (dir, server) = (store(), Server::start(status));
        configure(dir.path(), server.port, 1);
        let (_, stderr) = record(dir.path(), &FAILING);
        assert!(stderr.contains(said), "{status}: {stderr}");
        // A redirect is not followed, so nobody asks for /elsewhere.
        assert_eq!(server.requests().len(), requests, "{status}");
        assert!(server.requests().iter().all(|request| request.line.starts_with("POST /hooks/")), "{status}");
        server.answer(200);
        record(dir.path(), &FAILING);
        record(dir.path(), &FAILING);
        assert_eq!(server.requests().len(), requests + 1, "{status}: it waited");
    };
    check(500, 3, "answers with status 500 (3 tries)");
    check(429, 3, "answers with status 429 (3 tries)");
    check(404, 1, "answers with status 404 (1 try)");
    check(302, 1, "sends elsewhere with status 302; name the final address (1 try)");
}

/// Whoever reads the lines gets them at once, and the end comes soon.
#[test]
fn a_server_that_never_answers_holds_nobody_up() {
    const END_MAX: Duration = Duration::from_secs(40);
    let (dir, server) = (store(), Server::start(500));
    configure(dir.path(), server.port, 1);
    record(dir.path(), &FAILING);
    let tries = server.requests().len();
    server.answer(SILENCE);
    let config = dir.path().join("config.yml");
    let begun = Instant::now();
    let mut child = start(dir.path(), &["record", "-c", config.to_str().unwrap()]);
    let mut stdin = child.stdin.take().unwrap();
    FAILING.iter().for_each(|line| writeln!(stdin, "{line}").unwrap());
    drop(stdin);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in FAILING {
        assert_eq!(lines.next().unwrap().unwrap(), line);
    }
    server.wait_for(tries + 1);
    let (status, _, stderr) = finish(child);
    assert!(status == 65 && stderr.contains("no answer within 5 s (1 try)"), "{status} {stderr}");
    assert!(begun.elapsed() < END_MAX, "{:?}", begun.elapsed());
}

#[test]
fn a_stream_flows_while_somebody_is_told_of_it() {
    let (dir, server) = (store(), Server::start(SILENCE));
    configure(dir.path(), server.port, 1);
    let config = dir.path().join("config.yml");
    let mut child = start(dir.path(), &["record", "--count-secs=1", "-c", config.to_str().unwrap()]);
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut echo = |line: &str| {
        writeln!(stdin, "{line}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), line);
    };
    echo(&JOB.replace("\"ranges\":1", "\"live\":true"));
    echo(FAILED);
    server.wait_for(1);
    // Nobody has answered yet, and all the same:
    (0..100).for_each(|_| echo(STORED));
    assert_eq!(server.requests().len(), 1);
    server.answer(200);
    server.hang_up();
    server.wait_for(2);
    echo(COVERED);
    server.wait_for(3);
    drop(stdin);
    assert_eq!(finish(child), (0, String::new(), String::new()));
    let texts = server.texts();
    assert!(texts[1].contains("mine failed 1 time") && texts[2].contains("mine works again"), "{texts:?}");
    assert_eq!(texts.len(), 3);
}

#[test]
fn the_address_can_be_tried_and_what_waits_be_told_by_hand() {
    let (dir, server) = (store(), Server::start(200));
    let alert = |args: &[&str]| {
        let config = dir.path().join("config.yml");
        health(dir.path(), &[&["alert", "-c", config.to_str().unwrap()], args].concat(), &[])
    };
    std::fs::write(dir.path().join("config.yml"), "settings: {}\n").unwrap();
    assert!(matches!(alert(&[]), (78, _, stderr) if stderr.contains("names no alerts.webhook_url")));
    configure(dir.path(), server.port, 1);
    assert_eq!(alert(&["--test"]), (0, String::new(), String::new()));
    let taken = "dccd-health: the test message was taken\n";
    assert_eq!(alert(&["--test", "-v"]), (0, String::new(), taken.to_owned()));
    assert!(server.texts()[0].contains("this one is a test"));
    server.answer(404);
    record(dir.path(), &FAILING);
    assert!(matches!(alert(&["--test"]), (78, _, stderr) if stderr.contains("answers with status 404")));
    server.answer(503);
    assert!(matches!(alert(&[]), (75, _, stderr) if stderr.contains("answers with status 503")));
    server.answer(200);
    assert_eq!(alert(&[]), (0, String::new(), String::new()));
    let count = server.requests().len();
    assert_eq!((alert(&[]).0, server.requests().len()), (0, count));
}

#[test]
fn a_configuration_that_is_wrong_keeps_nothing_from_being_counted() {
    let dir = store();
    std::fs::write(dir.path().join("config.yml"), "alerts: {webhook_ur: x}\n").unwrap();
    let (status, stderr) = record(dir.path(), &WORKING);
    assert!(status == 0 && stderr.contains("nobody is told of failures") && stderr.contains("1:10"), "{stderr}");
    assert!(health(dir.path(), &["status", "--json"], &[]).1.contains("\"rows\":5,"));
    // A secret that cannot be read is found only when it is needed.
    let missing = "alerts: {webhook_url_file: missing, max_consecutive_errors: 1}\n";
    std::fs::write(dir.path().join("config.yml"), missing).unwrap();
    let (status, stderr) = record(dir.path(), &FAILING);
    assert!(status == 65 && stderr.contains("cannot read webhook_url from "), "{stderr}");
}
