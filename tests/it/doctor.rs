//! What keeps a host from collecting well, as `dccd-health doctor` finds it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use dccd_tests::{Ended, Running, Scratch, Sim, Trades, run};
use serde_json::Value;

const CONFIG: &str = "\
settings: {data_path: store}
histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1h}]
";

/// A folder with a configuration, a store and a simulated exchange.
struct Host {
    scratch: Scratch,
    sim: Sim,
}

impl Host {
    fn new(config: &str, flags: &[&str]) -> Host {
        let scratch = Scratch::new();
        scratch.write("config.yml", config);
        std::fs::create_dir(scratch.join("store")).expect("a folder");
        let sim = Sim::start(&scratch, flags);
        Host { scratch, sim }
    }

    /// A program in place of a real one.
    fn replace(&self, name: &str, script: &str) {
        let path = self.scratch.write(&format!("first/{name}"), format!("#!/bin/sh\n{script}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    }

    fn doctor(&self) -> Command {
        let mut command = self.scratch.shell("PATH=$PWD/first:$PATH exec dccd-health doctor --json \"$@\"");
        command.env("DCCD_BINANCE_REST_URL", self.sim.url()).env("DCCD_BUDGET_DIR", "budget");
        command
    }

    fn look(&self) -> Found {
        Found::of(run(&mut self.doctor(), ""))
    }
}

/// What was found.
struct Found {
    lines: Vec<Value>,
}

impl Found {
    /// The status goes with the findings, whatever else this machine has.
    #[track_caller]
    fn of(ended: Ended) -> Found {
        let lines = ended.lines();
        let fails = lines.iter().any(|line| line["level"] == "fail");
        assert_eq!(ended.status, i32::from(fails), "{lines:?} {}", ended.stderr);
        Found { lines }
    }

    /// Fails the test unless there is such a finding; all but `ok` come with what helps.
    #[track_caller]
    fn has(&self, level: &str, topic: &str, what: &str) {
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("").to_owned();
        let found = self.lines.iter().find(|line| text(line, "topic") == topic && text(line, "what").contains(what));
        let found = found.unwrap_or_else(|| panic!("{what:?} was not found in {:#?}", self.lines));
        assert_eq!(text(found, "level"), level, "{found}");
        assert_eq!(found["fix"].is_null(), level == "ok", "{found}");
    }

    /// Fails the test unless something of the kind was found, good or bad: machines differ.
    #[track_caller]
    fn says(&self, topic: &str, what: &str) {
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("").to_owned();
        let is_said = self.lines.iter().any(|line| text(line, "topic") == topic && text(line, "what").contains(what));
        assert!(is_said, "{what:?} was not found in {:#?}", self.lines);
    }

    #[track_caller]
    fn has_none(&self, what: &str) {
        let found = self.lines.iter().find(|line| line["what"].as_str().unwrap_or("").contains(what));
        assert!(found.is_none(), "{found:?}");
    }
}

#[test]
fn a_host_that_is_well_and_nothing_is_changed() {
    let host = Host::new(CONFIG, &[]);
    std::fs::create_dir(host.scratch.join("budget")).expect("a folder");
    let store = || dccd_tests::files_under(&host.scratch.join("store"));
    let found = host.look();
    found.has("ok", "config", "1 jobs of history, 0 of streams");
    found.has("ok", "exchange", "binance answers at ");
    found.has("ok", "clock", "that of binance");
    found.says("disk", "makes durable in");
    found.has("ok", "files", "open at once");
    found.has("ok", "store", "nothing is left over");
    found.has("ok", "budget", "shared in budget");
    assert_eq!(store(), [] as [std::path::PathBuf; 0]);
    let text = run(host.doctor().arg("-").arg("--verbose"), "").text();
    assert!(text.lines().count() > 5, "{text}");
}

#[test]
fn people_read_text() {
    let host = Host::new("histo_jobs: 7", &[]);
    let mut doctor = host.scratch.tool("dccd-health");
    doctor.arg("doctor").env("DCCD_BUDGET_DIR", "budget");
    for exchange in ["BINANCE", "COINBASE", "KRAKEN", "KRAKENFUTURES", "BYBIT", "OKX", "BITFINEX"] {
        doctor.env(format!("DCCD_{exchange}_REST_URL"), host.sim.url());
    }
    let ended = run(&mut doctor, "").expect(1);
    let text = ended.text();
    assert!(text.starts_with("fail  config: config.yml:1:"), "{text}");
    assert!(text.contains("dccd-config validate"), "{text}");
    // None is configured, so all that are known are asked.
    for exchange in ["binance", "coinbase", "kraken", "krakenfutures", "bybit", "okx", "bitfinex"] {
        assert!(text.contains(&format!("ok    exchange: {exchange} answers at ")), "{exchange} is missing in {text}");
    }
}

#[test]
fn a_clock_that_is_wrong() {
    let host = Host::new(CONFIG, &["--now", "2024-07-01T00:00:00Z"]);
    host.look().has("fail", "clock", "s ahead of that of binance");
}

#[test]
fn an_exchange_that_refuses() {
    let host = Host::new(CONFIG, &[]);
    let check = |fault: &str, level, what| {
        host.sim.page("/sim/faults?clear=1");
        host.sim.page(&format!("/sim/faults?kind={fault}"));
        // A ban would be remembered.
        let _ = std::fs::remove_dir_all(host.scratch.join("budget"));
        host.look().has(level, "exchange", what);
    };
    check("html&status=451", "fail", "does not serve this region");
    check("html&status=403", "fail", "(status 403)");
    check("429&retry=60", "warn", "too many requests");
    check("html&status=503", "warn", "failed on its side");
    check("html&status=200", "fail", "a web page instead of JSON");
    // Whoever is banned does not ask.
    check("418&retry=600", "warn", "banned");
    let asked = host.sim.requests().len();
    host.look().has("warn", "exchange", "binance was not asked");
    assert_eq!(host.sim.requests().len(), asked);
}

#[test]
fn an_exchange_that_cannot_be_reached() {
    let host = Host::new(CONFIG, &[]);
    let check = |url: &str, what| {
        let mut doctor = host.doctor();
        doctor.env("DCCD_BINANCE_REST_URL", url);
        Found::of(run(&mut doctor, "")).has("fail", "exchange", what);
    };
    check("https://no.such.host.invalid", "the name no.such.host.invalid leads nowhere (DNS)");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    check(&format!("http://127.0.0.1:{port}"), "cannot connect to 127.0.0.1");
    check(&host.sim.url().replacen("http", "https", 1), "no TLS handshake with 127.0.0.1");
    check("ftp://127.0.0.1", "DCCD_BINANCE_REST_URL");
    let live = "stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades]}]";
    host.scratch.write("config.yml", live);
    let mut doctor = host.doctor();
    doctor.env("DCCD_KRAKEN_REST_URL", host.sim.url()).env("DCCD_KRAKEN_WS_URL", format!("wss://127.0.0.1:{port}"));
    let found = Found::of(run(&mut doctor, ""));
    found.has("ok", "exchange", "kraken answers at ");
    found.has("fail", "exchange", "kraken: cannot connect to 127.0.0.1");
    doctor.env("DCCD_KRAKEN_WS_URL", host.sim.url().replacen("http", "ws", 1));
    Found::of(run(&mut doctor, "")).has("ok", "exchange", "kraken takes connections of streams at 127.0.0.1");
}

#[test]
fn remotes_are_listed() {
    let remotes = "storage: {remotes: [{provider: rclone, remote: 'nas,pass=s3cret:crypto/'}]}\n";
    let host = Host::new(&format!("{CONFIG}{remotes}"), &[]);
    host.replace("rclone", "echo \"$@\" >>asked; exit 0");
    let found = host.look();
    found.has("ok", "remote", "nas,pass=***:crypto/ can be listed");
    found.has_none("s3cret");
    let asked = dccd_tests::read_text(&host.scratch.join("asked"));
    assert!(asked.trim_end().ends_with("nas,pass=s3cret:crypto/"), "{asked}");
    host.replace("rclone", "exit 3");
    host.look().has("ok", "remote", "its folder comes with the first copy");
    host.replace("rclone", "echo 's3cret is wrong' >&2; exit 1");
    let found = host.look();
    found.has("fail", "remote", "nas,pass=***:crypto/ (number 1 of storage.remotes) cannot be listed");
    found.has_none("s3cret");
}

#[test]
fn units_that_are_not_those_of_the_configuration() {
    let host = Host::new(CONFIG, &[]);
    let script = |units: &str| {
        format!(
            "case \"$*\" in
            *--user*) exit 1 ;;
            *list-unit-files*) echo 'dccd-fetch@.timer static -' ;;
            *list-units*) printf '%s\\n' {units} ;;
            esac"
        )
    };
    host.replace("systemctl", &script("'dccd-fetch@binance:candle:BTC-USDT:1h.timer loaded active waiting x'"));
    host.look().has("ok", "units", "all 1 that are configured are running");
    host.replace("systemctl", &script("'dccd-sync.service loaded failed failed x'"));
    let found = host.look();
    found.has("fail", "units", "failed: dccd-sync.service");
    found.has("fail", "units", "not running: dccd-fetch@binance:candle:BTC-USDT:1h.timer");
}

