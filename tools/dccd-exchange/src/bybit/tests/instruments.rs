//! Lists of instruments.

use crate::tests::reply;
use crate::{AnswerError, Instrument, Listed, Request, Trading, instruments, read_instruments};

const LINEAR: &str = include_str!("../../../fixtures/bybit/instruments-linear.json");
const INVERSE: &str = include_str!("../../../fixtures/bybit/instruments-inverse.json");
const SPOT: &str = include_str!("../../../fixtures/bybit/instruments-spot.json");

fn request(query: &str) -> Request {
    let requests = instruments("bybit").expect("known");
    let path = format!("/v5/market/instruments-info?{query}");
    requests.into_iter().find(|request| request.path == path).unwrap_or_else(|| panic!("nobody asks {path}"))
}

fn read(request: &Request, body: &str) -> Result<(Vec<Instrument>, Listed), AnswerError> {
    let mut found = Vec::new();
    let listed = read_instruments("bybit", request, &reply(200, body.as_bytes()), &mut found)?;
    Ok((found, listed))
}

fn line(instrument: &Instrument) -> String {
    let mut out = Vec::new();
    instrument.write("bybit", &mut out);
    String::from_utf8(out).expect("a line")
}

#[test]
fn every_market_is_listed() {
    let (found, listed) = read(&request("category=spot"), SPOT).expect("a list");
    assert_eq!(listed, Listed::All);
    let expected = r#"{"kind":"instrument","exchange":"bybit","symbol":"BTCUSDT","pair":"BTC/USDT","market":"spot","trading":"open","status":"Trading","tick":"0.1","lot":"0.000001","since":null}"#;
    assert_eq!(line(&found[0]).trim_end(), expected);
    let (found, listed) = read(&request("category=inverse&limit=1000"), INVERSE).expect("a list");
    assert_eq!(listed, Listed::All);
    let pairs: Vec<_> = found.iter().map(|it| it.pair.as_ref().map(ToString::to_string)).collect();
    assert_eq!(pairs, [Some("BTC/USD:inverse".to_owned()), Some("BTC/USD:250926".to_owned())]);
    let expected = r#"{"kind":"instrument","exchange":"bybit","symbol":"BTCUSD","pair":"BTC/USD:inverse","market":"inverse","trading":"open","status":"Trading","tick":"0.10","lot":"1","since":"2018-11-14T16:00:00Z"}"#;
    assert_eq!(line(&found[0]).trim_end().replace(".000000000", ""), expected);
}

#[test]
fn lists_go_on_where_their_cursor_says() {
    let asked = request("category=linear&limit=1000");
    let (found, listed) = read(&asked, LINEAR).expect("a list");
    let pairs: Vec<_> = found.iter().map(|it| it.pair.as_ref().map(ToString::to_string)).collect();
    let pair = |name: &str| Some(name.to_owned());
    // What another question is asked for is not taken twice.
    assert_eq!(pairs, [pair("BTC/USDT:perp"), pair("BTC/USDC:perp"), pair("BTC/USDT:251205"), None]);
    assert_eq!((found[3].since, &found[3].tick, &found[3].lot), (None, &None, &None));
    let Listed::More(next) = listed else { panic!("there is a cursor") };
    assert_eq!(
        next.path,
        "/v5/market/instruments-info?category=linear&limit=1000&cursor=first%3DBTCUSDT%26last%3DBIOUSDT"
    );
    // The same page again leads nowhere; an empty one is the last.
    assert!(matches!(read(&next, LINEAR), Err(AnswerError::Unexpected(_))));
    let empty = r#"{"retCode":0,"result":{"category":"linear","list":[],"nextPageCursor":"x"},"time":1}"#;
    assert_eq!(read(&next, empty).expect("empty").1, Listed::All);
    let further = LINEAR.replace("first%3DBTCUSDT%26last%3DBIOUSDT", "a=b&c");
    let Listed::More(next) = read(&next, &further).expect("a list").1 else { panic!("there is a cursor") };
    assert!(next.path.ends_with("&limit=1000&cursor=a%3Db%26c"), "{}", next.path);
}

#[test]
fn other_statuses_are_asked_for() {
    let (found, _) = read(&request("category=linear&limit=1000&status=PreLaunch"), LINEAR).expect("a list");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].symbol.as_str(), found[0].trading), ("BIOUSDT", Trading::Announced));
    let closed = LINEAR.replace("Trading\"", "Closed\"");
    let (found, _) = read(&request("category=linear&limit=1000&status=Closed"), &closed).expect("a list");
    assert!(found.len() == 4 && found.iter().all(|it| it.trading == Trading::Delisted), "{found:?}");
}

#[test]
fn another_list_is_refused() {
    let asked = request("category=spot");
    assert!(matches!(read(&asked, LINEAR), Err(AnswerError::Unexpected(_))));
    assert!(matches!(read(&asked, "<html>"), Err(AnswerError::Html { .. })));
    assert!(matches!(read(&asked, &SPOT[..100]), Err(AnswerError::Malformed(_))));
    let refused = r#"{"retCode":10001,"retMsg":"params error","result":{},"time":1}"#;
    assert!(matches!(read(&asked, refused), Err(AnswerError::Refused { .. })));
}
