use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::ask::ban_length;
use crate::http::{Body, Client, HttpError, Pace, parse_date, parse_retry_after};
use crate::retry::{Backoff, Policy, Stopped, Waiter};

/// Waits for nobody, and remembers what it should have waited.
#[derive(Default)]
pub(crate) struct Impatient {
    pub(crate) waits: RefCell<Vec<Duration>>,
    pub(crate) is_stopped: Cell<bool>,
    pub(crate) notes: RefCell<Vec<String>>,
    pub(crate) warnings: RefCell<Vec<String>>,
}

impl Waiter for Impatient {
    fn wait(&self, time: Duration) -> Result<(), Stopped> {
        self.waits.borrow_mut().push(time);
        self.check()
    }

    fn check(&self) -> Result<(), Stopped> {
        if self.is_stopped.get() { Err(Stopped) } else { Ok(()) }
    }

    fn note(&self, message: &dyn fmt::Display) {
        self.notes.borrow_mut().push(message.to_string());
    }

    fn warn(&self, message: &dyn fmt::Display) {
        self.warnings.borrow_mut().push(message.to_string());
    }
}

#[test]
fn both_forms_of_retry_after_are_understood() {
    let now = parse_date("Sun, 22 Nov 2026 04:22:27 GMT");
    assert_eq!(now.map(|ts| ts.to_string()).as_deref(), Some("2026-11-22T04:22:27.000000000Z"));
    let check = |value: &str, expected| assert_eq!(parse_retry_after(value, now), expected, "{value:?}");
    check("30", Some(30));
    check(" 0 ", Some(0));
    check("Sun, 22 Nov 2026 04:23:27 GMT", Some(60));
    check("Sun, 22 Nov 2026 04:21:27 GMT", Some(0));
    check("soon", None);
    check("-1", None);
    assert_eq!(parse_retry_after("Sun, 22 Nov 2026 04:23:27 GMT", None), None);
}

#[test]
fn a_ban_lasts_at_least_a_little_and_at_most_a_week() {
    let check = |status: u16, said: Option<u64>, secs: u64| {
        assert_eq!(ban_length(status, said), Duration::from_secs(secs), "{status} {said:?}");
    };
    check(429, Some(30), 30);
    check(429, Some(0), 1);
    check(429, None, 1);
    check(418, Some(0), 120);
    check(418, None, 120);
    check(418, Some(259_200), 259_200);
    check(403, Some(0), 30);
    check(418, Some(u64::MAX), 604_800);
}

#[test]
fn a_body_that_drips_is_given_up_and_a_long_one_is_not() {
    let began = Instant::now();
    let minute = |n: u32| began + Duration::from_secs(60) * n;
    let mut pace = Pace::new(began);
    for n in 1..1000 {
        pace.take(64 << 10, minute(n)).expect("slow, but it comes");
    }
    let mut pace = Pace::new(began);
    pace.take(1, began + Duration::from_secs(19)).expect("it is early");
    assert!(matches!(pace.take(1, minute(1)), Err(HttpError::Timeout(_))));
}

#[test]
fn waits_double_and_are_bounded() {
    let policy = Policy { retries_max: 10, delay: Duration::from_secs(1) };
    let check = |attempt: u32, least: u64| {
        let wait = policy.wait_after(attempt).expect("a further try");
        let least = Duration::from_secs(least);
        assert!(wait >= least && wait <= least * 5 / 4, "{attempt}: {wait:?}");
    };
    for (attempt, least) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (10, 60)] {
        check(attempt, least);
    }
    assert_eq!(policy.wait_after(11), None);
    assert_eq!(Policy { retries_max: 0, delay: Duration::ZERO }.wait_after(1), None);
}

