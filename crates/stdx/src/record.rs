//! Records of what was asked of a node, as bytes one behind the other: cheap to make where commands
//! run, taken apart where somebody looks at them. Must not know who asks or why.
//!
//! ```text
//! bytes:4  kind:1  unix_us:8  took_us:4  db:2  peer:1+n  user:1+n  outcome:1+n  text:2+n
//! ```

/// Most bytes of a short text, and of the long one.
const SHORT_MAX: usize = u8::MAX as usize;
const LONG_MAX: usize = 4096;
/// Bytes of a record with empty texts, its length not counted.
const FIXED_BYTES: usize = 20;

/// What a record tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command that took long.
    Slow,
    /// A command that changes data.
    Write,
    /// A command that was not allowed.
    Refusal,
    /// `took_us` records before this one were left out: they came faster than they were written.
    Gap,
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it tells of.
    pub kind: Kind,
    /// When.
    pub unix_us: u64,
    /// How long it took, 0 when it was not timed.
    pub took_us: u32,
    /// Database.
    pub db: u16,
    /// Address of the client.
    pub peer: &'a str,
    /// Account, empty before AUTH.
    pub user: &'a str,
    /// The error, empty when it went well.
    pub outcome: &'a str,
    /// The command.
    pub text: &'a [u8],
}

impl Record<'_> {
    /// Appends the record; texts that are too long are cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.unix_us.to_le_bytes());
        out.extend_from_slice(&self.took_us.to_le_bytes());
        out.extend_from_slice(&self.db.to_le_bytes());
        for short in [self.peer, self.user, self.outcome] {
            let bytes = &short.as_bytes()[..short.len().min(SHORT_MAX)];
            out.push(bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
        let text = &self.text[..self.text.len().min(LONG_MAX)];
        out.extend_from_slice(&(text.len() as u16).to_le_bytes());
        out.extend_from_slice(text);
        let bytes = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&bytes.to_le_bytes());
    }
}

/// The first record of `bytes` and how many bytes it takes; `None` when there is no whole one.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    if !(FIXED_BYTES..=FIXED_BYTES + 3 * SHORT_MAX + LONG_MAX).contains(&length) {
        return None;
    }
    let mut rest = rest.get(..length)?;
    let kind = match take::<1>(&mut rest)?[0] {
        0 => Kind::Slow,
        1 => Kind::Write,
        2 => Kind::Refusal,
        3 => Kind::Gap,
        _ => return None,
    };
    let unix_us = u64::from_le_bytes(take(&mut rest)?);
    let took_us = u32::from_le_bytes(take(&mut rest)?);
    let db = u16::from_le_bytes(take(&mut rest)?);
    let (peer, user, outcome) = (short(&mut rest)?, short(&mut rest)?, short(&mut rest)?);
    let text_bytes = usize::from(u16::from_le_bytes(take(&mut rest)?));
    let text = rest.get(..text_bytes)?;
    Some((Record { kind, unix_us, took_us, db, peer, user, outcome, text }, length + 4))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn short<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let bytes = usize::from(take::<1>(rest)?[0]);
    let (text, left) = rest.split_at_checked(bytes)?;
    *rest = left;
    // A text that was cut within a letter.
    match std::str::from_utf8(text) {
        Ok(text) => Some(text),
        Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &[u8]) -> Record<'_> {
        Record {
            kind: Kind::Refusal,
            unix_us: 1 << 50,
            took_us: 7,
            db: 3,
            peer: "127.0.0.1:5",
            user: "default",
            outcome: "NOPERM",
            text,
        }
    }

    #[test]
    fn one_behind_the_other() {
        let mut bytes = Vec::new();
        let records = [sample(b"GET k"), sample(b""), Record { kind: Kind::Gap, ..sample(b"x") }];
        records.iter().for_each(|record| record.encode(&mut bytes));
        let mut rest = &bytes[..];
        for record in records {
            let (found, taken) = decode(rest).expect("whole");
            assert_eq!(found, record);
            rest = &rest[taken..];
        }
        assert_eq!(decode(rest), None);
    }

    #[test]
    fn torn_and_foreign_bytes_are_no_record() {
        let mut bytes = Vec::new();
        sample(b"GET k").encode(&mut bytes);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None, "{end}");
        }
        assert_eq!(decode(&[0xff; 64]), None);
        assert_eq!(decode(&[0; 64]), None);
    }

    #[test]
    fn long_texts_are_cut() {
        let (mut bytes, long) = (Vec::new(), "ä".repeat(3_000));
        Record { user: &long, ..sample(long.as_bytes()) }.encode(&mut bytes);
        let (found, taken) = decode(&bytes).expect("whole");
        assert_eq!((found.user.len(), found.text.len(), taken), (254, 4096, bytes.len()));
    }
}
