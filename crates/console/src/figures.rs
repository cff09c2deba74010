//! Numbers for people: sizes, times, rates. Pure; knows no template.

/// `1.5 GiB`, with at most one decimal.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = u128::from(count) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {}", UNITS[unit]),
        (whole, rest) => format!("{whole}.{rest} {}", UNITS[unit]),
    }
}

/// `3 d 4 h`, the two largest units.
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = UNITS.iter().position(|unit| seconds >= unit.0).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, name) in UNITS[first..].iter().take(2) {
        if rest >= *size || parts.is_empty() {
            parts.push(format!("{} {name}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `97.5 %` of `part` in `whole`; nothing when `whole` is 0.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = u128::from(part) * 1000 / u128::from(if whole == 0 { return None } else { whole });
    Some(format!("{}.{} %", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        for (number, text) in [(0, "0 B"), (1536, "1.5 KiB"), (256 << 20, "256 MiB")] {
            assert_eq!(bytes(number), text);
        }
        for (number, text) in
            [(0, "0 s"), (60, "1 min"), (61, "1 min 1 s"), (90_061, "1 d 1 h"), (86_400, "1 d")]
        {
            assert_eq!(duration(number), text);
        }
        for (number, text) in [(7, "7"), (1234, "1,234"), (123_456, "123,456")] {
            assert_eq!(count(number), text);
        }
        for (part, whole, text) in [(1, 3, Some("33.3 %")), (0, 0, None), (5, 5, Some("100.0 %"))] {
            assert_eq!(percent(part, whole).as_deref(), text);
        }
    }
}