#[test]
fn units_of_a_user_end_with_the_session() {
    let host = Host::new(CONFIG, &[]);
    host.replace(
        "systemctl",
        "case \"$*\" in
        *--system*) exit 1 ;;
        *list-unit-files*) echo 'dccd-fetch@.timer static -' ;;
        esac",
    );
    host.replace("id", "echo nobody-that-lingers");
    host.look().has("fail", "linger", "units of nobody-that-lingers end");
}

#[test]
fn what_dead_writers_left() {
    let host = Host::new(CONFIG, &[]);
    let mut trades = Trades::new("binance:trade:BTC-USDT");
    let mut write = host.scratch.tool("dccd-write");
    let mut writer = Running::start(write.args(["--data-path", "store", "--sync-ms", "1"]));
    writer.write(trades.page(0..10));
    writer.line_with("\"stored\"");
    host.look().has("ok", "store", "nothing is left over");
    writer.kill();
    host.look().has("warn", "store", "journals whose writer is gone: store/.dccd/journal/");
    run(host.scratch.tool("dccd-write").args(["--data-path", "store"]), "").expect(0);
    host.look().has("ok", "store", "nothing is left over");
    let file = dccd_tests::files_under(&host.scratch.join("store/binance")).pop().expect("a published file");
    std::fs::write(file, "garbage").expect("it can be written");
    run(host.scratch.tool("dccd-write").args(["--data-path", "store"]), trades.page(10..20));
    host.look().has("warn", "store", "set aside: store/.dccd/aside/");
}

#[test]
fn what_others_can_read_and_nobody_can_write() {
    let host = Host::new(&format!("{CONFIG}alerts: {{webhook_url: 'https://example.org/s3cret'}}\n"), &[]);
    let set = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(host.scratch.join("config.yml"), mode).expect("the mode can be set");
    };
    set(0o644);
    let found = host.look();
    found.has("warn", "config", "others can read");
    found.has_none("s3cret");
    set(0o600);
    host.look().has_none("others can read");
    let mut doctor = host.doctor();
    Found::of(run(doctor.env("DCCD_BUDGET_DIR", "config.yml/budget"), "")).has("warn", "budget", "cannot be written");
    let missing = Found::of(run(host.doctor().args(["-", "--data-path", "elsewhere/store"]), ""));
    missing.has("warn", "store", "no store at elsewhere/store");
}
