//! A remote that lies: nothing is removed here, nothing is called proven, and honesty heals all of it.

use std::process::Command;

use dccd_tests::{Ended, run};

use super::{Box, count, days};

const DAYS: u64 = 2;

/// Runs `dccd-sync` against a remote that lies.
fn told(site: &Box, lie: &str, args: &[&str]) -> Ended {
    let mut command: Command = site.sync(args);
    // Only what hangs is to be cut off, not a slow machine.
    let stall_secs = if lie == "hangs" { "1" } else { "100" };
    run(command.env("LIE", lie).args(["--stall-secs", stall_secs]), "")
}

#[test]
fn nothing_goes_that_is_not_proven() {
    let Some(site) = Box::lying("a remote that lies") else { return };
    site.write(&days(0..DAYS));
    site.expect(&["push"], 0);
    let before = site.files("data");
    for lie in [
        "wrong-hash",
        "wrong-size",
        "no-size",
        "stale-listing",
        "other-paths",
        "duplicates",
        "cut-listing",
        "garbage",
        "listing-fails",
        "no-hash",
        "hangs",
    ] {
        let ended = told(&site, lie, &["purge", "--until-free-gb", "900000000"]);
        assert!([1, 75].contains(&ended.status), "{lie}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{lie}");
        assert_eq!(count(&ended.lines(), "purged"), 0, "{lie}: {}", ended.text());
        assert_eq!(site.files("data"), before, "{lie}");
        assert!(!site.scratch.join("data/.dccd/purged").exists(), "{lie}");
    }
    for lie in ["wrong-hash", "missing", "garbage"] {
        let verified = told(&site, lie, &["verify"]);
        assert!([1, 75].contains(&verified.status), "{lie}: {}", verified.text());
    }
    assert_eq!(count(&site.purge_all(), "purged"), usize::try_from(DAYS).expect("few"), "honest again");
}

#[test]
fn only_what_is_listed_goes() {
    for lie in ["missing", "partial-listing"] {
        let Some(site) = Box::lying("a remote that lies") else { return };
        site.write(&days(0..DAYS));
        site.expect(&["push"], 0);
        let ended = told(&site, lie, &["purge", "--until-free-gb", "900000000"]).expect(1);
        let (kept, purged) = (count(&ended.lines(), "kept"), count(&ended.lines(), "purged"));
        assert!(kept >= 1, "{lie}: {}", ended.text());
        assert_eq!(site.files("data").len(), kept, "{lie}: what is not listed is still here");
        assert_eq!(kept + purged, usize::try_from(DAYS).expect("few"));
    }
}

/// A file that the remote lost, and still lists.
#[test]
fn reading_back_believes_no_listing() {
    let Some(site) = Box::lying("a remote that lost a file") else { return };
    site.write(&days(0..DAYS));
    site.expect(&["push"], 0);
    let remote = site.files("remote");
    for (name, bytes) in &remote {
        // Of the same size, so that only its hash, which this remote gets wrong, or its bytes can tell.
        let mut bytes = bytes.clone();
        bytes[9] ^= 1;
        site.scratch.write(&format!("remote/{name}"), bytes);
    }
    let lines = told(&site, "no-hash", &["purge", "--read-back", "--until-free-gb", "900000000"]).expect(1).lines();
    assert_eq!((count(&lines, "purged"), count(&lines, "kept")), (0, remote.len()));
    let lines = site.purge_all();
    assert_eq!((count(&lines, "purged"), count(&lines, "kept")), (0, remote.len()));
}

/// A push under a lie proves nothing that is not so; an honest one afterwards heals.
#[track_caller]
fn push_heals(lie: &str) {
    let Some(site) = Box::lying("a remote that lies") else { return };
    site.write(&days(0..DAYS));
    let ended = told(&site, lie, &["push"]);
    assert!([1, 75].contains(&ended.status), "{lie}: {} {}", ended.stderr, ended.text());
    assert!(!ended.stderr.is_empty(), "{lie}");
    assert!(count(&ended.lines(), "sent") < usize::try_from(DAYS).expect("few"), "{lie}: {}", ended.text());
    assert!(!site.scratch.join("data/.dccd/last_sync.json").exists(), "{lie}: it was called complete");
    site.expect(&["push"], 0);
    assert_eq!(site.files("data"), site.files("remote"), "{lie}");
    assert!(site.scratch.join("data/.dccd/last_sync.json").exists(), "{lie}");
}

#[test]
fn what_is_not_proven_is_said() {
    for lie in [
        "wrong-hash",
        "wrong-size",
        "no-size",
        "missing",
        "nothing-copied",
        "partial-listing",
        "stale-listing",
        "other-paths",
        "duplicates",
        "truncated",
        "cut-listing",
        "garbage",
        "listing-fails",
        "hangs",
    ] {
        push_heals(lie);
    }
}

#[test]
fn a_failure_after_all_was_copied_is_no_failure() {
    let Some(site) = Box::lying("a remote that fails late") else { return };
    site.write(&days(0..DAYS));
    let ended = told(&site, "fails-after", &["push"]).expect(0);
    assert_eq!(count(&ended.lines(), "sent"), usize::try_from(DAYS).expect("few"));
    assert!(ended.stderr.contains("status 9: lost the connection"), "{}", ended.stderr);
    site.expect(&["verify"], 0);
}

#[test]
fn without_a_hash_the_size_is_said_to_be_all() {
    let Some(site) = Box::lying("a remote without hashes") else { return };
    site.write(&days(0..DAYS));
    let lines = told(&site, "no-hash", &["push"]).expect(0).lines();
    assert!(lines.iter().all(|line| line["by"] == "size"), "{lines:?}");
}
