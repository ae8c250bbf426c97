//! Whether data is fresh: what `dccd-health check` notices, and whom it tells that all is well.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_tests::{Ended, PATIENCE, Running, Scratch, Signal, Sim, find_command, of_kind, run, skip};
use serde_json::{Value, json};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// So many seconds before now.
pub(crate) fn ago(seconds: i64) -> Ts {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos();
    let now = Ts::from_nanos(i64::try_from(now).expect("a time of this age")).expect("believable");
    now.saturating_add(-seconds * 1_000_000_000)
}

/// The last full hour so many seconds before now.
fn hour_ago(seconds: i64) -> Ts {
    Ts::from_secs(ago(seconds).secs() / HOUR * HOUR).expect("believable")
}

fn line(kind: &str, id: &str, range: Option<(Ts, Ts)>, more: Value) -> String {
    let [exchange, of, pair] = id.split(':').take(3).collect::<Vec<_>>()[..] else { panic!("{id}") };
    let mut line = json!({"kind": kind, "exchange": exchange, "pair": pair.replacen('-', "/", 1), "of": of});
    let fields = line.as_object_mut().expect("an object");
    if id.ends_with(":1h") {
        fields.insert("span".to_owned(), json!(HOUR));
    }
    if let Some((start, end)) = range {
        fields.insert("start".to_owned(), json!(start.to_string()));
        fields.insert("end".to_owned(), json!(end.to_string()));
    }
    fields.extend(more.as_object().expect("an object").clone());
    format!("{line}\n")
}

fn covered(id: &str, start: Ts, end: Ts) -> String {
    line("covered", id, Some((start, end)), json!({"proof": "page"}))
}

/// What a stream says that has covered the time from `start` to `end`.
pub(crate) fn streamed(id: &str, start: Ts, end: Ts) -> String {
    line("job", id, None, json!({"id": id, "live": true})) + &covered(id, start, end)
}

/// What a run of a job says that covers all it was asked for.
fn fetched(id: &str, start: Ts, end: Ts) -> String {
    let order = json!({"job": id, "why": "asked"});
    line("job", id, None, json!({"id": id, "ranges": 1}))
        + &line("range", id, Some((start, end)), order)
        + &covered(id, start, end)
}

/// Stores lines, and counts what they say as a unit would.
pub(crate) fn store(scratch: &Scratch, lines: &str) {
    run(&mut scratch.shell("dccd-write --data-path store | dccd-health record --data-path store"), lines).expect(0);
}

fn check(scratch: &Scratch, flags: &[&str]) -> Ended {
    let mut check = scratch.tool("dccd-health");
    run(check.args(["check", "--disk-free-gb", "0", "--disk-days", "0"]).args(flags), "")
}

/// What is wrong, as `sort subject`.
#[track_caller]
fn reasons(scratch: &Scratch, flags: &[&str]) -> Vec<String> {
    let mut all = vec!["--json"];
    all.extend(flags);
    let ended = check(scratch, &all);
    let lines = ended.lines();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("").to_owned();
    let found: Vec<String> =
        of_kind(&lines, "reason").map(|line| format!("{} {}", text(line, "sort"), text(line, "subject"))).collect();
    let whole = lines.last().expect("the last line is of the whole");
    assert_eq!((&whole["kind"], &whole["is_well"]), (&json!("check"), &json!(found.is_empty())), "{whole}");
    assert_eq!(ended.status, i32::from(!found.is_empty()), "{}", ended.stderr);
    found
}

const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}]
stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades]}]
";
const CANDLES: &str = "binance:candle:BTC-USDT:1h";
const TRADES: &str = "kraken:trade:BTC-USD";

/// A store that is as [`CONFIG`] wants it.
fn well() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("config.yml", CONFIG);
    let lines = fetched(CANDLES, hour_ago(30 * DAY), hour_ago(0)) + &streamed(TRADES, ago(2 * HOUR), ago(5));
    store(&scratch, &lines);
    scratch
}

