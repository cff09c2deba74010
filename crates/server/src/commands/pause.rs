//! CLIENT PAUSE and CLIENT UNPAUSE. Both change the gate, and so run in exclusive mode: what was
//! under way has ended when they answer.

use crate::gate::Pause;
use crate::turn::Turn;
use engine::error::other;
use engine::{CommandError, parse};

/// CLIENT PAUSE milliseconds [WRITE | ALL]. A pause that is on can only become longer and stricter.
///
/// # Errors
/// The time is no number or negative, or another mode.
pub fn pause(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let all = match turn.args.find(3) {
        None => true,
        Some(word) if parse::is(word, "ALL") => true,
        Some(word) if parse::is(word, "WRITE") => false,
        Some(_) => return Err(other("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let bad = || other("ERR timeout is not an integer or out of range");
    let ms = parse::integer(turn.args.at(2)).map_err(|_| bad())?;
    let ms = u64::try_from(ms).map_err(|_| other("ERR timeout is negative"))?;
    let now_ms = turn.shared.host.clock().unix_ms();
    turn.exclusive().change_gate(|gate| {
        let old = Some(gate.pause).filter(|old| old.is_on(now_ms)).unwrap_or_default();
        gate.pause =
            Pause { until_ms: old.until_ms.max(now_ms.saturating_add(ms)), all: old.all || all };
    });
    turn.reply().ok();
    Ok(())
}

/// CLIENT UNPAUSE.
///
/// # Errors
/// None.
pub fn unpause(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.exclusive().change_gate(|gate| gate.pause = Pause::default());
    // Their paused connections go on.
    turn.shared.inboxes.iter().for_each(|inbox| inbox.wake());
    turn.reply().ok();
    Ok(())
}
