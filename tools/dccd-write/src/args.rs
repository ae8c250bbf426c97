//! Flags of `dccd-write`.

use std::time::Duration;

use clap::Parser;
use dccd_cli::{Common, StoreFlags, ToolArgs};
use dccd_store::StoreOptions;

/// Make lines durable as Parquet
#[derive(Parser)]
#[command(name = "dccd-write", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) store: StoreFlags,

    /// Most milliseconds between a line and its durability
    ///
    /// Lines are made durable in groups at most this far apart; a smaller number means more disk syncs.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    sync_ms: u64,

    /// Create the store with Decimal128(38,18) numbers
    ///
    /// Every digit an exchange sent is kept, at the price of larger files that fewer programs read. The
    /// default, Float64, keeps what reads back as the same number. A store is one or the other for good.
    #[arg(long)]
    decimal: bool,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  Store a year of hourly candles:
      dccd-fetch binance BTC/USDT --kind candle --span 1h --start 2024-01-01 | dccd-write

  Replay recorded lines; what is there already is not stored twice:
      zcat lines.ndjson.gz | dccd-write --data-path /data/crypto";

impl Args {
    pub(crate) fn sync_interval(&self) -> Duration {
        Duration::from_millis(self.sync_ms)
    }

    pub(crate) fn store_options(&self) -> StoreOptions {
        if self.decimal { StoreOptions::Decimal } else { StoreOptions::AsItIs }
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
