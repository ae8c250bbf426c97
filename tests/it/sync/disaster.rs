//! What befell users of dccd 3, and what else might take rows from a remote.

use std::fs;

use dccd_tests::of_kind;

use super::{Box, PER_DAY, count, days, trade, trades};

/// Purge, append, copy: the remote's day had one trade left.
#[test]
fn purge_append_push() {
    let Some(site) = Box::real("purge, append, push") else { return };
    site.write(&days(0..3));
    site.expect(&["push"], 0);
    let full = site.files("remote");
    assert_eq!(count(&site.purge_all(), "purged"), 3);
    assert!(site.files("data").is_empty());
    // What is covered is not asked for again, and who reads is told where it is.
    let plan = dccd_tests::run(site.scratch.tool("dccd-plan").args(["--gaps", "--data-path", "data"]), "").expect(0);
    assert_eq!(of_kind(&plan.lines(), "range").count(), 0);
    let knowledge = site.knowledge();
    assert_eq!((of_kind(&knowledge, "covered").count(), of_kind(&knowledge, "gap").count()), (0, 3));
    for gap in of_kind(&knowledge, "gap") {
        let reason = gap["reason"].as_str().unwrap_or("");
        assert!(reason.contains(&site.remote) && reason.contains("dccd-sync restore"), "{reason}");
    }
    for round in 0..3 {
        let ended = site.write(&(trade(100, 0, 50) + &days(3..4)));
        assert!(ended.stderr.contains("dccd-sync restore"), "{round}: {}", ended.stderr);
        assert!(ended.text().contains("\"kind\":\"covered\""), "all else goes on");
        site.expect(&["push"], 0);
        let remote = site.files("remote");
        assert_eq!(&remote[..3], &full[..], "{round}: the remote lost rows");
        assert_eq!(remote.len(), 4);
    }
    assert_eq!(site.ids(), [vec![100], (60..80).collect()].concat());
    site.expect(&["restore", "--start", "2024-01-01", "--end", "2024-01-03"], 0);
    site.write("");
    let first: Vec<u64> = (0..20).chain([100]).chain(20..40).chain(60..80).collect();
    assert_eq!(site.ids(), first);
    assert_eq!(of_kind(&site.knowledge(), "gap").count(), 1, "only the third day is still elsewhere");
    // The day has grown, and goes where it was.
    site.expect(&["push"], 0);
    site.expect(&["restore"], 0);
    site.expect(&["verify"], 0);
    assert_eq!(site.ids().len(), 81);
}

/// A day that is written past the journal all at once, while its file is elsewhere.
#[test]
fn much_for_a_purged_day() {
    let Some(site) = Box::real("much for a purged day") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    site.purge_all();
    let much: String = (0..150_000).map(|id| trade(1_000 + id, 0, id % 3_000)).collect();
    let ended = site.write(&much);
    assert!(ended.stderr.contains("wait in the journal"), "{}", ended.stderr);
    assert!(site.files("data").is_empty(), "a purged day was written anew");
    assert_eq!(site.ids().len(), 150_000);
    site.expect(&["restore"], 0);
    site.write("");
    assert_eq!(site.ids().len(), 150_000 + usize::try_from(2 * PER_DAY).expect("few"));
    let waiting = fs::read_dir(site.scratch.join("data/.dccd/journal")).expect("the journals").count();
    assert_eq!(waiting, 0);
}

