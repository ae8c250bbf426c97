//! `dccd start`, where there is no systemd: it collects, brings back what is killed, and ends in good order.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dccd_record::Ts;
use dccd_tests::{
    Ended, PATIENCE, Running, Scratch, Signal, Sim, assert_covered_is_there, find_command, of_kind, run, skip,
};
use rustix::process::{Pid, kill_process};

const LOOK: Duration = Duration::from_millis(50);
/// Enough of what is now.
const AROUND: Duration = Duration::from_secs(3600);
const SEEDS_MAX: u32 = 20;
const STREAM: &str = "stream_jobs: [{exchange: binance, pairs: [BTC/USDT], channels: [trades]}]\n";

/// An exchange, and what collects from it.
struct Site {
    scratch: Scratch,
    sim: Sim,
    world: Vec<String>,
}

impl Site {
    /// `None`, said aloud, where s6 or snooze is not installed.
    fn new(what: &str) -> Option<Site> {
        if let Some(missing) = ["s6-svscan", "snooze"].into_iter().find(|name| find_command(name).is_none()) {
            skip(what, &format!("{missing} is not installed"));
            return None;
        }
        let scratch = Scratch::new();
        let world = calm_world(&scratch);
        let flags: Vec<&str> = world.iter().map(String::as_str).collect();
        let sim = Sim::start(&scratch, &flags);
        fs::create_dir(scratch.join("tmp")).expect("a folder");
        Some(Site { scratch, sim, world })
    }

    fn configure(&self, text: &str) {
        let (rest, live) = (self.sim.url(), self.sim.url().replacen("http", "ws", 1));
        let exchange =
            format!("exchanges: {{binance: {{rest_url: '{rest}', archive_url: '{rest}', ws_url: '{live}'}}}}");
        self.scratch.write("config.yml", format!("settings: {{data_path: data}}\n{exchange}\n{text}"));
    }

    fn command(&self) -> Command {
        let mut command = self.scratch.shell("exec dccd start --config config.yml");
        command.env("TMPDIR", self.scratch.join("tmp"));
        command
    }

    fn start(&self) -> Running {
        Running::start_with(&mut self.command(), Stdio::null(), Stdio::piped())
    }

    /// The rows of a series.
    fn rows(&self, pair: &str) -> u64 {
        let mut inventory = self.scratch.tool("dccd-inventory");
        let ended = run(inventory.args(["--json", "--data-path", "data"]), "");
        let lines = if ended.status == 0 { ended.lines() } else { Vec::new() };
        lines.iter().filter(|line| line["pair"] == pair).filter_map(|line| line["rows"].as_u64()).sum()
    }

    /// The processes of this name that `dccd start` runs.
    fn processes(&self, name: &str) -> Vec<Pid> {
        self.all().into_iter().filter(|(_, found)| found == name).map(|(pid, _)| pid).collect()
    }

    /// All processes that `dccd start` runs, with their names: they speak of its folder, or are in it.
    fn all(&self) -> Vec<(Pid, String)> {
        let here = self.scratch.join("tmp");
        let named = |folder: PathBuf| {
            let line = fs::read(folder.join("cmdline")).ok()?;
            let is_ours = String::from_utf8_lossy(&line).contains(&here.display().to_string())
                || fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&here));
            let name = fs::read_to_string(folder.join("comm")).ok().filter(|_| is_ours)?;
            Some((Pid::from_raw(folder.file_name()?.to_str()?.parse().ok()?)?, name.trim_end().to_owned()))
        };
        let folders = fs::read_dir("/proc").expect("a list of processes");
        folders.filter_map(|entry| named(entry.ok()?.path())).collect()
    }

    /// The script that minds the pipe of the stream.
    fn script(&self) -> Pid {
        let trees = fs::read_dir(self.scratch.join("tmp")).expect("the folder of temporary files");
        let path = |tree: PathBuf| tree.join("services/stream-binance:BTC-USDT/data/pid");
        let found = trees.filter_map(|tree| fs::read_to_string(path(tree.ok()?.path())).ok()).next();
        found.and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?)).expect("a stream has a script")
    }

    /// Everything that is left of it.
    fn leftovers(&self) -> Vec<String> {
        let files = fs::read_dir(self.scratch.join("tmp")).expect("the folder of temporary files");
        let files = files.map(|entry| entry.expect("an entry").path().display().to_string());
        self.all().into_iter().map(|(_, name)| name).chain(files).collect()
    }

    /// Ends it with a signal, after which nothing is left.
    fn stop(&self, running: &mut Running, signal: Signal) -> Ended {
        running.signal(signal);
        let ended = running.wait().expect(0);
        assert_eq!(self.leftovers(), Vec::<String>::new(), "{}", ended.stderr);
        ended
    }
}

