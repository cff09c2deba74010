//! `FIELDS count field [field ...]`: how commands on times of death of fields name them.

use crate::error::{self, CommandError};
use crate::parse;
use resp::Args;

/// Words of a command that are fields, each followed by `width - 1` others.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    args: Args<'a>,
    first: usize,
    width: usize,
}

impl<'a> Fields<'a> {
    /// Those behind the word FIELDS at `at`, each in a group of `width` words.
    ///
    /// # Errors
    /// The word is missing, or the count is not that of the groups.
    pub fn parse(args: Args<'a>, at: usize, width: usize) -> Result<Self, CommandError> {
        let is_there = at + 1 < args.len() && parse::is(args.at(at), "FIELDS");
        if !is_there {
            return Err(error::FIELDS_MISSING);
        }
        let count = parse::integer(args.at(at + 1)).unwrap_or(0);
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        let count = count.ok_or(error::FIELDS_NUMBER)?;
        if count.checked_mul(width) != Some(args.len() - at - 2) {
            return Err(error::FIELDS_COUNT);
        }
        Ok(Self { args, first: at + 2, width })
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        (self.args.len() - self.first) / self.width
    }

    /// The fields.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (args, width) = (self.args, self.width);
        (self.first..args.len()).step_by(width).map(move |at| args.at(at))
    }

    /// The fields with the words behind them.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let (args, width) = (self.args, self.width);
        (self.first..args.len()).step_by(width).map(move |at| (args.at(at), args.at(at + 1)))
    }
}

/// The words of a command that names `fields`: `head`, then FIELDS and what follows.
pub fn words<'w>(head: &[&'w [u8]], count: &'w [u8], fields: &[&'w [u8]]) -> Vec<&'w [u8]> {
    [head, &[b"FIELDS", count], fields].concat()
}
