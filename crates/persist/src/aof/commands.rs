//! A base as commands (`aof-use-rdb-preamble no`): what rebuilds every key, in the words of Redis.

use crate::PersistError;
use engine::Keyspace;
use engine::commands::stream::produce;
use engine::keyspace::{Entry, ValueRef};
use engine::types::stream::{Consumer, Group, Id, Producers};
use engine::types::{Object, Stream};
use resp::double::Decimal;
use resp::number::{Digits, write_i64};
use std::io::{self, Write};
use std::sync::Arc;
use stdx::{Disk, DiskFile};

/// Elements that one command rebuilds at most, as in Redis.
const ITEMS_MAX: usize = 64;
const BUFFER_BYTES: usize = 256 << 10;

/// Writes entries as commands. After the first error nothing more is written.
pub struct CommandSink {
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    db: Option<u16>,
    written: u64,
    failure: Option<io::Error>,
}

impl CommandSink {
    /// Creates the file `name`; it begins with a note of `time_s`, in Unix seconds, if given.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(disk: &dyn Disk, name: &str, time_s: Option<u64>) -> Result<Self, PersistError> {
        let created = disk.create(name);
        let file =
            created.map_err(|source| PersistError::Create { name: name.to_owned(), source })?;
        let buffer = time_s.map_or_else(Vec::new, time_note);
        Ok(Self { file, buffer, db: None, written: 0, failure: None })
    }

    /// Appends what loads libraries of functions.
    pub fn functions(&mut self, sources: &[Arc<[u8]>]) {
        for source in sources {
            self.command(&[b"FUNCTION", b"LOAD", source]);
        }
    }

    /// Appends what rebuilds an entry.
    pub fn entry(&mut self, db: u16, entry: &Entry) {
        if self.db != Some(db) {
            self.db = Some(db);
            self.command(&[b"SELECT", db.to_string().as_bytes()]);
        }
        let key = entry.key();
        match entry.value() {
            ValueRef::Bytes(bytes) => self.command(&[b"SET", key, bytes]),
            ValueRef::Integer(number) => {
                self.command(&[b"SET", key, number.to_string().as_bytes()]);
            }
            ValueRef::Object(object) => self.object(key, object),
        }
        if let Some(at_ms) = entry.expiry_ms() {
            self.command(&[b"PEXPIREAT", key, at_ms.to_string().as_bytes()]);
        }
        if self.buffer.len() > BUFFER_BYTES {
            self.flush();
        }
    }

    fn object(&mut self, key: &[u8], object: &Object) {
        match object {
            Object::Bytes(bytes) => self.command(&[b"SET", key, bytes]),
            Object::Pages(pages) => self.command(&[b"SET", key, &pages.to_vec()]),
            Object::List(list) => {
                let mut rest = Head::new(b"RPUSH", key, 1, list.len());
                list.iter().for_each(|element| rest.item(self, |sink| sink.word(element)));
            }
            Object::Set(set) => {
                let mut rest = Head::new(b"SADD", key, 1, set.len());
                set.iter().for_each(|member| {
                    rest.item(self, |sink| member.with(|bytes| sink.word(bytes)));
                });
            }
            Object::Hash(hash) => {
                let mut rest = Head::new(b"HMSET", key, 2, hash.len());
                hash.iter().for_each(|(field, value)| {
                    rest.item(self, |sink| {
                        sink.word(field);
                        sink.word(value);
                    });
                });
                let mortal =
                    hash.iter().filter_map(|(field, _)| Some((field, hash.death_ms(field)?)));
                mortal.for_each(|(field, at_ms)| {
                    let mut time = Digits::new();
                    let time = time.format(at_ms as i64);
                    self.command(&[b"HPEXPIREAT", key, time, b"FIELDS", b"1", field]);
                });
            }
            Object::SortedSet(zset) => {
                let mut rest = Head::new(b"ZADD", key, 2, zset.len());
                zset.iter().for_each(|(member, score)| {
                    rest.item(self, |sink| {
                        sink.word(Decimal::new().format(score).as_bytes());
                        sink.word(member);
                    });
                });
            }
            Object::Stream(stream) => self.stream(key, stream),
        }
    }

    fn stream(&mut self, key: &[u8], stream: &Stream) {
        for entry in stream.range(Id::MIN, Id::MAX) {
            self.count(3 + 2 * entry.len);
            [b"XADD", key, &entry.id.text()].into_iter().for_each(|word| self.word(word));
            for (field, value) in entry.pairs() {
                field.with(|field| self.word(field));
                value.with(|value| self.word(value));
            }
        }
        if stream.len() == 0 {
            // There is no other way to make an empty one.
            self.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"]);
        }
        let (last, deleted) = (stream.last_id.text(), stream.deleted_id.text());
        let added = stream.added.to_string();
        let added = [b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", &deleted];
        self.command(&[&[b"XSETID", key, &last][..], &added].concat());
        for group in stream.groups().iter() {
            let (name, last) = (group.name(), group.last_id.text());
            let read = group.read.unwrap_or(-1).to_string();
            let read = [b"ENTRIESREAD", read.as_bytes()];
            self.command(&[&[b"XGROUP", b"CREATE", key, name, &last][..], &read].concat());
            for consumer in group.consumers().iter() {
                self.consumer(key, group, consumer);
            }
            for id in group.released() {
                self.release(key, group, id);
            }
        }
        if let Some(producers) = stream.producers() {
            self.producers(key, producers);
        }
    }

    /// What nobody in a group has, as it is told to replicas.
    fn release(&mut self, key: &[u8], group: &Group, id: Id) {
        let count = group.pending().find(&id).map_or(0, |pending| pending.count);
        let (id, count) = (id.text(), count.to_string());
        let claim = [&b"XCLAIM"[..], key, group.name(), b"", b"0", &id, b"FORCE", b"JUSTID"];
        let rest = [b"RETRYCOUNT", count.as_bytes(), b"IDLE", b"0", b"TIME", b"0"];
        self.command(&[&claim[..], &rest].concat());
    }

    fn producers(&mut self, key: &[u8], producers: &Producers) {
        let config = produce::config_name(producers.duration_s, producers.ids_max);
        self.command(&[b"XACK", key, &config, b"0-0"]);
        for (name, ids) in producers.iter() {
            for (id, entry) in ids {
                let record = produce::record_name(name, id);
                self.command(&[b"XACK", key, &record, &entry.text()]);
            }
        }
    }

    fn consumer(&mut self, key: &[u8], group: &Group, consumer: &Consumer) {
        let (group_name, name) = (group.name(), consumer.name());
        if consumer.pending().len() == 0 {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, group_name, name]);
        }
        for pending in consumer.pending().iter().filter_map(|id| group.pending().find(id)) {
            let (time, count) = (pending.delivered_ms().to_string(), pending.count.to_string());
            let id = pending.id.text();
            let claim = [&b"XCLAIM"[..], key, group_name, name, b"0", &id, b"TIME"];
            let rest = [time.as_bytes(), b"RETRYCOUNT", count.as_bytes(), b"JUSTID", b"FORCE"];
            self.command(&[&claim[..], &rest].concat());
        }
    }

    fn command(&mut self, words: &[&[u8]]) {
        self.count(words.len());
        words.iter().for_each(|word| self.word(word));
    }

    fn count(&mut self, words: usize) {
        self.buffer.push(b'*');
        write_i64(&mut self.buffer, words as i64);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn word(&mut self, word: &[u8]) {
        self.buffer.push(b'$');
        write_i64(&mut self.buffer, word.len() as i64);
        self.buffer.extend_from_slice(b"\r\n");
        self.buffer.extend_from_slice(word);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.file.write_all(&self.buffer).err();
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
    }

    /// Makes the file durable; returns its length.
    ///
    /// # Errors
    /// The first error there was.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush();
        match self.failure {
            Some(error) => Err(error),
            None => self.file.sync().map(|()| self.written),
        }
    }
}

