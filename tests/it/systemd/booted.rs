//! The machine itself: it keeps its state, it shares no network with the host, and nothing is left of it.

use std::path::Path;

use dccd_tests::{Machine, Scratch, Sim, run};

#[test]
fn a_machine_keeps_its_files_and_leaves_nothing() {
    let Some(mut machine) = Machine::boot("a machine that is booted again") else { return };
    let scratch = Scratch::new();
    let sim = machine.in_network(|| Sim::start(&scratch, &[]));
    let ping = format!("curl -sS {}/api/v3/ping", sim.url());
    assert_eq!(machine.says(&ping), "{}");
    assert_ne!(run(&mut scratch.shell(&ping), "").status, 0, "the host has no such network");

    machine.write("/etc/kept/here", "written\n");
    machine.says("systemd-run --unit=sleeping sleep infinity");
    let id = machine.says("cat /proc/sys/kernel/random/boot_id; systemctl show --value -p UserspaceTimestampMonotonic");
    machine.reboot();
    assert_eq!(machine.read("/etc/kept/here"), "written\n");
    assert_ne!(machine.run("systemctl is-active sleeping").status, 0);
    machine.write("/var/lib/kept", "");
    machine.cut_power();
    machine.says("cat /etc/kept/here /var/lib/kept");
    assert_ne!(machine.says("systemctl show --value -p UserspaceTimestampMonotonic"), id);
    assert_eq!(machine.says(&ping), "{}", "the network outlives boots");

    let home = machine.says("cd /etc && echo dccd-machine.*");
    assert!(std::env::temp_dir().join(&home).is_dir());
    drop(machine);
    assert!(!std::env::temp_dir().join(&home).exists());
    assert!(!Path::new("/etc").join(&home).exists());
    let groups =
        run(&mut scratch.shell(&format!("find /sys/fs/cgroup -name '{home}'; grep '{home}' /proc/mounts")), "");
    assert_eq!(groups.text(), "");
}

#[test]
fn machines_do_not_meet() {
    let Some(one) = Machine::boot("two machines at once") else { return };
    let Some(other) = Machine::boot("two machines at once") else { return };
    one.write("/etc/mine", "");
    one.says("systemd-run --unit=mine sleep infinity");
    let names: Vec<String> = one.processes("mine.service").into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["sleep"]);
    assert!(!other.path("/etc/mine").exists());
    assert_ne!(other.run("systemctl is-active mine").status, 0);
    drop(one);
    other.says("systemctl is-active basic.target");
}
