use super::second;
use crate::{Control, DatasetError, Kind, Line, LineError, Parser, Side};

const TRADE: &str = r#"{"kind":"trade","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:00.000000000Z","price":42283.58,"amount":0.00069,"side":"sell","tid":"2807759891"}"#;
const CANDLE: &str = r#"{"kind":"candle","exchange":"binance","pair":"BTC/USDT","span":3600,"ts":"2024-01-01T00:00:00Z","open":1,"high":2,"low":0.5,"close":1.5,"volume":10,"quote_volume":null,"trades":3}"#;
const BOOK: &str = r#"{"kind":"book","exchange":"binance","pair":"BTC/USDT","ts":"2024-01-01T00:00:00.000000000Z","snapshot":true,"bids":[[1,2]],"asks":[],"seq":null}"#;
const COVERED: &str = r#"{"kind":"covered","exchange":"binance","pair":"BTC/USDT","of":"trade","start":"2024-01-01T00:00:00Z","end":"2024-01-01T01:00:00Z","proof":"id"}"#;

fn refusal(line: &str) -> LineError {
    match Parser::new().parse(line.as_bytes()) {
        Ok(parsed) => panic!("{line} is {parsed:?}"),
        Err(error) => error,
    }
}

/// The field that is refused once `from` is replaced by `to`.
fn bad_field(line: &str, from: &str, to: &str) -> &'static str {
    assert!(line.contains(from), "{from} is not in {line}");
    match refusal(&line.replace(from, to)) {
        LineError::Bad { field, why } => {
            assert!(!why.is_empty() && why.len() < 300, "{why}");
            field
        }
        other => panic!("{from} -> {to}: {other:?}"),
    }
}

