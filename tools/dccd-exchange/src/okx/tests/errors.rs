//! What is no answer is never taken for one.

use super::answer;
use crate::adapter::Rows;
use crate::tests::recordings::{read_book, read_page};
use crate::tests::{dataset, reply};
use crate::{AnswerError, Ask};

const ALL: [&str; 4] =
    ["okx:candle:BTC-USDT:1m", "okx:trade:BTC-USDT", "okx:funding:BTC-USDT_PERP", "okx:open_interest:BTC-USDT_PERP:5m"];

fn refusal(code: &str, words: &str) -> String {
    format!(r#"{{"code":"{code}","data":[],"msg":"{words}"}}"#)
}

/// What every reader of rows, and those of books, clocks and contracts, makes of an answer.
fn check(status: u16, body: &str, is_right: impl Fn(&AnswerError) -> bool) {
    for id in ALL {
        let error = read_page(id, Rows::Newest, status, body).expect_err(body);
        assert!(is_right(&error), "{id} {status} {body}: {error:?}");
    }
    check_single(status, body, is_right);
}

fn check_single(status: u16, body: &str, is_right: impl Fn(&AnswerError) -> bool) {
    let error = read_book("okx:book:BTC-USDT", status, body).expect_err(body);
    assert!(is_right(&error), "book {status} {body}: {error:?}");
    let clock = Ask::clock(&dataset(ALL[0])).expect("possible");
    let contract = Ask::contract(&dataset("okx:trade:BTC-USDT_PERP")).expect("possible").expect("a question");
    for ask in [clock, contract] {
        let error = ask.read(&reply(status, body.as_bytes()), &mut Vec::new()).expect_err(body);
        assert!(is_right(&error), "{} {status} {body}: {error:?}", ask.request.path);
    }
}

#[test]
fn refusals_are_told_apart() {
    for status in [200, 400] {
        let words = "Instrument ID, Instrument ID code, or Spread ID doesn't exist.";
        check(
            status,
            &refusal("51001", words),
            |error| matches!(error, AnswerError::UnknownSymbol(said) if said == words),
        );
    }
    let refused = |code: &'static str, retryable: bool| move |error: &AnswerError| matches!(error, AnswerError::Refused { code: said, is_retryable, .. } if said == code && *is_retryable == retryable);
    check(400, &refusal("51000", "Parameter bar error"), refused("51000", false));
    check(200, &refusal("51015", ""), refused("51015", false));
    for heals in ["50001", "50004", "50013", "50026"] {
        check(200, &refusal(heals, "later"), refused(heals, true));
    }
    check(503, &refusal("59999", "later"), refused("59999", true));
    check(200, r#"{"code":"50026","msg":"no data at all"}"#, refused("50026", true));
    let limited = |error: &AnswerError| *error == AnswerError::Limited { status: 429, retry_after_secs: Some(2) };
    check(429, &refusal("50011", "Too Many Requests"), limited);
    check(200, &refusal("50011", "Too Many Requests"), limited);
    check(429, "<html>", limited);
}

#[test]
fn garbage_is_no_answer() {
    check(200, "<!DOCTYPE html><html></html>", |error| matches!(error, AnswerError::Html { status: 200 }));
    check(502, "<html>Bad gateway</html>", |error| matches!(error, AnswerError::Server { status: 502 }));
    check(403, "<html>Just a moment</html>", |error| matches!(error, AnswerError::Limited { status: 403, .. }));
    check(404, "<html>", |error| matches!(error, AnswerError::Status(404)));
    check(451, "", |error| *error == AnswerError::Region);
    for cut in ["", "  ", r#"{"code":"0","msg":"","data":[["#, "{\"code\":\"0\"", "\u{fffd}"] {
        check(200, cut, |error| matches!(error, AnswerError::Malformed(_)));
    }
    for odd in ["null", "[]", "7", "{}", r#"{"code":0,"msg":"","data":[]}"#, r#"{"code":"0","msg":""}"#] {
        check(200, odd, |error| matches!(error, AnswerError::Unexpected(_)));
    }
    for odd in ["{}", "null", "[7]", "[null]", r#"["x"]"#] {
        check(200, &answer(odd), |error| matches!(error, AnswerError::Unexpected(_)));
    }
    // An empty list is an answer where there are many rows, but not where there is one.
    check_single(200, &answer("[]"), |error| matches!(error, AnswerError::Unexpected(_)));
    for id in ALL {
        let (page, lines) = read_page(id, Rows::Newest, 200, &answer("[]")).expect("empty");
        assert_eq!((page.rows, lines.as_str()), (0, ""), "{id}");
    }
}

#[test]
fn rows_of_another_instrument_are_refused() {
    let check = |id: &str, row: &str| {
        let error = read_page(id, Rows::Newest, 200, &answer(&format!("[{row}]"))).expect_err(row);
        assert!(error.to_string().contains("not of BTC-USDT"), "{id}: {error}");
    };
    check(ALL[1], r#"{"instId":"ETH-USDT","side":"buy","sz":"1","px":"1","tradeId":"1","ts":"1718658000123"}"#);
    check(ALL[1], r#"{"instId":"BTC-USDT-SWAP","side":"buy","sz":"1","px":"1","tradeId":"1","ts":"1718658000123"}"#);
    check(ALL[2], r#"{"instId":"BTC-USD-SWAP","realizedRate":"1","fundingTime":"1718658000123"}"#);
}
