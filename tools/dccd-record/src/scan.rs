//! Reading our own lines by their literal order.
//!
//! Lines that dccd writes have a fixed key order and no spaces, so they can be read without a JSON
//! parser. Whatever does not match to the letter is left to the general parser: `None` never means an
//! error, only "not in our own hand".

use std::borrow::Cow;

use crate::number::{Number, scan_number};
use crate::record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
use crate::time::{TimeCache, Ts};

/// A position in a line.
pub(crate) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Scan<'a> {
        Scan { rest: text }
    }

    /// Bytes not yet read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Inlined, so that texts of known length are compared without a call.
    #[inline(always)]
    pub(crate) fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// The text up to the next quote, which is read too; no escapes.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let end = self.rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let digits = self.rest.as_bytes();
        let length = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        if length == 0 || length > 18 || (length > 1 && digits[0] == b'0') {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(digits[..length].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    }

    pub(crate) fn number(&mut self) -> Option<Number<'a>> {
        let scanned = scan_number(self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at(scanned.length);
        self.rest = rest;
        Number::from_scanned(text, scanned)
    }

    pub(crate) fn time(&mut self, times: &mut TimeCache) -> Option<Ts> {
        self.literal("\"")?;
        let bytes = self.rest.as_bytes();
        // Our own times have 30 bytes or 20.
        let end = if bytes.get(30) == Some(&b'"') { 30 } else { 20 };
        let ts = times.scan(bytes.get(..end)?)?;
        self.rest = self.rest[end..].strip_prefix('"')?;
        Some(ts)
    }

    /// `Some(None)` for null.
    #[inline]
    pub(crate) fn or_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.literal("null").is_some() { Some(None) } else { read(self).map(Some) }
    }

    fn is_at_end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    fn recv_ts_and_end(&mut self, recv_times: &mut TimeCache) -> Option<Option<Ts>> {
        let recv_ts = match self.literal(r#","recv_ts":"#) {
            Some(()) => self.or_null(|scan| scan.time(recv_times))?,
            None => None,
        };
        self.literal("}")?;
        self.is_at_end()?;
        Some(recv_ts)
    }

    fn side(&mut self) -> Option<Side> {
        if self.literal(r#""buy""#).is_some() {
            return Some(Side::Buy);
        }
        self.literal(r#""sell""#).map(|()| Side::Sell)
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.literal("true").is_some() {
            return Some(true);
        }
        self.literal("false").map(|()| false)
    }

    fn levels(&mut self) -> Option<Vec<Level<'a>>> {
        let mut levels = Vec::new();
        self.literal("[")?;
        if self.literal("]").is_some() {
            return Some(levels);
        }
        loop {
            self.literal("[")?;
            let price = self.number()?;
            self.literal(",")?;
            let amount = self.number()?;
            let count = match self.literal(",") {
                Some(()) => self.or_null(Scan::unsigned)?,
                None => None,
            };
            self.literal("]")?;
            levels.push(Level { price, amount, count });
            if self.literal(",").is_none() {
                return self.literal("]").map(|()| levels);
            }
        }
    }

    pub(crate) fn candle(&mut self, times: &mut TimeCache) -> Option<Candle<'a>> {
        self.literal(r#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(r#","open":"#)?;
        let open = self.number()?;
        self.literal(r#","high":"#)?;
        let high = self.number()?;
        self.literal(r#","low":"#)?;
        let low = self.number()?;
        self.literal(r#","close":"#)?;
        let close = self.number()?;
        self.literal(r#","volume":"#)?;
        let volume = self.number()?;
        self.literal(r#","quote_volume":"#)?;
        let quote_volume = self.or_null(Scan::number)?;
        self.literal(r#","trades":"#)?;
        let trades = self.or_null(Scan::unsigned)?;
        let is_derived = self.literal(r#","derived":true"#).is_some();
        self.literal("}")?;
        self.is_at_end()?;
        Some(Candle { ts, open, high, low, close, volume, quote_volume, trades, is_derived })
    }

    /// Inlined, so that the record is made where it is to be: it is large, and trades are most of all lines.
    #[inline(always)]
    pub(crate) fn trade(&mut self, times: &mut TimeCache, recv_times: &mut TimeCache) -> Option<Trade<'a>> {
        self.literal(r#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(r#","price":"#)?;
        let price = self.number()?;
        self.literal(r#","amount":"#)?;
        let amount = self.number()?;
        self.literal(r#","side":"#)?;
        let side = self.or_null(Scan::side)?;
        self.literal(r#","tid":"#)?;
        let tid = self.or_null(|scan| {
            scan.literal("\"")?;
            scan.text().filter(|tid| !tid.is_empty()).map(Cow::Borrowed)
        })?;
        let recv_ts = self.recv_ts_and_end(recv_times)?;
        Some(Trade { ts, price, amount, side, tid, recv_ts })
    }

    pub(crate) fn book(&mut self, times: &mut TimeCache, recv_times: &mut TimeCache) -> Option<Book<'a>> {
        self.literal(r#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(r#","snapshot":"#)?;
        let is_snapshot = self.boolean()?;
        self.literal(r#","bids":"#)?;
        let bids = self.levels()?;
        self.literal(r#","asks":"#)?;
        let asks = self.levels()?;
        self.literal(r#","seq":"#)?;
        let seq = self.or_null(Scan::unsigned)?;
        let recv_ts = self.recv_ts_and_end(recv_times)?;
        Some(Book { ts, is_snapshot, bids, asks, seq, recv_ts })
    }

    pub(crate) fn funding(&mut self, times: &mut TimeCache) -> Option<Funding<'a>> {
        self.literal(r#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(r#","rate":"#)?;
        let rate = self.number()?;
        self.literal(r#","mark_price":"#)?;
        let mark_price = self.or_null(Scan::number)?;
        self.literal("}")?;
        self.is_at_end()?;
        Some(Funding { ts, rate, mark_price })
    }

    pub(crate) fn open_interest(&mut self, times: &mut TimeCache) -> Option<OpenInterest<'a>> {
        self.literal(r#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(r#","open_interest":"#)?;
        let open_interest = self.number()?;
        self.literal(r#","open_interest_value":"#)?;
        let open_interest_value = self.or_null(Scan::number)?;
        self.literal("}")?;
        self.is_at_end()?;
        Some(OpenInterest { ts, open_interest, open_interest_value })
    }
}
