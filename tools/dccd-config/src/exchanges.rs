//! Checks a configuration against what the exchanges can do.

use dccd_cli::AddressBook;
use dccd_cli::config::{Absences, Config, ConfigError, ConfigFile, Mention, Origin, Problem, Purpose, did_you_mean};
use dccd_exchange::live::{Subscription, streams};
use dccd_exchange::{Capability, Impossible, Reach, capability, closed, exchanges};
use dccd_record::{Dataset, Exchange, Kind, Pair, Span};

/// The configuration, if it is right and every exchange has what it asks for. Only that an exchange closed is not held
/// against it: that is nobody's slip, and no reason to collect nothing of the others.
pub(crate) fn checked(file: &ConfigFile) -> Result<Config, ConfigError> {
    let (config, problems) = inspect(file);
    accept(file, config, problems)
}

/// The configuration, if it is right and everything that it asks for can be had.
pub(crate) fn possible(file: &ConfigFile) -> Result<Config, ConfigError> {
    let (config, mut problems) = inspect(file);
    if let Some(config) = &config {
        problems.extend(closed_jobs(config).iter().map(|closed| closed.problem(config)));
    }
    accept(file, config, problems)
}

fn inspect(file: &ConfigFile) -> (Option<Config>, Vec<Problem>) {
    let (config, mut problems) = file.inspect(ABSENCES);
    problems.extend(config.iter().flat_map(refused));
    (config, problems)
}

fn accept(file: &ConfigFile, config: Option<Config>, mut problems: Vec<Problem>) -> Result<Config, ConfigError> {
    problems.sort_by_key(|problem| problem.at);
    problems.dedup();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(ConfigError::Invalid { path: file.path().to_owned(), problems }),
    }
}

/// An entry of jobs whose exchange closed.
#[derive(Debug)]
pub(crate) struct Closed<'a> {
    pub(crate) exchange: &'a str,
    origin: &'a Origin,
    cause: Impossible,
}

impl Closed<'_> {
    /// What is said of it.
    pub(crate) fn problem(&self, config: &Config) -> Problem {
        Problem { at: config.position(self.origin), message: self.cause.to_string() }
    }
}

/// The entries of jobs whose exchange closed, unless its history is to be had at another address.
pub(crate) fn closed_jobs(config: &Config) -> Vec<Closed<'_>> {
    let mut book = None;
    let mut is_elsewhere =
        |exchange: &str| book.get_or_insert_with(|| AddressBook::new(Some(config.clone()))).is_elsewhere(exchange);
    let mut found = Vec::new();
    for Mention { exchange, purpose, origin } in config.mentions() {
        let Some(cause) = Impossible::closed(exchange) else { continue };
        let is_possible = match purpose {
            Purpose::History => is_elsewhere(exchange),
            Purpose::Live => false,
            Purpose::Addresses => true,
        };
        if !is_possible {
            found.push(Closed { exchange, origin, cause });
        }
    }
    found
}

/// What the exchanges that are open cannot do.
fn refused(config: &Config) -> Vec<Problem> {
    let mut refused = Vec::new();
    let mut refuse = |checked: Result<(), String>, origin: &Origin| {
        // The places are looked up in the text, so only where there is something to say.
        refused.extend(checked.err().map(|message| Problem { at: config.position(origin), message }));
    };
    for Mention { exchange, origin, .. } in config.mentions() {
        refuse(check_known(exchange), origin);
    }
    for job in config.history.iter().filter(|job| check_open(job.dataset.exchange().as_str()).is_ok()) {
        refuse(check_history(&job.dataset), &job.origin);
    }
    for job in config.streams.iter().filter(|job| check_open(job.exchange.as_str()).is_ok()) {
        for (kind, origin) in &job.channels {
            // One that is no dataset has been refused before.
            let Some(dataset) = job.dataset(*kind) else { continue };
            refuse(check_live(&dataset), origin);
        }
    }
    refused
}

/// Whether history of `dataset` can be had.
pub(crate) fn check_history(dataset: &Dataset) -> Result<(), String> {
    let row = check(dataset)?;
    match row.reach {
        Reach::Now => Err(format!(
            "{} keeps no history of {}: only what is now can be asked for; record it with stream_jobs",
            dataset.exchange(),
            plural(dataset.kind())
        )),
        _ => Ok(()),
    }
}

/// Whether `dataset` can be had live.
fn check_live(dataset: &Dataset) -> Result<(), String> {
    check_open(dataset.exchange().as_str())?;
    pushed(dataset).map_err(|cause| live_refusal(dataset, cause))
}

/// Whether the exchange pushes `dataset`.
fn pushed(dataset: &Dataset) -> Result<(), Impossible> {
    let name = dataset.exchange().as_str();
    let streams = streams(name).ok_or_else(|| Impossible::Exchange(name.to_owned()))?;
    streams.links(&[Subscription::new(dataset.clone())]).map(|_| ())
}

/// What is said of a series that is not pushed: it may well have a history.
fn live_refusal(dataset: &Dataset, cause: Impossible) -> String {
    let instead = if check_history(dataset).is_ok() { "; histo_jobs can have it" } else { "" };
    match cause {
        Impossible::Kind { exchange, pair, kind, has } => {
            let has: Vec<&str> = has.iter().map(|kind| kind.name()).collect();
            format!("{exchange} pushes no {kind} of {pair}; live it has {}{instead}", has.join(", "))
        }
        Impossible::Span { exchange, span, has } => {
            format!("{exchange} pushes no {} of {span}; live it has {}{instead}", dataset.kind(), has.join(" "))
        }
        other => other.to_string(),
    }
}

/// Tells a span that is missing from a kind that the exchange has not.
const ABSENCES: Absences = Absences {
    history: |exchange, kind, pair| {
        let any = of_any_span(exchange, kind, pair)?;
        capability(&any).err().filter(is_absence).map(|cause| cause.to_string())
    },
    live: |exchange, kind, pair| {
        let any = of_any_span(exchange, kind, pair)?;
        pushed(&any).err().filter(is_absence).map(|cause| live_refusal(&any, cause))
    },
};

/// Whether no span would help. What is wrong with the exchange itself is said elsewhere.
fn is_absence(cause: &Impossible) -> bool {
    matches!(cause, Impossible::Market { .. } | Impossible::Kind { .. })
}

fn of_any_span(exchange: &Exchange, kind: Kind, pair: &Pair) -> Option<Dataset> {
    const HOUR_SECS: u32 = 3600;
    Dataset::new(exchange.clone(), kind, pair.clone(), Some(Span::from_secs(HOUR_SECS).ok()?)).ok()
}

fn check(dataset: &Dataset) -> Result<&'static Capability, String> {
    check_open(dataset.exchange().as_str())?;
    capability(dataset).map_err(|cause| cause.to_string())
}

/// The exchanges that we speak to.
pub(crate) fn supported() -> Vec<&'static str> {
    exchanges().filter(|name| closed(name).is_none()).collect()
}

/// Whether there is such an exchange, and it is open.
fn check_open(name: &str) -> Result<(), String> {
    match Impossible::closed(name) {
        Some(closed) => Err(closed.to_string()),
        None => check_known(name),
    }
}

/// Whether there is or was such an exchange.
pub(crate) fn check_known(name: &str) -> Result<(), String> {
    if exchanges().any(|known| known == name) {
        return Ok(());
    }
    let supported = supported();
    let meant = did_you_mean(name, supported.iter().copied());
    Err(format!("no exchange {name:?} is known; this version supports {}{meant}", supported.join(", ")))
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
