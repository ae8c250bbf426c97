//! Flags of `dccd-config`.

use clap::{Parser, Subcommand};
use dccd_cli::config::{HistoryJob, read_pair};
use dccd_cli::{Common, ConfigFlags, ToolArgs};
use dccd_record::{Dataset, DatasetError, Exchange, Kind, Pair, Span};

use crate::exchanges;

/// Read, check and edit the configuration
#[derive(Parser)]
#[command(name = "dccd-config", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) config: ConfigFlags,

    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say what is wrong, or that nothing is
    ///
    /// Everything that is wrong goes to standard error, each thing with its line and column; the status is then 1.
    Validate,
    /// Print one line for each job that keeps history complete
    Jobs(Filter),
    /// Add a job; comments, order and quotes stay
    Add(JobFlags),
    /// Remove a job; comments, order and quotes stay
    Remove(JobFlags),
    /// Print each value that holds and where it comes from; secrets are stars
    Show,
    /// Print a JSON Schema of the configuration, for editors
    Schema,
}

/// Which jobs to print.
#[derive(clap::Args)]
pub(crate) struct Filter {
    /// Only jobs of this exchange
    #[arg(short, long, value_name = "NAME", value_parser = parse_known_exchange)]
    exchange: Option<Exchange>,

    /// Only jobs of these pairs, as in BTC/USDT ETH/USDT
    #[arg(short, long, value_name = "PAIR", num_args = 1.., value_parser = Pair::from_user)]
    pairs: Vec<Pair>,

    /// Only jobs of this kind: candle, trade, book, funding or open_interest
    #[arg(long, value_parser = Kind::from_user)]
    kind: Option<Kind>,
}

impl Filter {
    pub(crate) fn accepts_exchange(&self, name: &str) -> bool {
        self.exchange.as_ref().is_none_or(|exchange| exchange.as_str() == name)
    }

    pub(crate) fn accepts(&self, job: &HistoryJob) -> bool {
        let dataset = &job.dataset;
        self.accepts_exchange(dataset.exchange().as_str())
            && (self.pairs.is_empty() || self.pairs.contains(dataset.pair()))
            && self.kind.is_none_or(|kind| kind == dataset.kind())
    }
}

/// One job.
#[derive(clap::Args)]
pub(crate) struct JobFlags {
    /// Exchange, as in binance
    #[arg(short, long, value_name = "NAME", value_parser = parse_exchange)]
    exchange: Exchange,

    /// Pair, as in BTC/USDT or BTC/USDT:perp
    #[arg(short, long, value_parser = read_pair)]
    pair: Pair,

    /// Width of a candle or of open interest: seconds, or as in 1m, 1h or 1d
    #[arg(short, long)]
    span: Option<Span>,

    /// Kind of records: candle, trade, book, funding or open_interest
    #[arg(long, default_value = "candle", value_parser = Kind::from_user)]
    kind: Kind,
}

impl JobFlags {
    pub(crate) fn dataset(&self) -> Result<Dataset, DatasetError> {
        Dataset::new(self.exchange.clone(), self.kind, self.pair.clone(), self.span)
    }
}

const EXAMPLES: &str = "\
Examples:
  See whether a configuration is right:
      dccd-config validate --config config.yml

  Get what the store lacks of one exchange:
      dccd-config jobs --exchange binance | dccd-plan | dccd-fetch | dccd-write";

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}

fn parse_exchange(name: &str) -> Result<Exchange, DatasetError> {
    Exchange::new(&name.to_lowercase())
}

/// An exchange that no job can be of is a slip.
fn parse_known_exchange(name: &str) -> Result<Exchange, String> {
    let exchange = parse_exchange(name).map_err(|cause| cause.to_string())?;
    exchanges::check_known(exchange.as_str())?;
    Ok(exchange)
}
