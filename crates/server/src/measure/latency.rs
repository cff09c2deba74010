//! Spikes of latency by event, at most one sample a second, for LATENCY.

use std::collections::{BTreeMap, VecDeque};

/// Samples kept of each event.
const SAMPLES_MAX: usize = 160;

/// Spikes of one event.
#[derive(Debug, Default, Clone)]
pub struct Spikes {
    /// Unix seconds and milliseconds that it took, the oldest first.
    pub samples: VecDeque<(u64, u64)>,
    /// The longest ever, in milliseconds.
    pub max_ms: u64,
}

/// All spikes.
#[derive(Debug, Default)]
pub struct Latency {
    /// By event.
    pub events: BTreeMap<&'static str, Spikes>,
}

impl Latency {
    /// Adds a spike.
    pub fn add(&mut self, event: &'static str, at_s: u64, took_ms: u64) {
        let spikes = self.events.entry(event).or_default();
        spikes.max_ms = spikes.max_ms.max(took_ms);
        match spikes.samples.back_mut().filter(|(last_s, _)| *last_s == at_s) {
            Some((_, last_ms)) => *last_ms = (*last_ms).max(took_ms),
            None => spikes.samples.push_back((at_s, took_ms)),
        }
        if spikes.samples.len() > SAMPLES_MAX {
            spikes.samples.pop_front();
        }
    }

    /// Forgets the events of these names, or all when there are none; returns how many.
    pub fn reset(&mut self, names: &[String]) -> usize {
        let before = self.events.len();
        self.events.retain(|event, _| {
            !names.is_empty() && !names.iter().any(|name| name.eq_ignore_ascii_case(event))
        });
        before - self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_a_second() {
        let mut latency = Latency::default();
        for (at_s, took_ms) in [(1, 5), (1, 9), (1, 2), (2, 3)] {
            latency.add("command", at_s, took_ms);
        }
        let spikes = &latency.events["command"];
        assert_eq!(spikes.samples, [(1, 9), (2, 3)]);
        assert_eq!(spikes.max_ms, 9);
        latency.add("expire-cycle", 1, 1);
        assert_eq!(latency.reset(&["nothing".into(), "COMMAND".into()]), 1);
        assert_eq!(latency.reset(&[]), 1);
    }
}
