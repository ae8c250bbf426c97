//! Counting into the store, and what follows from it.

use std::path::PathBuf;
use std::time::Duration;

use dccd_cli::{Log, StoreFlags, Tool};
use dccd_store::MetricsFile;

use crate::alert::{Delivery, Messenger};
use crate::clock::now;
use crate::error::Error;
use crate::metrics::{Counting, Metrics};
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
        let file = MetricsFile::lock(&self.root, patience)?;
        let content = file.read()?;
        let mut metrics = match content.as_deref().map(Metrics::from_json) {
            Some(None) => {
                let aside = file.set_aside()?;
                let aside = aside.display();
                self.log.warn(format_args!("metrics.json made no sense and is now {aside}; counting begins anew"));
                Metrics::default()
            }
            held => held.flatten().unwrap_or_default(),
        };
        let now = now();
        change(&mut metrics, &Counting { now, errors_max: self.errors_max, invocation });
        file.replace(&metrics.to_json())?;
        Ok(metrics.has_news(now))
    }
}
