//! Whatever goes wrong while data streams in: what the exchange sent is stored or named, what is claimed is there,
//! and what history can give is there after a repair.
//!
//! `DCCD_SEEDS=40 cargo test -p dccd-tests --test it live::` tells more stories than usual, and
//! `DCCD_SEED=N ... live::kraken` one of them again.

mod cut;
mod stories;

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dccd_record::{Range, RangeSet, Ts};
use dccd_tests::{Ended, Random, Scratch, Signal, Sim, instant, kind_of, of_kind, run, run_pipe};
use serde_json::Value;

/// The exchange's time runs so much faster.
const SPEED: i64 = 10;
/// How long things go wrong, and how long they go well afterwards.
const TROUBLE: Duration = Duration::from_secs(12);
const CALM: Duration = Duration::from_secs(24);
/// In this time what was dead is noticed, and comes again.
const RECOVERY_MAX: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(500);
/// A repair leaves the newest time alone.
const SETTLE_NANOS: i64 = 180 * 1_000_000_000;
/// The simulated day lies so far back that all of it is in the past, also for those who look at our clock.
const AGO_SECS: u64 = 2 * 86_400;

/// One exchange, and what of it is streamed.
struct Venue {
    exchange: &'static str,
    pairs: [&'static str; 2],
    /// Kinds as channels; books are stored in steps.
    channels: &'static str,
    /// Whether REST has the trades of the last hours, so that a gap can be repaired.
    has_past_trades: bool,
    /// What a frame that is left out cannot be told by.
    blind_to: &'static [&'static str],
}

const KRAKEN: Venue = Venue {
    exchange: "kraken",
    pairs: ["BTC/USD", "ETH/USD"],
    channels: "trades,candles,book",
    has_past_trades: true,
    blind_to: &[],
};

const BINANCE: Venue = Venue {
    exchange: "binance",
    pairs: ["BTC/USDT", "ETH/USDT:perp"],
    channels: "trades,candles,book",
    has_past_trades: true,
    blind_to: &[],
};

const KRAKEN_FUTURES: Venue = Venue {
    exchange: "krakenfutures",
    pairs: ["BTC/USD:perp", "ETH/USD:perp"],
    channels: "trades,book",
    // There is no history of trades.
    has_past_trades: false,
    blind_to: &[],
};

const BYBIT: Venue = Venue {
    exchange: "bybit",
    pairs: ["BTC/USDT", "ETH/USDT:perp"],
    channels: "trades,candles,book",
    // Only the newest are given, and files of a day when it is over.
    has_past_trades: false,
    // Trades have neither consecutive ids nor any other count.
    blind_to: &["ws-drop"],
};

const OKX: Venue = Venue {
    exchange: "okx",
    pairs: ["BTC/USDT", "ETH/USDT:perp"],
    channels: "trades,candles,book",
    has_past_trades: true,
    blind_to: &[],
};

const COINBASE: Venue = Venue {
    exchange: "coinbase",
    pairs: ["BTC/USD", "ETH/USD"],
    channels: "trades,book",
    has_past_trades: true,
    blind_to: &[],
};

const BITFINEX: Venue = Venue {
    exchange: "bitfinex",
    pairs: ["BTC/USD", "ETH/USD"],
    channels: "trades,candles,book",
    has_past_trades: true,
    blind_to: &[],
};

const VENUES: [&Venue; 7] = [&KRAKEN, &BINANCE, &KRAKEN_FUTURES, &BYBIT, &OKX, &COINBASE, &BITFINEX];

/// Things that go wrong, as the simulator knows them.
const FAULTS: &[&str] = &[
    "ws-reset",
    "ws-close",
    "ws-drop",
    "ws-garbage",
    "ws-checksum",
    "ws-repeat",
    "ws-cross",
    "ws-restart&secs=3",
    "ws-refuse&next=2",
    "ws-refuse&next=8",
    "ws-stall&secs=4",
    "ws-mute",
    "ws-huge&bytes=40000000",
    "ws-deny",
    "ws-ignore",
];

impl Venue {
    /// The pairs and kinds that are streamed.
    fn series(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let kind_of_channel = |channel| match channel {
            "trades" => "trade",
            "candles" => "candle",
            other => other,
        };
        let kinds = self.channels.split(',').map(kind_of_channel);
        self.pairs.into_iter().flat_map(move |pair| kinds.clone().map(move |kind| (pair, kind)))
    }
}

