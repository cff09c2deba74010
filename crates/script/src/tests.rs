//! The host with a caller that knows a few commands: words of errors, conversions, the language,
//! and scripts that mean harm. The cases are lines of `script => answer` in files beside this one.

use crate::{Call, Caller, Host, Killed, ScriptError};
use resp::{Args, Protocol, Reply};

/// Ticks after which a script of these tests has to end.
const TICKS_MAX: u32 = 4_000;
/// As [`TICKS_MAX`], for scripts that would not end by themselves.
const HOSTILE_TICKS_MAX: u32 = 40;

/// Answers `echo`, `reply` (raw RESP), `protocol`, and errors; ends scripts after some ticks.
struct World {
    ticks_left: u32,
    log: Vec<String>,
}

impl World {
    fn new(ticks_left: u32) -> Self {
        Self { ticks_left, log: Vec::new() }
    }
}

impl Caller for World {
    fn call(&mut self, words: Args<'_>, protocol: Protocol, out: &mut Vec<u8>) {
        let mut reply = Reply::new(out, protocol);
        match words.at(0) {
            b"echo" => reply.bulk(words.at(1)),
            b"reply" => reply.raw(words.at(1)),
            b"protocol" => reply.int(if protocol == Protocol::Two { 2 } else { 3 }),
            _ => reply.error(b"WRONGTYPE no"),
        }
    }
    fn tick(&mut self) -> Result<(), Killed> {
        self.ticks_left = self.ticks_left.saturating_sub(1);
        if self.ticks_left > 0 { Ok(()) } else { Err(Killed) }
    }
    fn log(&mut self, level: u8, text: &[u8]) {
        self.log.push(format!("{level} {}", String::from_utf8_lossy(text)));
    }
    fn set_replication(&mut self, targets: u8) {
        self.log.push(format!("replication {targets}"));
    }
    fn allows(&mut self, words: Args<'_>) -> Option<bool> {
        (words.at(0) != b"nosuch").then(|| words.at(0) == b"echo")
    }
}

fn run_in(world: &mut World, host: &mut Host, source: &str, protocol: Protocol) -> String {
    let mut out = Vec::new();
    let ran = host.load(source.as_bytes()).and_then(|(sha, _)| {
        let call = Call { name: &sha, keys: vec![b"key"], args: vec![b"a1", b"a2"] };
        let ran = host.eval(&call, world, &mut Reply::new(&mut out, protocol));
        ran.map_err(|ScriptError(text)| ScriptError(text.replace(&sha, "SHA")))
    });
    match ran {
        Ok(()) => String::from_utf8_lossy(&out).replace("\r\n", " ").trim().to_owned(),
        Err(ScriptError(text)) => format!("-{text}"),
    }
}

fn run(host: &mut Host, source: &str) -> String {
    run_in(&mut World::new(TICKS_MAX), host, source, Protocol::Two)
}

/// The cases of a file; `¶` is a line feed in a script.
fn cases(text: &str) -> impl Iterator<Item = (String, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| {
        let (source, want) = line.rsplit_once(" =>").expect("script => answer");
        (source.replace('¶', "\n"), want.trim())
    })
}

