//! One configuration says it all: whoever stands in a pipe finds the exchange, the store and the zone in it.

use dccd_tests::{Scratch, Sim, run};

const LATE: &str = "2024-01-10T00:00:00Z";

/// A folder with a configuration that names everything.
fn desk(sim_flags: &[&str], jobs: &str) -> (Scratch, Sim) {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, sim_flags);
    let text = format!(
        "settings: {{data_path: from/config, timezone: Asia/Kolkata}}\n\
         exchanges: {{binance: {{rest_url: '{0}/', archive_url: '{0}'}}}}\n{jobs}",
        sim.url()
    );
    scratch.write("config.yml", text);
    (scratch, sim)
}

#[test]
fn a_pipe_without_a_flag_finds_everything() {
    // Half past five in the morning there is midnight in UTC.
    let jobs = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1h, start: 2024-01-09 05:30, \
                end: 2024-01-09T23:30+05:30}]\n";
    let (scratch, sim) = desk(&["--now", LATE], jobs);
    let pipe = "dccd-config jobs | dccd-plan | dccd-fetch --source rest | dccd-write | dccd-health record >/dev/null; \
                dccd-inventory";
    let table = run(&mut scratch.shell(pipe), "").expect(0).text();
    let row: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    let first = "2024-01-09T05:30:00+05:30";
    let last = "2024-01-09T22:30:00+05:30";
    assert_eq!(row, ["binance", "BTC/USDT", "candle", "1h", first, last, "18", "0"], "{table}");
    assert!(scratch.join("from/config/binance").is_dir());
    let table = run(&mut scratch.shell("exec dccd-health status"), "").expect(0).text();
    let row: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert!(row.len() == 5 && row[1..3].iter().all(|time| time.ends_with("+05:30")), "{table}");
    let lines = run(&mut scratch.shell("exec dccd-health status --json"), "").expect(0).text();
    assert!(lines.contains("Z\",\"rows\":18,"), "{lines}");
    assert!(sim.requests().iter().any(|request| request.starts_with("/api/v3/klines")), "{:?}", sim.requests());
}

#[test]
fn typed_times_are_in_the_configured_zone() {
    let (scratch, _sim) = desk(&["--now", LATE], "");
    let fetch = |start: &str, end: &str| {
        let mut tool = scratch.tool("dccd-fetch");
        tool.args(["binance", "BTC/USDT", "--span", "1h", "--source", "rest", "--records"]);
        run(tool.args(["--start", start, "--end", end]), "").expect(0).text()
    };
    let there = fetch("2024-01-09 05:30", "2024-01-09 08:30");
    assert_eq!(there.lines().count(), 3);
    assert_eq!(there, fetch("2024-01-09T00:00Z", "2024-01-09T03:00:00Z"));
}

#[test]
fn flags_and_variables_go_before_the_configuration() {
    let (scratch, sim) = desk(&["--now", LATE], "");
    scratch.write("config.yml", "exchanges: {binance: {rest_url: 'http://127.0.0.1:1'}}\n");
    let asked = ["binance", "BTC/USDT", "--span", "1h", "--source", "rest", "--records", "--max-retries", "0"];
    let range = ["--start", "2024-01-09", "--end", "2024-01-09T01:00"];
    let fetch = || {
        let mut tool = scratch.tool("dccd-fetch");
        tool.args(asked).args(range);
        tool
    };
    run(&mut fetch(), "").expect(75);
    run(fetch().env("DCCD_BINANCE_REST_URL", sim.url()), "").expect(0);
    run(fetch().env("DCCD_BINANCE_REST_URL", "http://127.0.0.1:1").args(["--rest-url", sim.url()]), "").expect(0);
}

#[test]
fn a_wrong_configuration_ends_every_tool_that_reads_it() {
    let scratch = Scratch::new();
    scratch.write("config.yml", "settings: {timezon: UTC}\n");
    let said = "config.yml:1:12: unknown key \"timezon\" in settings; did you mean \"timezone\"?";
    for tool in ["dccd-write", "dccd-plan", "dccd-fetch", "dccd-inventory", "dccd-config jobs"] {
        let ended = run(&mut scratch.shell(&format!("exec {tool} </dev/null")), "").expect(78);
        assert!(ended.stderr.contains(said), "{tool}: {}", ended.stderr);
    }
    run(&mut scratch.shell("exec dccd-read binance BTC/USDT --kind trade"), "").expect(78);
}

/// Each tool is killed once it has used a second of a processor, and gets no more than 64 MiB of any memory.
#[test]
fn two_thousand_jobs_are_planned_in_little_time_and_memory() {
    const ENTRIES: usize = 1000;
    const LIMITS: &str = "ulimit -t 1; ulimit -v 65536";
    let scratch = Scratch::new();
    let mut config = "settings: {data_path: store}\nhisto_jobs:\n".to_owned();
    let covered = |base: &str, from: u32, to: u32| {
        format!(
            "{{\"kind\":\"covered\",\"exchange\":\"binance\",\"pair\":\"{base}/USDT\",\"of\":\"candle\",\"span\":3600,\
             \"start\":\"2024-01-01T{from:02}:00:00.000000000Z\",\"end\":\"2024-01-01T{to:02}:00:00.000000000Z\",\
             \"proof\":\"page\"}}\n"
        )
    };
    for number in 0..ENTRIES {
        let pairs = format!("[A{number}/USDT, B{number}/USDT]");
        let range = "start: 2024-01-01, end: 2024-01-02";
        config.push_str(&format!("  - {{exchange: binance, pairs: {pairs}, span: 1h, {range}}}\n"));
        for base in [format!("A{number}"), format!("B{number}")] {
            let ledger = [(0, 2), (5, 6), (9, 20)].map(|(from, to)| covered(&base, from, to)).concat();
            scratch.write(&format!("store/.dccd/ledger/binance:candle:{base}-USDT:1h.ndjson"), ledger);
        }
    }
    scratch.write("config.yml", config);
    let pipe = format!("({LIMITS}; exec dccd-config jobs) | ({LIMITS}; exec dccd-plan)");
    let ended = run(&mut scratch.shell(&pipe), "").expect(0);
    assert_eq!(ended.stderr, "");
    let count = |kind: &str| ended.text().lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count();
    assert_eq!((count("job"), count("range")), (2 * ENTRIES, 6 * ENTRIES));
    // The limits are heeded here: what needs more ends.
    let small = "ulimit -v 4096; exec dccd-config jobs";
    assert_ne!(run(&mut scratch.shell(small), "").status, 0);
}
