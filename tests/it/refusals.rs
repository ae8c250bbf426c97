//! No exchange's way of giving nothing is taken for an answer: an error in HTTP 200, a web page, a body cut off, an
//! empty list that is a lie. The order fails and says so, and nothing is claimed; once the exchange is well again,
//! the same order gives the truth.

use std::sync::{Mutex, OnceLock};
use std::thread;

use dccd_exchange::{Capability, Reach, exchanges, table};
use dccd_record::{Control, Dataset, Exchange, Kind, Order, Range, RangeSet, Retry, Span, Ts, write_control};
use dccd_tests::{Ended, Random, Scratch, Sim, assert_same_records, instant, kind_of, of_kind, run};
use serde_json::Value;

use crate::truth::pair_of;

/// A moment in the past of every exchange, before one of them closed.
const NOW: &str = "2024-03-01T12:34:56.789Z";
const WORLD: [&str; 6] = ["--trades-per-day", "700", "--burst", "0", "--now", NOW];
/// What goes wrong: a good answer without its rows, an error of the exchange in HTTP 200, web pages, half a body, and
/// something else than an answer.
const FAULTS: [&str; 6] = ["empty", "error", "html:status=200", "html:status=503", "cut", "null"];
/// What no exchange means for good: an error has a status that says so.
const FLEETING: [&str; 6] = ["empty", "json:status=503", "html:status=200", "html:status=503", "cut", "null"];
/// The right answer, called a web page.
const TYPE: &str = "type";
const DAY_SECS: u32 = 86_400;
const HOUR: i64 = 3_600_000_000_000;
/// Statuses of runs that failed: for now, and for good.
const FAILED: [i32; 2] = [75, 65];
/// Most of the time is spent waiting for places in budgets.
const RUNS_AT_ONCE: usize = 48;

/// One row of the table, and what is asked of it.
struct Case {
    row: &'static Capability,
    dataset: Dataset,
    range: Range,
    /// What a store should hold; nothing is said of books.
    truth: OnceLock<Vec<Value>>,
}

impl Case {
    fn new(row: &'static Capability) -> Case {
        let exchange = Exchange::new(row.exchange).expect("a name");
        let width_secs = row.spans.iter().map(|(secs, _)| *secs).find(|secs| *secs >= 60);
        let span = width_secs.map(|secs| Span::from_secs(secs).expect("a span"));
        let dataset = Dataset::new(exchange, row.kind, pair_of(row), span).expect("a dataset");
        let now: Ts = NOW.parse().expect("an instant");
        let (back, width) = match (row.kind, span) {
            // Of weeks, which may have to be built of trades, only one.
            (_, Some(span)) if span.secs() > DAY_SECS => (3 * span.nanos(), span.nanos()),
            (_, Some(span)) => (90 * span.nanos(), 60 * span.nanos()),
            (Kind::Funding, _) => (20 * 24 * HOUR, 10 * 24 * HOUR),
            // There is only what is now.
            (Kind::Book, _) => (1_000_000_000, HOUR),
            _ => (10 * HOUR, 4 * HOUR),
        };
        let start = now.saturating_add(-back);
        let range = Range::new(start, start.saturating_add(width)).expect("a range");
        Case { row, dataset, range, truth: OnceLock::new() }
    }

    /// What came of the order; `again` says how often and when to ask again.
    fn fetch(&self, url: &str, again: [&str; 2]) -> Ended {
        // A folder, and thus a budget, of its own: nobody pays for another's refusals.
        let scratch = Scratch::new();
        let mut fetch = scratch.tool("dccd-fetch");
        fetch.args(["--rest-url", url, "--source", "rest", "--max-retries", again[0], "--retry-delay", again[1]]);
        let order = Order {
            job: self.dataset.to_string(),
            dataset: self.dataset.clone(),
            range: self.range,
            why: "asked".to_owned(),
            retry: Retry::default(),
        };
        let mut line = Vec::new();
        write_control(&Control::Range(order), &mut line);
        run(&mut fetch, line)
    }

    fn truth(&self) -> &[Value] {
        self.truth.get_or_init(|| if self.row.kind == Kind::Book { Vec::new() } else { self.ask_for_truth() })
    }

