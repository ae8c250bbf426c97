use dccd_record::Kind;

use super::super::{Schedule, nearest};
use super::{NEW, OLD, parse, problems};

#[test]
fn the_dialect_of_dccd_2_is_understood() {
    let config = parse(OLD);
    let lines: Vec<String> = config.history.iter().map(|job| job.dataset.to_string()).collect();
    assert_eq!(
        lines,
        [
            "binance:candle:BTC-USDT:1h",
            "binance:candle:ETH-USDT:1h",
            "binance:candle:BTC-USDT:1d",
            "binance:candle:ETH-USDT:1d"
        ]
    );
    let [first, .., last] = config.history.as_slice() else { panic!("four jobs") };
    assert_eq!(first.start.map(|ts| ts.to_string()).as_deref(), Some("2023-12-31T23:00:00.000000000Z"), "in Paris");
    assert_eq!(
        (first.retry.max_retries, first.retry.retry_delay.map(|delay| delay.as_millis())),
        (Some(7), Some(1500))
    );
    assert_eq!(first.schedule, Schedule::Every(3600));
    assert!(matches!(last.schedule, Schedule::Cron(_)));
    let [stream] = config.streams.as_slice() else { panic!("one stream") };
    assert_eq!((stream.id().as_str(), stream.time_step_secs), ("binance:BTC-USDT", 60));
    assert_eq!(stream.channels.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Kind::Trade, Kind::Book]);
    assert_eq!(config.storage.remotes, ["mynas:crypto/"]);
    assert_eq!(config.storage.sync_interval_secs, 7200);
    assert_eq!(config.alerts.max_consecutive_errors, 5);
    assert_eq!(config.settings.data_path.as_deref(), Some("/data/crypto/".as_ref()));
}

#[test]
fn the_dialect_of_dccd_3_is_understood() {
    let config = parse(NEW);
    let jobs: Vec<(String, bool)> =
        config.history.iter().map(|job| (job.dataset.to_string(), job.schedule == Schedule::Manual)).collect();
    let expected = [
        ("binance:candle:BTC-USDT:1h", false),
        ("binance:candle:ETH-USDT:1h", false),
        ("binance:trade:BTC-USDT", true),
    ];
    assert_eq!(jobs, expected.map(|(id, is_manual)| (id.to_owned(), is_manual)));
    assert_eq!(config.history.first().map(|job| job.schedule.clone()), Some(Schedule::Every(7200)));
    let [stream] = config.streams.as_slice() else { panic!("one stream") };
    assert_eq!((stream.time_step_secs, stream.depth), (30, Some(50)));
    assert_eq!(config.settings.data_path.as_deref(), Some("./data/crypto".as_ref()));
}

#[test]
fn times_may_be_durations() {
    let seconds = |text: &str| parse(&format!("storage: {{sync_interval: {text}}}")).storage.sync_interval_secs;
    for (text, expected) in [
        ("90", 90),
        ("'90'", 90),
        ("90s", 90),
        ("15m", 900),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("0", 0),
    ] {
        assert_eq!(seconds(text), expected, "{text}");
    }
    for text in ["h", "1h30", "1.5h", "1 h", "'1h '", "-1", "99999999999999999999h", "18446744073709551615w"] {
        let is_refused = !problems(&format!("storage: {{sync_interval: {text}}}")).is_empty();
        assert_eq!(is_refused, text != "'1h '", "{text}");
    }
}

#[test]
fn anchors_aliases_and_merges_are_followed() {
    let text = "\
settings: {}
histo_jobs:
  - &base
    exchange: binance
    pairs: &pairs [BTC/USDT]
    span: 60
  - {<<: *base, span: 3600}
  - {<<: [*base], span: 1d, pairs: [ETH/USDT, 5]}
";
    assert_eq!(problems(text), ["8:47: pairs: expected a pair such as BTC/USDT, not 5"]);
    let config = parse(&text.replace(", 5]", "]"));
    let ids: Vec<String> = config.history.iter().map(|job| job.dataset.to_string()).collect();
    assert_eq!(ids, ["binance:candle:BTC-USDT:1m", "binance:candle:BTC-USDT:1h", "binance:candle:ETH-USDT:1d"]);
}

#[test]
fn everything_wrong_is_said_at_once_and_in_order() {
    let text = "alerts: {a: 1}\nhisto_jobs:\n  - {exchange: x y, pairs: [B], span: q}\nsettings: {ui_port: -1, b: 2}\n";
    let lines: Vec<String> =
        problems(text).iter().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect();
    assert_eq!(lines, ["1:10:", "3:16:", "3:29:", "3:39:", "4:21:", "4:25:"]);
    let many: String = (0..500).map(|at| format!("key{at}: 1\n")).collect();
    let many = problems(&many);
    assert_eq!(many.len(), 101);
    assert_eq!(many.last().map(String::as_str), Some("100:1: and 400 more problems"));
}

#[test]
fn a_file_that_would_fill_the_memory_is_refused() {
    let long = format!("a: &a [{}]\nb: &b [{}]\nc: [{}]\n", "1,".repeat(2000), "*a,".repeat(2000), "*b,".repeat(100));
    let said = problems(&long);
    assert!(said.iter().any(|line| line.contains("more than 1000000 values") || line.contains("limit")), "{said:?}");
    let deep = "[".repeat(5000);
    assert_eq!(problems(&deep).len(), 1);
}

#[test]
fn the_nearest_word_is_near() {
    let names = ["binance", "kraken", "okx", "coinbase"];
    let check = |word: &str, expected: Option<&str>| assert_eq!(nearest(word, names), expected, "{word}");
    check("binanse", Some("binance"));
    check("BINANCE", Some("binance"));
    check("karken", Some("kraken"));
    check("nyse", None);
    check("", None);
    check(&"binance".repeat(1000), None);
}