impl Drop for Site {
    /// A test that fails leaves nothing behind, either: what s6 starts again is killed again.
    fn drop(&mut self) {
        for _ in 0..100 {
            let left = self.all();
            if left.is_empty() {
                return;
            }
            for (pid, _) in left {
                // It may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
            thread::sleep(LOOK);
        }
    }
}

#[track_caller]
fn wait_for(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(LOOK);
    }
}

/// Flags of a world in which the exchange does not stand still around now.
fn calm_world(scratch: &Scratch) -> Vec<String> {
    let now = SystemTime::now();
    for seed in 1..=SEEDS_MAX {
        let world = ["--seed", &seed.to_string(), "--trades-per-day", "400000", "--burst", "0"].map(str::to_owned);
        let mut truth = scratch.tool("dccd-sim");
        truth.args(&world).args(["--now", &stamp(now + AROUND), "truth", "binance", "BTC/USDT", "--span", "1m"]);
        truth.args(["--start", &stamp(now - AROUND), "--end", &stamp(now + AROUND)]);
        if of_kind(&run(&mut truth, "").expect(0).lines(), "candle").count() >= 119 {
            return world.to_vec();
        }
    }
    panic!("an exchange that always stands still");
}

fn stamp(time: SystemTime) -> String {
    let since_1970 = time.duration_since(UNIX_EPOCH).expect("our clock is right").as_secs();
    Ts::from_secs(i64::try_from(since_1970).expect("it fits")).expect("believable").to_string()
}

#[test]
fn it_collects_brings_back_and_ends_in_good_order() {
    let Some(site) = Site::new("dccd start") else { return };
    let begun = SystemTime::now();
    site.configure(&format!("histo_jobs: [{{exchange: binance, pairs: [ETH/USDT], span: 1h}}]\n{STREAM}"));
    let mut running = site.start();
    wait_for("history and live data", || site.rows("ETH/USDT") > 0 && site.rows("BTC/USDT") > 0);

    for is_script in [false, true] {
        let [old] = site.processes("dccd-write")[..] else { panic!("one dccd-write runs") };
        kill_process(if is_script { site.script() } else { old }, Signal::KILL).expect("it runs");
        wait_for("it comes back", || matches!(site.processes("dccd-write")[..], [new] if new != old));
        let rows = site.rows("BTC/USDT");
        wait_for("it records again", || site.rows("BTC/USDT") > rows);
        // What belonged to the one that was killed is gone.
        assert_eq!(site.processes("dccd-stream").len(), 1);
    }

    site.configure("bogus: 1\n");
    running.signal(Signal::HUP);
    running.message_with("config.yml:3:1: unknown key \"bogus\"");
    site.configure(&format!("histo_jobs: [{{exchange: binance, pairs: [SOL/USDT], span: 1h}}]\n{STREAM}"));
    running.signal(Signal::HUP);
    wait_for("history of what is new", || site.rows("SOL/USDT") > 0);

    let stored = || {
        let mut read = site.scratch.tool("dccd-read");
        run(read.args(["binance", "BTC/USDT", "--kind", "trade", "--data-path", "data"]), "").expect(0).lines()
    };
    wait_for("something is covered", || of_kind(&stored(), "covered").count() > 0);
    site.stop(&mut running, Signal::TERM);
    let stored = stored();
    let mut truth = site.scratch.tool("dccd-sim");
    truth.args(&site.world).args(["truth", "binance", "BTC/USDT", "--kind", "trade", "--start", &stamp(begun)]);
    assert_covered_is_there(&stored, &run(truth.args(["--end", &stamp(SystemTime::now())]), "").expect(0).lines());
}

