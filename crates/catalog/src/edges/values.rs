//! What stands in the place of a number, and what stands elsewhere in a call. Knows no command.

use crate::Family;

/// Digits of the longest number.
const HUGE_DIGITS: usize = 1_000_000;
const LONG_DIGITS: usize = 100;

/// Texts at which numbers end: of each width, with one less and one more; of floats; and what is
/// nearly a number.
pub const EDGES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "255",
    "65536",
    "2147483646",
    "2147483647",
    "2147483648",
    "2147483649",
    "-2147483647",
    "-2147483648",
    "-2147483649",
    "4294967294",
    "4294967295",
    "4294967296",
    "4294967297",
    "-4294967296",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "4611686018427387903",
    "9223372036854775",
    "9223372036854776",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "9223372036854775809",
    "-9223372036854775806",
    "-9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "-18446744073709551615",
    "nan",
    "NaN",
    "-nan",
    "+nan",
    "inf",
    "+inf",
    "-inf",
    "infinity",
    "-Infinity",
    "5e-324",
    "-5e-324",
    "1e308",
    "-1e308",
    "1e-308",
    "1e400",
    "-1e400",
    "1e-400",
    "",
    " ",
    " 1",
    "1 ",
    "+1",
    "01",
    "-01",
    "0x10",
    "0x1p3",
    "1e3",
    "1_000",
    "1,000",
    "1.5",
    "-1.5",
    "1.0",
    ".5",
    "5.",
    "1e",
    "-",
    "+",
    "--1",
    "1\n",
    "1\0",
    "\u{0661}",
];

/// What two numbers of one call become together.
pub const PAIRED: &[&str] = &[
    "0",
    "1",
    "-1",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "nan",
    "-inf",
    "1e400",
];

/// The texts of many digits: the last is the longest.
#[must_use]
pub fn long() -> [Vec<u8>; 4] {
    let digits = |count: usize| vec![b'9'; count];
    let behind = |head: &[u8], count| [head, &digits(count)].concat();
    [
        digits(LONG_DIGITS),
        behind(b"-", LONG_DIGITS),
        behind(b"0.", LONG_DIGITS),
        digits(HUGE_DIGITS),
    ]
}

/// How a number of a kind may be written, `{}` being the number; nothing for what is no number.
#[must_use]
pub fn forms(kind: &str) -> &'static [&'static str] {
    match kind {
        "number" | "index" | "count" | "offset" | "float" | "score" | "seconds" | "ms"
        | "unix-s" | "unix-ms" | "cursor" | "db" | "bit" | "bits" | "longitude" | "latitude"
        | "timeout" | "rank" | "distance" | "moment" | "min-idle" | "idle" | "wait" => &["{}"],
        "min" | "max" => &["{}", "({}"],
        "place" => &["{}", "#{}"],
        "width" => &["{}", "u{}", "i{}"],
        "id" | "new-id" | "after" | "given" => &["{}", "{}-1", "1-{}"],
        "id-min" | "id-max" => &["{}", "({}", "{}-1", "1-{}"],
        _ => &[],
    }
}

/// A value with which a call is well formed; keys apart.
#[must_use]
pub fn usual(kind: &str) -> &'static [u8] {
    match kind {
        "number" | "index" | "count" | "bit" | "bits" | "rank" | "score" | "wait" => b"1",
        "offset" | "place" | "cursor" | "min" | "min-idle" | "idle" | "db" => b"0",
        "float" => b"1.5",
        "max" => b"10",
        "seconds" => b"100000",
        "ms" => b"100000000",
        "unix-s" => b"4000000000",
        "unix-ms" | "moment" => b"4000000000000",
        "lexmin" => b"-",
        "lexmax" => b"+",
        "pattern" => b"*",
        "timeout" => b"0.001",
        "width" => b"u8",
        "longitude" => b"13.5",
        "latitude" => b"38.5",
        "distance" => b"100",
        "unit" => b"km",
        "id" => b"5-5",
        "new-id" => b"9-9",
        "after" | "given" | "id-min" => b"0",
        "id-max" => b"9",
        "group" => b"g",
        "consumer" => b"c",
        "type" => b"string",
        "field" => b"f",
        "member" => b"a",
        "element" => b"1",
        "script" => b"return 1",
        "sha" => b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
        "limit" => b"hash-max-listpack-entries",
        "host" => b"127.0.0.1",
        // The string `v` as DUMP of Redis 7.0 writes it.
        "payload" => b"\x00\x01v\x0a\x00\x91\x08\xce\xb2\x198\x8a\xce",
        _ => b"v",
    }
}

/// The letter with which keys of a family's type start, and that of another type.
#[must_use]
pub fn letters(family: Family) -> (char, char) {
    match family {
        Family::Hash => ('h', 's'),
        Family::List => ('l', 's'),
        Family::Set => ('t', 's'),
        Family::SortedSet => ('z', 's'),
        Family::Geo => ('g', 's'),
        Family::HyperLogLog => ('p', 'l'),
        Family::Stream => ('x', 's'),
        _ => ('s', 'l'),
    }
}

/// All keys that calls with keys of these letters can name.
#[must_use]
pub fn names(letters: &[char]) -> Vec<String> {
    let each = |letter: &char| {
        let letter = *letter;
        (0..3).flat_map(move |at| [format!("{letter}:{at}"), format!("none{letter}:{at}")])
    };
    letters.iter().flat_map(each).collect()
}

/// Requests that make the keys of a letter.
#[must_use]
pub fn makers(letter: char) -> &'static [&'static str] {
    match letter {
        's' => &["SET s:0 1234567890", "SET s:1 12"],
        'h' => &["HSET h:0 f 1 g 2", "HSET h:1 f 3"],
        'l' => &["RPUSH l:0 3 1 2", "RPUSH l:1 4 5"],
        't' => &["SADD t:0 a b c", "SADD t:1 b c d"],
        'z' => &["ZADD z:0 1 a 2 b 3 c", "ZADD z:1 1 b 5 d"],
        'y' => &["ZADD y:0 0 a 0 b 0 c"],
        'g' => &["GEOADD g:0 13.361389 38.115556 a 15.087269 37.502669 b", "GEOADD g:1 0 0 a"],
        'p' => &["PFADD p:0 a b c", "PFADD p:1 d"],
        'x' => &[
            "XADD x:0 5-5 f v",
            "XADD x:0 6-1 f v",
            "XGROUP CREATE x:0 g 0",
            "XREADGROUP GROUP g c COUNT 1 STREAMS x:0 >",
            "XADD x:1 1-1 f v",
        ],
        _ => &[],
    }
}
