//! Whatever is asked of whichever exchange, the answer is the simulated exchange's truth: nothing is missing,
//! doubled or altered, and what is claimed is exactly what was asked.
//!
//! The walks of `dccd-exchange` are run here against a simulator that counts no limits, since those of some
//! exchanges would make this take days.

use std::collections::VecDeque;

use dccd_exchange::{Capability, Page, Paging, Reach, Reply, Step, Walk, closed, table};
use dccd_record::{Dataset, Exchange, Kind, Market, Number, Pair, Range, RangeSet, Span, Ts};
use dccd_rest::{Body, Client};
use dccd_tests::{Random, Scratch, Sim, run};
use serde_json::Value;
use serde_json::value::RawValue;

/// A quiet moment in the past of every exchange, before one of them closed.
const NOW: &str = "2024-03-01T12:34:56.789Z";
/// For trades: those of a day, and how many more share one millisecond, which is several pages of most exchanges.
const BUSY: [&str; 6] = ["--trades-per-day", "4000", "--burst", "2300", "--now", NOW];
/// For what is made of trades, or has nothing to do with them.
const CALM: [&str; 6] = ["--trades-per-day", "700", "--burst", "0", "--now", NOW];
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const MINUTE: i64 = 60 * SECOND;
/// Ranges that are asked for of every series.
const CASES: u64 = 24;
const ASKS_MAX: usize = 2_000;
/// Buckets of one series that ranges are drawn from, at most and at least, and how much of the past they are.
const BUCKETS_MAX: i64 = 4_000;
const BUCKETS_MIN: i64 = 50;
const PAST: i64 = 20 * DAY;

/// What came of a walk.
#[derive(Debug, Default)]
struct Outcome {
    lines: Vec<String>,
    covered: RangeSet,
    gaps: RangeSet,
    failed: Vec<String>,
}

/// An exchange that is asked without a budget.
struct Desk {
    scratch: Scratch,
    sim: Sim,
    client: Client,
    now: Ts,
    world: [&'static str; 6],
}

impl Desk {
    fn new(world: [&'static str; 6]) -> Desk {
        let scratch = Scratch::new();
        let mut flags = vec!["--no-limits", "--speed", "0"];
        flags.extend(world);
        let sim = Sim::start(&scratch, &flags);
        let client = Client::new(sim.url());
        Desk { scratch, sim, client, now: NOW.parse().expect("an instant"), world }
    }

    /// What a store should hold of `range`.
    fn truth(&self, dataset: &Dataset, range: Range) -> Vec<(Ts, String)> {
        let mut truth = self.scratch.tool("dccd-sim");
        let (exchange, pair) = (dataset.exchange().as_str().to_owned(), dataset.pair().to_string());
        truth.args(self.world).arg("truth").args([exchange, pair]).args(["--kind", dataset.kind().name()]);
        if let Some(span) = dataset.span() {
            truth.args(["--span", &span.to_string()]);
        }
        truth.args(["--start", &range.start().to_string(), "--end", &range.end().to_string(), "--source", "rest"]);
        let ended = run(&mut truth, "").expect(0);
        ended.text().lines().map(|line| (ts_of(line), line.to_owned())).collect()
    }

    /// Walks through `range` with up to `ahead` open questions.
    fn walk(&self, dataset: &Dataset, range: Range, ahead: usize) -> Outcome {
        let mut walk = Walk::new(dataset, range, self.now).expect("possible");
        let (mut open, mut outcome, mut asked) = (VecDeque::new(), Outcome::default(), 0);
        while walk.left().is_some() {
            while open.len() < ahead {
                let Some(ask) = walk.next_ask() else { break };
                asked += 1;
                assert!(asked <= ASKS_MAX, "the walk through {range:?} of {dataset} does not end");
                let answer = self.ask(&ask);
                open.push_back((ask, answer));
            }
            let (ask, answer) = open.pop_front().unwrap_or_else(|| panic!("{dataset} {range:?} is stuck"));
            let (page, mut lines) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    outcome.failed.push(format!("{}: {error}", ask.request.path));
                    return outcome;
                }
            };
            for step in walk.take(&ask, &page, &mut lines) {
                match step {
                    Step::Lines => outcome.lines.extend(lines_of(&lines)),
                    Step::Covered(range, _) => outcome.covered.insert(range),
                    Step::Gap(range, _) => outcome.gaps.insert(range),
                    Step::Failed { error, .. } => outcome.failed.push(error),
                }
            }
        }
        outcome
    }

