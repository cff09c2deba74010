//! Replies as a client sees them, RESP2 and RESP3, and the errors of a stream that is none.
//! Knows no socket and no command.

use anyhow::{Result, bail};
use std::fmt;
use std::io::BufRead;

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// Null of any kind, with the byte that said so.
    Nil(u8),
    /// `+`.
    Status(Vec<u8>),
    /// `-`.
    Error(Vec<u8>),
    /// `:`.
    Int(i64),
    /// `$` and `=`.
    Bulk(Vec<u8>),
    /// `,`, `#` and `(`, as written.
    Scalar(u8, Vec<u8>),
    /// `*`.
    Array(Vec<Reply>),
    /// `~`.
    Set(Vec<Reply>),
    /// `%`, keys and values in turn.
    Map(Vec<Reply>),
    /// `>`.
    Push(Vec<Reply>),
}

impl Reply {
    /// Name of its shape in the catalog's syntax lines, protocols made alike.
    pub fn shape(&self) -> String {
        let name = match self {
            Self::Nil(_) => "nil",
            Self::Status(_) => "status",
            Self::Error(text) => {
                let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
                return format!("-{}", String::from_utf8_lossy(&text[..end]));
            }
            Self::Int(_) | Self::Scalar(b'#', _) => "int",
            Self::Bulk(_) | Self::Scalar(..) => "bulk",
            Self::Array(_) | Self::Set(_) | Self::Map(_) | Self::Push(_) => "array",
        };
        name.to_owned()
    }

    /// Elements of anything that has some.
    pub fn elements(&self) -> Option<&[Reply]> {
        match self {
            Self::Array(all) | Self::Set(all) | Self::Map(all) | Self::Push(all) => Some(all),
            _ => None,
        }
    }

    /// The reply with the elements of sets and the pairs of maps in order, at every depth.
    pub fn settled(self) -> Self {
        let each = |all: Vec<Self>| all.into_iter().map(Self::settled).collect::<Vec<_>>();
        match self {
            Self::Array(all) => Self::Array(each(all)),
            Self::Push(all) => Self::Push(each(all)),
            Self::Set(all) => {
                let mut all = each(all);
                all.sort();
                Self::Set(all)
            }
            Self::Map(all) => Self::Map(pairs(each(all))),
            other => other,
        }
    }
}

/// Puts pairs in order.
pub fn pairs(all: Vec<Reply>) -> Vec<Reply> {
    let mut chunks: Vec<&[Reply]> = all.chunks(2).collect();
    chunks.sort();
    chunks.concat()
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        match self {
            Self::Nil(kind) => write!(f, "(nil {})", *kind as char),
            Self::Status(line) => write!(f, "+{}", text(line)),
            Self::Error(line) => write!(f, "-{}", text(line)),
            Self::Int(number) => write!(f, ":{number}"),
            Self::Bulk(bytes) => write!(f, "\"{}\"", text(bytes)),
            Self::Scalar(kind, line) => write!(f, "{}{}", *kind as char, text(line)),
            Self::Array(all) => list(f, '*', all),
            Self::Set(all) => list(f, '~', all),
            Self::Map(all) => list(f, '%', all),
            Self::Push(all) => list(f, '>', all),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, kind: char, all: &[Reply]) -> fmt::Result {
    write!(f, "{kind}[")?;
    for (at, one) in all.iter().enumerate() {
        write!(f, "{}{one}", if at == 0 { "" } else { ", " })?;
    }
    write!(f, "]")
}

/// Reads one reply.
///
/// # Errors
/// The connection ends, or says what no reply is.
pub fn read(from: &mut impl BufRead) -> Result<Reply> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    let [kind, rest @ .., b'\r', b'\n'] = line.as_slice() else {
        bail!("not a reply: {:?}", line.escape_ascii().to_string());
    };
    let length = || -> Result<i64> { Ok(std::str::from_utf8(rest)?.parse()?) };
    Ok(match kind {
        b'+' => Reply::Status(rest.to_vec()),
        b'-' => Reply::Error(rest.to_vec()),
        b':' => Reply::Int(length()?),
        b'_' => Reply::Nil(b'_'),
        b',' | b'#' | b'(' => Reply::Scalar(*kind, rest.to_vec()),
        _ if rest == b"-1" => Reply::Nil(*kind),
        b'$' | b'=' => {
            let mut bytes = vec![0; usize::try_from(length()?)? + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            Reply::Bulk(bytes)
        }
        b'*' => Reply::Array(many(from, length()?)?),
        b'~' => Reply::Set(many(from, length()?)?),
        b'>' => Reply::Push(many(from, length()?)?),
        b'%' => Reply::Map(many(from, length()? * 2)?),
        _ => bail!("not a reply: {:?}", line.escape_ascii().to_string()),
    })
}

fn many(from: &mut impl BufRead, count: i64) -> Result<Vec<Reply>> {
    (0..count).map(|_| read(from)).collect()
}
