//! The fast way of reading and the general one give the same.

use dccd_record::LineWriter;
use proptest::prelude::*;

use crate::adapter::Rows;
use crate::binance::kline::{self, Columns};
use crate::binance::trade;
use crate::sink::{Sink, Wanted};
use crate::tests::{dataset, reply};
use crate::{AnswerError, Page};

type Read = fn(&crate::Reply<'_>, &mut Sink<'_>) -> Result<(), AnswerError>;

/// The page as text, or the error; and what was written.
fn page(
    id: &str,
    rows: Rows,
    has_consecutive_ids: bool,
    read: Read,
    body: &str,
) -> (Result<Page, AnswerError>, String) {
    let mut out = b"before\n".to_vec();
    let dataset = dataset(id);
    let mut lines = LineWriter::new(&dataset);
    let wanted = Wanted { has_consecutive_ids, ..Wanted::probe(rows, dataset.span()) };
    let mut sink = Sink::new(wanted, &mut lines, &mut out);
    let done = read(&reply(200, body.as_bytes()), &mut sink);
    if done.is_err() {
        sink.reset();
    }
    let page = sink.page();
    (done.map(|()| page), String::from_utf8(out).unwrap_or_default())
}

fn klines(body: &str) -> (Result<Page, AnswerError>, String) {
    page(
        "binance:candle:BTC-USDT:1m",
        Rows::Newest,
        false,
        |reply, sink| kline::read(reply, Columns::BaseQuote, sink),
        body,
    )
}

fn trades(body: &str, first_id: Option<u64>) -> (Result<Page, AnswerError>, String) {
    let rows = first_id.map_or(Rows::Newest, Rows::FromId);
    page("binance:trade:BTC-USDT", rows, true, trade::read, body)
}

/// The same JSON with white space, which only the general way reads.
fn spaced(body: &str) -> String {
    body.replace(',', " , ").replace('[', "[ ").replace(':', " : ")
}

#[test]
fn a_body_that_is_cut_anywhere_is_no_page() {
    let rows = r#"[[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499040059999,"2434.19055334",308,"1756.87402397","28.46694368","0"],[1499040060000,"1","1","1","1","1",1499040119999,"1",1,"1","1","0"]]"#;
    assert_eq!(klines(rows).0.map(|page| page.rows), Ok(2));
    let agg =
        r#"[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]"#;
    assert_eq!(trades(agg, None).0.map(|page| page.rows), Ok(1));
    for end in 0..rows.len() {
        let (page, out) = klines(&rows[..end]);
        assert!(matches!(page, Err(AnswerError::Malformed(_))), "cut at {end}: {page:?}");
        assert_eq!(out, "before\n", "cut at {end}");
    }
    for end in 0..agg.len() {
        let (page, out) = trades(&agg[..end], None);
        assert!(matches!(page, Err(AnswerError::Malformed(_))), "cut at {end}: {page:?}");
        assert_eq!(out, "before\n", "cut at {end}");
    }
}

