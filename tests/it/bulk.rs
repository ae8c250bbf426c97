//! Trades from bulk files: whatever is asked of an archive is the simulated exchange's truth, and a file that is
//! missing, cut or altered proves nothing.

use dccd_record::{Range, RangeSet, Ts};
use dccd_tests::{Ended, Random, Scratch, Sim, instant, of_kind, run, run_pipe};
use serde_json::Value;

const NOW: &str = "2024-03-01T12:34:56.789Z";
/// Trades of a day, and how many more share one millisecond.
const WORLD: [&str; 6] = ["--trades-per-day", "2000", "--burst", "500", "--now", NOW];
const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Ranges that are asked for of every series, from each source.
const CASES: u64 = 6;
/// The widest of them, in days, and how far back they lie.
const DAYS_MAX: u64 = 4;
const PAST_DAYS: u64 = 40;
/// Every file before this is there.
const FILED: &str = "2024-02-28T16:00:00Z";
const SERIES: [(&str, &str); 7] = [
    ("bybit", "BTC/USDT:perp"),
    ("bybit", "BTC/USDC:perp"),
    ("bybit", "BTC/USD:inverse"),
    ("bybit", "BTC/USDT:240329"),
    ("okx", "BTC/USDT"),
    ("okx", "BTC/USDT:perp"),
    ("okx", "BTC/USD:inverse"),
];

/// A simulator, and a folder to ask it from.
struct Archive {
    scratch: Scratch,
    sim: Sim,
}

impl Archive {
    fn new(flags: &[&str]) -> Archive {
        let scratch = Scratch::new();
        let mut all = vec!["--no-limits", "--speed", "0"];
        all.extend(WORLD);
        all.extend(flags);
        let sim = Sim::start(&scratch, &all);
        Archive { scratch, sim }
    }

    fn fetch(&self, series: (&str, &str), source: &str, start: &str, end: &str) -> Ended {
        let mut fetch = self.scratch.tool("dccd-fetch");
        fetch.args([series.0, series.1, "--kind", "trade", "--source", source, "--start", start, "--end", end]);
        fetch.args(["--rest-url", self.sim.url(), "--archive-url", self.sim.url()]);
        fetch.args(["--max-retries", "1", "--retry-delay", "0.01"]);
        run(&mut fetch, "")
    }

    /// The trades as the archive shows them.
    fn truth(&self, series: (&str, &str), start: &str, end: &str) -> Vec<Value> {
        let mut truth = self.scratch.tool("dccd-sim");
        truth.args(WORLD).args(["truth", series.0, series.1, "--kind", "trade", "--source", "archive"]);
        run(truth.args(["--start", start, "--end", end]), "").expect(0).lines()
    }
}

fn range(start: &str, end: &str) -> Range {
    let ts = |text: &str| text.parse().expect("an instant");
    Range::new(ts(start), ts(end)).expect("a range")
}

fn ranges(lines: &[Value], kind: &str) -> RangeSet {
    let range = |line: &Value| Range::new(instant(&line["start"]), instant(&line["end"])).expect("a range");
    of_kind(lines, kind).map(range).collect()
}

/// The trades by their times and ids; an archive may write `1.0` where REST has `1`.
fn sorted(lines: &[Value]) -> Vec<String> {
    let number = |value: &Value| value.as_f64().expect("a number");
    let words = |line: &Value| {
        let (price, amount) = (number(&line["price"]), number(&line["amount"]));
        format!("{} {} {} {price} {amount}", line["ts"], line["tid"], line["side"])
    };
    let mut trades: Vec<String> = of_kind(lines, "trade").map(words).collect();
    trades.sort_unstable();
    trades
}

/// Fails the test at the first trade that differs.
#[track_caller]
fn assert_same(found: &[Value], wanted: &[Value], what: &str) {
    let (found, wanted) = (sorted(found), sorted(wanted));
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted, "{what}");
    }
    assert_eq!(found.len(), wanted.len(), "{what}");
}

/// What failed, and why.
fn failures(lines: &[Value]) -> Vec<(Range, String, bool)> {
    let failure = |line: &Value| {
        let range = Range::new(instant(&line["start"]), instant(&line["end"])).expect("a range");
        (range, line["error"].as_str().unwrap_or_default().to_owned(), line["retry"] == true)
    };
    of_kind(lines, "failed").map(failure).collect()
}

