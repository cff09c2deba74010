//! What the tests of this crate share: a keyspace of all shards, files in memory, values in words.
#![allow(dead_code, reason = "each test binary uses its own part")]

use engine::keyspace::{Entry, SHARDS, Value, ValueRef, shard_of};
use engine::types::Stream;
use engine::types::stream::Id;
use engine::types::{Collection, Hash, List, Object, Set, SortedSet};
use engine::{Keyspace, Shard};
use persist::PersistError;
use persist::rdb::{self, Refusal, SaveInfo, SaveReport};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use stdx::hash::HashSeed;
use stdx::{Disk, DiskFile};

/// Number of databases.
pub const DBS: u16 = 16;

/// All shards, held by nobody else, except one that a test may take away.
pub struct Whole {
    shards: Vec<Shard>,
    seed: HashSeed,
    pub held: Option<u8>,
}

impl Keyspace for Whole {
    fn shard(&mut self, id: u8) -> Option<&mut Shard> {
        if self.held == Some(id) { None } else { self.shards.get_mut(usize::from(id)) }
    }
    fn held(&self, id: u8) -> Option<&Shard> {
        self.shards.get(usize::from(id))
    }
    fn seed(&self) -> HashSeed {
        self.seed
    }
}

impl Whole {
    pub fn new() -> Self {
        let seed = HashSeed::from_bytes([7; 16]);
        Self { shards: (0..SHARDS).map(|_| Shard::new(seed)).collect(), seed, held: None }
    }

    pub fn put(&mut self, db: u16, entry: Entry) {
        self.take(db, entry).expect("the database is there and the key is new");
    }

    pub fn take(&mut self, db: u16, entry: Entry) -> Result<(), Refusal> {
        if db >= DBS {
            return Err(Refusal::NoSuchDb);
        }
        let hash = self.seed.hash(entry.key());
        let database = self.shards[usize::from(shard_of(hash))].db_or_new(db);
        if database.find(hash, entry.key()).is_some() {
            return Err(Refusal::Duplicate);
        }
        database.insert(hash, entry);
        Ok(())
    }

    /// Everything as `db key => value`, in order.
    pub fn contents(&self) -> Contents {
        let mut all = Contents::new();
        for shard in &self.shards {
            shard.check_invariants();
            for db in 0..DBS {
                let entries = shard.db(db).into_iter().flat_map(|part| part.table().iter());
                all.extend(entries.map(|entry| describe(db, entry)));
            }
        }
        all
    }
}

/// Database and key, with value and time of death.
pub type Contents = BTreeMap<(u16, String), (String, Option<u64>)>;

/// An entry in words.
pub fn describe(db: u16, entry: &Entry) -> ((u16, String), (String, Option<u64>)) {
    ((db, show(entry.key())), (value(entry), entry.expiry_ms()))
}

pub fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn value(entry: &Entry) -> String {
    let (kind, mut words) = match entry.value() {
        ValueRef::Bytes(bytes) => return show(bytes),
        ValueRef::Object(Object::Bytes(bytes)) => return show(bytes),
        ValueRef::Object(Object::Pages(pages)) => return show(&pages.to_vec()),
        ValueRef::Integer(number) => return number.to_string(),
        ValueRef::Object(Object::List(list)) => {
            return format!("list {}", list.iter().map(show).collect::<Vec<_>>().join(" "));
        }
        ValueRef::Object(Object::Set(set)) => {
            ("set", set.iter().map(|member| member.with(show)).collect())
        }
        ValueRef::Object(Object::Hash(hash)) => {
            ("hash", hash.iter().map(|(f, v)| format!("{}={}", show(f), show(v))).collect())
        }
        ValueRef::Object(Object::SortedSet(zset)) => {
            let pairs = zset.iter().map(|(m, s)| format!("{}={}", show(m), score(s)));
            ("zset", pairs.collect::<Vec<_>>())
        }
        ValueRef::Object(Object::Stream(stream)) => return format!("stream {}", of_stream(stream)),
    };
    words.sort();
    format!("{kind} {}", words.join(" "))
}

/// Entries, numbers and groups.
fn of_stream(stream: &Stream) -> String {
    let mut words: Vec<String> = Vec::new();
    let text = |id: Id| show(&id.text());
    for entry in stream.range(Id::MIN, Id::MAX) {
        let pairs = entry.pairs().map(|(f, v)| format!("{}={}", f.with(show), v.with(show)));
        words.push(format!("{}:{}", text(entry.id), pairs.collect::<Vec<_>>().join(",")));
    }
    let (last, deleted) = (text(stream.last_id), text(stream.deleted_id));
    words.push(format!("last {last} deleted {deleted} added {}", stream.added));
    for group in stream.groups().iter() {
        let (name, last) = (show(group.name()), text(group.last_id));
        words.push(format!("group {name} {last} {:?}", group.read));
        for pending in group.pending().iter() {
            let (id, owner) = (text(pending.id), show(&group.owner(pending)));
            words.push(format!("{id} {owner} {} {}", pending.delivered_ms(), pending.count));
        }
        words.extend(group.consumers().iter().map(|consumer| show(consumer.name())));
    }
    words.join(" ")
}

