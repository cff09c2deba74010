//! EVAL, EVALSHA, their read-only forms, and SCRIPT. They run in exclusive mode, as in Redis a
//! script has the node to itself; what it does becomes one block of effects.

use crate::access::Right;
use crate::dispatch::nested::Rights;
use crate::error;
use crate::evict;
use crate::gate::{self, GateState};
use crate::scripts::Running;
use crate::session::Session;
use crate::shared::Shared;
use crate::turn::Turn;
use catalog::{Command, Flags};
use engine::{CommandError, parse};
use resp::{Args, Protocol, Reply};
use script::{Call, Caller, Host, Killed, ScriptError, ScriptFlags};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Levels of redis.log from which on a line is written: notice.
const LOG_LEVEL_MIN: u8 = 2;

/// EVAL script numkeys [key …] [argument …].
///
/// # Errors
/// The script's own, or it may not run.
pub fn eval(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    eval_source(turn, false)
}

/// EVAL_RO script numkeys [key …] [argument …].
///
/// # Errors
/// As EVAL; the script writes.
pub fn eval_ro(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    eval_source(turn, true)
}

/// EVALSHA digest numkeys [key …] [argument …].
///
/// # Errors
/// As EVAL; there is no such script.
pub fn evalsha(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    eval_digest(turn, false)
}

/// EVALSHA_RO digest numkeys [key …] [argument …].
///
/// # Errors
/// As EVALSHA; the script writes.
pub fn evalsha_ro(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    eval_digest(turn, true)
}

fn eval_source(turn: &mut Turn<'_, '_>, read_only: bool) -> Result<(), CommandError> {
    let key_count = key_count(turn.args, error::reply)?;
    let shared = turn.shared;
    let mut host = shared.scripts.host.lock();
    let (sha, script) = host.load(turn.args.at(1)).map_err(refusal)?;
    let how = How { name: &sha, is_function: false, flags: script.flags, read_only, key_count };
    run(turn, &mut host, &how)
}

fn eval_digest(turn: &mut Turn<'_, '_>, read_only: bool) -> Result<(), CommandError> {
    let sha = String::from_utf8_lossy(turn.args.at(1)).to_ascii_lowercase();
    if sha.len() != 40 {
        return Err(error::reply(error::NO_SCRIPT));
    }
    let key_count = key_count(turn.args, error::reply)?;
    let shared = turn.shared;
    let mut host = shared.scripts.host.lock();
    let script = host.find(&sha).ok_or_else(|| error::reply(error::NO_SCRIPT))?;
    let how = How { name: &sha, is_function: false, flags: script.flags, read_only, key_count };
    run(turn, &mut host, &how)
}

/// Word 2 as the number of keys behind it.
fn key_count(
    args: Args<'_>,
    refuse: fn(&'static str) -> CommandError,
) -> Result<usize, CommandError> {
    let number = parse::integer(args.at(2))?;
    if number > args.len() as i64 - 3 {
        return Err(refuse(error::TOO_MANY_SCRIPT_KEYS));
    }
    usize::try_from(number).map_err(|_| refuse(error::NEGATIVE_SCRIPT_KEYS))
}

/// What is to run, and how.
pub struct How<'h> {
    /// Digest, or name of the function.
    pub name: &'h str,
    /// Called by FCALL.
    pub is_function: bool,
    /// What the script says about itself.
    pub flags: ScriptFlags,
    /// Called by a read-only form.
    pub read_only: bool,
    /// Keys from word 3 on.
    pub key_count: usize,
}

fn refusal(error: ScriptError) -> CommandError {
    engine::error::other(error.0)
}

