//! Where configuration, copies and state lie.

use std::path::{Path, PathBuf};

use dccd_cli::env;

/// Whose systemd it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    System,
    User,
}

/// The folders and files of one scope.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    /// What somebody edits.
    pub(crate) config: PathBuf,
    /// Holds the copy that is in force, and what streams were started with; gone with the boot.
    pub(crate) runtime: PathBuf,
    /// The folder that services run in; holds the last valid configuration.
    pub(crate) state: PathBuf,
}

impl Place {
    /// That of a scope; `None` for a user without home or runtime folder.
    pub(crate) fn of(scope: Scope) -> Option<Place> {
        const NAME: &str = "dccd";
        match scope {
            Scope::System => Some(Place {
                scope,
                config: PathBuf::from("/etc/dccd/config.yml"),
                runtime: Path::new("/run").join(NAME),
                state: Path::new("/var/lib").join(NAME),
            }),
            Scope::User => Some(Place {
                scope,
                config: env::config_dir()?.join("config.yml"),
                runtime: PathBuf::from(env::value(env::XDG_RUNTIME_DIR)?).join(NAME),
                // As the units say, whatever XDG_STATE_HOME is.
                state: PathBuf::from(env::value(env::HOME)?).join(".local/state").join(NAME),
            }),
        }
    }

    /// The configuration that units read.
    pub(crate) fn in_force(&self) -> PathBuf {
        self.runtime.join("config.yml")
    }

    /// The last valid configuration, for the next boot.
    pub(crate) fn kept(&self) -> PathBuf {
        self.state.join("config.valid.yml")
    }

    /// What a stream was started with.
    pub(crate) fn started(&self, id: &str) -> PathBuf {
        self.runtime.join("stream").join(id).join("job")
    }
}
