//! What Prometheus is told: that it understands it, and that the rules of the manual fire.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use dccd_tests::{PATIENCE, Running, Scratch, find_command, read_text, run, skip, tool_path, workspace_root};
use serde_json::Value;

use crate::health_check::{ago, store, streamed};

const TRADES: &str = "kraken:trade:BTC-USD";
const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT, 'ETH/USDT:perp'], span: 3600}]
stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades, book]}]
storage: {remotes: [{provider: rclone, remote: 'nas:crypto/'}]}
";

/// A store whose stream has covered the time up to so many seconds ago.
fn stored(seconds: i64) -> Scratch {
    let scratch = Scratch::new();
    scratch.write("config.yml", CONFIG);
    store(&scratch, &streamed(TRADES, ago(7_200), ago(seconds)));
    scratch
}

fn metrics(scratch: &Scratch) -> Command {
    let mut metrics = scratch.tool("dccd-health");
    metrics.arg("metrics");
    metrics
}

/// Where a command of Debian's package prometheus is.
fn find(command: &str, what: &str) -> Option<PathBuf> {
    let found = find_command(command);
    if found.is_none() {
        skip(what, &format!("{command} is not installed (package prometheus)"));
    }
    found
}

/// The rules in the manual.
fn rules() -> String {
    let page = read_text(&workspace_root().join("man/dccd-health.1"));
    let (_, from) = page.split_once(".Bd -literal\ngroups:\n").expect("the manual has rules");
    let (rules, _) = from.split_once(".Ed\n").expect("the rules end");
    format!("groups:\n{}", rules.replace("\\e", "\\"))
}

#[test]
fn every_line_is_understood() {
    let scratch = stored(5);
    let text = run(metrics(&scratch).arg("--rows"), "").expect(0).text();
    for wanted in [
        r#"dccd_dataset_up_to_date{exchange="kraken",pair="BTC/USD",kind="trade"} 1"#,
        r#"dccd_dataset_up_to_date{exchange="binance",pair="ETH/USDT:perp",kind="candle",span="1h"} 0"#,
        r#"dccd_dataset_gaps{exchange="kraken",pair="BTC/USD",kind="trade",state="repairable"} 0"#,
        r#"dccd_job_errors{job_id="kraken:trade:BTC-USD"} 0"#,
        r#"dccd_reasons{sort="sync"} 1"#,
        r#"dccd_sync_last_success_timestamp_seconds{remote="nas:crypto/"} 0"#,
        "# TYPE dccd_job_rows_total counter",
    ] {
        assert!(text.lines().any(|line| line == wanted), "{wanted} is missing in:\n{text}");
    }
    let Some(promtool) = find("promtool", "checking metrics") else { return };
    let ended = run(scratch.program(promtool).args(["check", "metrics"]), text);
    assert_eq!((ended.status, ended.text().as_str(), ended.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_textfile_is_replaced_as_a_whole() {
    let scratch = stored(5);
    let path = scratch.write("collector/dccd.prom", "old\n");
    let kept = std::fs::File::open(&path).expect("it is there");
    let said = run(metrics(&scratch).args(["--textfile", "collector/dccd.prom"]), "").expect(0);
    assert!(said.stdout.is_empty());
    let text = read_text(&path);
    assert!(text.starts_with("# HELP dccd_build_info ") && text.ends_with('\n'), "{text}");
    assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o644);
    // Who reads the old file still does, and nothing else is left.
    assert_eq!(std::io::read_to_string(kept).expect("it can be read"), "old\n");
    assert_eq!(dccd_tests::files_under(&scratch.join("collector")), [path]);
    let ended = run(metrics(&scratch).args(["--textfile", "nowhere/dccd.prom"]), "").expect(74);
    assert!(ended.stderr.contains("nowhere/dccd.prom"), "{}", ended.stderr);
}

#[test]
fn a_thousand_datasets_take_no_time() {
    let scratch = Scratch::new();
    let pairs: Vec<String> = (0..1_000).map(|number| format!("C{number}/USDT")).collect();
    let job = format!("{{exchange: binance, pairs: [{}], channels: [trades]}}", pairs.join(", "));
    scratch.write("config.yml", format!("settings: {{data_path: store}}\nstream_jobs: [{job}]\n"));
    let begun = Instant::now();
    let text = run(&mut metrics(&scratch), "").expect(0).text();
    // A build for tests on a busy machine is many times slower than what is installed.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(text.matches("dccd_dataset_up_to_date{").count(), 1_000);
}

#[test]
fn the_rules_of_the_manual_are_rules() {
    let Some(promtool) = find("promtool", "checking rules") else { return };
    let scratch = Scratch::new();
    scratch.write("rules.yml", rules());
    let said = run(scratch.program(promtool).args(["check", "rules", "rules.yml"]), "").expect(0).text();
    assert!(said.contains("SUCCESS: 7 rules found"), "{said}");
    for name in rules().split(|letter: char| !letter.is_ascii_lowercase() && letter != '_') {
        let is_ours = name.starts_with("dccd_");
        assert!(!is_ours || KNOWN.contains(&name), "{name} is no metric");
    }
}

/// What rules may speak of.
const KNOWN: &[&str] = &[
    "dccd_build_info",
    "dccd_dataset_gaps",
    "dccd_dataset_up_to_date",
    "dccd_disk_free_bytes",
    "dccd_job_errors",
    "dccd_job_overdue",
    "dccd_store_growth_bytes_per_second",
    "dccd_sync_last_success_timestamp_seconds",
];

/// A server that asks `dccd-health metrics` for every answer; it ends with the process.
fn serve(scratch: &Scratch) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let dir = scratch.path().to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let said = Command::new(tool_path("dccd-health")).arg("metrics").current_dir(&dir).output();
            let body = said.map(|said| said.stdout).unwrap_or_default();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    port
}

/// Prometheus at a port that was free a moment ago.
fn start(scratch: &Scratch, program: &PathBuf, metrics_port: u16) -> Option<(Running, u16)> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    scratch.write(
        "prometheus.yml",
        format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: dccd, static_configs: [{{targets: ['127.0.0.1:{metrics_port}']}}]}}]
