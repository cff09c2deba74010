//! FUNCTION and FCALL: libraries of functions that live with the data.

use super::script::{How, run};
use crate::error;
use crate::turn::Turn;
use engine::rdb::{Decoder, VERSION, VERSION_READ_MAX, crc64, encode};
use engine::{CommandError, glob, parse};
use resp::Reply;
use script::{Function, Killed, Library, Restore, ScriptError};

/// Milliseconds that a library may take to register its functions.
const LOAD_MS_MAX: u64 = 500;
/// Marks a library in a payload, as in an RDB file.
const LIBRARY: u8 = 245;
/// Version and checksum at the end of a payload.
const TAIL_BYTES: usize = 10;

fn refusal(error: ScriptError) -> CommandError {
    engine::error::other(error.0)
}

/// FCALL function numkeys [key …] [argument …].
///
/// # Errors
/// The function's own, or it may not run, or there is none.
pub fn fcall(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    call(turn, false)
}

/// FCALL_RO function numkeys [key …] [argument …].
///
/// # Errors
/// As FCALL; the function writes.
pub fn fcall_ro(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    call(turn, true)
}

fn call(turn: &mut Turn<'_, '_>, read_only: bool) -> Result<(), CommandError> {
    let (shared, args) = (turn.shared, turn.args);
    let mut host = shared.scripts.host.lock();
    let found = host.find_function(args.at(1)).ok_or_else(|| error::reply(NOT_FOUND))?;
    let (name, flags) = (found.name.clone(), found.flags);
    let bad = || error::reply("ERR Bad number of keys provided");
    let number = resp::number::parse_i64(args.at(2)).ok_or_else(bad)?;
    if number > args.len() as i64 - 3 {
        return Err(error::reply(error::TOO_MANY_SCRIPT_KEYS));
    }
    let negative = |_| error::reply(error::NEGATIVE_SCRIPT_KEYS);
    let key_count = usize::try_from(number).map_err(negative)?;
    run(turn, &mut host, &How { name: &name, is_function: true, flags, read_only, key_count })
}

const NOT_FOUND: &str = "ERR Function not found";

/// Runs `load` with an end to its time; its effect is the request itself.
fn changing(
    turn: &mut Turn<'_, '_>,
    load: impl FnOnce(
        &mut script::Host,
        &mut dyn FnMut() -> Result<(), Killed>,
    ) -> Result<(), ScriptError>,
) -> Result<(), CommandError> {
    let shared = turn.shared;
    let clock = shared.host.clock();
    let end_us = clock.monotonic_us() + LOAD_MS_MAX * 1000;
    let patient = turn.session.applies;
    let mut go_on = || if patient || clock.monotonic_us() < end_us { Ok(()) } else { Err(Killed) };
    let mut host = shared.scripts.host.lock();
    load(&mut host, &mut go_on).map_err(refusal)?;
    shared.scripts.publish(&host);
    turn.state.effects.verbatim(turn.session.db, turn.args);
    Ok(())
}

/// FUNCTION LOAD [REPLACE] code.
///
/// # Errors
/// A bad first line, source or registration, or names that are taken.
pub fn load(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let args = turn.args;
    let mut replace = false;
    for option in args.from(2).take(args.len() - 3) {
        if !parse::is(option, "REPLACE") {
            let option = String::from_utf8_lossy(option);
            return Err(engine::error::other(format!("ERR Unknown option given: {option}")));
        }
        replace = true;
    }
    let mut name = String::new();
    changing(turn, |host, go_on| {
        name = host.load_library(args.at(args.len() - 1), replace, go_on)?;
        Ok(())
    })?;
    turn.reply().bulk(name.as_bytes());
    Ok(())
}

/// FUNCTION DELETE library.
///
/// # Errors
/// There is none.
pub fn delete(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let name = turn.args.at(2);
    changing(turn, |host, _| match host.delete_library(name) {
        true => Ok(()),
        false => Err(ScriptError("ERR Library not found".into())),
    })?;
    turn.reply().ok();
    Ok(())
}