    fn ask_for_truth(&self) -> Vec<Value> {
        let scratch = Scratch::new();
        let mut truth = scratch.tool("dccd-sim");
        truth.args(["truth", self.dataset.exchange().as_str(), &self.dataset.pair().to_string()]);
        truth.args(["--kind", self.dataset.kind().name()]);
        if let Some(span) = self.dataset.span() {
            truth.args(["--span", &span.to_string()]);
        }
        truth.args(["--start", &self.range.start().to_string(), "--end", &self.range.end().to_string()]).args(WORLD);
        let records = run(&mut truth, "").expect(0).lines();
        assert!(!records.is_empty(), "there is nothing of {} to be missed", self.dataset);
        records
    }

    /// Whether it can be had over REST at all.
    fn is_reachable(&self) -> bool {
        let now: Ts = NOW.parse().expect("an instant");
        self.row.kind == Kind::Book || self.row.rest_start(&self.dataset, now) <= self.range.start()
    }

    /// What is wrong with an order that had to fail.
    fn complaint(&self, fault: &str, ended: &Ended) -> Option<String> {
        let lines = ended.lines();
        let has_levels = |book: &Value| {
            ["bids", "asks"].iter().all(|side| book[*side].as_array().is_some_and(|side| !side.is_empty()))
        };
        if self.row.kind == Kind::Book && fault == "empty" && of_kind(&lines, "book").any(has_levels) {
            // There is no such answer of that exchange.
            return None;
        }
        let is_own = |line: &&Value| line["of"] == self.dataset.kind().name();
        if !FAILED.contains(&ended.status) {
            return Some(format!("status {}", ended.status));
        }
        if lines.first().is_none_or(|line| kind_of(line) != "range") {
            return Some("the order is not passed on".to_owned());
        }
        if of_kind(&lines, "failed").filter(is_own).count() == 0 {
            return Some("there is no failed line".to_owned());
        }
        if lines.iter().any(|line| !["range", "covered", "failed"].contains(&kind_of(line))) {
            return Some("there is something of what was refused".to_owned());
        }
        // What is shorter than a bucket holds nothing, which needs no proof.
        let is_claimed = |record: &Value| {
            let ts = instant(&record["ts"]);
            of_kind(&lines, "covered").any(|line| (instant(&line["start"])..instant(&line["end"])).contains(&ts))
        };
        let is_book_claimed = self.row.kind == Kind::Book && of_kind(&lines, "covered").count() > 0;
        (is_book_claimed || self.truth().iter().any(is_claimed)).then(|| "what was refused is claimed".to_owned())
    }

    /// What is wrong with an order that had to be answered at last.
    fn complaint_of_answer(&self, ended: &Ended) -> Option<String> {
        let lines = ended.lines();
        if self.row.kind == Kind::Book {
            let is_there = of_kind(&lines, "book").count() == 1 && of_kind(&lines, "covered").count() == 1;
            return (!is_there).then(|| "there is no book".to_owned());
        }
        if ended.status != 0 {
            return Some(format!("status {}", ended.status));
        }
        let found: Vec<Value> = of_kind(&lines, self.dataset.kind().name()).cloned().collect();
        assert_same_records(&found, self.truth());
        let covered: RangeSet = of_kind(&lines, "covered")
            .filter_map(|line| Range::new(instant(&line["start"]), instant(&line["end"])))
            .collect();
        (covered != RangeSet::from_iter([self.range])).then(|| "not all of it is covered".to_owned())
    }
}

/// What every request for a row's records has in its path, and no clock or list of instruments.
fn path_of(row: &Capability) -> &str {
    row.path.split(['{', '}']).max_by_key(|part| part.len()).unwrap_or(row.path)
}

/// A simulator in which something goes wrong on these paths; without any, everywhere.
fn simulator(scratch: &Scratch, fault: &str, paths: &[&str]) -> Sim {
    let separator = if fault.contains(':') { ',' } else { ':' };
    let mut faults: Vec<String> = paths.iter().map(|path| format!("{fault}{separator}path={path}")).collect();
    if faults.is_empty() {
        faults.push(fault.to_owned());
    }
    let mut flags = vec!["--no-limits", "--speed", "0"];
    flags.extend(WORLD);
    faults.iter().for_each(|fault| flags.extend(["--fault", fault]));
    Sim::start(scratch, &flags)
}

