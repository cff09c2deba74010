//! The `EX PX EXAT PXAT` options that SET, GETEX and friends share.

use crate::error::{self, CommandError};
use crate::parse;

/// How an option states a time of death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Unix seconds.
    UnixSeconds,
    /// Unix milliseconds.
    UnixMillis,
}

impl Unit {
    /// The unit that an option word names.
    #[must_use]
    pub fn of(word: &[u8]) -> Option<Self> {
        match word {
            _ if parse::is(word, "EX") => Some(Self::Seconds),
            _ if parse::is(word, "PX") => Some(Self::Millis),
            _ if parse::is(word, "EXAT") => Some(Self::UnixSeconds),
            _ if parse::is(word, "PXAT") => Some(Self::UnixMillis),
            _ => None,
        }
    }

    /// The time of death in Unix milliseconds, from the option's number.
    ///
    /// # Errors
    /// Not a number; or not positive, or beyond what 64 bits of milliseconds hold: the error names
    /// `command`.
    pub fn death_ms(self, text: &[u8], now_ms: u64, command: &str) -> Result<u64, CommandError> {
        let value = parse::integer(text)?;
        if value <= 0 {
            return Err(error::invalid_expire(command));
        }
        let scaled = match self {
            Self::Seconds | Self::UnixSeconds => value.checked_mul(1000),
            Self::Millis | Self::UnixMillis => Some(value),
        };
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let at = match self {
            Self::Seconds | Self::Millis => scaled.and_then(|ms| ms.checked_add(now)),
            Self::UnixSeconds | Self::UnixMillis => scaled,
        };
        at.and_then(|at| u64::try_from(at).ok()).ok_or_else(|| error::invalid_expire(command))
    }
}
