//! One rule and one instance at the end of a period: is it an alarm, and is anybody to be told?
//! An alarm begins after so many periods in a row that breach its condition and ends after as many
//! in a row that do not, so that a value at the threshold does not make it flap. Must not know
//! where numbers come from.

use super::rule::{Condition, LEVELS, Level, NoData, Rule, Statistic};
use serde::{Deserialize, Serialize};

/// One period of an instance; numbers are `None` without data.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// The mean.
    pub average: f64,
    /// The largest.
    pub maximum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The mean of the period that a condition compares with, for each condition of the rule in
    /// their order, as far as there are any.
    pub bases: [Option<f64>; 3],
}

impl Point {
    fn value(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Average => self.average,
            Statistic::Maximum => self.maximum,
            Statistic::Minimum => self.minimum,
        }
    }
}

/// Where an instance stands with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// No alarm.
    Ok,
    /// An alarm of this level.
    Alarm(Level),
    /// Nothing is known.
    InsufficientData,
}

impl Phase {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Ok => "OK",
            Phase::Alarm(_) => "ALARM",
            Phase::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    fn level(self) -> Option<Level> {
        match self {
            Phase::Alarm(level) => Some(level),
            _ => None,
        }
    }
}

/// What is remembered of a rule and an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where it stands.
    pub phase: Phase,
    /// Unix seconds at which the last looked-at period ended.
    pub through_s: i64,
    /// Unix seconds of the last message while in alarm; 0 for none.
    pub told_s: i64,
}

impl State {
    /// Before the first period.
    pub fn new() -> State {
        State { phase: Phase::InsufficientData, through_s: 0, told_s: 0 }
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An alarm began, changed its level, or lasts.
    Triggered,
    /// It is over.
    Resolved,
    /// Its numbers are missing.
    NoData,
}

impl Event {
    /// As the alert log writes it.
    pub fn name(self) -> &'static str {
        match self {
            Event::Triggered => "TRIGGERED",
            Event::Resolved => "RESOLVED",
            Event::NoData => "INSUFFICIENT_DATA",
        }
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// To be remembered.
    pub state: State,
    /// Somebody is to be told this, of this level.
    pub tell: Option<(Event, Level)>,
}

/// Looks at the newest periods, the last of which ended at `end_s`; `points` has as many as the
/// rule looks back over, the oldest first, or fewer. A period that was looked at already changes
/// nothing.
pub fn evaluate(rule: &Rule, before: &State, points: &[Option<Point>], end_s: i64) -> Decision {
    if end_s <= before.through_s || !rule.is_effective(end_s) {
        return Decision { state: before.clone(), tell: None };
    }
    let phase = next_phase(rule, before.phase, points);
    let tell = message(rule, before, phase, end_s);
    let mut state = State { phase, through_s: end_s, ..before.clone() };
    match (phase, tell) {
        (_, Some((Event::Triggered, _))) => state.told_s = end_s,
        (Phase::Alarm(_), _) => {}
        _ => state.told_s = 0,
    }
    Decision { state, tell }
}

fn next_phase(rule: &Rule, before: Phase, points: &[Option<Point>]) -> Phase {
    let times = rule.times_max() as usize;
    let tail = |times: usize| &points[points.len().saturating_sub(times)..];
    if tail(times).iter().all(Option::is_none) {
        return match rule.no_data {
            NoData::KeepLastState => before,
            NoData::InsufficientData => Phase::InsufficientData,
            NoData::Ok => Phase::Ok,
        };
    }
    for level in LEVELS {
        let found = rule.conditions.iter().position(|condition| condition.level == level);
        let Some(at) = found else { continue };
        let condition = &rule.conditions[at];
        let tail = tail(condition.times as usize);
        let whole = tail.len() == condition.times as usize;
        let all = |wanted: bool| {
            whole && tail.iter().all(|point| breach(condition, at, point) == Some(wanted))
        };
        // An alarm of this level or a worse one ends only by as many periods without.
        let lasts = before.level().is_some_and(|before| level <= before) && !all(false);
        let was_this = before.level() == Some(level);
        if all(true) || (was_this && lasts) {
            return Phase::Alarm(level);
        }
    }
    match points.last() {
        Some(Some(_)) => Phase::Ok,
        _ => before,
    }
}

fn breach(condition: &Condition, at: usize, point: &Option<Point>) -> Option<bool> {
    let point = point.as_ref()?;
    let base = point.bases.get(at).copied().flatten();
    condition.operator.breaches(point.value(condition.statistic), base, condition.threshold)
}

fn message(rule: &Rule, before: &State, phase: Phase, end_s: i64) -> Option<(Event, Level)> {
    let worst = || rule.conditions.iter().map(|condition| condition.level).max();
    match (before.phase, phase) {
        (Phase::Alarm(from), Phase::Alarm(to)) if from != to => Some((Event::Triggered, to)),
        (Phase::Alarm(_), Phase::Alarm(level)) => {
            (before.told_s + rule.silence_s <= end_s).then_some((Event::Triggered, level))
        }
        (_, Phase::Alarm(level)) => Some((Event::Triggered, level)),
        (Phase::Alarm(level), Phase::Ok) => rule.send_ok.then_some((Event::Resolved, level)),
        (Phase::Alarm(level), Phase::InsufficientData) => Some((Event::NoData, level)),
        (Phase::Ok, Phase::InsufficientData) => Some((Event::NoData, worst()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
