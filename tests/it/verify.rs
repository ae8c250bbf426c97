//! `dccd-inventory verify` on stores that others made, and on one that is written to meanwhile.

use std::process::Command;

use dccd_tests::{Ended, Random, Running, Scratch, Sim, Trades, find_python, run, run_pipe, skip};

const ID: &str = "binance:trade:BTC-USDT";

fn verify(scratch: &Scratch) -> Command {
    let mut verify = scratch.tool("dccd-inventory");
    verify.args(["verify", "--depth", "pages", "--json", "--data-path", "data"]);
    verify
}

fn write(scratch: &Scratch) -> Command {
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data", "--sync-ms", "1"]);
    write
}

#[track_caller]
fn assert_clean(ended: &Ended) {
    assert_eq!((ended.status, ended.text().as_str(), ended.stderr.as_str()), (0, "", ""));
}

#[test]
fn what_is_fetched_and_stored_is_sound() {
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--now", "2024-07-01T12:34:56Z"]);
    for series in [
        &["binance", "BTC/USDT", "--kind", "candle", "--span", "1h", "--start", "2023-12-20", "--end", "2024-01-10"][..],
        &["binance", "BTC/USDT", "--kind", "trade", "--start", "2024-06-30T23:00:00Z", "--end", "2024-07-01T01:00:00Z"],
        &["binance", "BTC/USDT:perp", "--kind", "funding", "--start", "2024-01-01", "--end", "2024-03-01"],
        &["okx", "BTC/USDT", "--kind", "trade", "--start", "2024-07-01T11:00:00Z", "--end", "2024-07-01T12:00:00Z"],
    ] {
        let mut fetch = scratch.tool("dccd-fetch");
        fetch.args(series).args(["--rest-url", sim.url(), "--archive-url", sim.url()]);
        let ended = run_pipe(vec![fetch, write(&scratch)], "");
        assert!(ended.iter().all(|ended| ended.status == 0), "{series:?}: {}", ended[0].stderr);
    }
    assert_clean(&run(&mut verify(&scratch), ""));
}

/// Files come and go while they are looked at, and none of that is a finding.
#[test]
fn a_store_that_is_written_to_is_sound_at_any_moment() {
    const WRITERS: u64 = 3;
    const PAGE: u64 = 700;
    let mut random = Random::new("a_store_that_is_written_to_is_sound_at_any_moment");
    let scratch = Scratch::new();
    let mut trades = Trades::new(ID);
    let mut writers: Vec<Running> = (0..WRITERS).map(|_| Running::start(&mut write(&scratch))).collect();
    // Pages go over midnight, overlap, and begin anew, so that files are made, rewritten and left as they are.
    for page in 0..24 * WRITERS {
        let first = random.below(2_000) * PAGE;
        let writer = usize::try_from(page % WRITERS).expect("a small number");
        writers[writer].write(trades.page(first..first + PAGE));
        if page % 6 == 5 {
            assert_clean(&run(&mut verify(&scratch), ""));
        }
        if page % 20 == 19 {
            let ended = writers.remove(writer);
            if random.below(2) == 0 {
                drop(ended.kill())
            } else {
                drop(ended.finish().expect(0))
            }
            writers.insert(writer, Running::start(&mut write(&scratch)));
            assert_clean(&run(&mut verify(&scratch), ""));
        }
    }
    writers.into_iter().for_each(|writer| drop(writer.finish().expect(0)));
    assert_clean(&run(&mut verify(&scratch), ""));
}

/// Makes a file of dccd 3 in its own way; the third argument says what is wrong with it.
const DCCD_3: &str = r#"
import sys, pyarrow as pa, pyarrow.parquet as pq
path, how = sys.argv[1], sys.argv[2]
start = 1704067200000000000
ts = [start + n * 60_000_000_000 for n in range(1000)]
price = [100.0 + n % 7 for n in range(1000)]
if how == "swapped":
    ts[10], ts[20] = ts[20], ts[10]
if how == "worthless":
    price[500] = -1.0
table = pa.table({"TS": pa.array(ts, pa.int64()), "price": price, "amount": [0.5] * 1000,
                  "side": ["buy"] * 1000, "tid": [str(n) for n in range(1000)]})
pq.write_table(table, path, compression="NONE", use_dictionary=False, write_page_checksum=True)
if how == "spoilt":
    content = bytearray(open(path, "rb").read())
    import struct
    at = content.index(struct.pack("<d", 103.0))
    content[at + 1] ^= 0x10
    open(path, "wb").write(bytes(content))
"#;

#[test]
fn files_of_earlier_versions_are_no_errors_but_their_checksums_count() {
    let Some(python) = find_python(&["pyarrow"]) else {
        return skip("verifying files of dccd 3", "there is no Python with pyarrow (scripts/test makes one)");
    };
    for (how, status, checks) in [
        ("sound", 0, &["no_ledger"][..]),
        ("swapped", 0, &["no_ledger"]),
        ("worthless", 0, &["no_ledger", "value"]),
        ("spoilt", 1, &["no_ledger", "unreadable"]),
    ] {
        let scratch = Scratch::new();
        let file = scratch.write("data/binance/trades/BTC-USDT/2024-01-01.parquet", "");
        run(scratch.program(&python).args(["-c", DCCD_3]).arg(&file).arg(how), "").expect(0);
        let lines = run(&mut verify(&scratch), "").expect(status).lines();
        let found: Vec<&str> = lines.iter().filter_map(|line| line["check"].as_str()).collect();
        assert_eq!(found, checks, "{how}: {lines:?}");
    }
}
