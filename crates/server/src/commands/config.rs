//! CONFIG: parameters while running.

use crate::access::Access;
use crate::aof;
use crate::config_file;
use crate::evict;
use crate::tenant::{self, Who};
use crate::turn::Turn;
use engine::CommandError;
use std::io::{Read, Write};
use std::sync::Arc;

/// CONFIG GET pattern [pattern …]. Tenants do not see what concerns the host.
///
/// # Errors
/// None.
pub fn get(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let patterns: Vec<&[u8]> = turn.args.from(2).collect();
    let config = turn.shared.config.lock().clone();
    let managed = turn.gate().access.managed;
    let shown = |name: &str| !managed || catalog::params::find(name).is_some_and(|p| !p.hidden);
    let found: Vec<_> = config.matching(&patterns).filter(|(name, _)| shown(name)).collect();
    let mut reply = turn.reply();
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    }
    Ok(())
}

/// CONFIG SET parameter value [parameter value …]: all or none.
///
/// # Errors
/// The first parameter that cannot be set, and why.
pub fn set(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if turn.args.len() % 2 == 1 {
        return Err(engine::error::SYNTAX);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let words: Vec<_> = turn.args.from(2).collect();
    let pairs: Vec<_> = words.chunks(2).map(|p| (text(p[0]), p[1].to_vec())).collect();
    let of_tenant = check_tenant(turn, &pairs)?;
    let mut config = turn.shared.config.lock();
    let allowed = match config.get("enable-protected-configs") {
        "yes" => true,
        "local" => turn.session.record.is_local(),
        _ => false,
    };
    let before = config.clone();
    config.set(&pairs, allowed).map_err(|error| engine::error::other(format!("ERR {error}")))?;
    let directory = config.get("dir");
    if directory != before.get("dir")
        && let Err(why) = turn.shared.host.enter(directory)
    {
        *config = before;
        return Err(engine::error::other(format!(
            "ERR CONFIG SET failed (possibly related to argument 'dir') - {why}"
        )));
    }
    config.apply_limits();
    let settings = Arc::new(config.settings(turn.gate().settings.redis_version));
    let password = config.bytes("requirepass").to_owned();
    let keeps_aof = config.get("appendonly") == "yes";
    drop(config);
    let shared = turn.shared;
    aof::enable(shared, keeps_aof);
    aof::govern(shared, turn.exclusive());
    let salt = turn.shared.host.entropy();
    let sets_password = pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("requirepass"));
    let access = sets_password.then(|| Arc::new(Access::drop_in(&password, &salt)));
    turn.exclusive().change_gate(|gate| {
        gate.settings = Arc::clone(&settings);
        if let Some(access) = &access {
            gate.access = Arc::clone(access);
        }
    });
    let sets_aof = pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("appendonly"));
    // The rewrite begins with a cut, which a transaction is in the way of.
    if sets_aof && keeps_aof && turn.state.in_exec {
        let text = "The append-only file is on: an AOF background was scheduled to start when \
                    possible";
        turn.shared.host.log(text);
    }
    if settings.maxmemory_bytes > 0 {
        make_room(turn);
    }
    // Saving looks at some of them.
    turn.shared.cuts.wake();
    turn.shared.links.resize_backlog(turn.shared);
    turn.shared.links.count_close(turn.state.now_ms, turn.gate());
    if let Some(set) = of_tenant {
        report(turn, set);
    }
    turn.reply().ok();
    Ok(())
}

/// What an account of a managed instance may set, and control is to be told of.
fn check_tenant(
    turn: &mut Turn<'_, '_>,
    pairs: &[(String, Vec<u8>)],
) -> Result<Option<Vec<(&'static str, String)>>, CommandError> {
    if !turn.gate().access.managed {
        return Ok(None);
    }
    let set = tenant::check(turn.gate().settings.redis_version, pairs)?;
    turn.shared.tenant.lock().check_room()?;
    Ok(Some(set))
}

fn report(turn: &mut Turn<'_, '_>, set: Vec<(&'static str, String)>) {
    let account = turn.session.user.as_ref().map_or("", |user| user.name.as_str());
    let unix_ms = turn.shared.host.clock().unix_ms();
    let who = Who { epoch: turn.gate().epoch, account, unix_ms };
    turn.shared.tenant.lock().add(who, set);
}

/// A lower limit takes effect at once, not with the next write.
fn make_room(turn: &mut Turn<'_, '_>) {
    let gate = turn.gate().clone();
    evict::used_bytes(turn.shared, turn.state, &gate);
}

/// CONFIG REWRITE.
///
/// # Errors
/// There is no file, or the disk refused.
pub fn rewrite(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    write_file(turn, false)?;
    turn.reply().ok();
    Ok(())
}

/// Rewrites the configuration file, with `every` parameter or those that matter.
///
/// # Errors
/// There is no file, or the disk refused.
pub fn write_file(turn: &mut Turn<'_, '_>, every: bool) -> Result<(), CommandError> {
    let (path, disk) = (&turn.shared.facts.config_file, turn.shared.host.disk());
    if path.is_empty() {
        return Err(engine::error::other("ERR The server is running without a config file"));
    }
    let config = turn.shared.config.lock().clone();
    let replace = || -> std::io::Result<()> {
        let mut text = String::new();
        disk.open(path)?.read_to_string(&mut text)?;
        let fresh = format!("{path}.rewrite");
        let mut file = disk.create(&fresh)?;
        file.write_all(config_file::rewrite(&text, &config, every).as_bytes())?;
        file.sync()?;
        disk.rename(&fresh, path)
    };
    replace().map_err(|why| engine::error::other(format!("ERR Rewriting config file: {why}")))
}

/// CONFIG RESETSTAT.
///
/// # Errors
/// None.
pub fn resetstat(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.shared.stats.iter().for_each(|stats| stats.reset());
    turn.shared.measures.reset();
    turn.shared.memory.reset_peak(stdx::alloc::used_bytes());
    turn.reply().ok();
    Ok(())
}

/// CONFIG HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "CONFIG", index);
    Ok(())
}
