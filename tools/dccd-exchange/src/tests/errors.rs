use super::{dataset, reply};
use crate::{AnswerError, Ask, capability};

fn error(status: u16, body: &str) -> AnswerError {
    let ask = Ask::first_record(&dataset("binance:candle:BTC-USDT:1h")).expect("possible").expect("kept");
    let mut out = Vec::new();
    let error = ask.read(&reply(status, body.as_bytes()), &mut out).expect_err("an error");
    assert!(out.is_empty());
    error
}

#[test]
fn every_kind_of_no_is_told_apart() {
    let check = |status: u16, body: &str, expected: &str, is_retryable: bool| {
        let error = error(status, body);
        assert!(error.to_string().contains(expected), "{status} {body}: {error}");
        assert_eq!(error.is_retryable(), is_retryable, "{status} {body}");
    };
    check(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#, "knows no such symbol: Invalid symbol.", false);
    check(200, r#"{"code":-1121,"msg":"Invalid symbol."}"#, "knows no such symbol: Invalid symbol.", false);
    check(400, r#"{"code":-1130,"msg":"bad startTime"}"#, "-1130", false);
    check(200, r#"{"code":-1007,"msg":"Timeout waiting"}"#, "-1007", true);
    check(503, r#"{"code":-9999,"msg":"Service unavailable"}"#, "-9999", true);
    check(429, r#"{"code":-1003,"msg":"Too much"}"#, "too many requests", true);
    check(200, r#"{"code":-1003,"msg":"Too much"}"#, "too many requests", true);
    check(418, "", "banned", true);
    check(403, "<html>", "firewall", true);
    check(451, r#"{"code":0,"msg":"restricted location"}"#, "region", false);
    check(502, "<html>Bad gateway</html>", "failed on its side", true);
    check(200, "<!DOCTYPE html><html></html>", "web page", true);
    check(404, "<html>", "status 404", false);
    check(302, "", "status 302", false);
    check(200, "", "cut off or no JSON", true);
    check(200, "[[1", "cut off or no JSON", true);
    check(200, "\u{fffd}\u{0}", "cut off or no JSON", true);
    check(200, r#"{"symbol":"BTCUSDT"}"#, "not what this question", false);
}

#[test]
fn an_impossible_job_is_told_what_there_is() {
    let check = |id: &str, expected: &str| {
        let error = capability(&dataset(id)).expect_err("impossible").to_string();
        assert!(error.contains(expected), "{id}: {error}");
    };
    check("nowhere:candle:BTC-USDT:1h", "there is binance");
    check("binance:candle:BTC-USDT:90s", "it has 1s 1m 3m 5m");
    check("binance:candle:BTC-USDT_PERP:1s", "it has 1m 3m 5m");
    check("binance:funding:BTC-USDT", "it has candle, trade, book");
    check("binance:open_interest:BTC-USDT_PERP:1m", "it has 5m 15m");
    check("binance:candle:BTC-USDT_INVERSE:1h", "BASE/USD:inverse");
}
