//! The flags.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use dccd_cli::{Common, ConfigFlags, ToolArgs, TypedTime};
use dccd_record::{Kind, Pair, Span};

/// Get history from an exchange as lines
///
/// Prints the order, its records, and after every page a `covered` line: what is complete so far. Ranges that
/// could not be had are `failed` lines. Without a pair, `range` lines are read from standard input.
#[derive(Debug, Parser)]
#[command(name = "dccd-fetch", version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The exchange, such as binance
    pub(crate) exchange: Option<String>,
    /// What is traded: BTC/USDT, or BTC/USDT:perp for the perpetual contract
    #[arg(value_parser = Pair::from_user)]
    pub(crate) pair: Vec<Pair>,
    /// Which records: candle, trade, book (one snapshot), funding or open_interest
    #[arg(long, default_value = "candle", value_parser = Kind::from_user)]
    pub(crate) kind: Kind,
    /// The width of candles and of open interest: 1m, 1h, 1d or seconds
    #[arg(long)]
    pub(crate) span: Option<Span>,
    /// From this instant on; UTC or the configured zone [default: the exchange's first record]
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<TypedTime>,
    /// Up to this instant, not including it [default: the exchange's now]
    #[arg(long, value_name = "TIME")]
    pub(crate) end: Option<TypedTime>,
    /// Where from
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    pub(crate) source: Source,
    /// Pages or files that are fetched at once; together they stay inside the budget
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) connections: u8,
    /// Ask this URL in place of the exchange's REST host
    #[arg(long, value_name = "URL")]
    pub(crate) rest_url: Option<String>,
    /// Ask this URL in place of the exchange's archive
    #[arg(long, value_name = "URL")]
    pub(crate) archive_url: Option<String>,
    /// Tries after the first one
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) max_retries: u32,
    /// Seconds before the first retry; each further wait is twice as long
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = parse_delay)]
    pub(crate) retry_delay: f64,
    /// Where all processes of this host keep their request budgets
    #[arg(long, value_name = "DIR", env = dccd_cli::env::BUDGET_DIR, hide_env_values = true)]
    pub(crate) budget_dir: Option<PathBuf>,
    /// Print records only, for people and other programs
    #[arg(long)]
    pub(crate) records: bool,
    /// Say on stderr how far it is, in lines `progress NAME DONE WANTED SECONDS` for a program that shows them
    ///
    /// DONE and WANTED are rows, about; SECONDS is the time left, or `-`. There is no bar then, terminal or not.
    #[arg(long, value_name = "NAME")]
    pub(crate) progress: Option<String>,
    /// Print what each exchange can give and prove, and end
    #[arg(long)]
    pub(crate) capabilities: bool,
    /// Print what the exchange trades, one line for each instrument, or only those of the pairs
    #[arg(
        long,
        requires = "exchange",
        conflicts_with_all = ["capabilities", "kind", "span", "start", "end", "source", "archive_url", "records"]
    )]
    pub(crate) list: bool,
    /// With --capabilities: as one JSON object per line
    #[arg(long, requires = "capabilities")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) config: ConfigFlags,
    #[command(flatten)]
    pub(crate) common: Common,
}

const EXAMPLES: &str = "Examples:
  dccd-fetch binance BTC/USDT --span 1h --start 2024-01-01 --end 2024-02-01 | dccd-write --data-path data
  dccd-fetch binance BTC/USDT:perp --kind funding --start 2024-01-01 --records
  dccd-fetch binance --list | jq -r 'select(.trading == \"open\") | .pair'";

impl Args {
    /// The exchange of everything that will be asked for, if that is known before lines come in.
    pub(crate) fn only_exchange(&self) -> Option<&str> {
        self.exchange.as_deref().filter(|_| self.list || !self.pair.is_empty())
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// Where records come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The REST interface only
    Rest,
    /// The bulk archive only
    Archive,
    /// The archive for long past ranges, REST for the rest
    Auto,
}

fn parse_delay(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(secs) if (0.0..=3600.0).contains(&secs) => Ok(secs),
        _ => Err("not a number of seconds from 0 to 3600".to_owned()),
    }
}
