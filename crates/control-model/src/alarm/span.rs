//! A daily span of UTC in which a rule counts, or does not: `HH:mm-HH:mm`, the last minute
//! included. Must not know clocks.

use serde::{Deserialize, Serialize};

const DAY_MIN: i64 = 24 * 60;

/// A span; one that ends before it starts goes past midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First minute of the UTC day.
    pub first_min: u16,
    /// Last minute of the UTC day.
    pub last_min: u16,
}

impl Span {
    /// As the API writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Span> {
        let (first, last) = text.split_once('-')?;
        Some(Span { first_min: minute(first)?, last_min: minute(last)? })
    }

    /// As the API writes it.
    pub fn text(self) -> String {
        let Span { first_min, last_min } = self;
        let show = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}-{}", show(first_min), show(last_min))
    }

    /// Whether the moment lies in it.
    pub fn holds(self, at_s: i64) -> bool {
        let minute = at_s.div_euclid(60).rem_euclid(DAY_MIN);
        let (first, last) = (i64::from(self.first_min), i64::from(self.last_min));
        if first <= last {
            first <= minute && minute <= last
        } else {
            first <= minute || minute <= last
        }
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let at = |hours: i64, minutes: i64| (hours * 60 + minutes) * 60 + 59;
        let day = Span::parse("08:00-17:59").expect("a span");
        assert_eq!(day.text(), "08:00-17:59");
        assert!(day.holds(at(8, 0)) && day.holds(at(17, 59)) && !day.holds(at(18, 0)));
        let night = Span::parse("22:30-06:00").expect("a span");
        assert!(night.holds(at(23, 0)) && night.holds(at(6, 0)) && !night.holds(at(12, 0)));
        assert!(Span::parse("00:00-23:59").is_some_and(|span| span.holds(-1)));
        for bad in ["", "08:00", "8:00-9:00", "24:00-01:00", "08:60-09:00", "x-y", "08:00-+9:00"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }
}
