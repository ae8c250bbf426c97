use crate::{Dataset, DatasetError, Exchange, Kind};

#[test]
fn ids_read_back() {
    for id in [
        "binance:candle:BTC-USDT:1h",
        "binance:candle:BTC-USDT:1w",
        "binance:trade:BTC-USDT_PERP",
        "krakenfutures:funding:BTC-USD_INVERSE",
        "okx:book:BTC-USD_250328",
        "binance:open_interest:BTC-USDT_PERP:5m",
        "binance:candle:BTC-USD_NEXT_QUARTER:1d",
    ] {
        assert_eq!(id.parse::<Dataset>().map(|dataset| dataset.to_string()).as_deref(), Ok(id));
    }
}

#[test]
fn old_words_are_understood_but_not_written() {
    let check = |typed: &str, expected: &str| {
        assert_eq!(typed.parse::<Dataset>().unwrap().to_string(), expected);
    };
    check("binance:ohlc:BTC-USDT:3600", "binance:candle:BTC-USDT:1h");
    check("binance:trades:BTC-USDT", "binance:trade:BTC-USDT");
    check("binance:orderbook:BTC-USDT", "binance:book:BTC-USDT");
    assert_eq!(Kind::from_name("ohlc"), None);
}

#[test]
fn what_is_no_id_is_refused() {
    let malformed = |id: &str| Err(DatasetError::Id(id.to_owned()));
    for id in ["", "binance", "binance:trade", "binance:candle:BTC-USDT:1h:x"] {
        assert_eq!(id.parse::<Dataset>(), malformed(id));
    }
    assert_eq!("binance:trade:BTC-USDT:1h".parse::<Dataset>(), Err(DatasetError::Span(Kind::Trade)));
    assert_eq!("binance:candle:BTC-USDT".parse::<Dataset>(), Err(DatasetError::Span(Kind::Candle)));
    assert_eq!("binance:tick:BTC-USDT".parse::<Dataset>(), Err(DatasetError::Kind("tick".to_owned())));
    assert!(matches!("binance:candle:BTC-USDT:7h".parse::<Dataset>(), Err(DatasetError::BadSpan(_))));
    assert!(matches!("binance:trade:BTC/USDT".parse::<Dataset>(), Err(DatasetError::Pair(_))));
    assert!(matches!("..:trade:BTC-USDT".parse::<Dataset>(), Err(DatasetError::Exchange(_))));
}

#[test]
fn exchange_names_are_safe_in_a_path() {
    for name in
        ["", ".", "..", "a/b", "/etc", "Binance", "bin ance", "bïnance", "a\0", "a:b", "a_b", "a-b", &"a".repeat(33)]
    {
        assert_eq!(Exchange::new(name), Err(DatasetError::Exchange(name.to_owned())), "{name:?}");
    }
    assert_eq!(Exchange::new("binance").unwrap().as_str(), "binance");
    assert!(Exchange::new(&"a".repeat(32)).is_ok());
}

#[test]
fn every_kind_has_a_name() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(Kind::from_user(kind.name()), Ok(kind));
    }
}
