//! Values for the kinds that the catalog's syntax lines name: few enough that calls meet.
//! Moments lie so far off that no run sees one pass. Knows no command.

use catalog::Family;
use stdx::random::Rng;

/// Keys of each type.
const KEYS: usize = 3;
/// One draw in so many names a key of another type.
const STRANGER: usize = 12;
/// Parameters that both have, with the same values in both.
const PARAMETERS: [&str; 10] = [
    "maxmemory",
    "maxmemory-policy",
    "appendonly",
    "appendfsync",
    "hash-max-listpack-entries",
    "hash-max-*-value",
    "set-max-intset-entries",
    "stream-node-max-entries",
    "lfu-log-factor",
    "proto-max-bulk-len",
];
const SCRIPTS: [&str; 12] = [
    "return 1",
    "return {1,2,{3,'a',false},nil,4}",
    "return redis.call('get',KEYS[1])",
    "return redis.call('set',KEYS[1],ARGV[1])",
    "return {KEYS,ARGV}",
    "return redis.error_reply('MY kind')",
    "return redis.status_reply('FINE')",
    "return redis.pcall('lpush',KEYS[1],unpack(ARGV))",
    "redis.setresp(3) return redis.call('hlen',KEYS[1])",
    "local t = {} for i, v in ipairs(ARGV) do t[i] = #v + i end return t",
    "return cjson.encode({ARGV, #KEYS, 1.5, cjson.null})",
    "return tonumber(ARGV[1]) + 0.7",
];
/// Hashes of the first scripts and of one that is nowhere.
const SHAS: [&str; 4] = [
    "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
    "E47192198FBF58FCECFA383C44A2ADC49889EA4F",
    "fd758d1589d044dd850a6f05d52f2eefd27f033f",
    "ffffffffffffffffffffffffffffffffffffffff",
];
const LIBRARIES: [&str; 4] = [
    "#!lua name=one\nredis.register_function('keep', function(keys, args) \
     return redis.call('set', keys[1], args[1]) end)",
    "#!lua name=two\nredis.register_function{function_name='look', callback=function(keys, args) \
     return redis.call('get', keys[1]) end, flags={'no-writes'}}",
    "#!lua name=bad\nreturn 1",
    "return 1",
];
const LETTERS: [&str; 9] = ["s", "l", "h", "t", "z", "g", "p", "x", "b"];
/// Words that are wrong in most places; no small positive number, which would be a short time.
pub const JUNK: [&str; 13] = [
    "",
    "abc",
    "-1",
    "0",
    "1.5",
    "nan",
    "inf",
    "-inf",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    " 1",
    "0x10",
];

/// One of `all`.
pub fn pick<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[rng.below(all.len())]
}

/// A key, most likely of the family's type.
pub fn key(rng: &mut Rng, family: Family) -> String {
    let own = match family {
        Family::String => "s",
        Family::Bitmap => "b",
        Family::Hash => "h",
        Family::Geo => "g",
        Family::HyperLogLog => "p",
        Family::List => "l",
        Family::Set => "t",
        Family::SortedSet => "z",
        Family::Stream => "x",
        _ => pick(rng, &LETTERS),
    };
    let letter = if rng.below(STRANGER) == 0 { pick(rng, &LETTERS) } else { own };
    format!("{letter}:{}", rng.below(KEYS))
}

