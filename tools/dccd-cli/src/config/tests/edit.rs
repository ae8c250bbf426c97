use dccd_record::Dataset;

use super::super::{Config, EditError};
use super::{NEW, OLD, parse};

fn dataset(id: &str) -> Dataset {
    id.parse().unwrap_or_else(|error| panic!("{id}: {error}"))
}

/// Layouts in which `binance:candle:BTC-USDT:1h` stands beside other jobs, or alone.
const LAYOUTS: &[&str] = &[
    OLD,
    NEW,
    "histo_jobs: []\n",
    "histo_jobs: [ ]  # none yet\n",
    "histo_jobs:\n",
    "histo_jobs:   # none yet\nsettings: {}\n",
    "jobs: []\nsettings: {}\n",
    "histo_jobs:\n- exchange: binance\n  pairs: [BTC/USDT]\n  span: 3600\n",
    "histo_jobs:\n- exchange: binance\n  pairs: [BTC/USDT]\n  span: 3600\nsettings: {}\n",
    "histo_jobs:\n    - exchange: binance\n      pairs:\n      - BTC/USDT\n      - ETH/USDT\n      span: 3600\n\n\n# end\n",
    "histo_jobs:\r\n  - exchange: binance\r\n    pairs: [BTC/USDT]\r\n    span: 3600\r\n",
    "histo_jobs:\n  - exchange: binance\n    pairs: [BTC/USDT]\n    span: 3600",
    "{histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 3600}], settings: {}}\n",
    "histo_jobs: [{exchange: binance, pairs: [BTC/USDT, 'ETH/USDT'], span: 3600},]\n",
    "histo_jobs: [\n  {exchange: binance, pairs: [BTC/USDT], span: 3600},  # a, b]\n  {exchange: binance, pairs: [\n    ETH/USDT # x\n  ], span: 1h}\n]\n",
    "histo_jobs:\n  -\n    exchange: binance\n    pairs: [BTC/USDT]\n    span: 3600\n  # bye\n",
    "histo_jobs:\n  # first\n  - span: 3600\n    pairs: [BTC/USDT]\n    exchange: \"binance\"\n    # still the first\n\n  # second\n  - {exchange: binance, pairs: [ETH/USDT], span: 60}\n# end\nsettings:\n  data_path: '/größe/ü'\n",
    "größe: &x {}\n",
    "defaults: 1\n",
];

#[test]
fn adding_then_removing_gives_the_same_bytes() {
    let new = dataset("binance:candle:SOL-USDT:1m");
    let mut count = 0;
    for text in LAYOUTS {
        let Ok(config) = Config::parse("c.yml".as_ref(), text) else { continue };
        let added = config.add(&new).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let edited = parse(&added);
        assert_eq!(edited.history.len(), config.history.len() + 1, "{added}");
        assert!(is_insertion(text, &added), "more than one insertion\n{added}");
        assert_eq!(edited.remove(&new).unwrap_or_else(|error| panic!("{error}\n{added}")), *text);
        count += 1;
    }
    assert_eq!(count, LAYOUTS.len() - 2, "only the last two are no configurations");
}

/// Whether `edited` is `text` with something inserted at one place.
fn is_insertion(text: &str, edited: &str) -> bool {
    let before = text.bytes().zip(edited.bytes()).take_while(|(a, b)| a == b).count();
    let behind = text.bytes().rev().zip(edited.bytes().rev()).take_while(|(a, b)| a == b).count();
    before + behind >= text.len()
}

#[test]
fn every_job_can_be_removed_and_leaves_the_others() {
    for text in LAYOUTS {
        let Ok(mut config) = Config::parse("c.yml".as_ref(), text) else { continue };
        while let Some(job) = config.history.first().cloned() {
            let left: Vec<Dataset> = config.history.iter().skip(1).map(|job| job.dataset.clone()).collect();
            let edited = config.remove(&job.dataset).unwrap_or_else(|error| panic!("{error}\n{}", config.text));
            let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("# ")).count();
            assert!(comments(&edited) + 1 >= comments(&config.text), "a comment between jobs stays\n{edited}");
            config = parse(&edited);
            assert_eq!(config.history.iter().map(|job| job.dataset.clone()).collect::<Vec<_>>(), left);
        }
    }
}

