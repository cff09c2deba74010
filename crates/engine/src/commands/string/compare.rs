//! The `IFEQ value`, `IFNE value`, `IFDEQ digest` and `IFDNE digest` options of SET and DELEX, and
//! the digest of a string: XXH3 of 64 bits as sixteen hexadecimal digits. Knows no key.

use crate::commands::view::{Pace, View};
use crate::error::{self, CommandError};
use crate::keyspace::Text;
use crate::parse;
use crate::tick::{NoTick, Tick};
use xxhash_rust::xxh3::Xxh3Default;

/// Hexadecimal digits of a digest.
const DIGITS: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What<'a> {
    Value(&'a [u8]),
    Digest(&'a [u8]),
}

/// A comparison with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compare<'a> {
    what: What<'a>,
    /// It holds when both are equal, not when they differ.
    equal: bool,
}

impl<'a> Compare<'a> {
    /// Equality with a value.
    #[must_use]
    pub fn equal_to(value: &'a [u8]) -> Self {
        Self { what: What::Value(value), equal: true }
    }

    /// What an option makes of the word behind it; `None` when the option is no comparison.
    #[must_use]
    pub fn named(option: &[u8]) -> Option<fn(&'a [u8]) -> Self> {
        match option {
            _ if parse::is(option, "IFEQ") => Some(Self::equal_to),
            _ if parse::is(option, "IFNE") => {
                Some(|value| Self { what: What::Value(value), equal: false })
            }
            _ if parse::is(option, "IFDEQ") => {
                Some(|digest| Self { what: What::Digest(digest), equal: true })
            }
            _ if parse::is(option, "IFDNE") => {
                Some(|digest| Self { what: What::Digest(digest), equal: false })
            }
            _ => None,
        }
    }

    /// True when it holds for a string.
    ///
    /// # Errors
    /// The digest is none.
    pub fn holds(self, text: Text<'_>) -> Result<bool, CommandError> {
        let view = View::of(text);
        let same = match self.what {
            What::Value(value) => view.is(value),
            What::Digest(word) => parse_digest(word)? == digest(&view, &mut NoTick)?,
        };
        Ok(same == self.equal)
    }

    /// True when it holds where there is no key.
    #[must_use]
    pub fn holds_without_key(self) -> bool {
        !self.equal
    }
}

fn parse_digest(word: &[u8]) -> Result<u64, CommandError> {
    let text = std::str::from_utf8(word)
        .ok()
        .filter(|text| text.len() == DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let digest = text.and_then(|text| u64::from_str_radix(text, 16).ok());
    digest.ok_or(error::BAD_DIGEST)
}

/// The digest of a string.
///
/// # Errors
/// What the tick says.
pub fn digest(view: &View<'_>, tick: &mut dyn Tick) -> Result<u64, CommandError> {
    let (mut hash, mut pace) = (Xxh3Default::new(), Pace::default());
    for piece in view.pieces(0, view.len()) {
        pace.spend(piece.len(), tick)?;
        hash.update(piece);
    }
    Ok(hash.digest())
}

/// A digest as text.
#[must_use]
pub fn show_digest(digest: u64) -> String {
    format!("{digest:016x}")
}