/// Runs `check` on everything, much of it at once, and fails the test with all complaints.
fn check_all<T: Sync>(all: &[T], check: impl Fn(&T) -> Option<String> + Sync) {
    let (left, complaints) = (Mutex::new(all.iter()), Mutex::new(Vec::new()));
    let next = || left.lock().expect("no check panics while it takes work").next();
    thread::scope(|scope| {
        for _ in 0..RUNS_AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = next() {
                    let complaint = check(one);
                    complaints.lock().expect("no check panics while it complains").extend(complaint);
                }
            });
        }
    });
    let complaints = complaints.into_inner().expect("all checks have ended");
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// A complaint with what belongs to it.
fn explain(case: &Case, fault: &str, ended: &Ended, complaint: Option<String>) -> Option<String> {
    let is_panic = ended.stderr.contains("panicked");
    let complaint = complaint.or_else(|| is_panic.then(|| "it panicked".to_owned()))?;
    let text: String = ended.text().lines().filter(|line| !line.contains("\"ts\"")).collect::<Vec<_>>().join("\n");
    Some(format!("{} with {fault}: {complaint}\n{text}\n{}", case.dataset, ended.stderr))
}

/// Every row of the table that is asked over REST, for all tests.
fn cases() -> &'static [Case] {
    static CASES: OnceLock<Vec<Case>> = OnceLock::new();
    CASES.get_or_init(|| table().filter(|row| row.reach != Reach::Archive).map(Case::new).collect())
}

#[test]
fn a_lie_is_a_failure_whatever_it_looks_like() {
    let scratch = Scratch::new();
    let mut paths: Vec<&str> = cases().iter().map(|case| path_of(case.row)).collect();
    paths.sort_unstable();
    paths.dedup();
    // First with clocks and lists of instruments that answer, then with nothing that does.
    let places = [("where records are", paths.as_slice()), ("everywhere", &[])];
    let faults = FAULTS.iter().flat_map(|fault| places.map(|(place, paths)| (*fault, place, paths)));
    let sims: Vec<(&str, &str, Sim)> =
        faults.map(|(fault, place, paths)| (fault, place, simulator(&scratch, fault, paths))).collect();
    let at =
        |case, (fault, place, sim): &'_ (&'static str, &'static str, Sim)| (case, *fault, *place, sim.url().to_owned());
    let mut runs: Vec<_> = sims.iter().flat_map(|sim| cases().iter().map(move |case| at(case, sim))).collect();
    // What has to ask most before it gives up begins first.
    runs.sort_by_key(|(case, fault, ..)| (*fault != FAULTS[0], case.row.kind != Kind::Trade));
    check_all(&runs, |(case, fault, place, url): &(&Case, &str, &str, String)| {
        let ended = case.fetch(url, ["0", "0"]);
        explain(case, &format!("{fault} {place}"), &ended, case.complaint(fault, &ended))
    });
}

/// The rows are right, and a page that only the head calls one is either doubted or read as it is.
#[test]
fn a_right_answer_of_the_wrong_type_is_never_nothing() {
    let scratch = Scratch::new();
    let sim = simulator(&scratch, TYPE, &[]);
    let url = sim.url();
    check_all(cases(), |case| {
        let ended = case.fetch(url, ["0", "0"]);
        let complaint = case.complaint(TYPE, &ended).and_then(|_| case.complaint_of_answer(&ended));
        explain(case, TYPE, &ended, complaint)
    });
}

#[test]
fn what_goes_away_is_waited_for() {
    let mut random = Random::new("what_goes_away_is_waited_for");
    let mut draw = |case: &'static Case| {
        // An exchange may say with an empty book that it knows no such symbol, and that does not go away.
        let faults = if case.row.kind == Kind::Book { &FLEETING[1..] } else { &FLEETING };
        let at = usize::try_from(random.below(faults.len() as u64)).unwrap_or(0);
        (case, faults[at])
    };
    let runs: Vec<(&Case, &str)> = cases().iter().filter(|case| case.is_reachable()).map(&mut draw).collect();
    for exchange in exchanges() {
        assert!(runs.iter().any(|(case, _)| case.row.exchange == exchange), "nothing is asked of {exchange}");
    }
    check_all(&runs, |(case, fault)| {
        let scratch = Scratch::new();
        let separator = if fault.contains(':') { ',' } else { ':' };
        let fault = format!("{fault}{separator}next=2");
        let sim = simulator(&scratch, &fault, &[path_of(case.row)]);
        let ended = case.fetch(sim.url(), ["5", "0.01"]);
        explain(case, &fault, &ended, case.complaint_of_answer(&ended))
    });
}
