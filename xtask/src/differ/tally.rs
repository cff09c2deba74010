//! What ran, and which shapes of replies were seen. Knows no server.

use super::grammar::Callable;
use super::reply::Reply;
use super::step::{Step, Way};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a run of ten minutes or more must reach.
const RUNS_MIN: u64 = 1000;
const SHAPE_MIN: u64 = 50;

/// Counts by command.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Tally {
    /// Counts one reply. Calls inside MULTI count as queued, and their replies not at all.
    pub fn add(&mut self, step: &Step, reply: &Reply) {
        if !step.name.is_empty() && step.way != Way::Park {
            *self.rows.entry(step.name).or_default().entry(reply.shape()).or_default() += 1;
        }
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.rows.values().flat_map(BTreeMap::values).sum()
    }

    /// The table: one line a command.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (name, shapes) in &self.rows {
            let runs: u64 = shapes.values().sum();
            let shapes: Vec<String> =
                shapes.iter().map(|(shape, count)| format!("{shape} {count}")).collect();
            let _ = writeln!(table, "{name:<22}{runs:>9}  {}", shapes.join(", "));
        }
        table
    }

    /// What was seen too seldom.
    pub fn gaps(&self, callables: &[Callable]) -> Vec<String> {
        let mut gaps = Vec::new();
        let none = BTreeMap::new();
        for one in callables {
            let shapes = self.rows.get(one.row.name).unwrap_or(&none);
            let runs: u64 = shapes.values().sum();
            if runs < RUNS_MIN {
                gaps.push(format!("{} ran {runs} times", one.row.name));
            }
            for shape in &one.shapes {
                let count = shapes.get(*shape).copied().unwrap_or(0);
                if count < SHAPE_MIN {
                    gaps.push(format!("{} answered {shape} {count} times", one.row.name));
                }
            }
        }
        gaps
    }
}
