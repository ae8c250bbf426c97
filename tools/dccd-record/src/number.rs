//! Numbers as the exchange wrote them.
//!
//! A price keeps its digits from socket to line. Only a Parquet column turns it into binary, and only
//! sums of trades calculate with it, exactly.

use std::fmt;

use crate::digits::Digits;
use crate::excerpt::excerpt;

/// The most digits a number may have when written without exponent.
const DIGITS_MAX: usize = 64;
/// The most bytes of a number's text, whose exponent may have zeros in front.
const TEXT_BYTES_MAX: usize = 2 * DIGITS_MAX;
/// Powers of ten that `f64` holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Integers up to here are exact in `f64`.
const EXACT_MAX: u64 = 1 << 53;

/// A JSON number's own text, known to be well-formed and of at most 64 digits when written out.
#[derive(Clone, Copy)]
pub struct Number<'a> {
    /// ASCII.
    text: &'a [u8],
    /// All digits as one number, if the form is short.
    mantissa: u64,
    form: Form,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Without exponent, with so few digits that they fit a `u64`, and that many of them behind the point.
    Short(u8),
    /// The same, but nobody has asked for the value yet.
    Unread,
    /// Without exponent, with more digits.
    Long,
    /// With an exponent.
    Exponent,
}

impl<'a> Number<'a> {
    /// The number written `text`.
    pub fn new(text: &'a str) -> Result<Number<'a>, NumberError> {
        match scan_number::<false>(text.as_bytes()).filter(|scanned| scanned.length == text.len()) {
            None => Err(NumberError::Malformed(excerpt(text))),
            Some(scanned) => {
                Number::from_scanned(text.as_bytes(), scanned).ok_or_else(|| NumberError::TooLong(excerpt(text)))
            }
        }
    }

    /// The number that `scanned` found to be all of `text`; only its length is left to check.
    #[inline(always)]
    fn from_scanned(text: &'a [u8], scanned: ScannedNumber) -> Option<Number<'a>> {
        let number = Number { text, mantissa: scanned.mantissa, form: scanned.form };
        (matches!(scanned.form, Form::Short(_) | Form::Unread) || number.is_in_bounds()).then_some(number)
    }

    /// The number at the start of `text`, and what stands behind it.
    #[inline(always)]
    pub fn scan(text: &'a str) -> Option<(Number<'a>, &'a str)> {
        let scanned = scan_number::<false>(text.as_bytes())?;
        let (text, rest) = text.split_at(scanned.length);
        Some((Number::from_scanned(text.as_bytes(), scanned)?, rest))
    }

    /// The number at the start of `bytes`, and what stands behind it; its value is read in the same pass.
    #[inline(always)]
    pub(crate) fn scan_bytes(bytes: &'a [u8]) -> Option<(Number<'a>, &'a [u8])> {
        let scanned = scan_number::<true>(bytes)?;
        let (text, rest) = bytes.split_at(scanned.length);
        Some((Number::from_scanned(text, scanned)?, rest))
    }

    /// The text as it came, exponent included.
    pub fn as_str(self) -> &'a str {
        std::str::from_utf8(self.text).unwrap_or_default()
    }

    /// Whether the text starts with a minus.
    pub fn is_negative(self) -> bool {
        self.text.first() == Some(&b'-')
    }

    /// Whether the value is zero.
    pub fn is_zero(self) -> bool {
        match self.form {
            Form::Short(_) => self.mantissa == 0,
            _ => !self.text.iter().take_while(|byte| **byte | 0x20 != b'e').any(|byte| matches!(byte, b'1'..=b'9')),
        }
    }

    /// The nearest `f64`.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.to_f64_exactly().unwrap_or_else(|| self.as_str().parse().unwrap_or(f64::NAN))
    }

    /// The exact value.
    pub fn to_fixed(self) -> Result<Fixed, NumberError> {
        let number = self.read();
        if let Form::Short(scale) = number.form {
            let mantissa = i128::from(number.mantissa);
            return Ok(Fixed { mantissa: if self.is_negative() { -mantissa } else { mantissa }, scale: scale.into() });
        }
        self.to_fixed_any().ok_or_else(|| NumberError::TooLong(excerpt(self.as_str())))
    }

