//! What users of dccd know, command by command as its documentation has them, with what each prints.

use std::time::{SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_tests::{elided_eq, read_text, run};
use serde_json::Value;

use crate::desk::{Desk, REPLACED};

const CONFIG: &str = r#"settings:
  data_path: crypto/
  timezone: UTC          # 'local', 'UTC', or any IANA name

storage:
  remotes:
    - provider: rclone
      remote: "mynas:crypto/"
  sync_interval: 3600

histo_jobs:
  - exchange: binance
    pairs: [BTC/USDT, ETH/USDT]
    span: 3600          # candle interval in seconds
    format: parquet

# Optional real-time streams
stream_jobs:
  - exchange: binance
    pairs: [BTC/USDT]
    channels: [trades, book]
    time_step: 60

alerts:
  max_consecutive_errors: 3
"#;

/// As many days ago, in the form of the documentation.
fn days_ago(days: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let day = i64::try_from(now).expect("a time of this age") / 86_400 - days;
    let text = Ts::from_nanos(day * 86_400_000_000_000).expect("a day of this age").to_string();
    format!("{} 00:00:00", &text[..10])
}

#[track_caller]
fn assert_shape(found: &str, wanted: &str) {
    assert!(elided_eq(wanted, found), "wanted:\n{wanted}found:\n{found}");
}

/// The cells of a table's rows by its header.
fn rows(table: &str) -> Vec<Value> {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap_or("").split_whitespace().collect();
    let row = |line: &str| {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        header.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), Value::from(cell))).collect()
    };
    lines.map(row).collect()
}

#[test]
fn the_quick_start_of_the_documentation() {
    let desk = Desk::new(CONFIG, &[]);
    let start = days_ago(20);
    let with_config = |args: &[&str]| desk.run(&[args, &["--config", "config.yml"]].concat(), 0).text();

    assert_shape(
        &with_config(&["validate"]),
        "Config: config.yml\n  data_path          : crypto/\n  timezone           : UTC\n  remotes            : 1\n  \
         histo_jobs         : [..]\n  stream_jobs        : 1\nConfig is valid.\n",
    );
    let estimate = with_config(&["backfill", "--start", &start, "--dry-run"]);
    assert!(
        estimate.starts_with("exchange ") && estimate.lines().last().is_some_and(|line| line.starts_with("total "))
    );
    assert_eq!(rows(&estimate).len(), 3, "{estimate}");
    assert!(desk.sim.page("/sim/requests").as_array().is_some_and(Vec::is_empty), "a dry run asks nobody");
    assert!(!desk.scratch.join("crypto").exists(), "a dry run stores nothing");

    assert_shape(&with_config(&["backfill", "--start", &start]), "Done. successes=2 failures=0\n");
    desk.assert_no_gaps(2);
    let hours = desk.inventory()[0]["rows"].as_u64().unwrap_or(0);
    assert!((470..=504).contains(&hours), "{hours} hours in twenty days and the hours of today");

    let nothing = desk.run(&["backfill", "--config", "config.yml", "--exchange", "kraken"], 0);
    assert_shape(&nothing.text(), "Done. successes=0 failures=0\n");
    assert!(nothing.stderr.contains("no job"), "{}", nothing.stderr);
    assert_shape(&with_config(&["backfill", "--exchange", "binance"]), "Done. successes=2 failures=0\n");
    assert_shape(&with_config(&["backfill", "--pairs", "BTC/USDT", "ETH/USDT"]), "Done. successes=2 failures=0\n");
    assert_shape(&with_config(&["backfill", "--pairs", "ETH/USDT"]), "Done. successes=1 failures=0\n");
    assert_shape(&with_config(&["backfill", "--parallel"]), "Done. successes=2 failures=0\n");
    assert_shape(&with_config(&["collect"]), "[...]\nDone. successes=2 failures=0\n");
    desk.assert_no_gaps(2);
    status(&desk);
    edits(&desk);

    let inventory = with_config(&["inventory"]);
    let table = rows(&inventory);
    assert!(inventory.starts_with("exchange "), "{inventory}");
    assert_eq!(
        (&table[0]["pair"], &table[0]["span"], &table[0]["gaps"]),
        (&"BTC/USDT".into(), &"1h".into(), &"0".into())
    );
    assert_shape(&with_config(&["inventory", "--exchange", "kraken"]), "exchange [..]gaps\n");
}

