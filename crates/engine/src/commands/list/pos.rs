//! LPOS key element [RANK rank] [COUNT matches] [MAXLEN comparisons]
//!
//! Finds elements. A negative rank searches from the end; a count of 0 means all matches; MAXLEN 0
//! means no limit.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::List;
use resp::Args;

struct Pos<'a> {
    key: &'a [u8],
    element: &'a [u8],
    /// Matches to pass over before the first that counts.
    skip: usize,
    from_back: bool,
    count: Option<usize>,
    compared_max: usize,
}

impl<'a> Pos<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut pos = Self {
            key: args.at(1),
            element: args.at(2),
            skip: 0,
            from_back: false,
            count: None,
            compared_max: 0,
        };
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(error::SYNTAX)?;
            if parse::is(word, "RANK") {
                let rank = parse::integer(value)?;
                let skip = rank.unsigned_abs().checked_sub(1).ok_or(error::RANK_ZERO)?;
                (pos.skip, pos.from_back) = (skip as usize, rank < 0);
            } else if parse::is(word, "COUNT") {
                pos.count = Some(parse::positive(value).map_err(|_| error::COUNT_NEGATIVE)?);
            } else if parse::is(word, "MAXLEN") {
                pos.compared_max = parse::positive(value).map_err(|_| error::MAXLEN_NEGATIVE)?;
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(pos)
    }

    fn matches(&self, list: &List) -> Vec<usize> {
        let wanted = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let compared = if self.compared_max == 0 { usize::MAX } else { self.compared_max };
        let equal = |(_, value): &(usize, &[u8])| *value == self.element;
        if self.from_back {
            let found = list.iter().rev().enumerate().take(compared).filter(equal);
            let places = found.map(|(index, _)| list.len() - 1 - index);
            return places.skip(self.skip).take(wanted).collect();
        }
        let found = list.iter().enumerate().take(compared).filter(equal);
        found.map(|(index, _)| index).skip(self.skip).take(wanted).collect()
    }
}

/// LPOS.
///
/// # Errors
/// Options that make no sense, or the value is no list.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let pos = Pos::parse(ctx.args)?;
    let list = ctx.keys.get::<List>(pos.key)?;
    let found = list.map_or_else(Vec::new, |list| pos.matches(list));
    let reply = &mut ctx.reply;
    if pos.count.is_some() {
        reply.array(found.len());
        found.iter().for_each(|&place| reply.int(place as i64));
    } else {
        match found.first() {
            Some(&place) => reply.int(place as i64),
            None => reply.null(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn finds_places() {
        check(
            r#"
            RPUSH l a b c 1 2 3 c c => :8
            LPOS l c => :2
            LPOS l c RANK 2 => :6
            LPOS l c RANK -1 => :7
            LPOS l x => nil
            LPOS l c COUNT 2 => [:2, :6]
            LPOS l c COUNT 0 => [:2, :6, :7]
            LPOS l c RANK -1 COUNT 2 => [:7, :6]
            LPOS l c COUNT 0 MAXLEN 7 => [:2, :6]
            LPOS l c RANK -1 COUNT 0 MAXLEN 1 => [:7]
            LPOS l x COUNT 0 => []
            LPOS none x => nil
            LPOS none x COUNT 1 => []
            "#,
        );
    }

    #[test]
    fn refuses_bad_options() {
        check(
            r#"
            LPOS l c COUNT -1 => -ERR COUNT can't be negative
            LPOS l c MAXLEN -1 => -ERR MAXLEN can't be negative
            LPOS l c RANK => -ERR syntax error
            LPOS l c FIRST 1 => -ERR syntax error
            LPOS l c RANK x => -ERR value is not an integer or out of range
            "#,
        );
        check(concat!(
            "LPOS l c RANK 0 => -ERR RANK can't be zero: use 1 to start from the first match, ",
            "2 from the second ... or use negative to start from the end of the list",
        ));
    }
}
