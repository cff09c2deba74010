//! Whether the answers at an edge are the same, and the differences that are argued. Asks no
//! server.

use crate::differ::compare;
use crate::differ::reply::Reply;
use catalog::edges::Call;
use catalog::syntax::Likeness;

/// Differences that are no fault: what calls start with, what one of their words has in it, and
/// why.
const ARGUED: &[(&str, &str, &str)] = &[
    ("", "\0", "a number ends at a zero byte there: text behind it is not looked at"),
    ("BITFIELD", "#-92233720368547758", "there the place overflows and wraps to a small one"),
    ("RESTORE", "92233720368547758", "there the moment overflows and the key is dead at once"),
    ("BL", "9223372036854775", "there the moment overflows; the wait ends at once"),
    ("BR", "9223372036854775", "there the moment overflows; the wait ends at once"),
    ("BZ", "9223372036854775", "there the moment overflows; the wait ends at once"),
    ("LPOS", "-9223372036854775808", "there the rank overflows when it is negated"),
    ("INCRBYFLOAT", "", DOUBLES),
    ("HINCRBYFLOAT", "", DOUBLES),
];

const DOUBLES: &str = "floats are doubles here and long doubles there, with more digits and range";
/// Texts of which a double holds less than a long double.
const LONG_DOUBLES: [&str; 6] = ["e308", "e-308", "e400", "e-400", "e-324", "99999999999999999999"];

fn is_argued(call: &Call) -> bool {
    let has = |part: &str| {
        let holds = |word: &Vec<u8>| word.windows(part.len()).any(|one| one == part.as_bytes());
        call.words[1..].iter().any(holds)
    };
    let fits = |part: &str| match part {
        "" => LONG_DOUBLES.iter().any(|part| has(part)),
        part => has(part),
    };
    ARGUED.iter().any(|(name, part, _)| call.words[0].starts_with(name.as_bytes()) && fits(part))
}

/// True when Redis 7.0 can be asked the same.
pub fn can_be_asked(name: &str, call: &Call) -> bool {
    let repeats = ["srandmember", "hrandfield", "zrandmember"].contains(&name);
    // It answers with as many members as were asked for, until it has no memory left.
    let endless = |word: &Vec<u8>| word.len() > 6 && word.starts_with(b"-");
    // Its lines are our own.
    let other = ["debug", "psync", "replconf", "memory|usage", "config|set"].contains(&name);
    !(call.newer || other || repeats && call.words.iter().any(endless))
}

/// True when the answers are alike or their difference is argued.
pub fn same(call: &Call, likeness: Likeness, ours: &Reply, theirs: &Reply) -> bool {
    let likeness = if likeness == Likeness::Walk { Likeness::Shape } else { likeness };
    compare::alike(likeness, ours, theirs) || is_argued(call)
}

/// True when what is there after the call may differ: the answers did.
pub fn may_part(call: &Call) -> bool {
    is_argued(call)
}
