//! An order's own retries go before the flags.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An exchange that is down: every request is answered with 500, and counted.
fn broken_exchange() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| refuse(stream, &counted)));
    (url, count)
}

fn refuse(mut stream: TcpStream, count: &AtomicU32) {
    let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
    // A request ends with an empty line.
    if request.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
        count.fetch_add(1, Ordering::SeqCst);
        let _ = stream.write_all(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

/// How often an order is asked for, in vain, if it says this of retries.
#[track_caller]
fn check(retry: &str, tries: u32) {
    let (url, count) = broken_exchange();
    let order = format!(
        r#"{{"kind":"range","exchange":"binance","pair":"BTC/USDT","job":"j","of":"trade","start":"2024-01-01T00:00:00Z","end":"2024-01-01T01:00:00Z","why":"asked"{retry}}}"#
    );
    let budget = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dccd-fetch"));
    command.env_clear().current_dir(budget.path()).args([
        "--max-retries",
        "3",
        "--retry-delay",
        "0",
        "--rest-url",
        &url,
    ]);
    command.arg("--budget-dir").arg(budget.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{order}").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), text.matches(r#""kind":"failed""#).count()), (Some(75), 1), "{text}");
    assert_eq!(count.load(Ordering::SeqCst), tries, "{retry}");
}

#[test]
fn an_order_says_how_often_it_is_tried_again() {
    check("", 4);
    check(r#","max_retries":0"#, 1);
    check(r#","max_retries":5"#, 6);
    check(r#","max_retries":1,"retry_delay":0.01"#, 2);
}