    fn ask(&self, ask: &dccd_exchange::Ask) -> Result<(Page, Vec<u8>), String> {
        let (mut body, mut lines) = (Body::default(), Vec::new());
        let url = format!("{}{}", self.sim.url(), ask.request.path);
        let head = self.client.get(&url, None, &mut body).map_err(|error| error.to_string())?;
        let reply = Reply {
            status: head.status,
            body: body.bytes(),
            date: head.date,
            retry_after_secs: head.retry_after_secs,
            recv_ts: self.now,
        };
        let page = ask.read(&reply, &mut lines).map_err(|error| error.to_string())?;
        Ok((page, lines))
    }
}

fn lines_of(bytes: &[u8]) -> Vec<String> {
    std::str::from_utf8(bytes).expect("lines are text").lines().map(str::to_owned).collect()
}

fn ts_of(line: &str) -> Ts {
    let (_, rest) = line.split_once("\"ts\":\"").unwrap_or_else(|| panic!("{line} has no time"));
    rest.split('"').next().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{line} has no time"))
}

/// A pair that the simulator trades for a row of the table.
pub(crate) fn pair_of(row: &Capability) -> Pair {
    let quote = match (row.quotes, row.market, row.exchange) {
        (Some([first, ..]), ..) => first,
        (_, Market::Inverse, _) => "USD",
        (_, _, "coinbase" | "kraken" | "krakenfutures") | (_, Market::Dated(_), "bitmex") => "USD",
        (_, Market::Spot, "bitfinex") => "USD",
        _ => "USDT",
    };
    let market = match row.market {
        Market::Dated(_) => Market::Dated(240_329),
        market => market,
    };
    Pair::new("BTC", quote, market).expect("a pair")
}

/// Where ranges of a series are drawn from.
fn hull(desk: &Desk, row: &Capability, dataset: &Dataset) -> Range {
    let end = row.horizon(dataset, desk.now);
    let width = match (dataset.kind(), dataset.span()) {
        (Kind::Funding, _) => 40 * DAY,
        (_, Some(span)) => (BUCKETS_MAX * span.nanos()).min(PAST).max(BUCKETS_MIN * span.nanos()),
        // A day, and what of the day before has the burst.
        _ => DAY + DAY / 2,
    };
    let opened = row.since.start().saturating_add(40 * DAY);
    let first = end.saturating_add(-width).max(row.rest_start(dataset, desk.now)).max(opened);
    Range::new(first, end).unwrap_or_else(|| panic!("{dataset} has no past"))
}

/// A range inside of `hull`: mostly short ones, with ends anywhere, at records, and at the edges.
fn draw(random: &mut Random, hull: Range, truth: &[(Ts, String)]) -> Range {
    let width = hull.end().nanos() - hull.start().nanos();
    let anywhere = |random: &mut Random| {
        let offset = random.below(u64::try_from(width).unwrap_or(1));
        hull.start().saturating_add(i64::try_from(offset).unwrap_or(0))
    };
    let edge = |random: &mut Random| match random.below(6) {
        0 => hull.start(),
        1 => hull.end(),
        2 | 3 if !truth.is_empty() => {
            let at = usize::try_from(random.below(u64::try_from(truth.len()).unwrap_or(1))).unwrap_or(0);
            truth[at].0.saturating_add(i64::try_from(random.below(3)).unwrap_or(0) - 1)
        }
        _ => anywhere(random),
    };
    loop {
        let (one, other) = (edge(random), edge(random));
        let near = one.saturating_add(i64::try_from(random.below(2 * MINUTE.unsigned_abs())).unwrap_or(0));
        let other = if random.below(3) == 0 { near } else { other };
        let (start, end) = (one.min(other).max(hull.start()), one.max(other).min(hull.end()));
        if let Some(range) = Range::new(start, end) {
            return range;
        }
    }
}

/// A line with its numbers as values: `1.50` is `1.5`. The digits themselves are checked against recordings.
fn comparable(line: &str, is_derived: bool) -> String {
    let fields: serde_json::Map<String, Value> = serde_json::from_str(line).expect("a line");
    let raw: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(line).expect("a line");
    let mut words = String::new();
    // What is built from trades has a quote volume, even where the exchange's own candles have none.
    for name in fields.keys().filter(|name| !is_derived || !matches!(name.as_str(), "derived" | "quote_volume")) {
        let text = raw[name.as_str()].get();
        let value = Number::new(text).and_then(Number::to_fixed);
        let mut digits = Vec::new();
        match value {
            Ok(value) => value.write(&mut digits),
            Err(_) => digits.extend_from_slice(text.as_bytes()),
        }
        words.push_str(&format!("{name} {} ", String::from_utf8_lossy(&digits)));
    }
    words
}

