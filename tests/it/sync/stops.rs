//! Killed at any point: the next one goes on.

use std::time::{Duration, Instant};

use dccd_tests::{Ended, PATIENCE, Random, Running, Signal, run};

use super::{Box, count, days};

const DAYS: u64 = 12;

/// Runs it until an rclone that outlived its killed parent has let the lock go.
fn patiently(site: &Box, args: &[&str]) -> Ended {
    let until = Instant::now() + PATIENCE;
    loop {
        let ended = run(&mut site.sync(args), "");
        if !ended.stderr.contains("sync.lock") || Instant::now() > until {
            return ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn killed_while_it_pushes() {
    let Some(site) = Box::lying("a push that is killed") else { return };
    site.write(&days(0..DAYS));
    let mut random = Random::new("a push that is killed");
    for _ in 0..6 {
        let mut push = site.sync(&["push"]);
        let running = Running::start(push.env("LIE", "slow"));
        std::thread::sleep(Duration::from_millis(random.below(900)));
        running.kill();
        patiently(&site, &["verify"]);
        assert_eq!(site.ids().len(), 240, "a push changes nothing here");
        // A file that was sent in part is ours to mend.
        if let Some((name, bytes)) = site.files("remote").pop() {
            let half = usize::try_from(random.below(u64::try_from(bytes.len()).expect("small"))).expect("small");
            site.scratch.write(&format!("remote/{name}"), &bytes[..half]);
        }
    }
    patiently(&site, &["push"]).expect(0);
    site.expect(&["verify"], 0);
    assert_eq!(site.files("data"), site.files("remote"));
}

#[test]
fn killed_while_it_purges_or_restores() {
    let Some(site) = Box::lying("a purge that is killed") else { return };
    site.write(&days(0..DAYS));
    site.expect(&["push"], 0);
    let full = site.files("remote");
    let mut random = Random::new("a purge that is killed");
    for round in 0..10 {
        let args: &[&str] = if round % 2 == 0 { &["purge", "--until-free-gb", "900000000"] } else { &["restore"] };
        let running = Running::start(&mut site.sync(args));
        std::thread::sleep(Duration::from_millis(random.below(700)));
        running.kill();
        // Each day is here, or elsewhere with a marker that says so.
        let here = site.files("data").len();
        let inventory = run(site.scratch.tool("dccd-inventory").args(["--json", "--data-path", "data"]), "");
        let purged = inventory.expect(0).lines()[0]["purged"]["files"].as_u64().unwrap_or(0);
        assert_eq!(here + usize::try_from(purged).expect("few"), 12, "round {round}: a day is neither here nor there");
    }
    patiently(&site, &["restore"]).expect(0);
    assert_eq!(site.ids().len(), 240);
    assert_eq!(site.files("remote"), full);
    let leftovers: Vec<_> = dccd_tests::files_under(&site.scratch.join("data"))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(".part"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn told_to_stop() {
    let Some(site) = Box::lying("a push that is stopped") else { return };
    site.write(&days(0..DAYS));
    for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut push = site.sync(&["push"]);
        let mut running = Running::start(push.env("LIE", "slow"));
        let until = Instant::now() + PATIENCE;
        while site.files("remote").is_empty() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.status, status, "{}", ended.stderr);
        std::fs::remove_dir_all(site.scratch.join("remote")).expect("a folder");
    }
    let lines = site.expect(&["push"], 0).lines();
    assert_eq!(count(&lines, "sent"), 12);
}
