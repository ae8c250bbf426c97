//! Lists of instruments.

use crate::tests::reply;
use crate::{AnswerError, Instrument, Listed, Trading, instruments, read_instruments};

const SPOT: &str = include_str!("../../../fixtures/okx/instruments-spot.json");
const SWAP: &str = include_str!("../../../fixtures/okx/instruments-swap.json");
const FUTURES: &str = include_str!("../../../fixtures/okx/instruments-futures.json");

fn read(sort: &str, body: &str) -> Result<Vec<Instrument>, AnswerError> {
    let requests = instruments("okx").expect("known");
    let request = requests.iter().find(|request| request.path.ends_with(sort)).expect("asked for");
    let mut found = Vec::new();
    assert_eq!(read_instruments("okx", request, &reply(200, body.as_bytes()), &mut found)?, Listed::All);
    Ok(found)
}

fn line(instrument: &Instrument) -> String {
    let mut out = Vec::new();
    instrument.write("okx", &mut out);
    String::from_utf8(out).expect("a line")
}

#[test]
fn every_market_is_listed() {
    let found = read("SPOT", SPOT).expect("a list");
    let expected = r#"{"kind":"instrument","exchange":"okx","symbol":"BTC-USDT","pair":"BTC/USDT","market":"spot","trading":"open","status":"live","tick":"0.1","lot":"0.00000001","since":"2019-01-22T05:03:33.000000000Z"}"#;
    assert_eq!(line(&found[0]).trim_end(), expected);
    assert_eq!(
        (found[1].trading, &found[1].tick, &found[1].lot, found[1].since),
        (Trading::Announced, &None, &None, None)
    );
    let found = read("SWAP", SWAP).expect("a list");
    let seen: Vec<_> = found
        .iter()
        .map(|it| (it.pair.as_ref().map(ToString::to_string), it.lot.clone().expect("a lot"), it.trading))
        .collect();
    let pair = |name: &str| Some(name.to_owned());
    // The lot counts what amounts count: coins, or US dollars.
    let expected = [
        (pair("BTC/USDT:perp"), "0.0001".to_owned(), Trading::Open),
        (pair("BTC/USD:inverse"), "100".to_owned(), Trading::Halted),
        (None, "0.0001".to_owned(), Trading::Open),
        (None, "1".to_owned(), Trading::Halted),
    ];
    assert_eq!(seen, expected);
    let found = read("FUTURES", FUTURES).expect("a list");
    let seen: Vec<_> = found.iter().map(|it| (it.pair.as_ref().map(ToString::to_string), it.trading)).collect();
    assert_eq!(seen, [(pair("BTC/USD:250328"), Trading::Delisted), (pair("BTC/USDT:250328"), Trading::Open)]);
}

#[test]
fn another_list_is_refused() {
    assert!(matches!(read("SPOT", SWAP), Err(AnswerError::Unexpected(_))));
    assert!(matches!(read("SPOT", "<html>"), Err(AnswerError::Html { .. })));
    assert!(matches!(read("SPOT", &SPOT[..100]), Err(AnswerError::Malformed(_))));
    assert!(matches!(read("SPOT", r#"{"code":"51000","data":[],"msg":"x"}"#), Err(AnswerError::Refused { .. })));
}
