//! Where exchanges are asked, and from which budgets.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dccd_cli::config::{Addresses, Config};
use dccd_cli::{Log, env};
use dccd_exchange::Api;
use dccd_record::Retry;
use dccd_rest::{Asker, Budget, Client, Downloader, Policy, Priority};

use crate::args::Args;
use crate::error::FetchError;

/// Where packages put the shared folder of budgets.
const SYSTEM_BUDGET_DIR: &str = "/var/lib/dccd/budget";

/// The hosts of this run; budgets and connections are shared by its threads.
#[derive(Debug)]
pub(crate) struct Hosts {
    rest_url: Option<String>,
    archive_url: Option<String>,
    config: Option<Config>,
    policy: Policy,
    budget_dirs: Vec<PathBuf>,
    is_budget_dir_given: bool,
    /// By exchange and by the host that we are told to find there: each has limits of its own, whoever answers.
    links: HashMap<(String, &'static str), Link>,
}

/// One host, as it is reached in this run.
#[derive(Debug)]
struct Link {
    base: String,
    client: Client,
    budget: Arc<Budget>,
}

impl Hosts {
    pub(crate) fn new(args: &Args) -> Result<Hosts, FetchError> {
        for (flag, url) in [("--rest-url", &args.rest_url), ("--archive-url", &args.archive_url)] {
            if let Some(url) = url {
                check_url(flag, url)?;
            }
        }
        let budget_dirs = match &args.budget_dir {
            Some(dir) => vec![dir.clone()],
            None => default_budget_dirs(),
        };
        Ok(Hosts {
            rest_url: args.rest_url.clone(),
            archive_url: args.archive_url.clone(),
            config: args.config.load()?,
            policy: Policy { retries_max: args.max_retries, delay: Duration::from_secs_f64(args.retry_delay) },
            budget_dirs,
            is_budget_dir_given: args.budget_dir.is_some(),
            links: HashMap::new(),
        })
    }

    /// What asks this host; a worker keeps it while the retries stay the same.
    pub(crate) fn asker(
        &mut self,
        exchange: &str,
        api: &'static Api,
        retry: Retry,
        log: &Log,
    ) -> Result<Asker, FetchError> {
        let key = (exchange.to_owned(), api.rest_url);
        if !self.links.contains_key(&key) {
            let configured = self.addresses(exchange).and_then(|addresses| addresses.rest_url.as_deref());
            let base = base(&self.rest_url, &env::rest_url(exchange), configured.unwrap_or(api.rest_url))?;
            let budget = Arc::new(self.open_budget(&budget_name(exchange, api, &base), log)?);
            let client = Client::new(&base);
            self.links.insert(key.clone(), Link { base, client, budget });
        }
        let Some(Link { base, client, budget }) = self.links.get(&key) else { return Err(FetchError::Workers) };
        Ok(Asker::new(client.clone(), base, Arc::clone(budget), self.policy(retry), Priority::Bulk))
    }

    /// Whether we are told to find an exchange's REST interface somewhere else.
    pub(crate) fn is_elsewhere(&self, exchange: &str) -> bool {
        self.rest_url.is_some()
            || env::value(&env::rest_url(exchange)).is_some()
            || self.addresses(exchange).is_some_and(|addresses| addresses.rest_url.is_some())
    }

    /// What fetches this archive's files.
    pub(crate) fn downloader(&self, exchange: &str, api: &'static Api, retry: Retry) -> Result<Downloader, FetchError> {
        let configured = self.addresses(exchange).and_then(|addresses| addresses.archive_url.as_deref());
        let base = base(&self.archive_url, &env::archive_url(exchange), configured.unwrap_or(api.archive_url))?;
        Ok(Downloader::new(&base, self.policy(retry)))
    }

    /// An order's own retries go before the flags.
    fn policy(&self, retry: Retry) -> Policy {
        Policy {
            retries_max: retry.max_retries.unwrap_or(self.policy.retries_max),
            delay: retry.retry_delay.unwrap_or(self.policy.delay),
        }
    }

    fn addresses(&self, exchange: &str) -> Option<&Addresses> {
        self.config.as_ref()?.addresses(exchange)
    }

    fn open_budget(&self, name: &str, log: &Log) -> Result<Budget, FetchError> {
        let mut why = None;
        for dir in &self.budget_dirs {
            match Budget::open(dir, name) {
                Ok(budget) => return Ok(budget),
                Err(error) if self.is_budget_dir_given => return Err(FetchError::Budget(error)),
                Err(error) => why = Some(error),
            }
        }
        match why {
            Some(error) => log.warn(format_args!("{error}; this process keeps a budget of its own")),
            None => log.warn("no folder for budgets (see --budget-dir); this process keeps a budget of its own"),
        }
        Budget::private().map_err(FetchError::Budget)
    }
}

/// The name of a host's budget. A server that stands in for several hosts has one for each, as their limits differ.
fn budget_name(exchange: &str, api: &Api, base: &str) -> String {
    let (known, asked) = (host(api.rest_url), host(base));
    if known == asked { format!("{exchange}-{known}") } else { format!("{exchange}-{known}-{asked}") }
}

/// Name and port of a URL.
fn host(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    host.rsplit('@').next().unwrap_or(host)
}

/// The flag's address, else the environment's, else the one of the configuration or the exchange itself.
fn base(flag: &Option<String>, variable: &str, default: &str) -> Result<String, FetchError> {
    let typed = match (flag, env::value(variable)) {
        (Some(url), _) => url.clone(),
        (None, Some(url)) => {
            let url = url.to_string_lossy().into_owned();
            check_url(variable, &url)?;
            url
        }
        (None, None) => default.to_owned(),
    };
    Ok(typed.trim_end_matches('/').to_owned())
}

fn default_budget_dirs() -> Vec<PathBuf> {
    let system = Path::new(SYSTEM_BUDGET_DIR);
    let shared = system.is_dir().then(|| system.to_owned());
    let own = env::state_dir().map(|dir| dir.join("budget"));
    shared.into_iter().chain(own).collect()
}

fn check_url(name: &str, url: &str) -> Result<(), FetchError> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !url.contains(['?', '#', ' ']) => Ok(()),
        _ => Err(FetchError::Usage(format!("{name}: {url:?} is no URL such as https://api.binance.com"))),
    }
}
