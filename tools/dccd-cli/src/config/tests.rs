mod cron;
mod edit;
mod file;
mod keys;
mod mask;
mod random;
mod read;

use std::path::Path;

use super::{Absences, Config, Problem};

/// A configuration that uses most keys of dccd 2.
const OLD: &str = r#"# what we collect
settings:
  data_path: /data/crypto/
  timezone: Europe/Paris   # home

storage:
  remotes:
    - provider: rclone
      remote: "mynas:crypto/"
  sync_interval: 2h

histo_jobs:
  - exchange: binance
    pairs: [BTC/USDT, ETH/USDT]
    span: 3600
    format: parquet
    max_retries: 7
    retry_delay: 1.5
    start: 2024-01-01
  # once a day
  - exchange: binance
    pairs:
      - BTC/USDT   # first
      - 'ETH/USDT'
    span: 1d
    cron: "5 */4 * * mon-fri"

stream_jobs:
  - exchange: binance
    pairs: [BTC/USDT]
    channels: [trades, book]
    time_step: 60
alerts: {webhook_url: "https://example.org/hook", max_consecutive_errors: 5}
"#;

/// A configuration as dccd 3 wrote them.
const NEW: &str = "\
settings: {data_path: ./data/crypto, timezone: UTC, ui_port: 8080}
jobs:
  - {exchange: Binance, pairs: [BTC/USDT, ETH-USDT], data_type: ohlc, span: 3600, trigger_kind: interval, every: 7200}
  - exchange: binance
    pairs: [XBT/USDT]
    data_type: trades
    start: last
    trigger_kind: manual
  - exchange: binance
    pairs: [BTC/USDT]
    data_type: orderbook
    operation: stream
    trigger_kind: supervised
    snapshot_interval: 30
    depth: 50
storage:
  local_path: ./data/crypto
";

#[track_caller]
fn parse(text: &str) -> Config {
    match Config::parse(Path::new("/etc/dccd/config.yml"), text) {
        Ok(config) => config,
        Err(error) => panic!("{error}\n{text}"),
    }
}

fn problems(text: &str) -> Vec<String> {
    let (_, problems) = Config::inspect(Path::new("config.yml"), text, Absences::UNKNOWN);
    problems.iter().map(Problem::to_string).collect()
}
