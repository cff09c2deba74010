//! Error replies of data commands, word for word as Redis 7.0 gives them. The only place for them.

use crate::keyspace::Wait;
use std::borrow::Cow;

/// Why a command did not run. Nothing has been changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// An error reply, its code first.
    Reply(Cow<'static, str>),
    /// A shard is held by another loop: run the whole command again later.
    Busy,
    /// There is nothing yet: wait for it.
    Block(Wait),
    /// It takes longer than a loop has: run the whole command again, beside the loop.
    Long,
}

/// A word as errors show it: as far as a zero byte, where C sees its end.
#[must_use]
pub fn shown(word: &[u8]) -> Cow<'_, str> {
    let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
    String::from_utf8_lossy(&word[..end])
}

const fn fixed(text: &'static str) -> CommandError {
    CommandError::Reply(Cow::Borrowed(text))
}

/// The value has another type than the command works on.
pub const WRONG_TYPE: CommandError =
    fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
/// Options do not make sense together.
pub const SYNTAX: CommandError = fixed("ERR syntax error");
/// A number was expected.
pub const NOT_INTEGER: CommandError = fixed("ERR value is not an integer or out of range");
/// A number of 32 bits was expected.
pub const NOT_INT: CommandError =
    fixed("ERR value is out of range, value must between -2147483648 and 2147483647");
/// A floating-point number was expected.
pub const NOT_FLOAT: CommandError = fixed("ERR value is not a valid float");
/// INCR and friends beyond 64 bits.
pub const OVERFLOW: CommandError = fixed("ERR increment or decrement would overflow");
/// INCRBYFLOAT and friends.
pub const NAN_OR_INFINITY: CommandError = fixed("ERR increment would produce NaN or Infinity");
/// A string would exceed `proto-max-bulk-len`.
pub const TOO_LONG: CommandError =
    fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
/// An offset below 0 or too large.
pub const BAD_OFFSET: CommandError = fixed("ERR offset is out of range");
/// A key that must exist.
pub const NO_SUCH_KEY: CommandError = fixed("ERR no such key");
/// A database number outside the configured range.
pub const DB_OUT_OF_RANGE: CommandError = fixed("ERR DB index is out of range");
/// MOVE and COPY onto themselves.
pub const SAME_OBJECT: CommandError = fixed("ERR source and destination objects are the same");
/// SCAN and friends with a cursor that is no number.
pub const BAD_CURSOR: CommandError = fixed("ERR invalid cursor");
/// LSET and friends.
pub const INDEX_OUT_OF_RANGE: CommandError = fixed("ERR index out of range");
/// A count below zero.
pub const MUST_BE_POSITIVE: CommandError = fixed("ERR value is out of range, must be positive");
/// LPOS with RANK 0.
pub const RANK_ZERO: CommandError = fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);
/// A rank or count that cannot be negated.
pub const NOT_NEGATABLE: CommandError = fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
/// LPOS with a COUNT below zero.
pub const COUNT_NEGATIVE: CommandError = fixed("ERR COUNT can't be negative");
/// LPOS with a MAXLEN below zero.
pub const MAXLEN_NEGATIVE: CommandError = fixed("ERR MAXLEN can't be negative");
/// HINCRBY on a value that is no integer.
pub const HASH_NOT_INTEGER: CommandError = fixed("ERR hash value is not an integer");
/// HINCRBYFLOAT on a value that is no number.
pub const HASH_NOT_FLOAT: CommandError = fixed("ERR hash value is not a float");
/// HINCRBYFLOAT by an infinity.
pub const INCREMENT_NOT_FINITE: CommandError = fixed("ERR value is NaN or Infinity");
/// ZADD with NX and XX.
pub const ZADD_NX_XX: CommandError =
    fixed("ERR XX and NX options at the same time are not compatible");
/// ZADD with more than one of GT, LT and NX.
pub const ZADD_GT_LT_NX: CommandError =
    fixed("ERR GT, LT, and/or NX options at the same time are not compatible");
/// ZADD INCR with several pairs.
pub const ZADD_INCR_PAIRS: CommandError =
    fixed("ERR INCR option supports a single increment-element pair");