/// A pipe from an exchange into a store.
struct Pipe {
    stream: Child,
    writer: Child,
}

impl Pipe {
    fn start(scratch: &Scratch, sim: &Sim, venue: &Venue) -> Pipe {
        let log = |name: &str| {
            let path = scratch.join(name);
            Stdio::from(File::options().create(true).append(true).open(path).expect("a log"))
        };
        let mut stream = live(scratch, sim, venue.exchange, "dccd-stream");
        stream.arg(venue.exchange).args(venue.pairs).args(["--channels", venue.channels, "-v"]);
        stream.args(["--time-step", "5", "--depth", "10"]);
        let mut stream =
            stream.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log("stream.log")).spawn().expect("it starts");
        let lines = stream.stdout.take().expect("it has an output");
        let mut writer = scratch.tool("dccd-write");
        writer.args(["--data-path", "data", "--sync-ms", "200"]).stdin(Stdio::from(lines)).stdout(Stdio::null());
        let writer = writer.stderr(log("write.log")).spawn().expect("it starts");
        Pipe { stream, writer }
    }

    /// Ends as systemd ends it.
    fn stop(mut self) {
        signal(&self.stream, Signal::TERM);
        let ended = self.stream.wait().expect("it ends");
        assert_eq!(ended.code(), Some(0), "dccd-stream ends well when it is told to end");
        let ended = self.writer.wait().expect("it ends");
        assert_eq!(ended.code(), Some(0), "dccd-write ends well when its input ends");
    }

    /// One of the two is killed, and the other one notices.
    fn crash(mut self, random: &mut Random) {
        match random.below(3) {
            0 => signal(&self.stream, Signal::KILL),
            1 => signal(&self.writer, Signal::KILL),
            _ => [&self.stream, &self.writer].into_iter().for_each(|child| signal(child, Signal::KILL)),
        }
        let begun = Instant::now();
        for child in [&mut self.stream, &mut self.writer] {
            while child.try_wait().expect("it was started").is_none() {
                assert!(begun.elapsed() < Duration::from_secs(30), "one outlives the other");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn signal(child: &Child, signal: Signal) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(child), signal);
}

/// A tool that finds the simulator in place of an exchange.
fn live(scratch: &Scratch, sim: &Sim, exchange: &str, tool: &str) -> Command {
    let mut command = scratch.tool(tool);
    let name = exchange.to_uppercase();
    command.env(format!("DCCD_{name}_REST_URL"), sim.url());
    command.env(format!("DCCD_{name}_ARCHIVE_URL"), sim.url());
    command.env(format!("DCCD_{name}_WS_URL"), sim.url().replacen("http", "ws", 1));
    command.env("DCCD_BUDGET_DIR", scratch.join("budget"));
    command
}

/// Tells one story.
fn tell(venue: &Venue, seed: u64) {
    let scratch = Scratch::new();
    let mut random = Random::seeded(seed);
    let seed_text = (seed % 1_000).to_string();
    let world = ["--seed", &seed_text, "--trades-per-day", "400000", "--burst", "0"];
    let sim = start_sim(&scratch, SPEED, &world);
    let mut pipe = Pipe::start(&scratch, &sim, venue);
    let begun = Instant::now();
    thread::sleep(Duration::from_secs(2));
    while begun.elapsed() < TROUBLE {
        match random.below(8) {
            0 => {
                pipe.crash(&mut random);
                pipe = Pipe::start(&scratch, &sim, venue);
            }
            1 => {
                pipe.stop();
                pipe = Pipe::start(&scratch, &sim, venue);
            }
            _ => {
                let at = usize::try_from(random.below(FAULTS.len() as u64)).expect("it fits");
                let (fault, _) = FAULTS[at].split_once('&').unwrap_or((FAULTS[at], ""));
                if !venue.blind_to.contains(&fault) {
                    let next = if FAULTS[at].contains("next=") { "" } else { "&next=1" };
                    sim.page(&format!("/sim/faults?kind={}{next}", FAULTS[at]));
                }
            }
        }
        thread::sleep(Duration::from_millis(200 + random.below(1_300)));
    }
    sim.page("/sim/faults?clear=1");
    let calm = now_of(&sim);
    thread::sleep(CALM);
    // That candles are silent shows only after minutes.
    wait_for_cover(&scratch, venue, |kind| if kind == "candle" { Ts::MIN } else { calm });
    pipe.stop();
    let end = now_of(&sim);
    check(&scratch, venue, &world, end, false);
    repair(&scratch, &sim, venue);
    check(&scratch, venue, &world, end, true);
}

/// A simulator whose time runs so much faster than ours, in a past that is long over.
fn start_sim(scratch: &Scratch, speed: i64, world: &[&str]) -> Sim {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("our clock is right").as_secs();
    let now = Ts::from_secs(i64::try_from(since_1970 - AGO_SECS).expect("it fits")).expect("believable").to_string();
    let speed = speed.to_string();
    let mut flags = vec!["--now", &now, "--speed", &speed, "--no-limits"];
    flags.extend(world);
    Sim::start(scratch, &flags)
}

fn now_of(sim: &Sim) -> Ts {
    Ts::from_millis(sim.stats()["now_ms"].as_i64().expect("the simulator's clock")).expect("believable")
}

/// Waits until something behind the time that `behind` gives for its kind is known to be whole of each series.
fn wait_for_cover(scratch: &Scratch, venue: &Venue, behind: impl Fn(&str) -> Ts) {
    let begun = Instant::now();
    let mut left: Vec<_> = venue.series().collect();
    while !left.is_empty() {
        assert!(begun.elapsed() < RECOVERY_MAX, "{}: {left:?} do not recover", venue.exchange);
        thread::sleep(LOOK);
        let is_covered = |series: (&str, &str)| {
            let lines = stored(scratch, venue, series);
            of_kind(&lines, "covered").any(|line| range_of(line).end() > behind(series.1))
        };
        left.retain(|series| !is_covered(*series));
    }
}

/// What a repair timer does.
fn repair(scratch: &Scratch, sim: &Sim, venue: &Venue) {
    let mut plan = scratch.tool("dccd-plan");
    plan.args(["--gaps", "--data-path", "data"]);
    let mut fetch = live(scratch, sim, venue.exchange, "dccd-fetch");
    fetch.args(["--retry-delay", "0.1"]);
    let mut write = scratch.tool("dccd-write");
    write.args(["--data-path", "data"]);
    // Without jobs, everything in the store is one.
    let mut jobs = String::new();
    for pair in venue.pairs.iter().filter(|_| !venue.has_past_trades) {
        let (exchange, id) = (venue.exchange, format!("{}:candle:{}", venue.exchange, pair));
        jobs +=
            &format!(r#"{{"kind":"job","id":"{id}","exchange":"{exchange}","pair":"{pair}","of":"candle","span":60}}"#);
        jobs += "\n";
    }
    if !venue.has_past_trades && !venue.channels.contains("candles") {
        return;
    }
    let ended: Vec<Ended> = run_pipe(vec![plan, fetch, write], jobs);
    let fetched = &ended[1];
    assert_eq!(fetched.status, 0, "a repair failed: {}", fetched.stderr);
}

/// Holds each dataset of the store against the truth.
fn check(scratch: &Scratch, venue: &Venue, world: &[&str], end: Ts, is_repaired: bool) {
    for series in venue.series() {
        check_series(scratch, venue, series, world, end, is_repaired);
    }
}

/// What the store has of a series, if anything.
fn stored(scratch: &Scratch, venue: &Venue, (pair, kind): (&str, &str)) -> Vec<Value> {
    let mut read = scratch.tool("dccd-read");
    read.args([venue.exchange, pair, "--kind", kind, "--data-path", "data"]);
    if kind == "candle" {
        read.args(["--span", "1m"]);
    }
    let ended = run(&mut read, "");
    let is_nothing = ended.status == 1 && ended.stderr.contains("nothing is stored of");
    if is_nothing { Vec::new() } else { ended.expect(0).lines() }
}

fn check_series(
    scratch: &Scratch,
    venue: &Venue,
    (pair, kind): (&str, &str),
    world: &[&str],
    now: Ts,
    is_repaired: bool,
) {
    let lines = stored(scratch, venue, (pair, kind));
    let what = format!("{} {pair} {kind}, repaired: {is_repaired}", venue.exchange);
    let ranges = |word: &str| -> RangeSet { of_kind(&lines, word).map(range_of).collect() };
    let (covered, gaps) = (ranges("covered"), ranges("gap"));
    let hull = covered.hull().unwrap_or_else(|| panic!("{what}: nothing is covered"));
    let mut told = covered.clone();
    told.extend(&gaps);
    assert_eq!(told.missing(hull).iter().collect::<Vec<_>>(), [], "{what}: neither covered nor named");
    if kind == "book" {
        return check_books(&lines, &what);
    }
    let is_whole = is_repaired && (kind == "candle" || venue.has_past_trades);
    if is_whole {
        // What REST may still be filling waits for the next repair.
        let settled = now.saturating_add(-SETTLE_NANOS);
        let left: Vec<Range> = gaps.iter().filter(|gap| gap.end() <= settled).collect();
        assert_eq!(left, [], "{what}: gaps are left");
    }
    let truth = truth(scratch, venue, (pair, kind), world, hull, now);
    if std::env::var_os("DCCD_TELL").is_some() {
        tell_what_is_there(&what, &lines, kind, truth.len());
    }
    let key = |line: &Value| {
        format!("{} {} {}", line["tid"], line["price"].as_f64().unwrap_or(0.0), line["open"].as_f64().unwrap_or(0.0))
    };
    let stamped = |line: &Value| if kind == "trade" { key(line) } else { format!("{} {}", line["ts"], key(line)) };
    let stored: Vec<String> = of_kind(&lines, kind).map(stamped).collect();
    let unique: BTreeSet<&String> = stored.iter().collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<&String> = stored.iter().filter(|key| !seen.insert(*key)).collect();
    assert_eq!(twice, Vec::<&String>::new(), "{what}: records are there twice");
    for record in &truth {
        let is_claimed = covered.contains(instant(&record["ts"]));
        assert!(!is_claimed || unique.contains(&stamped(record)), "{what}: {record} is covered and not there");
    }
    let known: BTreeSet<String> = truth.iter().map(stamped).collect();
    for line in of_kind(&lines, kind).filter(|line| hull.contains(instant(&line["ts"]))) {
        let is_in_truth = known.contains(&stamped(line));
        assert!(is_in_truth, "{what}: {line} never happened");
    }
}

/// For those who want to see what a story led to.
fn tell_what_is_there(what: &str, lines: &[Value], kind: &str, happened: usize) {
    let stored = of_kind(lines, kind).count();
    let mut words = format!("{what}: {stored} stored, {happened} happened\n");
    for line in lines.iter().filter(|line| matches!(kind_of(line), "gap" | "covered")) {
        words += &format!("  {} {} {} {}\n", kind_of(line), line["start"], line["end"], line["reason"]);
    }
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes());
}

/// No stored book is crossed, and all but the first of a stretch stand at their step.
fn check_books(lines: &[Value], what: &str) {
    for book in of_kind(lines, "book") {
        let best = |side: &str| book[side][0][0].as_f64();
        if let (Some(bid), Some(ask)) = (best("bids"), best("asks")) {
            assert!(bid < ask, "{what}: a crossed book: {book}");
        }
    }
}

fn range_of(line: &Value) -> Range {
    Range::new(instant(&line["start"]), instant(&line["end"])).unwrap_or_else(|| panic!("{line} has no length"))
}

fn truth(scratch: &Scratch, venue: &Venue, series: (&str, &str), world: &[&str], hull: Range, now: Ts) -> Vec<Value> {
    let (pair, kind) = series;
    let mut truth = scratch.tool("dccd-sim");
    truth.args(world).args(["--now", &now.to_string(), "truth", venue.exchange, pair, "--kind", kind]);
    truth.args(["--start", &hull.start().to_string(), "--end", &hull.end().to_string()]);
    if kind == "candle" {
        truth.args(["--span", "1m"]);
    }
    let lines = run(&mut truth, "").expect(0).lines();
    lines.into_iter().filter(|line| kind_of(line) == kind).collect()
}

#[test]
fn kraken() {
    stories::hear(&KRAKEN);
}

#[test]
fn binance() {
    stories::hear(&BINANCE);
}

#[test]
fn krakenfutures() {
    stories::hear(&KRAKEN_FUTURES);
}

#[test]
fn bybit() {
    stories::hear(&BYBIT);
}

#[test]
fn okx() {
    stories::hear(&OKX);
}

#[test]
fn coinbase() {
    stories::hear(&COINBASE);
}

#[test]
fn bitfinex() {
    stories::hear(&BITFINEX);
}
