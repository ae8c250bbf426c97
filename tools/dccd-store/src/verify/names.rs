//! What can be told without looking into a data file.

use std::path::{Path, PathBuf};

use dccd_record::{Dataset, Ts};

use super::walk::Walk;
use super::{Check, Finding, Level, StoredFile};
use crate::error::StoreError;
use crate::store::Store;

/// What to look at.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Which datasets.
    pub accepts: &'a dyn Fn(&Dataset) -> bool,
    /// Whether that is all of them: what belongs to no dataset is looked at too.
    pub is_whole: bool,
    /// Now, by this host's clock.
    pub now: Ts,
}

impl std::fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("is_whole", &self.is_whole).field("now", &self.now).finish_non_exhaustive()
    }
}

/// What the names of a store tell.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// What is not as it should be, in order of paths.
    pub findings: Vec<Finding>,
    /// The data files.
    pub files: Vec<StoredFile>,
}

impl Store {
    /// Looks at names, permissions, ledgers and journals.
    pub fn verify_names(&self, scope: Scope<'_>) -> Result<Named, StoreError> {
        let mut named = look(self, scope)?;
        if !named.findings.is_empty() {
            // What was on its way is there by now.
            let again = look(self, scope)?;
            named.findings.retain(|finding| again.findings.contains(finding));
        }
        Ok(named)
    }

    /// A path from the store's folder on.
    pub(super) fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(self.layout().root()).unwrap_or(path).to_owned()
    }
}

fn look(store: &Store, scope: Scope<'_>) -> Result<Named, StoreError> {
    // Before the files, so that rows on their way are seen twice rather than never.
    let journaled = store.read_journals(None);
    let mut named = Walk::new(store, scope).run();
    if scope.is_whole {
        store.look_at_journals(&mut named.findings)?;
        store.look_at_aside(&mut named.findings)?;
    }
    match journaled {
        Ok(journaled) => store.look_at_ledgers(scope, &journaled, &named.files, &mut named.findings)?,
        Err(error) => {
            // Without them nobody can say what should be there.
            let dir = store.relative(&store.layout().journal_dir());
            named.findings.push(Finding::new(Level::Error, Check::Journal, dir, error.to_string()));
        }
    }
    named.findings.sort_unstable();
    named.findings.dedup();
    Ok(named)
}
