//! Many processes on one store.

use dccd_tests::{Running, Scratch, Trades, numbers_of, run};

const ID: &str = "binance:trade:BTC-USDT";
const WRITERS: u64 = 6;
const PAGE: u64 = 400;
const PAGES: u64 = 20;

#[test]
fn writers_and_readers_at_once() {
    let scratch = Scratch::new();
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|_| Running::start(scratch.tool("dccd-write").args(["--data-path", "data", "--sync-ms", "1"])))
        .collect();
    let mut trades = Trades::new(ID);
    // Each page overlaps the one before, which another writer has.
    for page in 0..WRITERS * PAGES {
        let first = page * PAGE;
        let writer = usize::try_from(page % WRITERS).expect("a small number");
        writers[writer].write(trades.page(first.saturating_sub(PAGE / 2)..first + PAGE));
        if page % 30 == 29 {
            let mut read = scratch.tool("dccd-read");
            read.args(["binance", "BTC/USDT", "--kind", "trade", "--records", "--data-path", "data"]);
            let seen = run(&mut read, "");
            // 1: nothing is stored yet.
            assert!([0, 1].contains(&seen.status), "a reader is disturbed: {}", seen.stderr);
            let numbers = numbers_of(&seen.lines());
            assert!(numbers.is_sorted_by(|one, next| one < next), "a reader sees repeats or disorder");
        }
    }
    for writer in writers {
        let ended = writer.finish().expect(0);
        assert_eq!(ended.stderr, "");
    }
    let mut read = scratch.tool("dccd-read");
    read.args(["binance", "BTC/USDT", "--kind", "trade", "--data-path", "data"]);
    let lines = run(&mut read, "").expect(0).lines();
    assert!(numbers_of(&lines).into_iter().eq(0..WRITERS * PAGES * PAGE), "trades are missing or there twice");
    assert_eq!(lines.iter().filter(|line| line["kind"] == "covered").count(), 1, "coverage is one range");
}
