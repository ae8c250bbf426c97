#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dccd_record::{Line, Parser, Ts};

use crate::metrics::{Counts, Metrics};
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
fn one_job_that_fails_leaves_the_others_alone() {
    let other = |template: &str| {
        template.replace("mine", "other").replace("SERIES", r#""exchange":"binance","pair":"ETH/USDT","of":"trade""#)
    };
    let run = run(&[JOB, ORDER, &other(JOB), &other(ORDER), &part(STORED, "0-9"), COVERED]);
    let found: Vec<_> =
        run.outcomes().into_iter().map(|outcome| (outcome.job, outcome.trouble, outcome.rows)).collect();
    assert_eq!(found, [("mine".to_owned(), None, 7), ("other".to_owned(), Some(Trouble::Passing), 0)]);
}

fn at(second: i64) -> Ts {
    Ts::from_secs(1_704_067_200 + second).unwrap()
}

fn counts(run: Option<i64>, success: Option<i64>, rows: u64, errors: u64) -> Counts {
    let text = |second: Option<i64>| second.map(|second| format!("2024-01-01T00:00:{second:02}Z"));
    Counts { last_run_at: text(run), last_success_at: text(success), rows_collected: rows, errors_count: errors }
}

#[test]
fn errors_count_from_the_last_success() {
    let mut metrics = Metrics::default();
    let good = [JOB, ORDER, &part(STORED, "0-9"), COVERED];
    let bad = [JOB, ORDER, FAILED];
    for (second, templates) in [(1, &good[..]), (2, &bad), (3, &bad)] {
        metrics.count(&run(templates).outcomes(), at(second));
    }
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(3), Some(1), 7, 2));
    assert_eq!(metrics.pairs["binance/BTC/USDT"].jobs["mine"], counts(Some(3), Some(1), 7, 2));
    metrics.count(&run(&good).outcomes(), at(4));
    assert_eq!(metrics.pairs["binance/BTC/USDT"].counts, counts(Some(4), Some(4), 14, 0));
}

#[test]
fn a_pair_is_well_only_if_all_its_jobs_are() {
    let candles = |template: &str| {
        let series = r#""exchange":"binance","pair":"BTC/USDT","of":"candle","span":3600"#;
        template.replace("SERIES", series).replace("mine", "hourly")
    };
    let mut metrics = Metrics::default();
    metrics.count(&run(&[JOB, ORDER, COVERED, &candles(JOB), &candles(ORDER)]).outcomes(), at(1));
    let pair = &metrics.pairs["binance/BTC/USDT"];
    assert_eq!((pair.counts.errors_count, pair.jobs["mine"].errors_count, pair.jobs["hourly"].errors_count), (1, 0, 1));
}

#[test]
fn contracts_are_pairs_of_their_own() {
    let perp =
        |template: &str| template.replace("SERIES", r#""exchange":"binance","pair":"BTC/USDT:perp","of":"trade""#);
    let mut metrics = Metrics::default();
    metrics.count(&run(&[&perp(JOB), &perp(ORDER), &perp(COVERED)]).outcomes(), at(1));
    assert_eq!(metrics.pairs.keys().collect::<Vec<_>>(), ["binance/BTC/USDT:perp"]);
}

#[test]
fn a_file_of_an_earlier_dccd_is_kept() {
    let old = br#"{"kraken/ETH/EUR":{"last_run_at":"2023-05-01T00:00:00Z","last_success_at":null,"rows_collected":5,"errors_count":1,"note":"mine"}}"#;
    let mut metrics = Metrics::from_json(old).unwrap();
    metrics.count(&run(&[JOB, ORDER, COVERED]).outcomes(), at(1));
    let text = metrics.to_json();
    assert_eq!(Metrics::from_json(&text).unwrap(), metrics);
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(r#""note": "mine""#) && text.contains(r#""rows_collected": 5"#), "{text}");
    assert!(Metrics::from_json(b"[]").is_none() && Metrics::from_json(b"{").is_none());
}
