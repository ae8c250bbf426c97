//! The flags.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dccd_cli::{Common, ToolArgs, parse_instant};
use dccd_record::{Kind, Pair, Span, Ts};

use crate::exchange::limit_names;
use crate::faults::Fault;

const FAULT_HELP: &str = "\
Let something go wrong, as KIND[:PART=VALUE,...]; may be repeated

Kinds: 429, 418 (refused as the exchange refuses those who ask too fast, and those it has banned: \
a ban is true from then on), html (a page, status 503 unless said), json (an error as the exchange \
writes them, status 200 unless said), error (the same, always with status 200), type (the right \
answer as text/html), empty (a good answer without its rows), null (null for anything), cut \
(connection closed inside the body), slow (body in drops), endless (body that never \
ends), stall (no answer), reset (connection reset), delay (late answer), checksum (wrong \
.CHECKSUM), truncate (half a zip).

Kinds for streams: ws-refuse (handshake answered with a page, status 503 unless said), ws-reset \
(connection reset in the middle of a frame), ws-close (closed, code 1001 unless said), ws-stall \
(nothing is sent or answered any more), ws-mute (one subscription falls silent), ws-drop (a frame \
is not sent), ws-garbage (half a frame in place of one), ws-huge (a frame of bytes=N in place of \
one, 20 MiB unless said), ws-checksum (wrong checksum or sequence, where the exchange has one), \
ws-deny (subscription refused), ws-ignore (subscription not answered), ws-repeat (a frame comes \
twice), ws-restart (announced as the exchange does, then closed after secs=N, 10 unless said), \
ws-cross (a change of a book that crosses it). What is counted is handshakes, subscriptions, changes \
of books (ws-cross), and else frames with trades, books or candles.

Parts: next=N, every=N, p=0.01 (which requests or frames; default all), skip=N (let N pass first), \
path=TEXT (only where path and query, or path, channel and symbol of a stream, contain it: \
path=/v2 book BTC/USD), status=N, code=N, retry=SECS (also sends Retry-After where the exchange does \
not), date=1 (Retry-After as a date), ms=N, secs=N (how long ws-stall and ws-mute last; for good \
unless said), bytes=N.

At run time the same parts, as a query, add a rule: /sim/faults?kind=cut&next=3; \
/sim/faults?clear=1 removes all.";

const EXAMPLES: &str = "\
Examples:
  An exchange in which it is the noon of a day, and what trips on its way:
    dccd-sim --now 2024-03-01T12:00:00Z --fault cut:every=7 --fault 418:next=1,skip=50,retry=30

  One that says in a good answer that it is out of order:
    dccd-sim --fault error:every=10,path=/0/public/Trades

  The hourly candles that a store should hold afterwards:
    dccd-sim truth binance BTC/USDT --kind candle --span 1h \\
      --start 2024-01-01 --end 2024-02-01 --now 2024-03-01T12:00:00Z

Outages that every world has (no trades; whether there are candles is up to the exchange):
2020-06-28 02:00 to 05:00, 2024-01-02 03:00 to 06:00 and 2024-01-03 10:07 to 10:12; each
month has one more.

  One whose books break now and then, and whose streams end every minute:
    dccd-sim --fault ws-checksum:every=500 --fault ws-drop:every=700 --ws-age-secs 60

Pages of its own: /sim/stats (requests, weights, refusals, streams), /sim/requests (the last 100000
paths with queries), /sim/faults, /sim/reset (forget requests).";

/// Simulate REST, streams and archives of exchanges, for tests
///
/// Serves Binance (/api/v3, /fapi, /dapi, /futures, /data), Coinbase (/products, /time),
/// Kraken (/0/public), Kraken Futures (/derivatives, /api/charts), Bybit (/v5, /trading,
/// /spot), OKX (/api/v5, /cdn), Bitfinex (/v2) and BitMEX (/api/v1) on one port, each with
/// its own pages, limits and errors, from trades that are drawn from a seed: the same seed,
/// exchange, pair and time always give the same trades, candles, books and rates. Prints
/// one line with its URL when it listens, then serves until SIGTERM or SIGINT. WebSockets are on
/// the same port, at the paths that the exchanges have: Binance (/ws, /stream, /public, /market),
/// Coinbase (/), Kraken (/v2), Kraken Futures (/ws/v1), Bybit (/v5/public), OKX (/ws/v5),
/// Bitfinex (/ws/2) and BitMEX (/realtime). Their trades, candles and books are those of REST,
/// pushed when the clock passes them.
#[derive(Debug, Parser)]
#[command(name = "dccd-sim", version, after_long_help = EXAMPLES)]
pub(crate) struct SimArgs {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the truth depends on.
#[derive(Debug, Args)]
#[command(next_help_heading = "World")]
pub(crate) struct WorldArgs {
    /// Which world is simulated
    #[arg(long, value_name = "N", default_value_t = 1, global = true)]
    pub(crate) seed: u64,
    /// What time it is [default: the host's]
    #[arg(long, value_name = "TIME", value_parser = parse_instant, global = true)]
    pub(crate) now: Option<Ts>,
    /// Trades of a usual day, each pair
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(i64).range(1..=20_000_000), global = true)]
    pub(crate) trades_per_day: i64,
    /// More trades of each day that share one millisecond
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(i64).range(0..=1_000_000), global = true)]
    pub(crate) burst: i64,
    /// Trade this pair too, such as NEW/USDT or NEW/USDT:perp, everywhere; may be repeated
    #[arg(long, value_name = "PAIR", value_parser = Pair::from_user, global = true)]
    pub(crate) pair: Vec<Pair>,
}

