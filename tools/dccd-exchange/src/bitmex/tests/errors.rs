use crate::adapter::{Adapter, Rows};
use crate::bitmex::Bitmex;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, reply};
use crate::{AnswerError, Ask, Reply, closed};

const IDS: [&str; 4] = [
    "bitmex:candle:BTC-USD_INVERSE:1h",
    "bitmex:trade:BTC-USDT",
    "bitmex:book:BTC-USDT_PERP",
    "bitmex:funding:BTC-USDT_PERP",
];

fn error(id: &str, status: u16, body: &str) -> AnswerError {
    let read =
        if id.contains(":book:") { read_book(id, status, body) } else { read_page(id, Rows::Newest, status, body) };
    read.expect_err(body)
}

#[test]
fn the_day_of_its_end_is_known() {
    assert_eq!(closed("bitmex"), Some("2026-09-23"));
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let refused = |message: &str, is_retryable| AnswerError::Refused {
        code: "HTTPError".to_owned(),
        message: message.to_owned(),
        is_retryable,
    };
    let check = |status: u16, body: &str, expected: &AnswerError| {
        for id in IDS {
            assert_eq!(&error(id, status, body), expected, "{id} {status} {body}");
        }
    };
    let limited = AnswerError::Limited { status: 429, retry_after_secs: None };
    let too_fast = r#"{"error":{"message":"Rate limit exceeded, retry in 1 seconds.","name":"RateLimitError"}}"#;
    check(429, too_fast, &limited);
    check(200, too_fast, &limited);
    check(429, "", &limited);
    let overloaded = r#"{"error":{"message":"The system is currently overloaded.","name":"HTTPError"}}"#;
    check(503, overloaded, &refused("The system is currently overloaded.", true));
    let bad = r#"{"error":{"message":"startTime is no date","name":"HTTPError"}}"#;
    for status in [200, 400] {
        check(status, bad, &refused("startTime is no date", false));
    }
    check(403, "<html>firewall</html>", &AnswerError::Limited { status: 403, retry_after_secs: None });
    // What is left of the host.
    check(404, "<html>gone</html>", &AnswerError::Status(404));
    check(503, "<html>gone</html>", &AnswerError::Server { status: 503 });
    check(200, "<!DOCTYPE html><html></html>", &AnswerError::Html { status: 200 });
    for body in ["", "[", "[{", "[{\"timestamp\":\"2024"] {
        assert!(IDS.iter().all(|id| matches!(error(id, 200, body), AnswerError::Malformed(_))), "{body}");
    }
    for body in ["null", "{}", "7", "[[1]]", "[{}]", "[null]", "{\"error\":\"odd\"}"] {
        assert!(IDS.iter().all(|id| matches!(error(id, 200, body), AnswerError::Unexpected(_))), "{body}");
    }
}

#[test]
fn how_long_to_wait_is_passed_on() {
    let ask = Ask::clock(&dataset("bitmex:candle:BTC-USD_INVERSE:1h")).expect("possible");
    assert_eq!(ask.request.path, "/api/v1/trade?symbol=XBTUSD&count=1&reverse=true");
    let said = Reply { retry_after_secs: Some(7), ..reply(429, b"{}") };
    let limited = AnswerError::Limited { status: 429, retry_after_secs: Some(7) };
    assert_eq!(Bitmex.read_clock(&said), Err(limited));
    assert_eq!(Bitmex.read_clock(&reply(200, b"[]")), Ok(None), "the date has to do");
}

#[test]
fn an_empty_list_is_an_empty_page() {
    for id in IDS.iter().filter(|id| !id.contains(":book:")) {
        let (page, lines) = read_page(id, Rows::Newest, 200, "[]").expect("empty");
        assert_eq!((page.rows, lines.as_str()), (0, ""), "{id}");
    }
}
