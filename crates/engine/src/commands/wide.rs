//! Whole numbers of any size, from decimal digits to bits and back. Knows no sign and no fraction.

use std::fmt::Write;

/// Digits of the longest text that is read; doubles end at 309.
const DIGITS_MAX: usize = 400;
/// What fits into a limb with nine digits.
const BILLION: u64 = 1_000_000_000;

/// The highest bits of a number, at most 126, with the power of two that they count and whether
/// any bit below them is set. `None` when the text is no number or too long.
#[must_use]
pub fn highest_bits(digits: &[u8]) -> Option<(u128, i32, bool)> {
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Limbs of 32 bits, the lowest first.
    let mut limbs: Vec<u32> = Vec::new();
    for digit in digits {
        let mut carry = u64::from(digit - b'0');
        for limb in &mut limbs {
            let value = u64::from(*limb) * 10 + carry;
            *limb = value as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    let below = limbs.len().saturating_sub(4);
    let mut bits =
        limbs[below..].iter().rev().fold(0, |bits: u128, limb| bits << 32 | u128::from(*limb));
    let mut rest = limbs[..below].iter().any(|limb| *limb != 0);
    let mut exponent = 32 * below as i32;
    while bits >> 126 != 0 {
        rest |= bits & 1 != 0;
        bits >>= 1;
        exponent += 1;
    }
    Some((bits, exponent, rest))
}

/// The decimal digits of `mantissa` × 2^`exponent`.
#[must_use]
pub fn text(mantissa: u64, exponent: u32) -> String {
    // Limbs of nine digits, the lowest first.
    let mut limbs =
        vec![mantissa % BILLION, mantissa / BILLION % BILLION, mantissa / BILLION / BILLION];
    for _ in 0..exponent {
        let mut carry = 0;
        for limb in &mut limbs {
            let value = *limb * 2 + carry;
            *limb = value % BILLION;
            carry = value / BILLION;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    }
    while limbs.len() > 1 && limbs.last() == Some(&0) {
        limbs.pop();
    }
    let mut text = limbs.pop().unwrap_or(0).to_string();
    for limb in limbs.iter().rev() {
        let _ = write!(text, "{limb:09}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_bits_and_digits_again() {
        let check = |digits: &str, want: Option<(u128, i32, bool)>| {
            assert_eq!(highest_bits(digits.as_bytes()), want, "{digits}");
        };
        check("0", Some((0, 0, false)));
        check("12", Some((12, 0, false)));
        check("170141183460469231731687303715884105728", Some((1 << 125, 2, false)));
        check("170141183460469231731687303715884105729", Some((1 << 125, 2, true)));
        check("", None);
        check("1e5", None);
        for (mantissa, exponent) in [(0u64, 0), (1, 0), (1, 61), (u64::MAX, 61), (3, 60)] {
            let text = text(mantissa, exponent);
            let value = u128::from(mantissa) << exponent;
            assert_eq!(highest_bits(text.as_bytes()), Some((value, 0, false)), "{text}");
        }
        assert_eq!(text(1, 64), "18446744073709551616");
        assert_eq!(text(u64::MAX, 64), "340282366920938463444927863358058659840");
    }
}