#[test]
fn lines_that_are_no_object_are_malformed() {
    let deep = format!(r#"{{"kind":"trade","x":{}"#, "[".repeat(100_000));
    let cut = &TRADE[..TRADE.len() - 1];
    let twice = format!("{TRADE}{TRADE}");
    let array = r#"["trade","binance","BTC/USDT"]"#;
    let by_position =
        format!(r#"["trade","binance","BTC/USDT",null,null,"2024-01-01T00:00:00Z"{}]"#, ",null".repeat(36));
    let not_a_number = TRADE.replace("42283.58", "NaN");
    let leading_zero = TRADE.replace("42283.58", "01");
    for line in [
        "",
        " ",
        "x",
        "null",
        "1",
        "\"trade\"",
        "{",
        "}",
        "{}{}",
        "{\"kind\"}",
        "{'kind':'trade'}",
        "\u{feff}{}",
        cut,
        &twice,
        array,
        &by_position,
        &not_a_number,
        &leading_zero,
        &deep,
        "{\"kind\":\"trade\",}",
        "// comment",
    ] {
        assert!(matches!(refusal(line), LineError::Malformed(_)), "{line:.100}: {:?}", refusal(line));
    }
}

#[test]
fn invalid_utf8_is_malformed_wherever_it_is() {
    for (from, with) in [("binance", &b"bin\xff"[..]), ("2807759891", b"\xc3\x28"), ("}", b",\"x\":\"\xed\xa0\x80\"}")]
    {
        let at = TRADE.find(from).unwrap();
        let line = [&TRADE.as_bytes()[..at], with, &TRADE.as_bytes()[at + from.len()..]].concat();
        assert!(matches!(Parser::new().parse(&line), Err(LineError::Malformed(_))), "{from}");
    }
}

#[test]
fn a_key_may_come_once() {
    for extra in [r#""ts":"2024-01-01T00:00:00Z""#, r#""price":1"#, r#""kind":"trade""#, r#""exchange":"okx""#] {
        let line = TRADE.replace('}', &format!(",{extra}}}"));
        assert!(matches!(refusal(&line), LineError::Malformed(cause) if cause.contains("duplicate")), "{line}");
    }
    let unknown_twice = TRADE.replace('}', r#","x":1,"x":2}"#);
    assert!(Parser::new().parse(unknown_twice.as_bytes()).is_ok());
}

#[test]
fn a_line_needs_a_kind() {
    for line in ["{}", r#"{"kind":null}"#, r#"{"exchange":"binance"}"#] {
        assert_eq!(refusal(line), LineError::NoKind);
    }
    for kind in ["1", "true", "[]", "{}"] {
        assert_eq!(bad_field(TRADE, "\"trade\"", kind), "kind");
    }
}

#[test]
fn kinds_and_fields_nobody_knows_pass() {
    let parse = |line: &str| Parser::new().parse(line.as_bytes()).map(|line| line == Line::Unknown);
    assert_eq!(parse(r#"{"kind":"liquidation","price":"whatever","ts":[]}"#), Ok(true));
    assert_eq!(parse(r#"{"kind":""}"#), Ok(true));
    assert_eq!(parse(&TRADE.replace('}', r#","new":{"deep":[1,2,{"x":null}]}}"#)), Ok(false));
}

#[test]
fn what_a_kind_needs_must_be_there() {
    let cases: [(&str, &[&str]); 4] = [
        (TRADE, &["exchange", "pair", "ts", "price", "amount"]),
        (CANDLE, &["exchange", "pair", "ts", "open", "high", "low", "close", "volume"]),
        (BOOK, &["exchange", "pair", "ts", "snapshot", "bids", "asks"]),
        (COVERED, &["exchange", "pair", "of", "start", "end", "proof"]),
    ];
    for (line, fields) in cases {
        for field in fields {
            let renamed = line.replace(&format!("\"{field}\":"), "\"other\":");
            assert_eq!(refusal(&renamed), LineError::Missing(field), "{renamed}");
            let nulled = line.replace(&format!("\"{field}\":"), &format!("\"{field}\":null,\"other\":"));
            assert_eq!(refusal(&nulled), LineError::Missing(field), "{nulled}");
        }
    }
    assert_eq!(refusal(&CANDLE.replace("\"span\"", "\"spam\"")), LineError::Dataset(DatasetError::Span(Kind::Candle)));
}

#[test]
fn what_a_kind_may_lack_may_be_null_or_absent() {
    let sides = [(r#""side":"sell","#, ""), (r#""sell""#, "null")];
    for (from, to) in sides {
        let line = TRADE.replace(from, to).replace(r#""tid":"2807759891""#, r#""tid":"""#);
        match Parser::new().parse(line.as_bytes()) {
            Ok(Line::Trade(_, trade)) => assert_eq!((trade.side, trade.tid), (None, None)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn numbers_must_be_numbers_and_not_absurd() {
    for value in ["\"1\"", "true", "[]", "{}", "1e400", "1e-400", "-1", "-1e-9", &"9".repeat(65)] {
        assert_eq!(bad_field(TRADE, "42283.58", value), "price", "{value}");
        assert_eq!(bad_field(TRADE, "0.00069", value), "amount", "{value}");
        assert_eq!(bad_field(CANDLE, "\"volume\":10", &format!("\"volume\":{value}")), "volume", "{value}");
    }
    for value in ["-1", "1.0", "1e3", "\"3\"", "9223372036854775808", "99999999999999999999999"] {
        assert_eq!(bad_field(CANDLE, "\"trades\":3", &format!("\"trades\":{value}")), "trades", "{value}");
    }
    assert!(Parser::new().parse(TRADE.replace("42283.58", "-0").as_bytes()).is_ok());
    assert!(Parser::new().parse(TRADE.replace("42283.58", "4.2e4").as_bytes()).is_ok());
}

#[test]
fn negative_values_of_contracts_are_refused() {
    let funding = r#"{"kind":"funding","exchange":"binance","pair":"BTC/USDT:perp","ts":"2024-01-01T00:00:00.000000000Z","rate":-0.0001,"mark_price":1}"#;
    let interest = r#"{"kind":"open_interest","exchange":"binance","pair":"BTC/USDT:perp","span":300,"ts":"2024-01-01T00:00:00.000000000Z","open_interest":1,"open_interest_value":2}"#;
    assert!(Parser::new().parse(funding.as_bytes()).is_ok(), "rates may be negative");
    assert_eq!(bad_field(funding, ":1}", ":-1}"), "mark_price");
    assert_eq!(bad_field(interest, ":1,", ":-1,"), "open_interest");
    assert_eq!(bad_field(interest, ":2}", ":-2}"), "open_interest_value");
}

#[test]
fn times_must_be_believable() {
    for value in [
        "\"\"",
        "\"yesterday\"",
        "\"2024-01-01\"",
        "\"1970-01-01T00:00:00Z\"",
        "\"9999-01-01T00:00:00Z\"",
        "0",
        "-1",
        "1704067200",
        "1704067200000",
        "9223372036854775807",
        "9223372036854775808",
        "1.7e18",
        "true",
        "[]",
        "\"2024-02-30T00:00:00Z\"",
        "\"2024-01-01T00:00:00.0000000001Z\"",
    ] {
        assert_eq!(bad_field(TRADE, "\"2024-01-01T00:00:00.000000000Z\"", value), "ts", "{value}");
    }
    let live = TRADE.replace('}', r#","recv_ts":"2024-01-01T00:00:00.000000000Z"}"#);
    assert_eq!(bad_field(&live, r#""recv_ts":"2024"#, r#""recv_ts":"1970"#), "recv_ts");
    let integer = TRADE.replace("\"2024-01-01T00:00:00.000000000Z\"", "1704067200000000000");
    let parsed = Parser::new();
    let mut parser = parsed;
    assert_eq!(parser.parse(integer.as_bytes()).unwrap().record().unwrap().1, second(0));
}

#[test]
fn candles_begin_on_the_grid() {
    assert_eq!(bad_field(CANDLE, "T00:00:00Z", "T00:00:01Z"), "ts");
    assert_eq!(bad_field(CANDLE, "T00:00:00Z", "T00:00:00.000000001Z"), "ts");
    let week = CANDLE.replace("3600", "604800");
    assert!(Parser::new().parse(week.as_bytes()).is_ok());
    assert_eq!(bad_field(&week, "2024-01-01", "2024-01-02"), "ts");
    for span in ["7", "0", "99999999999", "-60"] {
        assert!(matches!(refusal(&CANDLE.replace("3600", span)), LineError::Dataset(_) | LineError::Bad { .. }));
    }
}

#[test]
fn names_never_leave_the_store() {
    for (from, to) in [
        ("binance", ".."),
        ("binance", "a/../b"),
        ("binance", "/etc"),
        ("binance", "Binance"),
        ("binance", "\\u002e\\u002e"),
        ("BTC/USDT", "BTC/../USDT"),
        ("BTC/USDT", "../.."),
        ("BTC/USDT", "BTC"),
        ("BTC/USDT", "BTC\\u002f..\\u002fUSDT"),
        ("BTC/USDT", "BTC/USDT\\u0000"),
        ("BTC/USDT", ""),
    ] {
        for line in [TRADE, CANDLE, BOOK, COVERED] {
            assert!(matches!(refusal(&line.replace(from, to)), LineError::Dataset(_)), "{to}");
        }
    }
    assert_eq!(
        refusal(&COVERED.replace("\"trade\"", "\"trades\"")),
        LineError::Dataset(DatasetError::Kind("trades".to_owned()))
    );
}

#[test]
fn words_must_be_known() {
    for side in ["\"BUY\"", "\"\"", "1", "true"] {
        assert_eq!(bad_field(TRADE, "\"sell\"", side), "side");
    }
    assert_eq!(bad_field(TRADE, "\"2807759891\"", "2807759891"), "tid");
    assert_eq!(bad_field(TRADE, "\"2807759891\"", "\"\\ud800\""), "tid");
    assert_eq!(bad_field(COVERED, "\"id\"", "\"faith\""), "proof");
    assert_eq!(bad_field(COVERED, "T01:00:00Z", "T00:00:00Z"), "end");
    assert_eq!(bad_field(BOOK, "true", "1"), "snapshot");
}

#[test]
fn levels_are_pairs_or_triples() {
    for levels in [
        "[1,2]",
        "[[1]]",
        "[[1,2,3,4]]",
        "[[\"1\",2]]",
        "[[1,-2]]",
        "[[1,1e400]]",
        "{}",
        "\"x\"",
        "[null]",
        "[[1,null]]",
    ] {
        let field = bad_field(BOOK, "[[1,2]]", levels);
        assert!(["bids", "price", "amount"].contains(&field), "{levels}: {field}");
    }
    match Parser::new().parse(BOOK.replace("[[1,2]]", "[ [ 1 , 2 , null ] , [3,4,5]]").as_bytes()) {
        Ok(Line::Book(_, book)) => {
            let counts: Vec<Option<u64>> = book.bids.iter().map(|level| level.count).collect();
            assert_eq!(counts, [None, Some(5)]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn spaces_order_and_escapes_do_not_matter() {
    let line = r#" { "tid" : "28\u0030", "amount":1E-3 , "price" : 1 ,"ts":"2024-01-01T00:00:00+00:00", "pair":"BTC\/USDT", "\u006bind":"trade","side":"\u0062uy","exchange":"binance" } "#;
    let mut parser = Parser::new();
    let Ok(Line::Trade(id, trade)) = parser.parse(line.as_bytes()) else { panic!("a trade") };
    assert_eq!(parser.dataset(id).to_string(), "binance:trade:BTC-USDT");
    assert_eq!((trade.ts, trade.side, trade.tid.as_deref()), (second(0), Some(Side::Buy), Some("280")));
    assert_eq!(trade.amount.to_string(), "0.001");
}

#[test]
fn ids_count_up_in_the_order_of_first_sight() {
    let mut parser = Parser::new();
    let mut id = |line: &str| parser.parse(line.as_bytes()).unwrap().record().unwrap().0.index();
    assert_eq!([id(TRADE), id(CANDLE), id(TRADE), id(&TRADE.replace("BTC", "ETH")), id(CANDLE)], [0, 1, 0, 2, 1]);
    let dataset = "binance:candle:BTC-USDT:1h".parse().unwrap();
    assert_eq!(parser.id(&dataset).unwrap().index(), 1);
}

#[test]
fn an_input_names_a_bounded_number_of_series() {
    let mut parser = Parser::new();
    for number in 0..100_000 {
        let line = TRADE.replace("BTC", &format!("X{number}"));
        parser.parse(line.as_bytes()).unwrap();
    }
    for line in [TRADE.to_owned(), TRADE.replace(',', ", ")] {
        assert_eq!(parser.parse(line.as_bytes()), Err(LineError::TooManyDatasets));
    }
    assert!(parser.parse(TRADE.replace("BTC", "X5").as_bytes()).is_ok());
}

#[test]
fn refusals_stay_short_whatever_came() {
    let long = "x".repeat(1 << 20);
    for line in [
        TRADE.replace("binance", &long),
        TRADE.replace("BTC/USDT", &long),
        TRADE.replace("BTC", &long.to_uppercase()),
        TRADE.replace("\"sell\"", &format!("\"{long}\"")),
        TRADE.replace("2024-01-01T00:00:00.000000000Z", &long),
        TRADE.replace("42283.58", &"9".repeat(1 << 20)),
        TRADE.replace("42283.58", &format!("\"{long}\"")),
        COVERED.replace("\"id\"", &format!("\"{long}\"")),
        COVERED.replace("\"of\":\"trade\"", &format!("\"of\":\"{long}\"")),
        BOOK.replace("[[1,2]]", &format!("\"{long}\"")),
    ] {
        let message = refusal(&line).to_string();
        assert!(message.len() < 400, "{} bytes: {message:.80}", message.len());
    }
}

#[test]
fn a_job_says_whether_it_is_a_stream() {
    const JOB: &str = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"j","of":"trade","live":true}"#;
    let is_live = |line: &str| match Parser::new().parse(line.as_bytes()) {
        Ok(Line::Control(control)) => matches!(*control, Control::Job(job) if job.is_live),
        other => panic!("{line}: {other:?}"),
    };
    assert!(is_live(JOB));
    for not_live in [JOB.replace("true", "false"), JOB.replace("true", "null"), JOB.replace(",\"live\":true", "")] {
        assert!(!is_live(&not_live), "{not_live}");
    }
    for word in ["1", "\"true\"", "[]"] {
        assert_eq!(bad_field(JOB, "true", word), "live");
    }
}

#[test]
fn retries_of_work_orders_are_bounded() {
    const JOB: &str = r#"{"kind":"job","exchange":"binance","pair":"BTC/USDT","id":"j","of":"trade","max_retries":100,"retry_delay":3600}"#;
    assert!(matches!(Parser::new().parse(JOB.as_bytes()), Ok(Line::Control(_))));
    for count in ["101", "-1", "1.5", "\"5\"", "true"] {
        assert_eq!(bad_field(JOB, "100", count), "max_retries");
    }
    for delay in ["3600.1", "-1", "1e300", "\"1\"", "[]"] {
        assert_eq!(bad_field(JOB, "3600", delay), "retry_delay");
    }
}
