//! Charts of an instance over a time range, drawn on the server.

use super::{Frame, Outcome, draw};
use crate::door::Member;
use askama::Template;
use axum::http::StatusCode;
use serde_json::Value;

/// Ranges to choose from: the value in the address, seconds, and its name.
const RANGES: &[(&str, u64, &str)] = &[
    ("10m", 600, "10 minutes"),
    ("1h", 3_600, "1 hour"),
    ("6h", 21_600, "6 hours"),
    ("1d", 86_400, "1 day"),
    ("7d", 604_800, "7 days"),
];

/// What is drawn: title, key and field of the API, unit.
const CHARTS: &[(&str, &str, &str, &str)] = &[
    ("CPU", "CpuUsage", "CpuUsage", "%"),
    ("Memory", "MemoryUsage", "memoryUsage", "%"),
    ("Used memory", "UsedMemory", "UsedMemory", "bytes"),
    ("Operations", "UsedQPS", "TotalQps", "a second"),
    ("Connections", "UsedConnection", "ConnCount", "open"),
    ("Traffic in", "IntranetIn", "InFlow", "KB/s"),
    ("Traffic out", "IntranetOut", "OutFlow", "KB/s"),
    ("Latency, average", "Redis_Avg_Rt_Monitor", "AvgRt", "µs"),
];

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// One chart.
struct Chart {
    title: &'static str,
    unit: &'static str,
    /// Points of the line, as SVG takes them; empty without data.
    line: String,
    newest: String,
    largest: String,
}

#[derive(Template)]
#[template(path = "monitoring.html")]
struct MonitoringPage {
    frame: Frame,
    id: String,
    ranges: &'static [(&'static str, u64, &'static str)],
    range: &'static str,
    charts: Vec<Chart>,
}

/// The charts.
pub async fn show(member: Member) -> Outcome {
    let id = member.visit.target.clone();
    let asked = member.visit.field("range");
    let row = RANGES.iter().find(|row| row.0 == asked).unwrap_or(&RANGES[1]);
    let now_s = member.visit.console.unix_ms() / 1_000;
    let start_s = now_s.saturating_sub(row.1);
    let (start, end) = (time(start_s), time(now_s));
    let mut charts = Vec::new();
    for (title, key, field, unit) in CHARTS {
        let params = [
            ("InstanceId", id.as_str()),
            ("StartTime", &start),
            ("EndTime", &end),
            ("IntervalForHistory", "01m"),
            ("MonitorKeys", key),
        ];
        let answer = member.call("DescribeHistoryMonitorValues", &params).await?;
        let history = answer["MonitorHistory"].as_str().unwrap_or("{}");
        let points = points(history, field);
        charts.push(chart(title, unit, &points, (start_s, now_s)));
    }
    let frame = Frame::new("Monitoring", &member);
    let page = MonitoringPage { frame, id, ranges: RANGES, range: row.0, charts };
    draw(StatusCode::OK, &page)
}

/// `2026-11-22T12:00:00Z`.
fn time(unix_s: u64) -> String {
    let seconds = i64::try_from(unix_s).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Seconds and values of one field, by time.
fn points(history: &str, field: &str) -> Vec<(u64, f64)> {
    let parsed: Value = serde_json::from_str(history).unwrap_or_default();
    let one = |(at, values): (&String, &Value)| {
        let unix_s = at.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        let unix_s = unix_s.or_else(|| at.parse::<i64>().ok())?;
        // Values of 0 may be left out.
        let value = values[field].as_str().map_or(Some(0.0), |text| text.parse().ok())?;
        Some((u64::try_from(unix_s).ok()?, value))
    };
    let mut points: Vec<_> = parsed.as_object().into_iter().flatten().filter_map(one).collect();
    points.sort_by_key(|point| point.0);
    points
}

fn chart(
    title: &'static str,
    unit: &'static str,
    points: &[(u64, f64)],
    (start_s, end_s): (u64, u64),
) -> Chart {
    let largest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let span_s = end_s.saturating_sub(start_s).max(1) as f64;
    let place = |(at_s, value): &(u64, f64)| {
        let x = at_s.saturating_sub(start_s) as f64 / span_s * WIDTH;
        let y = HEIGHT - if largest > 0.0 { value / largest * (HEIGHT - 4.0) } else { 0.0 } - 2.0;
        format!("{x:.1},{y:.1}")
    };
    Chart {
        title,
        unit,
        line: points.iter().map(place).collect::<Vec<_>>().join(" "),
        newest: points.last().map_or_else(String::new, |point| figure(point.1)),
        largest: figure(largest),
    }
}

/// Three digits are enough to look at.
fn figure(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2} G", v / 1e9),
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.1} k", v / 1e3),
        v if v.fract() == 0.0 => format!("{v:.0}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_becomes_a_line() {
        let history = r#"{"2026-11-22T00:00:10Z":{"Q":"5"},"2026-11-22T00:00:00Z":{},"x":{}}"#;
        let points = points(history, "Q");
        assert_eq!(points.iter().map(|point| point.1).collect::<Vec<_>>(), [0.0, 5.0]);
        let start_s = points[0].0;
        let drawn = chart("t", "u", &points, (start_s, start_s + 20));
        assert_eq!(drawn.line, "0.0,118.0 300.0,2.0");
        assert_eq!((drawn.newest.as_str(), drawn.largest.as_str()), ("5", "5"));
        assert!(chart("t", "u", &[], (0, 0)).line.is_empty());
    }

    #[test]
    fn figures_are_short() {
        let rows = [(0.0, "0"), (2.345, "2.35"), (12_345.0, "12.3 k"), (3.2e9, "3.20 G")];
        for (value, expected) in rows {
            assert_eq!(figure(value), expected);
        }
    }
}
