//! What units may not: the verifier has nothing to say, exposure is low, and attempts from inside are denied.

use std::collections::BTreeMap;

use dccd_tests::Machine;

use super::site::Site;

/// Highest exposure that `systemd-analyze security` may find, of 10.
const EXPOSURE_MAX: f64 = 1.2;
/// What every service is tried with: nothing of it is needed.
const PROBE: &str = include_str!("probe.pl");
/// What the probe tries first, and has to get: it works, and so does what a unit needs.
const NEEDED: [&str; 4] = ["write to the store", "read /etc", "run a program", "open an internet socket"];

/// Services, with the instance that stands for all where there is one.
const SERVICES: [&str; 7] = [
    "dccd-fetch@binance:candle:BTC-USDT:1m.service",
    "dccd-stream@binance:BTC-USDT.service",
    "dccd-repair.service",
    "dccd-sync.service",
    "dccd-check.service",
    "dccd-alert@dccd-check.service.service",
    "dccd-config@probe.service",
];

#[test]
fn units_are_sound_and_confine_what_they_run() {
    let Some(site) = Site::new("what units may not") else { return };
    site.configure(
        "settings: {data_path: /var/lib/dccd/data}\n\
         storage: {remotes: [{provider: rclone, remote: ':local:/var/lib/dccd/copy'}]}\n\
         histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1m}]\n\
         stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n",
    );
    site.machine.wait_until("systemctl is-active --quiet dccd-stream@binance:BTC-USDT.service");
    the_verifier_is_silent(&site.machine);
    exposure_is_low(&site.machine);
    attempts_are_denied(&site.machine);
}

/// Every unit of ours that is loaded, generated or not.
fn units(machine: &Machine) -> Vec<String> {
    let listed = machine.says("systemctl list-units --all --plain --no-legend 'dccd*'");
    let mut units: Vec<String> =
        listed.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    units.extend(SERVICES.map(str::to_owned));
    units.sort();
    units.dedup();
    units
}

/// The verifier takes a colon in a name for something else: what has one is loaded with the target that upholds it.
fn the_verifier_is_silent(machine: &Machine) {
    let verify = "systemd-analyze verify --recursive-errors=yes";
    let units = "dccd.target dccd-fetch@x.service dccd-fetch@x.timer dccd-stream@x.service dccd-config@x.service dccd-config@x.timer \
                 dccd-alert@x.service dccd-repair.service dccd-repair.timer dccd-sync.service dccd-sync.timer dccd-check.service \
                 dccd-check.timer";
    for verify in [verify.to_owned(), verify.replacen(" verify", " --user verify", 1)] {
        let ended = machine.run(&format!("XDG_RUNTIME_DIR=/run {verify} {units}"));
        assert_eq!((ended.status, ended.text().as_str(), ended.stderr.as_str()), (0, "", ""), "{verify}");
    }
    let warned = machine.says("journalctl -o cat -p warning _PID=1 | grep -F dccd || :");
    assert_eq!(warned, "", "systemd complains when it loads them");
}

#[allow(clippy::print_stdout, reason = "figures for whoever runs this with --nocapture")]
fn exposure_is_low(machine: &Machine) {
    for service in units(machine).iter().filter(|unit| unit.ends_with(".service")) {
        let told = machine.run(&format!("systemd-analyze security --no-pager --offline=true '{service}'")).text();
        let line =
            told.lines().find(|line| line.contains("exposure level")).unwrap_or_else(|| panic!("{service}: {told}"));
        println!("{line}");
        let figure = line.rsplit_once(": ").and_then(|(_, rest)| rest.split_whitespace().next());
        let exposure: f64 = figure.and_then(|figure| figure.parse().ok()).expect("a figure");
        assert!(exposure <= EXPOSURE_MAX, "{told}");
    }
}

fn attempts_are_denied(machine: &Machine) {
    machine.write("/run/probe.pl", PROBE);
    machine.says("useradd --create-home kim && chmod 755 /home/kim && echo secret >/home/kim/secret");
    machine.says("echo secret | tee /tmp/ours >/root/secret && chmod 755 /root && chmod 644 /root/secret");
    machine.says("for name in /etc /usr/lib /srv /opt; do touch $name/ours; chmod 666 $name/ours; done");
    machine.says("systemctl stop dccd.target");
    // Nothing of this is impossible by itself.
    let free = tried(&machine.says("install -d -m 777 /tmp/store && cd /tmp/store && exec perl /run/probe.pl"));
    let impossible: Vec<_> = free.iter().filter(|(_, said)| *said != "done").collect();
    assert!(impossible.is_empty(), "root can do it: {impossible:?}");
    for service in SERVICES {
        let found = tried(&in_unit(machine, service));
        assert_eq!(found.len(), free.len(), "{service}: {found:?}");
        for (attempt, said) in &found {
            let is_done = said == "done";
            assert_eq!(is_done, NEEDED.contains(&attempt.as_str()), "{service}: {attempt}: {said}");
        }
    }
}

/// What attempts came to.
fn tried(text: &str) -> BTreeMap<String, String> {
    let parts = text.lines().filter_map(|line| line.split_once(": "));
    parts.map(|(attempt, said)| (attempt.to_owned(), said.to_owned())).collect()
}

/// Runs the probe in place of what a service runs, with everything else as it is.
fn in_unit(machine: &Machine, service: &str) -> String {
    let text = "[Unit]\nStopWhenUnneeded=no\nOnFailure=\n[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\n\
                ExecStart=\nExecStart=/usr/bin/perl /run/probe.pl\nExecStopPost=\nStandardOutput=truncate:/run/probe.out\n";
    machine.write(&format!("/run/systemd/system/{service}.d/99-probe.conf"), text);
    machine.says(&format!("systemctl daemon-reload && systemctl start '{service}'"));
    machine.read("/run/probe.out")
}
