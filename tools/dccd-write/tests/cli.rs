//! `dccd-write` as a process: statuses, messages, receipts, signals.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

fn command(store: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-write"));
    command.env_clear().arg("--data-path").arg(store);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn feed(mut child: Child, input: &str) -> Output {
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

fn run(store: &Path, input: &str) -> (i32, String, String) {
    let output = feed(command(store).spawn().unwrap(), input);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn trade(second: u32, tid: u32) -> String {
    format!(
        "{{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\
         \"ts\":\"2024-01-01T00:00:{second:02}.000000000Z\",\"price\":42000.5,\"amount\":0.1,\
         \"side\":\"buy\",\"tid\":\"{tid}\"}}\n"
    )
}

const COVERED: &str = "{\"kind\":\"covered\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"of\":\"trade\",\
    \"start\":\"2024-01-01T00:00:00.000000000Z\",\"end\":\"2024-01-01T00:01:00.000000000Z\",\"proof\":\"id\"}\n";

#[test]
fn help_fits_and_names_every_flag() {
    let output = Command::new(env!("CARGO_BIN_EXE_dccd-write")).arg("-h").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(help.lines().count() <= 24, "-h is longer than a screen:\n{help}");
    for flag in ["--data-path", "--sync-ms", "--decimal", "--quiet", "--verbose", "--version"] {
        assert!(help.contains(flag), "{flag} is missing:\n{help}");
    }
}

#[test]
fn a_bad_flag_is_a_usage_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_dccd-write")).arg("--sync-ms=0").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn receipts_follow_what_they_speak_of() {
    let dir = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = run(dir.path(), &format!("{}{}{COVERED}", trade(1, 1), trade(2, 2)));
    assert_eq!((status, stderr.as_str()), (0, ""));
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{stdout}");
    assert!(lines[0].starts_with("{\"kind\":\"stored\"") && lines[0].contains("\"rows\":2"), "{stdout}");
    assert_eq!(format!("{}\n", lines[1]), COVERED);
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn the_same_input_twice_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let input = format!("{}{}{COVERED}", trade(1, 1), trade(2, 2));
    let path = dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet");
    run(dir.path(), &input);
    let before = fs::read(&path).unwrap();
    let (status, stdout, _) = run(dir.path(), &input);
    assert_eq!(status, 0);
    assert!(stdout.contains("\"kind\":\"stored\""));
    assert_eq!(fs::read(&path).unwrap(), before, "a replay rewrote the file");
}

#[test]
fn bad_lines_are_told_and_their_neighbours_stored() {
    let dir = tempfile::tempdir().unwrap();
    let bad = [
        "not json",
        "{\"exchange\":\"binance\"}",
        "{\"kind\":\"trade\",\"exchange\":\"../../etc\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"../../X\",\"ts\":1704067200000000000,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":-5,\"price\":1,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":NaN,\"amount\":1}",
        "{\"kind\":\"trade\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"ts\":1704067200000000000,\"price\":1e400,\"amount\":1}",
    ];
    let mut input = String::new();
    for (at, line) in bad.iter().enumerate() {
        input.push_str(&trade(u32::try_from(at).unwrap(), u32::try_from(at).unwrap()));
        input.push_str(line);
        input.push('\n');
    }
    let (status, stdout, stderr) = run(dir.path(), &input);
    assert_eq!(status, 65, "{stderr}");
    assert!(stdout.contains(&format!("\"rows\":{}", bad.len())), "{stdout}");
    for at in 0..bad.len() {
        assert!(stderr.contains(&format!("line {}: ", at * 2 + 2)), "line {} is not told:\n{stderr}", at * 2 + 2);
    }
    assert!(!dir.path().parent().unwrap().join("etc").exists());
}

#[test]
fn an_unterminated_last_line_is_cut_off_and_is_no_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let (status, stdout, stderr) = run(dir.path(), &format!("{}{{\"kind\":\"tra", trade(1, 1)));
    assert_eq!(status, 0);
    assert!(stdout.contains("\"rows\":1"), "{stdout}");
    assert!(stderr.contains("cut off"), "{stderr}");
}

#[test]
fn unknown_kinds_and_orders_pass_through() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = "{\"kind\":\"weather\",\"exchange\":\"binance\",\"rain\":[1,2]}\n";
    let order = "{\"kind\":\"range\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"job\":\"j\",\"of\":\"trade\",\
        \"start\":\"2024-01-01T00:00:00.000000000Z\",\"end\":\"2024-01-01T00:01:00.000000000Z\",\"why\":\"asked\"}\n";
    let (status, stdout, _) = run(dir.path(), &format!("{unknown}{order}"));
    assert_eq!((status, stdout), (0, format!("{unknown}{order}")));
}

#[test]
fn receipts_that_nobody_reads_do_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path()).arg("--sync-ms=1").spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for tid in 0..50 {
        stdin.write_all(trade(tid, tid).as_bytes()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn receipts_that_cannot_be_written_are_an_io_error_and_the_data_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = feed(command(dir.path()).stdout(full).spawn().unwrap(), &trade(1, 1));
    assert_eq!(output.status.code(), Some(74));
    assert!(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet").is_file());
}

#[test]
fn a_file_that_had_to_be_set_aside_is_told_by_the_status() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &trade(1, 1));
    fs::write(dir.path().join("binance/trades/BTC-USDT/2024-01-01.parquet"), "broken").unwrap();
    let (status, stdout, stderr) = run(dir.path(), &trade(2, 2));
    assert_eq!(status, 65, "{stderr}");
    assert!(stdout.contains("\"rows\":1") && stderr.contains("/aside/"), "{stdout}{stderr}");
}