/// Runs a script or function with everything held, and writes its reply.
///
/// # Errors
/// It may not run, or its own error.
pub fn run(turn: &mut Turn<'_, '_>, host: &mut Host, how: &How<'_>) -> Result<(), CommandError> {
    let rights = rights(turn, how)?;
    let shared = turn.shared;
    let args = turn.args;
    let started_us = shared.host.clock().monotonic_us();
    let running = Running::new(how.name, how.is_function, args.to_owned_args(), started_us);
    let running = Arc::new(running);
    shared.scripts.begin(&running);
    let (db, wanted) = (turn.session.db, turn.state.effects.wanted);
    // The reply has a place of its own while the commands of the script use the connection's.
    let mut out = std::mem::take(turn.out);
    let mut reply = Reply::new(&mut out, turn.session.protocol);
    let call = Call {
        name: how.name,
        keys: args.from(3).take(how.key_count).collect(),
        args: args.from(3 + how.key_count).collect(),
    };
    let mut world = World { turn, rights, running, wanted };
    let ran = match how.is_function {
        true => host.call_function(&call, &mut world, &mut reply),
        false => host.eval(&call, &mut world, &mut reply),
    };
    *turn.out = out;
    if turn.session.db != db {
        turn.session.select(db);
    }
    turn.state.effects.wanted = wanted;
    shared.scripts.end();
    shared.scripts.publish_usage(host);
    ran.map_err(refusal)
}

/// What the script may do; whether it may run at all.
fn rights(turn: &mut Turn<'_, '_>, how: &How<'_>) -> Result<Rights, CommandError> {
    let above_limit = is_above_limit(turn);
    let flags = how.flags;
    let declared = !flags.compatible;
    let used = if above_limit { u64::MAX } else { 0 };
    admit(turn.shared, turn.gate(), turn.session, flags, || used)?;
    if declared && !flags.no_writes && how.read_only {
        return Err(error::reply(error::READ_ONLY_CALL));
    }
    Ok(Rights {
        read_only: how.read_only || declared && flags.no_writes,
        allow_oom: declared && flags.allow_oom,
        above_limit,
        has_written: false,
    })
}

/// Whether a script may run now: what it says about itself takes the place of what the row of its
/// command says.
fn admit(
    shared: &Shared,
    gate: &GateState,
    session: &Session,
    flags: ScriptFlags,
    used_bytes: impl FnOnce() -> u64,
) -> Result<(), CommandError> {
    let stale = gate.link_is_down && !gate.settings.serves_stale && !session.applies;
    if stale && !flags.allow_stale {
        return Err(error::reply(error::PRIMARY_DOWN));
    }
    // Whoever only reads may run what says that it writes, as long as it does not.
    let reader = session.user.as_ref().is_some_and(|user| user.rights.get() == Right::Read);
    if flags.compatible || flags.no_writes || reader {
        return Ok(());
    }
    let own = shared.index.row(session.record.command.load(Relaxed));
    let grows = if flags.allow_oom { Flags::NONE } else { Flags::DENYOOM };
    let row = Command { flags: own.flags | Flags::WRITE | grows, ..*own };
    gate::check(gate, session, &row, used_bytes)
}

/// The gates before EXEC for a queued EVAL, EVALSHA or FCALL.
///
/// # Errors
/// The script says that it writes, and nothing may be written now.
pub fn admit_queued(
    shared: &Shared,
    gate: &GateState,
    session: &Session,
    row: &Command,
    args: Args<'_>,
) -> Result<(), CommandError> {
    let host = shared.scripts.host.lock();
    let flags = match row.name {
        "eval" | "eval_ro" => script::flags_of(args.at(1)).ok(),
        "evalsha" | "evalsha_ro" => {
            let sha = String::from_utf8_lossy(args.at(1)).to_ascii_lowercase();
            host.find(&sha).map(|script| script.flags)
        }
        _ => host.find_function(args.at(1)).map(|function| function.flags),
    };
    // What is not there, or wrong, answers for itself.
    flags.map_or(Ok(()), |flags| admit(shared, gate, session, flags, stdx::alloc::used_bytes))
}

