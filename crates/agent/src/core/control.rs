//! The control process: started once the nodes are known, started again whenever it ends, stopped
//! before the nodes. Must not know what it does.

use crate::core::message::{Action, Signal};
use crate::core::pause::{Pause, SERVICE_MS_MIN};

/// How long the control process may take to stop, in milliseconds.
const STOP_MS_MAX: u64 = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// To be started at this time.
    Waiting { until: u64 },
    /// Asked to be started.
    Starting,
    /// Runs since this time.
    Running { since: u64 },
    /// Told to stop; killed at this time.
    Stopping { until: u64 },
    /// Killed.
    Killed,
    /// Ended for good.
    Stopped,
}

/// The keeper of the control process.
#[derive(Debug)]
pub(crate) struct Control {
    stage: Stage,
    pause: Pause,
    started_before: bool,
}

impl Control {
    /// Starts the process at `at_ms` at the latest.
    pub(crate) fn new(at_ms: u64) -> Control {
        let stage = Stage::Waiting { until: at_ms };
        Control { stage, pause: Pause::default(), started_before: false }
    }

    /// The nodes are known: the first start need not wait any longer.
    pub(crate) fn hurry(&mut self) {
        if !self.started_before && matches!(self.stage, Stage::Waiting { .. }) {
            self.stage = Stage::Waiting { until: 0 };
        }
    }

    /// The process runs.
    pub(crate) fn started(&mut self, now_ms: u64) {
        if self.stage == Stage::Starting {
            self.stage = Stage::Running { since: now_ms };
        }
    }

    /// The process is gone.
    pub(crate) fn exited(&mut self, now_ms: u64) {
        match self.stage {
            Stage::Running { since } => {
                if SERVICE_MS_MIN <= now_ms - since {
                    self.pause.reset();
                }
                self.wait(now_ms);
            }
            Stage::Starting => self.wait(now_ms),
            Stage::Stopping { .. } | Stage::Killed => self.stage = Stage::Stopped,
            Stage::Waiting { .. } | Stage::Stopped => {}
        }
    }

    fn wait(&mut self, now_ms: u64) {
        // Even the first restart waits a little: control has no clients that a pause would hurt.
        let pause_ms = self.pause.grow().max(100);
        self.stage = Stage::Waiting { until: now_ms + pause_ms };
    }

    /// What to do now. `draining` once everything is to stop.
    pub(crate) fn step(&mut self, now_ms: u64, draining: bool) -> Option<Action> {
        match self.stage {
            Stage::Waiting { .. } if draining => {
                self.stage = Stage::Stopped;
                None
            }
            Stage::Waiting { until } if until <= now_ms => {
                self.stage = Stage::Starting;
                let first = !std::mem::replace(&mut self.started_before, true);
                Some(Action::SpawnControl { first })
            }
            Stage::Running { .. } if draining => {
                self.stage = Stage::Stopping { until: now_ms + STOP_MS_MAX };
                Some(Action::SignalControl(Signal::Terminate))
            }
            Stage::Stopping { until } if until <= now_ms => {
                self.stage = Stage::Killed;
                Some(Action::SignalControl(Signal::Kill))
            }
            _ => None,
        }
    }

    /// True when it will not run again.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stage == Stage::Stopped
    }

    /// When the next step is due.
    pub(crate) fn wake(&self) -> Option<u64> {
        match self.stage {
            Stage::Waiting { until } | Stage::Stopping { until } => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_come_with_growing_pauses() {
        let mut control = Control::new(0);
        assert_eq!(control.step(0, false), Some(Action::SpawnControl { first: true }));
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            control.started(now);
            control.exited(now);
            let wake = control.wake().unwrap();
            pauses.push(wake - now);
            now = wake;
            assert_eq!(control.step(now, false), Some(Action::SpawnControl { first: false }));
        }
        assert_eq!(pauses, [100, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        control.started(now);
        control.exited(now + SERVICE_MS_MIN);
        assert_eq!(control.wake(), Some(now + SERVICE_MS_MIN + 100));
    }

    #[test]
    fn it_is_stopped_politely_then_killed() {
        let mut control = Control::new(0);
        control.step(0, false);
        control.started(0);
        assert_eq!(control.step(5, true), Some(Action::SignalControl(Signal::Terminate)));
        assert_eq!(control.step(2_004, true), None);
        assert_eq!(control.step(2_005, true), Some(Action::SignalControl(Signal::Kill)));
        assert!(!control.is_stopped());
        control.exited(2_006);
        assert!(control.is_stopped());
        assert_eq!(control.step(9_999, true), None);
    }

    #[test]
    fn draining_before_the_first_start_starts_nothing() {
        let mut control = Control::new(2_000);
        assert_eq!(control.step(0, true), None);
        assert!(control.is_stopped());
    }
}
