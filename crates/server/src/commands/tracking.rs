//! CLIENT TRACKING and what belongs to it: being told when something that was read changes. In the
//! default mode, with NOLOOP; the other modes are refused by name.

use crate::error;
use crate::turn::Turn;
use engine::keyspace::{Home, Reader};
use engine::{CommandError, parse};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// CLIENT TRACKING ON | OFF [NOLOOP].
///
/// # Errors
/// Another word, or a mode that is not there yet.
pub fn tracking(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let mut skips_own = false;
    let mut words = turn.args.from(3);
    while let Some(word) = words.next() {
        match word {
            _ if parse::is(word, "NOLOOP") => skips_own = true,
            _ if parse::is(word, "REDIRECT") => {
                let id = parse::integer(words.next().ok_or(engine::error::SYNTAX)?)?;
                let found = u64::try_from(id).ok().and_then(|id| turn.shared.clients.find(id));
                let text = match found {
                    None => "ERR The client ID you want redirect to does not exist",
                    Some(_) => "ERR CLIENT TRACKING with REDIRECT is not supported yet",
                };
                return Err(engine::error::other(text));
            }
            _ if ["BCAST", "PREFIX", "OPTIN", "OPTOUT"]
                .iter()
                .any(|mode| parse::is(word, mode)) =>
            {
                let mode = String::from_utf8_lossy(word).to_ascii_uppercase();
                let text = format!("ERR CLIENT TRACKING with {mode} is not supported yet");
                return Err(engine::error::other(text));
            }
            _ => return Err(engine::error::SYNTAX),
        }
    }
    let on = match turn.args.at(2) {
        word if parse::is(word, "ON") => true,
        word if parse::is(word, "OFF") => false,
        _ => return Err(engine::error::SYNTAX),
    };
    let address = turn.session.address();
    let home = Home { loop_id: address.loop_id, place: address.place, client: address.client };
    turn.session.tracking = on.then(|| Arc::new(Reader { home, skips_own }));
    turn.session.record.tracks.store(on, Relaxed);
    turn.reply().ok();
    Ok(())
}

/// CLIENT TRACKINGINFO.
///
/// # Errors
/// None.
pub fn info(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let tracking = turn.session.tracking.clone();
    let mut flags: Vec<&[u8]> = vec![if tracking.is_some() { b"on" } else { b"off" }];
    if tracking.as_ref().is_some_and(|reader| reader.skips_own) {
        flags.push(b"noloop");
    }
    let mut reply = turn.reply();
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag));
    reply.bulk(b"redirect");
    reply.int(if tracking.is_some() { 0 } else { -1 });
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}

/// CLIENT GETREDIR.
///
/// # Errors
/// None.
pub fn getredir(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let tracks = turn.session.tracking.is_some();
    turn.reply().int(if tracks { 0 } else { -1 });
    Ok(())
}

/// CLIENT CACHING YES | NO.
///
/// # Errors
/// Always: the modes that it belongs to are not there.
pub fn caching(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let text = if turn.session.tracking.is_some() {
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
    } else {
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled"
    };
    Err(error::reply(text))
}
