//! The fast path and the general one read the same, or the fast one is not taken.

use super::Random;
use crate::{
    Book, Candle, Dataset, Funding, Kind, Level, Line, LineError, LineWriter, Number, OpenInterest, Parser, Side,
    Trade, Ts,
};

const IDS: [&str; 7] = [
    "binance:candle:BTC-USDT:1h",
    "kraken:candle:ETH-EUR:1m",
    "binance:trade:BTC-USDT",
    "okx:trade:BTC-USD_250328",
    "binance:book:BTC-USDT",
    "binance:funding:BTC-USDT_PERP",
    "binance:open_interest:BTC-USDT_PERP:5m",
];

fn number(random: &mut Random) -> String {
    let (whole, fraction) = (random.below(6), random.below(9));
    let whole = match whole {
        0 => "0".to_owned(),
        length => format!("{}{}", random.pick(&['1', '9']), random.digits(length)),
    };
    match (fraction, random.below(30)) {
        (_, 0) => format!("{whole}e-{}", random.below(9)),
        (0, _) => whole,
        (length, _) => format!("{whole}.{}", random.digits(length)),
    }
}

fn instant(random: &mut Random, kind: Kind) -> Ts {
    let hour = 1_704_067_200 + 3600 * i64::try_from(random.below(50_000)).unwrap();
    let fraction = if kind.has_span() { 0 } else { i64::try_from(random.next() >> 30).unwrap() };
    Ts::from_secs(hour).unwrap().saturating_add(fraction)
}

/// A random line of any kind, as we write it, without LF.
fn line(random: &mut Random) -> Vec<u8> {
    let dataset: Dataset = random.pick(&IDS).parse().unwrap();
    let numbers: Vec<String> = (0..12).map(|_| number(random)).collect();
    let at = |at: usize| Number::new(&numbers[at]).unwrap();
    let ts = instant(random, dataset.kind());
    let recv_ts = (random.below(2) == 0).then(|| ts.saturating_add(1_234_567));
    let count = (random.below(3) > 0).then(|| random.next() >> random.pick(&[1, 20, 40, 63]));
    let is_even = random.below(2) == 0;
    let mut out = Vec::new();
    let mut writer = LineWriter::new(&dataset);
    match dataset.kind() {
        Kind::Candle => {
            let quote_volume = is_even.then(|| at(5));
            let (open, high, low, close, volume) = (at(0), at(1), at(2), at(3), at(4));
            let is_derived = random.below(2) == 0;
            let candle = Candle { ts, open, high, low, close, volume, quote_volume, trades: count, is_derived };
            writer.candle(&candle, &mut out);
        }
        Kind::Trade => {
            let side = random.pick(&[Some(Side::Buy), Some(Side::Sell), None]);
            let tid = random.pick(&[Some("2807759891"), Some("6c1a-11ee"), Some("quo\"te"), Some("é"), None]);
            writer.trade(&Trade { ts, price: at(0), amount: at(1), side, tid: tid.map(Into::into), recv_ts }, &mut out);
        }
        Kind::Book => {
            let level = |from: usize| Level { price: at(from), amount: at(from + 1), count };
            let bids = (0..random.below(4)).map(|from| level(2 * from)).collect();
            let asks = (0..random.below(4)).map(|from| level(2 * from + 1)).collect();
            writer.book(&Book { ts, is_snapshot: is_even, bids, asks, seq: count, recv_ts }, &mut out);
        }
        Kind::Funding => {
            writer.funding(&Funding { ts, rate: at(0), mark_price: is_even.then(|| at(1)) }, &mut out);
        }
        Kind::OpenInterest => {
            let open_interest_value = is_even.then(|| at(1));
            writer.open_interest(&OpenInterest { ts, open_interest: at(0), open_interest_value }, &mut out);
        }
    }
    assert_eq!(out.pop(), Some(b'\n'));
    out
}

/// What people, other programs and bad disks do to a line.
fn perturb(line: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(line.len());
    let insertions: [&[u8]; 16] = [
        b" ",
        b"\t",
        b"\\",
        b"\"",
        b"0",
        b"-",
        b"e5",
        b".",
        b",",
        b"}",
        b"null",
        b"\\u0041",
        b"\0",
        b"\xff",
        b"\xc3\xa9",
        b"\r",
    ];
    match random.below(9) {
        0 => line[at] ^= 1 << random.below(8),
        1 => line.truncate(at),
        2 => drop(line.splice(at..at, random.pick(&insertions).iter().copied())),
        3 => drop(line.remove(at)),
        4 => {
            // A space where JSON allows one.
            let places: Vec<usize> = (0..line.len()).filter(|at| b",:{}[]".contains(&line[*at])).collect();
            if !places.is_empty() {
                let at = random.pick(&places);
                line.insert(at + usize::from(line[at] != b'}'), b' ');
            }
        }
        5 => {
            // An unknown key, or a known one once more, before the end.
            let extra = random.pick(&[
                r#","extra":[1,{"a":null}]}"#,
                r#","ts":"2024-01-01T00:00:00Z"}"#,
                r#","derived":false}"#,
                r#","recv_ts":null}"#,
                r#","exchange":"okx"}"#,
            ]);
            if line.pop().is_some() {
                line.extend(extra.bytes());
            }
        }
        6 => reorder(line, random),
        7 => replace(line, random),
        _ => line.extend(random.pick(&[&b"}"[..], b" ", b"{}", b"\0", b"x"])),
    }
}

