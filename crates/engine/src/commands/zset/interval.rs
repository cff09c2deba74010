//! Parts of a sorted set: by rank, by score (`1`, `(1`, `-inf`) or by member (`[a`, `(a`, `-`,
//! `+`). Each comes down to a range of ranks.

use crate::error::{self, CommandError};
use crate::parse;
use crate::types::SortedSet;
use std::ops::Range;

/// Which way a sorted set is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Lowest first.
    Up,
    /// Highest first.
    Down,
}

/// How the ends of an interval are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Places, negative from the end.
    Rank,
    /// Scores.
    Score,
    /// Members, all of the same score.
    Lex,
}

/// A part of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interval<'a> {
    /// From a place to another, in the direction of reading.
    Rank(i64, i64),
    /// From a score to another.
    Score(Score, Score),
    /// From a member to another.
    Lex(Lex<'a>, Lex<'a>),
}

/// An end of an interval of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    value: f64,
    exclusive: bool,
}

/// An end of an interval of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lex<'a> {
    /// Before all members.
    Least,
    /// Behind all members.
    Greatest,
    /// This member included.
    Inclusive(&'a [u8]),
    /// This member excluded.
    Exclusive(&'a [u8]),
}

impl<'a> Interval<'a> {
    /// An interval from its two words, the lower end first (for ranks: in the order of reading).
    ///
    /// # Errors
    /// A word that is no such end.
    pub fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match by {
            By::Rank => Self::Rank(parse::integer(min)?, parse::integer(max)?),
            By::Score => Self::Score(Score::parse(min)?, Score::parse(max)?),
            By::Lex => Self::Lex(Lex::parse(min)?, Lex::parse(max)?),
        })
    }

    /// The ascending ranks of its members.
    #[must_use]
    pub fn ranks(&self, zset: &SortedSet, direction: Direction) -> Range<usize> {
        let (first, end) = match self {
            Self::Rank(start, end) => {
                let len = zset.len();
                match (parse::range(*start, *end, len), direction) {
                    (None, _) => (0, 0),
                    (Some((first, last)), Direction::Up) => (first, last + 1),
                    (Some((first, last)), Direction::Down) => (len - 1 - last, len - first),
                }
            }
            Self::Score(min, max) => {
                let below = |_: &[u8], score| min.is_above(score);
                let within = |_: &[u8], score| !max.is_below(score);
                (zset.count_before(below), zset.count_before(within))
            }
            Self::Lex(min, max) => {
                let below = |member: &[u8], _| min.is_above(member);
                let within = |member: &[u8], _| !max.is_below(member);
                (zset.count_before(below), zset.count_before(within))
            }
        };
        first..end.max(first)
    }
}

impl Score {
    fn parse(text: &[u8]) -> Result<Self, CommandError> {
        let (exclusive, number) = match text {
            [b'(', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        // As with strtod, blanks before it do not count and nothing at all is 0.
        let number = match number.trim_ascii_start() {
            [] if !number.is_empty() => return Err(error::BAD_SCORE_RANGE),
            number => number,
        };
        let value = if number.is_empty() { Some(0.0) } else { parse::double_text(number) };
        let value = value.ok_or(error::BAD_SCORE_RANGE)?;
        Ok(Self { value, exclusive })
    }

    /// True when `score` lies below, as seen by a lower end.
    #[inline]
    fn is_above(self, score: f64) -> bool {
        score < self.value || (self.exclusive && score == self.value)
    }

    /// True when `score` lies above, as seen by an upper end.
    #[inline]
    fn is_below(self, score: f64) -> bool {
        score > self.value || (self.exclusive && score == self.value)
    }
}

impl<'a> Lex<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, CommandError> {
        match text {
            b"-" => Ok(Self::Least),
            b"+" => Ok(Self::Greatest),
            [b'[', member @ ..] => Ok(Self::Inclusive(member)),
            [b'(', member @ ..] => Ok(Self::Exclusive(member)),
            _ => Err(error::BAD_LEX_RANGE),
        }
    }

    /// True when `member` lies below, as seen by a lower end.
    fn is_above(self, member: &[u8]) -> bool {
        match self {
            Self::Least => false,
            Self::Greatest => true,
            Self::Inclusive(end) => member < end,
            Self::Exclusive(end) => member <= end,
        }
    }

    /// True when `member` lies above, as seen by an upper end.
    fn is_below(self, member: &[u8]) -> bool {
        match self {
            Self::Least => true,
            Self::Greatest => false,
            Self::Inclusive(end) => member > end,
            Self::Exclusive(end) => member >= end,
        }
    }
}
