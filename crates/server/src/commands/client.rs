//! CLIENT: looking at connections, naming them, closing them.

use crate::access::{Access, Right};
use crate::blocked::Release;
use crate::clients::ClientRecord;
use crate::error;
use crate::inbox::Mail;
use crate::session::{Replies, Session};
use crate::shared::Shared;
use crate::turn::Turn;
use engine::{CommandError, parse};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// CLIENT ID.
///
/// # Errors
/// None.
pub fn id(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let id = turn.session.address().client;
    turn.reply().int(id as i64);
    Ok(())
}

/// CLIENT GETNAME.
///
/// # Errors
/// None.
pub fn getname(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let name = turn.session.record.texts.lock().name.clone();
    turn.reply().bulk_or_null((!name.is_empty()).then_some(name.as_bytes()));
    Ok(())
}

/// CLIENT SETNAME name.
///
/// # Errors
/// The name has spaces or control characters.
pub fn setname(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    set_name(turn.session, turn.args.at(2))?;
    turn.reply().ok();
    Ok(())
}

/// Names a connection.
///
/// # Errors
/// The name has spaces or control characters.
pub fn set_name(session: &mut Session, name: &[u8]) -> Result<(), CommandError> {
    let name = plain_text(name).ok_or_else(|| error::reply(error::BAD_CLIENT_NAME))?;
    session.record.texts.lock().name = name;
    Ok(())
}

fn plain_text(bytes: &[u8]) -> Option<String> {
    let plain = bytes.iter().all(|byte| (b'!'..=b'~').contains(byte));
    plain.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// CLIENT SETINFO LIB-NAME | LIB-VER text.
///
/// # Errors
/// Another attribute, or a text with spaces or control characters.
pub fn setinfo(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (attribute, value) = (turn.args.at(2), turn.args.at(3));
    let name = String::from_utf8_lossy(attribute).to_ascii_lowercase();
    let value = plain_text(value).ok_or_else(|| {
        engine::error::other(format!(
            "ERR {name} cannot contain spaces, newlines or special characters."
        ))
    })?;
    let mut texts = turn.session.record.texts.lock();
    match name.as_str() {
        "lib-name" => texts.library_name = value,
        "lib-ver" => texts.library_version = value,
        _ => {
            return Err(engine::error::other(format!("ERR Unrecognized option '{name}'")));
        }
    }
    drop(texts);
    turn.reply().ok();
    Ok(())
}

/// CLIENT INFO.
///
/// # Errors
/// None.
pub fn info(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let line = line_of(turn.shared, &turn.session.record, turn.state.now_ms);
    turn.reply().verbatim(format!("{line}\n").as_bytes());
    Ok(())
}

/// CLIENT LIST [ID id …] [TYPE normal | pubsub | master | replica].
///
/// # Errors
/// Other options.
pub fn list(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let mut wanted: Filter = Box::new(|_| true);
    match (turn.args.find(2), turn.args.find(3)) {
        (None, _) => {}
        (Some(word), Some(kind)) if parse::is(word, "TYPE") && turn.args.len() == 4 => {
            wanted = type_filter(kind)?;
        }
        (Some(word), Some(_)) if parse::is(word, "ID") => {
            let bad = || error::reply("ERR Invalid client ID");
            let ids = turn.args.from(3).map(|id| parse::integer(id).map_err(|_| bad()));
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            wanted = Box::new(move |record| ids.contains(&(record.address.client as i64)));
        }
        _ => return Err(engine::error::SYNTAX),
    }
    let mut text = String::new();
    for record in turn.shared.clients.all().iter().filter(|record| wanted(record)) {
        text.push_str(&line_of(turn.shared, record, turn.state.now_ms));
        text.push('\n');
    }
    turn.reply().verbatim(text.as_bytes());
    Ok(())
}

type Filter = Box<dyn Fn(&ClientRecord) -> bool>;

fn type_filter(kind: &[u8]) -> Result<Filter, CommandError> {
    let listens =
        |record: &ClientRecord| record.channels.load(Relaxed) + record.patterns.load(Relaxed) > 0;
    match String::from_utf8_lossy(kind).to_ascii_lowercase().as_str() {
        "normal" => Ok(Box::new(move |record| {
            let links = record.replica.load(Relaxed) || record.upstream.load(Relaxed);
            !listens(record) && !links
        })),
        "pubsub" => Ok(Box::new(listens)),
        "replica" | "slave" => Ok(Box::new(|record| record.replica.load(Relaxed))),
        "master" => Ok(Box::new(|record| record.upstream.load(Relaxed))),
        _ => {
            let kind = engine::error::shown(kind);
            Err(engine::error::other(format!("ERR Unknown client type '{kind}'")))
        }
    }
}

fn line_of(shared: &Shared, record: &ClientRecord, now_ms: u64) -> String {
    record.line(now_ms, last_command(shared, record))
}

/// Name of the last command of a connection, `NULL` before the first.
#[must_use]
pub fn last_command(shared: &Shared, record: &ClientRecord) -> &'static str {
    let id = record.command.load(Relaxed);
    shared.index.rows().get(usize::from(id)).map_or("NULL", |row| row.name)
}

#[derive(Default)]
struct Kill {
    id: Option<i64>,
    peer: Option<String>,
    local: Option<String>,
    user: Option<String>,
    kind: Option<Filter>,
    skip_me: bool,
}

