//! The flags.

use std::path::PathBuf;

use clap::Parser;
use dccd_cli::{Common, ConfigFlags, ToolArgs};
use dccd_record::{Kind, Pair, Span};

/// Get live data from an exchange as lines
///
/// Prints an order for each series, then its records as the exchange pushes them, and `covered` and `gap` lines: what
/// is complete so far, and what is missing and why. Books are verified by whatever the exchange offers. Runs until
/// SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "dccd-stream", version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The exchange, such as binance
    #[arg(required_unless_present = "job")]
    pub(crate) exchange: Option<String>,
    /// What is traded: BTC/USDT, or BTC/USDT:perp for the perpetual contract
    #[arg(value_parser = Pair::from_user, required_unless_present = "job")]
    pub(crate) pair: Vec<Pair>,
    /// Which records: trades, book, candles, funding
    #[arg(long, value_delimiter = ',', default_value = "trades", value_parser = Kind::from_user)]
    pub(crate) channels: Vec<Kind>,
    /// Levels per side: books are at least so deep, in steps just so [default: what the exchange usually sends]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) depth: Option<u32>,
    /// Seconds between two stored books; 0 stores every change
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub(crate) time_step: u32,
    /// The width of candles: 1m, 1h or seconds
    #[arg(long, default_value = "1m")]
    pub(crate) span: Span,
    /// Do what this stream job of the configuration says, such as binance:BTC-USDT
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["exchange", "pair", "channels", "depth", "time_step", "span"]
    )]
    pub(crate) job: Option<String>,
    /// Listen at this URL in place of the exchange's WebSocket hosts
    #[arg(long, value_name = "URL")]
    pub(crate) ws_url: Option<String>,
    /// Ask this URL in place of the exchange's REST host
    #[arg(long, value_name = "URL")]
    pub(crate) rest_url: Option<String>,
    /// Where all processes of this host keep their request budgets
    #[arg(long, value_name = "DIR", env = dccd_cli::env::BUDGET_DIR, hide_env_values = true)]
    pub(crate) budget_dir: Option<PathBuf>,
    /// Print records only, for people and other programs
    #[arg(long)]
    pub(crate) records: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
    #[command(flatten)]
    pub(crate) common: Common,
}

const EXAMPLES: &str = "Examples:
  dccd-stream binance BTC/USDT ETH/USDT --channels trades,book --time-step 60 | dccd-write --data-path data
  dccd-stream kraken BTC/USD --records
  dccd-stream --job binance:BTC-USDT | dccd-write";

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}