/// Any order of keys, and any spelling, that serde_json gives.
fn reorder(line: &mut Vec<u8>, random: &mut Random) {
    let text = String::from_utf8_lossy(line).into_owned();
    let Ok(object) =
        serde_json::from_str::<std::collections::BTreeMap<String, Box<serde_json::value::RawValue>>>(&text)
    else {
        return;
    };
    let mut fields: Vec<String> = object.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
    for at in (1..fields.len()).rev() {
        fields.swap(at, random.below(at + 1));
    }
    *line = format!("{{{}}}", fields.join(random.pick(&[",", ", "]))).into_bytes();
}

fn replace(line: &mut Vec<u8>, random: &mut Random) {
    let (from, to) = random.pick(&[
        ("Z\"", "+00:00\""),
        ("Z\"", "5Z\""),
        ("T", " "),
        ("2024", "1969"),
        (":60,", ":07,"),
        ("null", "\"\""),
        ("\"buy\"", "\"BUY\""),
        ("true", "True"),
        ("0.", "00."),
        (".", ".e"),
        ("0,", "0E2,"),
        ("BTC/", "BTC\\/"),
        ("BTC", "b\\u0054C"),
        ("BTC", "../BTC"),
        ("kind", "k\\u0069nd"),
        ("1", "99999999999999999999999999999999999999999999999999999999999999999"),
    ]);
    *line = String::from_utf8_lossy(line).replacen(from, to, 1 + random.below(3)).into_bytes();
}

#[test]
fn own_lines_are_read_on_the_fast_path() {
    let mut random = Random::new("own_lines_are_read_on_the_fast_path");
    let (mut fast, mut slow, mut both) = (Parser::new(), Parser::new(), Parser::new());
    let mut taken = 0;
    for _ in 0..20_000 {
        let line = line(&mut random);
        let line_text = std::str::from_utf8(&line).unwrap();
        let is_plain = !line.contains(&b'\\');
        let general = slow.parse_any(line_text).unwrap();
        assert_eq!(both.parse(&line).as_ref(), Ok(&general), "{line_text}");
        match fast.scan(&line) {
            Some(scanned) => {
                assert_eq!(scanned, general, "{}", String::from_utf8_lossy(&line));
                taken += 1;
            }
            None => {
                fast.parse_any(line_text).unwrap();
                // Only escapes and numbers of 19 digits are left to the general path.
                assert!(!is_plain || has_long_integer(&line), "{}", String::from_utf8_lossy(&line));
            }
        }
    }
    assert!(taken > 10_000, "{taken} lines taken");
}

fn has_long_integer(line: &[u8]) -> bool {
    line.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() > 18)
}

#[test]
fn perturbed_lines_read_the_same_or_only_generally() {
    let mut random = Random::new("perturbed_lines_read_the_same_or_only_generally");
    let (mut taken, mut good) = (0, 0);
    for _ in 0..60_000 {
        let before = line(&mut random);
        let mut after = before.clone();
        for _ in 0..=random.below(3) {
            if !after.is_empty() {
                perturb(&mut after, &mut random);
            }
        }
        let before_text = std::str::from_utf8(&before).unwrap();
        let (mut fast, mut slow, mut both) = (Parser::new(), Parser::new(), Parser::new());
        fast.parse_any(before_text).unwrap();
        fast.scan(&before);
        slow.parse_any(before_text).unwrap();
        both.parse(&before).unwrap();
        let Ok(after_text) = std::str::from_utf8(&after) else {
            assert!(matches!(both.parse(&after), Err(LineError::Malformed(_))));
            continue;
        };
        let general = slow.parse_any(after_text);
        if let Some(scanned) = fast.scan(&after) {
            taken += 1;
            assert_eq!(Ok(&scanned), general.as_ref(), "{}", String::from_utf8_lossy(&after));
        }
        good += u32::from(general.is_ok());
        match both.parse(&after) {
            Ok(parsed) => assert_eq!(Ok(&parsed), general.as_ref(), "{}", String::from_utf8_lossy(&after)),
            Err(error) => assert!(error.to_string().len() < 1000),
        }
    }
    assert!(taken > 1_000 && good > 10_000, "{taken} taken, {good} good");
}

#[test]
fn noise_never_panics() {
    let mut random = Random::new("noise_never_panics");
    let mut parser = Parser::new();
    for _ in 0..100_000 {
        let length = random.below(60);
        let noise: Vec<u8> = (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        assert!(!matches!(parser.parse(&noise), Ok(line) if line != Line::Unknown));
    }
}
