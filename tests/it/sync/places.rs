//! Where copies lie: a folder, WebDAV, S3; and a new host that begins with one.

use std::fs;

use dccd_tests::{Running, find_python, of_kind, run, skip};

use super::{Box, count, days, trade};

/// The life of a store with one kind of remote.
#[track_caller]
fn check(site: &Box, by: &str, purged_by: &str) {
    site.write(&days(0..3));
    let lines = site.expect(&["push"], 0).lines();
    assert_eq!(count(&lines, "sent"), 3);
    assert!(lines.iter().all(|line| line["by"] == by), "{lines:?}");
    assert!(site.expect(&["push"], 0).text().is_empty(), "what was proven is sent, or told, again");
    assert_eq!(count(&site.expect(&["verify"], 0).lines(), "proven"), 3);
    // A day that grows replaces what is there.
    site.write(&trade(500, 1, 40));
    assert_eq!(count(&site.expect(&["push", "--dry-run"], 0).lines(), "lacking"), 1);
    assert_eq!(count(&site.expect(&["push"], 0).lines(), "sent"), 1);
    let ids = site.ids();
    let purged = site.purge_all();
    assert_eq!(count(&purged, "purged"), 3);
    assert!(purged.iter().all(|line| line["by"] == purged_by), "{purged:?}");
    assert!(site.ids().is_empty());
    site.expect(&["verify"], 0);
    let restored = site.expect(&["restore"], 0).lines();
    assert_eq!(count(&restored, "restored"), 3);
    assert_eq!(site.ids(), ids);
    // A new host knows what the old one did.
    fs::rename(site.scratch.join("data"), site.scratch.join("lost")).expect("a move");
    assert_eq!(count(&site.expect(&["restore", "--dry-run"], 0).lines(), "lacking"), 3);
    assert!(!site.scratch.join("data").exists());
    site.expect(&["restore"], 0);
    assert_eq!(site.ids(), ids);
    let knowledge = site.knowledge();
    assert_eq!(of_kind(&knowledge, "gap").count(), 0, "{knowledge:?}");
    let covered: Vec<_> = of_kind(&knowledge, "covered").collect();
    assert_eq!(covered.len(), 1, "{covered:?}");
    assert_eq!(covered[0]["start"], super::midnight(0));
    assert_eq!(covered[0]["end"], super::midnight(3));
    assert!(site.expect(&["restore"], 0).text().is_empty(), "what is here comes again");
    site.expect(&["push"], 0);
    site.expect(&["verify"], 0);
}

#[test]
fn a_folder() {
    let Some(site) = Box::real("a folder as remote") else { return };
    check(&site, "sha256", "sha256");
    let names = site.files("remote").into_iter().map(|(name, _)| name);
    assert!(names.eq((1..=3).map(|day| format!("binance/trades/BTC-USDT/2024-01-{day:02}.parquet"))));
    let last: serde_json::Value =
        serde_json::from_slice(&fs::read(site.scratch.join("data/.dccd/last_sync.json")).expect("it was pushed"))
            .expect("JSON");
    assert!(last["last_sync_at"].as_f64().is_some_and(|at| at > 1.7e9), "{last}");
    assert_eq!(last["remotes"], serde_json::json!([site.remote]));
}

#[test]
fn webdav() {
    let Some(mut site) = Box::real("WebDAV as remote") else { return };
    fs::create_dir(site.scratch.join("remote")).expect("a folder");
    let mut serve = site.scratch.program(&site.rclone);
    let mut server = Running::start(serve.args(["serve", "webdav", "remote", "--addr", "127.0.0.1:0"]));
    let said = server.message_with("started on http://");
    let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
    site.remote = format!(":webdav,url=\"{url}\":");
    check(&site, "size", "bytes");
}