/// The disk lost a file, and what came since is another part of its day.
#[test]
fn a_lost_file() {
    let Some(site) = Box::real("a lost file") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    let full = site.files("remote");
    let name = &full[0].0;
    for keep in [true, false] {
        fs::remove_file(site.scratch.join(&format!("data/{name}"))).expect("a file");
        if !keep {
            fs::remove_dir_all(site.scratch.join("data/.dccd")).expect("a folder");
        }
        site.write(&(trades(5..15) + &trade(200, 0, 59)));
        let ended = site.expect(&["push"], 1);
        let lines = ended.lines();
        let conflict = lines.iter().find(|line| line["state"] == "conflict").expect("a conflict");
        assert_eq!(conflict["path"].as_str(), Some(name.as_str()));
        assert!(
            conflict["why"].as_str().is_some_and(|why| why.contains("10 rows") && why.contains("dccd-sync restore"))
        );
        assert_eq!(site.files("remote")[0], full[0], "the remote lost rows");
        // The remedy that is printed.
        site.expect(&["restore"], 0);
        assert_eq!(site.ids(), (0..20).chain([200]).chain(20..40).collect::<Vec<u64>>());
        site.expect(&["push"], 0);
        site.expect(&["verify"], 0);
        site.scratch.write(&format!("remote/{name}"), &full[0].1);
        fs::remove_dir_all(site.scratch.join("data/.dccd/sync")).expect("a folder");
        site.expect(&["push"], 0);
        site.scratch.write(&format!("remote/{name}"), &full[0].1);
        fs::remove_dir_all(site.scratch.join("data/.dccd/sync")).expect("a folder");
    }
}

/// What a lost file held is not outgrown by what came since.
#[test]
fn a_lost_file_that_grows() {
    let Some(site) = Box::real("a lost file that grows") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    let full = site.files("remote");
    fs::remove_file(site.scratch.join(&format!("data/{}", full[0].0))).expect("a file");
    site.write(&(trades(0..5) + &trade(1_000, 0, 100)));
    assert_eq!(count(&site.expect(&["push"], 1).lines(), "conflict"), 1);
    // Now it has more rows, from no later to no earlier.
    site.write(&(1_001..1_100).map(|id| trade(id, 0, id - 900)).collect::<String>());
    assert_eq!(count(&site.expect(&["push"], 1).lines(), "conflict"), 1);
    assert_eq!(site.files("remote"), full, "the remote lost rows");
    assert_eq!(count(&site.expect(&["restore"], 0).lines(), "joined"), 1);
    site.expect(&["push"], 0);
    assert_eq!(site.ids(), (0..20).chain(1_000..1_100).chain(20..40).collect::<Vec<u64>>());
    site.expect(&["verify"], 0);
}

/// A remote that lacks what was purged is told nothing of it, and one that lost it is not called whole.
#[test]
fn a_lost_copy() {
    let Some(mut site) = Box::real("a lost copy") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    site.purge_all();
    site.write(&days(2..3));
    let first = std::mem::replace(&mut site.remote, site.scratch.join("another").display().to_string());
    site.expect(&["push"], 0);
    let read = dccd_tests::run(
        site.scratch
            .tool("dccd-read")
            .args(["binance", "BTC/USDT", "--kind", "trade"])
            .args(["--data-path", "another"]),
        "",
    );
    let lines = read.expect(0).lines();
    let covered: Vec<_> = of_kind(&lines, "covered").collect();
    assert_eq!(covered.len(), 1, "{covered:?}");
    assert_eq!(covered[0]["start"], super::midnight(2));
    site.remote = first;
    site.expect(&["push"], 0);
    let last = fs::read(site.scratch.join("data/.dccd/last_sync.json")).expect("a file");
    let lost = site.files("remote").remove(0);
    fs::remove_file(site.scratch.join(&format!("remote/{}", lost.0))).expect("a file");
    assert_eq!(count(&site.expect(&["push"], 1).lines(), "missing"), 1);
    assert_eq!(fs::read(site.scratch.join("data/.dccd/last_sync.json")).expect("a file"), last);
    site.scratch.write(&format!("remote/{}", lost.0), &lost.1);
    site.expect(&["push"], 0);
}

/// Two hosts, one remote.
#[test]
fn a_second_host() {
    let Some(first) = Box::real("a second host") else { return };
    let Some(mut second) = Box::real("a second host") else { return };
    second.remote = first.remote.clone();
    first.write(&days(0..2));
    first.expect(&["push"], 0);
    second.write(&(trades(0..10) + &trade(300, 0, 30)));
    let full = first.files("remote");
    assert_eq!(count(&second.expect(&["push"], 1).lines(), "conflict"), 1);
    assert_eq!(first.files("remote"), full);
    second.expect(&["restore"], 0);
    second.expect(&["push"], 0);
    assert_eq!(second.ids(), (0..20).chain([300]).chain(20..40).collect::<Vec<u64>>());
    // What the second one joined, the first one must not take apart again.
    first.write(&trade(400, 0, 40));
    assert_eq!(count(&first.expect(&["push"], 1).lines(), "conflict"), 1);
    first.expect(&["restore"], 0);
    first.expect(&["push"], 0);
    let all: Vec<u64> = (0..20).chain([300, 400]).chain(20..40).collect();
    assert_eq!(first.ids(), all);
    second.expect(&["restore"], 0);
    assert_eq!(second.ids(), all);
    second.expect(&["verify"], 0);
}

