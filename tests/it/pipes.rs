//! How the tools behave in a pipe: who goes away, who is told to stop, and what cannot be written.

use std::process::Stdio;

use dccd_tests::{Running, Scratch, Signal, Sim, Trades, numbers_of, of_kind, run, run_pipe};

const ID: &str = "binance:trade:BTC-USDT";

/// The numbers of the trades in the store `data`.
fn stored_numbers(scratch: &Scratch) -> Vec<u64> {
    let mut read = scratch.tool("dccd-read");
    let read = read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
    numbers_of(&run(read, "").expect(0).lines())
}

fn write(scratch: &Scratch) -> std::process::Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    write
}

#[test]
fn a_source_whose_reader_leaves_is_silent() {
    let scratch = Scratch::new();
    run(&mut write(&scratch), Trades::new(ID).page(0..50_000)).expect(0);
    let mut read = scratch.tool("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "trade", "--data-path", "data"]);
    let ended = run_pipe(vec![read, scratch.shell("head -n 1")], "");
    assert_eq!((ended[0].status, ended[0].stderr.as_str()), (0, ""));
    assert_eq!(ended[1].lines().len(), 1);
}

#[test]
fn fetch_into_head_is_silent() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &[]);
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args([
        "binance",
        "BTC/USDT",
        "--kind",
        "candle",
        "--span",
        "1m",
        "--source",
        "rest",
        "--rest-url",
        sim.url(),
    ]);
    fetch.args(["--start", "2024-01-01", "--end", "2024-02-01"]);
    let ended = run_pipe(vec![fetch, scratch.shell("head -n 1")], "");
    assert_eq!((ended[0].status, ended[0].stderr.as_str()), (0, ""));
    assert_eq!(ended[1].lines().len(), 1);
}

#[test]
fn a_sink_whose_receipts_nobody_reads_goes_on() {
    let scratch = Scratch::new();
    let ended = run_pipe(vec![write(&scratch), scratch.shell("exec true")], Trades::new(ID).page(0..5_000));
    assert_eq!((ended[0].status, ended[0].stderr.as_str()), (0, ""));
    assert_eq!(stored_numbers(&scratch), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn a_full_standard_error_changes_nothing() {
    let scratch = Scratch::new();
    let mut lines = Trades::new(ID).lines(0..10);
    lines.extend_from_slice(b"no line\n");
    run(&mut scratch.shell("exec dccd-write -v --data-path data 2>/dev/full"), lines).expect(65);
    assert_eq!(stored_numbers(&scratch).len(), 10);
}

#[test]
fn a_full_standard_output_is_an_error() {
    let scratch = Scratch::new();
    run(&mut write(&scratch), Trades::new(ID).page(0..10)).expect(0);
    let script = "exec dccd-read binance BTC/USDT --kind trade --data-path data >/dev/full";
    let ended = run(&mut scratch.shell(script), "").expect(74);
    assert!(ended.stderr.contains("standard output"), "{}", ended.stderr);
}

#[test]
fn a_sink_told_to_stop_drains_its_input() {
    let scratch = Scratch::new();
    let mut trades = Trades::new(ID);
    let mut writer = Running::start(&mut write(&scratch));
    writer.write(trades.page(0..1_000));
    writer.line_with("\"stored\"");
    writer.signal(Signal::TERM);
    writer.write(trades.page(1_000..2_000));
    let ended = writer.finish().expect(0);
    assert_eq!(ended.stderr, "");
    assert!(of_kind(&ended.lines(), "covered").count() >= 1);
    assert_eq!(stored_numbers(&scratch), (0..2_000).collect::<Vec<_>>());
}

#[test]
fn an_interrupted_fetch_says_so_and_leaves_whole_lines() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--fault", "delay:ms=100"]);
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args([
        "binance",
        "BTC/USDT",
        "--kind",
        "candle",
        "--span",
        "1m",
        "--source",
        "rest",
        "--rest-url",
        sim.url(),
    ]);
    fetch.args(["--start", "2023-01-01", "--end", "2024-01-01"]);
    let mut fetching = Running::start_with(&mut fetch, Stdio::null(), Stdio::piped());
    fetching.line_with("\"covered\"");
    fetching.signal(Signal::TERM);
    let ended = fetching.wait().expect(128 + 15);
    ended.lines();
}

#[test]
fn the_recipe_for_sh_minds_every_status() {
    let scratch = Scratch::new();
    let recipe = dccd_tests::workspace_root().join("scripts/pipeline.sh");
    let check = |stages: &str, input: &str, status: i32, stdout: &str| {
        let script = format!(
            "set -eu\n. '{}'\npass() {{ exec cat; }}\nfail() {{ cat; exit 7; }}\nlast() {{ cat >&2; exit 5; }}\n\
             endless() {{ exec yes; }}\none() {{ exec head -n 1; }}\nquiet() {{ yes || :; }}\npipeline {stages}",
            recipe.display()
        );
        let ended = run(&mut scratch.shell(&script), input);
        assert_eq!((ended.status, ended.text().as_str()), (status, stdout), "{stages}: {}", ended.stderr);
    };
    check("pass", "a\n", 0, "a\n");
    check("pass pass pass", "a\n", 0, "a\n");
    check("fail pass", "a\n", 7, "a\n");
    check("fail last", "a\n", 5, "");
    check("endless one", "", 128 + 13, "y\n");
}

#[test]
fn the_recipe_for_sh_tells_the_source_alone_to_stop() {
    let scratch = Scratch::new();
    let recipe = dccd_tests::workspace_root().join("scripts/pipeline.sh");
    let script = format!(
        "set -eu\n. '{}'\nsource() {{ trap 'echo bye; exit 3' TERM; echo hello; while :; do sleep 0.05; done; }}\n\
         sink() {{ exec cat; }}\npipeline source sink",
        recipe.display()
    );
    let mut shell = Running::start(&mut scratch.shell(&script));
    assert_eq!(shell.line().as_deref(), Some("hello"));
    shell.signal(Signal::TERM);
    let ended = shell.finish().expect(3);
    assert_eq!(ended.text(), "bye\n");
}