#[test]
fn s3() {
    let Some(mut site) = Box::real("S3 as remote") else { return };
    let Some(python) = find_python(&["moto.server"]) else {
        return skip("S3 as remote", "there is no such Python module: moto");
    };
    let mut serve = site.scratch.program(&python);
    let mut server = Running::start(serve.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]));
    let said = server.message_with("Running on http://");
    let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
    site.remote = format!(
        ":s3,provider=Other,access_key_id=testing,secret_access_key=hunter2,endpoint=\"{url}\",force_path_style=true:bucket/data"
    );
    check(&site, "md5", "md5");
    let lines = site.expect(&["verify"], 0).text();
    assert!(lines.contains("secret_access_key=***") && !lines.contains("hunter2"), "{lines}");
}

/// Rows that only a journal holds are not claimed by what travels.
#[test]
fn the_ledger_claims_what_the_files_hold() {
    let Some(site) = Box::real("a ledger that travels") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    site.purge_all();
    // Two more days, and late rows of a day that is elsewhere.
    site.write(&(trade(600, 0, 50) + &days(2..3)));
    site.expect(&["push"], 0);
    let mut elsewhere = site.scratch.tool("dccd-sync");
    elsewhere.args(["restore", "--data-path", "new", "--remote", &site.remote]).arg("--rclone").arg(&site.rclone);
    run(&mut elsewhere, "").expect(0);
    assert_eq!(site.ids_of("new"), (0..60).collect::<Vec<u64>>());
}

/// The front door, and the configuration's remotes: two of them.
#[test]
fn from_a_configuration() {
    let Some(site) = Box::real("a configuration with remotes") else { return };
    let config = format!(
        "settings:\n  data_path: data\nstorage:\n  remotes:\n    - {{provider: rclone, remote: \":local:{0}/a\"}}\n    - {{provider: rclone, remote: \":local:{0}/b\"}}\n",
        site.scratch.path().display()
    );
    site.scratch.write("config.yml", config);
    site.write(&days(0..3));
    let lines = run(&mut site.scratch.shell("dccd sync push"), "").expect(0).lines();
    assert_eq!(count(&lines, "sent"), 6);
    assert_eq!(site.files("a"), site.files("b"));
    // Nothing goes that one of them has not.
    let (name, _) = site.files("b").remove(0);
    fs::remove_file(site.scratch.join(&format!("b/{name}"))).expect("a file");
    let purge = "dccd sync purge --until-free-gb 900000000";
    let lines = run(&mut site.scratch.shell(purge), "").expect(1).lines();
    assert_eq!((count(&lines, "purged"), count(&lines, "kept")), (2, 1));
    let inventory = run(&mut site.scratch.shell("dccd inventory --json"), "").expect(0).lines();
    assert_eq!((inventory[0]["rows"].as_u64(), inventory[0]["purged"]["rows"].as_u64()), (Some(20), Some(40)));
    // Bytes on a remote that went bad are found.
    let (name, mut bytes) = site.files("b").remove(0);
    bytes[7] ^= 1;
    site.scratch.write(&format!("b/{name}"), bytes);
    let lines = run(&mut site.scratch.shell("dccd sync verify"), "").expect(1).lines();
    assert_eq!((count(&lines, "differs"), count(&lines, "missing"), count(&lines, "proven")), (1, 1, 4));
    let words = run(&mut site.scratch.shell("dccd --complete sync pu"), "").expect(0).text();
    assert_eq!(words, "purge\npush\n");
}

/// Decimals stay decimals.
#[test]
fn a_store_of_decimals() {
    let Some(mut site) = Box::real("a store of decimals") else { return };
    let mut write = site.scratch.tool("dccd-write");
    run(write.args(["--decimal", "--data-path", "data"]), days(0..2)).expect(0);
    site.expect(&["push"], 0);
    let full = site.files("data");
    fs::rename(site.scratch.join("data"), site.scratch.join("lost")).expect("a move");
    // A folder that is there already, as where a disk is mounted, is as good as none.
    fs::create_dir(site.scratch.join("data")).expect("a folder");
    site.expect(&["restore"], 0);
    assert_eq!(site.files("data"), full);
    run(site.scratch.tool("dccd-write").args(["--decimal", "--data-path", "data"]), trade(700, 0, 50)).expect(0);
    site.expect(&["push"], 0);
    // A store of other numbers does not go to the same place in silence.
    fs::rename(site.scratch.join("data"), site.scratch.join("decimals")).expect("a move");
    site.write(&days(5..6));
    for args in ["push", "restore"] {
        assert!(site.expect(&[args], 78).stderr.contains("has a store of decimals"));
    }
    site.remote = site.scratch.join("floats").display().to_string();
    site.expect(&["push"], 0);
    fs::rename(site.scratch.join("data"), site.scratch.join("of-floats")).expect("a move");
    fs::rename(site.scratch.join("decimals"), site.scratch.join("data")).expect("a move");
    assert!(site.expect(&["push"], 78).stderr.contains("has a store of floats"));
}