fn status(desk: &Desk) {
    let table = rows(&desk.run(&["status", "--config", "config.yml"], 0).text());
    let jobs: Vec<_> = table.iter().map(|row| row["job"].as_str().unwrap_or("")).collect();
    assert_eq!(jobs, ["binance/BTC/USDT", "binance/ETH/USDT"]);
    for name in ["last_run", "last_success", "rows", "errors"] {
        assert!(table.iter().all(|row| row[name].is_string()), "{table:?}");
    }
    assert_eq!(table[0]["errors"], "0");
    let lines = desk.run(&["status", "--json"], 0).lines();
    assert_eq!(lines.iter().map(|line| &line["job"]).collect::<Vec<_>>(), jobs);
    let metrics = read_text(&desk.scratch.join("crypto/.dccd/metrics.json"));
    let metrics: Value = serde_json::from_str(&metrics).expect("metrics.json is JSON");
    for line in lines {
        let pair = &metrics[line["job"].as_str().unwrap_or("")];
        assert_eq!((&line["errors"], &pair["errors_count"]), (&0.into(), &0.into()), "{metrics}");
        assert_eq!(line["rows"], pair["rows_collected"]);
        // dccd 2 refuses a pair with a key more.
        assert_eq!(pair.as_object().map(serde_json::Map::len), Some(4), "{metrics}");
        assert!(line["rows"].as_u64() > Some(0) && pair["last_success_at"].is_f64(), "{metrics}");
    }
}

fn edits(desk: &Desk) {
    let job = ["--exchange", "binance", "--pair", "SOL/USDT", "--span", "86400", "--config", "config.yml"];
    desk.run(&[&["add"][..], &job].concat(), 0);
    assert!(read_text(&desk.scratch.join("config.yml")).contains("SOL/USDT"));
    assert_eq!(desk.run(&["config", "jobs"], 0).lines().len(), 3);
    desk.run(&[&["remove"][..], &job].concat(), 0);
    assert_eq!(read_text(&desk.scratch.join("config.yml")), CONFIG, "add and remove leave nothing behind");
}

#[test]
fn exchanges_run_side_by_side_and_are_summed_up() {
    let desk = Desk::new(CONFIG, &["--now", "2024-03-01T12:00:00Z"]);
    // Jobs of exchanges that are not read yet, as a configuration of tomorrow has them.
    let job = |exchange: &str, pair: &str| {
        let range = r#""of":"candle","span":3600,"start":"2024-02-01T00:00:00Z","end":"2024-02-02T00:00:00Z""#;
        format!(
            "{{\"kind\":\"job\",\"id\":\"{exchange}-{pair}\",\"exchange\":\"{exchange}\",\"pair\":\"{pair}\",{range}}}\n"
        )
    };
    let jobs = [job("binance", "BTC/USDT"), job("tomorrow", "A/B"), job("binance", "ETH/USDT"), job("morning", "C/D")];
    desk.scratch.write("jobs", jobs.concat());
    desk.replace("dccd-config", "exec cat jobs");
    let ended = run(&mut desk.shell(&format!("{REPLACED} exec dccd backfill --parallel")), "").expect(65);
    assert_eq!(ended.text(), "Done. successes=2 failures=2\n");
    for exchange in ["tomorrow", "morning"] {
        assert!(ended.stderr.contains(exchange), "{}", ended.stderr);
    }
    assert_eq!(desk.inventory().iter().filter(|line| line["rows"] == 24).count(), 2);
}

#[test]
fn the_configuration_is_found_where_it_was() {
    let desk = Desk::new(CONFIG, &[]);
    desk.run(&["validate"], 0);
    std::fs::create_dir_all(desk.scratch.join(".config/dccd")).expect("a folder");
    std::fs::rename(desk.scratch.join("config.yml"), desk.scratch.join(".config/dccd/config.yml")).expect("moved");
    let ended = desk.run(&["validate"], 0);
    assert!(ended.text().contains(".config/dccd/config.yml"), "{}", ended.text());
    std::fs::remove_dir_all(desk.scratch.join(".config")).expect("removed");
    desk.run(&["validate"], 1);
    for command in ["backfill", "collect"] {
        let ended = run(&mut desk.dccd(&[command]), "").expect(78);
        assert!(ended.stderr.contains("config.yml"), "{}", ended.stderr);
    }
    desk.scratch.write("config.yml", "histo_job: []\n");
    let ended = desk.run(&["validate"], 1);
    assert!(ended.stderr.contains("histo_jobs"), "{}", ended.stderr);
    desk.run(&["collect"], 78);
}
