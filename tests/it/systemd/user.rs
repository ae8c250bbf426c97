//! The units of a user, by his own systemd: the same of his own configuration.

use super::site::Site;

const STREAM: &str = "dccd-stream@binance:BTC-USDT.service";
const TIMER: &str = "dccd-fetch@binance:candle:BTC-USDT:1m.timer";
const CONFIG: &str = "/home/kim/.config/dccd/config.yml";

const JOBS: &str = "settings: {data_path: /home/kim/data}\n\
                    histo_jobs: [{exchange: binance, pairs: [BTC/USDT], span: 1m, every: 4}]\n\
                    stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n";

#[test]
fn a_user_collects_with_units_of_his_own() {
    let Some(mut site) = Site::new("units of a user") else { return };
    site.machine.says("useradd --create-home kim && loginctl enable-linger kim");
    site.machine.wait_until("test -S /run/user/$(id -u kim)/systemd/private");
    configure(&site, JOBS);
    as_kim(&site, "systemctl --user enable --now dccd.target");
    runs(&site);

    let processes = as_kim(&site, &format!("systemctl --user show -P MainPID {STREAM}"));
    configure(&site, &JOBS.replace("stream_jobs", "stream_jbos"));
    wait_for(&site, "systemctl --user list-units --failed --no-legend 'dccd-config*' | grep -q .");
    let failed = as_kim(&site, "systemctl --user list-units --failed --no-legend --plain 'dccd*'");
    assert!(failed.starts_with("dccd-config@") && failed.lines().count() == 1, "{failed}");
    site.machine.wait_until(&format!("journalctl -o cat | grep -F {CONFIG}:3:1: | grep -qF stream_jbos"));
    assert_eq!(as_kim(&site, &format!("systemctl --user show -P MainPID {STREAM}")), processes);

    site.machine.reboot();
    site.machine.wait_until("test -S /run/user/$(id -u kim)/systemd/private");
    wait_for(&site, "systemctl --user list-units --failed --no-legend 'dccd-config*' | grep -q .");
    runs(&site);
    configure(&site, JOBS);
    wait_for(&site, "test -z \"$(systemctl --user list-units --failed --no-legend 'dccd*')\"");
}

fn configure(site: &Site, text: &str) {
    site.machine.write(CONFIG, site.with_exchange(text));
    site.machine.says("chown -R kim: /home/kim");
    as_kim(site, "systemctl --user daemon-reload");
}

/// Live data and history come in, by the configuration in force.
fn runs(site: &Site) {
    wait_for(site, &format!("systemctl --user is-active --quiet {STREAM} {TIMER}"));
    wait_for(site, "dccd-inventory --config $XDG_RUNTIME_DIR/dccd/config.yml | grep -q trade");
    wait_for(site, "dccd-inventory --config $XDG_RUNTIME_DIR/dccd/config.yml | grep -q candle");
}

fn command(script: &str) -> String {
    format!(
        "cd /home/kim && setpriv --reuid=kim --regid=kim --init-groups env HOME=/home/kim XDG_RUNTIME_DIR=/run/user/$(id -u kim) sh -c '{}'",
        script.replace('\'', "'\\''")
    )
}

fn as_kim(site: &Site, script: &str) -> String {
    site.machine.says(&command(script))
}

fn wait_for(site: &Site, script: &str) {
    site.machine.wait_until(&command(script));
}