/// What numbers a store has is known on a remote before it has any file.
#[test]
fn decimals_that_are_on_their_way() {
    let Some(site) = Box::lying("a push of decimals that is cut off") else { return };
    let mut write = site.scratch.tool("dccd-write");
    run(write.args(["--decimal", "--data-path", "data"]), days(0..2)).expect(0);
    for (lie, files) in [("nothing-copied", false), ("fails-after-one", true)] {
        run(site.sync(&["push"]).env("LIE", lie), "").expect(75);
        assert_eq!(site.scratch.join("remote/.dccd/store.json").exists(), files, "{lie}");
        assert_eq!(!site.files("remote").is_empty(), files, "{lie}");
    }
    fs::rename(site.scratch.join("data"), site.scratch.join("lost")).expect("a move");
    site.expect(&["restore"], 0);
    assert!(site.scratch.join("data/.dccd/store.json").exists());
}

/// What the environment tells rclone to say, and where, changes nothing.
#[test]
fn talk() {
    let Some(site) = Box::real("an environment that tells rclone to talk") else { return };
    site.write(&days(0..2));
    let log = site.scratch.join("log").display().to_string();
    let mut push = site.sync(&["push"]);
    let settings =
        [("PROGRESS", "true"), ("QUIET", "true"), ("VERBOSE", "2"), ("LOG_LEVEL", "ERROR"), ("LOG_FILE", &log)];
    run(push.envs(settings.map(|(name, value)| (format!("RCLONE_{name}"), value))), "").expect(0);
    assert!(!site.scratch.join("log").exists());
    site.expect(&["verify"], 0);
}

/// Folders of a store that rclone would take for remotes or flags, and files that are links.
#[test]
fn odd_places() {
    let Some(site) = Box::real("odd places of a store") else { return };
    for data in ["nas:store", "-v", "a 'b'"] {
        run(site.scratch.tool("dccd-write").arg(format!("--data-path={data}")), days(0..2)).expect(0);
        let name = "binance/trades/BTC-USDT/2024-01-01.parquet";
        let (file, elsewhere) = (site.scratch.join(&format!("{data}/{name}")), site.scratch.join("elsewhere"));
        fs::rename(&file, &elsewhere).expect("a move");
        std::os::unix::fs::symlink(&elsewhere, &file).expect("a link");
        for args in [&["push"][..], &["verify"], &["restore"]] {
            let mut sync = site.scratch.tool("dccd-sync");
            sync.args(args).arg("--rclone").arg(&site.rclone).arg(format!("--data-path={data}"));
            let lines = run(sync.args(["--remote", &site.remote]), "").expect(0).lines();
            assert!(args != ["push"] || lines.iter().any(|line| line["path"] == name), "{lines:?}");
        }
        assert_eq!(site.files("remote").len(), 2);
        fs::remove_dir_all(&site.remote).expect("a folder");
    }
}

/// Nobody reads what it says: it goes on all the same.
#[test]
fn unread() {
    let Some(site) = Box::real("a push that nobody reads") else { return };
    site.write(&days(0..3));
    let script = format!("dccd-sync push --data-path data --remote '{}' | true", site.remote);
    run(&mut site.scratch.shell(&script), "").expect(0);
    site.expect(&["verify"], 0);
}