#[test]
fn odd_but_valid_pages_are_read_too() {
    let check = |body: &str, rows: usize| assert_eq!(klines(body).0.map(|page| page.rows), Ok(rows), "{body}");
    check("[]", 0);
    check(" [ ] \n", 0);
    // Numbers without quotes, a further field, white space.
    check("[[1499040000000,1,1,1,1,1,1499040059999,1,1,\"1\",\"1\",\"0\",7]]", 1);
    let (page, out) = trades(r#"[{"M":true,"T":1498793709153,"a":5,"m":false,"p":"1.50","q":"2"}]"#, None);
    assert_eq!(page.map(|page| page.rows), Ok(1));
    assert!(
        out.ends_with(
            "\"ts\":\"2017-06-30T03:35:09.153000000Z\",\"price\":1.50,\"amount\":2,\"side\":\"buy\",\"tid\":\"5\"}\n"
        ),
        "{out}"
    );
}

#[test]
fn pages_that_make_no_sense_are_refused() {
    let check = |body: &str| {
        let (page, out) = klines(body);
        assert!(matches!(page, Err(AnswerError::Unexpected(_))), "{body}: {page:?}");
        assert_eq!(out, "before\n", "{body}");
    };
    // Not a multiple of the span; out of order; too few fields; no digits; seconds for milliseconds.
    check(r#"[[1499040000001,"1","1","1","1","1",1499040059999,"1",1,"1","1","0"]]"#);
    check(
        r#"[[1499040060000,"1","1","1","1","1",1499040119999,"1",1,"1","1","0"],[1499040000000,"1","1","1","1","1",1499040059999,"1",1,"1","1","0"]]"#,
    );
    check(r#"[[1499040000000,"1","1"]]"#);
    check(r#"[[1499040000000,"NaN","1","1","1","1",1499040059999,"1",1,"1","1","0"]]"#);
    check(r#"[[1499040000,"1","1","1","1","1",1499040059,"1",1,"1","1","0"]]"#);
    check("null");
    check("{}");
    check("7");
}

#[test]
fn trades_stop_at_a_hole_in_the_ids() {
    let row = |id: u64| format!(r#"{{"a":{id},"p":"1","q":"1","f":1,"l":1,"T":1498793709153,"m":true,"M":true}}"#);
    let body = format!("[{},{},{}]", row(7), row(8), row(10));
    for body in [body.clone(), spaced(&body)] {
        let (page, out) = trades(&body, None);
        let page = page.expect("a sound page");
        assert_eq!(
            (page.rows, page.lines, page.last.map(|mark| mark.id), page.jump.map(|mark| mark.id)),
            (3, 2, Some(8), Some(10))
        );
        assert_eq!(out.lines().count(), 3);
    }
    let (page, _) = trades(&body, Some(6));
    assert_eq!(page.map(|page| (page.lines, page.jump.map(|mark| mark.id))), Ok((0, Some(7))));
    let (page, _) = trades(&body, Some(8));
    assert_eq!(page.map(|page| (page.rows, page.lines)), Ok((3, 1)), "ids before the one asked for are passed over");
}

fn digits() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,12})?",
        1 => "-?[0-9]{0,3}\\.?[0-9]{0,3}(e-?[0-9]{1,3})?",
        1 => "[ -~]{0,4}".prop_filter("no quote inside a string", |text| !text.contains(['"', '\\', ',', '[', ':'])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fast_and_general_klines_agree(
        rows in proptest::collection::vec((0_i64..3_000_000, proptest::array::uniform9(digits()), 0_u64..u64::MAX), 0..6),
    ) {
        let rows: Vec<String> = rows
            .iter()
            .map(|(minute, d, count)| {
                let ts = 1_499_040_000_000 + minute * 60_000;
                let close = ts + 59_999;
                format!(
                    r#"[{ts},"{}","{}","{}","{}","{}",{close},"{}",{count},"{}","{}","{}"]"#,
                    d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8],
                )
            })
            .collect();
        let body = format!("[{}]", rows.join(","));
        let (fast, general) = (klines(&body), klines(&spaced(&body)));
        prop_assert_eq!(&fast.1, &general.1);
        prop_assert_eq!(format!("{:?}", fast.0.ok()), format!("{:?}", general.0.ok()));
    }

    #[test]
    fn fast_and_general_trades_agree(
        rows in proptest::collection::vec((0_u64..3, digits(), digits(), 0_i64..2_000_000_000_000, any::<bool>()), 0..6),
        first in 0_u64..4,
    ) {
        let mut id = 0;
        let rows: Vec<String> = rows
            .iter()
            .map(|(step, price, amount, time, maker)| {
                id += step;
                format!(r#"{{"a":{id},"p":"{price}","q":"{amount}","f":1,"l":2,"T":{time},"m":{maker},"M":true}}"#)
            })
            .collect();
        let body = format!("[{}]", rows.join(","));
        let (fast, general) = (trades(&body, Some(first)), trades(&spaced(&body), Some(first)));
        prop_assert_eq!(&fast.1, &general.1);
        prop_assert_eq!(format!("{:?}", fast.0.ok()), format!("{:?}", general.0.ok()));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&body);
        let _ = klines(&text);
        let _ = trades(&text, Some(1));
    }
}