/// Ends anywhere: at the turns of days here and in Hong Kong, close to them, and elsewhere.
fn draw(random: &mut Random) -> Range {
    let newest: Ts = FILED.parse().expect("an instant");
    let mut edge = |days: u64| {
        let back = i64::try_from(random.below(days * 24)).unwrap_or(0) * HOUR;
        let turn = newest.saturating_add(-back);
        match random.below(4) {
            0 => turn.day().start(),
            1 => turn.day().start().saturating_add(-8 * HOUR),
            2 => turn.day().start().saturating_add(i64::try_from(random.below(3)).unwrap_or(0) - 1),
            _ => turn.saturating_add(-i64::try_from(random.below(HOUR.unsigned_abs())).unwrap_or(0)),
        }
    };
    let one = edge(PAST_DAYS);
    let other = one.saturating_add(i64::try_from(random.below(DAYS_MAX * DAY.unsigned_abs())).unwrap_or(0) + 1);
    Range::new(one, other.min(newest)).unwrap_or(Range::instant(one))
}

#[test]
fn whatever_is_asked_of_an_archive_is_the_truth() {
    let archive = Archive::new(&[]);
    let mut random = Random::new("ranges of bulk files");
    for series in SERIES {
        for case in 0..CASES {
            let wanted = draw(&mut random);
            let (start, end) = (wanted.start().to_string(), wanted.end().to_string());
            let source = if case % 2 == 0 { "archive" } else { "auto" };
            let lines = archive.fetch(series, source, &start, &end).expect(0).lines();
            let what = format!("{series:?} from {source}, {start} to {end}");
            assert_eq!(ranges(&lines, "covered"), RangeSet::from_iter([wanted]), "{what}");
            assert!(of_kind(&lines, "gap").next().is_none(), "{what}");
            assert_same(&lines, &archive.truth(series, &start, &end), &what);
        }
    }
}

#[test]
fn what_is_younger_than_the_newest_file_comes_later() {
    let archive = Archive::new(&[]);
    let perp = ("bybit", "BTC/USDT:perp");
    let lines = archive.fetch(perp, "auto", "2024-02-29T06:00", "2024-03-01T06:00").expect(75).lines();
    let [(failed, why, is_retryable)] = &failures(&lines)[..] else { panic!("{lines:?}") };
    assert_eq!(*failed, range("2024-03-01T00:00:00Z", "2024-03-01T06:00:00Z"));
    assert!(*is_retryable && why.contains("only in its archive") && why.contains("tomorrow"), "{why}");
    assert!(of_kind(&lines, "gap").next().is_none(), "{lines:?}");
    let there = range("2024-02-29T06:00:00Z", "2024-03-01T00:00:00Z");
    assert_eq!(ranges(&lines, "covered"), RangeSet::from_iter([there]));
    let refused = archive.fetch(perp, "rest", "2024-02-27", "2024-02-28").expect(65).lines();
    let [(_, why, false)] = &failures(&refused)[..] else { panic!("{refused:?}") };
    assert!(why.contains("no trade history over REST") && why.contains("--source archive"), "{why}");
    // The newest file of OKX comes a day after its day, but pages have what it lacks.
    let spot = ("okx", "BTC/USDT");
    let (start, end) = ("2024-02-28T00:00", "2024-03-01T06:00");
    let lines = archive.fetch(spot, "archive", start, end).expect(75).lines();
    let [(failed, why, true)] = &failures(&lines)[..] else { panic!("{lines:?}") };
    assert_eq!(*failed, range("2024-02-28T16:00:00Z", "2024-03-01T06:00:00Z"));
    assert!(why.contains("no file BTC-USDT-trades-2024-02-29.zip"), "{why}");
    let lines = archive.fetch(spot, "auto", start, end).expect(0).lines();
    assert_same(&lines, &archive.truth(spot, start, end), "the rest is paged");
}

/// Asks for two days, of whose files the first is spoilt in some way.
#[track_caller]
fn check_spoilt(series: (&str, &str), fault: &str, expected: &str) {
    let archive = Archive::new(&["--fault", fault]);
    let (start, end) = ("2024-02-20T16:00:00Z", "2024-02-22T16:00:00Z");
    let (start, end) = if series.0 == "okx" { (start, end) } else { ("2024-02-20T00:00:00Z", "2024-02-22T00:00:00Z") };
    let lines = archive.fetch(series, "archive", start, end).expect(75).lines();
    let asked = range(start, end);
    let second = Range::new(asked.start().saturating_add(DAY), asked.end()).expect("a day");
    assert_eq!(ranges(&lines, "covered"), RangeSet::from_iter([second]), "{fault}");
    let [(failed, why, true)] = &failures(&lines)[..] else { panic!("{fault}: {lines:?}") };
    assert_eq!((failed.start(), failed.end()), (asked.start(), second.start()), "{fault}");
    assert!(why.contains(expected), "{fault}: {why}");
    let truth = archive.truth(series, &second.start().to_string(), end);
    assert_same(&lines, &truth, &format!("{fault}: lines of what is proven, and no others"));
}

