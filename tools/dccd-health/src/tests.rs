#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_record::{Control, Line, Parser, Ts};

use crate::metrics::{Counting, Counts, Metrics};
use crate::run::{Run, Trouble};

const JOB: &str = r#"{"kind":"job",SERIES,"id":"mine","ranges":1}"#;
const ORDER: &str = r#"{"kind":"range",SERIES,"job":"mine",0-9,"why":"asked"}"#;
const COVERED: &str = r#"{"kind":"covered",SERIES,0-9,"proof":"page"}"#;
const FAILED: &str = r#"{"kind":"failed",SERIES,0-9,"error":"no","retry":true}"#;
const REFUSED: &str = r#"{"kind":"failed",SERIES,0-9,"error":"no","retry":false}"#;
const GAP: &str = r#"{"kind":"gap",SERIES,0-9,"reason":"ids skip"}"#;
const STORED: &str = r#"{"kind":"stored",SERIES,"path":"x",0-9,"rows":7}"#;

/// A line of a trade series; 0-9 stands for the hours of its range.
fn line(template: &str) -> String {
    let series = r#""exchange":"binance","pair":"BTC/USDT","of":"trade""#;
    let mut line = template.replace("SERIES", series);
    for from in 0..9 {
        for to in 1..=9 {
            let range = format!(r#""start":"2024-01-01T0{from}:00:00Z","end":"2024-01-01T0{to}:00:00Z""#);
            line = line.replace(&format!(",{from}-{to}"), &format!(",{range}"));
        }
    }
    line
}

fn part(template: &str, hours: &str) -> String {
    template.replace("0-9", hours)
}

fn run(templates: &[&str]) -> Run {
    let (mut run, mut parser) = (Run::default(), Parser::new());
    for template in templates {
        match parser.parse(line(template).as_bytes()) {
            Ok(Line::Control(control)) => run.take(*control),
            other => panic!("{template}: {other:?}"),
        }
    }
    run
}

/// The job called mine: its trouble, and how many of its orders stayed unanswered.
#[track_caller]
fn check(templates: &[&str], trouble: Option<Trouble>, unanswered: u64) {
    let outcomes = run(templates).outcomes();
    let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((outcome.job.as_str(), outcome.trouble, outcome.unanswered), ("mine", trouble, unanswered));
}

#[test]
fn success_is_coverage_up_to_the_asked_end() {
    check(&[JOB, ORDER, COVERED], None, 0);
    check(&[JOB, ORDER, &part(COVERED, "0-4"), &part(COVERED, "3-9")], None, 0);
    check(&[JOB, ORDER, &part(COVERED, "0-8")], Some(Trouble::Passing), 1);
    check(&[JOB, ORDER, &part(COVERED, "1-9")], Some(Trouble::Passing), 1);
    // The exchange's own hole is named, and what is around it covered.
    check(&[JOB, ORDER, &part(COVERED, "0-4"), &part(GAP, "4-5"), &part(COVERED, "5-9")], None, 0);
    check(&[JOB, ORDER, &part(COVERED, "0-4"), &part(GAP, "4-5")], Some(Trouble::Passing), 1);
}

#[test]
fn a_failed_line_fails_its_job_unless_the_range_comes_after_all() {
    check(&[JOB, ORDER, FAILED], Some(Trouble::Passing), 0);
    check(&[JOB, ORDER, &part(COVERED, "0-4"), &part(FAILED, "4-9")], Some(Trouble::Passing), 0);
    check(&[JOB, ORDER, &part(REFUSED, "0-4"), &part(FAILED, "4-9")], Some(Trouble::Lasting), 0);
    check(&[JOB, ORDER, &part(GAP, "0-4"), &part(REFUSED, "0-4"), &part(COVERED, "4-9")], Some(Trouble::Lasting), 0);
    check(&[JOB, ORDER, REFUSED, FAILED, COVERED], None, 0);
}

#[test]
fn what_was_announced_and_never_came_is_a_failure() {
    check(&[JOB], Some(Trouble::Passing), 1);
    check(&[&JOB.replace("\"ranges\":1", "\"ranges\":3"), ORDER, COVERED], Some(Trouble::Passing), 2);
    check(&[&JOB.replace(",\"ranges\":1", "")], Some(Trouble::Passing), 1);
    check(&[&JOB.replace(",\"ranges\":1", ""), ORDER, COVERED], None, 0);
    check(&[ORDER], Some(Trouble::Passing), 1);
    let idle = JOB.replace("\"ranges\":1", "\"ranges\":0");
    check(&[&idle], None, 0);
    // Its plan refused it.
    check(&[&idle, REFUSED], Some(Trouble::Lasting), 0);
}

#[test]
fn a_job_that_is_expected_fails_if_nobody_says_anything_of_it() {
    let check = |said: &[&str], trouble, unanswered| {
        let mut run = Run::default();
        // What a list says of ranges is no announcement.
        for template in [&JOB.replace(",\"ranges\":1", ""), JOB] {
            match Parser::new().parse(line(template).as_bytes()) {
                Ok(Line::Control(control)) => match *control {
                    Control::Job(job) => run.expect(job),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
        said.iter().for_each(|template| say(&mut run, template));
        let outcomes = run.outcomes();
        let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((outcome.trouble, outcome.unanswered), (trouble, unanswered), "{said:?}");
    };
    check(&[], Some(Trouble::Passing), 1);
    check(&[JOB], Some(Trouble::Passing), 1);
    check(&[JOB, ORDER], Some(Trouble::Passing), 1);
    check(&[JOB, ORDER, COVERED], None, 0);
    check(&[&JOB.replace("\"ranges\":1", "\"ranges\":0")], None, 0);
}

#[test]
fn what_is_interrupted_has_neither_failed_nor_succeeded() {
    let check = |templates: &[&str], trouble, expected| {
        let (mut run, mut metrics) = (run(templates), Metrics::default());
        run.interrupt();
        let outcomes = run.outcomes();
        assert_eq!(outcomes[0].trouble, trouble, "{templates:?}");
        metrics.count(&outcomes, &counting(1));
        assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, expected, "{templates:?}");
        assert_eq!(metrics.pairs["binance/BTC/USDT"].jobs["mine"].counts, expected, "{templates:?}");
    };
    check(&[JOB], Some(Trouble::Interrupted), counts(Some(1), None, 0, 0));
    let half = [JOB, ORDER, STORED, &part(COVERED, "0-4")];
    check(&half, Some(Trouble::Interrupted), counts(Some(1), None, 7, 0));
    check(&[JOB, ORDER, COVERED], None, counts(Some(1), Some(1), 0, 0));
    // What was known to fail before has failed.
    check(&[JOB, ORDER, FAILED], Some(Trouble::Passing), counts(Some(1), None, 0, 1));
    check(&[JOB, ORDER, REFUSED], Some(Trouble::Lasting), counts(Some(1), None, 0, 1));
    // A stream that was stopped before its first moment was covered is no worse.
    let stream = JOB.replace("\"ranges\":1", "\"live\":true");
    check(&[&stream], Some(Trouble::Interrupted), counts(Some(1), None, 0, 0));
    check(&[&stream, STORED], Some(Trouble::Interrupted), counts(Some(1), None, 7, 0));
    check(&[&stream, COVERED], None, counts(Some(1), Some(1), 0, 0));
    check(&[&stream, FAILED], Some(Trouble::Passing), counts(Some(1), None, 0, 1));
}

#[test]
fn a_pair_with_an_interrupted_job_keeps_its_count_of_errors() {
    let mut metrics = Metrics::default();
    metrics.count(&run(&[JOB, ORDER, FAILED]).outcomes(), &counting(1));
    let other = JOB.replace("mine", "other").replace("\"ranges\":1", "\"ranges\":0");
    let mut run = run(&[JOB, ORDER, &other]);
    run.interrupt();
    metrics.count(&run.outcomes(), &counting(2));
    let pair = &metrics.pairs["binance/BTC/USDT"];
    assert_eq!(pair.counts, counts(Some(2), None, 0, 1));
    assert_eq!(pair.jobs["mine"].counts, counts(Some(2), None, 0, 1));
    assert_eq!(pair.jobs["other"].counts, counts(Some(2), Some(2), 0, 0));
}

#[test]
fn one_job_that_fails_leaves_the_others_alone() {
    let other = |template: &str| {
        template.replace("mine", "other").replace("SERIES", r#""exchange":"binance","pair":"ETH/USDT","of":"trade""#)
    };
    let run = run(&[JOB, ORDER, &other(JOB), &other(ORDER), &part(STORED, "0-9"), COVERED]);
    let found: Vec<_> =
        run.outcomes().into_iter().map(|outcome| (outcome.job, outcome.trouble, outcome.rows)).collect();
    assert_eq!(found, [("mine".to_owned(), None, 7), ("other".to_owned(), Some(Trouble::Passing), 0)]);
}

#[test]
fn an_error_is_told_without_passwords_and_in_one_short_line() {
    let check = |error: &str, expected: &str| {
        let outcomes = run(&[JOB, ORDER, &FAILED.replace("\"no\"", error)]).outcomes();
        assert_eq!(outcomes[0].error.as_deref(), Some(expected));
    };
    check(r#""no""#, "no");
    check(r#""http://a:b@h:1/p?q=a@b: down""#, "http://***@h:1/p?q=a@b: down");
    check(r#""http://h/x@y and https://t0ken@h""#, "http://h/x@y and https://***@h");
    check(r#""a\nb\u0007""#, "a b ");
    check(&format!("\"{}\"", "é".repeat(999)), &"é".repeat(200));
    let unanswered = run(&[JOB]).outcomes();
    assert_eq!(unanswered[0].error.as_deref(), Some("ranges without an answer: 1"));
    assert_eq!(run(&[JOB, ORDER, FAILED, COVERED]).outcomes()[0].error, None);
}

const STREAM: &str = r#"{"kind":"job",SERIES,"id":"mine","live":true}"#;

#[test]
fn a_stream_is_well_if_something_was_covered_and_nothing_failed_since() {
    check(&[STREAM, COVERED], None, 0);
    check(&[STREAM], Some(Trouble::Passing), 1);
    check(&[STREAM, STORED, GAP], Some(Trouble::Passing), 1);
    check(&[STREAM, FAILED], Some(Trouble::Passing), 0);
    check(&[STREAM, REFUSED, FAILED], Some(Trouble::Lasting), 0);
    check(&[STREAM, COVERED, FAILED], Some(Trouble::Passing), 0);
    // Coverage goes on elsewhere: what failed at first is over.
    check(&[STREAM, REFUSED, &part(COVERED, "8-9"), GAP], None, 0);
    // Its job may have orders too.
    check(&[STREAM, ORDER, &part(COVERED, "0-8")], Some(Trouble::Passing), 1);
}

#[test]
fn months_of_a_stream_take_no_memory() {
    let (mut run, mut parser) = (Run::default(), Parser::new());
    let mut take = |line: &str| match parser.parse(line.as_bytes()) {
        Ok(Line::Control(control)) => run.take(*control),
        other => panic!("{line}: {other:?}"),
    };
    take(&line(STREAM));
    for second in 0..10_000 {
        let range = |from: i64| format!(r#""start":"{}","end":"{}""#, at(2 * second + from), at(2 * second + from + 1));
        for (template, from) in [(COVERED, 0), (GAP, 1), (FAILED, 1), (REFUSED, 1), (STORED, 0)] {
            take(&line(&template.replace("0-9", &range(from))));
        }
    }
    let memory = format!("{run:?}");
    assert!(memory.len() < 1_000, "{} bytes: {memory:.2000}", memory.len());
    assert_eq!(run.outcomes()[0].rows, 70_000);
}

/// Counts what is new of the streams at `second`.
fn count_streams(run: &mut Run, metrics: &mut Metrics, second: i64) {
    metrics.count(&run.streams(), &counting(second));
    run.streams_counted();
}

fn say(run: &mut Run, template: &str) {
    match Parser::new().parse(line(template).as_bytes()) {
        Ok(Line::Control(control)) => run.take(*control),
        other => panic!("{template}: {other:?}"),
    }
}

#[test]
fn a_stream_is_counted_while_it_runs_and_its_rows_once() {
    let (mut run, mut metrics) = (run(&[STREAM]), Metrics::default());
    let check = |run: &mut Run, metrics: &mut Metrics, templates: &[&str], second, expected| {
        templates.iter().for_each(|template| say(run, template));
        count_streams(run, metrics, second);
        let pair = metrics.pairs.entry("binance/BTC/USDT".to_owned()).or_default();
        assert_eq!(
            (&pair.counts, pair.jobs.get("mine").map_or(&Counts::default(), |job| &job.counts)),
            (&expected, &expected)
        );
    };
    check(&mut run, &mut metrics, &[], 1, counts(None, None, 0, 0));
    check(&mut run, &mut metrics, &[STORED, COVERED], 2, counts(Some(2), Some(2), 7, 0));
    check(&mut run, &mut metrics, &[], 3, counts(Some(2), Some(2), 7, 0));
    check(&mut run, &mut metrics, &[STORED, STORED], 4, counts(Some(4), Some(2), 21, 0));
    check(&mut run, &mut metrics, &[FAILED, FAILED], 5, counts(Some(5), Some(2), 21, 1));
    check(&mut run, &mut metrics, &[], 6, counts(Some(5), Some(2), 21, 1));
    check(&mut run, &mut metrics, &[FAILED], 7, counts(Some(7), Some(2), 21, 2));
    check(&mut run, &mut metrics, &[STORED, COVERED], 8, counts(Some(8), Some(8), 28, 0));
    say(&mut run, STORED);
    metrics.count(&run.outcomes(), &counting(9));
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(9), Some(8), 35, 0));
}

#[test]
fn the_end_of_a_stream_is_counted_only_if_it_is_news() {
    let check = |before: &[&str], expected| {
        let (mut run, mut metrics) = (run(before), Metrics::default());
        count_streams(&mut run, &mut metrics, 1);
        metrics.count(&run.outcomes(), &counting(2));
        assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, expected);
    };
    check(&[STREAM, COVERED], counts(Some(1), Some(1), 0, 0));
    check(&[STREAM, FAILED], counts(Some(1), None, 0, 1));
    check(&[STREAM], counts(Some(2), None, 0, 1));
}

#[test]
fn a_stream_in_trouble_is_not_hidden_by_its_neighbour() {
    let books = |template: &str| {
        template.replace("SERIES", r#""exchange":"binance","pair":"BTC/USDT","of":"book""#).replace("mine", "books")
    };
    let (mut run, mut metrics) = (run(&[STREAM, &books(STREAM), COVERED]), Metrics::default());
    count_streams(&mut run, &mut metrics, 1);
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(1), Some(1), 0, 0), "books may be slow");
    say(&mut run, &books(REFUSED));
    count_streams(&mut run, &mut metrics, 2);
    say(&mut run, COVERED);
    count_streams(&mut run, &mut metrics, 3);
    let pair = &metrics.pairs["binance/BTC/USDT"];
    assert_eq!(pair.counts, counts(Some(3), Some(1), 0, 1));
    assert_eq!(pair.jobs["mine"].counts, counts(Some(3), Some(3), 0, 0));
    assert_eq!(pair.jobs["books"].counts, counts(Some(2), None, 0, 1));
}

fn at(second: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + second).unwrap()
}

fn counting(second: i64) -> Counting<'static> {
    Counting { now: at(second), errors_max: None, invocation: None }
}

fn counts(run: Option<i64>, success: Option<i64>, rows: u64, errors: u64) -> Counts {
    Counts { last_run_at: run.map(at), last_success_at: success.map(at), rows_collected: rows, errors_count: errors }
}

#[test]
fn errors_count_from_the_last_success() {
    let mut metrics = Metrics::default();
    let good = [JOB, ORDER, &part(STORED, "0-9"), COVERED];
    let bad = [JOB, ORDER, FAILED];
    for (second, templates) in [(1, &good[..]), (2, &bad), (3, &bad)] {
        metrics.count(&run(templates).outcomes(), &counting(second));
    }
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(3), Some(1), 7, 2));
    assert_eq!(metrics.pairs["binance/BTC/USDT"].jobs["mine"].counts, counts(Some(3), Some(1), 7, 2));
    metrics.count(&run(&good).outcomes(), &counting(4));
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(4), Some(4), 14, 0));
}

