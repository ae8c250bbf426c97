//! Flags of `dccd-inventory`.

use clap::Parser;
use dccd_cli::{Common, StoreFlags, ToolArgs};
use dccd_record::{Dataset, Exchange, Kind, Pair, Span};

use crate::error::Error;

/// Say what is stored, from when to when, with which gaps
#[derive(Parser)]
#[command(name = "dccd-inventory", version, max_term_width = 100, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Only this exchange
    #[arg(long)]
    exchange: Option<String>,

    /// Only this pair, as in BTC/USDT
    #[arg(long)]
    pair: Option<String>,

    /// Only this kind: candle, trade, book, funding or open_interest
    #[arg(long)]
    kind: Option<String>,

    /// Only this span, as in 1h
    #[arg(long)]
    span: Option<String>,

    /// List each gap instead: when, and why if that is known
    ///
    /// A gap is what was asked for and is not covered. One marked final can never be filled; it is listed
    /// here but not counted in the overview.
    #[arg(long)]
    gaps: bool,

    /// Lines instead of a table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    pub(crate) store: StoreFlags,

    #[command(flatten)]
    common: Common,
}

/// What to print.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Table,
    Lines,
    GapTable,
    GapLines,
}

/// Which datasets to print.
pub(crate) struct Filter {
    exchange: Option<Exchange>,
    pair: Option<Pair>,
    kind: Option<Kind>,
    span: Option<Span>,
}

const EXAMPLES: &str = "\
Examples:
  Everything:
      dccd-inventory --data-path /data/crypto

  The datasets that have gaps, as JSON:
      dccd-inventory --json | jq 'select(.gaps > 0)'";

impl Args {
    pub(crate) fn filter(&self) -> Result<Filter, Error> {
        Ok(Filter {
            exchange: self.exchange.as_deref().map(Exchange::new).transpose().map_err(Error::Dataset)?,
            pair: self.pair.as_deref().map(Pair::from_user).transpose().map_err(Error::Pair)?,
            kind: self.kind.as_deref().map(Kind::from_user).transpose().map_err(Error::Dataset)?,
            span: self.span.as_deref().map(str::parse).transpose().map_err(Error::Span)?,
        })
    }

    pub(crate) fn shape(&self) -> Shape {
        match (self.gaps, self.json) {
            (false, false) => Shape::Table,
            (false, true) => Shape::Lines,
            (true, false) => Shape::GapTable,
            (true, true) => Shape::GapLines,
        }
    }
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}

impl Filter {
    pub(crate) fn accepts(&self, dataset: &Dataset) -> bool {
        self.exchange.as_ref().is_none_or(|exchange| exchange == dataset.exchange())
            && self.pair.as_ref().is_none_or(|pair| pair == dataset.pair())
            && self.kind.is_none_or(|kind| kind == dataset.kind())
            && self.span.is_none_or(|span| Some(span) == dataset.span())
    }
}