#[test]
fn who_waits_when_it_is_stopped_has_not_failed() {
    let Some(site) = Site::new("dccd start") else { return };
    site.configure("histo_jobs: [{exchange: binance, pairs: [ETH/USDT], span: 1h}]\n");
    let mut running = site.start();
    // That of the job, of repair and of the check.
    wait_for("all have run", || site.rows("ETH/USDT") > 0 && site.processes("snooze").len() == 3);
    site.stop(&mut running, Signal::TERM);
    let mut health = site.scratch.tool("dccd-health");
    let runs = run(health.args(["runs", "--json", "--data-path", "data"]), "").expect(0).lines();
    let states: Vec<_> = of_kind(&runs, "run").filter_map(|run| run["state"].as_str()).collect();
    assert_eq!(states, ["succeeded"], "{runs:?}");
}

#[test]
fn what_runs_ends_with_whoever_started_it() {
    let Some(site) = Site::new("dccd start") else { return };
    site.configure(STREAM);
    let mut running = site.start();
    wait_for("live data", || site.rows("BTC/USDT") > 0);
    running.signal(Signal::KILL);
    running.wait();
    wait_for("nothing is left", || site.leftovers().is_empty());
}

#[test]
fn what_ends_in_its_first_instant_says_nothing() {
    let scratch = Scratch::new();
    scratch.write("config.yml", STREAM);
    let scripts = dccd_tests::workspace_root().join("scripts");
    let mut scandir = scratch.tool("dccd-units");
    run(scandir.args(["scandir", "tree", "--config", "config.yml", "--scripts"]).arg(scripts), "").expect(0);
    let ended = run(&mut scratch.shell("cd tree/services/stream-binance:BTC-USDT && exec ./finish 256 15"), "");
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let Some(site) = Site::new("dccd start") else { return };
    site.configure(STREAM);
    let mut running = site.start();
    wait_for("live data", || site.rows("BTC/USDT") > 0);
    let [writer] = site.processes("dccd-write")[..] else { panic!("one dccd-write runs") };
    kill_process(writer, Signal::STOP).expect("it runs");
    running.signal(Signal::INT);
    wait_for("its source ends", || site.processes("dccd-stream").is_empty());
    assert_eq!(site.processes("dccd-write"), [writer]);
    site.stop(&mut running, Signal::TERM);
}

#[test]
fn what_cannot_be_started_is_said() {
    let Some(site) = Site::new("dccd start") else { return };
    let check = |config: &str, wanted: &str| {
        site.configure(config);
        let ended = run(&mut site.command(), "").expect(78);
        assert!(ended.stderr.contains(wanted), "{}", ended.stderr);
        assert_eq!(site.leftovers(), Vec::<String>::new());
    };
    check("bogus: 1\n", "config.yml:3:1: unknown key \"bogus\"");
    check("histo_jobs: [{exchange: binanse, pairs: [ETH/USDT], span: 1h}]\n", "did you mean \"binance\"?");
    check("", "has no job that runs by itself");
    // Nothing but what every system has.
    let bin = site.scratch.join("bin");
    fs::create_dir(&bin).expect("a folder");
    for name in ["sh", "dirname", "readlink"] {
        let found = find_command(name).expect("a program that every system has");
        std::os::unix::fs::symlink(found, bin.join(name)).expect("a link");
    }
    let script = dccd_tests::workspace_root().join("scripts/dccd-start");
    let ended = run(site.scratch.program(script).env("PATH", &bin), "").expect(78);
    assert_eq!(ended.stderr, "dccd-start: the program s6-svscan is not installed: install the package s6\n");
    let flag = run(&mut site.scratch.shell("dccd start --bogus"), "").expect(2);
    assert_eq!(flag.stderr, "dccd-start: there is no flag or argument --bogus; see dccd-start --help\n");
}
