use std::time::Duration;

use dccd_cli::AddressBook;
use dccd_cli::config::Config;
use dccd_record::{Dataset, Line, Parser};
use dccd_store::Ledger;

use super::super::Limits;
use super::super::reasons::{Sort, reasons};
use super::super::runs::JobRuns;
use super::super::series::{Series, State};
use super::super::survey::Survey;
use super::super::sync::{RemoteState, SyncState};
use super::super::wanted::{Due, Expectation, promises};
use super::{at, config};

/// A Wednesday.
const NOW: &str = "2024-03-13T12:00:00Z";

/// What a ledger has learned of `id`: words such as `covered 2024-01-01T00:00:00Z 2024-01-02T00:00:00Z`.
fn ledger(id: &str, said: &[&str]) -> Ledger {
    let dataset: Dataset = id.parse().unwrap();
    let span = dataset.span().map_or_else(String::new, |span| format!(r#","span":{}"#, span.secs()));
    let (mut ledger, mut parser) = (Ledger::default(), Parser::new());
    for words in said {
        let [kind, start, end] = words.split(' ').collect::<Vec<_>>()[..] else { panic!("{words}") };
        let (kind, more) = match kind {
            "covered" => ("covered", r#""proof":"page""#),
            "final" => ("gap", r#""reason":"x","final":true"#),
            "gap" => ("gap", r#""reason":"x""#),
            "live" => ("job", r#""id":"x","live":true"#),
            other => panic!("{other}"),
        };
        let line = format!(
            r#"{{"kind":"{kind}","exchange":"{}","pair":"{}","of":"{}"{span},"start":"{start}","end":"{end}",{more}}}"#,
            dataset.exchange(),
            dataset.pair(),
            dataset.kind().name(),
        );
        match parser.parse(line.as_bytes()) {
            Ok(Line::Control(control)) => ledger.take(&control),
            other => panic!("{line}: {other:?}"),
        }
    }
    ledger
}

fn due(config: &Config, id: &str) -> Due {
    let (dataset, addresses) = (id.parse().unwrap(), AddressBook::new(None));
    let expected = Expectation { now: at(NOW), config: Some(config), addresses: &addresses, max_lag_nanos: None };
    expected.due(&dataset, promises(config).get(&dataset).map_or(&[][..], Vec::as_slice))
}

fn series(config: &Config, id: &str, said: &[&str]) -> Series {
    let dataset: Dataset = id.parse().unwrap();
    let is_live = !config.streams.is_empty();
    Series::new(&dataset, &ledger(id, said), due(config, id), is_live, at(NOW))
}

#[test]
fn jobs_promise_what_their_last_run_could_have() {
    let check = |text: &str, id: &str, expected: Option<Due>| {
        assert_eq!(due(&config(text), id), expected.unwrap_or(Due::Never), "{text}");
    };
    let until = |text| Some(Due::Until(at(text)));
    let hourly = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1h";
    let id = "binance:candle:BTC-USDT:1h";
    // An hour, a quarter of it, and only closed candles.
    check(&format!("{hourly}}}]"), id, until("2024-03-13T10:00:00Z"));
    check(&format!("{hourly}, every: 1d}}]"), id, until("2024-03-12T05:00:00Z"));
    check(&format!("{hourly}, cron: '0 3 * * *'}}]"), id, until("2024-03-13T02:00:00Z"));
    check(
        &format!("{hourly}, start: 2024-01-01, end: 2024-02-01}}]"),
        id,
        Some(Due::Finally(at("2024-02-01T00:00:00Z"))),
    );
    check(&format!("{hourly}}}]"), "binance:candle:ETH-USDT:1h", None);
    check(&format!("{hourly}, start: 2024-03-14}}]"), id, None);
    let three = "jobs: [{exchange: binance, pairs: [BTC/USDT], data_type: ohlc, span: 1h, trigger_kind: manual}]";
    check(three, id, None);
    let live = "stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades, book, candles], span: 1m, time_step: 30}]";
    check(live, "kraken:trade:BTC-USD", until("2024-03-13T11:55:00Z"));
    check(live, "kraken:book:BTC-USD", until("2024-03-13T11:54:30Z"));
    check(live, "kraken:candle:BTC-USD:1m", until("2024-03-13T11:54:00Z"));
    let bitmex = "histo_jobs: [{exchange: bitmex, pairs: ['BTC/USD:inverse'], kind: trades}]";
    check(bitmex, "bitmex:trade:BTC-USD_INVERSE", Some(Due::Closed));
    // A stream goes on where history has ended, and asks for more than a timer.
    let both = format!(
        "{hourly}, end: 2024-02-01}}]\nstream_jobs: [{{exchange: binance, pairs: [BTC/USDT], channels: [candles], span: 1h}}]"
    );
    check(&both, id, until("2024-03-13T10:00:00Z"));
}

#[test]
fn what_is_covered_decides_how_a_series_stands() {
    let hourly = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1h}]";
    let id = "binance:candle:BTC-USDT:1h";
    let check = |text: &str, id: &str, said: &[&str], expected| {
        assert_eq!(series(&config(text), id, said).state, expected, "{said:?}");
    };
    check(hourly, id, &[], State::Stale);
    check(hourly, id, &["covered 2024-01-01T00:00:00Z 2024-03-13T09:00:00Z"], State::Stale);
    check(hourly, id, &["covered 2024-01-01T00:00:00Z 2024-03-13T10:00:00Z"], State::Fresh);
    // What the exchange never had is not waited for.
    let lost = ["covered 2024-01-01T00:00:00Z 2024-03-13T08:00:00Z", "final 2024-03-13T08:00:00Z 2024-03-13T11:00:00Z"];
    check(hourly, id, &lost, State::Fresh);
    let ended = "histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1h, start: 2024-01-01, end: 2024-02-01}]";
    check(ended, id, &["covered 2024-01-01T00:00:00Z 2024-02-01T00:00:00Z"], State::Complete);
    check(ended, id, &["covered 2024-01-01T00:00:00Z 2024-01-31T00:00:00Z"], State::Stale);
    check("settings: {}", id, &["covered 2024-01-01T00:00:00Z 2024-01-31T00:00:00Z"], State::Unplanned);
    // A stream that stalls names the hole it makes, and is stale all the same.
    let live = "stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [book]}]";
    let stalled =
        ["covered 2024-03-13T10:00:00Z 2024-03-13T11:00:00Z", "final 2024-03-13T11:00:00Z 2024-03-13T12:00:00Z"];
    check(live, "kraken:book:BTC-USD", &stalled, State::Stale);
    check(live, "kraken:book:BTC-USD", &["covered 2024-03-13T10:00:00Z 2024-03-13T11:59:50Z"], State::Fresh);
    let bitmex = "histo_jobs: [{exchange: bitmex, pairs: ['BTC/USD:inverse'], kind: trades}]";
    check(bitmex, "bitmex:trade:BTC-USD_INVERSE", &[], State::Complete);
}

#[test]
fn gaps_are_told_apart_by_whether_history_has_them() {
    let check = |id: &str, said: &[&str], expected: (usize, u64)| {
        let found = series(&config("settings: {}"), id, said);
        assert_eq!((found.repairable.len(), found.irreparable), expected, "{id} {said:?}");
    };
    let gap = "gap 2024-03-01T00:00:00Z 2024-03-02T00:00:00Z";
    let lost = "final 2024-03-01T00:00:00Z 2024-03-02T00:00:00Z";
    check("binance:trade:BTC-USDT", &[gap], (1, 0));
    check("binance:trade:BTC-USDT", &[lost], (0, 1));
    check("binance:book:BTC-USDT", &[gap], (0, 1));
    check("binance:trade:BTC-USDT", &["gap 2012-03-01T00:00:00Z 2012-03-02T00:00:00Z"], (0, 1));
    check("elsewhere:trade:BTC-USDT", &[gap], (0, 1));
    // Bitmex closed, and what is still to come is no gap.
    check("bitmex:trade:BTC-USD_INVERSE", &[gap], (0, 1));
    check("binance:trade:BTC-USDT", &["gap 2030-03-01T00:00:00Z 2030-03-02T00:00:00Z"], (0, 0));
    // A stream asks for all between.
    let dead = ["live 2024-03-10T00:00:00Z 2024-03-11T00:00:00Z", "covered 2024-03-10T00:00:00Z 2024-03-11T00:00:00Z"];
    check("binance:trade:BTC-USDT", &[dead[0], dead[1], "covered 2024-03-12T00:00:00Z 2024-03-13T00:00:00Z"], (1, 0));
}

/// What is found besides a dataset of which nothing is promised.
fn survey(series: Vec<Series>, jobs: Vec<JobRuns>) -> Survey {
    let unplanned = self::series(&config("settings: {}"), "binance:trade:ADA-USDT", &[]);
    let series = series.into_iter().chain([unplanned]).collect();
    Survey {
        now: at(NOW),
        root: "store".into(),
        series,
        jobs,
        errors_max: 3,
        disk: None,
        kept_free_bytes: 0,
        sync: None,
    }
}

fn sorts(found: &Survey, limits: &Limits) -> Vec<Sort> {
    reasons(found, limits).iter().map(|reason| reason.sort).collect()
}

#[test]
fn nothing_at_all_is_a_reason() {
    let found = Survey { series: Vec::new(), ..survey(Vec::new(), Vec::new()) };
    assert_eq!(sorts(&found, &Limits::default()), [Sort::Stale]);
}

#[test]
fn a_gap_is_a_reason_once_it_is_old() {
    let gap = "gap 2024-03-13T00:00:00Z 2024-03-13T06:00:00Z";
    let found = survey(vec![series(&config("settings: {}"), "binance:trade:BTC-USDT", &[gap])], Vec::new());
    let check = |hours: u64, expected: &[Sort]| {
        let limits = Limits { max_gap_age: Duration::from_secs(hours * 3_600), ..Limits::default() };
        assert_eq!(sorts(&found, &limits), expected, "{hours} h");
    };
    check(24, &[]);
    check(7, &[]);
    check(5, &[Sort::Gap]);
}

#[test]
fn runs_are_reasons_if_they_fail_or_stay_away() {
    let run = |last_run: Option<&str>, errors, due: Option<&str>, is_wanted| JobRuns {
        job: "a".to_owned(),
        last_run: last_run.map(at),
        last_success: None,
        rows: 0,
        errors,
        due: due.map(at),
        is_wanted,
    };
    let check = |run, expected: &[Sort]| {
        assert_eq!(sorts(&survey(Vec::new(), vec![run]), &Limits::default()), expected);
    };
    let (early, late) = (Some("2024-03-13T09:00:00Z"), Some("2024-03-13T10:00:00Z"));
    check(run(late, 0, early, true), &[]);
    check(run(early, 0, late, true), &[Sort::Overdue]);
    check(run(None, 0, late, true), &[Sort::Overdue]);
    check(run(None, 0, None, true), &[]);
    // A clock that is set back a little is no matter; what it said when it was wrong by a day proves nothing.
    check(run(Some("2024-03-13T12:30:00Z"), 0, late, true), &[]);
    check(run(Some("2024-03-14T12:00:00Z"), 0, late, true), &[Sort::Overdue]);
    check(run(late, 2, early, true), &[]);
    check(run(late, 3, early, true), &[Sort::Failing]);
    check(run(early, 3, late, true), &[Sort::Overdue, Sort::Failing]);
    check(run(early, 3, late, false), &[]);
}

#[test]
fn a_copy_is_a_reason_once_it_is_old() {
    let check = |last_success: Option<&str>, flag: Option<u64>, expected: &[Sort]| {
        let remote = RemoteState { name: "nas:x".to_owned(), last_success: last_success.map(at) };
        let sync = SyncState { remotes: vec![remote], max_age: Duration::from_secs(86_400) };
        let found = Survey { sync: Some(sync), ..survey(Vec::new(), Vec::new()) };
        let limits = Limits { max_sync_age: flag.map(|days| Duration::from_secs(days * 86_400)), ..Limits::default() };
        assert_eq!(sorts(&found, &limits), expected, "{last_success:?}");
    };
    check(None, None, &[Sort::Sync]);
    check(Some("2024-03-13T00:00:00Z"), None, &[]);
    check(Some("2024-03-12T00:00:00Z"), None, &[Sort::Sync]);
    check(Some("2024-03-12T00:00:00Z"), Some(2), &[]);
    check(Some("2024-03-06T00:00:00Z"), Some(7), &[Sort::Sync]);
    check(Some("2024-03-13T12:30:00Z"), None, &[]);
    check(Some("2100-01-01T00:00:00Z"), None, &[Sort::Sync]);
}
