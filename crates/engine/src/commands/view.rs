//! The bytes of a string as commands read them: in pieces, so that a long string is never put
//! together, with a pace that lets others live. Knows no command.

use crate::error::CommandError;
use crate::keyspace::Text;
use crate::tick::Tick;
use crate::types::{Bytes, Pages};
use resp::number::Digits;

/// Bytes that are read between two ticks: some tens of microseconds of work.
const PACE_BYTES: usize = 128 << 10;

/// The bytes of a string, wherever they are.
#[derive(Debug)]
pub enum View<'e> {
    /// In one piece.
    Whole(&'e [u8]),
    /// The digits of a number.
    Digits(Bytes),
    /// In pages.
    Pages(&'e Pages),
}

impl<'e> View<'e> {
    /// The bytes of `text`.
    #[must_use]
    pub fn of(text: Text<'e>) -> Self {
        match text {
            Text::Bytes(bytes) => Self::Whole(bytes),
            Text::Integer(_, number) => Self::Digits(Bytes::new(Digits::new().format(number))),
            Text::Pages(pages) => Self::Pages(pages),
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Digits(bytes) => bytes.len(),
            Self::Pages(pages) => pages.len(),
        }
    }

    /// The bytes from `start` to before `end` or the end of the string, in pieces of at most
    /// [`PACE_BYTES`].
    pub fn pieces(&self, start: usize, end: usize) -> impl Iterator<Item = &[u8]> {
        let end = end.min(self.len());
        let start = start.min(end);
        let (whole, pages): (&[u8], _) = match self {
            Self::Whole(bytes) => (&bytes[start..end], None),
            Self::Digits(bytes) => (&bytes[start..end], None),
            Self::Pages(pages) => (&[], Some(pages.range(start, end - start))),
        };
        whole.chunks(PACE_BYTES).chain(pages.into_iter().flatten())
    }

    /// True when these are the bytes.
    #[must_use]
    pub fn is(&self, mut bytes: &[u8]) -> bool {
        self.len() == bytes.len()
            && self.pieces(0, bytes.len()).all(|piece| {
                let (head, tail) = bytes.split_at(piece.len());
                bytes = tail;
                head == piece
            })
    }

    /// Fills `buffer` with the bytes from `start` on; behind the end of the string there are zeros.
    pub fn read(&self, start: usize, buffer: &mut [u8]) {
        let mut rest = &mut *buffer;
        for piece in self.pieces(start, start.saturating_add(rest.len())) {
            let (place, behind) = rest.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            rest = behind;
        }
        rest.fill(0);
    }
}

/// Ticks each time that many bytes were read.
#[derive(Debug, Default)]
pub struct Pace {
    bytes: usize,
}

impl Pace {
    /// Notes that `bytes` more are about to be read.
    ///
    /// # Errors
    /// What the tick says.
    pub fn spend(&mut self, bytes: usize, tick: &mut dyn Tick) -> Result<(), CommandError> {
        self.bytes += bytes;
        if self.bytes <= PACE_BYTES {
            return Ok(());
        }
        self.bytes = bytes;
        tick.tick()
    }
}
