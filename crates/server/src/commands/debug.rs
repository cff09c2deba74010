//! DEBUG: what tests need that nobody else should have. Refused unless `enable-debug-command`
//! allows it, and to tenants always.

use crate::aof;
use crate::snapshot;
use crate::switches::REPLY_PEAK_RESET_MS;
use crate::turn::{SessionHandler, Turn};
use engine::keyspace::{Entry, Keyspace, Value, shard_of};
use engine::tick::at_step;
use engine::{CommandError, digest, error, parse};
use resp::number::parse_i64;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// One subcommand: name, words of the request, handler, help.
struct Sub {
    name: &'static str,
    words: std::ops::RangeInclusive<usize>,
    run: SessionHandler,
    usage: &'static str,
    help: &'static str,
}

const fn sub(
    name: &'static str,
    words: std::ops::RangeInclusive<usize>,
    run: SessionHandler,
    usage: &'static str,
    help: &'static str,
) -> Sub {
    Sub { name, words, run, usage, help }
}

const ANY: usize = usize::MAX;

const SUBCOMMANDS: &[Sub] = &[
    sub("AOF-FLUSH-SLEEP", 3..=3, flush_sleep, "<microseconds>", "Rest before each AOF write."),
    sub("CHANGE-REPL-ID", 2..=2, change_repl_id, "", "Start another history of replication."),
    sub("CONFIG-REWRITE-FORCE-ALL", 2..=2, rewrite, "", "Write all parameters to their file."),
    sub("DIGEST", 2..=2, digest_all, "", "Return a signature of all data."),
    sub("DIGEST-VALUE", 2..=ANY, digest_value, "<key> [<key> ...]", "Return signatures of values."),
    sub("ERROR", 3..=3, raise, "<text>", "Answer with an error of that text."),
    sub("HELP", 2..=2, help, "", "Print this help."),
    sub("LOADAOF", 2..=2, load_aof, "", "Write the append-only file out and load it."),
    sub("LOG", 3..=3, log, "<text>", "Write a line to the log."),
    sub("OBJECT", 3..=3, object, "<key>", "Tell how a value is kept."),
    sub("PAUSE-CRON", 3..=3, pause_cron, "<0|1>", "Stop or resume work by the clock."),
    sub("POPULATE", 3..=5, populate, "<count> [<prefix>] [<size>]", "Make keys with strings."),
    sub("PROTOCOL", 3..=3, super::debug_protocol::run, "<type>", "Return a sample of that type."),
    sub("QUICKLIST-PACKED-THRESHOLD", 3..=3, threshold, "<size>", "Accepted, changes nothing."),
    sub("RELOAD", 2..=5, reload, "[NOSAVE] [NOFLUSH] [MERGE]", "Save the data and load them."),
    sub("REPLYBUFFER", 4..=4, reply_buffer, "<setting> <value>", "Set how reply buffers shrink."),
    sub("SET-ACTIVE-EXPIRE", 3..=3, active_expire, "<0|1>", "Remove dead keys unasked or not."),
    sub("SET-DISABLE-DENY-SCRIPTS", 3..=3, deny_scripts, "<0|1>", "Let scripts run anything."),
    sub("SET-SKIP-CHECKSUM-VALIDATION", 3..=3, checksums, "<0|1>", "Believe damaged payloads."),
    sub("SLEEP", 3..=3, sleep, "<seconds>", "Stop serving for a time."),
    sub("STRINGMATCH-LEN", 4..=4, matches, "<pattern> <text>", "Match a glob pattern."),
];

/// DEBUG subcommand [argument …].
///
/// # Errors
/// There is no such subcommand, or it failed.
pub fn debug(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let name = turn.args.at(1);
    let words = turn.args.len();
    let fits = |sub: &&Sub| parse::is(name, sub.name) && sub.words.contains(&words);
    match SUBCOMMANDS.iter().find(fits) {
        Some(sub) => (sub.run)(turn),
        None => {
            let shown = engine::error::shown(&name[..name.len().min(128)]);
            let text = format!(
                "ERR unknown subcommand or wrong number of arguments for '{shown}'. Try DEBUG \
                 HELP."
            );
            Err(error::other(text))
        }
    }
}

fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let mut reply = turn.reply();
    reply.array(SUBCOMMANDS.len() * 2 + 1);
    reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for sub in SUBCOMMANDS {
        reply.simple(format!("{} {}", sub.name, sub.usage).trim_end());
        reply.simple(&format!("    {}", sub.help));
    }
    Ok(())
}

fn is_on(word: &[u8]) -> bool {
    parse_i64(word).is_some_and(|number| number != 0)
}

fn switch(turn: &mut Turn<'_, '_>, switch: &AtomicBool, on: bool) {
    switch.store(on, Relaxed);
    turn.reply().ok();
}

fn flush_sleep(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let rest_us = u64::try_from(parse::integer(turn.args.at(2))?).unwrap_or(0);
    turn.shared.switches.aof_flush_sleep_us.store(rest_us, Relaxed);
    turn.reply().ok();
    Ok(())
}

fn active_expire(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let on = is_on(turn.args.at(2));
    switch(turn, &turn.shared.switches.active_expire, on);
    Ok(())
}

fn pause_cron(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let on = is_on(turn.args.at(2));
    switch(turn, &turn.shared.switches.cron_paused, on);
    Ok(())
}

fn deny_scripts(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let on = is_on(turn.args.at(2));
    switch(turn, &turn.shared.switches.deny_scripts_off, on);
    Ok(())
}

fn checksums(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    engine::rdb::checks::skip(is_on(turn.args.at(2)));
    turn.reply().ok();
    Ok(())
}

fn threshold(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let text = String::from_utf8_lossy(turn.args.at(2)).into_owned();
    match catalog::params::parse_memory(&text) {
        Some(bytes) if bytes < 1 << 32 => turn.reply().ok(),
        _ => {
            let text = "ERR argument must be a memory value bigger than 1 and smaller than 4gb";
            return Err(error::other(text));
        }
    }
    Ok(())
}

fn reply_buffer(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (setting, value) = (turn.args.at(2), turn.args.at(3));
    let switches = &turn.shared.switches;
    if parse::is(setting, "RESIZING") {
        switches.reply_buffers_shrink.store(is_on(value), Relaxed);
    } else if parse::is(setting, "PEAK-RESET-TIME") {
        let peak_ms = match value {
            word if parse::is(word, "NEVER") => -1,
            word if parse::is(word, "RESET") => REPLY_PEAK_RESET_MS,
            word => parse::integer(word)?,
        };
        switches.reply_peak_reset_ms.store(peak_ms, Relaxed);
    } else {
        return Err(error::SYNTAX);
    }
    turn.reply().ok();
    Ok(())
}

fn change_repl_id(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let id = crate::shared::new_id(&*turn.shared.host);
    turn.shared.journal.set_identity(journal::Identity::new(&id));
    turn.reply().ok();
    Ok(())
}

fn rewrite(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    super::config::write_file(turn, true)?;
    turn.reply().ok();
    Ok(())
}

fn log(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let text = String::from_utf8_lossy(turn.args.at(2)).into_owned();
    turn.shared.host.log(&format!("DEBUG LOG: {text}"));
    turn.reply().ok();
    Ok(())
}

fn raise(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    Err(error::other(String::from_utf8_lossy(turn.args.at(2))))
}

/// Milliseconds between two ticks of a sleeper.
const SLEEP_MS: u64 = 5;

fn sleep(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let seconds = std::str::from_utf8(turn.args.at(2)).ok().and_then(|text| text.parse().ok());
    let seconds: f64 = seconds.filter(|seconds: &f64| *seconds > 0.0).unwrap_or(0.0);
    let mut left_ms = (seconds * 1000.0) as u64;
    while left_ms > 0 {
        let step_ms = left_ms.min(SLEEP_MS);
        turn.shared.host.sleep_ms(step_ms);
        left_ms -= step_ms;
        turn.tick.tick()?;
    }
    turn.reply().ok();
    Ok(())
}

fn matches(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let hit = engine::glob::matches(turn.args.at(2), turn.args.at(3));
    turn.reply().int(i64::from(hit));
    Ok(())
}

fn digest_all(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let dbs = turn.gate().settings.dbs;
    let digest = digest::of_all(turn.space(), dbs)?;
    turn.reply().simple(&digest.to_string());
    Ok(())
}

