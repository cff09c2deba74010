//! One request of a sequence. Knows no grammar and no server.

use super::peer::Words;
use catalog::syntax::Likeness;

/// How a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By one reply.
    Ask,
    /// By any number of replies, with what came unasked before: a PING behind it ends them.
    Gather,
    /// Later: it is sent, and may wait until others have acted.
    Park,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which connection.
    pub connection: usize,
    /// The command that counts: the one inside a script.
    pub name: &'static str,
    /// Its words.
    pub words: Words,
    /// How its replies compare.
    pub likeness: Likeness,
    /// How it is answered.
    pub way: Way,
    /// Steps with the same number stay or go together; 0 is none.
    pub tie: u32,
}

impl Step {
    /// A request that is compared byte by byte.
    pub fn exact(connection: usize, line: &str) -> Self {
        Self::new(connection, "", line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    /// A request of these words, compared byte by byte.
    pub fn new(connection: usize, name: &'static str, words: Words) -> Self {
        Self { connection, name, words, likeness: Likeness::Exact, way: Way::Ask, tie: 0 }
    }
}

/// Words of text.
pub fn words(all: &[&str]) -> Words {
    all.iter().map(|word| word.as_bytes().to_vec()).collect()
}
