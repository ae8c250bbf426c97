use std::ffi::OsString;
use std::path::Path;

use super::{AddressBook, AddressError};
use crate::config::Config;
use crate::status::{Status, ToolError};

const CONFIG: &str = "\
exchanges:
  binance: {rest_url: 'https://c/rest/', archive_url: 'https://c/files', ws_url: 'wss://c/ws/'}
  okx: {ws_url: 'ws://c:8443'}
";

/// A book with that configuration, and nothing but these variables.
fn book(environment: fn(&str) -> Option<OsString>) -> AddressBook {
    let config = Config::parse(Path::new("config.yml"), CONFIG).expect("a configuration");
    AddressBook { environment, ..AddressBook::new(Some(config)) }
}

fn nothing(_: &str) -> Option<OsString> {
    None
}

fn everything(name: &str) -> Option<OsString> {
    let url = match name {
        "DCCD_BINANCE_REST_URL" => "http://e/rest//",
        "DCCD_BINANCE_ARCHIVE_URL" => "http://e/files",
        "DCCD_BINANCE_WS_URL" => "ws://e/ws",
        "DCCD_BYBIT_REST_URL" => "http://e",
        _ => return None,
    };
    Some(url.into())
}

fn wrong(name: &str) -> Option<OsString> {
    Some(if name.ends_with("_WS_URL") { "https://e" } else { "wss://e" }.into())
}

/// The three addresses of an exchange.
fn urls(book: &AddressBook, exchange: &str) -> [Result<String, AddressError>; 3] {
    [
        book.rest_url(exchange, "https://own/rest/"),
        book.archive_url(exchange, "https://own/files"),
        book.ws_url(exchange, "wss://own/ws"),
    ]
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_configuration() {
    let check = |book: &AddressBook, exchange: &str, expected: [&str; 3]| {
        assert_eq!(urls(book, exchange), expected.map(|url| Ok(url.to_owned())), "{exchange}");
    };
    let own = ["https://own/rest", "https://own/files", "wss://own/ws"];
    let configured = book(nothing);
    check(&configured, "binance", ["https://c/rest", "https://c/files", "wss://c/ws"]);
    check(&configured, "okx", [own[0], own[1], "ws://c:8443"]);
    check(&configured, "bybit", own);
    check(&AddressBook { config: None, ..configured }, "binance", own);

    let told = book(everything);
    check(&told, "binance", ["http://e/rest", "http://e/files", "ws://e/ws"]);
    check(&told, "bybit", ["http://e", own[1], own[2]]);

    let flag = |url: &str| Some(url.to_owned());
    let ruled = told.with_rest_url(flag("http://f/")).and_then(|book| book.with_archive_url(None));
    let ruled = ruled.and_then(|book| book.with_ws_url(flag("ws://f"))).expect("URLs");
    check(&ruled, "binance", ["http://f", "http://e/files", "ws://f"]);
    check(&ruled, "okx", ["http://f", own[1], "ws://f"]);
}

#[test]
fn only_another_rest_address_is_elsewhere() {
    let check = |book: &AddressBook, expected: [bool; 3]| {
        assert_eq!(["binance", "okx", "bybit"].map(|exchange| book.is_elsewhere(exchange)), expected);
    };
    check(&book(nothing), [true, false, false]);
    check(&book(everything), [true, false, true]);
    check(&book(nothing).with_ws_url(Some("ws://f".to_owned())).expect("a URL"), [true, false, false]);
    check(&book(nothing).with_rest_url(Some("http://f".to_owned())).expect("a URL"), [true; 3]);
}

#[test]
fn what_is_no_url_is_refused_and_its_source_named() {
    let check = |refused: Result<AddressBook, AddressError>, expected: &str| {
        let error = refused.map(|_| ()).expect_err("no URL");
        assert_eq!((error.to_string().as_str(), error.exit()), (expected, Status::Usage));
    };
    for url in ["here", "https://", "wss://a", "https://a?b=c", "https://a#b", "https://a b", "HTTPS://a", ""] {
        let said = format!("{url:?} is no URL such as https://api.binance.com");
        check(book(nothing).with_rest_url(Some(url.to_owned())), &format!("--rest-url: {said}"));
        check(book(nothing).with_archive_url(Some(url.to_owned())), &format!("--archive-url: {said}"));
    }
    for url in ["here", "ws://", "wss://", "https://a", "wss://a?b", "wss://a#b", "ws://a b"] {
        let said = format!("--ws-url: {url:?} is no URL such as wss://stream.binance.com:9443");
        check(book(nothing).with_ws_url(Some(url.to_owned())), &said);
    }
    let said = urls(&book(wrong), "okx").map(|url| url.expect_err("no URL").to_string());
    let expected = [
        "DCCD_OKX_REST_URL: \"wss://e\" is no URL such as https://api.binance.com",
        "DCCD_OKX_ARCHIVE_URL: \"wss://e\" is no URL such as https://api.binance.com",
        "DCCD_OKX_WS_URL: \"https://e\" is no URL such as wss://stream.binance.com:9443",
    ];
    assert_eq!(said, expected);
}
