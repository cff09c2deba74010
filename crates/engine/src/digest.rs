//! The signature of a data set, as Redis computes it: equal data give equal signatures, in
//! whatever order and form they are kept. Knows no commands.

use crate::error::CommandError;
use crate::keyspace::{Entry, Keyspace, SHARDS, ValueRef};
use crate::types::Object;
use crate::types::stream::Id;
use sha1::{Digest as _, Sha1};
use std::fmt;

/// 160 bits that grow by mixing bytes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

/// Numbers that Redis gives to its types.
const STRING: u32 = 0;
const LIST: u32 = 1;
const SET: u32 = 2;
const SORTED_SET: u32 = 3;
const HASH: u32 = 4;
const STREAM: u32 = 6;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Digest {
    /// Adds something whose order does not matter.
    fn add(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(own, other)| *own ^= other);
    }

    /// Adds something whose order matters.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds a pair whose place among other pairs does not matter.
    fn add_pair(&mut self, a: &[u8], b: &[u8]) {
        let mut pair = Self::default();
        pair.mix(a);
        pair.mix(b);
        self.add(&pair.0);
    }

    fn mix_value(&mut self, entry: &Entry) {
        self.mix(&kind(&entry.value()).to_be_bytes());
        match entry.value() {
            ValueRef::Bytes(bytes) => self.mix(bytes),
            ValueRef::Object(Object::Bytes(bytes)) => self.mix(bytes),
            ValueRef::Object(Object::Pages(pages)) => self.mix(&pages.to_vec()),
            ValueRef::Integer(number) => self.mix(number.to_string().as_bytes()),
            ValueRef::Object(Object::List(list)) => {
                list.iter().for_each(|element| self.mix(element));
            }
            ValueRef::Object(Object::Set(set)) => {
                set.iter().for_each(|member| member.with(|bytes| self.add(bytes)));
            }
            ValueRef::Object(Object::SortedSet(zset)) => {
                for (member, score) in zset.iter() {
                    self.add_pair(member, resp::double::Decimal::new().format(score).as_bytes());
                }
            }
            ValueRef::Object(Object::Hash(hash)) => {
                hash.iter().for_each(|(field, value)| self.add_pair(field, value));
            }
            ValueRef::Object(Object::Stream(stream)) => {
                for entry in stream.range(Id::MIN, Id::MAX) {
                    self.mix(&entry.id.dotted());
                    for (field, value) in entry.pairs() {
                        field.with(|field| self.mix(field));
                        value.with(|value| self.mix(value));
                    }
                }
            }
        }
        if entry.expiry_ms().is_some() {
            self.add(b"!!expire!!");
        }
    }
}

fn kind(value: &ValueRef<'_>) -> u32 {
    match value {
        ValueRef::Bytes(_)
        | ValueRef::Integer(_)
        | ValueRef::Object(Object::Bytes(_) | Object::Pages(_)) => STRING,
        ValueRef::Object(Object::List(_)) => LIST,
        ValueRef::Object(Object::Set(_)) => SET,
        ValueRef::Object(Object::SortedSet(_)) => SORTED_SET,
        ValueRef::Object(Object::Hash(_)) => HASH,
        ValueRef::Object(Object::Stream(_)) => STREAM,
    }
}

/// Signature of one value, without its key; zeroes where there is none.
#[must_use]
pub fn of_value(entry: Option<&Entry>) -> Digest {
    let mut digest = Digest::default();
    if let Some(entry) = entry {
        digest.mix_value(entry);
    }
    digest
}

/// Signature of databases 0 to `dbs`, dead keys included as long as they are there.
///
/// # Errors
/// [`CommandError::Busy`] when another loop holds a shard.
pub fn of_all(space: &mut dyn Keyspace, dbs: u16) -> Result<Digest, CommandError> {
    let mut sum = Digest::default();
    for db in 0..dbs {
        let mut any = false;
        for id in 0..SHARDS {
            let shard = space.shard(id as u8).ok_or(CommandError::Busy)?;
            for entry in shard.db(db).iter().flat_map(|db| db.table().iter()) {
                if !any {
                    sum.mix(&u32::from(db).to_be_bytes());
                    any = true;
                }
                let mut digest = Digest::default();
                digest.mix(entry.key());
                digest.mix_value(entry);
                sum.add(&digest.0);
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::Bench;

    /// What `DEBUG DIGEST` of redis-server 7.0.15 says after the same commands.
    #[test]
    fn signatures_are_those_of_redis() {
        let mut bench = Bench::new();
        assert_eq!(of_all(&mut bench.space, 16), Ok(Digest::default()));
        for (line, want) in DIGESTS {
            bench.run(line);
            let got = of_all(&mut bench.space, 16).expect("nobody else is there").to_string();
            assert_eq!(got, *want, "{line}");
        }
    }

    const DIGESTS: &[(&str, &str)] = &[
        ("SET text hello", "1c636bd6892ee3583fee4f2a4b57b6aff15ec86b"),
        ("SET number 12345", "e9fc95e5393750f1d44ebd768381dcf7e07c279f"),
        ("RPUSH list a b 17", "2c98a11fc599a0d58544fa9f60076d0e421e2782"),
        ("SADD ints 3 1 2", "116f65c087d9b824b0688a46b63df0dbaff01ced"),
        ("SADD words x yy z", "0e35f1cedf18d5f981dcf3ad7c365f6ce03c7d1d"),
        ("ZADD zset 1 a 3.3 b -inf c 1e17 d", "1b4a87feb987ea3e186730a62962d7e3f42c76fc"),
        ("HSET hash f v g 12", "79e59e55eb727be0e06af65c9f56bd2b5a215839"),
        ("PEXPIRE text 100000000", "2b61c665b1557f7f402f4cefb2751c8f4cf512f0"),
        ("APPEND text world", "f8104ea650e7e9edbd9d075858bd537e68471f5e"),
        ("XADD stream 5-1 f 1 g two", "5e82c7c6f3484064d956dc2b386daef103a75c60"),
        ("XADD stream 6-1 other value", "2cb9769b9c3ad6230db4a94ff3bb5c6a647aa5d1"),
        ("DEL stream", "f8104ea650e7e9edbd9d075858bd537e68471f5e"),
        ("DEL list", "3d747a5cac4919c9ec9740b1bb3be287ca251f43"),
    ];
}
