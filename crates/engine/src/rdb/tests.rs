//! Tests of the value codec: what is written is read back, and hostile bytes are refused.

use super::*;
use crate::keyspace::{Entry, Value, ValueRef};
use crate::types::stream::{Group, Id};
use crate::types::{Collection, Hash, List, Object, Set, SortedSet, Stream};

/// A value in words, collections in a stable order.
fn readable(entry: &Entry) -> String {
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut words: Vec<String> = match entry.value() {
        ValueRef::Bytes(bytes) => return show(bytes),
        ValueRef::Object(Object::Bytes(bytes)) => return show(bytes),
        ValueRef::Object(Object::Pages(pages)) => return show(&pages.to_vec()),
        ValueRef::Integer(number) => return format!("{number}"),
        ValueRef::Object(Object::List(list)) => {
            return list.iter().map(show).collect::<Vec<_>>().join(" ");
        }
        ValueRef::Object(Object::Set(set)) => set.iter().map(|member| member.with(show)).collect(),
        ValueRef::Object(Object::Hash(hash)) => {
            let death = |field| hash.death_ms(field).map_or("".to_owned(), |at| format!("@{at}"));
            hash.iter()
                .map(|(field, value)| show(field) + "=" + &show(value) + &death(field))
                .collect()
        }
        ValueRef::Object(Object::Stream(stream)) => return of_stream(stream),
        ValueRef::Object(Object::SortedSet(zset)) => {
            zset.iter().map(|(member, score)| format!("{}={score}", show(member))).collect()
        }
    };
    words.sort();
    words.join(" ")
}

/// Entries, numbers and groups.
fn of_stream(stream: &Stream) -> String {
    let mut words: Vec<String> = Vec::new();
    for entry in stream.range(Id::MIN, Id::MAX) {
        words.push(format!("{:?}", entry.id.text()));
        words.extend(entry.pairs().map(|(field, value)| format!("{field:?}={value:?}")));
    }
    words.push(format!("{:?}", stream.facts()));
    for group in stream.groups().iter() {
        words.push(format!("{:?} {:?} {:?}", group.name(), group.last_id, group.read));
        words.extend(group.pending().iter().map(|pending| {
            let (owner, delivered_ms) = (group.owner(pending), pending.delivered_ms());
            format!("{:?} {owner:?} {delivered_ms} {}", pending.id, pending.count)
        }));
        words.extend(group.released().map(|id| format!("{id:?}")));
        group.check_invariants();
        let consumers = group.consumers().iter();
        words.extend(consumers.map(|one| format!("{:?} {}", one.name(), one.seen_ms)));
    }
    if let Some(known) = stream.producers() {
        let numbers = (known.duration_s, known.ids_max, known.added, known.duplicates);
        words.push(format!("{numbers:?} {:?}", known.iter().collect::<Vec<_>>()));
    }
    words.join(" ")
}

/// A stream of some entries, some deleted, with two groups.
fn sample_stream(entries: u64) -> Stream {
    let mut stream = Stream::new();
    for i in 1..=entries {
        let (number, long) = ((i * 1_000).to_string(), "x".repeat(i as usize % 90 * 3));
        let words: [&[u8]; 4] = [b"number", number.as_bytes(), b"text", long.as_bytes()];
        let own: [&[u8]; 2] = [number.as_bytes(), b"-0"];
        stream.add(Id { ms: i * 7, seq: i % 3 }, if i % 5 == 0 { &own } else { &words });
    }
    (1..=entries).filter(|i| i % 4 == 1).for_each(|i| {
        stream.delete(Id { ms: i * 7, seq: i % 3 });
    });
    let mut group = Group::new(b"group", Id { ms: 70, seq: 1 }, Some(10));
    for (i, name) in [(2, "ann"), (3, "bob"), (5, "ann")] {
        group.see(name.as_bytes(), 1_000 + i);
        group.give(Id { ms: i * 7, seq: i % 3 }, name.as_bytes(), 2_000 + i, i);
    }
    group.create_consumer(b"nobody", 5);
    if entries > 1 {
        group.create_consumer(b"", 6);
        for i in [6, 4] {
            group.release(Id { ms: i * 7, seq: i % 3 }, i);
        }
    }
    if entries > 3 {
        let producers = stream.producers_mut();
        producers.configure(50, 2);
        for i in 1..=7 {
            let (name, id) = (format!("p{}", i % 2), i.to_string());
            producers.note(name.as_bytes(), id.as_bytes(), Id { ms: i * 7, seq: i % 3 }, 0);
        }
        producers.duplicates = 9;
    }
    stream.add_group(group);
    stream.add_group(Group::new(b"7", Id::MAX, None));
    stream
}

fn encode(entry: &Entry) -> (u8, Vec<u8>) {
    let mut bytes = Vec::new();
    encode::value(&mut bytes, &entry.value());
    (encode::kind_of(&entry.value()), bytes)
}

/// Reads a value, which must use up all bytes.
fn decode(kind: u8, bytes: &[u8]) -> Result<String, String> {
    let mut decoder = Decoder::new(bytes);
    let entry = decoder.entry(kind, b"k", None).map_err(|error| error.to_string())?;
    if !decoder.source.is_empty() {
        return Err("bytes are left".into());
    }
    entry.map(|entry| readable(&entry)).ok_or_else(|| "empty".into())
}

