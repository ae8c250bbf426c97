//! `public.bybit.com`: a gzip file of trades for each day, in UTC.
//!
//! Contracts are found below `/trading/`, spot below `/spot/`, where names and columns differ. There are no checksums
//! beside the files; gzip has its own.

use std::io::{self, Cursor, Read};

use dccd_record::{Day, Side};
use zip::ZipArchive;

use crate::archive::Shelf;
use crate::bybit::EXCHANGE;
use crate::bybit::instrument::{Category, Digits, Symbols};
use crate::bybit::trades::{exec_id, is_rpi, side};
use crate::clock::{DAY, HOUR, MILLI, SECOND};
use crate::http::Response;
use crate::market::trade::Trade;
use crate::market::{Market, Series};

/// Contracts' stamps are so many microseconds apart.
pub(crate) const STAMP: i64 = 100;
/// 2025-05-01: files have a column more from here on.
const FIRST_RPI: i64 = 20_209 * DAY;
/// A file appears so long after its day.
const DELAY: i64 = 4 * HOUR;
/// What `grossValue` counts in: 1/10^8.
const GROSS: i128 = 100_000_000;
/// Larger ones are written with an exponent.
const PLAIN_DIGITS_MAX: usize = 6;

/// Whether a path is one of a file.
pub(crate) fn is_file(path: &str) -> bool {
    path.starts_with("/trading/") || path.starts_with("/spot/")
}

/// The answer to the path of a file.
pub(crate) fn answer(shelf: &Shelf, symbols: &Symbols, market: &Market, path: &str, now: i64) -> Response {
    let missing = || Response::html(404);
    let Some(file) = FileName::parse(path) else { return missing() };
    let Some(series) = file.pair(symbols).and_then(|pair| market.series(EXCHANGE, pair)) else { return missing() };
    let listing = series.listing();
    if now < file.start + DAY + DELAY || file.start + DAY <= listing.since || file.start >= listing.until {
        return missing();
    }
    let gzip = shelf.zip(path, "rows.csv", || file.csv(&series)).and_then(|zip| gzip(&zip.bytes));
    match gzip {
        Ok(bytes) => Response::new(200, "application/gzip", bytes),
        Err(_) => Response::html(500),
    }
}

/// One file's path, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileName<'a> {
    is_spot: bool,
    symbol: &'a str,
    /// The first instant of its day.
    start: i64,
}

impl<'a> FileName<'a> {
    fn parse(path: &'a str) -> Option<FileName<'a>> {
        let (is_spot, rest) = match path.strip_prefix("/spot/") {
            Some(rest) => (true, rest),
            None => (false, path.strip_prefix("/trading/")?),
        };
        let (symbol, name) = rest.split_once('/')?;
        let date = name.strip_prefix(symbol)?.strip_suffix(".csv.gz")?;
        let date = if is_spot { date.strip_prefix('_')? } else { date };
        Some(FileName { is_spot, symbol, start: day(date)? })
    }

    fn pair<'s>(&self, symbols: &'s Symbols) -> Option<&'s dccd_record::Pair> {
        if self.is_spot {
            return symbols.pair(Category::Spot, self.symbol);
        }
        symbols.pair(Category::Linear, self.symbol).or_else(|| symbols.pair(Category::Inverse, self.symbol))
    }

    fn csv(&self, series: &Series) -> Vec<u8> {
        let has_rpi = self.start >= FIRST_RPI;
        let header = match self.is_spot {
            true => "id,timestamp,price,volume,side",
            false => {
                "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
            }
        };
        let last = match (self.is_spot, has_rpi) {
            (_, false) => "",
            (true, true) => ",rpi",
            (false, true) => ",RPI",
        };
        let mut out = format!("{header}{last}\n").into_bytes();
        let ids = series.first_id_at(self.start)..series.first_id_at(self.start + DAY);
        let mut before = series.trades(ids.start - 1..ids.start).next();
        for (number, trade) in (1..).zip(series.trades(ids)) {
            let row = if self.is_spot {
                spot_row(series, &trade, number)
            } else {
                contract_row(series, self.symbol, &trade, before.as_ref())
            };
            let rpi = if has_rpi { if is_rpi(&trade) { ",1" } else { ",0" } } else { "" };
            out.extend_from_slice(row.as_bytes());
            out.extend_from_slice(rpi.as_bytes());
            out.push(b'\n');
            before = Some(trade);
        }
        out
    }
}

