//! SUBSCRIBE, UNSUBSCRIBE, PUBLISH and their pattern forms; PUBSUB.

use crate::error;
use crate::pubsub::Scope;
use crate::session::Session;
use crate::turn::{Held, Turn};
use engine::CommandError;
use std::collections::BTreeSet;

/// SUBSCRIBE channel [channel …].
///
/// # Errors
/// None.
pub fn subscribe(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    add(turn, Scope::Channel, b"subscribe");
    Ok(())
}

/// PSUBSCRIBE pattern [pattern …].
///
/// # Errors
/// None.
pub fn psubscribe(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    add(turn, Scope::Pattern, b"psubscribe");
    Ok(())
}

/// UNSUBSCRIBE [channel …].
///
/// # Errors
/// None.
pub fn unsubscribe(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    remove(turn, Scope::Channel, b"unsubscribe");
    Ok(())
}

/// PUNSUBSCRIBE [pattern …].
///
/// # Errors
/// None.
pub fn punsubscribe(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    remove(turn, Scope::Pattern, b"punsubscribe");
    Ok(())
}

/// PUBLISH channel message.
///
/// # Errors
/// None.
pub fn publish(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let shared = turn.shared;
    let (channel, payload) = (turn.args.at(1), turn.args.at(2));
    let is_part = turn.state.in_exec || matches!(turn.held, Held::All(_));
    let receivers = if turn.gate().holds_replies && is_part {
        // It tells of effects that are not recorded yet.
        turn.state.outbox.push((channel.into(), payload.into()));
        shared.pubsub.receivers(channel)
    } else {
        let release = if turn.gate().holds_replies { shared.journal.offset() } else { 0 };
        shared.pubsub.publish(&shared.inboxes, channel, payload, release)
    };
    let db = turn.session.db;
    turn.state.effects.message(db, turn.args);
    turn.reply().int(receivers as i64);
    Ok(())
}

/// PUBSUB CHANNELS [pattern].
///
/// # Errors
/// More than one pattern.
pub fn channels(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len() > 3 {
        return Err(error::subcommand_syntax("pubsub", turn.args.at(1)));
    }
    let channels = turn.shared.pubsub.channels(turn.args.find(2));
    let mut reply = turn.reply();
    reply.array(channels.len());
    channels.iter().for_each(|channel| reply.bulk(channel));
    Ok(())
}

/// PUBSUB NUMSUB [channel …].
///
/// # Errors
/// None.
pub fn numsub(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (shared, args) = (turn.shared, turn.args);
    let mut reply = turn.reply();
    reply.array(2 * (args.len() - 2));
    for channel in args.from(2) {
        reply.bulk(channel);
        reply.int(shared.pubsub.subscribers(channel) as i64);
    }
    Ok(())
}

/// PUBSUB NUMPAT.
///
/// # Errors
/// None.
pub fn numpat(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let number = turn.shared.pubsub.patterns();
    turn.reply().int(number as i64);
    Ok(())
}

/// PUBSUB HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "PUBSUB", index);
    Ok(())
}

fn names(session: &mut Session, scope: Scope) -> &mut BTreeSet<Box<[u8]>> {
    match scope {
        Scope::Channel => &mut session.channels,
        Scope::Pattern => &mut session.patterns,
    }
}

fn add(turn: &mut Turn<'_, '_>, scope: Scope, kind: &[u8]) {
    let address = turn.session.address();
    for name in turn.args.from(1) {
        if names(turn.session, scope).insert(name.into()) {
            turn.shared.pubsub.subscribe(scope, name, address);
        }
        confirm(turn, kind, Some(name));
    }
    turn.session.publish_counts();
}

fn remove(turn: &mut Turn<'_, '_>, scope: Scope, kind: &[u8]) {
    let address = turn.session.address();
    let given: Vec<Box<[u8]>> = turn.args.from(1).map(Into::into).collect();
    let wanted: Vec<Box<[u8]>> =
        if given.is_empty() { names(turn.session, scope).iter().cloned().collect() } else { given };
    if wanted.is_empty() {
        confirm(turn, kind, None);
    }
    for name in wanted {
        if names(turn.session, scope).remove(&name) {
            turn.shared.pubsub.unsubscribe(scope, &name, address);
        }
        confirm(turn, kind, Some(&name));
    }
    turn.session.publish_counts();
}

fn confirm(turn: &mut Turn<'_, '_>, kind: &[u8], name: Option<&[u8]>) {
    let count = turn.session.subscriptions() as i64;
    let mut reply = turn.reply();
    reply.push(3);
    reply.bulk(kind);
    reply.bulk_or_null(name);
    reply.int(count);
}
