//! Sums of decimal texts without rounding, for INCRBYFLOAT and HINCRBYFLOAT: 0.1 and 0.2 are 0.3.
//! Redis gets there with extended floats and 17 decimals; numbers that do not fit are left to
//! floats here too.

/// Decimals kept.
const SCALE: i32 = 17;

/// The exact sum of two numbers, without an exponent or needless zeros; `None` when one of them is
/// too large, or has more than 17 decimals.
#[must_use]
pub fn sum(a: &[u8], b: &[u8]) -> Option<String> {
    Some(format(scaled(a)?.checked_add(scaled(b)?)?))
}

/// A number in units of 10⁻¹⁷.
fn scaled(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let decimals_len = i32::try_from(decimals.len()).ok()?;
    let power = u32::try_from(SCALE + i32::from(exponent) - decimals_len).ok()?;
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(decimals.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let value = value.checked_mul(10i128.checked_pow(power)?)?;
    Some(if negative { -value } else { value })
}

fn format(value: i128) -> String {
    let unit = 10u128.pow(SCALE as u32);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, decimals) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    if decimals == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{decimals:017}");
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        for (a, b, want) in [
            ("0.1", "0.2", Some("0.3")),
            ("10.50", "0.1", Some("10.6")),
            ("1.6", "-2.25", Some("-0.65")),
            ("5.0e3", "2.0e2", Some("5200")),
            ("3", "-3.0", Some("0")),
            ("-0", "-0.00000000000000001", Some("-0.00000000000000001")),
            ("1e-17", "+1E3", Some("1000.00000000000000001")),
            ("1e-18", "1", None),
            ("1e30", "1", None),
            ("inf", "1", None),
            ("1e999999", "1", None),
        ] {
            assert_eq!(sum(a.as_bytes(), b.as_bytes()).as_deref(), want, "{a} {b}");
        }
    }
}
