//! Trouble: what stalls is restarted, what keeps failing is told once, what cannot work is not tried for ever.

use dccd_tests::{Machine, Signal};
use rustix::process::kill_process;

use super::site::Site;
use crate::alerts::Listener;

const STREAM: &str = "dccd-stream@binance:BTC-USDT.service";
const FETCH: &str = "dccd-fetch@binance:trade:ETH-USDT.service";

#[test]
fn what_stalls_is_restarted_and_what_fails_is_told() {
    let Some(site) = Site::new("trouble") else { return };
    let listener = site.machine.in_network(Listener::start);
    site.drop_in("dccd-stream@.service", "[Service]\nWatchdogSec=15s\nTimeoutStopSec=2s\n");
    let config = format!(
        "settings: {{data_path: /var/lib/dccd/data}}\n\
         alerts: {{webhook_url: 'http://127.0.0.1:{}/T0KEN', max_consecutive_errors: 3}}\n\
         histo_jobs: [{{exchange: binance, pairs: [ETH/USDT], kind: trades, every: 3, max_retries: 0}}]\n\
         stream_jobs: [{{exchange: binance, pairs: [BTC/USDT], channels: [trades]}}]\n",
        listener.port
    );
    site.configure(&config);
    site.machine.wait_until(&format!("systemctl is-active --quiet {STREAM}"));
    a_stalled_stream_is_restarted(&site);
    a_failing_job_is_told_once(&site, &listener);
    a_killed_job_counts_once(&site, &listener);
    what_cannot_work_is_not_tried_for_ever(&site, &config);
}

fn a_stalled_stream_is_restarted(site: &Site) {
    let machine = &site.machine;
    let processes = machine.processes(STREAM);
    let (pid, _) = processes.iter().find(|(_, name)| name == "dccd-stream").expect("it runs");
    kill_process(*pid, Signal::STOP).expect("it runs");
    machine.wait_until(&format!("journalctl -o cat -u {STREAM} | grep -q 'Watchdog timeout'"));
    machine.wait_for("a new one runs", || {
        let is_active = machine.property(STREAM, "ActiveState") == "active";
        (is_active && machine.property(STREAM, "NRestarts") != "0").then_some(())
    });
    let begin = site.now();
    site.wait_for_cover("BTC/USDT", begin);
}

fn a_failing_job_is_told_once(site: &Site, listener: &Listener) {
    let machine = &site.machine;
    site.page("/sim/faults?kind=html&path=symbol=ETHUSDT");
    machine.wait_for("somebody is told", || (!listener.texts().is_empty()).then_some(()));
    wait_for_runs(machine, 2);
    let [told] = &listener.texts()[..] else { panic!("{:?}", listener.texts()) };
    assert!(told.contains("binance:trade:ETH-USDT failed 3 times in a row"), "{told}");
    site.page("/sim/faults?clear=1");
    machine.wait_for("somebody is told of its end", || (listener.texts().len() > 1).then_some(()));
    wait_for_runs(machine, 1);
    let [_, told] = &listener.texts()[..] else { panic!("{:?}", listener.texts()) };
    assert!(told.contains("binance:trade:ETH-USDT works again"), "{told}");
}

/// What is killed with all that could count it is counted by systemd's word, once for each end.
fn a_killed_job_counts_once(site: &Site, listener: &Listener) {
    let machine = &site.machine;
    site.page("/sim/faults?kind=stall&path=symbol=ETHUSDT");
    let mut invocation = String::new();
    for _ in 0..3 {
        machine.wait_for("a run in flight", || {
            let now = machine.property(FETCH, "InvocationID");
            let is_new = now != invocation && machine.processes(FETCH).iter().any(|(_, name)| name == "dccd-fetch");
            is_new.then(|| invocation = now)
        });
        // Nobody is left for a moment who could count.
        machine.says(&format!("systemctl kill --signal=STOP {FETCH} && systemctl kill --signal=KILL {FETCH}"));
    }
    site.page("/sim/faults?clear=1");
    machine.wait_for("somebody is told twice more", || (listener.texts().len() > 3).then_some(()));
    let texts = listener.texts();
    let [_, _, failing, works] = &texts[..] else { panic!("{texts:?}") };
    assert!(failing.contains("binance:trade:ETH-USDT failed 3 times in a row"), "{failing}");
    assert!(works.ends_with("after it failed 3 times in a row"), "{works}");
}

fn what_cannot_work_is_not_tried_for_ever(site: &Site, config: &str) {
    let machine = &site.machine;
    // A wrong setting that no configuration shows.
    site.drop_in("dccd-stream@.service", "[Service]\nEnvironment=DCCD_BUDGET_DIR=/proc/nowhere\n");
    machine.says(&format!("systemctl daemon-reload; systemctl restart {STREAM} || :"));
    let words = || machine.says(&format!("journalctl -o cat -u {STREAM} | grep -v Triggering"));
    machine.wait_for("it has failed", || (machine.property(STREAM, "ActiveState") == "failed").then_some(()));
    wait_for_runs(machine, 1);
    let before = words();
    assert!(before.ends_with(&format!("Failed to start {STREAM} - Live market data of binance:BTC-USDT.")), "{before}");
    // In this time systemd would have tried again what a target upholds.
    wait_for_runs(machine, 4);
    assert_eq!(words(), before, "it is tried again and again");
    // Mended, it is begun with whatever is new.
    machine.says("rm -r /etc/systemd/system/dccd-stream@.service.d");
    site.configure(&format!("# Mended.\n{config}"));
    machine.wait_until(&format!("systemctl is-active --quiet {STREAM}"));
}

/// Waits until the job has run so many times more, whatever came of it.
fn wait_for_runs(machine: &Machine, count: u32) {
    let mut left = count;
    let mut last = machine.property(FETCH, "InvocationID");
    machine.wait_for(&format!("{count} runs"), || {
        let now = machine.property(FETCH, "InvocationID");
        let is_over = machine.property(FETCH, "ActiveState") != "activating";
        if is_over && now != last {
            last = now;
            left -= 1;
        }
        (left == 0).then_some(())
    });
}