"
        ),
    );
    let mut prometheus = scratch.program(program);
    prometheus.args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb", "--log.level=info"]);
    prometheus.arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let running = Running::start(&mut prometheus);
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some((running, port));
        }
        thread::sleep(Duration::from_millis(50));
    }
    None
}

fn get(port: u16, path: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// The alerts that fire, as `name pair`.
fn firing(port: u16) -> Vec<String> {
    let answer = get(port, "/api/v1/alerts").unwrap_or_default();
    let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let fires = alerts.iter().filter(|alert| alert["state"] == "firing");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    fires.map(|alert| format!("{} {}", text(&alert["labels"]["alertname"]), text(&alert["labels"]["pair"]))).collect()
}

#[test]
fn a_stream_that_stalls_makes_its_rule_fire() {
    let Some(program) = find("prometheus", "firing rules") else { return };
    // It is stale in a few seconds, unless somebody goes on.
    let scratch = stored(292);
    scratch.write(
        "config.yml",
        "settings: {data_path: store}\nstream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades]}]\n",
    );
    let shortened: String = rules()
        .lines()
        .map(|line| if line.contains(" for: ") { "        for: 1s" } else { line }.to_owned() + "\n")
        .collect();
    scratch.write("rules.yml", shortened);
    let metrics_port = serve(&scratch);
    let (prometheus, port) = start(&scratch, &program, metrics_port).expect("prometheus listens");
    let until = Instant::now() + PATIENCE;
    loop {
        let fires = firing(port);
        if fires.iter().any(|alert| alert == "DccdStale BTC/USD") {
            assert_eq!(fires, ["DccdStale BTC/USD"]);
            break;
        }
        assert!(Instant::now() < until, "the rule never fired: {:?}", get(port, "/api/v1/targets"));
        thread::sleep(Duration::from_millis(200));
    }
    // Somebody goes on, and it is over.
    store(&scratch, &streamed(TRADES, ago(7_200), ago(1)));
    while !firing(port).is_empty() {
        assert!(Instant::now() < until, "the rule never stopped: {:?}", firing(port));
        thread::sleep(Duration::from_millis(200));
    }
    prometheus.signal(dccd_tests::Signal::TERM);
    prometheus.finish();
}
