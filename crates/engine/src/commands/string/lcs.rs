//! LCS key1 key2 [LEN] [IDX] [MINMATCHLEN n] [WITHMATCHLEN]
//!
//! The longest common subsequence of two strings: itself, its length, or where its pieces lie in
//! both, the last piece first. Time and memory grow with the product of the lengths.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Text;
use crate::parse;
use crate::tick::Tick;
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
    let table = Lengths::new(&a, &b, ctx.tick)?;
    let len = table.at(a.len(), b.len());
    let reply = &mut ctx.reply;
    if options.len {
        reply.int(i64::from(len));
        return Ok(());
    }
    let pieces = table.pieces(&a, &b);
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
    reply.int(i64::from(len));
    Ok(())
}

/// Bytes that follow each other in both strings.
struct Piece {
    a: usize,
    b: usize,
    len: usize,
}

/// Lengths of the longest common subsequences of all pairs of prefixes.
struct Lengths {
    cells: Vec<u32>,
    columns: usize,
}

impl Lengths {
    fn new(a: &[u8], b: &[u8], tick: &mut dyn Tick) -> Result<Self, CommandError> {
        let columns = b.len() + 1;
        let mut table = Self { cells: vec![0; (a.len() + 1) * columns], columns };
        for (i, x) in a.iter().enumerate() {
            let (above, row) = table.cells[i * columns..].split_at_mut(columns);
            for (j, y) in b.iter().enumerate() {
                row[j + 1] = if x == y { above[j] + 1 } else { above[j + 1].max(row[j]) };
            }
            tick.tick()?;
        }
        Ok(table)
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.columns + j]
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
                if self.at(i - 1, j) > self.at(i, j - 1) { i -= 1 } else { j -= 1 }
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

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
