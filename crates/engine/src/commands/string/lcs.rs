//! LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]
//!
//! The longest common subsequence of two strings: itself, its length, or where its pieces lie in
//! both, the last piece first. Time and memory grow with the product of the lengths: a bit
//! for each pair of bytes.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Text;
use crate::parse;
use crate::tick::{STEPS, Tick};
use resp::Args;

#[derive(Default)]
struct Options {
    len: bool,
    places: bool,
    shortest: i64,
    with_len: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            match word {
                word if parse::is(word, "IDX") => options.places = true,
                word if parse::is(word, "LEN") => options.len = true,
                word if parse::is(word, "WITHMATCHLEN") => options.with_len = true,
                word if parse::is(word, "MINMATCHLEN") => {
                    options.shortest = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
                }
                _ => return Err(error::SYNTAX),
            }
        }
        if options.len && options.places { Err(error::LCS_LEN_IDX) } else { Ok(options) }
    }
}

/// LCS.
///
/// # Errors
/// The values are no strings, or too long together.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut text = |at| {
        let text = ctx.keys.text(ctx.args.at(at)).map_err(|_| error::LCS_NO_STRINGS)?;
        Ok(text.map_or_else(Vec::new, Text::into_vec))
    };
    let (a, b) = (text(1)?, text(2)?);
    let options = Options::parse(ctx.args)?;
    let cells = (a.len() as u64 + 1) * (b.len() as u64 + 1);
    if cells * 4 > ctx.keys.moment.bulk_bytes_max {
        return Err(error::LCS_TOO_LONG);
    }
    let steps = Steps::new(&a, &b, ctx.tick)?;
    let len = steps.len();
    let reply = &mut ctx.reply;
    if options.len {
        reply.int(len as i64);
        return Ok(());
    }
    let pieces = steps.pieces(&a, &b);
    if !options.places {
        let parts = pieces.iter().rev().map(|piece| &a[piece.a..piece.a + piece.len]);
        reply.bulk(&parts.collect::<Vec<_>>().concat());
        return Ok(());
    }
    let shown: Vec<_> =
        pieces.iter().filter(|piece| piece.len as i64 >= options.shortest).collect();
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(shown.len());
    for piece in shown {
        reply.array(if options.with_len { 3 } else { 2 });
        for start in [piece.a, piece.b] {
            reply.array(2);
            reply.int(start as i64);
            reply.int((start + piece.len - 1) as i64);
        }
        if options.with_len {
            reply.int(piece.len as i64);
        }
    }
    reply.bulk(b"len");
    reply.int(len as i64);
    Ok(())
}

/// Bytes that follow each other in both strings.
struct Piece {
    a: usize,
    b: usize,
    len: usize,
}

/// What each row of the table of lengths adds from left to right, one bit a column: 0 where the
/// longest common subsequence of the two prefixes is longer than without the column's byte. 64
/// columns are computed at a time (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
struct Steps {
    words: Vec<u64>,
    /// Words of a row.
    width: usize,
}

impl Steps {
    fn new(a: &[u8], b: &[u8], tick: &mut dyn Tick) -> Result<Self, CommandError> {
        let width = b.len().div_ceil(64);
        let places = places_of(b, width);
        let mut steps = Self { words: vec![u64::MAX; (a.len() + 1) * width], width };
        let mut done = 0;
        for (i, byte) in a.iter().enumerate() {
            let (above, row) = steps.words[i * width..].split_at_mut(width);
            let mut carry = false;
            for (at, (word, above)) in row.iter_mut().zip(above).enumerate() {
                let matches = places[usize::from(*byte)].get(at).copied().unwrap_or(0);
                let (sum, over) = above.overflowing_add(*above & matches);
                let (sum, again) = sum.overflowing_add(u64::from(carry));
                carry = over || again;
                *word = sum | *above & !matches;
            }
            done += width;
            if done >= STEPS {
                tick.tick()?;
                done = 0;
            }
        }
        Ok(steps)
    }

