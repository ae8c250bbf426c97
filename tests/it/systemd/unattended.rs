//! A machine that nobody looks after: it collects, whatever is killed comes back, a boot catches up, and nothing is lost.

use dccd_tests::{Signal, of_kind};
use rustix::process::{Pid, kill_process};

use super::site::Site;

const STREAM: &str = "dccd-stream@binance:BTC-USDT.service";
const FETCH: &str = "dccd-fetch@binance:trade:ETH-USDT";
const DAILY: &str = "dccd-fetch@binance:candle:ETH-USDT:1h";
/// The pipe of a stream, and the shell that minds it.
const PROCESSES: [&str; 4] = ["dccd-stream", "dccd-write", "dccd-health", "dccd-run"];

#[test]
fn a_machine_collects_comes_back_and_catches_up() {
    let Some(mut site) = Site::new("an unattended machine") else { return };
    site.drop_in(&format!("{DAILY}.timer"), "[Timer]\nRandomizedDelaySec=0\n");
    site.configure(&format!(
        "settings: {{data_path: /var/lib/dccd/data}}\n\
         histo_jobs:\n\
         - {{exchange: binance, pairs: [ETH/USDT], kind: trades, start: '{}', every: 4}}\n\
         - {{exchange: binance, pairs: [ETH/USDT], span: 1h, start: '{}', cron: '0 4 * * *'}}\n\
         stream_jobs:\n\
         - {{exchange: binance, pairs: [BTC/USDT], channels: [trades, book], time_step: 60}}\n",
        site.now().saturating_add(-600_000_000_000),
        site.now().saturating_add(-72_000_000_000_000),
    ));
    it_collects(&site);
    each_process_of_a_stream_comes_back(&site);
    a_run_that_was_killed_is_made_again(&site);
    for is_cut in [false, true] {
        a_boot_catches_up(&mut site, is_cut);
    }
    nothing_is_lost(&site);
    all_is_well(&site);
}

fn it_collects(site: &Site) {
    let machine = &site.machine;
    let begin = site.now();
    machine.wait_until(&format!("systemctl is-active --quiet dccd.target {FETCH}.timer {DAILY}.timer {STREAM}"));
    let timers = machine.says("systemctl list-timers --no-legend 'dccd-*'");
    for unit in [FETCH, DAILY, "dccd-repair", "dccd-check"] {
        assert!(timers.contains(&format!("{unit}.timer")), "{unit} has no timer that waits: {timers}");
    }
    site.wait_for_cover("BTC/USDT", begin);
    // A timer that fires again and again brings history up to what was now a moment ago.
    site.wait_for_cover("ETH/USDT", begin);
}

/// Kills what `name` is of a unit, as the kernel does when memory is short.
fn kill(site: &Site, unit: &str, name: &str) {
    let find = || site.machine.processes(unit).into_iter().find(|(_, found)| found == name);
    let (pid, _): (Pid, _) = site.machine.wait_for(&format!("{name} runs in {unit}"), find);
    kill_process(pid, Signal::KILL).expect("it runs");
}

fn each_process_of_a_stream_comes_back(site: &Site) {
    let machine = &site.machine;
    for name in PROCESSES {
        let restarts = machine.property(STREAM, "NRestarts");
        kill(site, STREAM, name);
        machine.wait_for(&format!("it comes back when {name} is killed"), || {
            let is_new = machine.property(STREAM, "NRestarts") != restarts;
            (is_new && machine.property(STREAM, "ActiveState") == "active").then_some(())
        });
        let found: Vec<String> = machine.processes(STREAM).into_iter().map(|(_, name)| name).collect();
        assert!(PROCESSES.iter().all(|name| found.iter().any(|other| other == name)), "{found:?}");
        // As if it had run well for long: the next start follows at once.
        machine.says("rm -f /run/dccd/stream/binance:BTC-USDT/starts");
    }
}

fn a_run_that_was_killed_is_made_again(site: &Site) {
    let machine = &site.machine;
    site.page("/sim/faults?kind=delay&ms=2000&path=/api/v3/");
    kill(site, &format!("{FETCH}.service"), "dccd-fetch");
    site.page("/sim/faults?clear=1");
    let killed = site.now();
    machine.wait_until("dccd-health runs --data-path /var/lib/dccd/data --failed | grep -q binance:trade:ETH-USDT");
    site.wait_for_cover("ETH/USDT", killed);
}

fn a_boot_catches_up(site: &mut Site, is_cut: bool) {
    // The daily job has not run for days.
    site.machine.says(&format!("touch -d '3 days ago' /var/lib/systemd/timers/stamp-{DAILY}.timer"));
    if is_cut {
        site.machine.cut_power();
    } else {
        site.machine.reboot();
    }
    let begin = site.now();
    let machine = &site.machine;
    machine.wait_until(&format!("systemctl is-active --quiet {FETCH}.timer {DAILY}.timer {STREAM}"));
    site.wait_for_cover("BTC/USDT", begin);
    site.wait_for_cover("ETH/USDT", begin);
    machine.wait_for("the job that was missed has run", || {
        (machine.property(&format!("{DAILY}.service"), "ExecMainExitTimestampMonotonic") != "0").then_some(())
    });
}

fn nothing_is_lost(site: &Site) {
    let end = site.now();
    for pair in ["BTC/USDT", "ETH/USDT"] {
        site.wait_for_cover(pair, end);
    }
    let gaps = |lines: &[serde_json::Value]| of_kind(lines, "gap").count();
    assert!(gaps(&site.trades("BTC/USDT")) > 0, "what was killed has left gaps");
    site.machine.says("systemctl start dccd-repair.service");
    for pair in ["BTC/USDT", "ETH/USDT"] {
        site.assert_trades_are_whole(pair, end);
    }
}

fn all_is_well(site: &Site) {
    let status = site.machine.says("cd / && dccd status");
    for pair in ["binance/BTC/USDT", "binance/ETH/USDT"] {
        assert!(status.contains(pair), "{status}");
    }
    let check = site.machine.says("cd / && dccd-health check");
    assert!(check.starts_with("All is well: 4 datasets are fresh"), "{check}");
}