/// ZINCRBY from one infinity to the other.
pub const SCORE_NAN: CommandError = fixed("ERR resulting score is not a number (NaN)");
/// ZRANGEBYSCORE and friends.
pub const BAD_SCORE_RANGE: CommandError = fixed("ERR min or max is not a float");
/// ZRANGEBYLEX and friends.
pub const BAD_LEX_RANGE: CommandError = fixed("ERR min or max not valid string range item");
/// ZRANGE with LIMIT but by rank.
pub const LIMIT_BY_RANK: CommandError =
    fixed("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
/// ZRANGE with WITHSCORES and BYLEX.
pub const WITHSCORES_BY_LEX: CommandError =
    fixed("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
/// BLPOP and friends with a timeout that is no number.
pub const BAD_TIMEOUT: CommandError = fixed("ERR timeout is not a float or out of range");
/// BLPOP and friends with a timeout below zero.
pub const TIMEOUT_NEGATIVE: CommandError = fixed("ERR timeout is negative");
/// ZUNION and friends with a weight that is no number.
pub const BAD_WEIGHT: CommandError = fixed("ERR weight value is not a float");
/// SINTERCARD and friends with a number of keys below 1.
pub const BAD_KEY_COUNT: CommandError = fixed("ERR numkeys should be greater than 0");
/// SINTERCARD and friends with more keys than words.
pub const TOO_MANY_KEYS: CommandError =
    fixed("ERR Number of keys can't be greater than number of args");
/// SINTERCARD and friends with a LIMIT below zero.
pub const LIMIT_NEGATIVE: CommandError = fixed("ERR LIMIT can't be negative");
/// LMPOP and ZMPOP with a COUNT below 1.
pub const COUNT_NOT_POSITIVE: CommandError = fixed("ERR count should be greater than 0");
/// SRANDMEMBER and friends with a count whose negation does not fit.
pub const OUT_OF_RANGE: CommandError = fixed("ERR value is out of range");
/// EXPIRE with NX and another condition.
pub const EXPIRE_NX: CommandError =
    fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
/// HEXPIRE and its kin with a time before 1970.
pub const NEGATIVE_EXPIRE: CommandError = fixed("ERR invalid expire time, must be >= 0");
/// Fields are not announced.
pub const FIELDS_MISSING: CommandError =
    fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
/// The number of fields is none.
pub const FIELDS_NUMBER: CommandError = fixed("ERR Parameter `numFields` should be greater than 0");
/// More or fewer fields than announced.
pub const FIELDS_COUNT: CommandError =
    fixed("ERR The `numfields` parameter must match the number of arguments");
/// HSETEX with both FNX and FXX.
pub const FIELDS_ONLY: CommandError =
    fixed("ERR Only one of FXX or FNX arguments can be specified");
/// HSETEX with several options on times of death.
pub const FIELDS_TIMES: CommandError =
    fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
/// EXPIRE with both GT and LT.
pub const EXPIRE_GT_LT: CommandError =
    fixed("ERR GT and LT options at the same time are not compatible");
/// OBJECT FREQ under another policy.
pub const NOT_LFU: CommandError = fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
     that when switching between policies at runtime LRU and LFU data will take some time to \
     adjust.",
);

/// OBJECT IDLETIME under an LFU policy.
pub const LFU: CommandError = fixed(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// SETBIT and GETBIT.
pub const BAD_BIT_OFFSET: CommandError = fixed("ERR bit offset is not an integer or out of range");
/// SETBIT with another value than 0 or 1.
pub const BAD_BIT: CommandError = fixed("ERR bit is not an integer or out of range");
/// BITPOS of another bit than 0 or 1.
pub const BIT_NOT_0_OR_1: CommandError = fixed("ERR The bit argument must be 1 or 0.");
/// BITOP NOT of several strings.
pub const BITOP_NOT_OF_MANY: CommandError =
    fixed("ERR BITOP NOT must be called with a single source key.");
/// BITFIELD with a type that is none.
pub const BAD_BITFIELD_TYPE: CommandError = fixed(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 \
     is.",
);
/// BITFIELD with an unknown OVERFLOW.
pub const BAD_OVERFLOW: CommandError = fixed("ERR Invalid OVERFLOW type specified");
/// BITFIELD_RO with SET or INCRBY.
pub const BITFIELD_READS_ONLY: CommandError =
    fixed("ERR BITFIELD_RO only supports the GET subcommand");
/// PFADD and friends on a string that is no HyperLogLog.
pub const NO_SKETCH: CommandError = fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");
/// PFADD and friends on a HyperLogLog whose registers make no sense.
pub const CORRUPT_SKETCH: CommandError = fixed("INVALIDOBJ Corrupted HLL object detected");
/// PFDEBUG DECODE of registers of 6 bits each.
pub const SKETCH_NOT_SPARSE: CommandError = fixed("ERR HLL encoding is not sparse");
/// PFDEBUG of a key that must exist.
pub const SPECIFIED_KEY_MISSING: CommandError = fixed("ERR The specified key does not exist");
/// GEORADIUS and friends with a unit that is none.
pub const BAD_UNIT: CommandError = fixed("ERR unsupported unit provided. please use M, KM, FT, MI");
/// GEOSEARCH around a member that is not there.
pub const NO_PLACE_OF_MEMBER: CommandError = fixed("ERR could not decode requested zset member");
/// GEOSEARCH with a radius that is no number.
pub const BAD_RADIUS: CommandError = fixed("ERR need numeric radius");
/// GEOSEARCH with a radius below zero.
pub const RADIUS_NEGATIVE: CommandError = fixed("ERR radius cannot be negative");
/// GEOSEARCH with a width that is no number.
pub const BAD_WIDTH: CommandError = fixed("ERR need numeric width");
/// GEOSEARCH with a height that is no number.
pub const BAD_HEIGHT: CommandError = fixed("ERR need numeric height");
/// GEOSEARCH with a box below zero.
pub const BOX_NEGATIVE: CommandError = fixed("ERR height or width cannot be negative");
/// GEOSEARCH with a number of corners that is none.
pub const BAD_CORNER_COUNT: CommandError = fixed("ERR invalid number of vertices");
/// GEOSEARCH with fewer corners than make a polygon, or than were announced.
pub const TOO_FEW_CORNERS: CommandError =
    fixed("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
/// GEOSEARCH with a COUNT below 1.
pub const GEO_COUNT_NOT_POSITIVE: CommandError = fixed("ERR COUNT must be > 0");
/// GEOSEARCH with ANY alone.
pub const ANY_WITHOUT_COUNT: CommandError = fixed("ERR the ANY argument requires COUNT argument");
/// IFDEQ and IFDNE with a digest that is none.
pub const BAD_DIGEST: CommandError = fixed("ERR must be exactly 16 hexadecimal characters");
/// DELEX with a condition on another type.
pub const CONDITION_OF_NO_STRING: CommandError =
    fixed("ERR Key should be of string type if conditions are specified");
/// DELEX with an unknown condition.
pub const BAD_CONDITION: CommandError =
    fixed("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
/// MSETEX with a number of pairs below 1.
pub const BAD_PAIR_COUNT: CommandError = fixed("ERR invalid numkeys value");
/// MSETEX with fewer pairs than it says.
pub const TOO_FEW_PAIRS: CommandError = fixed("ERR wrong number of key-value pairs");
/// INCREX with a lower bound above the upper one.
pub const BOUNDS_CROSSED: CommandError = fixed("ERR LBOUND can't be greater than UBOUND");
/// LCS of other types.
pub const LCS_NO_STRINGS: CommandError = fixed("ERR The specified keys must contain string values");
/// LCS with both LEN and IDX.
pub const LCS_LEN_IDX: CommandError =
    fixed("ERR If you want both the length and indexes, please just use IDX.");
/// LCS of strings whose lengths multiply to too much.
pub const LCS_TOO_LONG: CommandError =
    fixed("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
/// SORT by something that is no number.
pub const BAD_SORT_WEIGHT: CommandError =
    fixed("ERR One or more scores can't be converted into double");
/// RESTORE of an existing key.
pub const BUSY_KEY: CommandError = fixed("BUSYKEY Target key name already exists.");
/// RESTORE with a negative time to live.
pub const NEGATIVE_TTL: CommandError = fixed("ERR Invalid TTL value, must be >= 0");
/// RESTORE of a payload whose end does not fit.
pub const BAD_PAYLOAD: CommandError = fixed("ERR DUMP payload version or checksum are wrong");
/// RESTORE of a payload that means nothing.
pub const BAD_DATA: CommandError = fixed("ERR Bad data format");
/// RESTORE with a negative idle time.
pub const BAD_IDLE_TIME: CommandError = fixed("ERR Invalid IDLETIME value, must be >= 0");
/// RESTORE with a count of uses beyond 8 bits.
pub const BAD_FREQUENCY: CommandError = fixed("ERR Invalid FREQ value, must be >= 0 and <= 255");

/// A stream's id that is none.
pub const BAD_ID: CommandError =
    fixed("ERR Invalid stream ID specified as stream command argument");
/// XADD with the id before all others.
pub const ID_ZERO: CommandError = fixed("ERR The ID specified in XADD must be greater than 0-0");
/// XADD with an id that is not above all others.
pub const ID_TOO_SMALL: CommandError =
    fixed("ERR The ID specified in XADD is equal or smaller than the target stream top item");
/// XADD to a stream whose last id is the last there is.
pub const IDS_EXHAUSTED: CommandError =
    fixed("ERR The stream has exhausted the last possible ID, unable to add more items");
/// XADD of more than a stream takes at a time.
pub const ENTRY_TOO_LARGE: CommandError = fixed("ERR Elements are too large to be stored");
/// XADD and XTRIM with both ways to trim.
pub const MAXLEN_MINID: CommandError =
    fixed("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
/// XADD and XTRIM with a length below zero.
pub const STREAM_MAXLEN_NEGATIVE: CommandError = fixed("ERR The MAXLEN argument must be >= 0.");
/// XADD and XTRIM with a limit below zero.
pub const STREAM_LIMIT_NEGATIVE: CommandError = fixed("ERR The LIMIT argument must be >= 0.");
/// XADD with LIMIT alone.
pub const LIMIT_WITHOUT_TRIM: CommandError =
    fixed("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
/// XADD and XTRIM with LIMIT where all is trimmed.
pub const LIMIT_WITHOUT_TILDE: CommandError =
    fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");
/// XTRIM without a way to trim.
pub const TRIM_WITHOUT_STRATEGY: CommandError =
    fixed("ERR syntax error, XTRIM must be called with a trimming strategy");
/// XDELEX and XACKDEL with a number of ids that is none.
pub const IDS_NOT_POSITIVE: CommandError = fixed("ERR Number of IDs must be a positive integer");
/// XDELEX and XACKDEL with fewer ids than they say.
pub const IDS_MISCOUNTED: CommandError =
    fixed("ERR The `numids` parameter must match the number of arguments");
/// XNACK with an unknown mode.
pub const NACK_MODE: CommandError = fixed("ERR mode must be SILENT, FAIL, or FATAL");
/// XNACK without ids.
pub const NACK_NO_IDS: CommandError = fixed("ERR syntax error, expected IDS keyword");
/// XNACK with a number of ids that is none.
pub const NACK_COUNT: CommandError = fixed("ERR numids must be a positive integer");
/// XNACK with fewer ids than it says.
pub const NACK_MISCOUNTED: CommandError = fixed("ERR number of IDs doesn't match numids");
/// XNACK with a count below zero.
pub const NACK_RETRIES: CommandError = fixed("ERR Invalid RETRYCOUNT value, must be >= 0");
/// XADD with an id of its own where the producer gives one.
pub const PRODUCER_ID_GIVEN: CommandError =
    fixed("ERR IDMP/IDMPAUTO can be used only with auto-generated IDs");
/// XADD with two producers.
pub const PRODUCER_TWICE: CommandError = fixed("ERR IDMP/IDMPAUTO specified multiple times");
/// XADD with a producer without a name.
pub const PRODUCER_EMPTY: CommandError = fixed("ERR IDMP requires a non-empty producer ID");
/// XADD with IDMPAUTO for a producer without a name.
pub const PRODUCER_EMPTY_AUTO: CommandError =
    fixed("ERR IDMPAUTO requires a non-empty producer ID");
/// XADD with an empty id of the producer.
pub const PRODUCER_ID_EMPTY: CommandError = fixed("ERR IDMP requires a non-empty idempotent ID");
/// XCFGSET that sets nothing.
pub const NOTHING_TO_SET: CommandError =
    fixed("ERR At least one parameter (IDMP-DURATION or IDMP-MAXSIZE) is required");
/// XCFGSET with a time that is none.
pub const PRODUCER_S: CommandError = fixed("ERR IDMP-DURATION must be between 1 and 86400 seconds");
/// XCFGSET with a number that is none.
pub const PRODUCER_IDS: CommandError =
    fixed("ERR IDMP-MAXSIZE must be between 1 and 10000 entries");
/// XIDMPRECORD for an entry that is not there.
pub const NO_SUCH_ENTRY: CommandError =
    fixed("ERR The specified stream ID was deleted or doesn't exist");
/// XIDMPRECORD for an id that another entry has.
pub const PRODUCER_ID_TAKEN: CommandError =
    fixed("ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID");
/// XREAD with CLAIM.
pub const CLAIM_IN_XREAD: CommandError =
    fixed("ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.");
/// XREADGROUP with a time to claim that is no integer.
pub const CLAIM_NO_INTEGER: CommandError = fixed("ERR min-idle-time is not an integer");
/// XREADGROUP with a time to claim below zero.
pub const CLAIM_NEGATIVE: CommandError = fixed("ERR min-idle-time must be a positive integer");
/// XREAD with MAXCOUNT that is none.
pub const MAXCOUNT_NOT_POSITIVE: CommandError = fixed("ERR MAXCOUNT must be a positive integer");
/// XREAD with MAXSIZE that is none.
pub const MAXSIZE_NOT_POSITIVE: CommandError = fixed("ERR MAXSIZE must be a positive integer");
/// XREAD with MAXCOUNT below COUNT.
pub const MAXCOUNT_BELOW_COUNT: CommandError =
    fixed("ERR MAXCOUNT must be greater than or equal to COUNT");
/// An open range from the last id.
pub const BAD_RANGE_START: CommandError = fixed("ERR invalid start ID for the interval");
/// An open range to the first id.
pub const BAD_RANGE_END: CommandError = fixed("ERR invalid end ID for the interval");
/// XSETID below the last entry.
pub const LAST_ID_TOO_SMALL: CommandError =
    fixed("ERR The ID specified in XSETID is smaller than the target stream top item");
/// XSETID with fewer entries than there are.
pub const ADDED_TOO_SMALL: CommandError =
    fixed("ERR The entries_added specified in XSETID is smaller than the target stream length");
/// XSETID with a number of entries below zero.
pub const ADDED_NEGATIVE: CommandError = fixed("ERR entries_added must be positive");
/// XSETID below what was deleted.
pub const LAST_ID_DELETED: CommandError =
    fixed("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id");
/// XREAD with a number of words behind STREAMS that is odd.
pub const UNBALANCED_STREAMS: CommandError = fixed(
    "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
);
/// XREAD with GROUP.
pub const GROUP_IN_XREAD: CommandError =
    fixed("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
/// XREAD with NOACK.
pub const NOACK_IN_XREAD: CommandError =
    fixed("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
/// XREADGROUP without GROUP.
pub const NO_GROUP_OPTION: CommandError = fixed("ERR Missing GROUP option for XREADGROUP");
/// XREADGROUP with `$`.
pub const LAST_IN_XREADGROUP: CommandError = fixed(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
     this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
     just return an empty result set.",
);
/// XREAD with `>`.
pub const NEW_IN_XREAD: CommandError = fixed(
    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
     <consumer> option.",
);
/// XREAD with a timeout that is no integer.
pub const BAD_TIMEOUT_MS: CommandError = fixed("ERR timeout is not an integer or out of range");
/// A blocked XREADGROUP whose key went.
pub const STREAM_GONE: CommandError = fixed("UNBLOCKED the stream key no longer exists");
/// A blocked XREADGROUP whose group went.
pub const GROUP_GONE: CommandError =
    fixed("NOGROUP the consumer group this client was blocked on no longer exists");
/// XGROUP of a key that is not there.
pub const XGROUP_NO_KEY: CommandError = fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);
/// XGROUP CREATE of a group that is there.
pub const GROUP_EXISTS: CommandError = fixed("BUSYGROUP Consumer Group name already exists");
/// XGROUP with a number of entries below -1.
pub const BAD_ENTRIES_READ: CommandError =
    fixed("ERR value for ENTRIESREAD must be positive or -1");
/// XAUTOCLAIM with a count below 1.
pub const CLAIM_COUNT: CommandError = fixed("ERR COUNT must be > 0");
/// XAUTOCLAIM with a count beyond all memory.
pub const CLAIM_COUNT_TOO_HIGH: CommandError =
    fixed("ERR Insufficient memory, failed allocating transient memory, COUNT too high.");

/// A consumer group that is not there.
#[must_use]
pub fn no_group(key: &[u8], group: &[u8], suffix: &str) -> CommandError {
    let (key, group) = (shown(key), shown(group));
    other(format!("NOGROUP No such key '{key}' or consumer group '{group}'{suffix}"))
}

/// A consumer group that is not at a key that is there.
#[must_use]
pub fn no_group_at(key: &[u8], group: &[u8]) -> CommandError {
    let (key, group) = (shown(key), shown(group));
    other(format!("NOGROUP No such consumer group '{group}' for key name '{key}'"))
}

/// Words that a subcommand does not know.
#[must_use]
pub fn bad_subcommand(container: &str, sub: &[u8]) -> CommandError {
    let sub = shown(sub);
    other(format!(
        "ERR unknown subcommand or wrong number of arguments for '{sub}'. Try {container} HELP."
    ))
}

/// `wrong number of arguments`, with the command's lower-case name.
#[must_use]
pub fn wrong_arity(command: &str) -> CommandError {
    let name = command.to_ascii_lowercase();
    CommandError::Reply(format!("ERR wrong number of arguments for '{name}' command").into())
}

/// `invalid expire time`, with the command's lower-case name.
#[must_use]
pub fn invalid_expire(command: &str) -> CommandError {
    CommandError::Reply(format!("ERR invalid expire time in '{command}' command").into())
}

/// A place that is not on the map.
#[must_use]
pub fn bad_place(longitude: f64, latitude: f64) -> CommandError {
    other(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
}

/// A search that stores, with options about its reply.
#[must_use]
pub fn geo_stores_no_details(is_search: bool) -> CommandError {
    let what = if is_search { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
    other(format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"))
}

/// A search without one of two options, with the command as it was given.
#[must_use]
pub fn geo_needs_one_of(options: &str, command: &[u8]) -> CommandError {
    let command = shown(command);
    other(format!("ERR exactly one of {options} can be specified for {command}"))
}

/// PFDEBUG with a subcommand that is none.
#[must_use]
pub fn unknown_pfdebug(word: &[u8]) -> CommandError {
    let word = shown(word);
    other(format!("ERR Unknown PFDEBUG subcommand '{word}'"))
}

/// BITOP of a first string and others, without others; with the operation in capitals.
#[must_use]
pub fn bitop_needs_two(operation: &str) -> CommandError {
    other(format!("ERR BITOP {operation} must be called with at least two source keys."))
}

/// ZUNION and friends with a number of keys below 1, with the command's lower-case name.
#[must_use]
pub fn no_input_key(command: &str) -> CommandError {
    other(format!("ERR at least 1 input key is needed for '{command}' command"))
}

/// Any other error; `text` starts with its code.
#[must_use]
pub fn other(text: impl Into<String>) -> CommandError {
    CommandError::Reply(Cow::Owned(text.into()))
}