/// Above `maxmemory`, after room was made. Inside EXEC none is made: its effects are one block.
fn is_above_limit(turn: &mut Turn<'_, '_>) -> bool {
    let limit = turn.gate().settings.maxmemory_bytes;
    if limit == 0 {
        return false;
    }
    let wanted = turn.state.effects.wanted;
    let is_outermost = !turn.state.in_exec && turn.state.effects.is_empty();
    let used = match &turn.held {
        crate::turn::Held::All(exclusive) if is_outermost => {
            evict::used_bytes(turn.shared, turn.state, exclusive.gate())
        }
        _ => stdx::alloc::used_bytes(),
    };
    turn.state.effects.wanted = wanted;
    used > limit
}

/// The node, as a running script sees it.
struct World<'w, 't, 'e> {
    turn: &'w mut Turn<'t, 'e>,
    rights: Rights,
    running: Arc<Running>,
    wanted: bool,
}

impl Caller for World<'_, '_, '_> {
    fn call(&mut self, words: Args<'_>, protocol: Protocol, out: &mut Vec<u8>) {
        if self.turn.nested(words, protocol, self.rights, out) {
            self.rights.has_written = true;
            self.running.set_wrote();
        }
    }

    fn tick(&mut self) -> Result<(), Killed> {
        match self.turn.tick.tick() {
            Ok(()) if !self.running.is_killed() => Ok(()),
            _ => Err(Killed),
        }
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        if level >= LOG_LEVEL_MIN {
            self.turn.shared.host.log(&String::from_utf8_lossy(text));
        }
    }

    fn set_replication(&mut self, targets: u8) {
        // One journal serves the file and the replicas.
        self.turn.state.effects.wanted = self.wanted && targets != 0;
    }

    fn allows(&mut self, words: Args<'_>) -> Option<bool> {
        let index = &self.turn.shared.index;
        let id = index.resolve(words.at(0), words.find(1)).ok()?;
        Some(self.turn.user_may(index.row(id)))
    }
}

/// SCRIPT LOAD script.
///
/// # Errors
/// It cannot be compiled.
pub fn load(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let mut host = turn.shared.scripts.host.lock();
    let (sha, _) = host.load(turn.args.at(2)).map_err(refusal)?;
    turn.shared.scripts.publish_usage(&host);
    drop(host);
    turn.reply().bulk(sha.as_bytes());
    Ok(())
}