/// The id is only the number of the row.
fn spot_row(series: &Series, trade: &Trade, number: i64) -> String {
    let digits = Digits::of(series.listing());
    let (price, volume) = (digits.price(trade.price), digits.amount(trade.amount));
    let side = if trade.taker == Side::Buy { "buy" } else { "sell" };
    format!("{number},{},{price},{volume},{side}", trade.micros / MILLI)
}

fn contract_row(series: &Series, symbol: &str, trade: &Trade, before: Option<&Trade>) -> String {
    let digits = Digits::of(series.listing());
    let (price, size) = (digits.long_price(trade.price), digits.amount(trade.amount));
    let direction = match before.map_or(0, |before| (trade.price - before.price).signum()) {
        1 => "PlusTick",
        -1 => "MinusTick",
        _ if trade.taker == Side::Buy => "ZeroPlusTick",
        _ => "ZeroMinusTick",
    };
    let (side, id) = (side(trade.taker), exec_id(series, trade));
    let (gross, foreign) = (float(trade.value * GROSS, digits.value_scale()), digits.value(trade.value));
    format!("{},{symbol},{side},{size},{price},{direction},{id},{gross},{size},{foreign}", seconds(trade.micros))
}

/// Seconds with up to four digits after the point.
fn seconds(micros: i64) -> String {
    let (whole, part) = (micros.div_euclid(SECOND), micros.rem_euclid(SECOND) / STAMP);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{}", format!("{part:04}").trim_end_matches('0'))
}

/// `mantissa` / 10^`scale` in the shortest form, with an exponent from 10^6 on, such as `7.83075e+09`.
fn float(mantissa: i128, scale: u32) -> String {
    let text = mantissa.to_string();
    let whole_digits = text.len().saturating_sub(usize::try_from(scale).unwrap_or(0));
    if whole_digits <= PLAIN_DIGITS_MAX {
        return crate::bybit::instrument::short(mantissa, scale);
    }
    let (first, rest) = text.split_at(1);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}e+{:02}", whole_digits - 1)
}

fn day(text: &str) -> Option<i64> {
    let number = |part: Option<&str>, width: usize| -> Option<i64> {
        let part = part.filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        part.parse().ok()
    };
    let mut parts = text.split('-');
    let (year, month, day) = (number(parts.next(), 4)?, number(parts.next(), 2)?, number(parts.next(), 2)?);
    let start = Day { year, month, day }.number()? * DAY;
    parts.next().is_none().then_some(start)
}

