//! What an exchange trades, for those who ask and for those who asked for something else.

use dccd_cli::Status;
use dccd_exchange::{Impossible, exchanges};
use dccd_record::{Dataset, Exchange};

use super::{Engine, Interrupted};
use crate::args::Args;
use crate::error::FetchError;
use crate::listing::Listing;
use crate::worker::{Failure, Found, Work};

impl Engine<'_> {
    /// Prints what an exchange trades.
    pub(crate) fn list(mut self, args: &Args) -> Result<Status, FetchError> {
        let name = args.exchange.as_deref().unwrap_or_default();
        let exchange = Exchange::new(name).map_err(FetchError::Dataset)?;
        if !exchanges().any(|known| known == name) {
            return Err(Impossible::Exchange(name.to_owned()).into());
        }
        if let Some(closed) = self.pool.closed(name) {
            return Err(closed.into());
        }
        let Ok(listing) = self.ask_list(&exchange)? else {
            return Ok(self.tool.stop.signal().map_or(Status::TempFail, Status::Signal));
        };
        let is_wanted = |listed: &dccd_exchange::Instrument| match &listed.pair {
            _ if args.pair.is_empty() => true,
            Some(pair) => args.pair.iter().any(|asked| crate::listing::is_of(asked, pair)),
            None => false,
        };
        for instrument in listing.instruments.iter().filter(|listed| is_wanted(listed)) {
            instrument.write(name, self.tool.out.buffer());
            self.tool.out.flush_full()?;
        }
        self.tool.out.flush()?;
        if let Some(failure) = listing.failure {
            self.tool.log.error(format_args!("{name}: {}", failure.message));
            return Ok(if failure.is_retryable { Status::TempFail } else { Status::DataErr });
        }
        let missing: Vec<_> = args.pair.iter().filter(|pair| listing.of(pair).next().is_none()).collect();
        for pair in &missing {
            self.tool.log.error(format_args!("{name} lists no {pair}{}", listing.suggestion(pair)));
        }
        Ok(if missing.is_empty() { Status::Ok } else { Status::No })
    }

    /// Says what is so, if the pair may be the reason for a failure. An exchange is asked once in a run.
    pub(super) fn explain(&mut self, dataset: &Dataset, failure: Failure) -> Result<Failure, FetchError> {
        if !failure.is_pair_doubtful {
            return Ok(failure);
        }
        let exchange = dataset.exchange();
        if !self.lists.contains_key(exchange) {
            let Ok(listing) = self.ask_list(exchange)? else { return Ok(Failure::stopped()) };
            self.lists.insert(exchange.clone(), listing);
        }
        Ok(match self.lists.get(exchange) {
            Some(listing) => listing.explain(exchange.as_str(), dataset.pair(), failure),
            None => failure,
        })
    }

    fn ask_list(&mut self, exchange: &Exchange) -> Result<Result<Listing, Interrupted>, FetchError> {
        let answer = match self.ask_now(Work::List(exchange.clone()))? {
            Ok(answer) => answer,
            Err(interrupted) => return Ok(Err(interrupted)),
        };
        match answer.found {
            Found::List(listing) if listing.failure.as_ref().is_some_and(|failure| failure.is_stop) => {
                Ok(Err(Interrupted))
            }
            Found::List(listing) => Ok(Ok(*listing)),
            _ => Err(FetchError::Workers),
        }
    }
}
