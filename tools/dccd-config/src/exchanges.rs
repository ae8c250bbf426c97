//! Checks a configuration against what the exchanges can do.

use dccd_cli::config::{Config, ConfigError, ConfigFile, Position, Problem, did_you_mean};
use dccd_exchange::{Impossible, TABLE, capability};
use dccd_record::{Dataset, Kind};

/// The exchanges that users of dccd know; which of them are spoken to is in the table of capabilities.
const KNOWN: [&str; 8] = ["binance", "coinbase", "kraken", "krakenfutures", "bybit", "okx", "bitfinex", "bitmex"];
/// The exchanges that are no more, and since when.
const CLOSED: [(&str, &str); 1] = [("bitmex", "2026-09-23")];

/// The configuration, if it is right and every exchange has what it asks for.
pub(crate) fn checked(file: &ConfigFile) -> Result<Config, ConfigError> {
    let config = file.check()?;
    let problems = problems(&config);
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { path: file.path().to_owned(), problems }) }
}

/// What the exchanges cannot do, in the order of the file.
fn problems(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, at) in config.named_exchanges() {
        problems.extend(check_name(name).err().map(|message| Problem { at, message }));
    }
    for job in &config.history {
        let refused = check_history(&job.dataset);
        problems.extend(
            refused
                .err()
                .map(|refusal| refusal.at(config.exchange_position(&job.origin), || config.position(&job.origin))),
        );
    }
    for job in &config.streams {
        for (kind, origin) in &job.channels {
            let Some(dataset) = job.dataset(*kind) else { continue };
            let refused = check_live(&dataset);
            problems.extend(
                refused
                    .err()
                    .map(|refusal| refusal.at(config.exchange_position(&job.origin), || config.position(origin))),
            );
        }
    }
    problems.sort_by_key(|problem| problem.at);
    problems.dedup();
    problems
}

/// Why a job cannot be done.
pub(crate) enum Refusal {
    /// Whatever it asks of this exchange.
    Exchange(String),
    /// Because of the pair, the kind or the span.
    Dataset(String),
}

impl Refusal {
    pub(crate) fn message(self) -> String {
        match self {
            Refusal::Exchange(message) | Refusal::Dataset(message) => message,
        }
    }

    fn at(self, exchange: Position, dataset: impl FnOnce() -> Position) -> Problem {
        match self {
            Refusal::Exchange(message) => Problem { at: exchange, message },
            Refusal::Dataset(message) => Problem { at: dataset(), message },
        }
    }
}

/// Whether history of `dataset` can be had.
pub(crate) fn check_history(dataset: &Dataset) -> Result<(), Refusal> {
    let row = check(dataset)?;
    match row.days_back {
        Some(0) => Err(Refusal::Dataset(format!(
            "{} keeps no history of {}: only what is now can be asked for; record it with stream_jobs",
            dataset.exchange(),
            plural(dataset.kind())
        ))),
        _ => Ok(()),
    }
}

/// Whether `dataset` can be recorded live.
fn check_live(dataset: &Dataset) -> Result<(), Refusal> {
    check(dataset).map(|_| ())
}

fn check(dataset: &Dataset) -> Result<&'static dccd_exchange::Capability, Refusal> {
    check_name(dataset.exchange().as_str()).map_err(Refusal::Exchange)?;
    capability(dataset).map_err(|cause| match cause {
        Impossible::Exchange(_) => Refusal::Exchange(cause.to_string()),
        _ => Refusal::Dataset(cause.to_string()),
    })
}

/// Whether there is such an exchange, and we speak to it.
fn check_name(name: &str) -> Result<(), String> {
    if let Some((_, day)) = CLOSED.iter().find(|(closed, _)| *closed == name) {
        return Err(format!("{name} closed on {day}: what is stored stays readable, but nothing more can be had"));
    }
    if TABLE.iter().any(|row| row.exchange == name) {
        return Ok(());
    }
    let mut supported: Vec<&str> = TABLE.iter().map(|row| row.exchange).collect();
    supported.dedup();
    let supported = supported.join(", ");
    if KNOWN.contains(&name) {
        return Err(format!("{name} is not supported yet by this version; it supports {supported}"));
    }
    let open = KNOWN.into_iter().filter(|known| CLOSED.iter().all(|(closed, _)| closed != known));
    Err(format!("no exchange {name:?} is known; this version supports {supported}{}", did_you_mean(name, open)))
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Candle => "candles",
        Kind::Trade => "trades",
        Kind::Book => "books",
        Kind::Funding => "funding",
        Kind::OpenInterest => "open interest",
    }
}