/// The store is its own remote: every file is there, and must not be lost.
#[test]
fn a_store_is_no_copy_of_itself() {
    let Some(mut site) = Box::real("a store as its own remote") else { return };
    site.write(&days(0..2));
    site.remote = site.scratch.join("data").display().to_string();
    let before = site.files("data");
    for args in [&["push"][..], &["verify"], &["restore"], &["purge", "--until-free-gb", "900000000"]] {
        let ended = site.expect(args, 78);
        assert!(ended.stderr.contains("is the store itself"), "{}", ended.stderr);
    }
    assert_eq!(site.files("data"), before);
}

/// A folder of the store is a link to another disk, and the remote is there: its files are copies of themselves.
#[test]
fn a_folder_in_common() {
    let Some(mut site) = Box::real("a folder in common") else { return };
    site.write(&days(0..2));
    site.remote = site.scratch.join("disk").display().to_string();
    for folder in ["binance/trades/BTC-USDT", "binance"] {
        let (here, there) =
            (site.scratch.join(&format!("data/{folder}")), site.scratch.join(&format!("disk/{folder}")));
        fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
        fs::rename(&here, &there).expect("a move");
        std::os::unix::fs::symlink(&there, &here).expect("a link");
        let before = site.files("disk");
        assert_eq!(before.len(), 2);
        for args in [&["push"][..], &["verify"], &["restore"], &["purge", "--until-free-gb", "900000000"]] {
            let ended = site.expect(args, 78);
            assert!(ended.stderr.contains("a folder of the store"), "{}", ended.stderr);
        }
        assert_eq!(site.files("disk"), before);
        assert_eq!(site.ids().len(), 40);
        fs::remove_file(&here).expect("a link");
        fs::rename(&there, &here).expect("a move");
        fs::remove_dir_all(site.scratch.join("disk")).expect("a folder");
    }
    let left = dccd_tests::files_under(&site.scratch.join("data"));
    assert!(!left.iter().any(|path| path.display().to_string().contains("probe")), "{left:?}");
    site.expect(&["push"], 0);
}

/// Something lies where a file is to go.
#[test]
fn what_is_not_ours_stays() {
    let Some(site) = Box::real("a foreign file") else { return };
    site.write(&days(0..2));
    let name = site.files("data")[0].0.clone();
    let foreign = site.scratch.write(&format!("remote/{name}"), "somebody's notes");
    let lines = site.expect(&["push"], 1).lines();
    assert_eq!((count(&lines, "conflict"), count(&lines, "sent")), (1, 1));
    assert_eq!(fs::read(&foreign).expect("it is still there"), b"somebody's notes");
    assert_eq!(count(&site.purge_all(), "purged"), 1, "only the other day is proven");
    fs::remove_file(&foreign).expect("a file");
    site.expect(&["push"], 0);
}

/// The host dies while it replaces a file: what it had sent before is not lost with it.
#[test]
fn a_host_that_died_while_it_sent() {
    let Some(site) = Box::real("a host that died") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    site.write(&trade(800, 0, 50));
    site.expect(&["push"], 0);
    let (name, bytes) = site.files("remote").remove(0);
    site.scratch.write(&format!("remote/{name}"), &bytes[..bytes.len() / 2]);
    fs::rename(site.scratch.join("data"), site.scratch.join("lost")).expect("a move");
    let lines = site.expect(&["restore"], 1).lines();
    assert_eq!(count(&lines, "restored"), 2);
    assert!(lines.iter().any(|line| line["why"].as_str().is_some_and(|why| why.contains("what it had replaced"))));
    assert_eq!(site.ids(), (0..40).collect::<Vec<u64>>());
    // Of the older one it is not claimed that it is all.
    let knowledge = site.knowledge();
    let covered: Vec<_> = of_kind(&knowledge, "covered").collect();
    assert_eq!(covered.len(), 1, "{covered:?}");
    assert_eq!(covered[0]["start"], super::midnight(1));
}

