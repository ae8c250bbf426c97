//! Numbers in columns and their text.

use dccd_record::{Fixed, Number};

/// Digits after the point of a decimal column.
pub(super) const DECIMAL_SCALE: u32 = 18;
/// 10^38: the first integer that 38 digits do not hold.
const DECIMAL_END: i128 = 10_i128.pow(38);
const SCALE: i128 = 10_i128.pow(DECIMAL_SCALE);

/// The column value of `number`, if it loses nothing.
pub(super) fn decimal_from_number(number: Number<'_>) -> Option<i128> {
    fits(number.to_fixed().ok()?.mantissa_at(DECIMAL_SCALE)?)
}

/// The column value next to a float, whose shortest digits are what counts.
pub(super) fn decimal_from_float(value: f64) -> Option<i128> {
    let text = value.is_finite().then(|| format!("{value}"))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept: String = fraction.chars().take(DECIMAL_SCALE as usize).collect();
    let is_negative = whole.starts_with('-');
    let whole: i128 = whole.trim_start_matches('-').parse().ok()?;
    let digits: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    let shift = 10_i128.checked_pow(DECIMAL_SCALE - u32::try_from(kept.len()).ok()?)?;
    let magnitude = whole.checked_mul(SCALE)?.checked_add(digits.checked_mul(shift)?)?;
    fits(if is_negative { -magnitude } else { magnitude })
}

/// The column value of `mantissa` / 10^`scale`, digits beyond the column's cut off.
pub(super) fn decimal_from_parts(mantissa: i128, scale: i8) -> Option<i128> {
    let shift = i32::try_from(DECIMAL_SCALE).ok()? - i32::from(scale);
    let factor = 10_i128.checked_pow(shift.unsigned_abs())?;
    fits(if shift >= 0 { mantissa.checked_mul(factor)? } else { mantissa / factor })
}

/// The nearest float.
pub(super) fn float_from_parts(mantissa: i128, scale: i8) -> f64 {
    let mut text = Vec::new();
    write_fixed(mantissa, i32::from(scale), &mut text);
    std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// Appends the shortest decimal that reads back as `value`, never with an exponent.
pub(super) fn write_float(value: f64, out: &mut Vec<u8>) {
    use std::io::Write;
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends the digits of a decimal column's value, without zeros at the end of the fraction.
pub(super) fn write_decimal(value: i128, out: &mut Vec<u8>) {
    write_fixed(value, 18, out);
}

fn write_fixed(mantissa: i128, scale: i32, out: &mut Vec<u8>) {
    if let Some(fixed) = Fixed::from_parts(mantissa, scale) {
        fixed.write(out);
    }
}

fn fits(value: i128) -> Option<i128> {
    (-DECIMAL_END < value && value < DECIMAL_END).then_some(value)
}
