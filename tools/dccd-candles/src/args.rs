//! The command line.

use dccd_cli::{Common, ToolArgs};
use dccd_record::Span;

/// Make candles of trades
#[derive(Clone, Debug, clap::Parser)]
#[command(version, max_term_width = 100, long_about = LONG_ABOUT, after_help = SHORT_EXAMPLE, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Width of the candles: 60, 1m, 1h, 1d or 1w
    ///
    /// Whole seconds that divide a day, or one to seven whole days. Candles begin at multiples of the
    /// span in UTC, weeks on Monday.
    #[arg(long, value_name = "SPAN")]
    pub(crate) span: Span,
    /// Leave only records: no covered, failed or order lines
    #[arg(long)]
    pub(crate) records: bool,
    #[command(flatten)]
    common: Common,
}

impl ToolArgs for Args {
    fn common(&self) -> &Common {
        &self.common
    }
}

const LONG_ABOUT: &str = "\
Make candles of trades

Reads lines on standard input and writes lines on standard output. Trades become candles, which are \
marked \"derived\":true. A candle goes out once covered lines of its trades, in any order and number, \
cover all of its time, and a covered line for the candles follows it; a covered span without trades has \
no candle. Sums are exact. Trades may come in any order; one that comes again with its id counts once.

A line that cannot be read may have been a trade: the covered lines that follow it, up to the next trade \
of their series, are not believed, and their candles wait until they are covered again.

What is said of the trades (covered, gap, failed, job, range) comes out as said of the candles; lines of \
other kinds pass unchanged.";

const SHORT_EXAMPLE: &str = "\
Example: dccd-fetch binance BTC/USDT --kind trade --start 2024-01-01 --end 2024-01-02 | dccd-candles --span 1h";

const EXAMPLES: &str = "\
Examples:
  Five-minute candles of a day of trades, for jq:
    dccd-fetch binance BTC/USDT --kind trade --start 2024-01-01 --end 2024-01-02 |
      dccd-candles --span 5m --records | jq .close

  Hourly candles of stored trades, into another store:
    dccd-read binance BTC/USDT --kind trade --data-path data |
      dccd-candles --span 1h | dccd-write --data-path derived

Exit status: 0 done; 2 wrong flags; 65 a line was bad, or too many trades wait for coverage;
74 input or output failed; 128+n stopped by signal n before the input ended.";
