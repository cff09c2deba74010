//! Rules against rows of values: what is told when.

use super::*;
use crate::alarm::rule::{Operator, Target};
use crate::alarm::span::Span;
use stdx::random::Rng;

fn condition(level: Level, threshold: f64, times: u32) -> Condition {
    let operator = Operator::GreaterThanThreshold;
    Condition { level, statistic: Statistic::Average, operator, threshold, times }
}

fn rule(conditions: &[Condition]) -> Rule {
    Rule {
        rule_id: "r".into(),
        account_id: "1".into(),
        name: "n".into(),
        metric: "StandardMemoryUsage".into(),
        target: Target::All,
        period_s: 60,
        conditions: conditions.to_vec(),
        contact_groups: Vec::new(),
        webhook: String::new(),
        email_subject: String::new(),
        silence_s: 86_400,
        effective: None,
        not_effective: None,
        no_data: NoData::KeepLastState,
        send_ok: true,
        labels: Vec::new(),
        enabled: true,
        created_unix_ms: 0,
        updated_unix_ms: 0,
    }
}

fn point(value: f64) -> Point {
    Point { average: value, maximum: value, minimum: value, bases: [None; 3] }
}

/// A letter for each value: what was told after it. Negative values are missing ones.
fn told(rule: &Rule, values: &[f64]) -> String {
    let mut state = State::new();
    let mut told = String::new();
    let points: Vec<Option<Point>> =
        values.iter().map(|&value| (0.0 <= value).then(|| point(value))).collect();
    for end in 1..=points.len() {
        let end_s = 60 * end as i64;
        let decision = evaluate(rule, &state, &points[..end], end_s);
        told.push(match decision.tell {
            None => '.',
            Some((Event::Triggered, Level::Critical)) => 'C',
            Some((Event::Triggered, Level::Warn)) => 'W',
            Some((Event::Triggered, Level::Info)) => 'I',
            Some((Event::Resolved, _)) => 'o',
            Some((Event::NoData, _)) => '?',
        });
        state = decision.state;
        let again = evaluate(rule, &state, &points[..end], end_s);
        assert_eq!((again.tell, &again.state), (None, &state), "the same period twice");
    }
    told
}

#[test]
fn alarms_begin_and_end_after_so_many_in_a_row() {
    const NO: f64 = -1.0;
    let once = rule(&[condition(Level::Critical, 80.0, 1)]);
    let thrice = rule(&[condition(Level::Critical, 80.0, 3)]);
    let levels = rule(&[condition(Level::Critical, 90.0, 1), condition(Level::Warn, 80.0, 2)]);
    let lacking = Rule { no_data: NoData::InsufficientData, ..once.clone() };
    let well = Rule { no_data: NoData::Ok, ..once.clone() };
    let mute = Rule { send_ok: false, ..once.clone() };
    let often = Rule { silence_s: 120, ..once.clone() };
    let off = Rule { enabled: false, ..once.clone() };
    let rows: &[(&Rule, &[f64], &str)] = &[
        (&once, &[50.0, 80.0, 81.0, 99.0, 80.0, 50.0, 90.0], "..C.o.C"),
        (&thrice, &[90.0, 90.0, 50.0, 90.0, 90.0, 90.0, 90.0], ".....C."),
        (&thrice, &[90.0, 90.0, 90.0, 50.0, 90.0, 50.0, 50.0, 50.0, 50.0], "..C....o."),
        (&thrice, &[90.0, 90.0, NO, 90.0, 90.0, 90.0], ".....C"),
        (&levels, &[85.0, 85.0, 95.0, 85.0, 85.0, 50.0, 50.0], ".WCW..o"),
        (&levels, &[95.0, 85.0, 50.0, 50.0], "CW.o"),
        (&once, &[90.0, NO, NO, 90.0, 50.0], "C...o"),
        (&lacking, &[50.0, NO, NO, 90.0, NO, 50.0], ".?.C?."),
        (&well, &[90.0, NO, 90.0], "CoC"),
        (&mute, &[90.0, 50.0, 90.0], "C.C"),
        (&often, &[90.0, 90.0, 90.0, 90.0, 90.0, 50.0], "C.C.Co"),
        (&off, &[90.0, 90.0], ".."),
        (&lacking, &[NO, NO], ".."),
    ];
    for (rule, values, expected) in rows {
        assert_eq!(told(rule, values), *expected, "{values:?} {rule:?}");
    }
}

#[test]
fn spans_keep_quiet() {
    let span = Span::parse("00:02-00:03");
    let values = [90.0; 6];
    let only = Rule { effective: span, ..rule(&[condition(Level::Warn, 80.0, 1)]) };
    assert_eq!(told(&only, &values), ".W....");
    let not = Rule { not_effective: Span::parse("00:00-00:03"), effective: None, ..only };
    assert_eq!(told(&not, &values), "...W..");
}

#[test]
fn operators() {
    use Operator as O;
    let rows = [
        (O::GreaterThanThreshold, 80.0, None, Some(false)),
        (O::GreaterThanOrEqualToThreshold, 80.0, None, Some(true)),
        (O::LessThanThreshold, 79.0, None, Some(true)),
        (O::LessThanOrEqualToThreshold, 81.0, None, Some(false)),
        (O::NotEqualToThreshold, 80.0, None, Some(false)),
        (O::EqualToThreshold, 80.0, None, Some(true)),
        (O::GreaterThanYesterday, 190.0, Some(100.0), Some(true)),
        (O::GreaterThanYesterday, 170.0, Some(100.0), Some(false)),
        (O::LessThanLastWeek, 10.0, Some(100.0), Some(true)),
        (O::LessThanLastPeriod, 10.0, None, None),
        (O::GreaterThanLastPeriod, 10.0, Some(0.0), None),
    ];
    for (operator, value, base, expected) in rows {
        assert_eq!(operator.breaches(value, base, 80.0), expected, "{operator:?} {value}");
        assert_eq!(Operator::parse(operator.name()), Some(operator));
    }
    assert_eq!(condition(Level::Warn, 80.0, 1).expression(), "$Average>80");
}

/// What one-condition rules do, told another way: count in a row.
#[test]
fn random_values_against_counters() {
    let seed = u64::from_le_bytes(stdx::random::entropy());
    let mut rng = Rng::new(seed);
    for _ in 0..300 {
        let times = 1 + rng.below(4);
        let rule = rule(&[condition(Level::Critical, 50.0, times as u32)]);
        let values: Vec<f64> =
            (0..60).map(|_| if rng.below(3) > 0 { 90.0 } else { 10.0 }).collect();
        let (mut expected, mut alarm) = (String::new(), false);
        let (mut above, mut below) = (0, 0);
        for &value in &values {
            (above, below) = if value > 50.0 { (above + 1, 0) } else { (0, below + 1) };
            let begins = !alarm && times <= above;
            let ends = alarm && times <= below;
            alarm = begins || alarm && !ends;
            expected.push(if begins {
                'C'
            } else if ends {
                'o'
            } else {
                '.'
            });
        }
        assert_eq!(told(&rule, &values), expected, "seed {seed}");
    }
}