/// A push is killed twice while it replaces a file: what it had before is kept until another is there.
#[test]
fn a_push_that_died_twice() {
    let Some(site) = Box::real("a push that died twice") else { return };
    site.write(&days(0..2));
    site.expect(&["push"], 0);
    site.write(&trade(800, 0, 50));
    site.expect(&["push"], 0);
    let (name, bytes) = site.files("remote").remove(0);
    let replaced = site.scratch.join(&format!("remote/.dccd/replaced/{name}"));
    let older = fs::read(&replaced).expect("what was replaced");
    // As a kill leaves it: noted, and half there.
    let known = dccd_tests::files_under(&site.scratch.join("data/.dccd/sync")).remove(0);
    let noted = fs::read_to_string(&known).expect("what is known");
    let line = noted.lines().rfind(|line| line.contains(&name)).expect("the file");
    let mut line: serde_json::Value = serde_json::from_str(line).expect("a line");
    line["sending"] = line["proven"]["digests"].take();
    line["proven"] = serde_json::Value::Null;
    fs::write(&known, format!("{line}\n")).expect("a note");
    site.scratch.write(&format!("remote/{name}"), &bytes[..bytes.len() / 2]);
    assert_eq!(count(&site.expect(&["push"], 0).lines(), "sent"), 1);
    assert_eq!(site.files("remote")[0].1, bytes);
    assert_eq!(fs::read(&replaced).expect("what was replaced"), older);
}

/// A week belongs to the year in which it begins, and nobody claims it without that year's file.
#[test]
fn a_week_across_the_year() {
    let Some(site) = Box::real("a week across the year") else { return };
    let series = "\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"span\":604800";
    let row = "\"open\":1,\"high\":1,\"low\":1,\"close\":1,\"volume\":1,\"quote_volume\":1,\"trades\":1";
    let weeks = ["2023-12-18", "2023-12-25", "2024-01-01", "2024-12-30", "2025-01-06"];
    let candle = |day: &&str| format!("{{\"kind\":\"candle\",{series},\"ts\":\"{day}T00:00:00Z\",{row}}}\n");
    let mut lines: String = weeks.iter().map(candle).collect();
    lines += &format!(
        "{{\"kind\":\"covered\",{series},\"of\":\"candle\",\"start\":\"2023-12-18T00:00:00Z\",\"end\":\"2025-01-13T00:00:00Z\",\"proof\":\"page\"}}\n"
    );
    site.write(&lines);
    site.expect(&["push"], 0);
    let covered = || {
        let mut read = site.scratch.tool("dccd-read");
        read.args(["binance", "BTC/USDT", "--span", "1w", "--data-path", "data"]);
        let lines = dccd_tests::run(&mut read, "").expect(0).lines();
        let day = |line: &serde_json::Value, key: &str| line[key].as_str().expect("an instant")[..10].to_owned();
        of_kind(&lines, "covered").map(|line| (day(line, "start"), day(line, "end"))).collect::<Vec<_>>()
    };
    let days = |start: &str, end: &str| (start.to_owned(), end.to_owned());
    assert_eq!(count(&site.purge_all(), "purged"), 2, "the last year is not over");
    assert_eq!(covered(), [days("2025-01-06", "2025-01-13")]);
    site.expect(&["restore", "--end", "2024-01-01"], 0);
    assert_eq!(covered(), [days("2023-12-18", "2024-01-01"), days("2025-01-06", "2025-01-13")]);
    // A new place, to which only the last year comes.
    fs::rename(site.scratch.join("data"), site.scratch.join("lost")).expect("a move");
    site.expect(&["restore", "--start", "2025-02-01"], 0);
    assert_eq!(covered(), [days("2025-01-06", "2025-01-13")]);
    site.expect(&["restore"], 0);
    assert_eq!(covered(), [days("2023-12-18", "2025-01-13")]);
}
