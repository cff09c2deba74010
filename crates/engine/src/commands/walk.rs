//! What the types' commands share: cursors and filters of SSCAN, HSCAN and ZSCAN; the arguments of
//! LMPOP and ZMPOP; choosing places at random. Knows no type.

use crate::error::{self, CommandError};
use crate::glob;
use crate::keyspace::{Wait, Wanted};
use crate::parse;
use resp::number::Digits;
use resp::{Args, Reply};
use std::collections::BTreeSet;
use stdx::Rng;

/// Elements that a scan visits when no COUNT says otherwise.
const COUNT: usize = 10;

/// Position of a scan; 0 is both the start and the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

impl Cursor {
    /// A cursor as a client sends it.
    ///
    /// # Errors
    /// [`error::BAD_CURSOR`].
    pub fn parse(text: &[u8]) -> Result<Self, CommandError> {
        parse::cursor(text).map(Self)
    }

    /// The reply for a key that is not there.
    pub fn reply_missing(self, reply: &mut Reply<'_>) {
        Self(0).reply_head(reply, 0);
    }

    /// Starts a reply with this as the next cursor, to be followed by `len` elements.
    pub fn reply_head(self, reply: &mut Reply<'_>, len: usize) {
        reply.array(2);
        reply.bulk(Digits::new().format(i64::try_from(self.0).unwrap_or(0)));
        reply.array(len);
    }
}

/// Options of a scan.
#[derive(Debug)]
pub struct Filter<'a> {
    /// Elements to visit.
    pub count: usize,
    pattern: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// `[MATCH pattern] [COUNT count]` from word `first` on.
    ///
    /// # Errors
    /// Unknown options, or a COUNT below 1.
    pub fn parse(args: Args<'a>, first: usize) -> Result<Self, CommandError> {
        let mut filter = Self { count: COUNT, pattern: None };
        let mut words = args.from(first);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(error::SYNTAX)?;
            if parse::is(word, "COUNT") {
                let count = parse::integer(value)?;
                filter.count = usize::try_from(count).map_err(|_| error::SYNTAX)?;
                if filter.count == 0 {
                    return Err(error::SYNTAX);
                }
            } else if parse::is(word, "MATCH") {
                filter.pattern = (value != b"*").then_some(value);
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(filter)
    }

    /// True when an element of this name is to be returned.
    #[must_use]
    pub fn accepts(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// `numkeys key [key ...] side [COUNT count]` of LMPOP, ZMPOP and their blocking forms.
#[derive(Debug)]
pub struct FirstOf<S> {
    /// Word of the first key.
    pub first: usize,
    /// Number of keys.
    pub keys: usize,
    /// Where to take from.
    pub side: S,
    /// Elements to take, at least 1.
    pub count: usize,
}

impl<S> FirstOf<S> {
    /// Reads the request from the word that counts the keys; `side` reads the word behind them.
    ///
    /// # Errors
    /// Bad numbers, or words that mean nothing.
    pub fn parse(
        args: Args<'_>,
        numkeys: usize,
        side: impl Fn(&[u8]) -> Result<S, CommandError>,
    ) -> Result<Self, CommandError> {
        let keys = at_least_one(args.at(numkeys), error::BAD_KEY_COUNT)?;
        let first = numkeys + 1;
        let keys_end = keys.saturating_add(first);
        let side = side(args.find(keys_end).ok_or(error::SYNTAX)?)?;
        let count = match (args.find(keys_end + 1), args.find(keys_end + 2)) {
            (None, _) => 1,
            (Some(word), Some(count)) if parse::is(word, "COUNT") => {
                at_least_one(count, error::COUNT_NOT_POSITIVE)?
            }
            (Some(_), _) => return Err(error::SYNTAX),
        };
        if args.len() > keys_end + 3 {
            return Err(error::SYNTAX);
        }
        Ok(Self { first, keys, side, count })
    }

    /// How to wait for one of its keys.
    #[must_use]
    pub fn wait(&self, timeout_ms: u64, wanted: Wanted) -> Wait {
        let (first, keys) = (self.first as u32, self.keys as u32);
        Wait { timeout_ms, first, keys, wanted, ids: Box::default(), again: None }
    }
}

fn at_least_one(text: &[u8], otherwise: CommandError) -> Result<usize, CommandError> {
    parse::positive(text).ok().filter(|&number| number > 0).ok_or(otherwise)
}

/// Members that may be drawn with repetition for one reply: whoever asks for more wants to make the
/// node run out of memory.
const REPEATED_MAX: i64 = 1 << 24;

/// A number of elements to choose; negative means that they may repeat.
///
/// # Errors
/// Not a number, one that cannot be negated, or more repetitions than a reply may hold.
pub fn sample_count(text: &[u8]) -> Result<i64, CommandError> {
    match parse::integer(text)? {
        i64::MIN => Err(error::NOT_NEGATABLE),
        count if count < -REPEATED_MAX => Err(error::OUT_OF_RANGE),
        count => Ok(count),
    }
}

/// Places below `len`: `count` distinct ones or all, or `-count` that may repeat.
pub fn choose(rng: &mut Rng, len: usize, count: i64) -> Vec<usize> {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return (0..wanted).map(|_| rng.below(len)).collect();
    }
    if wanted >= len {
        return (0..len).collect();
    }
    if wanted > len / 4 {
        let mut places: Vec<usize> = (0..len).collect();
        for at in 0..wanted {
            places.swap(at, at + rng.below(len - at));
        }
        places.truncate(wanted);
        return places;
    }
    let mut places = BTreeSet::new();
    while places.len() < wanted {
        places.insert(rng.below(len));
    }
    places.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_places_are_distinct_and_reach_all() {
        let mut rng = Rng::new(1);
        for (len, count) in [(0, 5), (5, 5), (100, 3), (100, 50), (1, 0)] {
            let mut reached = BTreeSet::new();
            for _ in 0..500 {
                let places = choose(&mut rng, len, count as i64);
                let distinct: BTreeSet<_> = places.iter().copied().collect();
                assert_eq!(distinct.len(), count.min(len));
                reached.extend(distinct);
            }
            assert_eq!(reached.len(), if count == 0 { 0 } else { len });
        }
        assert_eq!(choose(&mut rng, 1, -3), [0, 0, 0]);
    }
}
