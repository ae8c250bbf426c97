//! A newer package over an older one that runs, and none at all afterwards.

use super::site::Site;

const STREAM: &str = "dccd-stream@binance:BTC-USDT.service";

/// Another version of the package that was installed.
const NEWER: &str = r#"set -eu
dpkg-deb -R /root/dccd.deb /root/newer
sed -i 's/^Version: .*/&+newer/' /root/newer/DEBIAN/control
dpkg-deb -Znone -b /root/newer /root/newer.deb"#;

const REPAIRED: &str = "systemctl start dccd-repair.service
! dccd-inventory --gaps --json --data-path /var/lib/dccd/data | grep '\"gap\"'";

#[test]
fn an_upgrade_loses_nothing_and_a_purge_leaves_the_store() {
    let Some(site) = Site::new("upgrading a machine") else { return };
    let machine = &site.machine;
    machine.says("rm -f /var/lib/man-db/auto-update");
    assert_eq!(machine.says("systemctl is-enabled dccd.target"), "enabled");
    // As it comes, it has nothing to do, and nothing fails.
    assert_eq!(machine.says("systemctl list-units --no-legend --failed 'dccd*'"), "");
    site.configure("stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n");
    machine.wait_until(&format!("systemctl is-active --quiet dccd.target {STREAM}"));
    site.wait_for_cover("BTC/USDT", site.now());
    let before = machine.property(STREAM, "InvocationID");
    let config = machine.read("/etc/dccd/config.yml");

    machine.says(NEWER);
    machine.says("DPKG_FORCE=unsafe-io DEBIAN_FRONTEND=noninteractive dpkg -i /root/newer.deb");
    machine.wait_for("the stream runs again", || {
        let is_new = machine.property(STREAM, "InvocationID") != before;
        (is_new && machine.property(STREAM, "ActiveState") == "active").then_some(())
    });
    assert_eq!(machine.read("/etc/dccd/config.yml"), config);
    // It was told to end and did, rather than being killed, and what came until then was stored.
    let told = machine.says(&format!("journalctl --no-pager --output=cat -u '{STREAM}'"));
    assert!(!told.contains("Failed with result") && !told.contains("Killing process"), "{told}");
    assert_eq!(machine.property(STREAM, "NRestarts"), "0");
    let end = site.now();
    site.wait_for_cover("BTC/USDT", end);
    // History has the newest seconds a little later than they were.
    machine.wait_until(REPAIRED);
    site.assert_trades_are_whole("BTC/USDT", end);

    machine.says("dpkg --purge dccd");
    assert_eq!(
        machine.says("systemctl list-units --no-legend --all 'dccd-*@*' dccd.target | grep -v not-found || :"),
        ""
    );
    assert_eq!(machine.says("ps -e -o comm= | grep '^dccd' || :"), "");
    assert_ne!(machine.says("find /var/lib/dccd/data/binance/trades/BTC-USDT -name '*.parquet'"), "");
    assert!(machine.run("ls /etc/dccd /var/lib/dccd/budget").status != 0, "more is left than the store");
}
