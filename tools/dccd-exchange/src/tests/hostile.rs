//! Answers to a question that was not asked, and clocks that are wrong.

use super::{dataset, range, reply, ts};
use crate::{AnswerError, Ask, Reply, Walk};

const DAY_MS: i64 = 1_704_067_200_000;
const MINUTE_MS: i64 = 60_000;

/// Whether the first page of ten minutes from midnight on may be answered with rows at these minutes.
fn check(id: &str, row: impl Fn(i64) -> String, minutes: &[i64], is_sound: bool) {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T00:10:00Z");
    let mut walk = Walk::new(&dataset(id), asked, asked.end()).expect("possible");
    let ask = walk.next_ask().expect("a question");
    let rows: Vec<String> = minutes.iter().map(|minute| row(DAY_MS + minute * MINUTE_MS)).collect();
    // Both ways of reading, the quick one and the one for odd hands.
    for separator in [",", " , "] {
        let body = format!("[{}]", rows.join(separator));
        let mut out = b"before".to_vec();
        let answer = ask.read(&reply(200, body.as_bytes()), &mut out);
        match answer {
            Ok(page) => assert!(is_sound && page.rows == rows.len(), "{id} {minutes:?}: {page:?}"),
            Err(AnswerError::Unexpected(why)) => {
                assert!(!is_sound && why.contains("was not asked for"), "{id} {minutes:?}: {why}");
                assert_eq!(out, b"before", "nothing of a page that cannot be believed goes out");
            }
            Err(other) => panic!("{id} {minutes:?}: {other}"),
        }
    }
}

#[test]
fn rows_that_were_not_asked_for_prove_nothing() {
    let candle = |ms: i64| format!(r#"[{ms},"1","2","0.5","1.5","10",{},"15",3,"1","1","0"]"#, ms + MINUTE_MS - 1);
    for (minutes, is_sound) in
        [(&[0, 9][..], true), (&[-1, 0], false), (&[9, 10], false), (&[100], false), (&[-100], false)]
    {
        check("binance:candle:BTC-USDT:1m", candle, minutes, is_sound);
    }
    let interest = |ms: i64| {
        format!(r#"{{"symbol":"BTCUSDT","sumOpenInterest":"1","sumOpenInterestValue":"1","timestamp":{ms}}}"#)
    };
    for (minutes, is_sound) in [(&[0, 5][..], true), (&[-5, 0], false), (&[100], false), (&[5, 10], false)] {
        check("binance:open_interest:BTC-USDT_PERP:5m", interest, minutes, is_sound);
    }
    let trade = |ms: i64| {
        let id = ms / MINUTE_MS;
        format!(r#"{{"a":{id},"p":"1","q":"1","f":1,"l":1,"T":{ms},"m":true,"M":true}}"#)
    };
    for (minutes, is_sound) in [(&[0, 1][..], true), (&[9, 10, 11], true), (&[-1, 0], false)] {
        check("binance:trade:BTC-USDT", trade, minutes, is_sound);
    }
}

#[test]
fn rows_of_another_symbol_are_refused() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T00:10:00Z");
    let check = |id: &str, body: &str| {
        let ask = Walk::new(&dataset(id), asked, asked.end()).expect("possible").next_ask().expect("a question");
        let refused = ask.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect_err("another's row");
        assert!(refused.to_string().contains(r#"a row of "ETHUSDT", not of BTCUSDT"#), "{id}: {refused}");
        let own = body.replace("ETH", "BTC");
        ask.read(&reply(200, own.as_bytes()), &mut Vec::new()).expect("our row");
    };
    check(
        "binance:funding:BTC-USDT_PERP",
        &format!(r#"[{{"symbol":"ETHUSDT","fundingTime":{DAY_MS},"fundingRate":"1","markPrice":""}}]"#),
    );
    check(
        "binance:open_interest:BTC-USDT_PERP:5m",
        &format!(r#"[{{"symbol":"ETHUSDT","sumOpenInterest":"1","sumOpenInterestValue":"1","timestamp":{DAY_MS}}}]"#),
    );
}

#[test]
fn a_stamp_far_ahead_ends_no_range() {
    let asked = range("2024-01-01T00:00:00Z", "2024-01-01T00:10:00Z");
    let mut walk = Walk::new(&dataset("binance:trade:BTC-USDT"), asked, asked.end()).expect("possible");
    let first = walk.next_ask().expect("which trade is the first");
    let trade = |id: i64, ms: i64| format!(r#"{{"a":{id},"p":"1","q":"1","f":1,"l":1,"T":{ms},"m":true,"M":true}}"#);
    let ahead = 4_000_000_000_000;
    let body = format!("[{}]", trade(2, DAY_MS));
    let page = first.read(&reply(200, body.as_bytes()), &mut Vec::new()).expect("a trade");
    walk.take(&first, &page, &mut Vec::new());
    let ask = walk.next_ask().expect("a page");
    let mut out = b"before".to_vec();
    let body = format!("[{},{}]", trade(1, DAY_MS), trade(2, ahead));
    let said = Reply { date: Some(ts("2024-01-01T00:20:00Z")), ..reply(200, body.as_bytes()) };
    let refused = ask.read(&said, &mut out).expect_err("it has not happened");
    assert!(refused.to_string().contains("though it is 2024-01-01T00:20"), "{refused}");
    assert_eq!(out, b"before");
    let body = format!("[{},{},{}]", trade(1, DAY_MS), trade(2, ahead), trade(3, DAY_MS + 1));
    let page = ask.read(&Reply { body: body.as_bytes(), ..said }, &mut out).expect("one odd stamp");
    assert_eq!((page.is_past_end, page.lines, page.rows), (false, 2, 3));
}

#[test]
fn of_two_clocks_the_one_that_claims_less_is_believed() {
    let ask = Ask::clock(&dataset("binance:candle:BTC-USDT:1m")).expect("possible");
    let body = format!(r#"{{"serverTime":{}}}"#, DAY_MS + 500);
    let check = |date: Option<&str>, expected: &str| {
        let reply = Reply { date: date.map(ts), ..reply(200, body.as_bytes()) };
        let page = ask.read(&reply, &mut Vec::new()).expect("a clock");
        assert_eq!(page.stamp, Some(ts(expected)), "{date:?}");
    };
    check(None, "2024-01-01T00:00:00.5Z");
    check(Some("2024-01-01T00:00:00Z"), "2024-01-01T00:00:00.5Z");
    check(Some("2099-01-01T00:00:00Z"), "2024-01-01T00:00:00.5Z");
    check(Some("2020-01-01T00:00:00Z"), "2020-01-01T00:00:01Z");
}
