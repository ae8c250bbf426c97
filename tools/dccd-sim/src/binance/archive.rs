//! `data.binance.vision`: daily and monthly zip files.

use std::ops::Range;

use dccd_record::{Day, Side};

use crate::archive::Shelf;
use crate::binance::klines;
use crate::binance::params::Unit;
use crate::binance::statistics::open_interest_text;
use crate::binance::venue::{Digits, Style, Symbols, Venue};
use crate::clock::{DAY, SECOND};
use crate::decimal::{write_decimal, write_whole};
use crate::http::Response;
use crate::market::bar::Grid;
use crate::market::candle::{CandleQuery, Fill, Pick, candles};
use crate::market::statistics::{OPEN_INTEREST_STEP, RATE_SCALE, fundings, open_interest};
use crate::market::{Market, Series};

/// 2025-01-01: spot files are in microseconds from here on.
pub(crate) const FIRST_MICROS: i64 = 20_089 * DAY;
/// No file holds more rows than a month of seconds has.
const ROWS_MAX: usize = 3_000_000;

/// What one file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Candles(Grid),
    Aggregates,
    Parts,
    Funding,
    Metrics,
}

/// One file's path, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileName<'a> {
    venue: Venue,
    content: Content,
    symbol: &'a str,
    /// Without extension.
    stem: &'a str,
    /// First instant, and first instant after.
    start: i64,
    end: i64,
    /// When it appears.
    published: i64,
    is_checksum: bool,
}

/// The answer to a path below `/data/`.
pub(crate) fn answer(shelf: &Shelf, symbols: &Symbols, market: &Market, path: &str, now: i64) -> Response {
    let missing = || Response::new(404, "application/xml", no_such_key(path));
    let Some(file) = FileName::parse(path) else { return missing() };
    let Ok(series) = symbols.series(market, file.venue, file.symbol) else { return missing() };
    let listing = series.listing();
    let is_perpetual = listing.pair.market() == file.venue.perpetual();
    let is_traded = file.end > listing.since && file.start < listing.until;
    if now < file.published || !is_traded || (file.content == Content::Funding && !is_perpetual) {
        return missing();
    }
    let name = path.trim_end_matches(".CHECKSUM");
    let zip = shelf.zip(name, &format!("{}.csv", file.stem), || file.csv(&series));
    match zip {
        Ok(zip) if file.is_checksum => {
            Response::new(200, "binary/octet-stream", format!("{}  {}.zip\n", zip.checksum, file.stem))
        }
        Ok(zip) => {
            let mut response = Response::new(200, "application/zip", Vec::new());
            response.body = zip.bytes.clone();
            response
        }
        Err(_) => Response::html(500),
    }
}

impl<'a> FileName<'a> {
    fn parse(path: &'a str) -> Option<FileName<'a>> {
        let rest = path.strip_prefix("/data/")?;
        let folders = [("spot/", Venue::Spot), ("futures/um/", Venue::Usdm), ("futures/cm/", Venue::Coinm)];
        let (venue, rest) =
            folders.into_iter().find_map(|(folder, venue)| Some((venue, rest.strip_prefix(folder)?)))?;
        let mut parts = rest.split('/');
        let (period, set, symbol) = (parts.next()?, parts.next()?, parts.next()?);
        let is_daily = match period {
            "daily" => true,
            "monthly" => false,
            _ => return None,
        };
        let interval = if set == "klines" { Some(parts.next()?) } else { None };
        let file = parts.next()?;
        if parts.next().is_some() {
            return None;
        }
        let (zip, is_checksum) = match file.strip_suffix(".CHECKSUM") {
            Some(zip) => (zip, true),
            None => (file, false),
        };
        let stem = zip.strip_suffix(".zip")?;
        let date = stem.strip_prefix(symbol)?.strip_prefix('-')?.strip_prefix(interval.unwrap_or(set))?;
        let (start, end, published) = dates(date.strip_prefix('-')?, is_daily)?;
        let content = content(venue, set, interval, is_daily)?;
        // A file waits for the end of its last candle.
        let published = if let Content::Candles(grid) = content { published.max(grid.ceil(end)) } else { published };
        Some(FileName { venue, content, symbol, stem, start, end, published, is_checksum })
    }

    fn csv(&self, series: &Series) -> Vec<u8> {
        let is_micros = self.venue == Venue::Spot && self.start >= FIRST_MICROS;
        let unit = if is_micros { Unit::Micros } else { Unit::Millis };
        let style = Style { venue: self.venue, unit, digits: Digits::of(series.listing()) };
        let mut out = Vec::new();
        if self.venue != Venue::Spot {
            out.extend_from_slice(header(self.venue, &self.content).as_bytes());
            out.push(b'\n');
        }
        let ids = series.first_id_at(self.start)..series.first_id_at(self.end);
        match self.content {
            Content::Candles(grid) => candle_rows(&mut out, series, style, grid, self.start..self.end),
            Content::Aggregates => aggregate_rows(&mut out, series, style, ids),
            Content::Parts => part_rows(&mut out, series, style, ids),
            Content::Funding => funding_rows(&mut out, series, self.start..self.end),
            Content::Metrics => metric_rows(&mut out, series, self.symbol, self.start..self.end),
        }
        out
    }
}

fn content(venue: Venue, set: &str, interval: Option<&str>, is_daily: bool) -> Option<Content> {
    match (set, venue) {
        ("klines", _) => {
            // The month's name differs from that of REST.
            let interval = match interval? {
                "3d" | "1w" | "1mo" if is_daily => return None,
                "1mo" => "1M",
                "1M" => return None,
                interval => interval,
            };
            klines::grid(venue, interval).map(Content::Candles)
        }
        ("aggTrades", _) => Some(Content::Aggregates),
        ("trades", _) => Some(Content::Parts),
        ("fundingRate", Venue::Usdm | Venue::Coinm) if !is_daily => Some(Content::Funding),
        ("metrics", Venue::Usdm | Venue::Coinm) if is_daily => Some(Content::Metrics),
        _ => None,
    }
}

/// Start, end and publication of `YYYY-MM-DD` or `YYYY-MM`.
fn dates(text: &str, is_daily: bool) -> Option<(i64, i64, i64)> {
    let mut parts = text.split('-');
    let (year, month) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?);
    if is_daily {
        let start = Day { year, month, day: digits(parts.next()?, 2)? }.number()? * DAY;
        return parts.next().is_none().then_some((start, start + DAY, start + DAY));
    }
    let start = Day { year, month, day: 1 }.number()? * DAY;
    let end = Grid::Month.next(start);
    // The first Monday of the month after; weeks are counted from Monday, 1970-01-05.
    let monday = Grid::Fixed { width: 7 * DAY, origin: 4 * DAY }.ceil(end);
    parts.next().is_none().then_some((start, end, monday))
}