impl Kill {
    fn parse(turn: &Turn<'_, '_>) -> Result<Self, CommandError> {
        let mut kill = Self { skip_me: true, ..Self::default() };
        if turn.args.len() == 3 {
            kill.peer = Some(String::from_utf8_lossy(turn.args.at(2)).into_owned());
            kill.skip_me = false;
            return Ok(kill);
        }
        let mut words = turn.args.from(2);
        while let Some(option) = words.next() {
            let value = words.next().ok_or(engine::error::SYNTAX)?;
            let text = String::from_utf8_lossy(value).into_owned();
            match String::from_utf8_lossy(option).to_ascii_lowercase().as_str() {
                "id" => {
                    let bad = || error::reply("ERR client-id should be greater than 0");
                    let id = resp::number::parse_i64(value).filter(|id| *id > 0);
                    kill.id = Some(id.ok_or_else(bad)?);
                }
                "addr" => kill.peer = Some(text),
                "laddr" => kill.local = Some(text),
                "type" => kill.kind = Some(type_filter(value)?),
                "user" if !turn.gate().access.users.iter().any(|user| user.name == text) => {
                    let name = engine::error::shown(value);
                    return Err(engine::error::other(format!("ERR No such user '{name}'")));
                }
                "user" => kill.user = Some(text),
                "skipme" if parse::is(value, "yes") => kill.skip_me = true,
                "skipme" if parse::is(value, "no") => kill.skip_me = false,
                _ => return Err(engine::error::SYNTAX),
            }
        }
        Ok(kill)
    }

    fn wants(&self, record: &ClientRecord, own: u64) -> bool {
        let client = record.address.client;
        self.id.is_none_or(|id| id == client as i64)
            && self.peer.as_ref().is_none_or(|peer| *peer == record.peer)
            && self.local.as_ref().is_none_or(|local| *local == record.local)
            && self.user.as_ref().is_none_or(|user| *user == record.texts.lock().user)
            && self.kind.as_ref().is_none_or(|is_wanted| is_wanted(record))
            && !(self.skip_me && client == own)
    }
}

/// CLIENT KILL ip:port, or CLIENT KILL [ID id] [ADDR ip:port] [LADDR ip:port] [USER name]
/// [TYPE normal | pubsub | master | replica] [SKIPME yes | no].
///
/// # Errors
/// Other options; in the first form, no such connection.
pub fn kill(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let kill = Kill::parse(turn)?;
    let own = turn.session.address().client;
    let hit = |record: &Arc<ClientRecord>| kill.wants(record, own);
    let records: Vec<_> = turn.shared.clients.all().into_iter().filter(hit).collect();
    for record in &records {
        if record.address.client == own {
            turn.session.closing = true;
        } else if record.upstream.load(Relaxed) {
            turn.shared.upstream.cut();
        } else {
            cut(turn.shared, record);
        }
    }
    match (turn.args.len(), records.len()) {
        (3, 0) => return Err(error::reply("ERR No such client")),
        (3, _) => turn.reply().ok(),
        (_, killed) => turn.reply().int(killed as i64),
    }
    Ok(())
}

fn cut(shared: &Shared, record: &ClientRecord) {
    shared.blocked.kill(record);
    shared.inboxes[usize::from(record.address.loop_id)].push(Mail::Kill(record.address));
}

/// Closes the connections of accounts that `access` does not have, as ACL DELUSER does; and those
/// that wait for a key which their account may not take any more.
pub fn cut_gone(shared: &Shared, access: &Access) {
    for record in shared.clients.all() {
        let name = record.texts.lock().user.clone();
        if name.is_empty() {
            continue;
        }
        let right = access.find(name.as_bytes()).map(|user| user.rights.get());
        if right.is_none() || right == Some(Right::Read) && record.is_blocked() {
            cut(shared, &record);
        }
    }
}

/// CLIENT UNBLOCK id [TIMEOUT | ERROR].
///
/// # Errors
/// Another reason, or an id that is no number.
pub fn unblock(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let release = match turn.args.find(3) {
        _ if turn.args.len() > 4 => {
            return Err(error::subcommand_syntax("client", turn.args.at(1)));
        }
        None => Release::Timeout,
        Some(word) if parse::is(word, "TIMEOUT") => Release::Timeout,
        Some(word) if parse::is(word, "ERROR") => Release::Error,
        Some(_) => {
            return Err(error::reply("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
    };
    let id = parse::integer(turn.args.at(2))?;
    let shared = turn.shared;
    let record = u64::try_from(id).ok().and_then(|id| shared.clients.find(id));
    let freed = record.is_some_and(|it| shared.blocked.release(&shared.inboxes, &it, release));
    turn.reply().int(i64::from(freed));
    Ok(())
}

fn on_off(turn: &Turn<'_, '_>) -> Result<bool, CommandError> {
    match turn.args.at(2) {
        word if parse::is(word, "ON") => Ok(true),
        word if parse::is(word, "OFF") => Ok(false),
        _ => Err(engine::error::SYNTAX),
    }
}

/// CLIENT NO-EVICT ON | OFF.
///
/// # Errors
/// Another word.
pub fn no_evict(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let on = on_off(turn)?;
    turn.session.record.no_evict.store(on, Relaxed);
    turn.reply().ok();
    Ok(())
}

/// CLIENT NO-TOUCH ON | OFF.
///
/// # Errors
/// Another word.
pub fn no_touch(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.session.no_touch = on_off(turn)?;
    turn.reply().ok();
    Ok(())
}

/// CLIENT REPLY ON | OFF | SKIP.
///
/// # Errors
/// Another word.
pub fn reply(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let word = turn.args.at(2);
    if parse::is(word, "ON") {
        turn.session.replies = Replies::On;
        turn.reply().ok();
    } else if parse::is(word, "OFF") {
        turn.session.replies = Replies::Off;
    } else if parse::is(word, "SKIP") {
        if turn.session.replies == Replies::On {
            turn.session.replies = Replies::SkipThis;
        }
    } else {
        return Err(engine::error::SYNTAX);
    }
    Ok(())
}

/// CLIENT HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "CLIENT", index);
    Ok(())
}
