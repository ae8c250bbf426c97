use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::super::{ConfigFile, FileError, LockedFile, find};
use super::{OLD, parse};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_file_that_was_named_is_the_one() {
    assert_eq!(find(Some("/no/such/file".as_ref())).as_deref(), Some("/no/such/file".as_ref()));
    assert!(matches!(ConfigFile::read("/no/such/file".as_ref()), Err(FileError::Read { .. })));
}

#[test]
fn what_is_no_text_is_refused() {
    let dir = scratch();
    let path = dir.path().join("config.yml");
    write(&path, b"a: 1\nb: \xff\n");
    assert!(matches!(ConfigFile::read(&path), Err(FileError::NotText { line: 2, .. })));
    write(&path, vec![b' '; (4 << 20) + 1]);
    assert!(matches!(ConfigFile::read(&path), Err(FileError::TooLong(_))));
    assert!(matches!(ConfigFile::read(dir.path()), Err(FileError::Read { .. })));
    assert!(matches!(LockedFile::open(Some(dir.path())), Err(FileError::Read { .. } | FileError::NotFile(_))));
}

#[test]
fn a_replaced_file_keeps_its_mode_and_a_link_stays_a_link() {
    let dir = scratch();
    let (path, link) = (dir.path().join("real.yml"), dir.path().join("config.yml"));
    write(&path, "settings: {}\n");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap_or_else(|error| panic!("{error}"));
    symlink("real.yml", &link).unwrap_or_else(|error| panic!("{error}"));
    let locked = LockedFile::open(Some(&link)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((locked.file().text(), locked.file().path()), ("settings: {}\n", link.as_path()));
    locked.replace("storage: {}\n").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fs::read_to_string(&path).ok().as_deref(), Some("storage: {}\n"));
    assert_eq!(fs::metadata(&path).map(|metadata| metadata.mode() & 0o7777).ok(), Some(0o640));
    assert!(fs::symlink_metadata(&link).is_ok_and(|metadata| metadata.is_symlink()));
    assert_eq!(fs::read_dir(dir.path()).map(Iterator::count).ok(), Some(2), "nothing else is left behind");
}

#[test]
fn concurrent_edits_do_not_undo_each_other() {
    let dir = scratch();
    let path = dir.path().join("config.yml");
    write(&path, "settings: {}\n");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let path = &path;
            scope.spawn(move || {
                for at in 0..5 {
                    let id = format!("binance:candle:A{thread}B{at}-USDT:1h");
                    let dataset = id.parse().unwrap_or_else(|error| panic!("{id}: {error}"));
                    let locked = LockedFile::open(Some(path)).unwrap_or_else(|error| panic!("{error}"));
                    let text = parse(locked.file().text()).add(&dataset).unwrap_or_else(|error| panic!("{error}"));
                    locked.replace(&text).unwrap_or_else(|error| panic!("{error}"));
                }
            });
        }
    });
    let text = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(parse(&text).history.len(), 40);
}

#[test]
fn secrets_that_others_can_read_are_told_and_never_shown() {
    let dir = scratch();
    let (path, secret) = (dir.path().join("config.yml"), dir.path().join("token"));
    write(&secret, "hush\n");
    write(&path, "settings: {ui_auth_token_file: token}\nalerts: {webhook_url: 'https://hush.example.org'}\n");
    let modes = |config: u32, token: u32| {
        for (path, mode) in [(&path, config), (&secret, token)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap_or_else(|error| panic!("{error}"));
        }
        let file = ConfigFile::read(&path).unwrap_or_else(|error| panic!("{error}"));
        file.check().unwrap_or_else(|error| panic!("{error}"))
    };
    let config = modes(0o640, 0o600);
    assert_eq!(config.warnings(), Vec::<String>::new());
    let token = config.settings.ui.auth_token.as_ref().map(|token| token.reveal().unwrap_or_default());
    assert_eq!(token.as_deref(), Some("hush"));
    let shown = format!("{:?}{:?}{:?}", config.settings, config.alerts, config.effective());
    assert!(!shown.contains("hush"), "{shown}");
    let warnings = modes(0o644, 0o604).warnings();
    let said: Vec<bool> =
        ["webhook_url", "ui_auth_token"].iter().map(|name| warnings.iter().any(|w| w.contains(name))).collect();
    assert_eq!((warnings.len(), said), (2, vec![true, true]), "{warnings:?}");
    assert!(warnings.iter().all(|warning| !warning.contains("hush.")), "{warnings:?}");
    fs::remove_file(&secret).unwrap_or_else(|error| panic!("{error}"));
    let missing = ConfigFile::read(&path).map(|file| file.check().map(|config| config.warnings().len()).unwrap_or(0));
    assert_eq!(missing.ok(), Some(2), "one that cannot be read is told too");
    assert!(parse(OLD).alerts.webhook_url.is_some());
}
