//! How long to wait before the next try. Must not know of what.

/// Service of this length makes earlier failures forgotten, in milliseconds.
pub(crate) const SERVICE_MS_MIN: u64 = 30_000;
const STEP_MS: u64 = 100;
const PAUSE_MS_MAX: u64 = 5_000;

/// Pauses that grow with each failure: 0, 100, 200, 400 … 5000 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pause {
    failures: u32,
}

impl Pause {
    /// Counts a failure; returns how long to wait after it, in milliseconds.
    pub(crate) fn grow(&mut self) -> u64 {
        let doublings = self.failures.checked_sub(1);
        self.failures = self.failures.saturating_add(1);
        doublings.map_or(0, |n| STEP_MS.saturating_mul(1 << n.min(16)).min(PAUSE_MS_MAX))
    }

    /// Failures since the last reset.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }

    /// Forgets all failures.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let mut pause = Pause::default();
        let pauses: Vec<u64> = (0..9).map(|_| pause.grow()).collect();
        assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        pause.failures = u32::MAX;
        assert_eq!(pause.grow(), 5000);
        pause.reset();
        assert_eq!(pause.grow(), 0);
    }
}
