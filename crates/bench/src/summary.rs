//! A run's measures as rows, and these as text, JSON or Markdown. Pure.

use crate::tally::{Measures, Tally};
use serde_json::{Value, json};
use std::fmt::Write;

/// Shown quantiles: name and share.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// One operation, or all.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Replies.
    pub replies: u64,
    /// Replies per second.
    pub per_s: f64,
    /// Latencies at [`QUANTILES`], µs.
    pub latency_us: [u64; 6],
    /// Replies that were null.
    pub nulls: u64,
    /// Replies that were errors.
    pub errors: u64,
}

impl Row {
    fn new(name: String, measures: &Measures, elapsed_s: f64) -> Self {
        let replies = measures.latency_us.len();
        Self {
            name,
            replies,
            per_s: replies as f64 / elapsed_s,
            latency_us: QUANTILES.map(|(_, share)| measures.latency_us.value_at_quantile(share)),
            nulls: measures.nulls,
            errors: measures.errors,
        }
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = vec![self.name.clone(), self.replies.to_string()];
        cells.push(format!("{:.0}", self.per_s));
        cells.extend(self.latency_us.map(|us| format!("{:.3}", us as f64 / 1e3)));
        cells.extend([self.nulls.to_string(), self.errors.to_string()]);
        cells
    }

    fn to_json(&self) -> Value {
        let names = QUANTILES.iter().map(|(name, _)| (*name).to_owned());
        let latency: serde_json::Map<_, _> = names.zip(self.latency_us.map(Value::from)).collect();
        json!({
            "operation": self.name,
            "replies": self.replies,
            "per_s": self.per_s,
            "latency_us": latency,
            "nulls": self.nulls,
            "errors": self.errors,
        })
    }
}

/// What a run has shown.
#[derive(Debug, Clone)]
pub struct Summary {
    /// One row per operation.
    pub rows: Vec<Row>,
    /// All operations.
    pub all: Row,
    /// From the start to the last reply.
    pub elapsed_s: f64,
    tally: Tally,
}

impl Summary {
    /// Sums up `tally` of a run that began at `start_us`, with the names of its operations.
    #[must_use]
    pub fn new(names: Vec<String>, tally: Tally, start_us: u64) -> Self {
        let elapsed_s = tally.last_us.saturating_sub(start_us).max(1) as f64 / 1e6;
        let mut all = Measures::new();
        tally.operations.iter().for_each(|measures| all.add(measures));
        let row = |(name, measures)| Row::new(name, measures, elapsed_s);
        let rows = names.into_iter().zip(&tally.operations).map(row).collect();
        Self { rows, all: Row::new("all".into(), &all, elapsed_s), elapsed_s, tally }
    }

