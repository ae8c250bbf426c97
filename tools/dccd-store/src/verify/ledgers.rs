//! Ledgers, and whether they and the files agree.

use std::collections::{BTreeMap, BTreeSet};

use dccd_record::{Dataset, Parser, Range, Ts};

use super::names::Scope;
use super::{Check, Finding, Level, StoredFile};
use crate::error::StoreError;
use crate::fsys;
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::store::Store;
use crate::view::Journaled;

const SUFFIX: &str = ".ndjson";
/// How far our clock may be behind an exchange's.
pub(super) const CLOCK_NANOS: i64 = 3_600_000_000_000;

impl Store {
    /// Looks at every ledger, and for what they promise and is not there.
    pub(super) fn look_at_ledgers(
        &self,
        scope: Scope<'_>,
        journaled: &BTreeMap<Dataset, Journaled>,
        files: &[StoredFile],
        findings: &mut Vec<Finding>,
    ) -> Result<(), StoreError> {
        let mut periods: BTreeMap<&Dataset, BTreeSet<Period>> = BTreeMap::new();
        for file in files {
            periods.entry(&file.dataset).or_default().insert(file.period);
        }
        let with_ledger = self.ledgers(scope, findings)?;
        let mut all: BTreeSet<&Dataset> = periods.keys().copied().chain(&with_ledger).collect();
        all.extend(journaled.keys().filter(|dataset| (scope.accepts)(dataset)));
        for dataset in all {
            let published = periods.remove(dataset).unwrap_or_default();
            let waiting = journaled.get(dataset);
            let mut ledger = self.look_at_ledger(dataset, scope.now, findings)?;
            if let Some(waiting) = waiting {
                ledger.merge(dataset, waiting.ledger());
            }
            if ledger.is_empty() && !published.is_empty() {
                let path = self.relative(&self.layout().dataset_dir(dataset));
                let what = "no ledger says what of this is complete";
                findings.push(Finding::new(Level::Note, Check::NoLedger, path, what).of(dataset));
            }
            let waiting = waiting.into_iter().flat_map(Journaled::waiting).map(|(period, ..)| period).collect();
            self.look_for_missing(dataset, &ledger, &published, &waiting, findings);
        }
        Ok(())
    }

    /// The datasets that have a ledger.
    fn ledgers(&self, scope: Scope<'_>, findings: &mut Vec<Finding>) -> Result<Vec<Dataset>, StoreError> {
        let dir = self.layout().ledger_dir();
        let mut found = Vec::new();
        for name in fsys::names(&dir)? {
            let dataset = name.strip_suffix(SUFFIX).and_then(|stem| stem.parse::<Dataset>().ok());
            match dataset.filter(|dataset| format!("{dataset}{SUFFIX}") == name) {
                Some(dataset) if (scope.accepts)(&dataset) => found.push(dataset),
                Some(_) => {}
                // A ledger on its way is hidden.
                None if scope.is_whole && !name.starts_with('.') => {
                    let what = "its name is no dataset, so nothing reads what it says";
                    findings.push(Finding::new(Level::Error, Check::Name, self.relative(&dir.join(&name)), what));
                }
                None => {}
            }
        }
        Ok(found)
    }

    fn look_at_ledger(&self, dataset: &Dataset, now: Ts, findings: &mut Vec<Finding>) -> Result<Ledger, StoreError> {
        let path = self.layout().ledger(dataset);
        let mut found = |what: String, place: Option<String>| {
            let finding = Finding::new(Level::Error, Check::Ledger, self.relative(&path), what).of(dataset);
            findings.push(Finding { place, ..finding });
        };
        let mut parser = Parser::new();
        let content = match fsys::read_if_there(&path) {
            Ok(content) => content.unwrap_or_default(),
            Err(error) => {
                found(error.to_string(), None);
                return Ok(Ledger::default());
            }
        };
        for (number, line) in content.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
            if let Err(cause) = parser.parse(line) {
                found(format!("a line that cannot be read: {cause}"), Some(format!("line {}", number + 1)));
                // One is enough for it to be set aside.
                break;
            }
        }
        let ledger = self.ledger(dataset)?;
        let to_come = Range::new(now.saturating_add(CLOCK_NANOS), Ts::MAX);
        let claimed = to_come.and_then(|to_come| ledger.covered().within(to_come).hull());
        if let Some(claimed) = claimed {
            found(format!("it says that all is there up to {}, which is still to come", claimed.end()), None);
        }
        Ok(ledger)
    }
}
