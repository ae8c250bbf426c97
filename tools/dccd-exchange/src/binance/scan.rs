//! Reads rows that are in Binance's own compact hand; anything else is left to `serde_json`.

use dccd_record::Number;

/// A place in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(super) fn new(body: &'a [u8]) -> Scan<'a> {
        Scan { rest: body }
    }

    /// Takes exactly these bytes.
    pub(super) fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// Takes these bytes if they are there.
    pub(super) fn has(&mut self, expected: &[u8]) -> bool {
        self.literal(expected).is_some()
    }

    /// A whole number without sign, of at most 18 digits and without leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        self.unsigned_text().map(|(value, _)| value)
    }

    /// The same, with its digits.
    pub(super) fn unsigned_text(&mut self) -> Option<(u64, &'a str)> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        if !(1..=18).contains(&count) || (count > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.rest = rest;
        let value = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        Some((value, std::str::from_utf8(digits).ok()?))
    }

    /// A number in quotes, the opening one already taken; takes the closing one too.
    pub(super) fn quoted_number(&mut self) -> Option<Number<'a>> {
        let end = self.rest.iter().take(80).position(|byte| *byte == b'"')?;
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.split_first()?.1;
        Number::new(std::str::from_utf8(digits).ok()?).ok()
    }

    /// Skips digits and dots up to a quote, which is taken too.
    pub(super) fn skip_quoted(&mut self) -> Option<()> {
        self.quoted_number().map(|_| ())
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Option<bool> {
        if self.has(b"true") {
            Some(true)
        } else {
            self.literal(b"false")?;
            Some(false)
        }
    }

    /// Whether only white space is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.iter().all(u8::is_ascii_whitespace)
    }
}