fn digits(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn header(venue: Venue, content: &Content) -> &'static str {
    match content {
        Content::Candles(_) => {
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
        }
        Content::Aggregates => "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
        Content::Parts if venue == Venue::Coinm => "id,price,qty,base_qty,time,is_buyer_maker",
        Content::Parts => "id,price,qty,quote_qty,time,is_buyer_maker",
        Content::Funding => "calc_time,funding_interval_hours,last_funding_rate",
        Content::Metrics => {
            "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
        }
    }
}

fn candle_rows(out: &mut Vec<u8>, series: &Series, style: Style, grid: Grid, range: Range<i64>) {
    let query = CandleQuery {
        from: Some(range.start),
        through: range.end - 1,
        now: range.end,
        seen: Series::horizon(),
        limit: ROWS_MAX,
        pick: Pick::Oldest,
        fill: Fill::WhileOpen,
    };
    for candle in candles(series, grid, query) {
        klines::fields(out, &candle, style, "");
        out.push(b'\n');
    }
}

fn aggregate_rows(out: &mut Vec<u8>, series: &Series, style: Style, ids: Range<i64>) {
    for trade in series.trades(ids) {
        write_whole(out, trade.id);
        out.push(b',');
        style.digits.price(out, trade.price);
        out.push(b',');
        style.digits.amount(out, trade.amount);
        for whole in [trade.first_part(), trade.last_part(), style.unit.of(trade.micros)] {
            out.push(b',');
            write_whole(out, whole);
        }
        out.extend_from_slice(booleans(style.venue, trade.taker));
    }
}

fn part_rows(out: &mut Vec<u8>, series: &Series, style: Style, ids: Range<i64>) {
    for trade in series.trades(ids) {
        for part in trade.parts() {
            write_whole(out, part.id);
            out.push(b',');
            style.digits.price(out, trade.price);
            out.push(b',');
            style.digits.amount(out, part.amount);
            out.push(b',');
            style.digits.quote(out, series.listing().value(trade.price, part.amount));
            out.push(b',');
            write_whole(out, style.unit.of(trade.micros));
            out.extend_from_slice(booleans(style.venue, trade.taker));
        }
    }
}

fn funding_rows(out: &mut Vec<u8>, series: &Series, range: Range<i64>) {
    for funding in fundings(series, range.start, range.end) {
        write_whole(out, Unit::Millis.of(funding.micros));
        out.extend_from_slice(b",8,");
        write_decimal(out, i128::from(funding.rate), RATE_SCALE, RATE_SCALE);
        out.push(b'\n');
    }
}

fn metric_rows(out: &mut Vec<u8>, series: &Series, symbol: &str, range: Range<i64>) {
    let first = Grid::Fixed { width: OPEN_INTEREST_STEP, origin: 0 }.ceil(range.start.max(series.listing().since));
    let stamps = std::iter::successors(Some(first), |stamp| Some(stamp + OPEN_INTEREST_STEP));
    let end = range.end.min(series.listing().until);
    for stamp in stamps.take_while(|stamp| *stamp < end) {
        let (amount, value) = open_interest_text(series.listing(), &open_interest(series, stamp));
        let date = Day::from_number(stamp.div_euclid(DAY));
        let second = stamp.rem_euclid(DAY) / SECOND;
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        let row = format!("{date} {hour:02}:{minute:02}:00,{symbol},{amount},{value},1.25,1.10,1.35,0.98\n");
        out.extend_from_slice(row.as_bytes());
    }
}

/// The end of a trade's row: whether the buyer was the maker and, on spot, whether it was the best match.
fn booleans(venue: Venue, taker: Side) -> &'static [u8] {
    match (venue, taker) {
        (Venue::Spot, Side::Sell) => b",True,True\n",
        (Venue::Spot, Side::Buy) => b",False,True\n",
        (Venue::Usdm | Venue::Coinm, Side::Sell) => b",true\n",
        (Venue::Usdm | Venue::Coinm, Side::Buy) => b",false\n",
    }
}

fn no_such_key(path: &str) -> String {
    let key = path.trim_start_matches('/').replace(['<', '>', '&'], "");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>{key}</Key></Error>"
    )
}
