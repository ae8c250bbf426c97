//! The configuration in force: a copy of the last valid one.
//!
//! Units read the copy, so that a slip in the file that somebody edits stops nothing that runs.

use std::fs::{self, Metadata, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown, symlink};
use std::path::Path;

use dccd_cli::Status;
use dccd_cli::config::Config;

use crate::check::{self, Owner, Source};
use crate::error::Error;
use crate::place::{Place, Scope};

/// What is to run, and which content of the file it was that was looked at.
pub(crate) struct InForce {
    pub(crate) config: Option<Config>,
    /// Another content has another mark; `None` where there never was any configuration.
    pub(crate) mark: Option<String>,
}

/// Puts the configuration in force if it is right, and else leaves the one that is, or was before the last boot.
pub(crate) fn settle(place: &Place) -> InForce {
    let checked = candidate(place);
    let mark = Some(mark(place));
    if let Ok((source, config)) = checked {
        // Without a copy nothing can run; what is there already goes on.
        let _ = install(place, &source, &config);
        return InForce { config: Some(config), mark };
    }
    let config = stays(place).or_else(|| revive(place));
    let is_new = config.is_none() && place.config.symlink_metadata().is_err();
    InForce { config, mark: mark.filter(|_| !is_new) }
}

/// The configuration that is to be in force. The error is all that is to be said.
pub(crate) fn candidate(place: &Place) -> Result<(Source, Config), String> {
    let path = &place.config;
    let is_system = place.scope == Scope::System;
    // Said by root as well, who can read it.
    let is_denied = match (fs::metadata(path), fs::metadata(&place.state)) {
        (Ok(file), Ok(state)) => !can_read(&state, &file),
        (Err(error), _) => error.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    };
    if is_system && is_denied {
        let path = path.display();
        return Err(format!("the user dccd cannot read {path}: chgrp dccd {path}, and chmod 640 {path}"));
    }
    check::check(path)
}

/// Whether whoever owns `state` can read a file.
fn can_read(state: &Metadata, file: &Metadata) -> bool {
    let bit = if state.uid() == file.uid() {
        0o400
    } else if state.gid() == file.gid() {
        0o040
    } else {
        0o004
    };
    state.uid() == 0 || file.mode() & bit != 0
}

/// The configuration that is in force already.
pub(crate) fn stays(place: &Place) -> Option<Config> {
    let source = check::read(&place.in_force()).ok()?;
    check::parse(&place.config, &source).ok()
}

/// The one that was kept before the boot.
fn revive(place: &Place) -> Option<Config> {
    let source = check::read(&place.kept()).ok()?;
    let config = check::parse(&place.config, &source).ok()?;
    // It is the services' own, which may not change what is in force.
    let owner = match place.scope {
        Scope::System => Owner { uid: 0, gid: source.owner.gid, mode: 0o640 },
        Scope::User => source.owner,
    };
    install(place, &Source { owner, ..source }, &config).ok()?;
    Some(config)
}

/// A name for the content of the file and who can read it, or for why nobody can.
fn mark(place: &Place) -> String {
    let mut hasher = DefaultHasher::new();
    let read = check::read(&place.config);
    read.map(|Source { text, owner }| (text, owner.uid, owner.gid, owner.mode)).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Makes a configuration the one in force.
pub(crate) fn install(place: &Place, source: &Source, config: &Config) -> io::Result<()> {
    make_folder(&place.runtime)?;
    link_secrets(place, config)?;
    replace(&place.in_force(), source.text.as_bytes(), source.owner)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)
}

/// A secret whose file is named relative to the configuration is found from the copy as well.
fn link_secrets(place: &Place, config: &Config) -> io::Result<()> {
    let Some(folder) = place.config.parent() else { return Ok(()) };
    for file in check::secrets(config) {
        let Ok(inside) = file.strip_prefix(folder) else { continue };
        let link = place.runtime.join(inside);
        let file = std::path::absolute(&file)?;
        // Neither the copy nor what streams keep there gives way.
        if fs::read_link(&link).is_ok_and(|target| target == file)
            || link.symlink_metadata().is_ok_and(|it| !it.is_symlink())
        {
            continue;
        }
        if let Some(parent) = link.parent() {
            make_folder(parent)?;
        }
        let _ = fs::remove_file(&link);
        symlink(&file, &link)?;
    }
    Ok(())
}

/// Puts a file in place, all of it or nothing; one that is there already just so is left alone.
fn replace(path: &Path, content: &[u8], owner: Owner) -> io::Result<()> {
    let is_same =
        check::read(path).is_ok_and(|old| old.text.as_bytes() == content && old.owner == owner && !path.is_symlink());
    if is_same {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut new = tempfile::Builder::new().prefix(".config.").tempfile_in(folder)?;
    new.write_all(content)?;
    // Who is not root has no other owner to give.
    let _ = fchown(new.as_file(), Some(owner.uid), Some(owner.gid));
    new.as_file().set_permissions(Permissions::from_mode(owner.mode))?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Keeps a valid configuration for a boot that finds none; says what is wrong with another one.
pub(crate) fn keep(place: &Place) -> Result<Status, Error> {
    let (source, _) = candidate(place).map_err(|said| refusal(place, said))?;
    let kept = place.kept();
    let owner = Owner { uid: rustix::process::getuid().as_raw(), gid: rustix::process::getgid().as_raw(), mode: 0o600 };
    make_folder(&place.state)
        .and_then(|()| replace(&kept, source.text.as_bytes(), owner))
        .map_err(|cause| Error::Write(kept, cause))?;
    Ok(Status::Ok)
}

/// What is wrong, and what holds meanwhile.
fn refusal(place: &Place, said: String) -> Error {
    let reload = match place.scope {
        Scope::System => "systemctl daemon-reload",
        Scope::User => "systemctl --user daemon-reload",
    };
    let meanwhile = match stays(place) {
        Some(_) => "the last valid one stays in force",
        None => "nothing is collected",
    };
    Error::Refused(format!("{said}; {meanwhile}: mend it, then {reload}"))
}
