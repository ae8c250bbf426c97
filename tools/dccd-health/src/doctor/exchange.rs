//! Whether exchanges answer, what their clock says, and whom they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dccd_cli::AddressBook;
use dccd_cli::config::{Config, masked};
use dccd_exchange::live::{Subscription, streams};
use dccd_exchange::{AnswerError, Ask, Page, closed, exchanges};
use dccd_record::{Dataset, Exchange, Kind, Pair, Span, Ts};
use dccd_rest::{AskError, Asker, Budgets, Client, Policy, Priority, Stopped, Waiter};

use super::network::Server;
use super::{Finding, Probe, Setting, host};
use crate::clock::now;

const TOPIC: &str = "exchange";
/// One answer, its connection included.
const TIME_MAX_SECS: u64 = 30;
/// Longer than this nobody waits for the budget here.
const WAIT_MAX: Duration = Duration::from_secs(5);
const SECOND_NANOS: i64 = 1_000_000_000;
/// A clock that is wrong by this much makes messages and waits wrong; nothing that is stored.
const CLOCK_WARN_NANOS: i64 = 2 * SECOND_NANOS;
const CLOCK_FAIL_NANOS: i64 = 60 * SECOND_NANOS;

/// One probe for each host of an exchange that is configured; of every exchange, if none is.
pub(super) fn probes(setting: &Setting) -> Vec<Probe> {
    let addresses = AddressBook::new(setting.config.as_deref().cloned());
    let mut asks: BTreeMap<(String, &'static str), Ask> = BTreeMap::new();
    let mut used = setting.config.as_deref().map_or_else(Vec::new, configured);
    if used.is_empty() {
        used = exchanges().filter_map(any_dataset).collect();
    }
    for ask in used.iter().filter_map(clock).filter(|ask| is_open(ask.exchange(), &addresses)) {
        asks.entry((ask.exchange().to_owned(), ask.api().rest_url)).or_insert(ask);
    }
    let dirs = host::budget_dirs(setting.budget_dir.as_deref());
    let mine = dirs.into_iter().filter(|dir| host::leaves_no_foreign_file(dir)).collect();
    let budgets = Arc::new(Mutex::new(Budgets::new(None, mine)));
    let mut probes = live_probes(setting, &addresses);
    probes.extend(asks.into_values().map(|ask| {
        let (addresses, budgets) = (addresses.clone(), Arc::clone(&budgets));
        Probe::new(TOPIC, TIME_MAX_SECS, move || look(&ask, &addresses, &budgets))
    }));
    probes
}

/// One probe for each WebSocket host that is configured. They are not budgeted, since nothing is asked there.
fn live_probes(setting: &Setting, addresses: &AddressBook) -> Vec<Probe> {
    let mut hosts: BTreeSet<(String, &'static str)> = BTreeSet::new();
    for job in setting.config.iter().flat_map(|config| &config.streams) {
        let exchange = job.exchange.as_str();
        let Some(streams) = streams(exchange).filter(|_| closed(exchange).is_none()) else { continue };
        for dataset in job.channels.iter().filter_map(|(kind, _)| job.dataset(*kind)) {
            let links = streams.links(&[Subscription::new(dataset)]).unwrap_or_default();
            hosts.extend(links.iter().map(|link| (exchange.to_owned(), link.host.ws_url)));
        }
    }
    hosts
        .into_iter()
        .map(|(exchange, known)| {
            let url = addresses.ws_url(&exchange, known).map_err(|cause| cause.to_string());
            Probe::new(TOPIC, TIME_MAX_SECS, move || vec![connect(&exchange, url)])
        })
        .collect()
}

fn connect(exchange: &str, url: Result<String, String>) -> Finding {
    match url.map(|url| Server::of(&url).ok_or(url)) {
        Err(why) => Finding::fail(TOPIC, why, "set it right, or unset it"),
        Ok(Err(url)) => {
            Finding::fail(TOPIC, format!("{exchange}: {} names no server", masked(&url)), "set its ws_url right")
        }
        Ok(Ok(server)) => match server.reach() {
            Ok(()) => Finding::ok(TOPIC, format!("{exchange} takes connections of streams at {server}")),
            Err(obstacle) => Finding::fail(TOPIC, format!("{exchange}: {obstacle}"), obstacle.fix()),
        },
    }
}

fn configured(config: &Config) -> Vec<Dataset> {
    let live = config.streams.iter().flat_map(|job| job.channels.iter().filter_map(|(kind, _)| job.dataset(*kind)));
    config.history.iter().map(|job| job.dataset.clone()).chain(live).collect()
}

/// The question for the clock of the host that has a dataset; what is only pushed is asked for as a book.
fn clock(dataset: &Dataset) -> Option<Ask> {
    let book = || Dataset::new(dataset.exchange().clone(), Kind::Book, dataset.pair().clone(), None).ok();
    Ask::clock(dataset).ok().or_else(|| Ask::clock(&book()?).ok())
}

/// Some dataset that the exchange has.
fn any_dataset(exchange: &str) -> Option<Dataset> {
    const HOUR_SECS: u32 = 3600;
    let exchange = Exchange::new(exchange).ok()?;
    let span = Span::from_secs(HOUR_SECS).ok()?;
    let pairs = ["BTC/USDT", "BTC/USD", "BTC/USDT:perp", "BTC/USD:perp"];
    let mut candles = pairs
        .iter()
        .filter_map(|pair| Dataset::new(exchange.clone(), Kind::Candle, Pair::from_user(pair).ok()?, Some(span)).ok());
    candles.find(|dataset| Ask::clock(dataset).is_ok())
}

fn is_open(exchange: &str, addresses: &AddressBook) -> bool {
    closed(exchange).is_none() || addresses.is_elsewhere(exchange)
}

fn look(ask: &Ask, addresses: &AddressBook, budgets: &Mutex<Budgets>) -> Vec<Finding> {
    let (exchange, api) = (ask.exchange().to_owned(), ask.api());
    let base = match addresses.rest_url(&exchange, api.rest_url) {
        Ok(base) => base,
        Err(cause) => return vec![Finding::fail(TOPIC, cause.to_string(), "set it right, or unset it")],
    };
    let budget = {
        let mut budgets = budgets.lock().unwrap_or_else(PoisonError::into_inner);
        // Another probe tells of the folder.
        budgets.budget(&exchange, api.rest_url, &base, &mut |_| {})
    };
    let budget = match budget {
        Ok(budget) => budget,
        Err(cause) => return vec![Finding::fail(TOPIC, cause.to_string(), "see --budget-dir")],
    };
    let once = Policy { retries_max: 0, delay: Duration::ZERO };
    let mut asker = Asker::new(Client::new(&base), &base, budget, once, Priority::Bulk);
    let patience = Patience::default();
    let (asked, begun) = (now(), Instant::now());
    match asker.ask(ask, &mut Vec::new(), &patience) {
        Ok(page) => {
            let took = begun.elapsed();
            let what = format!("{exchange} answers at {} in {} ms", masked(&base), took.as_millis());
            vec![Finding::ok(TOPIC, what), compare_clocks(&exchange, &page, asked, took)]
        }
        Err(AskError::Http { error, .. }) => vec![unreachable(&exchange, &base, &error.to_string())],
        Err(AskError::Answer { error, .. }) => vec![refused(&exchange, &error)],
        Err(AskError::Budget(cause)) => {
            vec![Finding::warn(TOPIC, format!("{exchange} was not asked: {cause}"), "try again later")]
        }
        Err(AskError::Stopped(_)) => {
            let what = format!("{exchange} was not asked: {}", patience.last());
            vec![Finding::warn(TOPIC, what, "try again later")]
        }
    }
}

/// How far our clock is from the exchange's, as well as one answer can tell.
fn compare_clocks(exchange: &str, page: &Page, asked: Ts, took: Duration) -> Finding {
    const TOPIC: &str = "clock";
    let Some(theirs) = page.stamp else {
        return Finding::ok(TOPIC, format!("{exchange} does not say what time it is"));
    };
    let took_nanos = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
    let ahead = asked.saturating_add(took_nanos / 2).nanos().saturating_sub(theirs.nanos());
    // The answer may have been stamped at its beginning or end, and in whole seconds.
    let sure = ahead.abs().saturating_sub(took_nanos / 2).saturating_sub(SECOND_NANOS).max(0);
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let what = format!("ours is {:.1} s {direction} that of {exchange}", seconds(ahead.abs()));
    let fix = "let systemd-timesyncd or chrony keep it: timedatectl set-ntp true";
    match sure {
        CLOCK_FAIL_NANOS.. => Finding::fail(TOPIC, what, fix),
        CLOCK_WARN_NANOS.. => Finding::warn(TOPIC, what, fix),
        _ => Finding::ok(TOPIC, what),
    }
}

#[expect(clippy::cast_precision_loss, reason = "told in tenths of a second")]
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// No answer at all: one goes the way on foot to see where it ends.
fn unreachable(exchange: &str, base: &str, why: &str) -> Finding {
    let Some(server) = Server::of(base) else {
        return Finding::fail(TOPIC, format!("{exchange}: {} names no server", masked(base)), "set its rest_url right");
    };
    match server.reach() {
        Err(obstacle) => Finding::fail(TOPIC, format!("{exchange}: {obstacle}"), obstacle.fix()),
        Ok(()) => {
            let what = format!("{exchange} can be connected to at {server}, and does not answer: {why}");
            Finding::fail(TOPIC, what, "does the URL name this exchange, and a proxy let it pass?")
        }
    }
}

/// What it means that an exchange says no.
fn refused(exchange: &str, error: &AnswerError) -> Finding {
    let what = format!("{exchange}: {error}");
    match error {
        AnswerError::Region => {
            Finding::fail(TOPIC, what, "run where it may serve you, or name another host of it as rest_url")
        }
        AnswerError::Limited { status: 403, .. } => Finding::fail(
            TOPIC,
            what,
            "it blocks this address: of a country or a hosting provider that it does not serve, or after too many \
             requests; ask from elsewhere to tell which",
        ),
        AnswerError::Limited { .. } => {
            Finding::warn(TOPIC, what, "wait; then let all that ask from this address share one --budget-dir")
        }
        AnswerError::Server { .. } => Finding::warn(TOPIC, what, "its trouble, not yours; see its status page"),
        AnswerError::Html { .. } | AnswerError::Malformed(_) => Finding::fail(
            TOPIC,
            what,
            "something on the way answers in its place: a proxy, a portal, a blocked region?",
        ),
        _ => Finding::fail(TOPIC, what, "does rest_url lead to this exchange?"),
    }
}

/// Waits a little, and remembers what for.
#[derive(Debug, Default)]
struct Patience {
    said: Mutex<String>,
}

impl Patience {
    fn last(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Waiter for Patience {
    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        if time > WAIT_MAX {
            return Err(Stopped);
        }
        std::thread::sleep(time);
        Ok(())
    }

    fn check(&self) -> Result<(), Stopped> {
        Ok(())
    }

    fn note(&self, message: &dyn fmt::Display) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = message.to_string();
    }
}
