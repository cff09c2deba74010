//! MONITOR: this connection is shown every command from now on.

use crate::turn::Turn;
use engine::CommandError;
use std::sync::atomic::Ordering::Relaxed;

/// MONITOR.
///
/// # Errors
/// None.
pub fn run(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if !turn.session.monitor {
        turn.session.monitor = true;
        turn.session.record.monitor.store(true, Relaxed);
        turn.shared.monitors.add(turn.session.address());
    }
    turn.reply().ok();
    Ok(())
}
