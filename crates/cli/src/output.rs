//! Text from values: tables, field lists, JSON. Pure; knows no stream and no API.

use serde_json::Value;

/// Columns are separated by this much.
const GAP: &str = "  ";

/// A table with aligned columns and one header line. Control characters never reach the terminal.
#[must_use]
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = headers.iter().map(|&name| name.to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.iter().map(|c| clean(c)).collect())
        .collect();
    let widths: Vec<usize> = (0..headers.len())
        .map(|column| lines.iter().map(|line| width(cell(line, column))).max().unwrap_or(0))
        .collect();
    lines.iter().map(|line| aligned(line, &widths)).collect()
}

/// `name  value` lines with aligned values; pairs without a value are left out.
#[must_use]
pub fn fields(pairs: &[(&str, String)]) -> String {
    let shown: Vec<_> = pairs.iter().filter(|pair| !pair.1.is_empty()).collect();
    let widest = shown.iter().map(|pair| width(pair.0)).max().unwrap_or(0);
    shown.iter().map(|(name, value)| format!("{name:widest$}{GAP}{}\n", clean(value))).collect()
}

/// JSON for scripts, indented, with a line end.
#[must_use]
pub fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A scalar as text; null and absent are empty.
#[must_use]
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `1.5 GiB`, with at most one decimal.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    // Tenths are exact enough for people and avoid floating point.
    let mut tenths = u128::from(count) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let (whole, rest) = (tenths / 10, tenths % 10);
    if rest == 0 {
        format!("{whole} {}", UNITS[unit])
    } else {
        format!("{whole}.{rest} {}", UNITS[unit])
    }
}

/// `3d 4h`, the two largest units.
#[must_use]
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let first = UNITS.iter().position(|unit| seconds >= unit.0).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let parts: Vec<String> = UNITS[first..]
        .iter()
        .take(2)
        .map(|(size, name)| {
            let count = rest / size;
            rest %= size;
            format!("{count}{name}")
        })
        .collect();
    parts.join(" ")
}

/// A status, coloured for a terminal: green when it serves, red when broken, yellow on the way.
#[must_use]
pub fn status(name: &str, colour: bool) -> String {
    let code = match name {
        _ if !colour => return name.to_owned(),
        "Normal" => 32,
        "Error" | "Unavailable" | "Inactive" => 31,
        _ => 33,
    };
    format!("\x1b[{code}m{name}\x1b[0m")
}

fn cell(line: &[String], column: usize) -> &str {
    line.get(column).map_or("", String::as_str)
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (column, &wide) in widths.iter().enumerate() {
        let cell = cell(line, column);
        text.push_str(cell);
        text.push_str(&" ".repeat(wide - width(cell)));
        text.push_str(GAP);
    }
    format!("{}\n", text.trim_end())
}

/// Characters on the screen; colour sequences of [`status`] take none.
fn width(text: &str) -> usize {
    let mut count = 0;
    let mut in_colour = false;
    for c in text.chars() {
        match (in_colour, c) {
            (false, '\x1b') => in_colour = true,
            (true, 'm') => in_colour = false,
            (true, _) => {}
            (false, _) => count += 1,
        }
    }
    count
}

/// Text from the network must not steer the terminal; only our own colours pass.
pub fn clean(text: &str) -> String {
    let own = ["\x1b[31m", "\x1b[32m", "\x1b[33m"];
    if own.iter().any(|start| text.starts_with(start)) && text.matches('\x1b').count() == 2 {
        return text.to_owned();
    }
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_ignore_colour() {
        let rows = [
            vec!["a".to_owned(), status("Normal", true), "x".to_owned()],
            vec!["long".to_owned(), "Creating".to_owned()],
        ];
        assert_eq!(
            table(&["ID", "STATUS", "Z"], &rows),
            "ID    STATUS    Z\na     \x1b[32mNormal\x1b[0m    x\nlong  Creating\n"
        );
    }

    #[test]
    fn escape_sequences_of_others_are_disarmed() {
        let rows = [vec!["\x1b]0;owned\x07".to_owned(), "\x1b[31mx\x1b[2Jx\x1b[0m".to_owned()]];
        let text = table(&["A", "B"], &rows);
        assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
    }

    #[test]
    fn field_lists_leave_out_the_unknown() {
        let pairs =
            [("Id", "r-1".to_owned()), ("Name", String::new()), ("Status", "Normal".into())];
        assert_eq!(fields(&pairs), "Id      r-1\nStatus  Normal\n");
    }

    #[test]
    fn sizes_and_times() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1 << 30, "1 GiB"),
            (5 << 40, "5 TiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        for (seconds, expected) in
            [(0, "0s"), (59, "59s"), (61, "1m 1s"), (3_600, "1h 0m"), (90_061, "1d 1h")]
        {
            assert_eq!(duration(seconds), expected);
        }
    }
}