    /// Appends the digits as they came; an exponent is written out.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self.form {
            Form::Short(_) | Form::Unread | Form::Long => out.extend_from_slice(self.text),
            Form::Exponent => self.write_out(out),
        }
    }

    /// The same with its value, if it is short.
    #[inline(always)]
    fn read(self) -> Number<'a> {
        if self.form == Form::Unread { self.read_now() } else { self }
    }

    #[cold]
    fn read_now(self) -> Number<'a> {
        Number::scan_bytes(self.text).map_or(self, |(number, _)| number)
    }

    #[cold]
    fn write_out(self, out: &mut Vec<u8>) {
        let (mantissa, exponent) = self.split();
        let digits = mantissa.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let point = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent);
        if self.is_negative() {
            out.push(b'-');
        }
        write_with_point(out, &all, point);
    }

    /// Mantissa text and exponent; an exponent beyond any use is held at the bounds of `i16`.
    fn split(self) -> (&'a str, i32) {
        let whole = self.as_str();
        let exponent_at = if self.form == Form::Exponent { memchr::memchr2(b'e', b'E', self.text) } else { None };
        let Some(at) = exponent_at else { return (whole, 0) };
        let text = &whole[at + 1..];
        let bound = if text.starts_with('-') { i16::MIN } else { i16::MAX };
        let exponent = text.trim_start_matches('+').parse::<i16>().unwrap_or(bound);
        (&whole[..at], i32::from(exponent))
    }

    #[cold]
    fn is_in_bounds(self) -> bool {
        self.text.len() <= TEXT_BYTES_MAX && self.digits_written_out() <= DIGITS_MAX
    }

    /// At least as many as [`Number::write`] gives, so that what is written can be read again.
    fn digits_written_out(self) -> usize {
        let (mantissa, exponent) = self.split();
        let (whole, fraction) =
            mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa.trim_start_matches('-'), ""));
        let digits = whole.len() + fraction.len();
        if exponent == 0 {
            return digits;
        }
        let point = i32::try_from(whole.len()).unwrap_or(i32::MAX).saturating_add(exponent);
        match usize::try_from(point) {
            Ok(point) => digits.max(point),
            Err(_) => digits.saturating_add(usize::try_from(point.unsigned_abs()).unwrap_or(usize::MAX)),
        }
        .saturating_add(usize::from(point <= 0))
    }

    /// Both mantissa and power of ten are exact in `f64`, so one division rounds correctly.
    #[inline]
    fn to_f64_exactly(self) -> Option<f64> {
        let Number { mantissa, form: Form::Short(scale), .. } = self.read() else { return None };
        if mantissa > EXACT_MAX {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "checked above: exact up to 2^53")]
        let value = mantissa as f64 / POWERS[usize::from(scale)];
        Some(if self.is_negative() { -value } else { value })
    }

    fn to_fixed_any(self) -> Option<Fixed> {
        let (mantissa_text, exponent) = self.split();
        let (mut mantissa, mut scale, mut in_fraction) = (0_i128, 0, 0);
        for byte in mantissa_text.bytes() {
            match byte {
                b'.' => in_fraction = 1,
                b'0'..=b'9' => {
                    mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    scale += in_fraction;
                }
                _ => {}
            }
        }
        Fixed::from_parts(if self.is_negative() { -mantissa } else { mantissa }, scale - exponent)
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(self.text.len());
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl PartialEq for Number<'_> {
    /// Whether both are written the same.
    fn eq(&self, other: &Number<'_>) -> bool {
        self.text == other.text
    }
}

impl Eq for Number<'_> {}

impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Number").field(&self.as_str()).finish()
    }
}

/// An exact decimal: `mantissa` / 10^`scale`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fixed {
    mantissa: i128,
    scale: u32,
}

impl Fixed {
    /// Nothing.
    pub const ZERO: Fixed = Fixed { mantissa: 0, scale: 0 };

    /// `mantissa` / 10^`scale`; a negative scale is multiplied out. `None` if it does not fit.
    pub fn from_parts(mantissa: i128, scale: i32) -> Option<Fixed> {
        match u32::try_from(scale) {
            Ok(scale) => Some(Fixed { mantissa, scale }),
            Err(_) if mantissa == 0 => Some(Fixed::ZERO),
            Err(_) => {
                let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
                Some(Fixed { mantissa: mantissa.checked_mul(factor)?, scale: 0 })
            }
        }
    }

    /// The exact sum, if it fits.
    pub fn checked_add(self, other: Fixed) -> Option<Fixed> {
        let add = |left: Fixed, right: Fixed| {
            let scale = left.scale.max(right.scale);
            Some(Fixed { mantissa: left.mantissa_at(scale)?.checked_add(right.mantissa_at(scale)?)?, scale })
        };
        add(self, other).or_else(|| add(self.trimmed(), other.trimmed()))
    }

    /// The exact product, if it fits.
    pub fn checked_mul(self, other: Fixed) -> Option<Fixed> {
        let multiply = |left: Fixed, right: Fixed| {
            let mantissa = left.mantissa.checked_mul(right.mantissa)?;
            Some(Fixed { mantissa, scale: left.scale.checked_add(right.scale)? })
        };
        multiply(self, other).or_else(|| multiply(self.trimmed(), other.trimmed()))
    }

    /// The mantissa when written with `scale` fraction digits, if that loses nothing and fits.
    pub fn mantissa_at(self, scale: u32) -> Option<i128> {
        if self.mantissa == 0 {
            return Some(0);
        }
        if scale >= self.scale {
            return self.mantissa.checked_mul(10_i128.checked_pow(scale - self.scale)?);
        }
        let factor = 10_i128.checked_pow(self.scale - scale)?;
        (self.mantissa % factor == 0).then(|| self.mantissa / factor)
    }

