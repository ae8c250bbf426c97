use dccd_exchange::{Api, Instrument, LimitGroup, Listed, Request, Trading};

use super::{Listing, PAGES_MAX};
use crate::worker::Failure;

static API: Api = Api { name: "an exchange", rest_url: "https://example.org", archive_url: "https://example.org" };
static GROUP: LimitGroup = LimitGroup { name: "all", slot: 0, weight_max: 100, window_secs: 60, usage_header: None };

fn instrument(pair: &str, trading: Trading, status: &str) -> Instrument {
    Instrument {
        symbol: pair.replace('/', ""),
        pair: pair.parse().ok(),
        trading,
        status: status.to_owned(),
        tick: None,
        lot: None,
        since: "2021-02-03T00:00:00Z".parse().ok(),
    }
}

fn listing() -> Listing {
    let open = ["BTC/USDT", "ETH/USDT", "ETH/BTC", "BTC/USDC", "BTC/EUR", "SOL/USDT", "BTC/USDT:perp", "LTC/USDT"];
    let mut instruments: Vec<Instrument> =
        open.into_iter().map(|pair| instrument(pair, Trading::Open, "TRADING")).collect();
    for (pair, trading, status) in [
        ("LUNA/USDT", Trading::Halted, "BREAK"),
        ("NEW/USDT", Trading::Announced, "PENDING"),
        ("OLD/USDT", Trading::Delisted, "CLOSE"),
        // A name that was given again.
        ("AGI/USDT", Trading::Delisted, "CLOSE"),
        ("AGI/USDT", Trading::Open, "TRADING"),
        ("BTC/USD:240628", Trading::Open, "TRADING"),
    ] {
        instruments.push(instrument(pair, trading, status));
    }
    Listing { instruments, failure: None }
}

fn doubtful(is_retryable: bool) -> Failure {
    Failure { is_retryable, is_pair_doubtful: true, ..Failure::retryable("no such symbol") }
}

#[track_caller]
fn check(pair: &str, expected: &str, is_retryable: bool) {
    let explained = listing().explain("here", &pair.parse().expect("a pair"), doubtful(false));
    assert_eq!(explained.message, format!("no such symbol; {expected}"));
    assert_eq!((explained.is_retryable, explained.is_pair_doubtful), (is_retryable, false), "{pair}");
}

#[test]
fn what_is_so_of_a_pair_is_told_apart() {
    check("LUNA/USDT", "here lists LUNA/USDT as LUNAUSDT (status BREAK), which is halted: it may come back", true);
    check(
        "NEW/USDT",
        "here lists NEW/USDT as NEWUSDT (status PENDING), which is announced: it is not traded before 2021-02-03",
        true,
    );
    check("OLD/USDT", "here lists OLD/USDT as OLDUSDT (status CLOSE), which is delisted: nothing more comes", false);
    check("AGI/USDT", "here lists AGI/USDT as AGIUSDT (status TRADING), traded since 2021-02-03", false);
    check(
        "BTC/USD:quarter",
        "here lists BTC/USD:quarter as BTCUSD:240628 (status TRADING), traded since 2021-02-03",
        false,
    );
}

#[test]
fn the_nearest_pairs_are_suggested() {
    check("BTX/USDT", "here lists no BTX/USDT; did you mean BTC/USDT or BTC/USDT:perp?", false);
    check("BTC/USD", "here lists no BTC/USD; did you mean BTC/USDC, BTC/USDT or BTC/USDT:perp?", false);
    check("USDT/BTC", "here lists no USDT/BTC; did you mean BTC/USDT or BTC/USDT:perp?", false);
    check(
        "BTC/USDT:inverse",
        "here lists no BTC/USDT:inverse; did you mean BTC/USDT, BTC/USDT:perp or BTC/USDC?",
        false,
    );
    check("LTE/USDT", "here lists no LTE/USDT; did you mean LTC/USDT?", false);
    // What is gone is no suggestion.
    check("OLE/USDT", "here lists no OLE/USDT", false);
    check("QQQQQQ/USDT", "here lists no QQQQQQ/USDT", false);
    check("Q/W", "here lists no Q/W", false);
}

#[test]
fn a_list_that_is_not_there_says_nothing_of_a_pair() {
    let failure = Some(Failure::retryable("no answer in time"));
    let pair = "NOPE/USDT".parse().expect("a pair");
    for is_retryable in [true, false] {
        let listing = Listing { failure: failure.clone(), ..listing() };
        let explained = listing.explain("here", &pair, doubtful(is_retryable));
        assert_eq!(explained.message, "no such symbol; and what here trades is not known: no answer in time");
        assert_eq!(explained.is_retryable, is_retryable);
    }
    // What is there is known all the same.
    let explained =
        Listing { failure, ..listing() }.explain("here", &"OLD/USDT".parse().expect("a pair"), doubtful(true));
    assert!(!explained.is_retryable, "{}", explained.message);
}

fn request(path: &str) -> Request {
    Request { api: &API, path: path.to_owned(), weight: 1, group: &GROUP }
}

#[test]
fn pages_are_followed_to_their_end() {
    let mut asked = Vec::new();
    let listing = Listing::collect(vec![request("/a"), request("/b")], |request, found| {
        asked.push(request.path.clone());
        found.push(instrument("BTC/USDT", Trading::Open, "x"));
        Ok(match request.path.as_str() {
            "/a" => Listed::More(self::request("/a2")),
            "/b" => return Err(Failure::retryable("b is down")),
            _ => Listed::All,
        })
    });
    assert_eq!(asked, ["/a", "/a2", "/b"]);
    assert_eq!(listing.instruments.len(), 3);
    assert_eq!(listing.failure.map(|failure| failure.message).as_deref(), Some("b is down"));
}

#[test]
fn a_list_without_an_end_is_given_up() {
    let check = |next: fn(usize) -> String, times: usize| {
        let mut count = 0;
        let listing = Listing::collect(vec![request("/0")], |_, _| {
            count += 1;
            Ok(Listed::More(request(&next(count))))
        });
        assert_eq!(count, times);
        assert_eq!(
            listing.failure.map(|failure| failure.message).as_deref(),
            Some("the list of an exchange does not end")
        );
    };
    check(|count| format!("/{count}"), PAGES_MAX);
    check(|_| "/0".to_owned(), 1);
}

#[test]
fn a_stop_ends_it_at_once() {
    let mut count = 0;
    let listing = Listing::collect(vec![request("/a"), request("/b")], |_, _| {
        count += 1;
        Err(Failure::stopped())
    });
    assert!(count == 1 && listing.failure.is_some_and(|failure| failure.is_stop));
}