fn check_series(desk: &Desk, row: &'static Capability, dataset: &Dataset, random: &mut Random) {
    let hull = hull(desk, row, dataset);
    let truth = desk.truth(dataset, hull);
    assert!(!truth.is_empty(), "there is nothing of {dataset} in {hull:?}");
    let fills_pages = matches!(row.paging, Paging::Times { .. });
    for _ in 0..CASES {
        let range = draw(random, hull, &truth);
        let ahead = 1 + usize::try_from(random.below(3)).unwrap_or(0);
        let outcome = desk.walk(dataset, range, ahead);
        let what = format!("{dataset} from {} to {}, {ahead} at once", range.start(), range.end());
        assert!(outcome.failed.is_empty(), "{what}: {:?}", outcome.failed);
        assert!(fills_pages || outcome.gaps.is_empty(), "{what}: gaps {:?}", outcome.gaps);
        let mut answered = outcome.covered.clone();
        answered.extend(&outcome.gaps);
        assert_eq!(answered, RangeSet::from_iter([range]), "{what}: what is answered");
        for gap in outcome.gaps.iter() {
            assert!(outcome.covered.within(gap).is_empty(), "{what}: {gap:?} is covered and a gap");
        }
        let is_claimed = |ts: Ts| outcome.covered.contains(ts);
        let is_derived = outcome.lines.first().is_some_and(|line| line.contains("\"derived\""));
        let comparable = |line: &str| comparable(line, is_derived);
        let found: Vec<String> =
            outcome.lines.iter().filter(|line| is_claimed(ts_of(line))).map(|line| comparable(line)).collect();
        let wanted: Vec<String> =
            truth.iter().filter(|(ts, _)| is_claimed(*ts)).map(|(_, line)| comparable(line)).collect();
        if let Some((found, wanted)) = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted) {
            panic!("{what}:\nfound  {found}\nwanted {wanted}");
        }
        assert_eq!(found.len(), wanted.len(), "{what}: records");
        assert!(outcome.lines.iter().all(|line| range.contains(ts_of(line))), "{what}: a record outside");
    }
}

fn check_exchange(exchange: &str) {
    let (busy, calm) = (Desk::new(BUSY), Desk::new(CALM));
    let mut random = Random::new(&format!("truth of {exchange}"));
    // What is had from files alone has no walk.
    let has_walk = |row: &&Capability| row.kind != Kind::Book && row.reach != Reach::Archive;
    let rows = table().filter(|row| row.exchange == exchange).filter(has_walk);
    for row in rows {
        let desk = if row.kind == Kind::Trade { &busy } else { &calm };
        let name = Exchange::new(exchange).expect("a name");
        let spans: Vec<Option<Span>> = match row.spans {
            [] => vec![None],
            spans => spans.iter().map(|(secs, _)| Some(Span::from_secs(*secs).expect("a span"))).collect(),
        };
        for span in spans {
            let dataset = Dataset::new(name.clone(), row.kind, pair_of(row), span).expect("a dataset");
            check_series(desk, row, &dataset, &mut random);
        }
    }
}

#[test]
fn binance_gives_the_truth() {
    check_exchange("binance");
}

#[test]
fn coinbase_gives_the_truth() {
    check_exchange("coinbase");
}

#[test]
fn kraken_gives_the_truth() {
    check_exchange("kraken");
}

#[test]
fn krakenfutures_gives_the_truth() {
    check_exchange("krakenfutures");
}

#[test]
fn bybit_gives_the_truth() {
    check_exchange("bybit");
}

#[test]
fn okx_gives_the_truth() {
    check_exchange("okx");
}

#[test]
fn bitfinex_gives_the_truth() {
    check_exchange("bitfinex");
}

#[test]
fn bitmex_gives_the_truth() {
    check_exchange("bitmex");
}

#[test]
fn every_exchange_is_checked() {
    let mut names: Vec<&str> = table().map(|row| row.exchange).collect();
    names.dedup();
    assert_eq!(names, dccd_exchange::exchanges().collect::<Vec<_>>(), "the table is in the order of the exchanges");
    assert!(names.iter().all(|name| CHECKED.contains(name)), "{names:?}");
    assert_eq!(
        names.iter().copied().filter_map(closed).count(),
        names.iter().filter(|name| **name == "bitmex").count()
    );
}

/// One test above for each of these.
const CHECKED: [&str; 8] = ["binance", "coinbase", "kraken", "krakenfutures", "bybit", "okx", "bitfinex", "bitmex"];
