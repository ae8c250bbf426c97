//! Reads rows that are in Binance's own compact hand; anything else is left to `serde_json`.

use dccd_record::{Digits, Number};

/// A place in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    /// The start of a body; `None` if it is no text.
    pub(super) fn new(body: &'a [u8]) -> Option<Scan<'a>> {
        Some(Scan { rest: std::str::from_utf8(body).ok()? })
    }

    /// The start of a text.
    pub(super) fn of(text: &'a str) -> Scan<'a> {
        Scan { rest: text }
    }

    /// Takes exactly this.
    #[inline(always)]
    pub(super) fn literal(&mut self, expected: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// Takes this if it is there.
    #[inline(always)]
    pub(super) fn has(&mut self, expected: &str) -> bool {
        self.literal(expected).is_some()
    }

    /// A whole number without sign, of at most 18 digits and without leading zeros.
    #[inline(always)]
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        self.unsigned_text().map(|(value, _)| value)
    }

    /// The same, with its digits.
    #[inline(always)]
    pub(super) fn unsigned_text(&mut self) -> Option<(u64, &'a str)> {
        let digits = Digits::of(self.rest.as_bytes());
        Some((digits.value, self.take_unsigned(digits.count)?))
    }

    /// The same, of no interest.
    #[inline(always)]
    pub(super) fn skip_unsigned(&mut self) -> Option<()> {
        self.take_unsigned(Digits::count(self.rest.as_bytes())).map(|_| ())
    }

    #[inline(always)]
    fn take_unsigned(&mut self, count: usize) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at_checked(count)?;
        if !(1..=18).contains(&count) || (count > 1 && text.starts_with('0')) {
            return None;
        }
        self.rest = rest;
        Some(text)
    }

    /// Skips what is left of a list of strings of digits, and its end. What is skipped is not used, so it
    /// is not read; but only digits and what stands between them are skipped.
    pub(super) fn skip_digits_to_end_of_list(&mut self) -> Option<()> {
        let length = memchr::memchr(b']', self.rest.as_bytes())?;
        let (skipped, rest) = self.rest.split_at_checked(length)?;
        let is_plain =
            skipped.bytes().fold(true, |plain, byte| plain & matches!(byte, b'0'..=b'9' | b'.' | b'"' | b','));
        if !is_plain || !skipped.starts_with(",\"") || !skipped.ends_with('"') {
            return None;
        }
        self.rest = rest.get(1..)?;
        Some(())
    }

    /// What stands before the closing quote; takes that too.
    #[inline(always)]
    pub(super) fn quoted_text(&mut self) -> Option<&'a str> {
        let length = memchr::memchr(b'"', self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest.get(1..)?;
        Some(text)
    }

    /// A number in quotes, the opening one already taken; takes the closing one too.
    #[inline(always)]
    pub(super) fn quoted_number(&mut self) -> Option<Number<'a>> {
        let (number, rest) = Number::scan(self.rest)?;
        self.rest = rest.strip_prefix('"')?;
        Some(number)
    }

    /// `true` or `false`.
    #[inline(always)]
    pub(super) fn boolean(&mut self) -> Option<bool> {
        if self.has("true") {
            Some(true)
        } else {
            self.literal("false")?;
            Some(false)
        }
    }

    /// Whether only the white space of JSON is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
    }
}

#[cfg(test)]
mod tests {
    use super::Scan;

    #[test]
    fn whole_numbers_of_any_length() {
        let check = |text: &str, expected: Option<u64>| {
            let mut scan = Scan::new(text.as_bytes()).expect("text");
            assert_eq!(scan.unsigned(), expected, "{text:?}");
        };
        for length in 1..=18 {
            let text = "192837465564738291".get(..length).expect("eighteen digits");
            check(&format!("{text},"), text.parse().ok());
            check(text, text.parse().ok());
        }
        check("0,", Some(0));
        for refused in ["", ",", "-1", "01", "00000000", "1928374655647382910", "a1234567"] {
            check(refused, None);
        }
    }
}