/// A value of `kind`; keys apart.
pub fn of(rng: &mut Rng, kind: &str) -> Vec<u8> {
    if let Some(number) = number(rng, kind) {
        return number.into_bytes();
    }
    let word: &str = match kind {
        "float" | "score" => pick(
            rng,
            &["1", "-2", "0.1", "3.25", "1e3", "-0", "10", "inf", "-inf", "1e-7", "7", "0x1p2"],
        ),
        "min" => pick(rng, &["-inf", "0", "(1", "1", "-5", "(3", "2.5"]),
        "max" => pick(rng, &["+inf", "10", "(3", "3", "1e3", "(1", "0"]),
        "lexmin" => pick(rng, &["-", "[a", "(a", "[b", "(10", "[", "+"]),
        "lexmax" => pick(rng, &["+", "[d", "(d", "[k", "(c", "[z", "-"]),
        "pattern" => pick(rng, &["*", "?:*", "[a-m]*", "s:*", "h:*->a", "*1", "*[^b]", "no*"]),
        "cursor" => pick(rng, &["0", "0", "0", "0", "abc", "-1"]),
        "db" => pick(rng, &["0", "0", "0", "1", "1", "16", "-1"]),
        "bit" => pick(rng, &["0", "1", "0", "1", "0", "1", "2"]),
        "width" => pick(rng, &["u8", "i8", "u1", "i64", "u63", "i5", "u16", "u64", "i65"]),
        "place" => pick(rng, &["0", "1", "#0", "#1", "#3", "7", "100", "-1"]),
        "longitude" => pick(rng, &["180", "181", "-180", "x"]),
        "latitude" => pick(rng, &["85", "86", "-85.05112878", "x"]),
        "distance" => pick(rng, &["1", "100", "200", "5000", "20000", "0", "-1"]),
        "unit" => pick(rng, &["m", "km", "ft", "mi", "KM", "parsec"]),
        "timeout" => pick(rng, &["0.001", "0.002", "0.001", "-1", "abc"]),
        "group" => pick(rng, &["g", "g", "h", "i"]),
        "consumer" => pick(rng, &["c", "d", "e"]),
        "wait" => pick(rng, &["1", "2", "1", "-1", "abc"]),
        // Between two of these lies an hour or more: no run sees one become another.
        "min-idle" => pick(rng, &["0", "0", "3600000", "100000000000000", "-1"]),
        "idle" => pick(rng, &["0", "40000000", "90000000", "9223372036854775807", "-5"]),
        "moment" => pick(rng, &["0", "1000000000000", "9000000000000", "-1"]),
        "channel" => pick(rng, &["news", "chat", "n", ""]),
        "channels" => pick(rng, &["n*", "*", "ch?t", "[nc]*"]),
        "parameter" => pick(rng, &PARAMETERS),
        "script" => pick(rng, &SCRIPTS),
        "sha" => pick(rng, &SHAS),
        "library" => pick(rng, &LIBRARIES),
        "library-name" => pick(rng, &["one", "two", "none"]),
        "limit" => pick(rng, &["hash-max-listpack-value", "slowlog-max-len", "no-such-limit"]),
        "section" => {
            pick(rng, &["server", "clients", "memory", "stats", "keyspace", "none", "all"])
        }
        "name" => pick(rng, &["get", "xinfo", "zadd", "none"]),
        "function" => pick(rng, &["keep", "look", "none"]),
        "type" => pick(rng, &["string", "list", "hash", "set", "zset", "stream"]),
        _ => return thing(rng),
    };
    word.as_bytes().to_vec()
}

fn number(rng: &mut Rng, kind: &str) -> Option<String> {
    // Drawn from so many that two are hardly ever the same: which is the longer one must not
    // depend on the moments at which two servers ran the calls.
    let far = rng.next_u64() % 100_000_000;
    let past = rng.below(30) == 0;
    Some(match kind {
        "seconds" | "ms" | "unix-s" | "unix-ms" if past => {
            pick(rng, &["0", "-1", "-1000"]).to_owned()
        }
        "seconds" => (100_000 + far).to_string(),
        "ms" => (100_000_000 + far * 1000 + rng.below(1000) as u64).to_string(),
        "unix-s" => (2_000_000_000 + far).to_string(),
        "unix-ms" => (2_000_000_000_000 + far * 1000).to_string(),
        "number" => match rng.below(12) {
            0 => "9223372036854775807".to_owned(),
            1 => "-9223372036854775808".to_owned(),
            _ => (rng.below(41) as i64 - 20).to_string(),
        },
        "index" | "rank" => (rng.below(17) as i64 - 8).to_string(),
        "count" => (rng.below(13) as i64 - 1).to_string(),
        // Hardly ever twice the same: which of two that are as far away comes first is not said.
        "longitude" if rng.below(12) > 0 => degrees(rng, 180),
        "latitude" if rng.below(12) > 0 => degrees(rng, 85),
        "offset" => (rng.below(102) as i64 - 1).to_string(),
        _ => return None,
    })
}

fn degrees(rng: &mut Rng, most: i64) -> String {
    let millionths = rng.below(2_000_000) as i64 - 1_000_000;
    format!("{:.6}", (millionths * most) as f64 / 1e6)
}

/// A member, field, element or string: from few, of all encodings.
fn thing(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0..9 => pick(rng, &["a", "b", "c", "d", "e", "f", "g", "hh", "ii"]).as_bytes().to_vec(),
        9..14 => (rng.below(30) as i64 - 5).to_string().into_bytes(),
        14 => vec![b'v'; 60 + rng.below(10)],
        // Not first: a comparison by locale ends at a zero byte, and what equals is in any order.
        15 => b"\x01\x00\xff\r\n\x80".to_vec(),
        16 => Vec::new(),
        17 => b"3.5".to_vec(),
        18 => (rng.next_u64() as i64).to_string().into_bytes(),
        _ => vec![b'a' + rng.below(20) as u8; 2 + rng.below(6)],
    }
}