    /// True when the prefixes of `i` and `j` + 1 bytes have more in common than those of `i` and
    /// `j`.
    fn is_step(&self, i: usize, j: usize) -> bool {
        self.words[i * self.width + j / 64] >> (j % 64) & 1 == 0
    }

    /// The length for both strings.
    fn len(&self) -> usize {
        // Columns behind the last have no matches and so no steps.
        let row = &self.words[self.words.len() - self.width..];
        row.iter().map(|word| word.count_zeros() as usize).sum()
    }

    /// The pieces of one longest common subsequence, the last one first.
    fn pieces(&self, a: &[u8], b: &[u8]) -> Vec<Piece> {
        let (mut i, mut j) = (a.len(), b.len());
        let mut pieces: Vec<Piece> = Vec::new();
        let mut joined = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match pieces.last_mut().filter(|_| joined) {
                    Some(piece) => *piece = Piece { a: i, b: j, len: piece.len + 1 },
                    None => pieces.push(Piece { a: i, b: j, len: 1 }),
                }
                joined = true;
            } else {
                joined = false;
                // Two bytes that differ add nothing together: what the column adds, the row has.
                if self.is_step(i, j - 1) { i -= 1 } else { j -= 1 }
            }
        }
        pieces
    }
}

/// Where each byte is, a bit a place; nothing for those that do not occur.
fn places_of(text: &[u8], width: usize) -> Vec<Vec<u64>> {
    let mut places = vec![Vec::new(); 256];
    for (at, byte) in text.iter().enumerate() {
        let words = &mut places[usize::from(*byte)];
        words.resize(width, 0);
        words[at / 64] |= 1 << (at % 64);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::check;
    use crate::tick::NoTick;

    /// The pieces by a table of all lengths, walked back as Redis does.
    fn plain(a: &[u8], b: &[u8]) -> (usize, Vec<(usize, usize)>) {
        let mut lens = vec![vec![0; b.len() + 1]; a.len() + 1];
        for (i, j) in (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j))) {
            let longer = lens[i][j + 1].max(lens[i + 1][j]);
            lens[i + 1][j + 1] = if a[i] == b[j] { lens[i][j] + 1 } else { longer };
        }
        let (mut i, mut j, mut pairs) = (a.len(), b.len(), Vec::new());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                pairs.push((i, j));
            } else if lens[i - 1][j] > lens[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (lens[a.len()][b.len()], pairs)
    }

    #[test]
    fn bits_say_what_the_table_says() {
        for seed in 0..300 {
            let mut rng = stdx::Rng::new(seed);
            let letters = 1 + rng.below(6);
            let mut text = |max: usize| -> Vec<u8> {
                (0..rng.below(max)).map(|_| b'a' + rng.below(letters) as u8).collect()
            };
            let (a, b) = (text(200), text(200));
            let steps = Steps::new(&a, &b, &mut NoTick).expect("nobody stops it");
            let pieces = steps.pieces(&a, &b);
            let pairs = pieces
                .iter()
                .flat_map(|piece| (0..piece.len).rev().map(|at| (piece.a + at, piece.b + at)));
            assert_eq!((steps.len(), pairs.collect()), plain(&a, &b), "seed {seed}");
        }
    }

    #[test]
    fn finds_the_longest_common_subsequence() {
        check(
            r#"
            MSET a ohmytext b mynewtext => +OK
            LCS a b => "mytext"
            LCS a b LEN => :6
            LCS a b IDX => ["matches", [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], "len", :6]
            LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN => ["matches", [[[:4, :7], [:5, :8], :4]], "len", :6]
            LCS a none => ""
            LCS a b LEN IDX => -ERR If you want both the length and indexes, please just use IDX.
            LCS a b MINMATCHLEN => -ERR syntax error
            RPUSH l x => :1
            LCS a l => -ERR The specified keys must contain string values
            "#,
        );
    }
}