fn check(text: &str) {
    let mut host = Host::new("7.0.15");
    let wrong: Vec<_> = cases(text)
        .map(|(source, want)| (run(&mut host, &source), want, source))
        .filter(|(got, want, _)| got != want)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn values_become_replies() {
    check(include_str!("tests/values.txt"));
    let mut host = Host::new("7.0.15");
    for (source, want) in [
        ("return {map={a=true}}", "%1 $1 a :1"),
        ("redis.setresp(3) return {map={a=true}}", "%1 $1 a #t"),
        ("redis.setresp(3) return false", "#f"),
        ("return false", "_"),
        ("return {double=1.5}", ",1.5"),
        ("return {big_number='12\\n3'}", "(12 3"),
        ("return {verbatim_string={format='mkd',string='hi'}}", "=6 mkd:hi"),
        ("return {set={a=true}}", "~1 $1 a"),
    ] {
        assert_eq!(
            run_in(&mut World::new(TICKS_MAX), &mut host, source, Protocol::Three),
            want,
            "{source}"
        );
    }
}

#[test]
fn replies_become_values() {
    check(include_str!("tests/replies.txt"));
}

#[test]
fn errors_in_redis_words() {
    check(include_str!("tests/errors.txt"));
}

#[test]
fn lua_is_lua() {
    check(include_str!("tests/language.txt"));
}

#[test]
fn json() {
    check(include_str!("tests/json.txt"));
}

#[test]
fn messagepack() {
    check(include_str!("tests/messagepack.txt"));
}

#[test]
fn what_a_script_tells_its_host() {
    let mut world = World::new(TICKS_MAX);
    let mut host = Host::new("7.0.15");
    let source = "redis.log(redis.LOG_WARNING, 'a', 1, {}, 'b') redis.set_repl(redis.REPL_NONE)";
    assert_eq!(run_in(&mut world, &mut host, source, Protocol::Two), "$-1");
    assert_eq!(world.log, ["3 a 1 b", "replication 0"]);
}

/// Whatever a script does, the next one runs as if nothing had been.
#[test]
fn hostile_scripts() {
    let mut host = Host::new("7.0.15");
    let mut wrong = Vec::new();
    for (source, want) in cases(include_str!("tests/hostile.txt")) {
        let mut world = World::new(HOSTILE_TICKS_MAX);
        let got = run_in(&mut world, &mut host, &source, Protocol::Two);
        let after = run(&mut host, "return {KEYS[1], redis.call('echo', 'x'), ('x'):rep(2)}");
        if !got.contains(want) || after != "*3 $3 key $1 x $2 xx" {
            wrong.push((source, got, want, after));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn load(host: &mut Host, code: &str, replace: bool) -> String {
    let mut world = World::new(HOSTILE_TICKS_MAX);
    let mut go_on = || world.tick();
    match host.load_library(code.as_bytes(), replace, &mut go_on) {
        Ok(name) => name,
        Err(ScriptError(text)) => text,
    }
}

fn call(host: &mut Host, name: &str) -> String {
    let mut out = Vec::new();
    let call = Call { name, keys: vec![b"key"], args: vec![b"a1"] };
    let mut world = World::new(TICKS_MAX);
    match host.call_function(&call, &mut world, &mut Reply::new(&mut out, Protocol::Two)) {
        Ok(()) => String::from_utf8_lossy(&out).replace("\r\n", " ").trim().to_owned(),
        Err(ScriptError(text)) => format!("-{text}"),
    }
}

#[test]
fn libraries() {
    let mut host = Host::new("7.0.15");
    let code = "#!lua name=one
        local count, saved = 0
        redis.register_function('f', function(keys, args)
            saved = saved or redis.call
            count = count + 1
            return {saved('echo', keys[1]), args[1], count}
        end)";
    assert_eq!(load(&mut host, code, false), "one");
    assert_eq!(call(&mut host, "F"), "*3 $3 key $2 a1 :1", "names of functions have no case");
    assert_eq!(
        call(&mut host, "f"),
        "*3 $3 key $2 a1 :2",
        "an upvalue and a saved redis.call live on"
    );
    assert_eq!(load(&mut host, code, false), "ERR Library 'one' already exists");
    assert_eq!(load(&mut host, code, true), "one");
    let mut wrong = Vec::new();
    for (code, want) in cases(include_str!("tests/libraries.txt")) {
        let got = load(&mut host, &code, false);
        if !got.contains(want) {
            wrong.push((code, got, want));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(call(&mut host, "g"), "-ERR user_function:2: x script: g, on @user_function:2.");
    assert!(host.find_function(b"g").is_some_and(|found| found.flags.no_writes));
    assert_eq!((host.libraries().len(), host.functions()), (2, 2));
    assert!(host.delete_library(b"one"));
    assert!(!host.delete_library(b"one"));
    assert!(host.find_function(b"f").is_none());
    host.flush_libraries();
    assert_eq!((host.libraries().len(), host.functions()), (0, 0));
    assert_eq!(load(&mut host, code, false), "one");
    assert_eq!(call(&mut host, "f"), "*3 $3 key $2 a1 :1");
}