fn samples() -> Vec<Entry> {
    let mut entries: Vec<Entry> = ["", "text", "0", "-1", "127", "128", "-32769", "2147483648"]
        .iter()
        .map(|text| Entry::new(b"k", Value::string(text.as_bytes()), None))
        .collect();
    entries.push(Entry::new(b"k", Value::string("long ".repeat(5_000).as_bytes()), None));
    for size in [1_i32, 3, 600] {
        let (mut list, mut hash, mut mortal) = (List::new(), Hash::new(), Hash::new());
        let (mut integers, mut words, mut zset) = (Set::new(), Set::new(), SortedSet::new());
        for i in 0..size {
            let word = format!("word:{i}");
            list.push_back(word.as_bytes());
            hash.insert(word.as_bytes(), i.to_string().as_bytes());
            mortal.insert(word.as_bytes(), i.to_string().as_bytes());
            let at_ms = 1_700_000_000_000 + u64::from(i.unsigned_abs()) * 999;
            mortal.set_death(word.as_bytes(), (i % 3 > 0).then_some(at_ms));
            integers.insert((i * 7_000 - 100).to_string().as_bytes());
            words.insert(word.as_bytes());
            _ = zset.insert(word.as_bytes(), f64::from(i) * 1.5 - 3.0);
        }
        let objects = [
            list.into_object(),
            hash.into_object(),
            mortal.into_object(),
            integers.into_object(),
            words.into_object(),
            zset.into_object(),
            sample_stream(size as u64).into_object(),
        ];
        entries
            .extend(objects.map(|object| Entry::new(b"k", Value::Object(Box::new(object)), None)));
    }
    entries
}

#[test]
fn what_is_written_is_read_back() {
    for entry in samples() {
        let (kind, bytes) = encode(&entry);
        assert_eq!(decode(kind, &bytes), Ok(readable(&entry)));
    }
}

#[test]
fn a_cut_is_noticed_and_damage_never_panics() {
    for entry in samples().iter().filter(|entry| encode(entry).1.len() < 100) {
        let (kind, bytes) = encode(entry);
        for at in 0..bytes.len() {
            assert!(decode(kind, &bytes[..at]).is_err(), "{kind} cut at {at}");
            for byte in [0, 1, 2, 0x3f, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xfe, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = byte;
                (0..=30).for_each(|kind| drop(decode(kind, &damaged)));
            }
        }
    }
}

#[test]
fn lengths() {
    for len in [0, 63, 64, 16_383, 16_384, u64::from(u32::MAX), u64::from(u32::MAX) + 1, u64::MAX] {
        let mut bytes = Vec::new();
        encode::length(&mut bytes, len);
        assert_eq!(Decoder::new(&bytes[..]).count(), Ok(len));
    }
}

#[test]
fn older_forms() {
    let listpack = &b"\x0c\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff"[..];
    let ziplist = b"\x10\x10\0\0\0\x0d\0\0\0\x02\0\x00\x01a\x03\xf6\xff";
    for (kind, bytes, want) in [
        (3, &b"\x02\x01a\x031.5\x01b\xfe"[..], Ok("a=1.5 b=inf")),
        (3, b"\x01\x01a\xfd", Err("a score is not a number")),
        (5, b"\x01\x01a\0\0\0\0\0\0\xf8\x7f", Err("a score is not a number")),
        (9, b"\x08\x01\x01a\x01\x00b\xff", Err("it ends in the middle")),
        (9, b"\x07\x01\x01a\x01\x00b\xff", Ok("a=b")),
        (10, ziplist, Ok("a 5")),
        (11, b"\x0c\x02\0\0\0\x02\0\0\0\xff\xff\x05\0", Ok("-1 5")),
        (12, ziplist, Ok("a=5")),
        (13, ziplist, Ok("a=5")),
        (14, &[&[2u8][..], ziplist, ziplist].concat(), Ok("a 5 a 5")),
        (16, listpack, Ok("a=5")),
        (17, listpack, Ok("a=5")),
        (18, &[&b"\x02\x01\x01x\x02"[..], listpack].concat(), Ok("x a 5")),
        (18, b"\x01\x03\x01x", Err("a part of a list has an unknown form")),
        (20, listpack, Ok("5 a")),
        (24, b"\x64\0\0\0\0\0\0\0\x02\x01\x01a\x01x\0\x01b\x01y", Ok("a=x@100 b=y")),
        (24, b"\xff\xff\xff\xff\xff\xff\0\0\x01\x01\x01a\x01x", Err("a field dies at no time")),
        (
            25,
            &[&[0; 8], &b"\x0e\x0e\0\0\0\x03\0\x81a\x02\x05\x01\x09\x01\xff"[..]].concat(),
            Ok("a=5@9"),
        ),
        (25, &[&[0; 8], listpack].concat(), Err("a collection of pairs ends within a pair")),
        (2, b"\x02\x01a\x01a", Err("a collection holds the same element twice")),
        (2, b"\x00", Err("empty")),
        (0, b"\xc3\x04\x04\x00a\x40\x00", Err("a packed string does not unpack")),
        (0, b"\xc3\x04\x05\x00a\x40\x00", Ok("aaaaa")),
        (0, b"\xc3\x01\x80\xff\xff\xff\xffa", Err("a packed string claims too much")),
        (0, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff", Err("it ends in the middle")),
        (1, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a", Err("it ends in the middle")),
        (7, b"", Err("module values (type 7) are not supported")),
        (99, b"", Err("a value has an unknown type")),
    ] {
        assert_eq!(decode(kind, bytes), want.map(str::to_owned).map_err(str::to_owned), "{kind}");
    }
}
