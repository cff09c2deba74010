//! The value codec: values as Redis keeps them in RDB files, DUMP payloads and full syncs. Reads
//! what Redis up to 7.2 writes, writes what Redis 7.0 loads (RDB version 10). Everything read is
//! taken for hostile. Knows no file: bytes come from a [`Source`] and go to a [`Sink`].

pub mod checks;
pub mod crc64;
pub mod decode;
pub mod encode;
mod lzf;
mod packed;
mod stream;

pub use decode::{Decoder, Length};
pub use encode::Sink;
use resp::number::Digits;

/// Version of the format that is written.
pub const VERSION: u16 = 10;
/// Newest version that is read.
pub const VERSION_READ_MAX: u16 = 12;

/// Where bytes come from.
pub trait Source {
    /// The next `len` bytes. An implementation must not set memory aside for more than has really
    /// arrived: `len` may be a lie.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when there are fewer, [`DecodeError::Source`] when reading fails.
    fn take(&mut self, len: u64) -> Result<&[u8], DecodeError>;
}

impl Source for &[u8] {
    fn take(&mut self, len: u64) -> Result<&[u8], DecodeError> {
        let len = usize::try_from(len).map_err(|_| DecodeError::Truncated)?;
        let (head, tail) = self.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        *self = tail;
        Ok(head)
    }
}

/// A string as it was read.
#[derive(Debug)]
pub enum Word<'b> {
    /// Written as bytes.
    Bytes(&'b [u8]),
    /// Written as an integer.
    Integer(i64),
}

impl Word<'_> {
    /// Runs `f` on the bytes.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => f(bytes),
            Self::Integer(value) => f(Digits::new().format(value)),
        }
    }

    /// The bytes, copied.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

/// Why bytes could not be read as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("it ends in the middle")]
    Truncated,
    /// The bytes mean nothing.
    #[error("{0}")]
    Corrupt(&'static str),
    /// The bytes are fine, but hold something that there is no type for.
    #[error("{what} (type {kind}) are not supported")]
    Unsupported {
        /// The type's number.
        kind: u8,
        /// The type's name, in the plural.
        what: &'static str,
    },
    /// The source failed; it knows why.
    #[error("reading failed")]
    Source,
}

/// Numbers of the types that are written.
pub mod kind {
    /// A string.
    pub const STRING: u8 = 0;
    /// A list as its elements.
    pub const LIST: u8 = 1;
    /// A set as its members.
    pub const SET: u8 = 2;
    /// A hash as its fields and values.
    pub const HASH: u8 = 4;
    /// A sorted set as its members and binary scores.
    pub const SORTED_SET: u8 = 5;
    /// A hash some of whose fields die: the first time, then for each field how much later it dies,
    /// the field and the value. Since Redis 7.4.
    pub const HASH_TIMES: u8 = 24;
    /// A stream as Redis 7.0 has it.
    pub const STREAM: u8 = 19;
    /// A stream that knows of producers. Our own: what Redis 8.6 has for it is not documented.
    pub const STREAM_PRODUCERS: u8 = 119;
}

#[cfg(test)]
mod tests;
