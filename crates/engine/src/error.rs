//! Error replies of data commands, word for word as Redis 7.0 gives them. The only place for them.

use std::borrow::Cow;

/// Why a command did not run. Nothing has been changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// An error reply, its code first.
    Reply(Cow<'static, str>),
    /// A shard is held by another loop: run the whole command again later.
    Busy,
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
/// EXPIRE with NX and another condition.
pub const EXPIRE_NX: CommandError =
    fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
/// EXPIRE with both GT and LT.
pub const EXPIRE_GT_LT: CommandError =
    fixed("ERR GT and LT options at the same time are not compatible");
/// OBJECT FREQ under another policy.
pub const NOT_LFU: CommandError = fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
     that when switching between policies at runtime LRU and LFU data will take some time to \
     adjust.",
);

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

/// Any other error; `text` starts with its code.
#[must_use]
pub fn other(text: impl Into<String>) -> CommandError {
    CommandError::Reply(Cow::Owned(text.into()))
}
