use proptest::prelude::*;

use crate::{Market, Pair, PairError};

#[test]
fn pairs_have_one_spelling_and_one_folder() {
    let check = |text: &str, folder: &str| {
        let pair: Pair = text.parse().unwrap();
        assert_eq!(pair.to_string(), text);
        assert_eq!(pair.path_name(), folder);
        assert_eq!(Pair::from_path_name(folder), Ok(pair));
    };
    check("BTC/USDT", "BTC-USDT");
    check("BTC/USDT:perp", "BTC-USDT_PERP");
    check("BTC/USD:inverse", "BTC-USD_INVERSE");
    check("BTC/USD:250328", "BTC-USD_250328");
    check("BTC/USD:000229", "BTC-USD_000229");
    check("BTC/USD:quarter", "BTC-USD_QUARTER");
    check("BTC/USD:next_quarter", "BTC-USD_NEXT_QUARTER");
    check("1000SATS/USDT", "1000SATS-USDT");
    check("SHIB2.0/USDT", "SHIB2.0-USDT");
    check("币安人生/USDT", "币安人生-USDT");
}

#[test]
fn what_is_no_pair_is_refused() {
    for text in [
        "",
        "/",
        "BTC",
        "BTCUSDT",
        "BTC-USDT",
        "btc/usdt",
        "Btc/USDT",
        "/USDT",
        "BTC/",
        "BTC/USDT/X",
        "BTC/USDT:",
        "BTC/USDT:PERP",
        "BTC/USDT:swap",
        "BTC/USDT:perp:perp",
        "BTC/USDT:250229",
        "BTC/USDT:251301",
        "BTC/USDT:25032",
        "BTC/USDT:2503281",
        "BTC/USDT:+50328",
        "BTC/USDT:２５０３２８",
        "../..",
        "../../etc/passwd",
        "BTC/../USDT",
        "BTC/..",
        "./.",
        "BTC/.USDT",
        "BTC/USDT.",
        "B..C/USDT",
        "BTC\\/USDT",
        "BTC\0/USDT",
        "BTC\n/USDT",
        "BTC /USDT",
        "BTC_X/USDT",
        "BTC-X/USDT",
        "B\u{301}TC/USDT",
        "BTC\u{200b}/USDT",
        "BTC\u{202e}/USDT",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/USDT",
    ] {
        assert!(text.parse::<Pair>().is_err(), "{text:?}");
    }
    for folder in [
        "",
        "-",
        "BTC",
        "BTC/USDT",
        "BTC-USDT_",
        "BTC-USDT_perp",
        "BTC-USDT_X",
        "..-..",
        "BTC-USDT-X",
        "btc-usdt",
        "BTC-USDT_PERP_",
        "BTC-USDT:perp",
        "BTC_USDT",
    ] {
        assert!(Pair::from_path_name(folder).is_err(), "{folder:?}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    assert_eq!("BTCUSDT".parse::<Pair>(), Err(PairError::Malformed("BTCUSDT".to_owned())));
    assert_eq!("BTC/../USDT".parse::<Pair>(), Err(PairError::Name("../USDT".to_owned())));
    assert_eq!("BTC/USDT:swap".parse::<Pair>(), Err(PairError::Market("swap".to_owned())));
    assert_eq!(Pair::new("BTC", "USD", Market::Dated(250_230)), Err(PairError::Market("250230".to_owned())));
    assert_eq!(Pair::new("BTC", "USD", Market::Dated(u32::MAX)), Err(PairError::Market(u32::MAX.to_string())));
}

#[test]
fn people_may_type_loosely() {
    let check = |typed: &str, expected: &str| {
        assert_eq!(Pair::from_user(typed).map(|pair| pair.to_string()).as_deref(), Ok(expected), "{typed:?}");
    };
    check("btc/usdt", "BTC/USDT");
    check("BTC-USDT", "BTC/USDT");
    check(" xbt / usd ", "BTC/USD");
    check("XBT/USD:PERP", "BTC/USD:perp");
    check("eth-usd:250328", "ETH/USD:250328");
    check("eth/xbt", "ETH/BTC");
    for typed in ["", "btc", "btcusdt", "btc/usdt/eur", "../x", "btc/usdt:swap", "a b/c"] {
        assert!(Pair::from_user(typed).is_err(), "{typed:?}");
    }
}

proptest! {
    /// Whatever is taken names one folder inside the store, and reads back.
    #[test]
    fn any_pair_is_safe_in_a_path(text in "\\PC{0,12}[/-]\\PC{0,12}(:[a-z0-9_]{0,8})?") {
        for pair in [text.parse(), Pair::from_user(&text), Pair::from_path_name(&text)].into_iter().flatten() {
            let pair: Pair = pair;
            let folder = pair.path_name();
            prop_assert!(!folder.contains(['/', '\\', '\0', ':', ' ']) && !folder.starts_with('.') && !folder.contains(".."));
            prop_assert!(folder.len() <= 80);
            prop_assert_eq!(Pair::from_path_name(&folder), Ok(pair.clone()));
            prop_assert_eq!(pair.to_string().parse(), Ok(pair.clone()));
            prop_assert_eq!(Pair::from_user(&pair.to_string()).map(|again| again.market()), Ok(pair.market()));
        }
    }
}