#[test]
fn waits_before_connecting_again_double_up_to_a_limit() {
    let (first, max) = (Duration::from_secs(1), Duration::from_secs(10));
    for seed in 0..100 {
        let mut backoff = Backoff::seeded(first, max, seed);
        for round in 0..2 {
            for (number, secs) in [1, 2, 4, 8, 10, 10, 10].into_iter().enumerate() {
                let (wait, about) = (backoff.next(), Duration::from_secs(secs));
                assert!(wait >= about * 3 / 4 && wait <= about * 5 / 4, "{seed} {round} {number}: {wait:?}");
            }
            backoff.reset();
        }
    }
    for (first, max) in [(max, first), (first, first)] {
        let wait = Backoff::new(first, max).next();
        assert!(wait >= Duration::from_millis(750) && wait <= Duration::from_millis(1250), "{wait:?}");
    }
    assert!(Backoff::new(Duration::ZERO, Duration::ZERO).next() > Duration::ZERO);
    let mut longest = Backoff::new(first, Duration::MAX);
    assert!((0..200).map(|_| longest.next()).all(|wait| wait > Duration::ZERO));
}

#[test]
fn those_who_were_cut_off_together_do_not_return_together() {
    let hour = Duration::from_secs(3600);
    let check = |waits: &mut dyn Iterator<Item = Duration>| {
        let waits: Vec<Duration> = waits.collect();
        // Waits lie on either side, and come near both ends.
        let near = |parts: std::ops::RangeInclusive<u32>| {
            waits.iter().any(|wait| (hour * *parts.start() / 100..=hour * *parts.end() / 100).contains(wait))
        };
        assert!(near(75..=80) && near(95..=105) && near(120..=125), "{waits:?}");
    };
    let mut one = Backoff::seeded(hour, hour, 0);
    check(&mut (0..300).map(|_| one.next()));
    check(&mut (0..300).map(|seed| Backoff::seeded(hour, hour, seed).next()));
    check(&mut (0..300).map(|_| Backoff::new(hour, hour).next()));
}

/// Answers one connection with exactly these bytes, then closes it.
fn serve_once(answer: &'static [u8]) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
            line.clear();
        }
        let _ = reader.get_mut().write_all(answer);
    });
    (url, thread)
}

/// Answers one connection after the other with one of these bodies.
pub(crate) fn serve(bodies: Vec<Vec<u8>>) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let thread = std::thread::spawn(move || {
        for body in bodies {
            let (stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = reader.get_mut().write_all(&[head.as_bytes(), &body].concat());
        }
    });
    (url, thread)
}

fn get(answer: &'static [u8]) -> Result<(crate::Head, Vec<u8>), HttpError> {
    let (url, thread) = serve_once(answer);
    let mut body = Body::default();
    let head = Client::new(&url).get(&url, Some("x-mbx-used-weight-1m"), &mut body);
    thread.join().expect("the server ends");
    head.map(|head| (head, body.bytes().to_vec()))
}

#[test]
fn heads_and_bodies_are_read() {
    let answer = b"HTTP/1.1 429 Slow down\r\nDate: Sun, 22 Nov 2026 04:22:27 GMT\r\nRetry-After: 7\r\n\
        X-MBX-USED-WEIGHT-1M: 1234\r\nContent-Length: 5\r\n\r\nhello";
    let (head, body) = get(answer).expect("an answer");
    assert_eq!((head.status, head.retry_after_secs, head.usage), (429, Some(7), Some(1234)));
    assert!(head.date.is_some());
    assert_eq!(body, b"hello");
}

#[test]
fn a_body_that_is_cut_off_is_an_error() {
    let check = |answer: &'static [u8]| {
        let error = get(answer).expect_err("cut off");
        assert!(matches!(error, HttpError::Cut(_) | HttpError::Connection(_)), "{error:?}");
        assert!(error.is_retryable());
    };
    check(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    check(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    check(b"HTTP/1.1 200 OK\r\nContent-Le");
    check(b"");
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let error = Client::new(&url).get(&url, None, &mut Body::default()).expect_err("refused");
    assert!(error.is_retryable(), "{error:?}");
    let error = Client::new("http://[").get("http://[", None, &mut Body::default()).expect_err("no URL");
    assert!(!error.is_retryable(), "{error:?}");
}
