//! The terminal hangs up, or ssh is gone: each program ends as when it is told to stop, unless nohup holds it.

use dccd_tests::{Running, Scratch, Signal, Sim, Trades, numbers_of, run};

const ID: &str = "binance:trade:BTC-USDT";

fn stored_numbers(scratch: &Scratch) -> Vec<u64> {
    let mut read = scratch.tool("dccd-read");
    let read = read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
    numbers_of(&run(read, "").expect(0).lines())
}

#[test]
fn a_writer_that_is_hung_up_on_loses_no_row() {
    let scratch = Scratch::new();
    let mut trades = Trades::new(ID);
    let mut write = Running::start(scratch.tool("dccd-write").args(["--data-path", "data", "--sync-ms", "1"]));
    write.write(trades.page(0..10));
    write.line_with("stored");
    // Its source is stopping too, and has more to say.
    write.signal(Signal::HUP);
    write.write(trades.page(10..200));
    let ended = write.finish();
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert_eq!(stored_numbers(&scratch), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_writer_under_nohup_goes_on() {
    let scratch = Scratch::new();
    let mut trades = Trades::new(ID);
    let mut write = scratch.shell("trap '' HUP; exec dccd-write --data-path data --sync-ms 1");
    let mut write = Running::start(&mut write);
    write.write(trades.page(0..10));
    write.line_with("stored");
    write.signal(Signal::HUP);
    for page in 1..4 {
        write.write(trades.page(page * 10..page * 10 + 10));
        write.line_with("stored");
    }
    assert_eq!(write.finish().status, 0);
    assert_eq!(stored_numbers(&scratch), (0..40).collect::<Vec<_>>());
}

#[test]
fn sources_that_are_hung_up_on_end_with_what_they_have() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-03-01T12:00:00Z", "--speed", "10", "--fault", "delay:ms=200"]);
    let source = |tool: &str, args: &[&str]| {
        let mut command = scratch.tool(tool);
        command.env("DCCD_BINANCE_REST_URL", sim.url()).env("DCCD_BINANCE_ARCHIVE_URL", "http://127.0.0.1:1");
        command.env("DCCD_BINANCE_WS_URL", sim.url().replacen("http", "ws", 1));
        command.env("DCCD_BUDGET_DIR", scratch.join("budget"));
        let mut running = Running::start(command.args(["binance", "BTC/USDT"]).args(args));
        running.line_with("\"covered\"");
        running.signal(Signal::HUP);
        running.finish()
    };
    let month = ["--span", "1m", "--start", "2024-01-01", "--end", "2024-03-01", "--source", "rest"];
    let fetched = source("dccd-fetch", &month);
    assert_eq!(fetched.status, 129, "{}", fetched.stderr);
    let streamed = source("dccd-stream", &["--channels", "trades"]);
    assert_eq!((streamed.status, streamed.stderr.as_str()), (0, ""));
    for ended in [fetched, streamed] {
        assert!(ended.text().is_empty() || ended.text().ends_with("}\n"), "the last line is whole");
    }
}