/// FUNCTION FLUSH [ASYNC | SYNC].
///
/// # Errors
/// Another option.
pub fn flush(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let known = |word: &[u8]| parse::is(word, "SYNC") || parse::is(word, "ASYNC");
    if turn.args.len() > 3 {
        return Err(error::subcommand_syntax("FUNCTION", turn.args.at(1)));
    }
    if turn.args.find(2).is_some_and(|word| !known(word)) {
        return Err(error::reply("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    changing(turn, |host, _| {
        host.flush_libraries();
        Ok(())
    })?;
    turn.reply().ok();
    Ok(())
}

/// FUNCTION KILL.
///
/// # Errors
/// Nothing runs that could be killed.
pub fn kill(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    turn.shared.scripts.kill(true)?;
    turn.reply().ok();
    Ok(())
}

/// FUNCTION STATS.
///
/// # Errors
/// A script of EVAL is running.
pub fn stats(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let scripts = &turn.shared.scripts;
    let running = scripts.running();
    if let Some(running) = running.as_ref().filter(|running| !running.is_function) {
        return Err(running.busy());
    }
    let now_us = turn.shared.host.clock().monotonic_us();
    let (libraries, functions) = scripts.counts();
    let mut reply = turn.reply();
    reply.map(2);
    reply.bulk(b"running_script");
    match running {
        None => reply.null(),
        Some(running) => {
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(running.name.as_bytes());
            reply.bulk(b"command");
            let words = running.request.as_args();
            reply.array(words.len());
            words.from(0).for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.int((now_us.saturating_sub(running.started_us) / 1000) as i64);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.int(libraries as i64);
    reply.bulk(b"functions_count");
    reply.int(functions as i64);
    Ok(())
}

/// FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE].
///
/// # Errors
/// Another option.
pub fn list(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let (mut pattern, mut with_code) = (None, false);
    let mut words = turn.args.from(2);
    while let Some(word) = words.next() {
        if !with_code && parse::is(word, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && parse::is(word, "LIBRARYNAME") {
            let missing = || error::reply("ERR library name argument was not given");
            pattern = Some(words.next().ok_or_else(missing)?.to_ascii_lowercase());
        } else {
            let word = String::from_utf8_lossy(word);
            return Err(engine::error::other(format!("ERR Unknown argument {word}")));
        }
    }
    let shared = turn.shared;
    let host = shared.scripts.host.lock();
    let listed = |library: &&Library| {
        let name = library.name.to_ascii_lowercase();
        pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, name.as_bytes()))
    };
    let libraries: Vec<&Library> = host.libraries().filter(listed).collect();
    let mut reply = turn.reply();
    reply.array(libraries.len());
    for library in libraries {
        reply.map(if with_code { 4 } else { 3 });
        reply.bulk(b"library_name");
        reply.bulk(library.name.as_bytes());
        reply.bulk(b"engine");
        reply.bulk(b"LUA");
        reply.bulk(b"functions");
        reply.array(library.functions.len());
        library.functions.iter().for_each(|function| describe(function, &mut reply));
        if with_code {
            reply.bulk(b"library_code");
            reply.bulk(&library.code);
        }
    }
    Ok(())
}

fn describe(function: &Function, reply: &mut Reply<'_>) {
    reply.map(3);
    reply.bulk(b"name");
    reply.bulk(function.name.as_bytes());
    reply.bulk(b"description");
    reply.bulk_or_null(function.description.as_deref());
    reply.bulk(b"flags");
    reply.set(function.flags.names().count());
    function.flags.names().for_each(|name| reply.simple(name));
}

/// FUNCTION DUMP.
///
/// # Errors
/// None.
pub fn dump(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let mut payload = Vec::new();
    for library in turn.shared.scripts.host.lock().libraries() {
        payload.push(LIBRARY);
        encode::text(&mut payload, &library.code);
    }
    payload.extend_from_slice(&VERSION.to_le_bytes());
    payload.extend_from_slice(&crc64::of(&payload).to_le_bytes());
    turn.reply().bulk(&payload);
    Ok(())
}

/// FUNCTION RESTORE payload [FLUSH | APPEND | REPLACE].
///
/// # Errors
/// The payload is damaged, another option, or names that are taken.
pub fn restore(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let args = turn.args;
    if args.len() > 4 {
        return Err(error::subcommand_syntax("FUNCTION", args.at(1)));
    }
    let policy = match args.find(3) {
        None => Restore::Append,
        Some(word) if parse::is(word, "APPEND") => Restore::Append,
        Some(word) if parse::is(word, "REPLACE") => Restore::Replace,
        Some(word) if parse::is(word, "FLUSH") => Restore::Flush,
        Some(_) => {
            return Err(error::reply(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let codes = read_payload(args.at(2))?;
    changing(turn, |host, go_on| host.restore_libraries(&codes, policy, go_on))?;
    turn.reply().ok();
    Ok(())
}

/// The sources in a payload.
fn read_payload(payload: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    let bad = || error::reply("ERR DUMP payload version or checksum are wrong");
    let body_bytes = payload.len().checked_sub(TAIL_BYTES).ok_or_else(bad)?;
    let (body, tail) = payload.split_at(body_bytes);
    let version = u16::from_le_bytes([tail[0], tail[1]]);
    let checksum = u64::from_le_bytes(tail[2..].try_into().expect("8 of 10 bytes"));
    let checked = &payload[..payload.len() - 8];
    if version > VERSION_READ_MAX || checksum != 0 && crc64::of(checked) != checksum {
        return Err(bad());
    }
    let mut decoder = Decoder::new(body);
    let mut codes = Vec::new();
    while !decoder.source.is_empty() {
        let kind = decoder.byte().map_err(|_| error::reply("ERR can not read data type"))?;
        if kind != LIBRARY {
            return Err(error::reply("ERR given type is not a function"));
        }
        let failed = |_| error::reply("ERR failed loading the given functions payload");
        codes.push(decoder.text().map_err(failed)?.into_vec());
    }
    Ok(codes)
}

/// FUNCTION HELP.
///
/// # Errors
/// None.
pub fn help(turn: &mut Turn<'_, '_>) -> Result<(), CommandError> {
    let index = &turn.shared.index;
    super::help_lines(&mut turn.reply(), "FUNCTION", index);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    fn ask(bench: &mut Bench, words: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        bench.send_bytes('a', &request)
    }

    fn check(bench: &mut Bench, lines: &[(&[&str], &str)]) {
        for (words, want) in lines {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            let got = ask(bench, &words);
            let got = String::from_utf8_lossy(&got).replace("\r\n", " ");
            assert_eq!(
                got.trim(),
                *want,
                "{words:?}",
                words = String::from_utf8_lossy(&words.join(&b' '))
            );
        }
    }

    const LIB: &str = "#!lua name=lib
        redis.register_function('f', function(keys) return redis.call('incr', keys[1]) end)
        redis.register_function{
            function_name = 'g', callback = function() return redis.call('get', 'n') end,
            flags = {'no-writes'}, description = 'reads',
        }";

    const LISTED: &str = "*1 *6 $12 library_name $3 lib $6 engine $3 LUA $9 functions *2 \
        *6 $4 name $1 f $11 description $-1 $5 flags *0 \
        *6 $4 name $1 g $11 description $5 reads $5 flags *1 +no-writes";

    const COUNTED: &str = "*4 $14 running_script $-1 $7 engines *2 $3 LUA *4 \
        $15 libraries_count :1 $15 functions_count :2";

    #[test]
    fn functions_live_with_the_node() {
        let mut bench = Bench::new(4);
        check(
            &mut bench,
            &[
                (&["fcall", "f", "0"], "-ERR Function not found"),
                (&["function", "load", LIB], "$3 lib"),
                (&["function", "load", LIB], "-ERR Library 'lib' already exists"),
                (&["function", "load", "replace", LIB], "$3 lib"),
                (&["function", "load", "foo", LIB], "-ERR Unknown option given: foo"),
                (&["fcall", "f", "1", "n"], ":1"),
                (&["fcall", "f", "x", "n"], "-ERR Bad number of keys provided"),
                (
                    &["fcall_ro", "f", "1", "n"],
                    "-ERR Can not execute a script with write flag using *_ro command.",
                ),
                (&["fcall_ro", "g", "0"], "$1 1"),
                (&["function", "list"], LISTED),
                (&["function", "list", "libraryname", "x*"], "*0"),
                (&["function", "stats"], COUNTED),
                (&["function", "kill"], "-NOTBUSY No scripts in execution right now."),
                (
                    &["function", "restore", "0123456789a"],
                    "-ERR DUMP payload version or checksum are wrong",
                ),
            ],
        );
        let dump = ask(&mut bench, &[b"function", b"dump"]);
        let start = dump.iter().position(|&b| b == b'\n').expect("a bulk string") + 1;
        let payload = dump[start..dump.len() - 2].to_vec();
        let restore = |bench: &mut Bench, policy: &[u8]| {
            let got = ask(bench, &[b"function", b"restore", &payload, policy]);
            String::from_utf8_lossy(&got).trim().to_owned()
        };
        assert_eq!(restore(&mut bench, b"append"), "-ERR Library lib already exists");
        assert_eq!(restore(&mut bench, b"replace"), "+OK");
        assert_eq!(restore(&mut bench, b"flush"), "+OK");
        check(
            &mut bench,
            &[
                (&["function", "delete", "lib"], "+OK"),
                (&["function", "delete", "lib"], "-ERR Library not found"),
            ],
        );
        assert_eq!(restore(&mut bench, b"append"), "+OK");
        check(&mut bench, &[(&["save"], "+OK")]);
        let mut again = Bench::on(1, bench.host.clone());
        check(&mut again, &[(&["fcall", "f", "1", "n"], ":2")]);
        check(
            &mut bench,
            &[
                (&["fcall", "f", "1", "n"], ":2"),
                (&["function", "flush"], "+OK"),
                (&["fcall", "f", "1", "n"], "-ERR Function not found"),
            ],
        );
    }
}