/// SCRIPT EXISTS digest [digest …].
///
/// # Errors
/// None.
pub fn exists(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (shared, args) = (turn.shared, turn.args);
    let host = shared.scripts.host.lock();
    let mut reply = turn.reply();
    reply.array(args.len() - 2);
    for sha in args.from(2) {
        let sha = sha.to_ascii_lowercase();
        let found = std::str::from_utf8(&sha).is_ok_and(|sha| host.find(sha).is_some());
        reply.int(i64::from(found));
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC | SYNC].
///
/// # Errors
/// Another option.
pub fn flush(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let known = |word: &[u8]| parse::is(word, "SYNC") || parse::is(word, "ASYNC");
    if turn.args.len() > 3 || turn.args.find(2).is_some_and(|word| !known(word)) {
        return Err(error::reply("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    let mut host = turn.shared.scripts.host.lock();
    host.flush_scripts();
    turn.shared.scripts.publish_usage(&host);
    drop(host);
    turn.reply().ok();
    Ok(())
}

/// SCRIPT KILL.
///
/// # Errors
/// Nothing runs that could be killed.
pub fn kill(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.shared.scripts.kill(false)?;
    turn.reply().ok();
    Ok(())
}

/// SCRIPT DEBUG YES | SYNC | NO.
///
/// # Errors
/// There is no debugger.
pub fn debug(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    if parse::is(turn.args.at(2), "NO") {
        turn.reply().ok();
        return Ok(());
    }
    Err(error::reply("ERR the script debugger is not available here"))
}

/// SCRIPT HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "SCRIPT", index);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    /// Requests whose words hold spaces, in brackets.
    fn ask(bench: &mut Bench, name: char, words: &[&str]) -> String {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request += &format!("${}\r\n{word}\r\n", word.len());
        }
        bench.send(name, request.as_bytes())
    }

    fn check(bench: &mut Bench, lines: &[(&[&str], &str)]) {
        for (words, want) in lines {
            assert_eq!(ask(bench, 'a', words), *want, "{words:?}");
        }
    }

    #[test]
    fn scripts_run_and_write() {
        for loops in [1, 4] {
            let mut bench = Bench::new(loops);
            check(
                &mut bench,
                &[
                    (&["eval", "return redis.call('incr', KEYS[1])", "1", "n"], ":1"),
                    (&["eval", "return redis.call('incr', 'undeclared')", "0"], ":1"),
                    (
                        &["eval", "redis.call('select', 1) return redis.call('incr', 'n')", "0"],
                        ":1",
                    ),
                    (&["get", "n"], "$1 1"),
                    (&["eval", "return 1", "x"], "-ERR value is not an integer or out of range"),
                    (
                        &["eval", "return 1", "2", "x"],
                        "-ERR Number of keys can't be greater than number of args",
                    ),
                    (&["eval", "return 1", "-1"], "-ERR Number of keys can't be negative"),
                    (
                        &["evalsha", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
                        "-NOSCRIPT No matching script. Please use EVAL.",
                    ),
                    (
                        &["script", "load", "return 1"],
                        "$40 e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
                    ),
                    (&["evalsha", "E0E1f9fabfc9d4800c877a703b823ac0578ff8db", "0"], ":1"),
                    (
                        &["script", "exists", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "x"],
                        "*2 :1 :0",
                    ),
                    (&["script", "flush"], "+OK"),
                    (&["script", "exists", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"], "*1 :0"),
                    (&["script", "kill"], "-NOTBUSY No scripts in execution right now."),
                    (&["multi"], "+OK"),
                    (&["eval", "return redis.call('incr', 'n')", "0"], "+QUEUED"),
                    (&["get", "n"], "+QUEUED"),
                    (&["exec"], "*2 :2 $1 2"),
                ],
            );
        }
    }

    fn error_of(bench: &mut Bench, words: &[&str]) -> String {
        let got = ask(bench, 'a', words);
        let text = got.split(" script: ").next().unwrap_or_default();
        text.to_owned()
    }

    #[test]
    fn rules_for_commands_in_scripts() {
        let mut bench = Bench::new(1);
        for (words, want) in [
            (
                &["eval", "return redis.call('nosuch')", "0"][..],
                "-ERR Unknown Redis command called from script",
            ),
            (
                &["eval", "return redis.call('get')", "0"],
                "-ERR Wrong number of args calling Redis command from script",
            ),
            (
                &["eval", "return redis.call('multi')", "0"],
                "-ERR This Redis command is not allowed from script",
            ),
            (
                &["eval", "return redis.call('eval', 'return 1', '0')", "0"],
                "-ERR This Redis command is not allowed from script",
            ),
            (&["eval", "return redis.call('command')", "0"], "*"),
            (
                &["eval_ro", "return redis.call('set', 'x', 'y')", "0"],
                "-ERR Write commands are not allowed from read-only scripts.",
            ),
            (
                &["eval_ro", "return redis.call('publish', 'x', 'y')", "0"],
                "-ERR Write commands are not allowed from read-only scripts.",
            ),
            (
                &["eval", "#!lua flags=no-writes\nreturn redis.call('set', 'x', 'y')", "0"],
                "-ERR Write commands are not allowed from read-only scripts.",
            ),
            (
                &["eval_ro", "#!lua\nreturn 1", "0"],
                "-ERR Can not execute a script with write flag using *_ro command.",
            ),
            (&["eval_ro", "return redis.call('get', 'x')", "0"], "$-1"),
            (&["eval", "return redis.pcall('hget', 'n', 'x')", "0"], "$-1"),
            (
                &["eval", "redis.call('set', 'n', 'x') return redis.call('incr', 'n')", "0"],
                "-ERR value is not an integer or out of range",
            ),
        ] {
            let got = error_of(&mut bench, words);
            assert!(got.starts_with(want), "{words:?}: {got}");
        }
    }
}
