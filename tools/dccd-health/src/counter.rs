//! Counting into the store, and what follows from it.

use std::path::PathBuf;
use std::time::Duration;

use dccd_cli::{Log, StoreFlags, Tool};
use dccd_store::{CountFile, CountLock};

use crate::alert::{Delivery, Messenger};
use crate::clock::now;
use crate::error::Error;
use crate::metrics::{Counting, Metrics, View};
use crate::runs::History;

/// How long an end that is to be counted waits for others who count.
pub(crate) const END_PATIENCE: Duration = Duration::from_secs(600);
/// How long a pipe does that flows on.
pub(crate) const FLOW_PATIENCE: Duration = Duration::from_secs(5);

/// Where runs are counted, remembered and told of.
pub(crate) struct Keeping {
    pub(crate) counter: Counter,
    pub(crate) history: History,
    pub(crate) messenger: Messenger,
}

impl Keeping {
    /// That of the store. A configuration that is wrong keeps nothing from being counted.
    pub(crate) fn of(store: &StoreFlags, tool: &Tool) -> Result<Keeping, Error> {
        let root = store.data_path()?;
        let (config, days_kept) = match store.config() {
            Ok(Some(config)) => {
                let days_kept = config.settings.runs_retention_days;
                (Some(config), days_kept)
            }
            Ok(None) => (None, History::DAYS_KEPT),
            Err(error) => {
                tool.log.warn(format_args!("nobody is told of failures: {error}"));
                (None, 0)
            }
        };
        let delivery = config.and_then(|config| Delivery::new(root.clone(), &config, &tool.stop));
        let messenger = Messenger::new(delivery, &tool.log);
        Ok(Keeping {
            counter: Counter { root: root.clone(), errors_max: messenger.errors_max(), log: tool.log.clone() },
            history: History::new(root, days_kept),
            messenger,
        })
    }
}

/// Counts for one store.
pub(crate) struct Counter {
    root: PathBuf,
    /// Failures in a row that somebody is told of, if anybody is.
    errors_max: Option<u64>,
    log: Log,
}

impl Counter {
    /// Changes the counts, and says whether somebody is to be told something. Any number of processes may do so at once.
    pub(crate) fn count(
        &self,
        invocation: Option<&str>,
        patience: Duration,
        change: impl FnOnce(&mut Metrics, &Counting<'_>),
    ) -> Result<bool, Error> {
        let lock = CountLock::acquire(&self.root, patience)?;
        let mut metrics = self.read(&lock, CountFile::Jobs, Metrics::from_json)?;
        let mut view = self.read(&lock, CountFile::Metrics, View::from_json)?;
        metrics.take_over(&view);
        let now = now();
        change(&mut metrics, &Counting { now, errors_max: self.errors_max, invocation });
        lock.replace(CountFile::Jobs, &metrics.to_json())?;
        // It is counted now, and nothing may make anybody count it again. Whoever is killed here, or cannot keep the view,
        // leaves one that is behind, and whoever counts next brings it up to date.
        view.show(&metrics);
        if let Err(error) = lock.replace(CountFile::Metrics, &view.to_json()) {
            self.log.warn(format_args!("{error}; what it lacks stands in {}", CountFile::Jobs.name()));
        }
        Ok(metrics.has_news(now))
    }

    /// What a file holds. One that makes no sense is set aside.
    fn read<T: Default>(
        &self,
        lock: &CountLock,
        file: CountFile,
        parse: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Error> {
        let Some(content) = file.read(&self.root)? else { return Ok(T::default()) };
        if let Some(held) = parse(&content) {
            return Ok(held);
        }
        let (name, aside) = (file.name(), lock.set_aside(file)?);
        let now = match file {
            CountFile::Jobs => "jobs are counted anew",
            CountFile::Metrics => "it is written anew from what jobs.json knows",
        };
        self.log.warn(format_args!("{name} made no sense and is now {}; {now}", aside.display()));
        Ok(T::default())
    }
}