#[test]
fn a_pair_is_well_only_if_all_its_jobs_are() {
    let candles = |template: &str| {
        let series = r#""exchange":"binance","pair":"BTC/USDT","of":"candle","span":3600"#;
        template.replace("SERIES", series).replace("mine", "hourly")
    };
    let mut metrics = Metrics::default();
    metrics.count(&run(&[JOB, ORDER, COVERED, &candles(JOB), &candles(ORDER)]).outcomes(), &counting(1));
    let pair = &metrics.pairs["binance/BTC/USDT"];
    assert_eq!(
        (pair.counts.errors_count, pair.jobs["mine"].counts.errors_count, pair.jobs["hourly"].counts.errors_count),
        (1, 0, 1)
    );
}

/// As in dccd 2: the pair counts runs, each job its own.
#[test]
fn a_run_of_other_jobs_ends_the_errors_of_the_pair_and_of_no_job() {
    let mut metrics = Metrics::default();
    metrics.count(&run(&[JOB, ORDER, FAILED]).outcomes(), &counting(1));
    let other = JOB.replace("mine", "other").replace("\"ranges\":1", "\"ranges\":0");
    metrics.count(&run(&[&other]).outcomes(), &counting(2));
    let pair = &metrics.pairs["binance/BTC/USDT"];
    assert_eq!(pair.counts, counts(Some(2), Some(2), 0, 0));
    assert_eq!(pair.jobs["mine"].counts, counts(Some(1), None, 0, 1));
}

#[test]
fn contracts_are_pairs_of_their_own() {
    let perp =
        |template: &str| template.replace("SERIES", r#""exchange":"binance","pair":"BTC/USDT:perp","of":"trade""#);
    let mut metrics = Metrics::default();
    metrics.count(&run(&[&perp(JOB), &perp(ORDER), &perp(COVERED)]).outcomes(), &counting(1));
    assert_eq!(metrics.pairs.keys().collect::<Vec<_>>(), ["binance/BTC/USDT:perp"]);
}
