#![expect(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::{Value, json};

use super::{Counting, Metrics, View};
use dccd_record::Ts;

/// Seconds are counted from here.
const EPOCH: u32 = 1_700_000_000;

fn counted(second: u32, jobs: &[(&str, &str, bool)]) -> Metrics {
    let mut metrics = Metrics::default();
    count(&mut metrics, second, jobs);
    metrics
}

/// Counts ends of jobs, each by its key, its id and whether it failed.
fn count(metrics: &mut Metrics, second: u32, jobs: &[(&str, &str, bool)]) {
    let counting =
        Counting { now: Ts::from_secs(i64::from(EPOCH + second)).unwrap(), errors_max: Some(1), invocation: Some("a") };
    for (key, job, has_failed) in jobs {
        metrics.count_end(key, job, has_failed.then_some("no"), &counting);
    }
}

fn pair(run: f64, success: Option<f64>, rows: u64, errors: u64) -> Value {
    let at = |second: f64| f64::from(EPOCH) + second;
    json!({"last_run_at": at(run), "last_success_at": success.map(at), "rows_collected": rows, "errors_count": errors})
}

fn view(content: &Value) -> View {
    View::from_json(content.to_string().as_bytes()).unwrap()
}

fn json_of(view: &View) -> Value {
    serde_json::from_slice(&view.to_json()).unwrap()
}

#[test]
fn what_is_known_of_jobs_is_kept_and_not_shown() {
    let jobs = [("a/B/C", "one", true), ("a/B/C", "two", false), ("unit", "unit", true)];
    let metrics = counted(7, &jobs);
    assert_eq!(Metrics::from_json(&metrics.to_json()).unwrap(), metrics);
    let mut shown = View::default();
    shown.show(&metrics);
    assert_eq!(json_of(&shown), json!({"a/B/C": pair(7.0, Some(7.0), 0, 0)}));
    assert!(Metrics::from_json(b"[]").is_none() && Metrics::from_json(b"{").is_none());
}

#[test]
fn what_others_keep_in_the_view_stays() {
    let mut foreign = pair(1.5, None, 5, 1);
    foreign["note"] = json!("mine");
    let held = json!({"a/B/C": foreign, "d/E/F": pair(2.25, Some(2.0), 9, 0), "version": [1], "g/H/I": "strange"});
    let (mut shown, mut metrics) = (view(&held), Metrics::default());
    metrics.take_over(&shown);
    count(&mut metrics, 3, &[("a/B/C", "one", true), ("g/H/I", "two", true)]);
    shown.show(&metrics);
    let mut expected = held;
    expected["a/B/C"] = pair(3.0, None, 5, 2);
    expected["a/B/C"]["note"] = json!("mine");
    // Instants are in whole seconds with us.
    expected["d/E/F"] = pair(2.0, Some(2.0), 9, 0);
    expected["g/H/I"] = pair(3.0, None, 0, 1);
    assert_eq!(json_of(&shown), expected);
    let kept: Value = serde_json::from_slice(&metrics.to_json()).unwrap();
    assert_eq!(kept.as_object().unwrap().keys().collect::<Vec<_>>(), ["a/B/C", "g/H/I"]);
}

#[test]
fn whoever_counted_last_is_right() {
    let errors = |shown: Value| {
        let mut metrics = counted(10, &[("a/B/C", "one", true)]);
        metrics.take_over(&view(&json!({"a/B/C": shown})));
        let pair = &metrics.pairs["a/B/C"];
        assert_eq!(pair.jobs["one"].counts.errors_count, 1);
        pair.counts.errors_count
    };
    assert_eq!(errors(pair(9.0, None, 0, 8)), 1);
    assert_eq!(errors(pair(10.0, None, 0, 8)), 1);
    assert_eq!(errors(pair(11.0, None, 0, 8)), 8);
    assert_eq!(errors(json!({"last_run_at": null, "errors_count": 8})), 1);
}

#[test]
fn jobs_that_stood_in_the_view_move_out() {
    let mut old = pair(5.0, None, 0, 2);
    old["jobs"] = json!({"one": pair(5.0, None, 0, 2)});
    let (mut shown, mut metrics) = (view(&json!({"a/B/C": old})), Metrics::default());
    metrics.take_over(&shown);
    assert_eq!(metrics.pairs["a/B/C"].jobs["one"].counts.errors_count, 2);
    shown.show(&metrics);
    assert_eq!(json_of(&shown), json!({"a/B/C": pair(5.0, None, 0, 2)}));
}