/// A score that reads the same from us and from Redis.
pub fn score(value: f64) -> String {
    format!("{value:?}")
}

pub fn string(key: &str, text: &[u8], expiry_ms: Option<u64>) -> Entry {
    Entry::new(key.as_bytes(), Value::string(text), expiry_ms)
}

pub fn object(key: &str, object: impl Collection, expiry_ms: Option<u64>) -> Entry {
    Entry::new(key.as_bytes(), Value::Object(Box::new(object.into_object())), expiry_ms)
}

/// Saves all of `space` under a temporary name and gives it `name`.
pub fn save(
    disk: &dyn Disk,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
) -> Result<SaveReport, PersistError> {
    let temp = format!("temp-{name}");
    let report = rdb::save(disk, &temp, space, info, &mut || {})?;
    rdb::publish(disk, &temp, name).map(|()| report)
}

/// Entries of every type: small, large, with numbers and with bytes of all values.
pub fn samples(expiry_ms: Option<u64>) -> Vec<Entry> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let mut entries = vec![
        string("empty", b"", expiry_ms),
        string("text", b"some text", expiry_ms),
        string("bytes", &all_bytes, expiry_ms),
        string("long", "0123456789abcdef".repeat(20_000).as_bytes(), expiry_ms),
        string("repeated", &[b'x'; 3_000], expiry_ms),
        string("not-a-number", b"007", expiry_ms),
        string(&"k".repeat(300), b"long key", expiry_ms),
        string("12345", b"number key", expiry_ms),
    ];
    for number in [0, 127, -128, 128, 32_767, -32_769, i64::from(i32::MAX), i64::MIN, i64::MAX] {
        entries.push(string(&format!("n{number}"), number.to_string().as_bytes(), expiry_ms));
    }
    for size in [1u32, 20, 700] {
        let (mut list, mut set, mut integers) = (List::new(), Set::new(), Set::new());
        let (mut hash, mut zset) = (Hash::new(), SortedSet::new());
        for i in 0..size {
            let word = [format!("w{i}").as_bytes(), &all_bytes[..i as usize % 90]].concat();
            list.push_back(&word);
            list.push_back((i64::from(i) * 1_000_003).to_string().as_bytes());
            set.insert(&word);
            integers.insert((i64::from(i).pow(5) - 50).to_string().as_bytes());
            hash.insert(&word, i.to_string().as_bytes());
            hash.insert(i.to_string().as_bytes(), &word);
            zset.insert(&word, f64::from(i) / 3.0);
        }
        zset.insert(b"lowest", f64::NEG_INFINITY);
        zset.insert(b"highest", f64::INFINITY);
        zset.insert(b"tiny", 5e-324);
        entries.push(object(&format!("list{size}"), list, expiry_ms));
        entries.push(object(&format!("set{size}"), set, expiry_ms));
        entries.push(object(&format!("integers{size}"), integers, expiry_ms));
        entries.push(object(&format!("hash{size}"), hash, expiry_ms));
        entries.push(object(&format!("zset{size}"), zset, expiry_ms));
    }
    let mut long_element = List::new();
    long_element.push_back(&vec![b'e'; 100_000]);
    entries.push(object("long-element", long_element, expiry_ms));
    entries
}

/// Files in memory. Writing beyond `room_bytes` of one file fails.
#[derive(Clone)]
pub struct MemoryDisk {
    pub files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    pub room_bytes: usize,
    pub fail_sync: bool,
    pub fail_rename: bool,
}

impl MemoryDisk {
    pub fn new() -> Self {
        let files = Arc::default();
        Self { files, room_bytes: usize::MAX, fail_sync: false, fail_rename: false }
    }

    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.files.lock().expect("no test panics with it").get(name).cloned()
    }

    pub fn set(&self, name: &str, bytes: Vec<u8>) {
        self.files.lock().expect("no test panics with it").insert(name.into(), bytes);
    }
}

impl Disk for MemoryDisk {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let bytes = self.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(bytes)))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.set(name, Vec::new());
        Ok(Box::new(MemoryFile { disk: self.clone(), name: name.into() }))
    }
    fn append(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.get(name).is_none() {
            self.set(name, Vec::new());
        }
        Ok(Box::new(MemoryFile { disk: self.clone(), name: name.into() }))
    }
    fn len(&self, name: &str) -> io::Result<u64> {
        self.get(name).map(|bytes| bytes.len() as u64).ok_or(io::ErrorKind::NotFound.into())
    }
    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        let mut files = self.files.lock().expect("no test panics with it");
        let file = files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.truncate(len as usize);
        Ok(())
    }
    fn create_directory(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn sync_directory(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if self.fail_rename {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut files = self.files.lock().expect("no test panics with it");
        let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.into(), bytes);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        let mut files = self.files.lock().expect("no test panics with it");
        files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    name: String,
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut files = self.disk.files.lock().expect("no test panics with it");
        let file = files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        let room = self.disk.room_bytes.saturating_sub(file.len());
        if room == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        file.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        if self.disk.fail_sync { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.disk.truncate(&self.name, len)
    }
}