/// The only file of a zip as gzip: what is compressed is the same.
fn gzip(zip: &[u8]) -> io::Result<Vec<u8>> {
    const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut zip = ZipArchive::new(Cursor::new(zip))?;
    let mut file = zip.by_index_raw(0)?;
    let mut out = HEAD.to_vec();
    file.read_to_end(&mut out)?;
    out.extend_from_slice(&file.crc32().to_le_bytes());
    let size = u32::try_from(file.size() % (1 << 32)).unwrap_or(0);
    out.extend_from_slice(&size.to_le_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bybit::truth::{View, trade_row};
    use crate::tests::desk::Desk;

    /// 2024-01-05.
    const NOW: i64 = 19_727 * DAY;

    fn file(desk: &Desk, path: &str) -> (std::sync::Arc<Series>, Vec<String>) {
        let symbols = Symbols::new(desk.market.catalogue());
        let file = FileName::parse(path).expect("a file");
        let series = file.pair(&symbols).and_then(|pair| desk.market.series(EXCHANGE, pair)).expect("a series");
        let text = String::from_utf8(file.csv(&series)).expect("text");
        (series, text.lines().map(str::to_owned).collect())
    }

    fn trades(series: &Series, start: i64) -> Vec<Trade> {
        series.trades(series.first_id_at(start)..series.first_id_at(start + DAY)).collect()
    }

    #[test]
    fn rows_of_contracts_are_the_truth() {
        let desk = Desk::new("bybit", 400, 20, NOW);
        for (symbol, is_inverse) in [("BTCUSDT", false), ("ETHPERP", false), ("BTCUSD", true)] {
            let (series, lines) = file(&desk, &format!("/trading/{symbol}/{symbol}2024-01-01.csv.gz"));
            assert!(lines[0].starts_with("timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,"));
            let trades = trades(&series, 19_723 * DAY);
            assert_eq!(lines.len(), trades.len() + 1, "{symbol}");
            for (line, trade) in lines.iter().skip(1).zip(&trades) {
                let truth = trade_row(&series, trade, View::ContractFile);
                let fields: Vec<&str> = line.split(',').collect();
                assert_eq!(fields.len(), 10);
                let (whole, part) = fields[0].split_once('.').unwrap_or((fields[0], ""));
                let nanos: i64 = format!("{whole}{part:0<9}").parse().expect("a stamp");
                assert_eq!(nanos, truth.nanos, "{line}");
                assert_eq!((fields[1], fields[2].to_lowercase().as_str()), (symbol, trade.taker.name()));
                assert_eq!((fields[3], fields[4]), (truth.amount.as_str(), truth.price.as_str()));
                assert_eq!(Some(fields[6]), truth.id.as_deref());
                let number = |at: usize| fields[at].parse::<f64>().expect("a number");
                let worth = if is_inverse { number(3) / number(4) } else { number(3) * number(4) };
                assert!((number(9) - worth).abs() < 1e-8_f64.max(worth * 1e-9), "{line}");
                assert!((number(7) - number(9) * 1e8).abs() < 1.0_f64.max(worth * 1e-1), "{line}");
            }
        }
    }

    #[test]
    fn rows_of_spot_are_numbered_and_later_ones_have_a_column_more() {
        let desk = Desk::new("bybit", 400, 20, NOW);
        let (series, lines) = file(&desk, "/spot/BTCUSDT/BTCUSDT_2024-01-01.csv.gz");
        assert_eq!(lines[0], "id,timestamp,price,volume,side");
        let trades = trades(&series, 19_723 * DAY);
        assert_eq!(lines.len(), trades.len() + 1);
        for (number, (line, trade)) in lines.iter().skip(1).zip(&trades).enumerate() {
            let truth = trade_row(&series, trade, View::SpotFile);
            assert_eq!(truth.id, None);
            let (time, side) = (truth.nanos / 1_000_000, trade.taker.name());
            assert_eq!(*line, format!("{},{time},{},{},{side}", number + 1, truth.price, truth.amount));
        }
        let (_, later) = file(&desk, "/spot/BTCUSDT/BTCUSDT_2025-06-01.csv.gz");
        assert_eq!(later[0], "id,timestamp,price,volume,side,rpi");
        let (_, later) = file(&desk, "/trading/BTCUSDT/BTCUSDT2025-06-01.csv.gz");
        assert!(later[0].ends_with(",foreignNotional,RPI") && later[1].split(',').count() == 11);
    }

    #[test]
    fn gzip_says_how_long_its_content_is_and_what_its_sum_is() {
        let content = b"123456789".repeat(1_000);
        let zip = Shelf::default().zip("name", "rows.csv", || content.clone()).expect("a zip");
        let bytes = gzip(&zip.bytes).expect("gzip");
        let mut sum = u32::MAX;
        for byte in &content {
            sum ^= u32::from(*byte);
            for _ in 0..8 {
                sum = if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
            }
        }
        let mut end = (!sum).to_le_bytes().to_vec();
        end.extend_from_slice(&9_000_u32.to_le_bytes());
        assert!(bytes.starts_with(&[0x1f, 0x8b, 8, 0]) && bytes.ends_with(&end));
        assert!((19..9_000).contains(&bytes.len()), "{}", bytes.len());
    }

    #[test]
    fn gross_values_have_exponents_when_they_are_large() {
        let check = |mantissa, scale, expected: &str| assert_eq!(float(mantissa, scale), expected);
        check(783_075 * GROSS, 4, "7.83075e+09");
        check(10_062_027_944, 5, "100620.27944");
        check(40_000_000, 0, "4e+07");
        check(999_999, 0, "999999");
        check(1_000_000, 0, "1e+06");
    }

    #[test]
    fn seconds_have_up_to_four_digits() {
        let check = |micros, expected: &str| assert_eq!(seconds(micros), expected);
        check(1_788_220_801_092_599, "1788220801.0925");
        check(1_788_220_801_090_000, "1788220801.09");
        check(1_788_220_801_000_099, "1788220801");
    }
}
