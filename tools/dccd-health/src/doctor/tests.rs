#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::{Duration, Instant};

use dccd_cli::config::Config;

use super::command::{Answer, ask};
use super::network::Server;
use super::units::compare;
use super::{Finding, Level};

#[test]
fn a_url_names_a_server() {
    let check = |url: &str, expected: Option<&str>| {
        let found = Server::of(url).map(|server| server.to_string());
        assert_eq!(found.as_deref(), expected, "{url}");
    };
    check("https://api.binance.com", Some("api.binance.com:443 with TLS"));
    check("https://api.binance.com/", Some("api.binance.com:443 with TLS"));
    check("http://127.0.0.1:8080/x/y", Some("127.0.0.1:8080"));
    check("http://user:pass@host", Some("host:80"));
    check("wss://host:1/a", Some("host:1 with TLS"));
    check("http://[::1]:99", Some("::1:99"));
    check("https://[::1]", Some("::1:443 with TLS"));
    for wrong in ["", "host", "http://", "http://host:x", "http://:80", "http://[::1", "http://host:99999"] {
        check(wrong, None);
    }
}

const CONFIG: &str = "\
histo_jobs:
  - {exchange: binance, pairs: [BTC/USDT], span: 1h}
  - {exchange: bitmex, pairs: ['BTC/USD:inverse'], kind: trades}
stream_jobs: [{exchange: kraken, pairs: [BTC/USD], channels: [trades]}]
";
const TIMER: &str = "dccd-fetch@binance:candle:BTC-USDT:1h.timer loaded active waiting Fetch\n";
const STREAM: &str = "dccd-stream@kraken:BTC-USD.service loaded active running Stream\n";

#[test]
fn units_are_compared_with_jobs() {
    let config = Config::parse(Path::new("config.yml"), CONFIG).unwrap();
    let check = |listed: &[&str], expected: &[(Level, &str)]| {
        let found = compare(&listed.concat(), Some(&config));
        let found: Vec<(Level, &str)> = found.iter().map(|finding| (finding.level, finding.what.as_str())).collect();
        assert_eq!(found, expected);
    };
    check(&[TIMER, STREAM], &[(Level::Ok, "all 2 that are configured are running")]);
    check(&[TIMER], &[(Level::Fail, "configured, and not running: dccd-stream@kraken:BTC-USD.service")]);
    let failed = STREAM.replace("active running", "failed failed");
    check(&[TIMER, &failed], &[(Level::Fail, "failed: dccd-stream@kraken:BTC-USD.service")]);
    let other = STREAM.replace("kraken", "okx");
    check(&[TIMER, STREAM, &other], &[(Level::Warn, "running, and not configured: dccd-stream@okx:BTC-USD.service")]);
    let inactive =
        "dccd-stream@okx:BTC-USD.service loaded inactive dead Stream\ndccd.target loaded active active dccd\n\n";
    check(&[TIMER, STREAM, inactive], &[(Level::Ok, "all 2 that are configured are running")]);
    assert_eq!(compare(TIMER, None), [] as [Finding; 0]);
}

#[test]
fn many_units_are_not_all_named() {
    let config = Config::parse(Path::new("config.yml"), "settings: {}").unwrap();
    let listed: String = (0..9).map(|number| STREAM.replace("BTC", &format!("C{number}"))).collect();
    let found = compare(&listed, Some(&config));
    assert!(found[0].what.ends_with("dccd-stream@kraken:C2-USD.service and 6 more"), "{found:?}");
}

#[test]
fn programs_are_asked_for_a_limited_time() {
    let long = Duration::from_secs(60);
    assert!(matches!(ask("dccd-there-is-no-such-program", &[], long), Answer::Missing));
    match ask("sh", &["-c", "echo hello; exit 3"], long) {
        Answer::Done { code: Some(3), stdout } => assert_eq!(stdout, "hello\n"),
        other => panic!("{other:?}"),
    }
    // Nobody who says a lot waits for us, and only so much is kept.
    match ask("sh", &["-c", "head -c 5000000 /dev/zero"], long) {
        Answer::Done { code: Some(0), stdout } => assert_eq!(stdout.len(), 1 << 20),
        other => panic!("{other:?}"),
    }
    let begun = Instant::now();
    assert!(matches!(ask("sleep", &["50"], Duration::from_millis(50)), Answer::Silent));
    assert!(begun.elapsed() < long / 2);
}
