//! All command rows, and finding one by name.

pub mod bitmap;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod scripting;
pub mod server;
pub mod set;
pub mod stream;
pub mod string;
pub mod zset;

use crate::command::{Command, Flags};

/// The families' tables, in the order of COMMAND.
pub const TABLES: &[&[Command]] = &[
    string::ROWS,
    bitmap::ROWS,
    generic::ROWS,
    hash::ROWS,
    hyperloglog::ROWS,
    list::ROWS,
    set::ROWS,
    zset::ROWS,
    geo::ROWS,
    stream::ROWS,
    server::TRANSACTIONS,
    server::PUBSUB,
    server::CONNECTION,
    scripting::ROWS,
    server::SERVER,
];

/// A command's place in [`Index::rows`].
pub type CommandId = u16;

/// The longest name that can match, which bounds the work an unknown name causes.
const NAME_BYTES_MAX: usize = 32;

/// Rows with an open-addressed table by name.
#[derive(Debug)]
pub struct Index {
    /// Subcommands come last.
    rows: Vec<&'static Command>,
    /// Their names.
    names: Vec<Name>,
    /// How many are no subcommands.
    plain: usize,
    slots: Vec<CommandId>,
}

const EMPTY: CommandId = CommandId::MAX;

impl Index {
    /// All rows of [`TABLES`].
    #[must_use]
    pub fn new() -> Self {
        let mut rows: Vec<&'static Command> = TABLES.iter().copied().flatten().collect();
        rows.sort_by_key(|row| row.name.contains('|'));
        let plain = rows.partition_point(|row| !row.name.contains('|'));
        let slots = vec![EMPTY; (rows.len() * 4).next_power_of_two()];
        let name = |row: &&Command| Name::of(&[row.name.as_bytes()]).unwrap_or_default();
        let names = rows.iter().map(name).collect();
        let mut index = Self { slots, names, plain, rows };
        for id in 0..index.rows.len() {
            let at = index.probe(index.names[id].hash(), |found| found == EMPTY);
            index.slots[at] = id as CommandId;
        }
        index
    }

    /// All rows; a [`CommandId`] is a place in here.
    #[must_use]
    pub fn rows(&self) -> &[&'static Command] {
        &self.rows
    }

    /// The row of a command.
    #[inline]
    #[must_use]
    pub fn row(&self, id: CommandId) -> &'static Command {
        self.rows[usize::from(id)]
    }

    /// Finds a command by name, in any case. `container|sub` finds a subcommand.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        self.find_joined(&[name])
    }

    #[inline]
    fn find_joined(&self, parts: &[&[u8]]) -> Option<CommandId> {
        let name = Name::of(parts)?;
        let at = self.probe(name.hash(), |id| id == EMPTY || self.names[usize::from(id)] == name);
        Some(self.slots[at]).filter(|&id| id != EMPTY)
    }

    /// Finds the command that a request's first words name, subcommands included.
    ///
    /// # Errors
    /// [`Missing`] says what is not there.
    #[inline]
    pub fn resolve(&self, name: &[u8], sub: Option<&[u8]>) -> Result<CommandId, Missing> {
        let found = self.find(name).filter(|id| usize::from(*id) < self.plain);
        let id = found.ok_or(Missing::Command)?;
        if !self.row(id).flags.has(Flags::CONTAINER) {
            return Ok(id);
        }
        let Some(sub) = sub else { return Ok(id) };
        self.find_joined(&[name, b"|", sub]).ok_or(Missing::Subcommand(id))
    }

    #[inline]
    fn probe(&self, hash: usize, done: impl Fn(CommandId) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash & mask;
        while !done(self.slots[at]) {
            at = (at + 1) & mask;
        }
        at
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`Index::resolve`] did not find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No such command.
    Command,
    /// The container exists, the subcommand does not.
    Subcommand(CommandId),
}

