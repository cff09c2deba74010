//! A preference of an account: on which days, and when on them, what waits may be begun. In force
//! it stands in place of the windows of the account's instances. Pure arithmetic in UTC; must not
//! know clocks.

use crate::window::{Window, WindowFault};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const DAY_MS: i64 = 24 * 3_600_000;
/// Every day that a cycle can name comes within so many days: 28 February to 28 March and more.
const DAYS_MAX: i64 = 62;

/// What the days of a cycle are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// 1 is Monday, 7 Sunday.
    Week,
    /// 1 to 28.
    Month,
}

impl Unit {
    /// Word of the API.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Week => "Week",
            Unit::Month => "Month",
        }
    }

    fn last_day(self) -> i8 {
        match self {
            Unit::Week => 7,
            Unit::Month => 28,
        }
    }
}

/// Days and hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// See there.
    pub unit: Unit,
    /// At least one.
    pub days: BTreeSet<i8>,
    /// On each of them; it may end on the next.
    pub window: Window,
}

/// The document of an account's preference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// What was asked for last; `None` when only that nothing shall be in force.
    pub cycle: Option<Cycle>,
    /// Instances keep to it.
    pub in_force: bool,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub modified_unix_ms: i64,
}

impl Preference {
    /// What instances keep to.
    pub fn kept(&self) -> Option<Cycle> {
        self.cycle.clone().filter(|_| self.in_force)
    }
}

/// Which part of a wish is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CycleFault {
    /// The days.
    Days,
    /// The start is not `HH:mm:00Z`.
    Start,
    /// The end is not, or less than an hour after the start.
    End,
}

impl Cycle {
    /// From the words of the API: `1,3`, `02:00:00Z`, `06:00:00Z`.
    ///
    /// # Errors
    /// See [`CycleFault`].
    pub fn parse(unit: Unit, days: &str, (start, end): (&str, &str)) -> Result<Cycle, CycleFault> {
        let days: Result<BTreeSet<i8>, _> = days.split(',').map(|day| day.trim().parse()).collect();
        let days = days.map_err(|_| CycleFault::Days)?;
        if !days.iter().all(|day| (1..=unit.last_day()).contains(day)) {
            return Err(CycleFault::Days);
        }
        // Windows count in minutes.
        let minute = |text: &str| text.strip_suffix(":00Z").map(|minute| format!("{minute}Z"));
        let start = minute(start).ok_or(CycleFault::Start)?;
        let end = minute(end).ok_or(CycleFault::End)?;
        let window = Window::parse(&start, &end).map_err(|fault| match fault {
            WindowFault::Start => CycleFault::Start,
            WindowFault::End => CycleFault::End,
        })?;
        Ok(Cycle { unit, days, window })
    }

    /// Days, start and end as the API writes them.
    pub fn texts(&self) -> [String; 3] {
        let days: Vec<_> = self.days.iter().map(i8::to_string).collect();
        let [start, end] = self.window.texts().map(|text| text.replace('Z', ":00Z"));
        [days.join(","), start, end]
    }

    /// When it is open next, in Unix milliseconds: `unix_ms` itself while it is open.
    pub fn next_open_ms(&self, unix_ms: i64) -> i64 {
        let opened_ms = self.window.opened_ms(unix_ms);
        if self.window.contains(unix_ms) && self.has_day(opened_ms) {
            return unix_ms;
        }
        let mut days = (1..=DAYS_MAX).map(|day| opened_ms + day * DAY_MS);
        days.find(|opens_ms| self.has_day(*opens_ms)).expect("each day of a cycle comes again")
    }

    fn has_day(&self, unix_ms: i64) -> bool {
        let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
        let date = time.to_zoned(TimeZone::UTC).date();
        let day = match self.unit {
            Unit::Week => date.weekday().to_monday_one_offset(),
            Unit::Month => date.day(),
        };
        self.days.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn days_and_times_are_checked() {
        let times = ("02:00:00Z", "06:30:00Z");
        let (week, month) = (Unit::Week, Unit::Month);
        for (unit, days, times, expected) in [
            (week, "1", times, Ok("1 02:00:00Z 06:30:00Z")),
            (week, "7, 3,3", times, Ok("3,7 02:00:00Z 06:30:00Z")),
            (month, "28,1", ("23:00:00Z", "01:00:00Z"), Ok("1,28 23:00:00Z 01:00:00Z")),
            (week, "8", times, Err(CycleFault::Days)),
            (month, "29", times, Err(CycleFault::Days)),
            (week, "0", times, Err(CycleFault::Days)),
            (week, "", times, Err(CycleFault::Days)),
            (week, "Monday", times, Err(CycleFault::Days)),
            (week, "1", ("02:00Z", "06:00:00Z"), Err(CycleFault::Start)),
            (week, "1", ("02:00:30Z", "06:00:00Z"), Err(CycleFault::Start)),
            (week, "1", ("25:00:00Z", "06:00:00Z"), Err(CycleFault::Start)),
            (week, "1", ("02:00:00Z", "02:30:00Z"), Err(CycleFault::End)),
            (week, "1", ("02:00:00Z", ""), Err(CycleFault::End)),
        ] {
            let parsed = Cycle::parse(unit, days, times).map(|cycle| cycle.texts().join(" "));
            assert_eq!(parsed, expected.map(str::to_owned), "{days} {times:?}");
        }
    }

    #[test]
    fn it_opens_on_its_days() {
        let cycle = |unit, days, times| Cycle::parse(unit, days, times).expect("good");
        let mondays = || cycle(Unit::Week, "1", ("02:00:00Z", "04:00:00Z"));
        let nights = || cycle(Unit::Week, "7", ("23:00:00Z", "01:00:00Z"));
        let months = || cycle(Unit::Month, "1,28", ("02:00:00Z", "04:00:00Z"));
        // 2026-11-22 is a Sunday.
        for (cycle, now, expected) in [
            (mondays(), "2026-11-22T12:00:00Z", "2026-11-23T02:00:00Z"),
            (mondays(), "2026-11-23T03:00:00Z", "2026-11-23T03:00:00Z"),
            (mondays(), "2026-11-23T04:00:00Z", "2026-11-30T02:00:00Z"),
            (mondays(), "2026-11-24T03:00:00Z", "2026-11-30T02:00:00Z"),
            (nights(), "2026-11-23T00:30:00Z", "2026-11-23T00:30:00Z"),
            (nights(), "2026-11-22T00:30:00Z", "2026-11-22T23:00:00Z"),
            (months(), "2026-11-22T12:00:00Z", "2026-11-28T02:00:00Z"),
            (months(), "2026-11-28T05:00:00Z", "2026-12-01T02:00:00Z"),
            (months(), "2026-12-01T03:59:59Z", "2026-12-01T03:59:59Z"),
        ] {
            assert_eq!(cycle.next_open_ms(ms(now)), ms(expected), "{cycle:?} at {now}");
        }
    }
}