/// The entry of a key of the selected database, even when it is dead.
fn entry<'t>(space: &'t mut dyn Keyspace, db: u16, key: &[u8]) -> Option<&'t Entry> {
    let hash = space.seed().hash(key);
    let db = space.shard(shard_of(hash))?.db(db)?;
    db.find(hash, key).map(|place| db.at(place))
}

fn digest_value(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (args, db) = (turn.args, turn.session.db);
    let digests: Vec<_> =
        args.from(2).map(|key| digest::of_value(entry(turn.space(), db, key))).collect();
    let mut reply = turn.reply();
    reply.array(digests.len());
    digests.iter().for_each(|digest| reply.simple(&digest.to_string()));
    Ok(())
}

fn object(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (key, db, now_ms) = (turn.args.at(2), turn.session.db, turn.state.now_ms);
    let entry = entry(turn.space(), db, key).ok_or(error::NO_SUCH_KEY)?;
    let clock = (now_ms / 1000) as u32 & 0x00ff_ffff;
    let mut bytes = Vec::new();
    engine::rdb::encode::value(&mut bytes, &entry.value());
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
        entry.key().as_ptr(),
        entry.encoding(),
        bytes.len(),
        entry.access(),
        clock.wrapping_sub(entry.access()) & 0x00ff_ffff,
    );
    turn.reply().simple(&text);
    Ok(())
}

fn populate(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let positive = |word| {
        let number = parse::integer(word)?;
        let bad = || error::other("ERR value is out of range, must be positive");
        usize::try_from(number).map_err(|_| bad())
    };
    let count = positive(turn.args.at(2))?;
    let prefix = turn.args.find(3).unwrap_or(b"key").to_vec();
    let size = turn.args.find(4).map_or(Ok(0), positive)?;
    let db = turn.session.db;
    let space = turn.locked.as_mut().expect("DEBUG holds everything");
    for number in 0..count {
        at_step(number, turn.tick)?;
        let key = [&prefix[..], format!(":{number}").as_bytes()].concat();
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        let hash = space.seed().hash(&key);
        let shard = space.shard(shard_of(hash)).ok_or(CommandError::Busy)?;
        let database = shard.db_or_new(db);
        if database.find(hash, &key).is_none() {
            database.insert(hash, Entry::new(&key, Value::bytes(&value), None));
            shard.touched(db, &key, &mut turn.state.effects);
        }
    }
    turn.reply().ok();
    Ok(())
}

fn load_aof(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let shared = turn.shared;
    let failed = |why: String| error::other(format!("ERR {why}"));
    aof::flush(shared).map_err(failed)?;
    for db in 0..turn.gate().settings.dbs {
        super::keyspace::flush(turn, db);
    }
    // The shards that this command has taken are needed by those that are read.
    if let Some(locked) = turn.locked.as_mut() {
        locked.release();
    }
    aof::reload(shared, turn.exclusive()).map_err(|why| {
        shared.host.log(&why.to_string());
        error::other("ERR Error trying to load the AOF files, check server logs.")
    })?;
    turn.reply().ok();
    Ok(())
}

fn reload(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (mut save, mut flush, mut merge) = (true, true, false);
    for word in turn.args.from(2) {
        match word {
            word if parse::is(word, "MERGE") => merge = true,
            word if parse::is(word, "NOFLUSH") => flush = false,
            word if parse::is(word, "NOSAVE") => save = false,
            _ => {
                let text = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
                return Err(error::other(text));
            }
        }
    }
    let shared = turn.shared;
    if save {
        let (exclusive, space) = turn.everything();
        snapshot::save(shared, exclusive, space)
            .map_err(|why| error::other(format!("ERR {why}")))?;
    }
    if flush {
        for db in 0..turn.gate().settings.dbs {
            super::keyspace::flush(turn, db);
        }
        let emptied = shared.scripts.restore(&[], script::Restore::Flush);
        emptied.map_err(|why| error::other(why.0))?;
    }
    // The shards that this command has taken are needed by the one who loads.
    if let Some(locked) = turn.locked.as_mut() {
        locked.release();
    }
    let loaded = snapshot::reload(shared, turn.exclusive(), merge);
    loaded.map_err(|why| error::other(format!("ERR Error trying to load the RDB dump: {why}")))?;
    shared.host.log("DB reloaded by DEBUG RELOAD");
    turn.reply().ok();
    Ok(())
}
