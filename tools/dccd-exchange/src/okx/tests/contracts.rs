//! Contracts become amounts.

use dccd_record::{Fixed, LineWriter, Range};

use super::answer;
use crate::adapter::{Adapter, Rows, Series};
use crate::okx::Okx;
use crate::sink::{Sink, Wanted};
use crate::tests::recordings::read_page;
use crate::tests::{dataset, reply};
use crate::{AnswerError, Ask, Page, capability};

const TRADES: &str = include_str!("../../../fixtures/okx/trades-swap.json");
const SWAPS: &str = include_str!("../../../fixtures/okx/instruments-swap.json");

fn contract(id: &str, row: usize, edit: impl Fn(String) -> String) -> Result<Fixed, AnswerError> {
    let ask = Ask::contract(&dataset(id)).expect("possible").expect("a question");
    let row = SWAPS.lines().filter(|line| line.starts_with("{\"alias")).nth(row).expect("a row").trim_end_matches(',');
    let body = edit(answer(&format!("[{row}]")));
    let page = ask.read(&reply(200, body.as_bytes()), &mut Vec::new())?;
    Ok(page.contract.expect("a contract"))
}

fn read(id: &str, contract: Option<Fixed>, body: &str) -> Result<(Page, String), AnswerError> {
    let dataset = dataset(id);
    let row = capability(&dataset).expect("possible");
    let (mut lines, mut out) = (LineWriter::new(&dataset), Vec::new());
    let series = Series { row, dataset: &dataset, contract };
    let reply = reply(200, body.as_bytes());
    let page = if id.contains(":book:") {
        Okx.read_book(&series, &reply, &mut lines, &mut out)?
    } else {
        let wanted =
            Wanted { rows: Rows::Newest, range: Range::all(), span: None, known: None, has_consecutive_ids: true };
        let mut sink = Sink::new(wanted, &mut lines, &mut out);
        Okx.read_page(&series, Rows::Newest, &reply, &mut sink)?;
        sink.page()
    };
    Ok((page, String::from_utf8(out).expect("lines are text")))
}

#[test]
fn the_size_of_a_contract_is_exact() {
    let check = |id: &str, row: usize, edit: fn(String) -> String, expected: &str| {
        assert_eq!(contract(id, row, edit).expect("a size").to_string(), expected, "{id}");
    };
    check("okx:trade:BTC-USDT_PERP", 0, |body| body, "0.01");
    check("okx:book:BTC-USDT_PERP", 0, |body| body.replace("\"ctMult\":\"1\"", "\"ctMult\":\"1000\""), "10");
    check("okx:trade:BTC-USD_INVERSE", 1, |body| body, "100");
    let refused = |id: &str, row: usize, edit: fn(String) -> String| {
        let error = contract(id, row, edit).expect_err(id);
        assert!(matches!(error, AnswerError::Unexpected(_)), "{id}: {error:?}");
    };
    refused("okx:trade:BTC-USDT_PERP", 1, |body| body);
    refused("okx:trade:BTC-USDT_PERP", 0, |body| body.replace("\"ctValCcy\":\"BTC\"", "\"ctValCcy\":\"USDT\""));
    refused("okx:trade:BTC-USDT_PERP", 0, |body| body.replace("\"0.01\",\"ctValCcy", "\"0\",\"ctValCcy"));
    refused("okx:trade:BTC-USDT_PERP", 0, |body| body.replace("\"0.01\",\"ctValCcy", "\"-1\",\"ctValCcy"));
    refused("okx:trade:BTC-USDT_PERP", 0, |body| body.replace("\"0.01\",\"ctValCcy", "\"\",\"ctValCcy"));
    refused("okx:trade:BTC-USDT_PERP", 0, |body| body.replace("\"ctMult\":\"1\"", "\"ctMult\":\"1e60\""));
    for none in ["okx:trade:BTC-USDT", "okx:book:BTC-USDT", "okx:candle:BTC-USDT_PERP:1m", "okx:funding:BTC-USDT_PERP"]
    {
        assert!(Ask::contract(&dataset(none)).expect("possible").is_none(), "{none}");
    }
}