#[test]
fn only_the_lines_of_the_job_change() {
    let check = |text: &str, id: &str, expected: &str| {
        assert_eq!(parse(text).remove(&dataset(id)).unwrap_or_else(|error| panic!("{error}")), expected);
    };
    let one = "  - {exchange: binance, pairs: [BTC/USDT], span: 60}\n";
    check(&format!("histo_jobs:\n{one}"), "binance:candle:BTC-USDT:1m", "histo_jobs:\n");
    let pairs = "histo_jobs:\n- exchange: binance\n  span: 60\n  pairs:\n  - A/B # a\n  # of b\n  - 'C/D'\n";
    check(
        pairs,
        "binance:candle:A-B:1m",
        "histo_jobs:\n- exchange: binance\n  span: 60\n  pairs:\n  # of b\n  - 'C/D'\n",
    );
    check(
        pairs,
        "binance:candle:C-D:1m",
        "histo_jobs:\n- exchange: binance\n  span: 60\n  pairs:\n  - A/B # a\n  # of b\n",
    );
    let flow = "histo_jobs: [{exchange: binance, pairs: [A/B, \"C/D\" , E/F], span: 60}]\n";
    check(flow, "binance:candle:C-D:1m", "histo_jobs: [{exchange: binance, pairs: [A/B , E/F], span: 60}]\n");
    check(flow, "binance:candle:A-B:1m", "histo_jobs: [{exchange: binance, pairs: [\"C/D\" , E/F], span: 60}]\n");
}

#[test]
fn a_job_is_written_the_way_of_its_list() {
    let check = |text: &str, id: &str, expected: &str| {
        assert_eq!(parse(text).add(&dataset(id)).unwrap_or_else(|error| panic!("{error}")), expected);
    };
    let perp =
        "histo_jobs:\n  - exchange: binance\n    pairs: [\"BTC/USDT:perp\"]\n    span: 300\n    kind: open_interest\n";
    check("histo_jobs:\n", "binance:open_interest:BTC-USDT_PERP:5m", perp);
    check("", "binance:trade:BTC-USDT", "histo_jobs:\n  - exchange: binance\n    pairs: [BTC/USDT]\n    kind: trade\n");
    check("jobs: []", "binance:trade:BTC-USDT", "jobs: [{exchange: binance, pairs: [BTC/USDT], data_type: trades}]");
    check(
        "settings: {}",
        "binance:candle:A-B:1h",
        "settings: {}\n\nhisto_jobs:\n  - exchange: binance\n    pairs: [A/B]\n    span: 3600\n",
    );
}

#[test]
fn what_cannot_be_edited_without_risk_is_left_alone() {
    let new = dataset("binance:candle:SOL-USDT:1m");
    let layout = |text: &str| assert!(matches!(parse(text).add(&new), Err(EditError::Layout(_))), "{text}");
    layout("histo_jobs: ~\n");
    layout("histo_jobs: null\n");
    layout("{settings: {}}\n");
    layout("jobs: &j\n");
    let aliased = "x: &x\n";
    assert!(!super::problems(aliased).is_empty());
    // Two entries share one list of pairs: removing it from one would remove it from both.
    let shared = "histo_jobs:\n  - {exchange: binance, pairs: &p [A/B, C/D], span: 60}\n  - {exchange: binance, pairs: *p, span: 3600}\n";
    let removed = parse(shared).remove(&dataset("binance:candle:A-B:1m"));
    assert!(matches!(removed, Err(EditError::Layout(_))), "{removed:?}");
    let config = parse(OLD);
    assert!(
        matches!(config.add(&dataset("binance:candle:BTC-USDT:1h")), Err(EditError::Present(_, at)) if at.line == 14)
    );
    assert!(matches!(config.remove(&new), Err(EditError::Absent(_))));
}
