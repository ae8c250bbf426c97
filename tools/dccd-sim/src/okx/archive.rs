//! `static.okx.com`: a zip file of trades for each day, which begins at midnight of UTC+8.
//!
//! There are no checksums beside the files. Spot and swaps have files of their own; those of dated contracts are not
//! known well enough to be served.

use dccd_record::Day;

use crate::archive::Shelf;
use crate::clock::{DAY, HOUR, MILLI};
use crate::http::Response;
use crate::market::{Market, Series};
use crate::okx::EXCHANGE;
use crate::okx::instrument::{Digits, InstrumentType, Names};
use crate::okx::trades::trade_id;

const FOLDER: &str = "/cdn/okex/traderecords/trades/daily/";
/// Days begin so long before those of UTC.
const AHEAD: i64 = 8 * HOUR;
/// A file appears so long after its day.
const DELAY: i64 = DAY;
/// 2021-09-01, the first day that has files.
const FIRST: i64 = 18_871 * DAY;
/// 2025-11-01: files have a column more from here on.
const FIRST_SOURCE: i64 = 20_393 * DAY;

/// Whether a path is one of a file.
pub(crate) fn is_file(path: &str) -> bool {
    path.starts_with("/cdn/okex/")
}

/// The answer to the path of a file.
pub(crate) fn answer(shelf: &Shelf, names: &Names, market: &Market, path: &str, now: i64) -> Response {
    let missing = || Response::new(404, "application/xml", no_such_key(path));
    let Some(file) = FileName::parse(path) else { return missing() };
    let pair = names.pair(file.name).filter(|pair| InstrumentType::of(pair) != InstrumentType::Futures);
    let Some(series) = pair.and_then(|pair| market.series(EXCHANGE, pair)) else { return missing() };
    let (listing, end) = (series.listing(), file.start + DAY);
    if file.date < FIRST || now < end + DELAY || end <= listing.since || file.start >= listing.until {
        return missing();
    }
    let inner = format!("{}.csv", file.stem);
    match shelf.zip(path, &inner, || file.csv(&series)) {
        Ok(zip) => {
            let mut response = Response::new(200, "application/zip", Vec::new());
            response.body = zip.bytes.clone();
            response
        }
        Err(_) => Response::html(500),
    }
}

/// One file's path, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileName<'a> {
    name: &'a str,
    /// Without extension.
    stem: &'a str,
    /// Midnight in UTC of the day it is called after.
    date: i64,
    /// Where its day begins.
    start: i64,
}

