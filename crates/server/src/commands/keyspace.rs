//! DBSIZE, FLUSHALL, FLUSHDB, SWAPDB: whole databases.

use crate::executor::Locked;
use crate::info::count_keys;
use crate::shared::Shared;
use crate::snapshot;
use crate::tracking;
use crate::trash::Rubbish;
use crate::turn::Turn;
use engine::keyspace::{Keyspace, SHARDS};
use engine::{CommandError, parse};

/// DBSIZE.
///
/// # Errors
/// Busy, when another loop holds a shard.
pub fn dbsize(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let dbs = turn.gate().settings.dbs;
    let counts = count_keys(turn.space(), dbs)?;
    let keys = counts[usize::from(turn.session.db)].0;
    turn.reply().int(keys as i64);
    Ok(())
}

/// FLUSHALL [ASYNC | SYNC]. Both forms swap the tables out at once; the reaper drops them.
///
/// # Errors
/// Another option.
pub fn flushall(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    check_mode(turn)?;
    let dbs = turn.gate().settings.dbs;
    let keys: usize = count_keys(turn.space(), dbs)?.into_iter().map(|(keys, _)| keys).sum();
    for db in 0..dbs {
        flush(turn, db);
    }
    turn.state.effects.verbatim(turn.session.db, turn.args);
    turn.state.effects.dirty += keys as u64;
    tracking::publish_flush(turn.shared);
    let (shared, (exclusive, space)) = (turn.shared, turn.everything());
    if snapshot::flushed(shared, exclusive, space) {
        // The command itself is no change that a save would have to follow.
        turn.state.effects.dirty = 0;
    }
    turn.reply().ok();
    Ok(())
}

/// FLUSHDB [ASYNC | SYNC].
///
/// # Errors
/// Another option.
pub fn flushdb(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    check_mode(turn)?;
    flush(turn, turn.session.db);
    tracking::publish_flush(turn.shared);
    turn.state.effects.verbatim(turn.session.db, turn.args);
    turn.reply().ok();
    Ok(())
}

/// SWAPDB a b.
///
/// # Errors
/// There is no such database.
pub fn swapdb(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let dbs = turn.gate().settings.dbs;
    let number = |at: usize, which: &str| {
        let number = resp::number::parse_i64(turn.args.at(at));
        let number = number.and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| engine::error::other(format!("ERR invalid {which} DB index")))
    };
    number(1, "first").and(number(2, "second"))?;
    let db = |at: usize| parse::database(turn.args.at(at), dbs);
    let (a, b) = (db(1)?, db(2)?);
    let now_ms = turn.state.now_ms;
    let space = turn.locked.as_mut().expect("SWAPDB holds everything");
    // A database that changes places with itself is not touched: who watches it sees nothing.
    for id in (0..SHARDS).filter(|_| a != b) {
        let shard = space.shard(id as u8).ok_or(CommandError::Busy)?;
        shard.touched_db(a, Some(b), now_ms);
        shard.touched_db(b, Some(a), now_ms);
        shard.swap_dbs(a, b);
        shard.ready_in(a, &mut turn.state.effects);
        shard.ready_in(b, &mut turn.state.effects);
    }
    turn.state.effects.verbatim(turn.session.db, turn.args);
    turn.reply().ok();
    Ok(())
}

fn check_mode(turn: &Turn<'_, '_>) -> Result<(), CommandError> {
    match (turn.args.len(), turn.args.find(1)) {
        (1, _) => Ok(()),
        (2, Some(word)) if parse::is(word, "ASYNC") || parse::is(word, "SYNC") => Ok(()),
        _ => Err(engine::error::SYNTAX),
    }
}

/// Empties a database.
pub(super) fn flush(turn: &mut Turn<'_, '_>, db: u16) {
    let (shared, now_ms) = (turn.shared, turn.state.now_ms);
    flush_db(shared, turn.space(), db, now_ms);
    let space = turn.locked.as_mut().expect("FLUSHDB holds everything");
    for id in 0..SHARDS {
        if let Some(shard) = space.shard(id as u8) {
            shard.ready_in(db, &mut turn.state.effects);
        }
    }
}

/// Empties a database; the reaper drops what was in it.
pub fn flush_db(shared: &Shared, space: &mut Locked<'_>, db: u16, now_ms: u64) {
    let mut old = Vec::new();
    for id in 0..SHARDS {
        let shard = space.shard(id as u8).expect("the exclusive holder has all shards");
        shard.touched_db(db, None, now_ms);
        old.extend(shard.clear_db(db).filter(|db| !db.table().is_empty()));
    }
    shared.trash.add(old.into_iter().map(Rubbish::Table));
}
