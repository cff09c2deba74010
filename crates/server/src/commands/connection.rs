//! AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT: the connection itself.

use crate::access::{Access, DEFAULT_USER, LogIn, User};
use crate::error;
use crate::session::Replies;
use crate::turn::Turn;
use engine::{CommandError, parse};
use resp::{Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// AUTH [user] password, or AUTH user:password.
///
/// # Errors
/// A wrong password; or none is set.
pub fn auth(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let user = match (turn.args.find(1), turn.args.find(2)) {
        (Some(password), None) => {
            let access = &turn.gate().access;
            let default = access.find(DEFAULT_USER.as_bytes());
            if !access.managed && default.is_some_and(|user| user.password_free) {
                return Err(error::reply(error::NO_PASSWORD_SET));
            }
            look_at(turn, |access| access.log_in_by_password(password))?
        }
        (Some(name), Some(password)) if turn.args.len() == 3 => {
            look_at(turn, |access| access.log_in(name, password))?
        }
        _ => return Err(engine::error::SYNTAX),
    };
    turn.session.log_in(Some(user));
    turn.reply().ok();
    Ok(())
}

/// Tries a password. On a managed node strangers can try, so a brake is on guessing; it refuses at
/// once, as whoever waited for the answer would hold a connection.
fn look_at(
    turn: &Turn<'_, '_>,
    attempt: impl FnOnce(&Access) -> LogIn<'_>,
) -> Result<Arc<User>, CommandError> {
    let (shared, source) = (turn.shared, turn.session.source);
    let (access, stats) = (&turn.gate().access, &shared.stats[turn.state.slot]);
    let now_us = shared.host.clock().monotonic_us();
    if access.managed && shared.brake.attempt(source, now_us).is_err() {
        stats.braked_logins.add(1);
        return Err(error::reply(error::BRAKED));
    }
    let log_in = attempt(access);
    if log_in.is_right() {
        if access.managed {
            shared.brake.was_right(source, now_us);
        }
    } else {
        stats.wrong_passwords.add(1);
    }
    log_in.user().cloned().ok_or_else(|| error::reply(error::WRONGPASS))
}

/// ECHO message.
///
/// # Errors
/// None.
pub fn echo(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let message = turn.args.at(1);
    turn.reply().bulk(message);
    Ok(())
}

struct Hello<'a> {
    protocol: Option<Protocol>,
    user: Option<Arc<User>>,
    name: Option<&'a [u8]>,
}

/// HELLO [version [AUTH user password] [SETNAME name]].
///
/// # Errors
/// A version other than 2 and 3, a wrong password, a bad name.
pub fn hello(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let hello = parse_hello(turn)?;
    if let Some(user) = hello.user {
        turn.session.log_in(Some(user));
    }
    if turn.session.user.is_none() {
        return Err(error::reply(error::HELLO_NOAUTH));
    }
    if let Some(name) = hello.name {
        super::client::set_name(turn.session, name)?;
    }
    if let Some(protocol) = hello.protocol {
        turn.session.set_protocol(protocol);
    }
    let version = turn.gate().settings.redis_version;
    let (id, protocol) = (turn.session.address().client, turn.session.protocol);
    let mut reply = turn.reply();
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(version.as_bytes());
    reply.bulk(b"proto");
    reply.int(if protocol == Protocol::Two { 2 } else { 3 });
    reply.bulk(b"id");
    reply.int(id as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

fn parse_hello<'a>(turn: &Turn<'a, '_>) -> Result<Hello<'a>, CommandError> {
    let mut hello = Hello { protocol: None, user: None, name: None };
    let mut words = turn.args.from(1);
    if let Some(version) = words.next() {
        hello.protocol = Some(match resp::number::parse_i64(version) {
            Some(2) => Protocol::Two,
            Some(3) => Protocol::Three,
            Some(_) => return Err(error::reply(error::NOPROTO)),
            None => {
                let text = "ERR Protocol version is not an integer or out of range";
                return Err(error::reply(text));
            }
        });
    }
    while let Some(word) = words.next() {
        let rest = (words.next(), word);
        match rest {
            (Some(user), word) if parse::is(word, "AUTH") => {
                let password = words.next().ok_or_else(|| bad_option(word))?;
                hello.user = Some(look_at(turn, |access| access.log_in(user, password))?);
            }
            (Some(name), word) if parse::is(word, "SETNAME") => hello.name = Some(name),
            (_, word) => return Err(bad_option(word)),
        }
    }
    Ok(hello)
}

fn bad_option(word: &[u8]) -> CommandError {
    let word = String::from_utf8_lossy(word).into_owned();
    engine::error::other(format!("ERR Syntax error in HELLO option '{word}'"))
}

/// PING [message].
///
/// # Errors
/// More than one message.
pub fn ping(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len() > 2 {
        return Err(engine::error::wrong_arity("ping"));
    }
    let message = turn.args.find(1);
    let listening = turn.session.subscriptions() > 0 && turn.session.protocol == Protocol::Two;
    let mut reply = turn.reply();
    if listening {
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(message.unwrap_or(b""));
    } else {
        match message {
            Some(message) => reply.bulk(message),
            None => reply.simple("PONG"),
        }
    }
    Ok(())
}

/// QUIT.
///
/// # Errors
/// None.
pub fn quit(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.session.closing = true;
    turn.reply().ok();
    Ok(())
}

/// RESET.
///
/// # Errors
/// None.
pub fn reset(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let initial = turn.gate().access.initial_user().cloned();
    let session = &mut *turn.session;
    session.unsubscribe_all(&turn.shared.pubsub);
    session.tracking = None;
    session.record.tracks.store(false, Relaxed);
    if session.monitor {
        session.monitor = false;
        session.record.monitor.store(false, Relaxed);
        turn.shared.monitors.remove(session.address());
    }
    session.multi = None;
    session.watch = None;
    session.replies = Replies::On;
    session.no_touch = false;
    session.select(0);
    session.set_protocol(Protocol::Two);
    session.record.texts.lock().name.clear();
    session.log_in(initial);
    session.publish_counts();
    Reply::new(turn.out, Protocol::Two).simple("RESET");
    Ok(())
}

/// SELECT db.
///
/// # Errors
/// There is no such database.
pub fn select(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let db = parse::database(turn.args.at(1), turn.gate().settings.dbs)?;
    turn.session.select(db);
    turn.reply().ok();
    Ok(())
}
