//! Telling what is to be told.

use std::path::PathBuf;

use dccd_cli::config::{Alerts, Config};
use dccd_cli::{Stop, Zone};
use dccd_store::{CountFile, CountLock};

use super::text::{headed, message};
use super::{Claim, Incident, News};
use crate::clock::now;
use crate::counter::FLOW_PATIENCE;
use crate::error::Error;
use crate::http::{Address, HttpError, Message, TRIES_MAX};
use crate::metrics::Metrics;

/// A job may come to work again while its failure is being told, and the other way round.
const ROUNDS_MAX: u32 = 4;

/// Tells what is to be told of one store.
#[derive(Clone)]
pub(crate) struct Delivery {
    root: PathBuf,
    alerts: Alerts,
    zone: Zone,
    stop: Stop,
}

/// What one process has claimed to tell.
struct Claimed {
    job: String,
    incident: Incident,
    news: News,
}

impl Delivery {
    /// One for the store at `root`; `None` if the configuration names nobody to tell.
    pub(crate) fn new(root: PathBuf, config: &Config, stop: &Stop) -> Option<Delivery> {
        let (alerts, zone) = (config.alerts.clone(), config.settings.zone.clone());
        let has_address = alerts.webhook_url.is_some();
        has_address.then(|| Delivery { root, alerts, zone, stop: stop.clone() })
    }

    /// Failures in a row that are told.
    pub(crate) fn errors_max(&self) -> u64 {
        self.alerts.max_consecutive_errors
    }

    /// Tells all that is to be told now and that nobody else is telling; says of how many jobs. What nobody took stays to be
    /// told.
    pub(crate) fn deliver(&self) -> Result<usize, Error> {
        let by = format!("{}-{}", std::process::id(), now().nanos());
        let mut told = 0;
        for _ in 0..ROUNDS_MAX {
            let claimed = self.claim(&by)?;
            if claimed.is_empty() {
                break;
            }
            let (failing, works): (Vec<Claimed>, Vec<Claimed>) =
                claimed.into_iter().partition(|claimed| claimed.news == News::Failing);
            let sent = self.tell(&failing);
            self.settle(&by, &failing, sent.is_ok())?;
            let sent = sent.and_then(|()| self.tell(&works));
            self.settle(&by, &works, sent.is_ok())?;
            sent?;
            told += failing.len() + works.len();
        }
        Ok(told)
    }

    /// Sends a message that says nothing, so that somebody sees it arrive.
    pub(crate) fn test(&self) -> Result<(), Error> {
        Ok(self.post(&headed("alerts arrive here; this one is a test"), 1)?)
    }

    /// Makes what is to be told ours to tell.
    fn claim(&self, by: &str) -> Result<Vec<Claimed>, Error> {
        let now = now();
        let mut claimed = Vec::new();
        // Where there is nothing to tell, as nearly always, nobody has to wait for a lock, or be allowed to take it.
        let held = CountFile::Jobs.read(&self.root)?.as_deref().and_then(Metrics::from_json);
        if !held.is_some_and(|metrics| metrics.has_news(now)) {
            return Ok(claimed);
        }
        self.change(|metrics| {
            for (job, counted) in metrics.jobs_mut() {
                let Some(incident) = &mut counted.incident else { continue };
                let Some(news) = incident.news(now) else { continue };
                incident.claim = Some(Claim { by: by.to_owned(), at: Some(now) });
                claimed.push(Claimed { job: job.clone(), incident: incident.clone(), news });
            }
            !claimed.is_empty()
        })?;
        Ok(claimed)
    }

    /// Keeps what came of it.
    fn settle(&self, by: &str, claimed: &[Claimed], is_told: bool) -> Result<(), Error> {
        if claimed.is_empty() {
            return Ok(());
        }
        self.change(|metrics| {
            for (job, counted) in metrics.jobs_mut() {
                let Some(news) = claimed.iter().find(|claimed| claimed.job == *job).map(|claimed| claimed.news) else {
                    continue;
                };
                counted.incident = counted.incident.take().and_then(|incident| incident.settled(by, news, is_told));
            }
            true
        })
    }

    /// Changes what is known of jobs, unless it makes no sense or `change` says that there is nothing to keep.
    fn change(&self, change: impl FnOnce(&mut Metrics) -> bool) -> Result<(), Error> {
        let lock = CountLock::acquire(&self.root, FLOW_PATIENCE)?;
        let held = CountFile::Jobs.read(&self.root)?.as_deref().and_then(Metrics::from_json);
        let Some(mut metrics) = held else { return Ok(()) };
        if change(&mut metrics) {
            lock.replace(CountFile::Jobs, &metrics.to_json())?;
        }
        Ok(())
    }

    fn tell(&self, claimed: &[Claimed]) -> Result<(), HttpError> {
        if claimed.is_empty() {
            return Ok(());
        }
        let told: Vec<(&str, &Incident)> =
            claimed.iter().map(|claimed| (claimed.job.as_str(), &claimed.incident)).collect();
        let is_new = claimed.iter().any(|claimed| !claimed.incident.is_tried);
        self.post(&message(&told, &self.zone), if is_new { TRIES_MAX } else { 1 })
    }

    fn post(&self, text: &str, tries: u32) -> Result<(), HttpError> {
        let Some(secret) = &self.alerts.webhook_url else { return Ok(()) };
        let body = serde_json::json!({ "text": text }).to_string();
        Address::of("webhook_url", secret)?.send(Message::Json(body.as_bytes()), tries, &self.stop)
    }
}