#[test]
fn files_that_are_cut_or_missing_prove_nothing() {
    let perp = ("bybit", "BTC/USDT:perp");
    check_spoilt(perp, "truncate:path=BTCUSDT2024-02-20", "did not come as it was packed");
    check_spoilt(perp, "html:status=404,path=BTCUSDT2024-02-20", "the archive has no file BTCUSDT2024-02-20.csv.gz");
    check_spoilt(perp, "html:status=200,path=BTCUSDT2024-02-20", "did not come as it was packed");
    check_spoilt(perp, "html:status=503,path=BTCUSDT2024-02-20", "status 503");
    let swap = ("okx", "BTC/USDT:perp");
    check_spoilt(swap, "truncate:path=BTC-USDT-SWAP-trades-2024-02-21", "did not come as it was packed");
    check_spoilt(swap, "cut:path=BTC-USDT-SWAP-trades-2024-02-21", "cut");
    let missing = "the archive has no file BTC-USDT-SWAP-trades-2024-02-21.zip";
    check_spoilt(swap, "html:status=404,path=BTC-USDT-SWAP-trades-2024-02-21", missing);
}

#[test]
fn what_a_file_lacks_is_paged_where_that_is_possible() {
    let archive = Archive::new(&["--fault", "truncate:path=BTC-USDT-SWAP-trades-2024-02-21"]);
    let (swap, start, end) = (("okx", "BTC/USDT:perp"), "2024-02-20T15:00", "2024-02-22T15:00");
    let lines = archive.fetch(swap, "auto", start, end).expect(0).lines();
    assert_same(&lines, &archive.truth(swap, start, end), "what the file lacks");
    let proofs = |proof: &str| of_kind(&lines, "covered").filter(|line| line["proof"] == proof).count();
    assert!(proofs("id") > 1 && proofs("archive") > 0, "pages and files both");
}

#[test]
fn nothing_is_missing_before_the_first_record() {
    let archive = Archive::new(&[]);
    // Its market opened on a Friday, so the week that its first weekly candle names began before it.
    let dated = ("bybit", "BTC/USDT:240329");
    let (start, end) = ("2023-09-01T00:00:00Z", "2023-10-01T00:00:00Z");
    let lines = archive.fetch(dated, "auto", start, end).expect(0).lines();
    assert_eq!(ranges(&lines, "covered"), RangeSet::from_iter([range(start, end)]));
    assert_same(&lines, &archive.truth(dated, start, end), "the first days");
    let unborn: RangeSet = ranges(
        &of_kind(&lines, "covered").filter(|line| line["proof"] == "page").cloned().collect::<Vec<_>>(),
        "covered",
    );
    assert_eq!(unborn, RangeSet::from_iter([range(start, "2023-09-29T00:00:00Z")]));
}

#[test]
fn a_store_is_filled_from_files_alone() {
    let archive = Archive::new(&[]);
    let scratch = &archive.scratch;
    let (start, end) = ("2024-02-10T00:00:00Z", "2024-02-14T00:00:00Z");
    let job =
        r#"{"kind":"job","id":"bybit:trade:BTC-USD_INVERSE","exchange":"bybit","pair":"BTC/USD:inverse","of":"trade"}"#;
    let mut plan = scratch.tool("dccd-plan");
    plan.args(["--data-path", "data", "--start", start, "--end", end]);
    let mut fetch = scratch.tool("dccd-fetch");
    fetch.args(["--rest-url", archive.sim.url(), "--archive-url", archive.sim.url()]);
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    let ended = run_pipe(vec![plan, fetch, write], format!("{job}\n"));
    assert_eq!(ended.iter().map(|ended| ended.status).collect::<Vec<_>>(), [0, 0, 0], "{ended:?}");
    let mut read = scratch.tool("dccd-read");
    read.args(["bybit", "BTC/USD:inverse", "--kind", "trade", "--data-path", "data", "--start", start, "--end", end]);
    let lines = run(&mut read, "").expect(0).lines();
    assert_eq!(ranges(&lines, "covered"), RangeSet::from_iter([range(start, end)]));
    let truth = archive.truth(("bybit", "BTC/USD:inverse"), start, end);
    assert_same(&lines, &truth, "what is stored");
    // Nothing is left to be planned.
    let mut plan = scratch.tool("dccd-plan");
    plan.args(["--data-path", "data", "--start", start, "--end", end]);
    let lines = run(&mut plan, format!("{job}\n")).expect(0).lines();
    assert_eq!(of_kind(&lines, "range").count(), 0, "{lines:?}");
}
