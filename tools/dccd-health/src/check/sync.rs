//! When the store was last copied.

use std::path::Path;
use std::time::Duration;

use dccd_cli::config::{Storage, masked};
use dccd_record::Ts;
use dccd_store::{Layout, StoreError};
use serde::Deserialize;

use crate::error::Error;
use crate::stamp;

const DAY: Duration = Duration::from_secs(86_400);

/// The copies of a store.
#[derive(Clone, Debug)]
pub(crate) struct SyncState {
    pub(crate) remotes: Vec<RemoteState>,
    /// How old a copy may be by what the configuration says.
    pub(crate) max_age: Duration,
}

/// One remote.
#[derive(Clone, Debug)]
pub(crate) struct RemoteState {
    /// What may be said of it.
    pub(crate) name: String,
    /// When everything was last there.
    pub(crate) last_success: Option<Ts>,
}

/// What `dccd-sync` leaves behind when all was copied to all of these remotes.
#[derive(Debug, Default, Deserialize)]
struct LastSync {
    #[serde(default, with = "stamp")]
    last_sync_at: Option<Ts>,
    #[serde(default)]
    remotes: Vec<String>,
}

/// What the last copy left behind. A file that makes no sense says of none.
pub(super) fn sync_state(root: &Path, storage: &Storage) -> Result<SyncState, Error> {
    let path = Layout::new(root).last_sync();
    let last: LastSync = match std::fs::read(&path) {
        Ok(content) => serde_json::from_slice(&content).unwrap_or_default(),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => LastSync::default(),
        Err(cause) => return Err(StoreError::Io { action: "read", path, cause }.into()),
    };
    let remotes = storage.remotes.iter().map(|remote| {
        let name = masked(remote);
        RemoteState { last_success: last.last_sync_at.filter(|_| last.remotes.contains(&name)), name }
    });
    Ok(SyncState { remotes: remotes.collect(), max_age: max_age(storage.sync_interval_secs) })
}

/// Three times the time between two copies, at least a day; a week where copies are made by hand.
fn max_age(interval_secs: u64) -> Duration {
    match interval_secs {
        0 => 7 * DAY,
        secs => Duration::from_secs(secs.saturating_mul(3)).max(DAY),
    }
}
