//! Scripts around a call that make its answer comparable, or run it where commands run in scripts.
//! Knows no sequence.

use super::draw::Draw;
use super::peer::Words;
use super::step::words;
use catalog::syntax::Likeness;

const PLAIN: &str = "return redis.call(unpack(ARGV))";
const NEWER: &str = "redis.setresp(3) return redis.pcall(unpack(ARGV))";

/// They answer maps in RESP3, which have no order once they were tables.
const MAPS: [&str; 9] = [
    "xinfo|stream",
    "xinfo|groups",
    "xinfo|consumers",
    "xread",
    "xreadgroup",
    "lcs",
    "config|get",
    "client|trackinginfo",
    "function|stats",
];

/// What was chosen at random must have been there, once where it says so: the answer counts.
const CHOSEN: &str = "local r = redis.call(unpack(ARGV)) if not r then return r end \
if type(r) ~= 'table' then r = {r} end \
local probe = ({srandmember='SISMEMBER', hrandfield='HGET', zrandmember='ZSCORE'})\
[string.lower(ARGV[1])] \
local step, good, seen, distinct = ARGV[4] and 2 or 1, 0, {}, 0 \
for i = 1, #r, step do local own = redis.call(probe, ARGV[2], r[i]) \
if own and own ~= 0 and (step == 1 or own == r[i + 1]) then good = good + 1 end \
if not seen[r[i]] then seen[r[i]] = true distinct = distinct + 1 end end \
return {#r, good, (tonumber(ARGV[3]) or 1) < 0 and 0 or distinct}";

/// What was taken at random was there before and is no more.
const TAKEN: &str = "local before = redis.call('SMEMBERS', ARGV[2]) local was = {} \
for _, m in ipairs(before) do was[m] = true end \
local r = redis.call(unpack(ARGV)) if not r then return r end \
if type(r) ~= 'table' then r = {r} end local good = 0 \
for _, m in ipairs(r) do \
if was[m] and redis.call('SISMEMBER', ARGV[2], m) == 0 then good = good + 1 end end \
return {#before, #r, good, redis.call('SCARD', ARGV[2])}";

/// A key that was chosen at random is there.
const ANY_KEY: &str = "local k = redis.call(unpack(ARGV)) return k and redis.call('EXISTS', k)";

/// A walk from beginning to end: what it saw, in order, once.
const WALK: &str = "local name, seen, all = string.lower(ARGV[1]), {}, {} \
local at = name == 'scan' and 2 or 3 \
local step = (name == 'hscan' or name == 'zscan') and 2 or 1 ARGV[at] = '0' \
repeat local r = redis.call(unpack(ARGV)) ARGV[at] = r[1] \
for i = 1, #r[2], step do local one = table.concat(r[2], '=', i, i + step - 1) \
if not seen[one] then seen[one] = true all[#all + 1] = one end end until r[1] == '0' \
table.sort(all) return all";

/// A sorted set that SORT has met is kept as Redis keeps it from then on.
const LIKE_SORTED: &str = "if redis.call('TYPE', ARGV[1]).ok == 'zset' then \
redis.call('ZADD', ARGV[1], 0, string.rep('u', 70)) end return 0";

/// The call in a script, with the likeness that its answer then has.
pub fn in_script(
    draw: &mut Draw,
    name: &str,
    mut call: Words,
    likeness: Likeness,
) -> (Words, Likeness) {
    let checks = draw.once_in(2);
    let (script, likeness) = match name {
        "srandmember" | "hrandfield" | "zrandmember" if checks => (CHOSEN, Likeness::Exact),
        "spop" if checks => (TAKEN, Likeness::Exact),
        "randomkey" if checks => (ANY_KEY, Likeness::Exact),
        "scan" | "sscan" | "hscan" | "zscan" if checks => (WALK, Likeness::Exact),
        _ if !MAPS.contains(&name) && draw.once_in(2) => (NEWER, likeness),
        _ => (PLAIN, likeness),
    };
    let mut all = words(&["EVAL", script, "0"]);
    all.append(&mut call);
    (all, likeness)
}

/// What must follow SORT.
pub fn like_sorted(key: &[u8]) -> Words {
    let mut all = words(&["EVAL", LIKE_SORTED, "0"]);
    all.push(key.to_vec());
    all
}
