//! What programs gave up they cannot do: each is caught at its work and made to try.

use std::collections::BTreeMap;
use std::io::{PipeReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dccd_tests::{
    Outcomes, PATIENCE, Running, Scratch, Signal, Sim, Trades, call_inside, example_path, run, skip, thread_fields,
    tool_path,
};
use rustix::fs::{OFlags, fcntl_setfl};

/// What somebody who has taken a program over may try, as gdb writes it. `DATA` is the store, `ELSEWHERE` another folder,
/// and `VICTIM` another program.
const ATTEMPTS: [(&str, &str); 18] = [
    ("read-etc", r#"(int)open("/etc/passwd", 0)"#),
    ("read-root", r#"(int)open("/", 0)"#),
    ("read-elsewhere", r#"(int)open("ELSEWHERE/secret", 0)"#),
    ("read-store", r#"(int)open("DATA/.dccd", 0)"#),
    ("write-elsewhere", r#"(int)open("ELSEWHERE/new", 65, 0644)"#),
    ("write-store", r#"(int)open("DATA/new", 65, 0644)"#),
    ("write-counts", r#"(int)open("DATA/.dccd/new", 65, 0644)"#),
    ("change", r#"(int)open("ELSEWHERE/secret", 1)"#),
    ("truncate", r#"(int)truncate("ELSEWHERE/secret", 0)"#),
    ("rename", r#"(int)rename("ELSEWHERE/a", "ELSEWHERE/b")"#),
    ("mkdir", r#"(int)mkdir("ELSEWHERE/folder", 0755)"#),
    ("socket", "(int)socket(2, 1, 0)"),
    ("local-socket", "(int)socket(1, 1, 0)"),
    (
        "bind",
        r#"(int)bind((int)socket(2, 1, 0), "\002\000\000\000\177\000\000\001\000\000\000\000\000\000\000\000", 16)"#,
    ),
    ("listen", "(int)listen((int)socket(2, 1, 0), 1)"),
    ("run-shell", r#"(int)system("exit 0") == 0 ? 0 : -1"#),
    ("signal", "(int)kill(VICTIM, 0)"),
    ("trace", "(int)ptrace(16, VICTIM, 0, 0)"),
];

/// How the kernel refuses: `EPERM` or `EACCES`.
const REFUSALS: [i64; 2] = [-1, -13];

/// Files of all sorts, and a program that is none of ours.
struct Place {
    scratch: Scratch,
    sim: Sim,
    victim: Running,
}

/// What a program runs under.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kernel {
    Whole,
    Without(&'static str),
}

impl Place {
    fn new() -> Place {
        let scratch = Scratch::new();
        scratch.write("elsewhere/secret", "nobody's business");
        scratch.write("elsewhere/a", "");
        let mut write = scratch.tool("dccd-write");
        run(write.args(["--data-path", "data"]), Trades::new("binance:trade:BTC-USDT").page(0..2_000)).expect(0);
        let sim = Sim::start(&scratch, &["--now", "2024-03-01T12:00:00Z", "--speed", "1", "--fault", "delay:ms=200"]);
        let victim = Running::start(&mut scratch.shell("exec sleep 1000"));
        Place { scratch, sim, victim }
    }

    fn command(&self, kernel: Kernel, tool: &str, args: &[&str]) -> Command {
        let mut command = match kernel {
            Kernel::Whole => self.scratch.tool(tool),
            Kernel::Without(layer) => {
                let mut command = self.scratch.program(example_path("kernel_without").expect("an example"));
                command.arg(layer).arg(tool_path(tool));
                command
            }
        };
        command.args(args).env("DCCD_BINANCE_REST_URL", self.sim.url());
        command.env("DCCD_BINANCE_WS_URL", self.sim.url().replacen("http", "ws", 1));
        command
    }

    /// History for many minutes to come.
    fn fetch(&self, kernel: Kernel, flags: &[&str]) -> Running {
        let args = ["binance", "BTC/USDT", "--span", "1m", "--start", "2020-01-01", "--source", "rest"];
        let mut fetch = Running::start(self.command(kernel, "dccd-fetch", &args).args(flags));
        fetch.line_with("\"covered\"");
        fetch
    }

    fn stream(&self) -> Running {
        let args = ["binance", "BTC/USDT"];
        let mut stream = Running::start(&mut self.command(Kernel::Whole, "dccd-stream", &args));
        stream.line_with("\"trade\"");
        stream
    }

    fn write(&self, kernel: Kernel, flags: &[&str]) -> Running {
        let args = ["--data-path", "data", "--sync-ms", "1"];
        let mut write = Running::start(self.command(kernel, "dccd-write", &args).args(flags));
        write.write(Trades::new("binance:trade:ETH-USDT").page(0..10));
        write.line_with("\"stored\"");
        write
    }

    /// One that waits: for input, or for somebody to read what it wrote.
    fn waiting(&self, tool: &str, args: &[&str]) -> (Running, PipeReader) {
        let (reader, writer) = full_pipe();
        let mut command = self.command(Kernel::Whole, tool, args);
        let running = Running::start_with(&mut command, Stdio::piped(), writer);
        let until = Instant::now() + PATIENCE;
        while thread_fields(running.id(), "Seccomp:").iter().any(|mode| mode != "2") {
            assert!(Instant::now() < until, "{tool} never confined itself");
            std::thread::park_timeout(Duration::from_millis(5));
        }
        (running, reader)
    }

    /// What every attempt gives, in every thread; `None`, said aloud, where nobody can look inside.
    fn attempts(&self, program: &Running) -> Option<BTreeMap<String, Outcomes>> {
        let fill = |call: &str| {
            let call = call.replace("ELSEWHERE", &self.scratch.join("elsewhere").display().to_string());
            let call = call.replace("DATA", &self.scratch.join("data").display().to_string());
            call.replace("VICTIM", &self.victim.id().to_string())
        };
        let found = call_inside(&self.scratch, program.id(), &ATTEMPTS.map(|(name, call)| (name, fill(call))));
        if found.is_none() {
            skip("attempts from inside of programs", "gdb is missing, or may not look into them");
        }
        found
    }

    /// Makes a program try everything: it must be able to do what is `allowed`, in each thread, and nothing else in any.
    #[track_caller]
    fn check(&self, program: Running, allowed: &[&str]) {
        for (field, expected) in [("Seccomp:", "2"), ("NoNewPrivs:", "1")] {
            let threads = thread_fields(program.id(), field);
            assert!(!threads.is_empty() && threads.iter().all(|value| value == expected), "{field} {threads:?}");
        }
        for (name, outcomes) in self.attempts(&program).into_iter().flatten() {
            let is_allowed = allowed.contains(&name.as_str());
            let is_so = |outcome: &i64| if is_allowed { *outcome >= 0 } else { REFUSALS.contains(outcome) };
            assert!(outcomes.iter().all(is_so), "{name}: {outcomes:?}, and it is to be allowed: {is_allowed}");
        }
        program.kill();
    }

    /// Makes a program try everything that it could do for all that it gave up.
    #[track_caller]
    fn check_free(&self, program: Running, refused: &[&str]) {
        for (name, outcomes) in self.attempts(&program).into_iter().flatten() {
            let is_free = outcomes.iter().any(|outcome| *outcome >= 0);
            assert_eq!(is_free, !refused.contains(&name.as_str()), "{name}: {outcomes:?}");
        }
        program.kill();
    }
}

/// A pipe into which nothing goes any more.
fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag");
    while writer.write(&[b' '; 4096]).is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).expect("a flag");
    (reader, Stdio::from(writer))
}

#[test]
fn what_reads_an_exchange_reads_etc_and_asks() {
    let place = Place::new();
    place.check(place.fetch(Kernel::Whole, &[]), &["read-etc", "socket"]);
    place.check(place.stream(), &["read-etc", "socket"]);
}

#[test]
fn what_writes_has_the_store_and_no_socket() {
    let place = Place::new();
    place.check(place.write(Kernel::Whole, &[]), &["read-store", "write-store", "write-counts"]);
    let (record, _output) = place.waiting("dccd-health", &["record", "--data-path", "data"]);
    place.check(record, &["read-store", "write-counts"]);
}

#[test]
fn what_reads_the_store_reads_it() {
    let place = Place::new();
    let data = ["--data-path", "data"];
    for (tool, args) in
        [("dccd-read", &["binance", "BTC/USDT", "--kind", "trade"][..]), ("dccd-inventory", &[]), ("dccd-plan", &[])]
    {
        let (reader, _output) = place.waiting(tool, &[args, &data].concat());
        place.check(reader, &["read-store"]);
    }
}

#[test]
fn what_needs_nothing_has_nothing() {
    let place = Place::new();
    let (candles, _output) = place.waiting("dccd-candles", &["--span", "1m"]);
    place.check(candles, &[]);
    let (sim, _output) = place.waiting("dccd-sim", &["--listen", "127.0.0.1:0"]);
    place.check(sim, &["socket", "local-socket", "bind", "listen"]);
}

/// So the attempts can tell.
#[test]
fn whoever_keeps_all_powers_can_do_everything() {
    let place = Place::new();
    let fetch = place.fetch(Kernel::Whole, &["--no-sandbox"]);
    assert!(thread_fields(fetch.id(), "Seccomp:").iter().all(|mode| mode == "0"));
    place.check_free(fetch, &[]);
}

#[test]
fn each_layer_does_what_it_can_alone() {
    let place = Place::new();
    let by_landlock = ["read-root", "read-elsewhere", "read-store", "bind"];
    let by_seccomp = ["local-socket", "listen"];
    let all = ATTEMPTS.map(|(name, _)| name);
    let refused_but = |others: &[&str], allowed: &[&str]| -> Vec<&str> {
        all.into_iter().filter(|name| !others.contains(name) && !allowed.contains(name)).collect()
    };
    let parser = ["read-etc", "socket"];
    place.check_free(place.fetch(Kernel::Without("landlock"), &[]), &refused_but(&by_landlock, &parser));
    place.check_free(place.fetch(Kernel::Without("seccomp"), &[]), &refused_but(&by_seccomp, &parser));
}

/// What looking up a name takes is read anew each time, long after everything was given up.
#[test]
fn a_stream_finds_its_exchange_by_name_each_time() {
    const CONNECTIONS: u64 = 6;
    let scratch = Scratch::new();
    let sim = Sim::start(&scratch, &["--ws-age-secs", "1"]);
    let by_name = sim.url().replacen("127.0.0.1", "localhost", 1);
    let mut command = scratch.tool("dccd-stream");
    command.env("DCCD_BINANCE_REST_URL", &by_name).env("DCCD_BINANCE_WS_URL", by_name.replacen("http", "ws", 1));
    let mut stream = Running::start(command.args(["binance", "BTC/USDT"]));
    let until = Instant::now() + PATIENCE;
    while sim.stats()["streams"]["opened"].as_u64() < Some(CONNECTIONS) {
        assert!(Instant::now() < until, "{}", sim.stats());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(thread_fields(stream.id(), "Seccomp:").iter().all(|mode| mode == "2"));
    stream.signal(Signal::TERM);
    assert_eq!(stream.wait().status, 0);
}

#[test]
fn folders_of_a_store_may_be_links_to_other_disks() {
    let scratch = Scratch::new();
    for (link, disk) in
        [("data/binance", "one"), ("data/kraken/trades/BTC-USD", "two"), ("data/.dccd/journal", "three")]
    {
        let link = scratch.join(link);
        std::fs::create_dir_all(scratch.join(disk)).expect("a folder");
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        std::os::unix::fs::symlink(scratch.join(disk), link).expect("a link");
    }
    for (exchange, pair) in [("binance", "BTC/USDT"), ("kraken", "BTC/USD")] {
        let mut trades = Trades::new(&format!("{exchange}:trade:{}", pair.replace('/', "-")));
        run(scratch.tool("dccd-write").args(["--data-path", "data"]), trades.page(0..10)).expect(0);
        let mut read = scratch.tool("dccd-read");
        read.args([exchange, pair, "--kind", "trade", "--records", "--data-path", "data"]);
        assert_eq!(run(&mut read, "").expect(0).lines().len(), 10);
    }
    assert_eq!(dccd_tests::files_under(&scratch.join("one")).len(), 1);
    assert_eq!(dccd_tests::files_under(&scratch.join("two")).len(), 1);
}
