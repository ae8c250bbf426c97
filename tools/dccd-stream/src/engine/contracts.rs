//! Contracts whose size only REST knows: series that count them wait for it, and nobody else does.

use super::*;

use dccd_exchange::{Ask, Page};
use dccd_record::{Fixed, Pair};
use dccd_rest::Backoff;

/// Between two questions for the size of a contract, at first and at most.
const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(600);
/// Series whose contract is known wait so long for others that could share their connection.
const TOGETHER: Duration = Duration::from_secs(2);

/// What has to be known of contracts before their series can be subscribed to.
#[derive(Debug, Default)]
pub(super) struct Contracts {
    unknown: Vec<Contract>,
    /// Series that can be subscribed to now, and since when if they had to wait.
    known: Vec<SubscriptionId>,
    since: Option<Instant>,
}

/// One contract of unknown size.
#[derive(Debug)]
struct Contract {
    pair: Pair,
    ask: Ask,
    /// All that count it.
    series: Vec<SubscriptionId>,
    /// When to ask for it; `None` while an answer is awaited.
    due: Option<Instant>,
    retries: Backoff,
}

impl Contracts {
    /// The contracts that these series count; all others are ready.
    pub(super) fn of(subscriptions: &[Subscription], now: Instant) -> Contracts {
        let mut contracts = Contracts::default();
        for (at, Subscription { dataset, .. }) in subscriptions.iter().enumerate() {
            let (id, pair) = (SubscriptionId(at), dataset.pair());
            // What has no history has no contract that REST would have to be asked about either.
            let Ok(Some(ask)) = Ask::contract(dataset) else {
                contracts.known.push(id);
                continue;
            };
            match contracts.unknown.iter_mut().find(|contract| contract.pair == *pair) {
                Some(contract) => contract.series.push(id),
                None => {
                    let (pair, retries) = (pair.clone(), Backoff::new(RETRY_FIRST, RETRY_MAX));
                    contracts.unknown.push(Contract { pair, ask, series: vec![id], due: Some(now), retries });
                }
            }
        }
        contracts
    }

    /// The questions that are due, each with a series of its contract.
    fn questions(&mut self, now: Instant) -> Vec<(SubscriptionId, Ask)> {
        let due = self.unknown.iter_mut().filter(|contract| contract.due.is_some_and(|due| due <= now));
        due.filter_map(|contract| {
            contract.due = None;
            Some((*contract.series.first()?, contract.ask.clone()))
        })
        .collect()
    }

    /// The size of the contract of a series is known; all that count it.
    fn learn(&mut self, id: SubscriptionId, now: Instant) -> Vec<SubscriptionId> {
        let Some(at) = self.unknown.iter().position(|contract| contract.series.contains(&id)) else {
            return Vec::new();
        };
        let series = self.unknown.swap_remove(at).series;
        self.known.extend(&series);
        self.since.get_or_insert(now);
        series
    }

    /// The size of the contract of a series is still not known; all that wait for it.
    fn fail(&mut self, id: SubscriptionId, now: Instant) -> Vec<SubscriptionId> {
        let Some(contract) = self.unknown.iter_mut().find(|contract| contract.series.contains(&id)) else {
            return Vec::new();
        };
        contract.due = Some(now + contract.retries.next());
        contract.series.clone()
    }

    /// The series to subscribe to now: not while answers about others may come at once.
    pub(super) fn ready(&mut self, now: Instant) -> Vec<SubscriptionId> {
        let is_asking = self.unknown.iter().any(|contract| contract.due.is_none());
        let is_long = self.since.is_some_and(|since| now.saturating_duration_since(since) >= TOGETHER);
        if is_asking && !is_long {
            return Vec::new();
        }
        self.since = None;
        std::mem::take(&mut self.known)
    }
}

impl Engine<'_> {
    /// Asks for contracts, and subscribes to what waited for them.
    pub(super) fn tend_contracts(&mut self, now: Instant) -> Result<(), StreamError> {
        for (id, ask) in self.contracts.questions(now) {
            self.network.ask(id, Purpose::Contract, ask)?;
        }
        let ready = self.contracts.ready(now);
        self.add_slots(&ready, now)
    }

    /// Opens connections for more of the series.
    pub(super) fn add_slots(&mut self, ids: &[SubscriptionId], now: Instant) -> Result<(), StreamError> {
        if ids.is_empty() {
            return Ok(());
        }
        let wanted: Vec<Subscription> = ids.iter().filter_map(|id| self.subscriptions.get(id.0).cloned()).collect();
        for mut link in self.streams.links(&wanted).map_err(StreamError::Impossible)? {
            // Links name the places of what was wanted now.
            link.subscriptions = link.subscriptions.iter().filter_map(|place| ids.get(place.0).copied()).collect();
            self.slots.push(Slot::new(link, now));
        }
        Ok(())
    }

    pub(super) fn take_contract(&mut self, id: SubscriptionId, page: Result<Page, String>) {
        let now = Instant::now();
        match page.map(|page| page.contract) {
            Ok(Some(size)) => self.learn_contract(id, size, now),
            Ok(None) => self.miss_contract(id, "the exchange does not say it", now),
            Err(why) => self.miss_contract(id, &why, now),
        }
    }

    fn learn_contract(&mut self, id: SubscriptionId, size: Fixed, now: Instant) {
        for id in self.contracts.learn(id, now) {
            if let Some(subscription) = self.subscriptions.get_mut(id.0) {
                subscription.contract = Some(size);
            }
        }
    }

    fn miss_contract(&mut self, id: SubscriptionId, why: &str, now: Instant) {
        let message = format!("the size of its contract is not known: {why}");
        for id in self.contracts.fail(id, now) {
            self.miss(id, &message);
        }
    }
}
