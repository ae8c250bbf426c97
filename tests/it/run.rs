//! `dccd run`: the pipe of one unit, as systemd, s6 and cron start it.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use dccd_tests::{Running, Scratch, Signal, Sim, find_command, of_kind, run, skip};

const NOW: &str = "2024-07-01T12:34:56Z";
const CANDLES: &str = "binance:candle:BTC-USDT:1h";

fn configure(scratch: &Scratch, exchange: &str, rest: &str) {
    let live = exchange.replacen("http", "ws", 1);
    scratch.write(
        "config.yml",
        format!(
            "settings: {{data_path: data}}\n\
             exchanges: {{binance: {{rest_url: '{exchange}', ws_url: '{live}', archive_url: '{exchange}'}}}}\n\
             histo_jobs: [{{exchange: binance, pairs: [BTC/USDT, BTC/USDC], span: 1h, max_retries: 0}}]\n\
             stream_jobs: [{{exchange: binance, pairs: [BTC/USDT], channels: [trades]}}]\n{rest}"
        ),
    );
}

fn dccd_run(scratch: &Scratch, words: &str) -> Command {
    scratch.shell(&format!("exec dccd run --config config.yml {words}"))
}

#[test]
fn a_job_is_brought_up_to_now() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    configure(&scratch, sim.url(), "");
    let ended = run(&mut dccd_run(&scratch, &format!("fetch {CANDLES}")), "").expect(0);
    assert_eq!((ended.text(), ended.stderr), (String::new(), String::new()), "whoever is well says nothing");
    let inventory = run(scratch.tool("dccd-inventory").args(["--json", "--data-path", "data"]), "").expect(0).lines();
    assert_eq!(inventory.len(), 1, "one job, not all: {inventory:?}");
    assert!(inventory[0]["rows"].as_u64() > Some(0), "{inventory:?}");

    sim.stop();
    assert!([65, 75].contains(&run(&mut dccd_run(&scratch, "fetch binance:candle:BTC-USDC:1h"), "").status));
    let failed = run(scratch.tool("dccd-health").args(["runs", "--failed", "--json", "--data-path", "data"]), "");
    assert_eq!(of_kind(&failed.expect(0).lines(), "run").count(), 1, "its pipe has counted it");
}

#[test]
fn history_begins_where_the_job_says() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW]);
    configure(&scratch, sim.url(), "jobs: [{exchange: binance, pairs: [ETH/USDT], span: 1h, start: 2024-01-01}]\n");
    run(&mut dccd_run(&scratch, "fetch binance:candle:ETH-USDT:1h"), "").expect(0);
    let read = "dccd-read binance ETH/USDT --kind candle --span 1h --records --data-path data | head -n 1";
    let first = run(&mut scratch.shell(read), "").expect(0).text();
    assert!(first.contains("\"ts\":\"2024-01-01T00:00:00Z\""), "{first}");
}

#[test]
fn what_is_no_unit_is_refused() {
    let scratch = Scratch::new();
    configure(&scratch, "http://127.0.0.1:1", "");
    let check = |words: &str, status: i32, said: &str| {
        let ended = run(&mut dccd_run(&scratch, words), "").expect(status);
        assert!(ended.stderr.contains(said), "{words}: {}", ended.stderr);
    };
    check("fetch binance:candle:BTC-USDT:1", 78, "the configuration has no job binance:candle:BTC-USDT:1\n");
    check("fetch 'binance:candle:BTC-USDT:1h\n\"'", 78, "the configuration has no job");
    check("fetch .", 78, "the configuration has no job .\n");
    check("fetch", 2, "fetch needs a job");
    check("", 2, "name what to run");
    check("repair more", 2, "name what to run");
    check("--bogus fetch x", 2, "there is no flag --bogus");
    check("fetch x y", 2, "there is no argument y");
}

#[test]
fn how_a_unit_ended_is_counted() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    configure(&scratch, sim.url(), "");
    scratch.write(".config/dccd/config.yml", "bogus: 1\n");
    let keep = || {
        let mut command = dccd_run(&scratch, "keep --user");
        run(command.env("XDG_RUNTIME_DIR", scratch.join("runtime")).env("INVOCATION_ID", "one"), "")
    };
    let said = keep().expect(78).stderr;
    assert!(said.contains("config.yml:1:1: unknown key \"bogus\""), "{said}");
    scratch.write(".config/dccd/config.yml", "");
    keep().expect(0);
    run(&mut dccd_run(&scratch, "repair"), "").expect(0);
    // Nothing is covered yet.
    let said = run(&mut dccd_run(&scratch, "check"), "").expect(1).text();
    assert!(said.contains("BTC"), "{said}");
    run(&mut dccd_run(&scratch, "stream binance:SOL-USDT"), "").expect(78);
    let runs = run(scratch.tool("dccd-health").args(["runs", "--json", "--data-path", "data"]), "").expect(0).lines();
    let runs: Vec<_> = runs.iter().map(|run| (run["job"].as_str(), run["state"].as_str())).collect();
    let wanted = [
        ("dccd-config", "failed"),
        ("dccd-config", "succeeded"),
        ("dccd-repair", "succeeded"),
        ("dccd-check", "failed"),
        ("binance:SOL-USDT", "failed"),
    ];
    assert_eq!(runs, wanted.map(|(job, state)| (Some(job), Some(state))));
}

