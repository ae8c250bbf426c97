//! What remotes are told of completeness, and what is believed of what they tell.

use std::collections::BTreeMap;

use dccd_record::{Dataset, Range, RangeSet};

use super::SyncSite;
use crate::error::StoreError;
use crate::layout::Period;
use crate::ledger::Ledger;
use crate::lock::Lock;

/// What published files prove, taken before the files are looked at. Rows that only a journal holds are left out, so
/// with the files it may travel: they hold what it claims.
#[derive(Debug)]
pub struct Picture {
    ledgers: BTreeMap<Dataset, Ledger>,
}

impl SyncSite {
    /// The picture of this moment.
    pub fn picture(&self) -> Result<Picture, StoreError> {
        let mut ledgers = BTreeMap::new();
        for dataset in self.store.datasets_with_ledgers()? {
            let ledger = self.store.ledger(&dataset)?;
            ledgers.insert(dataset, ledger);
        }
        // A row that leaves a journal from now on is in a file before it is gone.
        for (dataset, waiting) in self.store.read_journals(None)? {
            let Some(ledger) = ledgers.get_mut(&dataset) else { continue };
            for (_, first, last) in waiting.waiting() {
                Range::new(first, last.saturating_add(1)).into_iter().for_each(|range| ledger.uncover(range));
            }
        }
        Ok(Picture { ledgers })
    }

    /// Learns what a remote's ledger says of `periods`, whose files came from there.
    pub fn learn(&self, dataset: &Dataset, lines: &[u8], periods: &[Period]) -> Result<(), StoreError> {
        let mut told = Ledger::parse(dataset, lines).ledger;
        told.clip(&periods.iter().map(|period| period.reach(dataset.span())).collect::<RangeSet>());
        if told.is_empty() {
            return Ok(());
        }
        let layout = self.layout();
        let _lock = Lock::acquire(&layout.lock(dataset))?;
        let before = Ledger::load(layout, dataset)?.ledger;
        let mut ledger = before.clone();
        ledger.merge(dataset, &told);
        if ledger == before { Ok(()) } else { ledger.save(layout, dataset) }
    }
}

impl Picture {
    /// The datasets of which something is known.
    pub fn datasets(&self) -> impl Iterator<Item = &Dataset> {
        self.ledgers.keys()
    }

    /// The name of a dataset's ledger, as seen from the store's folder and on every remote.
    pub fn name(dataset: &Dataset) -> String {
        format!(".dccd/ledger/{dataset}.ndjson")
    }

    /// The lines for a remote that lacks the files of `unproven` periods and has `theirs` by now, which stays true since
    /// nothing is ever removed there.
    pub fn lines(&self, dataset: &Dataset, unproven: &[Period], theirs: &[u8]) -> Vec<u8> {
        let mut ledger = self.ledgers.get(dataset).cloned().unwrap_or_default();
        unproven.iter().for_each(|period| ledger.uncover(period.reach(dataset.span())));
        ledger.merge(dataset, &Ledger::parse(dataset, theirs).ledger);
        ledger.lines(dataset)
    }
}