/// A name in lower case, zeros behind it.
#[derive(Debug, Default)]
struct Name {
    words: [u64; NAME_BYTES_MAX / 8],
    len: usize,
}

impl PartialEq for Name {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.used() == other.used()
    }
}

impl Name {
    /// The parts one after the other; `None` when they are too long for any command.
    #[inline]
    fn of(parts: &[&[u8]]) -> Option<Self> {
        let mut bytes = [0; NAME_BYTES_MAX];
        let mut len = 0;
        for part in parts {
            let place = bytes.get_mut(len..len + part.len())?;
            // A loop, as a call would take longer for so few.
            place.iter_mut().zip(*part).for_each(|(to, from)| *to = *from);
            len += part.len();
        }
        let (words, _) = bytes.as_chunks::<8>();
        let mut name = Self { words: [0; NAME_BYTES_MAX / 8], len };
        for (to, from) in name.words.iter_mut().zip(&words[..len.div_ceil(8)]) {
            *to = lower(u64::from_le_bytes(*from));
        }
        Some(name)
    }

    #[inline]
    fn used(&self) -> &[u64] {
        &self.words[..self.len.div_ceil(8)]
    }

    #[inline]
    fn hash(&self) -> usize {
        let mut h = self.len as u64;
        for word in self.used() {
            h = (h.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        (h >> 32) as usize
    }
}

/// Eight bytes at once, those from `A` to `Z` in lower case.
#[inline]
fn lower(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    // The highest bit of each byte: from `A` on, and behind `Z`.
    let (from, behind) = (low + (0x80 - b'A' as u64) * EACH, low + (0x7f - b'Z' as u64) * EACH);
    let upper = (from ^ behind) & !word & (0x80 * EACH);
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Keys, Lock};

    #[test]
    fn every_row_is_found_and_names_are_unique() {
        let index = Index::new();
        for (id, row) in index.rows().iter().enumerate() {
            assert_eq!(index.find(row.name.as_bytes()), Some(id as CommandId), "{}", row.name);
            let upper = row.name.to_ascii_uppercase();
            assert_eq!(index.find(upper.as_bytes()), Some(id as CommandId), "{}", row.name);
        }
        assert_eq!(index.find(b"nosuch"), None);
        assert_eq!(index.find(b"get\0"), None);
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([byte; 8]);
            assert_eq!(lower(word), u64::from_le_bytes([byte.to_ascii_lowercase(); 8]));
        }
        assert_eq!(index.find(&[b'x'; 300]), None);
    }

    #[test]
    fn rows_are_consistent() {
        for row in Index::new().rows() {
            let name = row.name;
            assert!(name.len() <= NAME_BYTES_MAX, "{name}");
            assert!(row.summary.ends_with('.'), "{name}: the summary is a sentence");
            assert!(row.arity != 0, "{name}");
            let both = Flags::WRITE | Flags::READONLY;
            assert!(!row.flags.has(both), "{name} cannot both write and only read");
            let has_keys = row.keys != Keys::None;
            assert!(row.lock != Lock::Keys || has_keys, "{name}: keys and lock");
            let holds = matches!(row.lock, Lock::Keys | Lock::Exclusive);
            assert!(!has_keys || holds, "{name}: keys and lock");
            if let Some(container) = row.container() {
                let id = Index::new().find(container.as_bytes()).expect("the container has a row");
                assert!(Index::new().row(id).flags.has(Flags::CONTAINER), "{name}");
            }
        }
    }

    #[test]
    fn resolves_subcommands() {
        let index = Index::new();
        let id = index.resolve(b"Client", Some(b"ID")).expect("CLIENT ID exists");
        assert_eq!(index.row(id).name, "client|id");
        assert!(matches!(index.resolve(b"client", Some(b"x")), Err(Missing::Subcommand(_))));
        assert_eq!(index.resolve(b"x", None), Err(Missing::Command));
        assert_eq!(index.resolve(b"client|id", None), Err(Missing::Command));
    }
}
