//! Looking into one data file.

use std::io;

use dccd_record::{Proof, RangeSet, Ts};

use super::ledgers::CLOCK_NANOS;
use super::{Check, Finding, Level, StoredFile};
use crate::ledger::Ledger;
use crate::store::Store;
use crate::table::{Expected, FileChecks, Flaw, TableError};

/// How deep to look into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// At its footer.
    Footer,
    /// At every page and row.
    Pages,
}

impl Store {
    /// Looks into a file. One that is gone by now has nothing wrong with it.
    pub fn verify_file(&self, file: &StoredFile, look: Look, now: Ts) -> Vec<Finding> {
        let mut findings = self.look_into(file, look, now);
        if !findings.is_empty() {
            // The ledger was read first, and a file may have taken its place since.
            findings = self.look_into(file, look, now);
        }
        findings
    }

    fn look_into(&self, file: &StoredFile, look: Look, now: Ts) -> Vec<Finding> {
        let StoredFile { dataset, period, path } = file;
        // Before the file: what the ledger says is in it by then. That a ledger cannot be read is told elsewhere.
        let ledger = self.ledger(dataset).unwrap_or_default();
        let by_id: RangeSet = ledger
            .proofs(period.range())
            .into_iter()
            .filter(|(proof, _)| *proof == Proof::Id)
            .map(|(_, part)| part)
            .collect();
        let expected = Expected {
            kind: dataset.kind(),
            span: dataset.span(),
            period: period.range(),
            numbers: self.numbers(),
            end: now.saturating_add(CLOCK_NANOS),
            by_id: &by_id,
        };
        let finding = |level, check, what: String| Finding::new(level, check, self.relative(path), what).of(dataset);
        let unreadable =
            |why: String| vec![finding(Level::Error, Check::Unreadable, format!("it cannot be read: {why}"))];
        let checked = FileChecks::open(path, expected).and_then(|mut checks| {
            if look == Look::Pages {
                checks.look_at_pages()?;
            }
            Ok(checks)
        });
        let checks = match checked {
            Ok(checks) => checks,
            Err(TableError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(TableError::Io { cause, .. }) if cause.kind() == io::ErrorKind::PermissionDenied => {
                return vec![finding(Level::Error, Check::Permission, format!("it may not be read: {cause}"))];
            }
            Err(TableError::Io { cause, .. }) => return unreadable(cause.to_string()),
            Err(TableError::Unreadable { why, .. }) => return unreadable(why),
            Err(TableError::Row { cause, .. }) => return unreadable(cause.to_string()),
        };
        let mut findings = Vec::new();
        if let Some((first, last)) = checks.hull().filter(|_| is_unknown(&ledger, &checks)) {
            let what = format!("the ledger knows nothing of the time from {first} to {last}");
            findings.push(finding(Level::Note, Check::Unknown, what));
        }
        let is_ours = checks.is_ours();
        for Flaw { check, what, place } in checks.into_flaws() {
            // Files of others never promised what is not in order here.
            let is_grave = is_ours || matches!(check, Check::Unreadable | Check::Schema);
            let place = place.map(|(place, count)| match count - 1 {
                0 => place.to_string(),
                more => format!("{place} and {more} more"),
            });
            let level = if is_grave { Level::Error } else { Level::Note };
            findings.push(Finding { place, ..finding(level, check, what) });
        }
        findings
    }
}

/// Whether no instant of a file was ever asked for or covered, as far as a ledger that is there says.
fn is_unknown(ledger: &Ledger, checks: &FileChecks<'_>) -> bool {
    let Some((first, last)) = checks.hull() else { return false };
    let mut known = ledger.covered();
    known.extend(ledger.asked());
    known.extend(ledger.adopted());
    // A stream may write before it first covers, and after it last did.
    let is_beside = known.hull().is_none_or(|hull| last < hull.start() || hull.end() <= first);
    checks.is_ours() && !ledger.is_empty() && is_beside && !ledger.is_streamed()
}