#[test]
fn all_is_well_in_one_sentence() {
    let scratch = well();
    let said = check(&scratch, &[]).expect(0).text();
    assert!(said.starts_with("All is well: 2 datasets are fresh") && said.lines().count() == 1, "{said}");
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
}

#[test]
fn a_job_that_ended_a_closed_exchange_and_a_purged_file_are_no_alarm() {
    let scratch = Scratch::new();
    scratch.write(
        "config.yml",
        "settings: {data_path: store}
histo_jobs:
  - {exchange: binance, pairs: [BTC/USDT], span: 1h, start: 2024-01-01, end: 2024-01-02}
  - {exchange: bitmex, pairs: ['BTC/USD:inverse'], kind: trades}
stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades]}]
",
    );
    let (start, end) =
        ("2024-01-01T00:00:00Z".parse().expect("a time"), "2024-01-02T00:00:00Z".parse().expect("a time"));
    let trade = |ts: Ts, tid: u64| {
        let fields = json!({"kind": "trade", "exchange": "kraken", "pair": "BTC/USD", "ts": ts.to_string(),
            "price": 1.5, "amount": 1, "side": "buy", "tid": tid.to_string()});
        format!("{fields}\n")
    };
    let lines = fetched(CANDLES, start, end)
        + &trade(ago(2 * DAY), 1)
        + &trade(ago(DAY), 2)
        + &streamed(TRADES, ago(2 * DAY), ago(5));
    store(&scratch, &lines);
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
    let files = dccd_tests::files_under(&scratch.join("store/kraken"));
    assert_eq!(files.len(), 2, "{files:?}");
    std::fs::remove_file(&files[0]).expect("it can be purged");
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
}

#[test]
fn a_timer_that_stopped_and_a_job_that_fails() {
    let scratch = well();
    let counted = |run: Ts, errors: u64| {
        let job = json!({"last_run_at": run.to_string(), "last_success_at": null, "rows_collected": 1,
            "errors_count": errors});
        let mut pair = job.clone();
        pair["jobs"] = json!({CANDLES: job});
        scratch.write("store/.dccd/jobs.json", json!({"binance/BTC/USDT": pair}).to_string());
    };
    counted(ago(HOUR), 2);
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
    counted(ago(HOUR), 3);
    assert_eq!(reasons(&scratch, &[]), [format!("failing {CANDLES}")]);
    counted(ago(5 * HOUR), 0);
    assert_eq!(reasons(&scratch, &[]), [format!("overdue {CANDLES}")]);
    let said = check(&scratch, &[]).expect(1).text();
    assert!(said.contains("timer") && said.lines().count() == 1, "{said}");
}

#[test]
fn an_old_gap_that_history_can_fill() {
    let scratch = well();
    store(&scratch, &streamed(TRADES, ago(3 * DAY), ago(2 * DAY)));
    // The hole ended two hours ago.
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
    assert_eq!(reasons(&scratch, &["--max-gap-age", "1h"]), [format!("gap {TRADES}")]);
}

