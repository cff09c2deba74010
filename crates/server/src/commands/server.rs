//! INFO, LASTSAVE, SAVE, SHUTDOWN, TIME.

use crate::snapshot::{Consumer, background};
use crate::turn::Turn;
use crate::{error, info as text_of_info, snapshot};
use engine::{CommandError, parse};

/// BGREWRITEAOF.
///
/// # Errors
/// A rewrite is running.
pub fn bgrewriteaof(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let waits = turn.state.in_exec || turn.shared.cuts.active().is_some();
    if !turn.shared.aof.request_rewrite(waits) {
        return Err(error::reply(error::REWRITING));
    }
    let how = if waits { "scheduled" } else { "started" };
    turn.reply().simple(&format!("Background append only file rewriting {how}"));
    Ok(())
}

/// INFO [section …].
///
/// # Errors
/// Busy, when another loop holds a shard.
pub fn info(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let wanted: Vec<&[u8]> = turn.args.from(1).collect();
    let (shared, gate) = (turn.shared, turn.gate().clone());
    let text = text_of_info::text(shared, &gate, turn.space(), &wanted)?;
    turn.reply().verbatim(text.as_bytes());
    Ok(())
}

/// LASTSAVE.
///
/// # Errors
/// None.
pub fn lastsave(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let last_s = turn.shared.saves.lock().last_s;
    turn.reply().int(last_s as i64);
    Ok(())
}

/// SAVE.
///
/// # Errors
/// A save in the background is in progress; or what the disk said.
pub fn save(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let shared = turn.shared;
    if shared.cuts.is_busy_for(Consumer::Save) {
        return Err(error::reply(error::SAVING));
    }
    shared.saves.lock().begun += 1;
    let (exclusive, space) = turn.everything();
    snapshot::save(shared, exclusive, space)
        .map_err(|error| engine::error::other(format!("ERR {error}")))?;
    turn.reply().ok();
    Ok(())
}

/// BGSAVE [SCHEDULE].
///
/// # Errors
/// Another option; or the data set is being written down already.
pub fn bgsave(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let schedules = match turn.args.find(1) {
        None => false,
        Some(word) if parse::is(word, "SCHEDULE") => true,
        Some(_) => return Err(engine::error::SYNTAX),
    };
    let (shared, in_exec) = (turn.shared, turn.state.in_exec);
    if shared.cuts.is_busy_for(Consumer::Save) || shared.cuts.is_busy_for(Consumer::Replica) {
        return Err(error::reply(error::SAVING));
    }
    // In the middle of a transaction there is no moment to save.
    if in_exec || shared.cuts.active().is_some() {
        if !schedules && !in_exec {
            return Err(error::reply(error::OTHER_CUT));
        }
        shared.saves.lock().is_scheduled = true;
        shared.cuts.wake();
        turn.reply().simple("Background saving scheduled");
        return Ok(());
    }
    let request = background::request(shared);
    if shared.cuts.begin(shared, turn.space(), request).is_err() {
        return Err(error::reply(error::SAVING));
    }
    turn.reply().simple("Background saving started");
    Ok(())
}

/// SHUTDOWN [NOSAVE | SAVE]. Without either it saves when the `save` parameter is not empty.
///
/// # Errors
/// Another option; or the data set could not be saved, and nothing is stopped.
pub fn shutdown(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let wanted = match (turn.args.len(), turn.args.find(1)) {
        (1, _) => !turn.shared.config.lock().get("save").is_empty(),
        (2, Some(word)) if parse::is(word, "SAVE") => true,
        (2, Some(word)) if parse::is(word, "NOSAVE") => false,
        _ => return Err(engine::error::SYNTAX),
    };
    let shared = turn.shared;
    if let Some(script) = &turn.gate().busy {
        if wanted || turn.args.len() == 1 {
            return Err(script.busy());
        }
        // Nobody can have everything while a script runs; what it has done so far is lost with it.
        shared.host.stop();
        turn.session.closing = true;
        return Ok(());
    }
    snapshot::stop(shared, turn.exclusive(), wanted)
        .map_err(|_| error::reply("ERR Errors trying to SHUTDOWN. Check logs."))?;
    turn.session.closing = true;
    Ok(())
}

/// TIME.
///
/// # Errors
/// None.
pub fn time(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let now_ms = turn.shared.host.clock().unix_ms();
    let mut reply = turn.reply();
    reply.array(2);
    reply.bulk_int((now_ms / 1000) as i64);
    reply.bulk_int((now_ms % 1000 * 1000) as i64);
    Ok(())
}
