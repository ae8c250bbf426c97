//! A store as a whole: how it was created, what is in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dccd_record::{Control, Dataset, Line, Parser};

use crate::error::StoreError;
use crate::fsys;
use crate::journal::{self, Frames};
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::lock::Lock;
use crate::purged;
use crate::table::Numbers;
use crate::view::{Journaled, View};

/// The marker of a store whose numbers are decimals; other stores need none.
const DECIMAL_MARKER: &[u8] = b"{\"schema\":1,\"numbers\":\"decimal\"}\n";

/// Journals come and go while they are read; a writer publishes at most a few times in a second.
const LOOKS_MAX: u32 = 1_000;

/// How to create a store that is not there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreOptions {
    /// As it was created; new ones with Float64 numbers.
    #[default]
    AsItIs,
    /// With Decimal128(38,18) numbers; an existing store must have them already.
    Decimal,
}

/// A folder of Parquet files and what is known about them.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
    numbers: Numbers,
}

impl Store {
    /// Opens a store for reading; nothing is written, not even by the first look.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        let layout = Layout::new(root);
        if !root.is_dir() {
            let cause = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such folder");
            return Err(StoreError::io("open the store", root)(cause));
        }
        let numbers = read_marker(&layout)?.unwrap_or(Numbers::Float);
        Ok(Store { layout, numbers })
    }

    /// Opens a store for writing, creating it if need be.
    pub(crate) fn create(root: &Path, options: StoreOptions) -> Result<Store, StoreError> {
        let layout = Layout::new(root);
        layout.make_meta_dir()?;
        let marker = layout.marker();
        let numbers = match (read_marker(&layout)?, options) {
            (Some(numbers), _) => numbers,
            (None, StoreOptions::AsItIs) => Numbers::Float,
            (None, StoreOptions::Decimal) => {
                let _lock = Lock::acquire(&layout.lock_dir().join("store.lock"))?;
                if let Some(dataset) = layout.datasets_with_files()?.first() {
                    let why = format!("{dataset} is stored with floats; --decimal is for a new store");
                    return Err(StoreError::Options { path: layout.dataset_dir(dataset), why });
                }
                fsys::replace(&marker, DECIMAL_MARKER)?;
                Numbers::Decimal
            }
        };
        Ok(Store { layout, numbers })
    }

    /// The paths of the store.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What its numbers are.
    pub fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// Everything in the store: one look at every journal, ledger and footer.
    pub fn survey(&self) -> Result<Vec<View>, StoreError> {
        let mut journaled = self.read_journals(None)?;
        let mut datasets = self.layout.datasets_with_files()?;
        datasets.extend(self.datasets_with_ledgers()?);
        datasets.extend(purged::datasets(&self.layout)?);
        datasets.extend(journaled.keys().cloned());
        datasets.sort_unstable();
        datasets.dedup();
        datasets
            .into_iter()
            .map(|dataset| {
                let waiting = journaled.remove(&dataset).unwrap_or_default();
                View::new(self, dataset, waiting)
            })
            .collect()
    }

    /// What the journals know of completeness, whoever writes them.
    pub(crate) fn journaled_ledgers(&self) -> Result<BTreeMap<Dataset, Ledger>, StoreError> {
        let journaled = self.read_journals(None)?;
        Ok(journaled.into_iter().map(|(dataset, waiting)| (dataset, waiting.into_ledger())).collect())
    }

    /// One dataset, its journaled rows included.
    pub fn view(&self, dataset: &Dataset) -> Result<View, StoreError> {
        let waiting = self.read_journals(Some(dataset))?.remove(dataset).unwrap_or_default();
        View::new(self, dataset.clone(), waiting)
    }

    /// What waits in the journals, whoever writes them. Rows are kept only of the `wanted` dataset.
    pub(crate) fn read_journals(&self, wanted: Option<&Dataset>) -> Result<BTreeMap<Dataset, Journaled>, StoreError> {
        let dir = self.layout.journal_dir();
        for _ in 0..LOOKS_MAX {
            // A journal that is gone was published, but what its writer left waiting may be in one we did not list.
            if let Some(found) = self.read_journals_once(&journal::paths(&dir)?, wanted)? {
                return Ok(found);
            }
        }
        Err(StoreError::Locked { path: dir })
    }

    /// Reads these journals; `None` if one of them is gone.
    fn read_journals_once(
        &self,
        paths: &[PathBuf],
        wanted: Option<&Dataset>,
    ) -> Result<Option<BTreeMap<Dataset, Journaled>>, StoreError> {
        let mut found: BTreeMap<Dataset, Journaled> = BTreeMap::new();
        for (number, path) in paths.iter().enumerate() {
            let Some(mut frames) = Frames::open(path)? else { return Ok(None) };
            let mut parser = Parser::new();
            while let Some(lines) = frames.next_lines()? {
                for bytes in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    // The writer that takes the journal over tells of a bad line.
                    let Ok(line) = parser.parse(bytes) else { continue };
                    let dataset = match (&line, line.record()) {
                        (Line::Control(control), _) => match **control {
                            Control::Covered(_) if frames.is_past_damage() => continue,
                            ref control => control.dataset(),
                        },
                        (_, Some((id, _))) => parser.dataset(id),
                        _ => continue,
                    };
                    if wanted.is_some_and(|wanted| wanted != dataset) {
                        continue;
                    }
                    if !found.contains_key(dataset) {
                        found.insert(dataset.clone(), Journaled::default());
                    }
                    if let Some(journaled) = found.get_mut(dataset) {
                        journaled.take(dataset, &line, number, wanted.is_some(), self.numbers)?;
                    }
                }
            }
        }
        Ok(Some(found))
    }

    /// The ledger on disk.
    pub(crate) fn ledger(&self, dataset: &Dataset) -> Result<Ledger, StoreError> {
        // The next writer tells of bad lines, and keeps them for a person.
        Ok(Ledger::load(&self.layout, dataset)?.ledger)
    }
}

fn read_marker(layout: &Layout) -> Result<Option<Numbers>, StoreError> {
    match fsys::read_if_there(&layout.marker())? {
        None => Ok(None),
        Some(content) if content == DECIMAL_MARKER => Ok(Some(Numbers::Decimal)),
        Some(_) => Err(StoreError::Corrupt {
            path: layout.marker(),
            why: "it was written by a newer dccd, or by hand; upgrade, or restore it from a backup".to_owned(),
        }),
    }
}