#[test]
fn a_disk_that_fills_up() {
    let scratch = well();
    let mut lines = String::new();
    for (day, tid) in (1..=3).flat_map(|day| (0..2_000).map(move |number| (day, day * 10_000 + number))) {
        let ts = ago(day * DAY).saturating_add(tid * 1_000_000);
        lines += &format!(
            "{{\"kind\":\"trade\",\"exchange\":\"kraken\",\"pair\":\"BTC/USD\",\"ts\":\"{ts}\",\"price\":{tid}.5,\"amount\":0.{tid},\"side\":\"buy\",\"tid\":\"{tid}\"}}\n"
        );
    }
    store(&scratch, &(lines + &streamed(TRADES, ago(3 * DAY), ago(5))));
    let days = || {
        let lines = run(scratch.tool("dccd-health").args(["check", "--json"]), "").lines();
        lines.last().and_then(|whole| whole["days_left"].as_u64()).expect("days until the disk is full")
    };
    // What is free changes as others use the disk too.
    let left = days();
    let check = |limit: u64| {
        let flags = ["check", "--json", "--disk-free-gb", "0", "--disk-days", &limit.to_string()];
        let lines = run(scratch.tool("dccd-health").args(flags), "").lines();
        of_kind(&lines, "reason").map(|line| line["sort"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(check(left / 2), [Value::Null; 0]);
    assert_eq!(check(left * 2 + 2), [json!("disk")]);
    let full = run(scratch.tool("dccd-health").args(["check", "--disk-free-gb", "999999999"]), "").expect(1).text();
    assert!(full.starts_with("disk: store: ") && full.contains(" free, less than "), "{full}");
}

#[test]
fn a_week_without_a_copy() {
    let scratch = well();
    let remotes = "storage: {remotes: [{provider: rclone, remote: 'nas:a/'}, {provider: rclone, remote: 'b,pass=x:'}]";
    let synced = |interval: &str, at: Ts, remotes: &[&str]| {
        scratch.write("config.yml", format!("{CONFIG}{interval}"));
        let last = json!({"last_sync_at": at.secs() as f64 + 0.25, "remotes": remotes});
        scratch.write("store/.dccd/last_sync.json", last.to_string());
    };
    let (hourly, by_hand) = (format!("{remotes}}}\n"), format!("{remotes}, sync_interval: 0}}\n"));
    let (both, never) = (["nas:a/", "b,pass=***:"], ["sync nas:a/", "sync b,pass=***:"]);
    scratch.write("config.yml", format!("{CONFIG}{hourly}"));
    assert_eq!(reasons(&scratch, &[]), never);
    synced(&hourly, ago(HOUR), &both);
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
    synced(&hourly, ago(HOUR), &both[..1]);
    assert_eq!(reasons(&scratch, &[]), never[1..]);
    synced(&hourly, ago(2 * DAY), &both);
    assert_eq!(reasons(&scratch, &[]), never);
    assert_eq!(reasons(&scratch, &["--max-sync-age", "3d"]), [""; 0]);
    synced(&by_hand, ago(6 * DAY), &both);
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
    synced(&by_hand, ago(8 * DAY), &both);
    assert_eq!(reasons(&scratch, &[]), never);
}

#[test]
fn a_copy_that_was_just_made() {
    if find_command("rclone").is_none() {
        return skip("checking after a copy", "rclone is not installed");
    }
    let scratch = well();
    let remote = format!(":local:{}", scratch.join("copy").display());
    scratch.write("config.yml", format!("{CONFIG}storage: {{remotes: [{{provider: rclone, remote: '{remote}'}}]}}\n"));
    assert_eq!(reasons(&scratch, &[]), [format!("sync {remote}")]);
    run(scratch.tool("dccd-sync").arg("push"), "").expect(0);
    assert_eq!(reasons(&scratch, &[]), [""; 0]);
}

#[test]
fn without_a_configuration_the_streams_of_a_store_are_judged() {
    let scratch = Scratch::new();
    store(&scratch, &streamed(TRADES, ago(2 * HOUR), ago(5)));
    store(&scratch, &fetched(CANDLES, hour_ago(90 * DAY), hour_ago(60 * DAY)));
    let flags = ["--data-path", "store"];
    assert_eq!(reasons(&scratch, &flags), [""; 0]);
    assert_eq!(reasons(&scratch, &["--data-path", "store", "--max-lag", "1d"]), [format!("stale {CANDLES}")]);
    let stopped = Scratch::new();
    store(&stopped, &streamed(TRADES, ago(2 * HOUR), ago(HOUR)));
    assert_eq!(reasons(&stopped, &flags), [format!("stale {TRADES}")]);
    assert_eq!(reasons(&stopped, &["--data-path", "store", "--max-lag", "2h"]), [""; 0]);
}

#[test]
fn nothing_is_there_yet() {
    let scratch = Scratch::new();
    scratch.write("config.yml", CONFIG);
    assert_eq!(reasons(&scratch, &[]), [format!("stale {CANDLES}"), format!("stale {TRADES}")]);
    let empty = Scratch::new();
    assert_eq!(reasons(&empty, &["--data-path", "store"]), ["stale store"]);
    let wrong = Scratch::new();
    wrong.write("config.yml", "histo_jobs: 7");
    check(&wrong, &[]).expect(78);
    check(&scratch, &["--max-lag", "soon"]).expect(2);
}

/// Somebody who waits for heartbeats.
struct Listener {
    url: String,
    count: Arc<AtomicUsize>,
}

impl Listener {
    /// Answers every request with `status`.
    fn start(status: &'static str) -> Listener {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/ping/s3cret", listener.local_addr().expect("its address"));
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap_or(0);
                if request[..length].starts_with(b"GET /ping/s3cret ") {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
                let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Listener { url, count }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    fn config(&self) -> String {
        format!("{CONFIG}alerts: {{heartbeat_url: \"{}\"}}\n", self.url)
    }
}

#[test]
fn a_heartbeat_only_while_all_is_well() {
    let (scratch, listener) = (well(), Listener::start("200 OK"));
    scratch.write("config.yml", listener.config());
    check(&scratch, &[]).expect(0);
    assert_eq!(listener.count(), 1);
    check(&scratch, &["--no-heartbeat"]).expect(0);
    check(&scratch, &["--max-lag", "1"]).expect(1);
    assert_eq!(listener.count(), 1);
}

#[test]
fn a_heartbeat_that_nobody_hears_is_tried_again_later() {
    let (scratch, listener) = (well(), Listener::start("404 Not Found"));
    scratch.write("config.yml", listener.config());
    let ended = check(&scratch, &[]).expect(75);
    assert!(ended.text().starts_with("All is well"), "{}", ended.text());
    assert!(ended.stderr.contains("heartbeat_url") && !ended.stderr.contains("s3cret"), "{}", ended.stderr);
}

/// A pipe from the simulator into a store.
fn stream_into_store(scratch: &Scratch, sim: &Sim) -> [Running; 2] {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut stream = scratch.tool("dccd-stream");
    stream.args(["kraken", "BTC/USD", "--channels", "trades", "--rest-url", sim.url()]);
    stream.args(["--ws-url", &sim.url().replacen("http", "ws", 1), "--budget-dir", "budget"]);
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "store", "--sync-ms", "200"]);
    let stream = Running::start_with(&mut stream, Stdio::null(), Stdio::from(writer));
    [stream, Running::start_with(&mut write, Stdio::from(reader), Stdio::piped())]
}

fn is_alive(running: &Running) -> bool {
    Command::new("kill").args(["-0", &running.id().to_string()]).status().is_ok_and(|status| status.success())
}

#[test]
fn a_stream_that_has_stalled_while_it_is_connected() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--trades-per-day", "400000"]);
    let [stream, write] = stream_into_store(&scratch, &sim);
    let until = Instant::now() + PATIENCE;
    let wait_for = |status: i32| {
        loop {
            let ended = check(&scratch, &["--data-path", "store", "--max-lag", "12"]);
            if ended.status == status {
                break;
            }
            assert!(Instant::now() < until, "the status never was {status}: {} {}", ended.text(), ended.stderr);
            thread::sleep(Duration::from_millis(100));
        }
    };
    wait_for(0);
    sim.page("/sim/faults?kind=ws-stall");
    wait_for(1);
    let said = check(&scratch, &["--data-path", "store", "--max-lag", "12"]).expect(1).text();
    assert!(said.starts_with("stale: kraken:trade:BTC-USD: covered until "), "{said}");
    assert!(is_alive(&stream) && is_alive(&write), "nothing has died");
    stream.signal(Signal::TERM);
    stream.finish().expect(0);
    write.finish().expect(0);
}
