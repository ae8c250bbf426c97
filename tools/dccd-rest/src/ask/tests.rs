//! Against a server that answers everything: what counts here is what the exchange's module makes of it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dccd_exchange::{AnswerError, Api, LimitGroup, Reply, Request};

use super::{AskError, Asker};
use crate::budget::{Budget, BudgetError, Grant, Priority};
use crate::http::Client;
use crate::retry::Policy;
use crate::tests::Impatient;

static API: Api = Api { name: "an exchange", rest_url: "https://example.org", archive_url: "https://example.org" };
static GROUP: LimitGroup =
    LimitGroup { name: "all", slot: 0, weight_max: 100, window_secs: 60, usage_header: Some("x-used") };

/// A server that answers every request with 200, and says how many there were.
fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &counted);
        }
    });
    (url, count)
}

fn answer(stream: TcpStream, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    count.fetch_add(1, Ordering::SeqCst);
    let _ = reader
        .get_mut()
        .write_all(b"HTTP/1.1 200 OK\r\nX-Used: 40\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]");
}

fn request(weight: u32) -> Request {
    Request { api: &API, path: "/x".to_owned(), weight, group: &GROUP }
}

fn budget(dir: &Path) -> Arc<Budget> {
    Arc::new(Budget::open(dir, "an-exchange").expect("a budget"))
}

fn asker(url: &str, budget: &Arc<Budget>, retries_max: u32) -> Asker {
    let policy = Policy { retries_max, delay: Duration::from_millis(1) };
    Asker::new(Client::new(url), url, Arc::clone(budget), policy, Priority::Bulk)
}

/// An answer that says: leave us alone for `said`. All who share the budget do so, for `secs`.
#[track_caller]
fn check(status: u16, said: Option<u64>, secs: u64) {
    let (url, count) = server();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let limited = |_: &Reply<'_>| Err::<(), _>(AnswerError::Limited { status, retry_after_secs: said });
    let error = asker(&url, &budget(dir.path()), 0).get(&request(1), &Impatient::default(), limited);
    let error = error.expect_err("no more tries");
    assert!(error.is_retryable(), "{error}");
    assert!(matches!(error, AskError::Answer { error: AnswerError::Limited { .. }, .. }), "{error}");
    // Another process opens the file again, and a live book has to wait as well.
    let grant = budget(dir.path()).take(&GROUP, 1, Priority::Live).expect("an answer");
    let Grant::Banned(left_ms) = grant else { panic!("{grant:?}, though {status} {said:?}") };
    assert!(left_ms <= secs * 1000 && left_ms > secs * 1000 - 900, "{left_ms} ms of {secs} s");
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn all_processes_leave_an_exchange_alone_that_wants_to_be() {
    // A ban for too many requests, whose length only the manual says.
    check(403, Some(600), 600);
    check(429, Some(60), 60);
    // Too many requests, or a lockout, said in HTTP 200.
    check(429, Some(5), 5);
    check(429, Some(900), 900);
    check(429, Some(2), 2);
    check(429, None, 1);
    check(403, None, 30);
    check(418, None, 120);
}

#[test]
fn a_ban_is_waited_out_before_the_next_try() {
    let (url, count) = server();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let waiter = Impatient::default();
    let limited = |_: &Reply<'_>| Err::<(), _>(AnswerError::Limited { status: 403, retry_after_secs: Some(600) });
    let error = asker(&url, &budget(dir.path()), 3).get(&request(1), &waiter, limited).expect_err("no end of it");
    // This waiter waits for nobody, so that the ban is still there after ten minutes, and is then too long.
    assert!(matches!(error, AskError::Budget(BudgetError::TooLong { .. })) && error.is_retryable(), "{error}");
    let longest = waiter.waits.borrow().iter().max().copied().unwrap_or_default();
    assert!(longest > Duration::from_secs(598) && longest <= Duration::from_secs(600), "{longest:?}");
    assert_eq!(count.load(Ordering::SeqCst), 1, "nothing was asked during the ban");
}

#[test]
fn what_the_exchange_has_counted_is_taken_over() {
    let (url, _) = server();
    let budget = budget(tempfile::tempdir().expect("a temporary folder").path());
    let mut asker = asker(&url, &budget, 0);
    asker.get(&request(30), &Impatient::default(), |_| Ok(())).expect("an answer");
    // It says 40, of which ten are somebody else's: 55 more are all that history may spend.
    assert_eq!(budget.take(&GROUP, 55, Priority::Bulk).expect("an answer"), Grant::Go);
    assert!(matches!(budget.take(&GROUP, 1, Priority::Bulk).expect("an answer"), Grant::Wait(_)));
    assert_eq!(budget.take(&GROUP, 5, Priority::Live).expect("an answer"), Grant::Go);
}

#[test]
fn an_error_that_does_not_heal_is_asked_for_once() {
    let (url, count) = server();
    let budget = budget(tempfile::tempdir().expect("a temporary folder").path());
    let mut asker = asker(&url, &budget, 5);
    let unknown = |_: &Reply<'_>| Err::<(), _>(AnswerError::UnknownSymbol("X".to_owned()));
    let error = asker.get(&request(1), &Impatient::default(), unknown).expect_err("no such symbol");
    assert!(!error.is_retryable() && count.load(Ordering::SeqCst) == 1, "{error}");
    let failed = |_: &Reply<'_>| Err::<(), _>(AnswerError::Server { status: 500 });
    let error = asker.get(&request(1), &Impatient::default(), failed).expect_err("it stays broken");
    assert!(error.is_retryable() && count.load(Ordering::SeqCst) == 7, "{error}");
}
