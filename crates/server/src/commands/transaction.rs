//! MULTI, DISCARD, WATCH, UNWATCH. EXEC is part of dispatch, since it runs other commands.

use crate::error;
use crate::session::Multi;
use crate::turn::Turn;
use engine::CommandError;
use engine::keyspace::{Keyspace, shard_of};
use std::sync::atomic::Ordering::Relaxed;

/// MULTI.
///
/// # Errors
/// A transaction is open already.
pub fn multi(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.session.multi.is_some() {
        return Err(error::reply("ERR MULTI calls can not be nested"));
    }
    turn.session.multi = Some(Multi::default());
    turn.session.publish_counts();
    turn.reply().ok();
    Ok(())
}

/// DISCARD.
///
/// # Errors
/// No transaction is open.
pub fn discard(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.session.multi.take().is_none() {
        return Err(error::reply("ERR DISCARD without MULTI"));
    }
    turn.session.watch = None;
    turn.session.publish_counts();
    turn.reply().ok();
    Ok(())
}

/// WATCH key [key …].
///
/// # Errors
/// A transaction is open; that does not abort it.
pub fn watch(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.session.multi.is_some() {
        return Err(error::reply("ERR WATCH inside MULTI is not allowed"));
    }
    let db = turn.session.db;
    let now_ms = turn.state.now_ms;
    let mut watch = turn.session.watch.take().unwrap_or_default();
    let space = turn.locked.as_mut().expect("WATCH locks its keys");
    let seed = space.seed();
    for key in turn.args.from(1) {
        if watch.flag.load(Relaxed) || watch.keys.iter().any(|(d, k)| *d == db && **k == *key) {
            continue;
        }
        let hash = seed.hash(key);
        let shard = space.shard(shard_of(hash)).expect("WATCH locks its keys");
        shard.watch(db, key, &watch.flag, now_ms);
        watch.keys.push((db, key.into()));
    }
    turn.session.watch = Some(watch);
    turn.reply().ok();
    Ok(())
}

/// UNWATCH.
///
/// # Errors
/// None.
pub fn unwatch(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.session.watch = None;
    turn.reply().ok();
    Ok(())
}
