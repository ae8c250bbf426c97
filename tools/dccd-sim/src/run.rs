//! What the flags ask for.

use std::sync::Arc;
use std::time::Duration;

use dccd_cli::{Powers, Status, Tool};
use dccd_record::{Dataset, Exchange, Range, Ts};

use crate::args::{ServeArgs, Source, TruthArgs, WorldArgs};
use crate::clock::{Clock, MILLI};
use crate::error::Error;
use crate::exchange::exchanges;
use crate::faults::Faults;
use crate::http::Server;
use crate::limits::LimitSettings;
use crate::market::catalogue::Catalogue;
use crate::market::{Market, Settings};
use crate::sim::{Delays, Sim};
use crate::truth::{Door, TruthQuery};

/// Serves until told to stop.
pub(crate) fn serve(args: ServeArgs, world: &WorldArgs, tool: &mut Tool) -> Result<Status, Error> {
    tool.confine(&Powers::none().listen());
    let limits = LimitSettings { is_off: args.no_limits, maxima: args.limits(), ban_secs: args.ban_secs };
    let faults = Faults::new(world.seed, args.fault);
    let clock = Clock::new(world.now, args.speed);
    let delays = Delays {
        latency: Duration::from_millis(args.latency_ms),
        late: args.late_ms * MILLI,
        stream_age_max: args.ws_age_secs.map(Duration::from_secs),
    };
    let sim = Arc::new(Sim::new(clock, market(world), &limits, faults, delays));
    let server = Server::bind(args.listen).map_err(|cause| Error::Bind(args.listen, cause))?;
    let line = format!("{{\"kind\":\"listening\",\"url\":\"http://{}\"}}\n", server.address());
    tool.out.buffer().extend_from_slice(line.as_bytes());
    tool.out.flush()?;
    server.serve(&sim, &tool.stop).map_err(Error::Serve)?;
    Ok(Status::Ok)
}

/// Prints what a store should hold.
pub(crate) fn tell(args: TruthArgs, world: &WorldArgs, tool: &mut Tool) -> Result<Status, Error> {
    tool.confine(&Powers::none());
    let market = market(world);
    let exchanges = exchanges(&market, &LimitSettings::default());
    let teller = exchanges.iter().find(|exchange| exchange.name() == args.exchange);
    let Some(teller) = teller else { return Err(Error::Exchange(args.exchange)) };
    let exchange = Exchange::new(&args.exchange).map_err(Error::Dataset)?;
    let dataset = Dataset::new(exchange, args.kind, args.of, args.span).map_err(Error::Dataset)?;
    let now = Clock::new(world.now, 0.0).now();
    let end = args.end.unwrap_or_else(|| Ts::from_micros(now).unwrap_or(Ts::MAX));
    let range = Range::new(args.start, end)
        .ok_or_else(|| Error::Usage(format!("--start {} is not before --end {end}", args.start)))?;
    let door = match args.source {
        Source::Rest => Door::Rest,
        Source::Archive => Door::Archive,
    };
    let query = TruthQuery { dataset, range, now, door, depth: usize::from(args.depth) };
    teller.truth(&market, &query, &mut tool.out)?;
    Ok(Status::Ok)
}

fn market(world: &WorldArgs) -> Market {
    let settings = Settings { seed: world.seed, trades_per_day: world.trades_per_day, burst: world.burst };
    Market::new(settings, Catalogue::new(world.pair.iter().cloned()))
}
