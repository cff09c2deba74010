//! Every number of every command at the edges where numbers end, run in-process: each call is
//! answered, and the connection answers on. Times and memory are `cargo xtask edges`' to measure.

use crate::testing::{Bench, TestHost};
use catalog::edges::documented::{self, Act};
use catalog::edges::{self, Call, Entry, values};
use catalog::{Family, Flags};

/// Sends the calls, waits for nobody.
const CALLER: char = 'a';
/// Ends the caller's waiting and makes keys.
const HELPER: char = 'b';

/// A node that lets everything be called.
fn bench() -> Bench {
    let open = [("enable-debug-command", "yes")];
    let mut bench = Bench::with(1, TestHost::default(), &open).expect("an empty data set");
    bench.check("a> CLIENT ID => :1\n b> CLIENT ID => :2");
    bench
}

fn request(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn shown(words: &[Vec<u8>]) -> String {
    let word = |word: &Vec<u8>| word[..word.len().min(110)].escape_ascii().to_string();
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Makes the keys that a call expects, and what the last call changed as it was.
fn prepare(bench: &mut Bench, entry: &Entry, letters: &[char]) {
    if entry.reaches_far() {
        bench.send(HELPER, b"FLUSHALL\r\n");
    } else if !letters.is_empty() {
        let names = values::names(letters).join(" ");
        bench.send(HELPER, format!("DEL {names}\r\n").as_bytes());
    }
    for maker in letters.iter().flat_map(|letter| values::makers(*letter)) {
        let made = bench.send(HELPER, format!("{maker}\r\n").as_bytes());
        assert!(!made.starts_with('-'), "{maker}: {made}");
    }
}

/// Runs one call in a form; what is wrong with it.
fn run(bench: &mut Bench, call: &Call, bytes: &[u8]) -> Result<(), String> {
    let act = documented::act(&call.words);
    let mut answer = bench.send(CALLER, bytes);
    if answer.is_empty() {
        let woken = bench.send(HELPER, b"CLIENT UNBLOCK 1\r\n");
        answer = bench.read(CALLER);
        if act != Some(Act::Silent) && (woken != ":1" || answer.is_empty()) {
            return Err("no answer".into());
        }
    }
    if answer.ends_with("closed") {
        return Err(format!("closed: {answer}"));
    }
    match bench.send(CALLER, b"PING\r\n").as_str() {
        "+PONG" => Ok(()),
        other => Err(format!("PING is answered with {other:?}")),
    }
}

/// One pair of edges of so many is tried here; `cargo xtask edges` tries all.
const PAIRS: usize = 5;
/// One call of so many runs inside a transaction, and one inside a script.
const WRAPPED: usize = 7;

/// As the table says, and perhaps inside a transaction or a script.
fn forms(entry: &Entry, call: &Call, at: usize) -> Vec<Vec<u8>> {
    let plain = request(&call.words);
    // Longer words cost in proportion, and are tried once.
    let wraps = call.words.iter().all(|word| word.len() < 1000) && !of_connection(entry);
    let mut forms = vec![plain.clone()];
    if wraps && at.is_multiple_of(WRAPPED) {
        forms.push([b"MULTI\r\n".as_slice(), &plain, b"EXEC\r\n"].concat());
    }
    if wraps && at % WRAPPED == 1 && !entry.row.flags.has(Flags::NOSCRIPT) {
        let script: [&[u8]; 3] = [b"EVAL", b"return redis.pcall(unpack(ARGV))", b"0"];
        let words = script.iter().map(|word| word.to_vec()).chain(call.words.iter().cloned());
        forms.push(request(&words.collect::<Vec<_>>()));
    }
    forms
}

fn of_connection(entry: &Entry) -> bool {
    matches!(entry.row.family, Family::Connection | Family::Server)
}

/// Runs all calls of a command; how many, and what was wrong.
fn run_all(entry: &Entry, wrong: &mut Vec<String>) -> usize {
    let mut bench = bench();
    let mut count = 0;
    let mut letters = None;
    let pairs = entry.pairs().step_by(PAIRS);
    for (at, call) in entry.singles().chain(pairs).enumerate() {
        if matches!(documented::act(&call.words), Some(Act::Grows | Act::Endless | Act::Converts)) {
            continue;
        }
        for bytes in forms(entry, &call, at) {
            if entry.row.flags.has(Flags::WRITE) || letters.as_ref() != Some(&call.letters) {
                prepare(&mut bench, entry, &call.letters);
                letters = Some(call.letters.clone());
            }
            if of_connection(entry) {
                bench.send(CALLER, b"RESET\r\n");
            }
            count += 1;
            if let Err(why) = run(&mut bench, &call, &bytes) {
                wrong.push(format!("{}: {why}", shown(&call.words)));
                bench = self::bench();
                letters = None;
            }
            if entry.row.flags.has(Flags::ADMIN) || of_connection(entry) {
                bench.check("b> CLIENT UNPAUSE => +OK\n b> REPLICAOF NO ONE => +OK");
            }
        }
    }
    count
}

#[test]
fn numbers_that_are_none_are_refused_as_redis_refuses_them() {
    let mut bench = bench();
    bench.check(
        "
        SWAPDB 2147483648 0 => -ERR invalid first DB index
        SWAPDB 0 -2147483649 => -ERR invalid second DB index
        SWAPDB 99 x => -ERR invalid second DB index
        SWAPDB 2147483647 0 => -ERR DB index is out of range
        SLOWLOG GET 9223372036854775808 => -ERR count should be greater than or equal to -1
        SLOWLOG GET nan => -ERR count should be greater than or equal to -1
        CLIENT TRACKING ON REDIRECT -0 => -ERR value is not an integer or out of range
        CLIENT TRACKING ON REDIRECT 99 => -ERR The client ID you want redirect to does not exist
        CLIENT TRACKING ON REDIRECT => -ERR syntax error
        COMMAND GETKEYS EVAL s 2 a b => *2 $1 a $1 b
        COMMAND GETKEYS EVAL s 3 a b => *0
        COMMAND GETKEYS EVAL s 0 a => *0
        COMMAND GETKEYS ZUNION 1e3 a b => *1 $1 a
        COMMAND GETKEYS ZUNION 4294967297 a => *1 $1 a
        COMMAND GETKEYS ZUNION -1 a => -ERR Invalid arguments specified for command
        COMMAND GETKEYS LMPOP 0 a LEFT => -ERR Invalid arguments specified for command
        COMMAND GETKEYS ZINTERSTORE to 2 a b => *3 $2 to $1 a $1 b
        COMMAND GETKEYS ZINTERSTORE to +2 a b => *3 $1 a $1 b $2 to
        COMMAND GETKEYS ZINTERSTORE to 3 a b => -ERR Invalid arguments specified for command
        ",
    );
}

/// Runs the share of the table that a test has.
fn check(share: usize, shares: usize) {
    let (entries, _) = edges::table();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in entries.iter().skip(share).step_by(shares) {
        count += run_all(entry, &mut wrong);
    }
    println!("{count} calls");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 3_000, "only {count} calls");
}

#[test]
fn first_share_of_the_edge_table() {
    check(0, 4);
}

#[test]
fn second_share_of_the_edge_table() {
    check(1, 4);
}

#[test]
fn third_share_of_the_edge_table() {
    check(2, 4);
}

#[test]
fn fourth_share_of_the_edge_table() {
    check(3, 4);
}
