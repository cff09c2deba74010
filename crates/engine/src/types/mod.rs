//! The types of values that are not short strings. Each is behind a small interface of its own, so
//! that its structure can change without its commands.

mod bytes;
mod chunk;
pub mod hash;
mod hashed;
pub mod limits;
pub mod list;
mod mortal;
mod packed;
pub mod pages;
mod ranked;
pub mod set;
mod slots;
pub mod stream;
mod tree;
mod uniform;
pub mod zset;

pub use bytes::Bytes;
pub use hash::Hash;
pub use list::List;
pub use pages::Pages;
pub use set::Set;
pub use stream::Stream;
pub use zset::SortedSet;

/// Elements above which dropping a value is left to the reaper.
const LARGE: usize = 64;
/// Bytes above which a string is kept in pages. Few under test.
const UNPAGED_BYTES_MAX: usize = if cfg!(test) { 3_000 } else { 1 << 20 };

/// A value in a box of its own.
#[derive(Debug)]
pub enum Object {
    /// A long string in one piece.
    Bytes(Vec<u8>),
    /// A longer string in pages.
    Pages(Pages),
    /// A list.
    List(List),
    /// A hash.
    Hash(Hash),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A stream.
    Stream(Box<Stream>),
}

impl Object {
    /// A string.
    #[must_use]
    pub fn string(bytes: &[u8]) -> Self {
        if bytes.len() > UNPAGED_BYTES_MAX {
            Self::Pages(Pages::new(bytes))
        } else {
            Self::Bytes(bytes.to_vec())
        }
    }

    /// Overwrites the bytes of a string from `offset` on; those missing before that become zeros.
    /// False, and nothing done, when it is no string.
    pub fn write(&mut self, offset: usize, patch: &[u8]) -> bool {
        let end = offset + patch.len();
        if let Self::Bytes(bytes) = self {
            if end <= UNPAGED_BYTES_MAX {
                bytes.resize(bytes.len().max(end), 0);
                bytes[offset..end].copy_from_slice(patch);
                return true;
            }
            *self = Self::Pages(Pages::new(bytes));
        }
        let Self::Pages(pages) = self else { return false };
        pages.write(offset, patch);
        true
    }

    /// Name as TYPE gives it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bytes(_) | Self::Pages(_) => "string",
            Self::List(_) => "list",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::Stream(_) => "stream",
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Bytes(_) | Self::Pages(_) => "raw",
            Self::List(list) => list.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::Set(set) => set.encoding(),
            Self::SortedSet(zset) => zset.encoding(),
            Self::Stream(_) => "stream",
        }
    }

    /// True when dropping it takes long.
    #[must_use]
    pub fn is_large(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Pages(_) => true,
            Self::List(list) => list.len() > LARGE,
            Self::Hash(hash) => hash.len() > LARGE,
            Self::Set(set) => set.len() > LARGE,
            Self::SortedSet(zset) => zset.len() > LARGE,
            Self::Stream(stream) => stream.is_large(),
        }
    }

    /// A copy. What is large in it is shared until either is changed, so it takes no long.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Self::Pages(pages) => Self::Pages(pages.clone()),
            Self::List(list) => Self::List(list.clone()),
            Self::Hash(hash) => Self::Hash(hash.clone()),
            Self::Set(set) => Self::Set(set.clone()),
            Self::SortedSet(zset) => Self::SortedSet(zset.clone()),
            Self::Stream(stream) => Self::Stream(stream.clone()),
        }
    }
}

/// A type whose key disappears with its last element.
pub trait Collection: Sized {
    /// True when its elements can have times of death.
    const PARTS_DIE: bool;
    /// An empty one.
    fn new() -> Self;
    /// True when the key is to disappear.
    fn is_empty(&self) -> bool;
    /// This type in an object.
    fn of(object: &Object) -> Option<&Self>;
    /// This type in an object, to change it.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;
    /// As an object.
    fn into_object(self) -> Object;
}

macro_rules! collection {
    ($name:ident, $empty:expr, parts die: $parts_die:expr) => {
        impl Collection for $name {
            const PARTS_DIE: bool = $parts_die;
            fn new() -> Self {
                $empty
            }
            fn is_empty(&self) -> bool {
                self.len() == 0
            }
            fn of(object: &Object) -> Option<&Self> {
                if let Object::$name(value) = object { Some(value) } else { None }
            }
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$name(value) = object { Some(value) } else { None }
            }
            fn into_object(self) -> Object {
                Object::$name(self)
            }
        }
    };
}

collection!(List, List::default(), parts die: false);
collection!(Hash, Hash::default(), parts die: true);
collection!(Set, Set::default(), parts die: false);
collection!(SortedSet, SortedSet::default(), parts die: false);

impl Collection for Stream {
    const PARTS_DIE: bool = false;

    fn new() -> Self {
        Self::default()
    }
    /// Its key stays when its last entry goes.
    fn is_empty(&self) -> bool {
        false
    }
    fn of(object: &Object) -> Option<&Self> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }
    fn of_mut(object: &mut Object) -> Option<&mut Self> {
        if let Object::Stream(stream) = object { Some(stream) } else { None }
    }
    fn into_object(self) -> Object {
        Object::Stream(Box::new(self))
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    #[test]
    fn a_million_random_operations_on_every_collection_match_a_plain_model() {
        super::model::run_all(1_000_000, &[10, 30, 90]);
    }
}
