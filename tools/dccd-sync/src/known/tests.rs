#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::time::Duration;

use dccd_cli::Stop;
use dccd_store::{StoreOptions, SyncSite};

use super::{Known, Proven, STALE_LINES_MAX};
use crate::digest::Digests;
use crate::rclone::Rclone;
use crate::remote::Remote;

fn proven(content: &str) -> Proven {
    let digests = Digests::of(content.as_bytes());
    Proven { digests, modified: String::new(), local: "1".to_owned(), rows: 1, first: None, last: None }
}

fn remote(name: &str) -> Remote {
    Remote::new(name, Rclone::find(Some("/bin/sh".into()), Duration::from_secs(1), Stop::default()).unwrap())
}

#[test]
fn what_is_remembered_survives_crashes_and_stays_small() {
    let dir = tempfile::tempdir().unwrap();
    let site = SyncSite::create(dir.path(), StoreOptions::AsItIs).unwrap();
    let load = || Known::load(&site, &remote("nas:x")).unwrap();
    let mut known = load();
    known.prove("a", proven("one"));
    known.sending("b", Digests::of(b"two"));
    known.save(&site).unwrap();
    let path = known.path(&site);
    // A crash tears the last line.
    let mut content = fs::read(&path).unwrap();
    content.truncate(content.len() - 9);
    fs::write(&path, content).unwrap();
    let mut known = load();
    assert_eq!(known.proven("a"), Some(&proven("one")));
    assert!(known.get("b").is_none());
    known.prove("c", proven("three"));
    known.save(&site).unwrap();
    let mut known = load();
    assert_eq!((known.proven("a"), known.proven("c")), (Some(&proven("one")), Some(&proven("three"))));
    assert!(Known::load(&site, &remote("nas:y")).unwrap().proven("a").is_none(), "remotes are told apart");
    known.prove("a", proven("four"));
    known.save(&site).unwrap();
    let content = fs::read_to_string(&path).unwrap();
    fs::write(&path, content.repeat(STALE_LINES_MAX / 3)).unwrap();
    let mut known = load();
    known.save(&site).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert_eq!((load().proven("a"), load().proven("c")), (Some(&proven("four")), Some(&proven("three"))));
}
