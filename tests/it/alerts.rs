//! A job that keeps failing is told to somebody, once, and once more when it works again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use dccd_tests::{Scratch, run};
use serde_json::Value;

use crate::desk::Desk;
use crate::disk::Disk;

const LATE: &str = "2024-01-10T00:00:00Z";
const STATUSES_FAILED: [i32; 2] = [65, 75];

/// Somebody who is told.
pub(crate) struct Listener {
    pub(crate) port: u16,
    /// What came in full.
    texts: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    pub(crate) fn start() -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let texts: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&texts);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                heard.lock().expect("no panic").push(text_of(&stream).expect("a whole request"));
                let _ = (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Listener { port, texts }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().expect("no panic").clone()
    }
}

/// The text of one POST.
fn text_of(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).ok()? > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    body["text"].as_str().map(str::to_owned)
}

#[test]
fn a_failing_job_is_told_once_and_its_end_once() {
    let listener = Listener::start();
    let config = format!(
        "settings: {{data_path: store}}\n\
         alerts: {{webhook_url: 'http://127.0.0.1:{}/T0KEN', max_consecutive_errors: 3}}\n\
         histo_jobs: [{{exchange: binance, pairs: [BTC/USDT, NOPE/USDT], span: 3600, start: 2024-01-09, end: 2024-01-09T20:00:00Z, max_retries: 0}}]\n",
        listener.port
    );
    let desk = Desk::new(&config, &["--now", LATE]);
    let collect = |done: &str| {
        let ended = run(&mut desk.dccd(&["collect"]), "");
        assert!(STATUSES_FAILED.contains(&ended.status), "{}: {}", ended.status, ended.stderr);
        assert!(!ended.stderr.contains("T0KEN"), "{}", ended.stderr);
        assert_eq!(ended.text().lines().last(), Some(done), "{}", ended.stderr);
        listener.texts()
    };
    desk.sim.page("/sim/faults?kind=html&path=/api/");
    for told in [0, 0, 1, 1] {
        assert_eq!(collect("Done. successes=0 failures=2").len(), told);
    }
    desk.sim.page("/sim/faults?clear=1");
    // One works again. The other, which nobody lists, fails as before, and that is known.
    for _ in 0..3 {
        assert_eq!(collect("Done. successes=1 failures=1").len(), 2);
    }
    let [failing, works] = &listener.texts()[..] else { panic!("{:?}", listener.texts()) };
    let lines: Vec<&str> = failing.lines().skip(1).collect();
    for (line, job) in lines.iter().zip(["binance:candle:BTC-USDT:1h", "binance:candle:NOPE-USDT:1h"]) {
        assert!(line.starts_with(&format!("- {job} failed 3 times in a row, too often since ")), "{failing}");
    }
    assert_eq!(lines.len(), 2, "{failing}");
    assert!(works.contains(": binance:candle:BTC-USDT:1h works again since "), "{works}");
    assert!(works.ends_with("after it failed 4 times in a row"), "{works}");
}

#[test]
fn a_full_disk_keeps_whole_lines_of_the_log_and_old_counts() {
    const LINES: usize = 20_000;
    let scratch = Scratch::new();
    let Some(disk) = Disk::mount(&scratch, "a log on a full disk", "1m") else { return };
    let store = disk.path.display().to_string();
    let lines = |kind: &str| {
        let range = r#""start":"2024-01-01T00:00:00Z","end":"2024-01-02T00:00:00Z""#;
        let series = r#""exchange":"binance","pair":"BTC/USDT","of":"trade""#;
        format!(
            "{{\"kind\":\"range\",{series},\"job\":\"mine\",{range},\"why\":\"asked\"}}\n{{\"kind\":\"{kind}\",{series},{range},\
             \"proof\":\"id\",\"error\":\"no\",\"retry\":true}}\n"
        )
    };
    let health =
        |args: &[&str], input: &str| run(scratch.tool("dccd-health").args(args).args(["--data-path", &store]), input);
    health(&["record"], &lines("covered")).expect(0);
    let counts = || ["jobs", "metrics"].map(|name| std::fs::read(disk.path.join(format!(".dccd/{name}.json"))).ok());
    let before = counts();
    assert!(before.iter().all(Option::is_some), "both files are there");
    let text: String = (0..LINES).map(|line| format!("2026-01-01 {line} {}\n", "x".repeat(100))).collect();
    let ended = health(&["log"], &text).expect(74);
    assert!(ended.stderr.contains("lines are lost: cannot append to"), "{}", ended.stderr);
    // The lines that did not fit were many at once; what they left free goes too.
    let page = [0; 4096];
    let mut rest = std::fs::File::create(disk.path.join("rest")).expect("a file");
    while rest.write_all(&page).is_ok() {}
    let ended = health(&["record"], &lines("failed"));
    assert!(ended.status == 74 && ended.text().lines().count() == 2, "{} {}", ended.status, ended.stderr);
    assert_eq!(counts(), before);
    disk.remount("size=16m");
    health(&["log"], "2026-01-02 there is room\n").expect(0);
    let log = std::fs::read_to_string(disk.path.join(".dccd/dccd.log")).expect("a log");
    let (last, kept) =
        log.lines().collect::<Vec<_>>().split_last().map(|(last, kept)| (*last, kept.to_vec())).expect("lines");
    assert_eq!(last, "2026-01-02 there is room");
    assert!(kept.len() > 1_000 && kept.len() < LINES, "{}", kept.len());
    assert!(kept.iter().all(|line| line.starts_with("2026-01-01 ") && line.ends_with(&"x".repeat(100))));
    health(&["record"], &lines("failed")).expect(75);
}