impl<'a> FileName<'a> {
    fn parse(path: &'a str) -> Option<FileName<'a>> {
        let (folder, file) = path.strip_prefix(FOLDER)?.split_once('/')?;
        let stem = file.strip_suffix(".zip")?;
        let (name, date) = stem.split_once("-trades-")?;
        let digits: String = date.chars().filter(|letter| *letter != '-').collect();
        let is_date = date.len() == 10 && digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_date || digits != folder {
            return None;
        }
        let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i64>().ok();
        let day = Day { year: number(0..4)?, month: number(4..6)?, day: number(6..8)? };
        let date = day.number()? * DAY;
        Some(FileName { name, stem, date, start: date - AHEAD })
    }

    fn csv(&self, series: &Series) -> Vec<u8> {
        let has_source = self.date >= FIRST_SOURCE;
        let digits = Digits::of(series.listing());
        let mut out = b"instrument_name,trade_id,side,price,size,created_time".to_vec();
        out.extend_from_slice(if has_source { b",source\n" } else { b"\n" });
        for trade in series.trades(series.first_id_at(self.start)..series.first_id_at(self.start + DAY)) {
            let (price, size) = (float(digits.price(trade.price)), float(digits.size(trade.amount)));
            let (id, side, time) = (trade_id(&trade), trade.taker.name(), trade.micros / MILLI);
            let source = if has_source { ",0" } else { "" };
            let row = format!("{},{id},{side},{price},{size},{time}{source}\n", self.name);
            out.extend_from_slice(row.as_bytes());
        }
        out
    }
}

/// Files have at least one digit after the point.
pub(crate) fn float(text: String) -> String {
    if text.contains('.') { text } else { text + ".0" }
}

fn no_such_key(path: &str) -> String {
    let key = path.trim_start_matches('/').replace(['<', '>', '&'], "");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>NoSuchKey</Code>\n  <Message>The specified key does not exist.</Message>\n  <Key>{key}</Key>\n</Error>\n"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::okx::truth::trade_row;
    use crate::tests::desk::Desk;
    use crate::truth::Door;

    /// 2024-01-05T12:00.
    const NOW: i64 = 19_727 * DAY + 12 * HOUR;

    fn lines(desk: &Desk, path: &str) -> Vec<String> {
        let response = desk.ask(path);
        assert_eq!(response.status, 200, "{path}");
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(response.body.to_vec())).expect("a zip");
        let mut text = String::new();
        zip.by_index(0).expect("one file").read_to_string(&mut text).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn files_hold_the_trades_of_a_day_of_utc_plus_eight() {
        let desk = Desk::new("okx", 400, 20, NOW);
        let names = Names::new(desk.market.catalogue());
        for (name, worth) in [("BTC-USDT", 1.0), ("BTC-USDT-SWAP", 0.01), ("BTC-USD-SWAP", 100.0)] {
            let lines = lines(&desk, &format!("{FOLDER}20240102/{name}-trades-2024-01-02.zip"));
            assert_eq!(lines[0], "instrument_name,trade_id,side,price,size,created_time");
            let series = names.pair(name).and_then(|pair| desk.market.series(EXCHANGE, pair)).expect("a series");
            // From 2024-01-01T16:00 to 2024-01-02T16:00.
            let start = 19_723 * DAY + 16 * HOUR;
            let trades: Vec<_> = series.trades(series.first_id_at(start)..series.first_id_at(start + DAY)).collect();
            assert_eq!(lines.len(), trades.len() + 1, "{name}");
            for (line, trade) in lines.iter().skip(1).zip(&trades) {
                let truth = trade_row(trade, Digits::of(series.listing()), Door::Archive);
                let fields: Vec<&str> = line.split(',').collect();
                assert_eq!((fields[0], Some(fields[1])), (name, truth.id.as_deref()));
                assert_eq!((fields[2], fields[3]), (trade.taker.name(), truth.price.as_str()));
                let size: f64 = fields[4].parse().expect("a size");
                let amount: f64 = truth.amount.parse().expect("an amount");
                assert!((size * worth - amount).abs() < 1e-9 * amount, "{line}");
                assert_eq!(fields[5].parse().ok(), Some(truth.nanos / 1_000_000));
            }
        }
    }

    #[test]
    fn files_appear_a_day_later_and_not_for_all() {
        let check = |now: i64, path: &str, expected: u16| {
            let desk = Desk::new("okx", 300, 0, now);
            assert_eq!(desk.ask(&format!("{FOLDER}{path}")).status, expected, "{path}");
        };
        let path = "20240102/BTC-USDT-trades-2024-01-02.zip";
        check(19_725 * DAY + 16 * HOUR - 1, path, 404);
        check(19_725 * DAY + 16 * HOUR, path, 200);
        check(NOW, "20240102/BTC-USDT-trades-2024-01-03.zip", 404);
        check(NOW, "20240102/NOPE-USDT-trades-2024-01-02.zip", 404);
        check(NOW, "20240102/BTC-USDT-240329-trades-2024-01-02.zip", 404);
        check(NOW, "20210831/BTC-USDT-trades-2021-08-31.zip", 404);
        check(NOW, "20220512/LUNA-USDT-SWAP-trades-2022-05-12.zip", 200);
        check(NOW, "20220601/LUNA-USDT-SWAP-trades-2022-06-01.zip", 404);
    }

    #[test]
    fn later_files_say_where_an_order_came_from() {
        let desk = Desk::new("okx", 300, 0, 20_454 * DAY);
        let lines = lines(&desk, &format!("{FOLDER}20251201/BTC-USDT-trades-2025-12-01.zip"));
        assert_eq!(lines[0], "instrument_name,trade_id,side,price,size,created_time,source");
        assert!(lines.len() > 1 && lines.iter().all(|line| line.split(',').count() == 7));
    }
}