#[test]
fn a_stream_that_ends_again_and_again_waits() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", NOW]);
    configure(&scratch, sim.url(), "");
    let starts = scratch.write("runtime/starts", "");
    let start = || {
        let mut command = dccd_run(&scratch, "stream binance:BTC-USDT");
        let mut running = Running::start(command.env("RUNTIME_DIRECTORY", scratch.join("runtime")));
        running.close_stdin();
        running
    };
    let is_stored = || run(scratch.tool("dccd-inventory").args(["--data-path", "data"]), "").text().contains("trade");
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("our clock is right").as_secs();
    // The third in five minutes.
    fs::write(&starts, format!("2 {}\n", now() - 10)).expect("a file");
    let mut waiting = start();
    waiting.message_with("start 3 in a row, in 4 s");
    waiting.signal(Signal::TERM);
    waiting.wait().expect(143);
    assert!(fs::read_to_string(&starts).expect("a count").starts_with("3 "));
    let job = fs::read_to_string(scratch.join("runtime/job")).expect("what it was started with");
    let wanted = run(scratch.tool("dccd-units").args(["job", "binance:BTC-USDT", "--config", "config.yml"]), "");
    assert_eq!(job, wanted.expect(0).text());

    // Long ago, or nonsense: it begins at once.
    for content in [format!("9 {}", now() - 400), "x".to_owned(), "1".to_owned(), format!("-1 {}", now())] {
        fs::write(&starts, &content).expect("a file");
        let mut running = start();
        let begun = SystemTime::now();
        while !is_stored() {
            assert!(begun.elapsed().is_ok_and(|time| time < dccd_tests::PATIENCE), "{content}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        running.signal(Signal::TERM);
        let ended = running.wait();
        // It may not have covered anything yet.
        assert!([0, 143].contains(&ended.status), "{content}: {}", ended.stderr);
        assert!(!ended.stderr.contains("in a row"), "{content}: {}", ended.stderr);
        assert!(fs::read_to_string(&starts).expect("a count").starts_with("1 "), "{content}");
        fs::remove_dir_all(scratch.join("data")).expect("a store");
    }
    // Nowhere to keep count: it runs all the same, but not at once.
    fs::remove_dir_all(scratch.join("runtime")).expect("a folder");
    let mut waiting = start();
    waiting.message_with("start 1 in a row, in 20 s");
    waiting.signal(Signal::TERM);
    waiting.wait().expect(143);
}

#[test]
fn remotes_keep_the_tokens_that_rclone_renewed() {
    if find_command("rclone").is_none() {
        return skip("copying with rclone", "rclone is not installed");
    }
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    configure(&scratch, sim.url(), "storage: {remotes: [{remote: 'here:'}]}\n");
    run(&mut dccd_run(&scratch, &format!("fetch {CANDLES}")), "").expect(0);
    let given = |folder: &str| {
        let path = scratch.join(folder).display().to_string();
        fs::create_dir_all(&path).expect("a folder");
        scratch.write("credentials/rclone.conf", format!("[here]\ntype = alias\nremote = {path}\n"))
    };
    let copy = scratch.join("own/rclone.conf");
    let sync = || {
        let mut command = dccd_run(&scratch, "sync");
        command.env("RCLONE_CONFIG", &copy).env("CREDENTIALS_DIRECTORY", scratch.join("credentials"));
        let ended = run(&mut command, "").expect(0);
        assert_eq!(ended.text(), "");
    };
    let is_copied = |folder: &str| scratch.join(folder).join("binance/ohlc/BTC-USDT/1h").is_dir();

    given("one");
    sync();
    assert!(is_copied("one"));
    let renewed = fs::read_to_string(&copy).expect("a copy") + "token = renewed\n";
    fs::write(&copy, &renewed).expect("a copy");
    // The same content, given anew at each start.
    given("one");
    sync();
    assert_eq!(fs::read_to_string(&copy).expect("a copy"), renewed);
    given("two");
    sync();
    assert!(is_copied("two"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&copy.metadata().expect("a copy").permissions());
    assert_eq!(mode & 0o077, 0, "it holds secrets");
}