#[test]
fn sigterm_drains_what_is_still_coming() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path()).arg("--sync-ms=1").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(trade(1, 1).as_bytes()).unwrap();
    assert!(receipts.next().unwrap().unwrap().contains("\"rows\":1"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    stdin.write_all(trade(2, 2).as_bytes()).unwrap();
    drop(stdin);
    assert!(receipts.next().unwrap().unwrap().contains("\"rows\":1"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_store_that_cannot_be_written_is_an_io_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let (status, stdout, stderr) = run(&file.join("store"), &trade(1, 1));
    assert_eq!((status, stdout.as_str()), (74, ""));
    assert!(stderr.starts_with("dccd-write: cannot create folder"), "{stderr}");
}

#[test]
fn a_store_with_floats_does_not_become_one_with_decimals() {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &trade(1, 1));
    let output = feed(command(dir.path()).arg("--decimal").spawn().unwrap(), "");
    assert_eq!(output.status.code(), Some(78));
}

/// A live job: nothing about it is stored, and it passes.
const STREAM: &str = "{\"kind\":\"job\",\"exchange\":\"binance\",\"pair\":\"BTC/USDT\",\"id\":\"binance:trade:BTC-USDT\",\
    \"of\":\"trade\",\"live\":true}\n";
/// Nothing here takes longer, however busy the host is.
const PATIENCE: Duration = Duration::from_secs(30);

/// What systemd would be told next, line by line.
fn told(socket: &UnixDatagram) -> Vec<String> {
    let mut message = [0; 4096];
    let length = socket.recv(&mut message).unwrap();
    String::from_utf8(message[..length].to_vec()).unwrap().lines().map(str::to_owned).collect()
}

/// A writer that tells `socket`, its input, and a reader of its receipts.
fn watched(
    store: &Path,
    name: &str,
    watchdog_usec: Option<&str>,
) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut command = command(store);
    command.arg("--sync-ms=1").env("NOTIFY_SOCKET", name).env("WATCHDOG_PID", "1");
    watchdog_usec.map(|usec| command.env("WATCHDOG_USEC", usec));
    let mut child = command.spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, BufReader::new(stdout).lines())
}

/// One line after the other, each within the interval of the one before: none puts off what the first has begun.
#[test]
fn a_trickle_is_durable_within_the_interval_of_its_first_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(dir.path()).arg("--sync-ms=200").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut receipts = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, came) = mpsc::channel();
    let reader = std::thread::spawn(move || receipts.by_ref().for_each(|line| sender.send(line.unwrap()).unwrap()));
    let begun = Instant::now();
    let mut sent = 0;
    let first = loop {
        stdin.write_all(trade(sent % 60, sent).as_bytes()).unwrap();
        stdin.write_all(COVERED.as_bytes()).unwrap();
        sent += 1;
        match came.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => break line,
            Err(_) => assert!(begun.elapsed() < PATIENCE, "{sent} lines and no answer"),
        }
    };
    assert!(begun.elapsed() >= Duration::from_millis(150), "{sent} lines were not committed together");
    assert!(first.contains("\"stored\"") && first.contains("\"rows\":"), "{first}");
    assert!(came.recv_timeout(PATIENCE).unwrap().contains("\"covered\""));
    drop(stdin);
    reader.join().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn systemd_is_told_of_readiness_life_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let store = dir.path().join("store");
    let (mut child, mut stdin, mut receipts) = watched(&store, path.to_str().unwrap(), Some("30000000"));
    stdin.write_all(STREAM.as_bytes()).unwrap();
    assert_eq!(told(&socket), ["READY=1", "STATUS=0 rows stored, nothing covered yet"]);
    // Rows alone are no sign of life: they say nothing of what is missing.
    stdin.write_all(trade(1, 1).as_bytes()).unwrap();
    assert_eq!(format!("{}\n", receipts.next().unwrap().unwrap()), STREAM);
    assert!(receipts.next().unwrap().unwrap().contains("\"rows\":1"));
    for _ in 0..3 {
        stdin.write_all(COVERED.as_bytes()).unwrap();
        assert_eq!(told(&socket), ["WATCHDOG=1"], "the next status comes in ten seconds");
        assert!(receipts.next().unwrap().unwrap().contains("\"covered\""));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(told(&socket), ["STOPPING=1"]);
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 64]).is_err(), "that it stops is said once");
}

#[test]
fn a_status_says_how_many_rows_and_how_far() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = command(dir.path());
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "0");
    let output = feed(command.spawn().unwrap(), &format!("{}{}{COVERED}", trade(1, 1), trade(2, 2)));
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    let status = "STATUS=2 rows stored, covered up to 2024-01-01T00:01:00.000000000Z";
    assert_eq!(told(&socket), ["READY=1", status], "no watchdog is set");
    assert_eq!(told(&socket), ["STOPPING=1"]);
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_may_listen_at_an_abstract_name() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let dir = tempfile::tempdir().unwrap();
    let name = format!("dccd-write-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut child, mut stdin, _receipts) = watched(dir.path(), &format!("@{name}"), None);
    stdin.write_all(COVERED.as_bytes()).unwrap();
    assert_eq!(told(&socket)[0], "READY=1");
    drop(stdin);
    assert_eq!(told(&socket), ["STOPPING=1"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_socket_that_is_not_there_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    for (name, warned) in [("/nonexistent/notify", ""), ("vsock:2:1", "no socket of ours: vsock:2:1")] {
        let mut command = command(dir.path());
        let output = feed(command.env("NOTIFY_SOCKET", name).spawn().unwrap(), &trade(1, 1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), false));
        assert!(stderr.contains(warned) && stderr.is_empty() == warned.is_empty(), "{stderr}");
    }
}
