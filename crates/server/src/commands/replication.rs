//! PSYNC, REPLCONF, REPLICAOF, ROLE, SYNC: who follows whom, and how a replica attaches itself.

use crate::error;
use crate::links::feed::OutLimit;
use crate::links::{Beginning, Copy, LinkState, Start, WakeLoop};
use crate::turn::Turn;
use crate::upstream::{self, Progress, Target};
use engine::keyspace::{Wait, Wanted};
use engine::{CommandError, parse};
use journal::{Consumer, From, Gone, Identity, Interest, Wake};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const NO_LINK: &str = "NOMASTERLINK Can't SYNC while not connected with my master";
const WAIT_ON_REPLICA: &str = "ERR WAIT cannot be used with replica instances. Please also note \
    that since Redis 4.0 if a replica is configured to be writable (which is not the default) \
    writes to replicas are just local and are not propagated.";
const PENDING: &str = "ERR SYNC and PSYNC are invalid with pending output";
/// Longest address that REPLCONF takes.
const ADDRESS_BYTES_MAX: usize = 255;

/// SYNC: the data set as `$<length>` and bytes, then the stream. The peer never acknowledges.
///
/// # Errors
/// Replies to earlier requests wait to be sent.
pub fn sync(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if admit(turn)? { full(turn, false) } else { Ok(()) }
}

/// PSYNC id offset: goes on from the byte `offset` of the stream `id` when the journal has it, and
/// otherwise starts anew.
///
/// # Errors
/// As [`sync`]; the offset is no number.
pub fn psync(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if !admit(turn)? {
        return Ok(());
    }
    let offset = parse::integer(turn.args.at(2))?;
    let id = String::from_utf8_lossy(turn.args.at(1)).to_ascii_lowercase();
    let shared = turn.shared;
    let identity = shared.journal.identity();
    // Peers count the stream's bytes from 1.
    let next = u64::try_from(offset - 1).ok().filter(|next| identity.covers(&id, *next));
    if let Some(next) = next.filter(|_| shared.links.keeps_backlog())
        && let Ok(consumer) = attach(turn, From::Offset(next))
    {
        shared.links.counts.partial.fetch_add(1, Relaxed);
        go_on(turn, &identity, consumer);
        return Ok(());
    }
    if id != "?" {
        shared.links.counts.partial_refused.fetch_add(1, Relaxed);
    }
    full(turn, true)
}

fn attach(turn: &Turn<'_, '_>, from: From) -> Result<Consumer, Gone> {
    let (lag_bytes_max, wake) = (lag_bytes_max(turn), Some(Arc::new(wake(turn)) as Arc<dyn Wake>));
    turn.shared.journal.attach(Interest { from, lag_bytes_max, wake })
}

fn wake(turn: &Turn<'_, '_>) -> WakeLoop {
    WakeLoop::new(&turn.shared.inboxes[usize::from(turn.session.address().loop_id)])
}

/// How far behind a replica may be before it is dropped.
fn lag_bytes_max(turn: &Turn<'_, '_>) -> u64 {
    let config = turn.shared.config.lock();
    let limit = OutLimit::of_replicas(config.get("client-output-buffer-limit"));
    if limit.hard_bytes > 0 { limit.hard_bytes } else { u64::MAX }
}

/// False for a connection that is a link already: the request is ignored.
fn admit(turn: &Turn<'_, '_>) -> Result<bool, CommandError> {
    if turn.session.is_link() {
        return Ok(false);
    }
    if turn.gate().link_is_down {
        return Err(error::reply(NO_LINK));
    }
    if turn.out.is_empty() { Ok(true) } else { Err(error::reply(PENDING)) }
}

fn go_on(turn: &mut Turn<'_, '_>, identity: &Identity, consumer: Consumer) {
    let renames = turn.session.replica.as_ref().is_some_and(|side| side.renames);
    let preamble = match renames {
        true => format!("+CONTINUE {}\r\n", identity.id),
        false => "+CONTINUE\r\n".to_owned(),
    };
    let start = Start::Stream(Beginning { preamble: preamble.into_bytes(), consumer });
    turn.shared.links.add(turn.session, start, turn.state.now_ms, true);
}

/// Makes the connection a link that gets the data set first: as it is now, or as it is when the cut
/// in progress has ended.
fn full(turn: &mut Turn<'_, '_>, announces: bool) -> Result<(), CommandError> {
    let shared = turn.shared;
    shared.links.keep_backlog(shared);
    let (wake, lag_bytes_max) = (Arc::new(wake(turn)), lag_bytes_max(turn));
    let copy = Arc::new(Copy::new(wake, lag_bytes_max, announces, turn.gate().replica));
    let request = copy.request(&shared.journal);
    if let Err(request) = shared.cuts.begin(shared, turn.space(), request) {
        shared.cuts.request(request);
    }
    shared.links.counts.full.fetch_add(1, Relaxed);
    shared.links.add(turn.session, Start::Copy(copy), turn.state.now_ms, announces);
    Ok(())
}

