//! What asks the hosts of exchanges.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dccd_cli::{AddressBook, Log, env};
use dccd_exchange::{Api, table};
use dccd_record::Retry;
use dccd_rest::{Asker, Budget, Budgets, Client, Downloader, Policy, Priority};

use crate::args::Args;
use crate::error::FetchError;

/// The hosts of this run; budgets and connections are shared by its threads.
#[derive(Debug)]
pub(crate) struct Hosts {
    addresses: AddressBook,
    budgets: Budgets,
    policy: Policy,
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
    /// The hosts that may be asked, with their budgets open.
    pub(crate) fn new(args: &Args) -> Result<Hosts, FetchError> {
        let addresses = AddressBook::new(args.config.load()?)
            .with_rest_url(args.rest_url.clone())?
            .with_archive_url(args.archive_url.clone())?;
        let budgets = Budgets::new(args.budget_dir.clone(), env::budget_dirs());
        budgets.check()?;
        let mut hosts = Hosts {
            addresses,
            budgets,
            policy: Policy { retries_max: args.max_retries, delay: Duration::from_secs_f64(args.retry_delay) },
            links: HashMap::new(),
        };
        hosts.open_budgets(args.only_exchange());
        Ok(hosts)
    }

    /// Lines of the input may be about any exchange.
    fn open_budgets(&mut self, only: Option<&str>) {
        for row in table().filter(|row| only.is_none_or(|exchange| exchange == row.exchange)) {
            // What is wrong with one is told to whoever asks there.
            if let Ok(base) = self.addresses.rest_url(row.exchange, row.api.rest_url) {
                let _ = self.budgets.open(row.exchange, row.api.rest_url, &base);
            }
        }
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
            let base = self.addresses.rest_url(exchange, api.rest_url)?;
            let mut warn = |message: String| log.warn(message);
            let budget = self.budgets.budget(exchange, api.rest_url, &base, &mut warn)?;
            let client = Client::new(&base);
            self.links.insert(key.clone(), Link { base, client, budget });
        }
        let Some(Link { base, client, budget }) = self.links.get(&key) else { return Err(FetchError::Workers) };
        Ok(Asker::new(client.clone(), base, Arc::clone(budget), self.policy(retry), Priority::Bulk))
    }

    /// Whether we are told to find an exchange's REST interface somewhere else.
    pub(crate) fn is_elsewhere(&self, exchange: &str) -> bool {
        self.addresses.is_elsewhere(exchange)
    }

    /// What fetches this archive's files.
    pub(crate) fn downloader(&self, exchange: &str, api: &'static Api, retry: Retry) -> Result<Downloader, FetchError> {
        let base = self.addresses.archive_url(exchange, api.archive_url)?;
        Ok(Downloader::new(&base, self.policy(retry)))
    }

    /// An order's own retries go before the flags.
    fn policy(&self, retry: Retry) -> Policy {
        Policy {
            retries_max: retry.max_retries.unwrap_or(self.policy.retries_max),
            delay: retry.retry_delay.unwrap_or(self.policy.delay),
        }
    }
}
