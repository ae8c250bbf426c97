//! The configuration is edited and systemd told: what is asked for runs, what is not stops, and a mistake changes nothing.

use dccd_tests::Machine;

use super::site::Site;

const STREAM: &str = "dccd-stream@binance:BTC-USDT.service";
const OTHER_STREAM: &str = "dccd-stream@binance:ETH-USDT.service";
const TIMER: &str = "dccd-fetch@binance:candle:BTC-USDT:1m.timer";
const SERVICE: &str = "dccd-fetch@binance:candle:BTC-USDT:1m.service";
const OTHER_TIMER: &str = "dccd-fetch@binance:candle:ETH-USDT:1m.timer";

/// A configuration with these pairs and this time between two stored books.
fn config(pairs: &str, time_step: u32) -> String {
    format!(
        "settings: {{data_path: /var/lib/dccd/data}}\n\
         histo_jobs:\n\
         - {{exchange: binance, pairs: [{pairs}], span: 1m, every: 4}}\n\
         stream_jobs:\n\
         - {{exchange: binance, pairs: [{pairs}], channels: [trades, book], time_step: {time_step}}}\n"
    )
}

#[test]
fn what_is_configured_runs_and_a_mistake_changes_nothing() {
    let Some(mut site) = Site::new("a configuration that is edited") else { return };
    site.configure(&config("BTC/USDT, ETH/USDT", 60));
    wait_active(&site.machine, &[STREAM, OTHER_STREAM, TIMER, OTHER_TIMER]);
    let running = site.machine.processes(STREAM);
    let runs_on = |site: &Site| assert_eq!(site.machine.processes(STREAM), running, "a running stream runs on");

    // Removed, and added again.
    site.configure(&config("BTC/USDT", 60));
    wait_gone(&site.machine, &[OTHER_STREAM, OTHER_TIMER]);
    assert_eq!(site.machine.processes(OTHER_STREAM), []);
    runs_on(&site);
    site.configure(&config("BTC/USDT, ETH/USDT", 60));
    wait_active(&site.machine, &[OTHER_STREAM, OTHER_TIMER]);
    runs_on(&site);

    // Changed.
    site.configure(&config("BTC/USDT, ETH/USDT", 30));
    runs_on(&site);
    let units = site.machine.run("cd / && dccd units").text();
    assert!(units.lines().any(|line| line.contains("binance:BTC-USDT") && line.contains("restart")), "{units}");

    // Mistaken.
    site.machine.wait_until("test -z \"$(systemctl list-units --state=activating --no-legend 'dccd-config@*')\"");
    let mistake = config("BTC/USDT, ETH/USDT", 30).replace("histo_jobs", "histo_jbos");
    site.configure(&mistake);
    let failed = wait_for_failure(&site.machine, "histo_jbos");
    runs_on(&site);
    wait_active(&site.machine, &[STREAM, OTHER_STREAM, TIMER, OTHER_TIMER]);
    assert_eq!(site.machine.property(STREAM, "NRestarts"), "0");
    does_not_loop(&site.machine, &failed);

    // Mended.
    site.configure(&config("BTC/USDT, ETH/USDT", 60));
    site.machine.wait_until("test -z \"$(systemctl list-units --failed --no-legend 'dccd*')\"");
    runs_on(&site);

    // Mistaken at boot: the last valid one is in force.
    site.write_config(&mistake);
    site.machine.reboot();
    let failed = wait_for_failure(&site.machine, "histo_jbos");
    wait_active(&site.machine, &[STREAM, OTHER_STREAM, TIMER, OTHER_TIMER]);
    does_not_loop(&site.machine, &failed);
    site.configure(&config("BTC/USDT", 60));
    site.machine.wait_until("test -z \"$(systemctl list-units --failed --no-legend 'dccd*')\"");
    wait_gone(&site.machine, &[OTHER_STREAM, OTHER_TIMER]);
    wait_active(&site.machine, &[STREAM, TIMER]);
}

fn wait_active(machine: &Machine, units: &[&str]) {
    for unit in units {
        machine.wait_until(&format!("systemctl is-active --quiet {unit}"));
    }
}

fn wait_gone(machine: &Machine, units: &[&str]) {
    for unit in units {
        machine
            .wait_for(&format!("{unit} ends"), || (machine.property(unit, "ActiveState") == "inactive").then_some(()));
    }
}

/// The one unit that failed, once it has said what is wrong, and where.
fn wait_for_failure(machine: &Machine, word: &str) -> String {
    machine.wait_until("systemctl list-units --failed --no-legend 'dccd*' | grep -q .");
    let failed = machine.says("systemctl list-units --failed --no-legend --plain 'dccd*'");
    let units: Vec<&str> = failed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let [unit] = units[..] else { panic!("one unit fails: {failed}") };
    // Line 2, column 1.
    machine.wait_until(&format!("journalctl -o cat -u '{unit}' | grep -F /etc/dccd/config.yml:2:1: | grep -qF {word}"));
    unit.to_owned()
}

/// Whatever failed is left alone while others run several times.
fn does_not_loop(machine: &Machine, failed: &str) {
    let count = || machine.says("journalctl -o cat | grep -c -e '^Starting dccd-config' -e '^Failed to start' || :");
    let runs = || -> u32 {
        machine.says(&format!("journalctl -o cat -u '{SERVICE}' | grep -c ^Finished || :")).parse().expect("a count")
    };
    let before = count();
    let until = runs() + 3;
    machine.wait_for("three runs", || (runs() >= until).then_some(()));
    assert_eq!(count(), before, "{failed} is started again and again");
}