    /// The same value with the smallest scale: zeros at the end cost room.
    fn trimmed(mut self) -> Fixed {
        while self.scale > 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.scale -= if self.mantissa == 0 { self.scale } else { 1 };
        }
        self
    }

    /// Appends the digits, without zeros at the end of the fraction.
    pub fn write(self, out: &mut Vec<u8>) {
        let digits = self.mantissa.unsigned_abs().to_string();
        if self.mantissa < 0 {
            out.push(b'-');
        }
        let scale = i32::try_from(self.scale).unwrap_or(i32::MAX);
        let mut text = Vec::new();
        write_with_point(&mut text, digits.as_bytes(), i32::try_from(digits.len()).unwrap_or(0).saturating_sub(scale));
        if text.contains(&b'.') {
            let kept = text.iter().rposition(|byte| *byte != b'0').map_or(0, |at| at + 1);
            text.truncate(kept);
            if text.last() == Some(&b'.') {
                text.pop();
            }
        }
        out.extend_from_slice(&text);
    }
}

impl PartialEq for Fixed {
    fn eq(&self, other: &Fixed) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fixed {}

impl PartialOrd for Fixed {
    fn partial_cmp(&self, other: &Fixed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fixed {
    fn cmp(&self, other: &Fixed) -> std::cmp::Ordering {
        let scale = self.scale.max(other.scale);
        match (self.mantissa_at(scale), other.mantissa_at(scale)) {
            (Some(ours), Some(theirs)) => ours.cmp(&theirs),
            // One of them does not fit when its scale is raised, so its magnitude is the larger.
            (None, _) => self.mantissa.cmp(&0),
            (_, None) => 0.cmp(&other.mantissa),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Why a number was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not a JSON number.
    Malformed(String),
    /// More digits, exponent written out, than any exchange needs.
    TooLong(String),
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumberError::Malformed(text) => write!(f, "{text:?} is no number"),
            NumberError::TooLong(text) => write!(f, "{text} has more than {DIGITS_MAX} digits, or does not fit"),
        }
    }
}

impl std::error::Error for NumberError {}

/// The JSON number at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ScannedNumber {
    /// How many bytes it has.
    length: usize,
    mantissa: u64,
    form: Form,
}

/// Finds the end of the JSON number at the start of `bytes`, and with `VALUE` what it is.
#[inline(always)]
fn scan_number<const VALUE: bool>(bytes: &[u8]) -> Option<ScannedNumber> {
    let start = usize::from(bytes.first() == Some(&b'-'));
    let unsigned = bytes.get(start..)?;
    let whole = Digits::default().followed_by::<VALUE>(unsigned);
    if whole.count == 0 || (whole.count > 1 && unsigned.first() == Some(&b'0')) {
        return None;
    }
    let mut digits = whole;
    let mut length = start + whole.count;
    if let Some((b'.', fraction)) = unsigned.get(whole.count..).and_then(<[u8]>::split_first) {
        digits = whole.followed_by::<VALUE>(fraction);
        if digits.count == whole.count {
            return None;
        }
        length = start + digits.count + 1;
    }
    if bytes.get(length).is_some_and(|byte| byte | 0x20 == b'e') {
        return Some(ScannedNumber { length: scan_exponent(bytes, length)?, mantissa: 0, form: Form::Exponent });
    }
    match u8::try_from(digits.count - whole.count) {
        Ok(scale) if digits.count <= Digits::EXACT_MAX => {
            let form = if VALUE { Form::Short(scale) } else { Form::Unread };
            Some(ScannedNumber { length, mantissa: digits.value, form })
        }
        _ => Some(ScannedNumber { length, mantissa: 0, form: Form::Long }),
    }
}

/// Where the exponent ends whose letter is at `at`.
#[cold]
fn scan_exponent(bytes: &[u8], at: usize) -> Option<usize> {
    let sign = usize::from(bytes.get(at + 1).is_some_and(|byte| matches!(byte, b'+' | b'-')));
    let start = at + 1 + sign;
    let count = Digits::of(bytes.get(start..)?).count;
    (count > 0).then_some(start + count)
}

/// Appends digits with the decimal point after the first `point` of them.
fn write_with_point(out: &mut Vec<u8>, digits: &[u8], point: i32) {
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() && digits.iter().all(|digit| *digit == b'0') => out.push(b'0'),
        Ok(point) if point >= digits.len() => {
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count().min(digits.len() - 1);
            out.extend_from_slice(&digits[zeros..]);
            out.resize(out.len() + point - digits.len(), b'0');
        }
        Ok(point) if point > 0 => {
            let zeros = digits.iter().take_while(|digit| **digit == b'0').count().min(point - 1);
            out.extend_from_slice(&digits[zeros..point]);
            out.push(b'.');
            out.extend_from_slice(&digits[point..]);
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + usize::try_from(point.unsigned_abs()).unwrap_or(0), b'0');
            out.extend_from_slice(digits);
        }
    }
}