/// An annotation that says when what follows was written.
#[must_use]
pub fn time_note(time_s: u64) -> Vec<u8> {
    format!("#TS:{time_s}\r\n").into_bytes()
}

/// The elements of a collection, a few per command.
struct Head<'k> {
    name: &'static [u8],
    key: &'k [u8],
    /// Words of one element.
    words: usize,
    /// Elements to come.
    left: usize,
    /// Elements that the command begun still takes.
    room: usize,
}

impl<'k> Head<'k> {
    fn new(name: &'static [u8], key: &'k [u8], words: usize, len: usize) -> Self {
        Self { name, key, words, left: len, room: 0 }
    }

    fn item(&mut self, sink: &mut CommandSink, write: impl FnOnce(&mut CommandSink)) {
        if self.room == 0 {
            self.room = self.left.min(ITEMS_MAX);
            sink.count(2 + self.words * self.room);
            sink.word(self.name);
            sink.word(self.key);
        }
        self.room -= 1;
        self.left -= 1;
        write(sink);
    }
}

/// Writes all of `space` to the file `name` as commands; see [`CommandSink::create`].
///
/// # Errors
/// What could not be written; the file is removed.
pub fn save_commands(
    disk: &dyn Disk,
    name: &str,
    time_s: Option<u64>,
    space: &mut dyn Keyspace,
    dbs: u16,
    functions: &[Arc<[u8]>],
) -> Result<u64, PersistError> {
    let failed = |source| PersistError::Write { name: name.to_owned(), source };
    let mut sink = CommandSink::create(disk, name, time_s)?;
    sink.functions(functions);
    for db in 0..dbs {
        for id in 0..=u8::MAX {
            let held = || PersistError::Held { name: name.to_owned(), shard: id };
            if let Some(part) = space.shard(id).ok_or_else(held)?.db(db) {
                part.table().iter().for_each(|entry| sink.entry(db, entry));
            }
        }
    }
    sink.finish().map_err(|source| {
        // What matters is the first error; a file that stays is overwritten next time.
        let _ = disk.remove(name);
        failed(source)
    })
}