    /// True when no connection was lost and everything planned was sent.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tally.lost == 0 && self.tally.unsent == 0
    }

    /// First texts of the errors, by kind, with their counts.
    fn errors(&self) -> impl Iterator<Item = (&String, u64, &String)> {
        self.tally.errors.iter().map(|(kind, errors)| (kind, errors.count, &errors.first))
    }

    fn headers() -> Vec<String> {
        let mut names = vec!["operation", "replies", "per s"];
        names.extend(QUANTILES.map(|(name, _)| name));
        names.extend(["null", "errors"]);
        names.into_iter().map(str::to_owned).collect()
    }

    fn lines(&self) -> Vec<Vec<String>> {
        let shown = if self.rows.len() == 1 { &[] } else { self.rows.as_slice() };
        let mut lines = vec![Self::headers()];
        lines.extend(shown.iter().map(Row::cells));
        let mut last = self.all.cells();
        if let [only] = self.rows.as_slice() {
            last[0].clone_from(&only.name);
        }
        lines.push(last);
        lines
    }

    /// A table for people; latencies in milliseconds.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.lines();
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for line in &lines {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(out, "{cell:width$}"),
                    _ => write!(out, "  {cell:>width$}"),
                };
            }
            out.push('\n');
        }
        let _ = writeln!(out, "\nlatencies in ms; {}", self.notes().join("; "));
        for (_, count, first) in self.errors() {
            let _ = writeln!(out, "errors: {count}, the first: {first}");
        }
        out
    }

    /// One document, without the run's settings.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let error = |(kind, count, first)| json!({"kind": kind, "count": count, "first": first});
        json!({
            "elapsed_s": self.elapsed_s,
            "operations": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "all": self.all.to_json(),
            "errors": self.errors().map(error).collect::<Vec<_>>(),
            "connections_lost": self.tally.lost,
            "operations_unsent": self.tally.unsent,
            "sent_bytes": self.tally.sent_bytes,
            "received_bytes": self.tally.received_bytes,
        })
    }

    /// Table and notes in Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let lines = self.lines();
        let mut out = String::new();
        for (index, line) in lines.iter().enumerate() {
            let cells: Vec<String> = line.iter().map(|cell| cell.replace('|', "\\|")).collect();
            let _ = writeln!(out, "| {} |", cells.join(" | "));
            if index == 0 {
                let _ = writeln!(out, "|---|{}", "---:|".repeat(line.len() - 1));
            }
        }
        let _ = writeln!(out, "\nLatencies in ms; {}.", self.notes().join("; "));
        for (_, count, first) in self.errors() {
            let _ = writeln!(out, "Errors: {count}, the first: `{}`.", first.replace('`', "'"));
        }
        out
    }

    fn notes(&self) -> Vec<String> {
        let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let mut notes = vec![
            format!("{:.3} s", self.elapsed_s),
            format!("{} sent", mebibytes(self.tally.sent_bytes)),
            format!("{} received", mebibytes(self.tally.received_bytes)),
        ];
        if self.tally.lost > 0 {
            notes.push(format!("connections lost: {}", self.tally.lost));
        }
        if self.tally.unsent > 0 {
            notes.push(format!("planned operations never sent: {}", self.tally.unsent));
        }
        notes
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::replies::Outcome;

    pub(crate) fn sample() -> Summary {
        let mut tally = Tally::new(2);
        for latency_us in 1..=1_000 {
            tally.record(0, latency_us, Outcome::Value);
        }
        tally.record(0, 2_000, Outcome::Null);
        tally.record(1, 5, Outcome::Error("OOM no room"));
        tally.sent_bytes = 1 << 20;
        tally.received_bytes = 3 << 19;
        tally.last_us = 2_500_000;
        Summary::new(vec!["get".into(), "set".into()], tally, 500_000)
    }

    #[test]
    fn text() {
        let want = "\
operation  replies  per s    p50    p90    p99  p99.9  p99.99    max  null  errors
get           1001    500  0.501  0.901  0.991  1.000   2.000  2.000     1       0
set              1      0  0.005  0.005  0.005  0.005   0.005  0.005     0       1
all           1002    501  0.500  0.901  0.991  1.000   2.000  2.000     1       1

latencies in ms; 2.000 s; 1.0 MiB sent; 1.5 MiB received
errors: 1, the first: OOM no room
";
        assert_eq!(sample().to_text(), want);
    }

    #[test]
    fn json() {
        let got = sample().to_json();
        assert_eq!(got["all"]["replies"], 1002);
        assert_eq!(got["operations"][0]["latency_us"]["p90"], 901);
        assert_eq!(got["errors"][0], json!({"kind": "OOM", "count": 1, "first": "OOM no room"}));
        assert_eq!(got["elapsed_s"], 2.0);
    }

    #[test]
    fn markdown_tables_are_even() {
        let text = sample().to_markdown();
        let bars: Vec<usize> = text
            .lines()
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.matches('|').count())
            .collect();
        assert_eq!(bars, [12; 5]);
    }

    #[test]
    fn losses_are_shown() {
        let mut summary = sample();
        assert!(summary.is_whole());
        summary.tally.lost = 2;
        summary.tally.unsent = 7;
        assert!(!summary.is_whole());
        let text = summary.to_text();
        assert!(text.contains("connections lost: 2; planned operations never sent: 7"), "{text}");
    }
}
