//! What is no answer is never taken for one.

use crate::AnswerError;
use crate::adapter::Rows;
use crate::tests::dataset;
use crate::tests::recordings::{read_book, read_page};
use crate::{Ask, Reply};

const CANDLE: &str = "bybit:candle:BTC-USDT:1m";
const ALL: [&str; 3] = [CANDLE, "bybit:funding:BTC-USDT_PERP", "bybit:open_interest:BTC-USDT_PERP:5m"];

fn refusal(code: i64, words: &str) -> String {
    format!(r#"{{"retCode":{code},"retMsg":"{words}","result":{{}},"retExtInfo":{{}},"time":1672026055592}}"#)
}

/// What every reader of rows, and that of books, makes of an answer.
fn check(status: u16, body: &str, is_right: impl Fn(&AnswerError) -> bool) {
    for id in ALL {
        let error = read_page(id, Rows::Newest, status, body).expect_err(body);
        assert!(is_right(&error), "{id} {status} {body}: {error:?}");
    }
    let error = read_book("bybit:book:BTC-USDT", status, body).expect_err(body);
    assert!(is_right(&error), "book {status} {body}: {error:?}");
    let ask = Ask::clock(&dataset(CANDLE)).expect("possible");
    let error = ask.read(&crate::tests::reply(status, body.as_bytes()), &mut Vec::new()).expect_err(body);
    assert!(is_right(&error), "clock {status} {body}: {error:?}");
}

#[test]
fn refusals_are_told_apart() {
    for words in ["symbol params err", "Not supported symbols", "params error: Symbol Invalid"] {
        check(200, &refusal(10001, words), |error| matches!(error, AnswerError::UnknownSymbol(said) if said == words));
    }
    let refused = |retryable: bool| move |error: &AnswerError| matches!(error, AnswerError::Refused { is_retryable, .. } if *is_retryable == retryable);
    check(200, &refusal(10001, "params error: start time"), refused(false));
    check(200, &refusal(10016, "Internal System Error"), refused(true));
    check(200, &refusal(10000, "Server Timeout"), refused(true));
    check(200, &refusal(-1, "what never was"), refused(false));
    check(503, &refusal(170_001, "Internal error."), refused(true));
    check(404, &refusal(10017, "Route not found."), refused(false));
}

#[test]
fn limits_are_told_apart() {
    let limited = |expected: u16, secs: Option<u64>| {
        move |error: &AnswerError| *error == AnswerError::Limited { status: expected, retry_after_secs: secs }
    };
    check(200, &refusal(10006, "Too many visits!"), limited(429, None));
    check(200, &refusal(10018, "Exceeded the IP Rate Limit."), limited(429, None));
    check(429, "", limited(429, None));
    check(403, "access too frequent", limited(403, Some(600)));
    check(403, r#"{"retCode":10018,"retMsg":"access too frequent"}"#, limited(403, Some(600)));
    check(403, "<html><h1>403 Forbidden</h1></html>", limited(403, Some(600)));
    check(403, "", limited(403, Some(600)));
    check(200, &refusal(10009, "IP has been banned."), limited(403, Some(600)));
}

#[test]
fn a_blocked_country_is_no_ban() {
    let page = "<HTML><H1>403 ERROR</H1>The Amazon CloudFront distribution is configured to block access from your country.</HTML>";
    check(403, page, |error| *error == AnswerError::Region);
    let said = Reply { retry_after_secs: Some(7), ..crate::tests::reply(403, b"access too frequent") };
    let ask = Ask::clock(&dataset(CANDLE)).expect("possible");
    let error = ask.read(&said, &mut Vec::new()).expect_err("a ban");
    assert_eq!(error, AnswerError::Limited { status: 403, retry_after_secs: Some(7) });
}

#[test]
fn garbage_is_no_answer() {
    check(200, "<!DOCTYPE html><html></html>", |error| matches!(error, AnswerError::Html { status: 200 }));
    check(502, "<html>Bad gateway</html>", |error| matches!(error, AnswerError::Server { status: 502 }));
    check(404, "<html>", |error| matches!(error, AnswerError::Status(404)));
    for cut in ["", "   ", r#"{"retCode":0,"retMsg":"OK","result":{"list":[["#, "{\"retCode\":0", "\u{fffd}"] {
        check(200, cut, |error| matches!(error, AnswerError::Malformed(_)));
    }
    let success = |result: &str| format!(r#"{{"retCode":0,"retMsg":"OK","result":{result},"time":1672026055592}}"#);
    for odd in ["null", "[]", "7", "{}", r#"{"retCode":"0"}"#, r#"{"retCode":0,"retMsg":"OK"}"#] {
        check(200, odd, |error| matches!(error, AnswerError::Unexpected(_)));
    }
    for odd in ["{}", "[]", "null", r#"{"list":null}"#, r#"{"list":{}}"#, r#"{"list":[7]}"#, r#"{"list":"x"}"#] {
        check(200, &success(odd), |error| matches!(error, AnswerError::Unexpected(_)));
    }
}

#[test]
fn rows_of_another_series_are_refused() {
    let answer = |result: &str| format!(r#"{{"retCode":0,"retMsg":"OK","result":{result},"time":1672026055592}}"#);
    let check = |id: &str, result: &str| {
        let error = read_page(id, Rows::Newest, 200, &answer(result)).expect_err(result);
        assert!(matches!(error, AnswerError::Unexpected(_)), "{id}: {error:?}");
    };
    check(CANDLE, r#"{"category":"spot","symbol":"ETHUSDT","list":[]}"#);
    check(CANDLE, r#"{"category":"linear","symbol":"BTCUSDT","list":[]}"#);
    check(CANDLE, r#"{"category":"","symbol":"","list":[]}"#);
    check(
        ALL[1],
        r#"{"category":"linear","list":[{"symbol":"ETHUSDT","fundingRate":"1","fundingRateTimestamp":"1672041600000"}]}"#,
    );
    check(ALL[2], r#"{"category":"linear","symbol":"ETHUSDT","list":[]}"#);
    let book = r#"{"s":"ETHUSDT","a":[],"b":[],"ts":1716863719031,"u":1,"seq":1}"#;
    let error = read_book("bybit:book:BTC-USDT", 200, &answer(book)).expect_err("another's book");
    assert!(error.to_string().contains("not of BTCUSDT"), "{error}");
}
