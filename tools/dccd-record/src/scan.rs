//! Reading our own lines by their literal order.
//!
//! Lines that dccd writes have a fixed key order and no spaces, so they can be read without a JSON
//! parser. Whatever does not match to the letter is left to the general parser: `None` never means an
//! error, only "not in our own hand".

use std::borrow::Cow;

use crate::digits::Digits;
use crate::number::Number;
use crate::record::{Book, Candle, Funding, Level, OpenInterest, Side, Trade};
use crate::time::{TimeCache, Ts};

/// A position in a line.
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Scan<'a> {
        Scan { rest: line }
    }

    /// Bytes not yet read.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Inlined, so that texts of known length are compared without a call.
    #[inline(always)]
    pub(crate) fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (start, rest) = self.rest.split_first_chunk::<N>()?;
        (start == text).then(|| self.rest = rest)
    }

    /// The text up to the next quote, which is read too; no escapes.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at_checked(plain_length(self.rest))?;
        self.rest = rest.strip_prefix(b"\"")?;
        // Such short texts pass quicker here than in `from_utf8`.
        match text.utf8_chunks().next() {
            None => Some(""),
            Some(chunk) => Some(chunk.valid()).filter(|valid| valid.len() == text.len()),
        }
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let digits = Digits::of(self.rest);
        if digits.count == 0 || digits.count > 18 || (digits.count > 1 && self.rest.first() == Some(&b'0')) {
            return None;
        }
        self.rest = self.rest.get(digits.count..)?;
        Some(digits.value)
    }

    #[inline(always)]
    pub(crate) fn number(&mut self) -> Option<Number<'a>> {
        let (number, rest) = Number::scan_bytes(self.rest)?;
        self.rest = rest;
        Some(number)
    }

    #[inline(always)]
    pub(crate) fn time(&mut self, times: &mut TimeCache) -> Option<Ts> {
        self.literal(b"\"")?;
        // Our own times have 30 bytes or 20.
        let end = if self.rest.get(30) == Some(&b'"') { 30 } else { 20 };
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix(b"\"")?;
        times.scan(text)
    }

    /// `Some(None)` for null.
    #[inline(always)]
    pub(crate) fn or_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.literal(b"null").is_some() { Some(None) } else { read(self).map(Some) }
    }

    #[inline(always)]
    fn is_at_end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    #[inline(always)]
    fn recv_ts_and_end(&mut self, recv_times: &mut TimeCache) -> Option<Option<Ts>> {
        let recv_ts = match self.literal(br#","recv_ts":"#) {
            Some(()) => self.or_null(|scan| scan.time(recv_times))?,
            None => None,
        };
        self.literal(b"}")?;
        self.is_at_end()?;
        Some(recv_ts)
    }

    #[inline(always)]
    fn side(&mut self) -> Option<Side> {
        if self.literal(br#""buy""#).is_some() {
            return Some(Side::Buy);
        }
        self.literal(br#""sell""#).map(|()| Side::Sell)
    }

    #[inline(always)]
    fn id(&mut self) -> Option<Cow<'a, str>> {
        self.literal(b"\"")?;
        self.text().filter(|id| !id.is_empty()).map(Cow::Borrowed)
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.literal(b"true").is_some() {
            return Some(true);
        }
        self.literal(b"false").map(|()| false)
    }

    fn levels(&mut self) -> Option<Vec<Level<'a>>> {
        let mut levels = Vec::new();
        self.literal(b"[")?;
        if self.literal(b"]").is_some() {
            return Some(levels);
        }
        loop {
            self.literal(b"[")?;
            let price = self.number()?;
            self.literal(b",")?;
            let amount = self.number()?;
            let count = match self.literal(b",") {
                Some(()) => self.or_null(Scan::unsigned)?,
                None => None,
            };
            self.literal(b"]")?;
            levels.push(Level { price, amount, count });
            if self.literal(b",").is_none() {
                return self.literal(b"]").map(|()| levels);
            }
        }
    }

    pub(crate) fn candle(&mut self, times: &mut TimeCache) -> Option<Candle<'a>> {
        self.literal(br#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(br#","open":"#)?;
        let open = self.number()?;
        self.literal(br#","high":"#)?;
        let high = self.number()?;
        self.literal(br#","low":"#)?;
        let low = self.number()?;
        self.literal(br#","close":"#)?;
        let close = self.number()?;
        self.literal(br#","volume":"#)?;
        let volume = self.number()?;
        self.literal(br#","quote_volume":"#)?;
        let quote_volume = self.or_null(Scan::number)?;
        self.literal(br#","trades":"#)?;
        let trades = self.or_null(Scan::unsigned)?;
        let is_derived = self.literal(br#","derived":true"#).is_some();
        self.literal(b"}")?;
        self.is_at_end()?;
        Some(Candle { ts, open, high, low, close, volume, quote_volume, trades, is_derived })
    }

    /// Inlined, so that the record is made where it is to be: it is large, and trades are most of all lines.
    #[inline(always)]
    pub(crate) fn trade(&mut self, times: &mut TimeCache, recv_times: &mut TimeCache) -> Option<Trade<'a>> {
        self.literal(br#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(br#","price":"#)?;
        let price = self.number()?;
        self.literal(br#","amount":"#)?;
        let amount = self.number()?;
        self.literal(br#","side":"#)?;
        let side = self.or_null(Scan::side)?;
        self.literal(br#","tid":"#)?;
        let tid = self.or_null(Scan::id)?;
        let recv_ts = self.recv_ts_and_end(recv_times)?;
        Some(Trade { ts, price, amount, side, tid, recv_ts })
    }

    pub(crate) fn book(&mut self, times: &mut TimeCache, recv_times: &mut TimeCache) -> Option<Book<'a>> {
        self.literal(br#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(br#","snapshot":"#)?;
        let is_snapshot = self.boolean()?;
        self.literal(br#","bids":"#)?;
        let bids = self.levels()?;
        self.literal(br#","asks":"#)?;
        let asks = self.levels()?;
        self.literal(br#","seq":"#)?;
        let seq = self.or_null(Scan::unsigned)?;
        let recv_ts = self.recv_ts_and_end(recv_times)?;
        Some(Book { ts, is_snapshot, bids, asks, seq, recv_ts })
    }

    pub(crate) fn funding(&mut self, times: &mut TimeCache) -> Option<Funding<'a>> {
        self.literal(br#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(br#","rate":"#)?;
        let rate = self.number()?;
        self.literal(br#","mark_price":"#)?;
        let mark_price = self.or_null(Scan::number)?;
        self.literal(b"}")?;
        self.is_at_end()?;
        Some(Funding { ts, rate, mark_price })
    }

    pub(crate) fn open_interest(&mut self, times: &mut TimeCache) -> Option<OpenInterest<'a>> {
        self.literal(br#""ts":"#)?;
        let ts = self.time(times)?;
        self.literal(br#","open_interest":"#)?;
        let open_interest = self.number()?;
        self.literal(br#","open_interest_value":"#)?;
        let open_interest_value = self.or_null(Scan::number)?;
        self.literal(b"}")?;
        self.is_at_end()?;
        Some(OpenInterest { ts, open_interest, open_interest_value })
    }
}

/// How many bytes there are before the first quote, backslash or control character, looked at eight at a time.
#[inline(always)]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte below a bound; a borrow only spoils bytes behind the first such one.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH_BITS;
    let mut length = 0;
    while let Some(eight) = bytes.get(length..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        let ends = quotes | backslashes | below(word, u64::from(b' '));
        if ends != 0 {
            return length + usize::try_from(ends.trailing_zeros() / 8).unwrap_or(0);
        }
        length += 8;
    }
    let is_plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..b' ');
    length + bytes.iter().skip(length).take_while(is_plain).count()
}
