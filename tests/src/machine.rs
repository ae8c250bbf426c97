//! A machine that boots: a real systemd, whose root is an overlay of the host's.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{Ended, PATIENCE, Running, find_command, run, skip, workspace_root};

/// What `tests/boot-systemd.sh` and the machine are made of.
const NEEDS: [&str; 6] = ["systemctl", "dbus-daemon", "unshare", "nsenter", "setpriv", "ip"];
const LOOK: Duration = Duration::from_millis(50);
/// Lines of the journal that a test which fails shows.
const JOURNAL_LINES: &str = "--lines=2000";

/// A running machine, gone with all that is in it when dropped, or when the test ends in whatever way.
#[derive(Debug)]
pub struct Machine {
    orders: Running,
    /// Its first process, as the host numbers it.
    first: u32,
    network: File,
}

impl Machine {
    /// Boots one; `None`, said aloud, where that cannot be.
    pub fn boot(what: &str) -> Option<Machine> {
        if let Some(why) = obstacle() {
            skip(what, &why);
            return None;
        }
        let mut script = Command::new("sh");
        // What kills the tests as a group does not keep it from cleaning up after them.
        script.arg(workspace_root().join("tests/boot-systemd.sh")).process_group(0);
        let mut orders = Running::start(&mut script);
        let first = order_up(&mut orders);
        let network = File::open(format!("/proc/{first}/ns/net")).expect("the network of a process that runs");
        Some(Machine { orders, first, network })
    }

    /// Powers off in good order, and boots again.
    pub fn reboot(&mut self) {
        self.restart("down\n");
    }

    /// Ends everything at once, and boots again.
    pub fn cut_power(&mut self) {
        self.restart("cut\n");
    }

    /// A file of the machine, as the host finds it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        Path::new(&format!("/proc/{}/root", self.first)).join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
    }

    /// Writes a file, whose folder is made if it is missing.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder in the machine");
        }
        std::fs::write(&path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// A shell command, to be run in the machine by root.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.first.to_string(), "-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"]);
        command.args(["env", "-i", "container=box", "HOME=/root", "LC_ALL=C.UTF-8", "TZ=UTC", "SYSTEMD_PAGER="]);
        command.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.args(["sh", "-c", script]);
        command
    }

    /// Runs a shell command to its end.
    pub fn run(&self, script: &str) -> Ended {
        run(&mut self.shell(script), "")
    }

    /// What a shell command, which must end with 0, says on standard output.
    #[track_caller]
    pub fn says(&self, script: &str) -> String {
        let ended = self.run(script);
        assert_eq!(ended.status, 0, "{script}\nends with {}:\n{}{}", ended.status, ended.text(), ended.stderr);
        ended.text().trim_end().to_owned()
    }

    /// Calls a function whose sockets, threads and processes belong to the machine's network. That network, a loopback
    /// interface, outlives boots: what serves there is somewhere else.
    pub fn in_network<T>(&self, call: impl FnOnce() -> T) -> T {
        let before = File::open("/proc/thread-self/ns/net").expect("the network of this thread");
        move_to(&self.network);
        let _back = Back(before);
        call()
    }

    /// Waits until `look` finds something.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
            thread::sleep(LOOK);
        }
    }

    /// Waits until a shell command ends with 0.
    #[track_caller]
    pub fn wait_until(&self, script: &str) {
        self.wait_for(script, || (self.run(script).status == 0).then_some(()));
    }

    /// One property of a unit, as `systemctl show` says it.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.says(&format!("systemctl show --value --property={name} '{unit}'"))
    }

    /// The processes of a unit with their names, numbered as the host does.
    pub fn processes(&self, unit: &str) -> Vec<(Pid, String)> {
        let group = self.property(unit, "ControlGroup");
        // Unified, and else what systemd keeps beside the controllers of version 1.
        let mounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
        let lists = mounts.map(|mount| self.path(format!("{mount}{group}/cgroup.procs")));
        let list = lists.iter().filter(|_| !group.is_empty()).find_map(|path| std::fs::read_to_string(path).ok());
        let pids = list.unwrap_or_default();
        let named = |pid: &str| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some((Pid::from_raw(pid.parse().ok()?)?, name.trim_end().to_owned()))
        };
        pids.lines().filter_map(named).collect()
    }

    fn restart(&mut self, order: &str) {
        self.orders.write(order);
        self.orders.line_with("down");
        self.first = order_up(&mut self.orders);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            let journal = self.run(&format!("journalctl --no-pager --output=short-precise {JOURNAL_LINES}"));
            show(&format!("the journal of the machine:\n{}{}", journal.text(), journal.stderr));
        }
        // At the end of its orders it cleans up.
        self.orders.close_stdin();
        self.orders.wait();
    }
}

/// Brings a thread back to its network.
struct Back(File);

impl Drop for Back {
    fn drop(&mut self) {
        move_to(&self.0);
    }
}

fn move_to(network: &File) {
    let moved = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
    moved.expect("root may move a thread to a network");
}

fn order_up(orders: &mut Running) -> u32 {
    orders.write("up\n");
    let Some(line) = orders.line() else { panic!("no machine: {}", orders.wait().stderr) };
    line.strip_prefix("up ").and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("not an answer: {line:?}"))
}

/// Why no machine can be booted here.
fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root may boot a machine".to_owned());
    }
    if let Some(missing) = NEEDS.into_iter().find(|name| find_command(name).is_none()) {
        return Some(format!("{missing} is not installed"));
    }
    let tried = run(Command::new("unshare").args(["--mount", "--net", "--pid", "--fork", "true"]), "");
    (tried.status != 0).then(|| format!("root may not make namespaces here: {}", tried.stderr.trim_end()))
}

#[allow(clippy::print_stderr, reason = "the test runner keeps it for tests that fail")]
fn show(text: &str) {
    eprintln!("{text}");
}