/// How it is served.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// How many times as fast as real time the clock runs; 0 stops it
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse_speed)]
    pub(crate) speed: f64,
    /// Milliseconds before every answer
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub(crate) latency_ms: u64,
    /// Milliseconds until REST shows a trade that happened
    #[arg(long, value_name = "MS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=3_600_000))]
    pub(crate) late_ms: i64,
    /// Seconds after which every stream is ended [default: none]
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(crate) ws_age_secs: Option<u64>,
    /// Another limit than the published one; may be repeated, a wrong name lists them all
    ///
    /// Those of Binance are spot, usdm, coinm, usdm-funding, usdm-data, spot-connections and
    /// usdm-connections; those of other exchanges begin with their names. Windows are those of the simulated clock, but always
    /// last their time in real seconds.
    #[arg(long, value_name = "NAME=N", value_parser = parse_limit)]
    pub(crate) limit: Vec<(String, i64)>,
    /// The limit of Binance spot, as --limit spot=N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub(crate) limit_weight: Option<i64>,
    /// Count requests but refuse none
    #[arg(long)]
    pub(crate) no_limits: bool,
    /// Seconds of a first ban; each further one is twice as long
    #[arg(long, value_name = "SECS", default_value_t = 120, value_parser = clap::value_parser!(i64).range(1..=259_200))]
    pub(crate) ban_secs: i64,
    /// Let something go wrong, as KIND[:PART=VALUE,...]; --help lists them
    #[arg(long, value_name = "FAULT", long_help = FAULT_HELP)]
    pub(crate) fault: Vec<Fault>,
}

/// What else it can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print what a store should hold, as record lines
    Truth(TruthArgs),
}

/// Which records are wanted.
#[derive(Debug, Args)]
pub(crate) struct TruthArgs {
    /// The exchange, such as binance; a wrong name lists them all
    pub(crate) exchange: String,
    /// The pair, such as BTC/USDT or BTC/USDT:perp
    #[arg(value_name = "PAIR", value_parser = Pair::from_user)]
    pub(crate) of: Pair,
    /// candle, trade, book, funding or open_interest
    #[arg(long, default_value = "candle", value_parser = Kind::from_user)]
    pub(crate) kind: Kind,
    /// Width of candles and of open interest
    #[arg(long)]
    pub(crate) span: Option<Span>,
    /// First instant
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub(crate) start: Ts,
    /// First instant after [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    pub(crate) end: Option<Ts>,
    /// Whether stamps and digits are those of rest or archive
    #[arg(long, value_enum, default_value_t = Source::Rest)]
    pub(crate) source: Source,
    /// Levels of a book, each side
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub(crate) depth: u16,
}

/// Through which door records are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// REST
    Rest,
    /// The bulk archive
    Archive,
}

impl ToolArgs for SimArgs {
    fn common(&self) -> &Common {
        &self.common
    }
}

impl ServeArgs {
    /// The limits that are not as published.
    pub(crate) fn limits(&self) -> BTreeMap<String, i64> {
        let spot = self.limit_weight.map(|max| ("spot".to_owned(), max));
        self.limit.iter().cloned().chain(spot).collect()
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.0..=100_000.0).contains(speed));
    speed.ok_or_else(|| "a number from 0 to 100000 is needed".to_owned())
}

fn parse_limit(text: &str) -> Result<(String, i64), String> {
    let (name, max) = text.split_once('=').ok_or("NAME=N is needed, such as usdm=100")?;
    if !limit_names().any(|known| known == name) {
        return Err(format!("no such limit: {}", limit_names().collect::<Vec<_>>().join(", ")));
    }
    let max = max.parse().ok().filter(|max| *max > 0).ok_or("N is a positive number")?;
    Ok((name.to_owned(), max))
}