/// REPLCONF option value [option value …]: what a replica says about itself, and how far it is.
/// ACK and GETACK are not answered.
///
/// # Errors
/// Another option, an option without a value, or a value that is none.
pub fn replconf(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len().is_multiple_of(2) {
        return Err(engine::error::SYNTAX);
    }
    let words: Vec<&[u8]> = turn.args.from(1).collect();
    for pair in words.chunks(2) {
        let (option, value) = (pair[0], pair[1]);
        if parse::is(option, "ACK") {
            acknowledge(turn, value);
            return Ok(());
        } else if parse::is(option, "GETACK") {
            return Ok(());
        }
        let side = turn.session.replica.get_or_insert_default();
        if parse::is(option, "LISTENING-PORT") {
            side.port = parse::integer(value)?.clamp(0, 65_535) as u16;
        } else if parse::is(option, "IP-ADDRESS") {
            if value.len() > ADDRESS_BYTES_MAX {
                return Err(engine::error::other(format!(
                    "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )));
            }
            side.ip = Some(String::from_utf8_lossy(value).into_owned());
        } else if parse::is(option, "CAPA") {
            side.renames |= parse::is(value, "PSYNC2");
        } else {
            let option = String::from_utf8_lossy(option).into_owned();
            let text = format!("ERR Unrecognized REPLCONF option: {option}");
            return Err(engine::error::other(text));
        }
    }
    turn.reply().ok();
    Ok(())
}

fn acknowledge(turn: &mut Turn<'_, '_>, offset: &[u8]) {
    let Some(link) = turn.session.replica.as_ref().and_then(|side| side.link.as_ref()) else {
        return;
    };
    let Some(offset) = resp::number::parse_i64(offset) else { return };
    link.acked.fetch_max(u64::try_from(offset).unwrap_or(0), Relaxed);
    link.acked_ms.store(turn.state.now_ms, Relaxed);
    let shared = turn.shared;
    shared.links.serve_waits(&shared.blocked, &shared.inboxes);
}

/// WAIT replicas timeout-ms: waits until so many replicas have applied what this connection wrote,
/// and tells how many have.
///
/// # Errors
/// The numbers are none, or the node is a replica.
pub fn wait(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.gate().replica {
        return Err(error::reply(WAIT_ON_REPLICA));
    }
    let replicas = parse::integer(turn.args.at(1))?;
    let not_integer = || error::reply("ERR timeout is not an integer or out of range");
    let timeout_ms = parse::integer(turn.args.at(2)).map_err(|_| not_integer())?;
    let negative = || error::reply("ERR timeout is negative");
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| negative())?;
    let applied = turn.shared.links.applied(turn.session.wrote_to) as i64;
    if applied >= replicas || turn.state.in_exec {
        turn.reply().int(applied);
        return Ok(());
    }
    Err(CommandError::Block(Wait {
        timeout_ms,
        first: 0,
        keys: 0,
        wanted: Wanted::List,
        ids: Box::default(),
        again: None,
    }))
}

/// REPLICAOF host port, or REPLICAOF NO ONE.
///
/// # Errors
/// The port is none, or a replica of this node asks.
pub fn replicaof(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let shared = turn.shared;
    let current = shared.upstream.status().target;
    if parse::is(turn.args.at(1), "NO") && parse::is(turn.args.at(2), "ONE") {
        if current.is_some() {
            upstream::promote(shared, turn.exclusive());
        }
        turn.reply().ok();
        return Ok(());
    }
    if turn.session.is_link() {
        return Err(error::reply("ERR Command is not valid when client is a replica."));
    }
    let host = String::from_utf8_lossy(turn.args.at(1)).into_owned();
    let port = parse::integer(turn.args.at(2)).ok().and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| error::reply("ERR Invalid master port"))?;
    let follows = |target: &Target| target.host.eq_ignore_ascii_case(&host) && target.port == port;
    if current.as_ref().is_some_and(follows) {
        turn.reply().simple("OK Already connected to specified master");
        return Ok(());
    }
    upstream::follow(shared, turn.exclusive(), &host, port);
    turn.reply().ok();
    Ok(())
}

/// ROLE.
///
/// # Errors
/// None.
pub fn role(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let offset = turn.shared.journal.offset();
    let status = turn.shared.upstream.status();
    if let Some(target) = status.target {
        let mut reply = turn.reply();
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(target.host.as_bytes());
        reply.int(i64::from(target.port));
        reply.bulk(upstream::info::role_word(status.progress));
        let connected = status.progress == Progress::Connected;
        reply.int(if connected { offset as i64 } else { -1 });
        return Ok(());
    }
    let mut links = turn.shared.links.all();
    links.retain(|link| link.state() == LinkState::Online);
    let mut reply = turn.reply();
    reply.array(3);
    reply.bulk(b"master");
    reply.int(offset as i64);
    reply.array(links.len());
    for link in links {
        reply.array(3);
        reply.bulk(link.ip.as_bytes());
        reply.bulk_int(i64::from(link.port));
        reply.bulk_int(link.acked.load(Relaxed) as i64);
    }
    Ok(())
}
