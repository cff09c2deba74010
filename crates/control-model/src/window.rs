//! The maintenance window: a daily span of UTC in which an instance may be disturbed. Pure
//! arithmetic over minutes; must not know clocks.

use serde::{Deserialize, Serialize};

const DAY_MIN: u16 = 24 * 60;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Shorter ones are refused.
const LENGTH_MIN: u16 = 60;

/// A daily span. One that ends before it starts goes past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Minute of the UTC day, below 1440.
    pub start_min: u16,
    /// Minute of the UTC day, below 1440; not part of it.
    pub end_min: u16,
}

impl Default for Window {
    /// 18:00 to 22:00, the night of China, as upstream.
    fn default() -> Window {
        Window { start_min: 18 * 60, end_min: 22 * 60 }
    }
}

/// What is wrong with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowFault {
    /// The start is not `HH:mmZ`.
    Start,
    /// The end is not `HH:mmZ`, or less than an hour after the start.
    End,
}

impl Window {
    /// The window between two times as the API writes them, `HH:mmZ`.
    ///
    /// # Errors
    /// See [`WindowFault`].
    pub fn parse(start: &str, end: &str) -> Result<Window, WindowFault> {
        let start_min = minute(start).ok_or(WindowFault::Start)?;
        let end_min = minute(end).ok_or(WindowFault::End)?;
        let window = Window { start_min, end_min };
        if window.length_min() < LENGTH_MIN { Err(WindowFault::End) } else { Ok(window) }
    }

    /// Start and end as the API writes them.
    pub fn texts(self) -> [String; 2] {
        [self.start_min, self.end_min].map(|min| format!("{:02}:{:02}Z", min / 60, min % 60))
    }

    /// Whether it is open at a time in Unix milliseconds.
    pub fn contains(self, unix_ms: i64) -> bool {
        self.since_start_ms(unix_ms) < i64::from(self.length_min()) * MINUTE_MS
    }

    /// When it opens next, in Unix milliseconds: `unix_ms` itself while it is open.
    pub fn next_open_ms(self, unix_ms: i64) -> i64 {
        if self.contains(unix_ms) {
            unix_ms
        } else {
            unix_ms + DAY_MS - self.since_start_ms(unix_ms)
        }
    }

    /// When it opened last, in Unix milliseconds; also if it has closed since.
    pub fn opened_ms(self, unix_ms: i64) -> i64 {
        unix_ms - self.since_start_ms(unix_ms)
    }

    fn length_min(self) -> u16 {
        (self.end_min + DAY_MIN - self.start_min) % DAY_MIN
    }

    /// Time since it opened last.
    fn since_start_ms(self, unix_ms: i64) -> i64 {
        (unix_ms - i64::from(self.start_min) * MINUTE_MS).rem_euclid(DAY_MS)
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.strip_suffix('Z')?.split_once(':')?;
    let two_digits = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|c| c.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (start, end) in [("18:00Z", "22:00Z"), ("23:30Z", "00:30Z"), ("00:00Z", "23:59Z")] {
            let window = Window::parse(start, end).expect("a window");
            assert_eq!(window.texts(), [start, end]);
        }
        let faults = [
            ("18:00", "22:00Z", WindowFault::Start),
            ("24:00Z", "22:00Z", WindowFault::Start),
            ("+1:00Z", "22:00Z", WindowFault::Start),
            ("18:00Z", "22:60Z", WindowFault::End),
            ("18:00Z", "18:59Z", WindowFault::End),
            ("18:00Z", "18:00Z", WindowFault::End),
            ("18:00Z", "", WindowFault::End),
        ];
        for (start, end, fault) in faults {
            assert_eq!(Window::parse(start, end), Err(fault), "{start} {end}");
        }
    }

    #[test]
    fn opens_and_closes() {
        let at = |day: i64, hour: i64, minute: i64| ((day * 24 + hour) * 60 + minute) * MINUTE_MS;
        let plain = Window::parse("18:00Z", "22:00Z").expect("a window");
        let late = Window::parse("23:30Z", "00:30Z").expect("a window");
        let rows = [
            (plain, at(5, 17, 59), at(5, 18, 0)),
            (plain, at(5, 18, 0), at(5, 18, 0)),
            (plain, at(5, 21, 59), at(5, 21, 59)),
            (plain, at(5, 22, 0), at(6, 18, 0)),
            (late, at(5, 23, 29), at(5, 23, 30)),
            (late, at(6, 0, 29), at(6, 0, 29)),
            (late, at(6, 0, 30), at(6, 23, 30)),
        ];
        for (window, now, next) in rows {
            assert_eq!(window.next_open_ms(now), next, "{window:?} {now}");
            assert_eq!(window.contains(now), next == now, "{window:?} {now}");
        }
    }
}
