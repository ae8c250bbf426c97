use crate::adapter::{Adapter, Rows};
use crate::bitfinex::Bitfinex;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, reply};
use crate::{AnswerError, Ask};

const IDS: [&str; 5] = [
    "bitfinex:candle:BTC-USD:1h",
    "bitfinex:trade:BTC-USD",
    "bitfinex:book:BTC-USD",
    "bitfinex:funding:BTC-USDT_PERP",
    "bitfinex:open_interest:BTC-USDT_PERP:5m",
];

fn error(id: &str, status: u16, body: &str) -> AnswerError {
    let read =
        if id.contains(":book:") { read_book(id, status, body) } else { read_page(id, Rows::Newest, status, body) };
    read.expect_err(body)
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let limited = |secs| AnswerError::Limited { status: 429, retry_after_secs: secs };
    let refused = |code: &str, message: &str, is_retryable| AnswerError::Refused {
        code: code.to_owned(),
        message: message.to_owned(),
        is_retryable,
    };
    let check = |status: u16, body: &str, expected: &AnswerError| {
        for id in IDS {
            assert_eq!(&error(id, status, body), expected, "{id} {status} {body}");
        }
    };
    for status in [200, 429, 500] {
        check(status, r#"["error",11010,"ratelimit: error"]"#, &limited(Some(60)));
    }
    check(429, "", &limited(Some(60)));
    check(429, "<html>slow down</html>", &limited(Some(60)));
    for status in [200, 400, 500] {
        let words = "symbol: invalid".to_owned();
        check(status, r#"["error",10020,"symbol: invalid"]"#, &AnswerError::UnknownSymbol(words));
        check(status, r#" [ "error" , 10020 , "limit: invalid" ] "#, &refused("10020", "limit: invalid", false));
    }
    check(200, r#"["error",20060,"maintenance"]"#, &refused("20060", "maintenance", true));
    check(500, r#"["error",10001,"unknown"]"#, &refused("10001", "unknown", true));
    check(200, r#"["error",10001]"#, &refused("10001", "", true));
    check(500, r#"["error",12345,"odd"]"#, &refused("12345", "odd", true));
    check(400, r#"["error",12345,"odd"]"#, &refused("12345", "odd", false));
    check(403, "<html>firewall</html>", &AnswerError::Limited { status: 403, retry_after_secs: None });
    check(200, "<!DOCTYPE html><html></html>", &AnswerError::Html { status: 200 });
    check(500, "<html></html>", &AnswerError::Server { status: 500 });
    check(503, "[]", &AnswerError::Server { status: 503 });
    check(404, "[]", &AnswerError::Status(404));
}

#[test]
fn what_is_no_answer_is_no_empty_page() {
    for id in IDS {
        for body in
            ["", "[", "[[", "[[1364770800000,93.2", "[[1,2],", "\u{fffd}\u{0}", "[\"error\"", "[\"error\",10020"]
        {
            let error = error(id, 200, body);
            assert!(matches!(error, AnswerError::Malformed(_)), "{id} {body}: {error:?}");
        }
        for body in
            ["null", "{}", "7", "\"error\"", "{\"error\":10020}", "[[]]", "[[1,2]]", "[1,2,3,4,5,6]", "[\"sorry\"]"]
        {
            let error = error(id, 200, body);
            assert!(matches!(error, AnswerError::Unexpected(_)), "{id} {body}: {error:?}");
        }
    }
}

#[test]
fn an_empty_list_is_an_empty_page() {
    for id in IDS.iter().filter(|id| !id.contains(":book:")) {
        let (page, lines) = read_page(id, Rows::Newest, 200, "[]").expect("empty");
        assert_eq!((page.rows, lines.as_str()), (0, ""), "{id}");
    }
}

#[test]
fn maintenance_is_said_by_the_clock() {
    let clock = |body: &str| {
        let ask = Ask::clock(&dataset("bitfinex:candle:BTC-USD:1h")).expect("possible");
        assert_eq!(ask.request.path, "/v2/platform/status");
        Bitfinex.read_clock(&reply(200, body.as_bytes()))
    };
    assert_eq!(clock("[1]"), Ok(None), "the date has to do");
    assert!(clock("[0]").is_err_and(|error| error.is_retryable() && error.to_string().contains("maintenance")));
    for body in ["[]", "[2]", "{}", "1", "[\"1\"]", "<html>", ""] {
        assert!(clock(body).is_err(), "{body}");
    }
}

#[test]
fn lists_of_names_are_read_or_refused() {
    let requests = Bitfinex.instruments();
    let request = requests.first().expect("a list");
    let read = |status: u16, body: &str| {
        let mut found = Vec::new();
        Bitfinex.read_instruments(request, &reply(status, body.as_bytes()), &mut found).map(|_| found.len())
    };
    assert_eq!(read(200, r#"[["BTCUSD"]]"#), Ok(1));
    assert!(read(200, r#"["error",10020,"key: invalid"]"#).is_err());
    assert!(read(429, r#"["error",11010,"ratelimit: error"]"#).is_err());
    for body in ["", "{}", "null", "[1]", "[[1]]", r#"[["BTCUSD""#, "<html>"] {
        assert!(read(200, body).is_err(), "{body}");
    }
}
