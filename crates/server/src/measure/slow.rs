//! The newest slow requests, for SLOWLOG.

use resp::Args;
use std::collections::VecDeque;

/// Words of a request that are kept.
const WORDS_MAX: usize = 32;
/// Bytes of a word that are kept.
const WORD_BYTES_MAX: usize = 128;

/// One slow request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Number, never used twice.
    pub id: u64,
    /// Unix seconds.
    pub at_s: u64,
    /// How long it took.
    pub took_us: u64,
    /// Its words, shortened.
    pub words: Vec<Vec<u8>>,
    /// The peer, `ip:port` or a path.
    pub peer: String,
    /// CLIENT SETNAME.
    pub name: String,
}

/// Slow requests, the newest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    next_id: u64,
    entries: VecDeque<Slow>,
}

impl SlowLog {
    /// Adds a request, whose number is given here, and forgets those beyond `most`.
    pub fn add(&mut self, mut slow: Slow, most: usize) {
        slow.id = self.next_id;
        self.next_id += 1;
        self.entries.push_front(slow);
        self.entries.truncate(most);
    }

    /// The newest `count`.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Slow> {
        self.entries.iter().take(count)
    }

    /// Requests kept.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets all of them; numbers go on.
    pub fn reset(&mut self) {
        self.entries.clear();
    }
}

/// The words of a request as they are kept.
#[must_use]
pub fn shorten(args: Args<'_>) -> Vec<Vec<u8>> {
    let shown = if args.len() > WORDS_MAX { WORDS_MAX - 1 } else { args.len() };
    let mut words: Vec<Vec<u8>> = args.from(0).take(shown).map(shorten_word).collect();
    if shown < args.len() {
        words.push(format!("... ({} more arguments)", args.len() - shown).into_bytes());
    }
    words
}

fn shorten_word(word: &[u8]) -> Vec<u8> {
    if word.len() <= WORD_BYTES_MAX {
        return word.to_vec();
    }
    let rest = format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX);
    [&word[..WORD_BYTES_MAX], rest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resp::OwnedArgs;

    #[test]
    fn long_requests_are_shortened() {
        let long = vec![b'x'; 200];
        let words = std::iter::repeat_n(long.as_slice(), 40);
        let kept = shorten(OwnedArgs::from_words(words).as_args());
        assert_eq!(kept.len(), 32);
        assert_eq!(kept[31], b"... (9 more arguments)");
        assert_eq!(kept[0], [&long[..128], b"... (72 more bytes)"].concat());
    }

    #[test]
    fn the_newest_are_kept() {
        let mut log = SlowLog::default();
        let slow = |took_us| Slow {
            id: 0,
            at_s: 1,
            took_us,
            words: Vec::new(),
            peer: String::new(),
            name: String::new(),
        };
        (0..5).for_each(|us| log.add(slow(us), 3));
        let kept: Vec<_> = log.newest(2).map(|slow| (slow.id, slow.took_us)).collect();
        assert_eq!((kept, log.len()), (vec![(4, 4), (3, 3)], 3));
        log.reset();
        assert_eq!(log.len(), 0);
    }
}