#[test]
fn trades_are_multiplied() {
    let size = Fixed::from_parts(1, 2);
    let (page, lines) = read("okx:trade:BTC-USDT_PERP", size, TRADES).expect("sound");
    let start = r#"{"kind":"trade","exchange":"okx","pair":"BTC/USDT:perp","ts":"2024-06-17T21:00:00"#;
    let expected = [
        format!("{start}.001000000Z\",\"price\":67012.4,\"amount\":0.0001,\"side\":\"buy\",\"tid\":\"1201\"}}\n"),
        format!("{start}.123000000Z\",\"price\":67012.40,\"amount\":0.2,\"side\":\"buy\",\"tid\":\"1202\"}}\n"),
        format!("{start}.123000000Z\",\"price\":67012.3,\"amount\":0.015,\"side\":\"sell\",\"tid\":\"1203\"}}\n"),
    ];
    assert_eq!(lines, expected.concat());
    assert_eq!((page.rows, page.lines, page.last.map(|last| last.id)), (3, 3, Some(1203)));
    let unknown = read("okx:trade:BTC-USDT_PERP", None, TRADES).expect_err("no size");
    assert!(unknown.to_string().contains("size is not known"), "{unknown}");
    let long = TRADES.replace("\"1.5\"", &format!("\"{}\"", "9".repeat(38)));
    let error = read("okx:trade:BTC-USDT_PERP", Fixed::from_parts(12, 0), &long).expect_err("too long");
    assert!(matches!(error, AnswerError::Unexpected(_)), "{error:?}");
}

#[test]
fn books_are_multiplied() {
    let body = answer(
        r#"[{"asks":[["41006.8","60","0","1"]],"bids":[["41006.3","3.5","0","2"],["41006","1","0","10"]],"ts":"1629966436396","seqId":4429784551}]"#,
    );
    let (page, line) = read("okx:book:BTC-USD_INVERSE", Fixed::from_parts(100, 0), &body).expect("sound");
    let expected = r#"{"kind":"book","exchange":"okx","pair":"BTC/USD:inverse","ts":"2021-08-26T08:27:16.396000000Z","snapshot":true,"bids":[[41006.3,350,2],[41006,100,10]],"asks":[[41006.8,6000,1]],"seq":4429784551,"recv_ts":"2026-01-01T00:00:00.500000000Z"}"#;
    assert_eq!(line.trim_end(), expected);
    assert_eq!(page.stamp, page.last.map(|last| last.ts));
    let unknown = read("okx:book:BTC-USD_INVERSE", None, &body).expect_err("no size");
    assert!(unknown.to_string().contains("size is not known"), "{unknown}");
    for odd in [r#"["1","2","0"]"#, r#"["1","x","0","1"]"#, r#"["x","1","0","1"]"#, r#"["1","1","0","-1"]"#, "[]"] {
        let body = answer(&format!(r#"[{{"asks":[{odd}],"bids":[],"ts":"1629966436396"}}]"#));
        assert!(matches!(read("okx:book:BTC-USDT", None, &body), Err(AnswerError::Unexpected(_))), "{odd}");
    }
}

#[test]
fn candles_and_open_interest_say_coins_themselves() {
    let body = include_str!("../../../fixtures/okx/candles-swap.json");
    let (_, lines) = read_page("okx:candle:BTC-USDT_PERP:1h", Rows::Newest, 200, body).expect("sound");
    let expected = r#""ts":"2024-06-17T21:00:00Z","open":66401,"high":66734,"low":66310.1,"close":66575.3,"volume":2016.056,"quote_volume":134181486.8892,"trades":null}"#;
    assert!(lines.lines().next().is_some_and(|line| line.ends_with(expected)), "{lines}");
    let body = include_str!("../../../fixtures/okx/open-interest-swap.json");
    let (_, lines) = read_page("okx:open_interest:BTC-USDT_PERP:5m", Rows::Newest, 200, body).expect("sound");
    let expected =
        r#""ts":"2026-09-27T23:00:00.000000000Z","open_interest":28006.5419,"open_interest_value":2360916466.88}"#;
    assert!(lines.lines().next().is_some_and(|line| line.ends_with(expected)), "{lines}");
}
