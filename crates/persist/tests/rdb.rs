//! RDB files without a server: what is saved is loaded, what is damaged is refused.

mod support;

use engine::keyspace::Entry;
use persist::PersistError;
use persist::rdb::{LoadReport, SaveInfo, Writer, load};
use support::{MemoryDisk, Whole, object, samples, save, string};

const NOW_MS: u64 = 1_700_000_000_000;
const INFO: SaveInfo<'_> = SaveInfo {
    now_ms: NOW_MS,
    used_bytes: 12_345,
    aof_base: false,
    sizes: &[(0, 0); 16],
    functions: &[],
    extra: &[("repl-id", "abc")],
};

fn read(disk: &MemoryDisk, name: &str) -> Result<(Whole, LoadReport), PersistError> {
    let mut space = Whole::new();
    let report = load(disk, name, NOW_MS, &mut |db, entry| space.take(db, entry))?;
    Ok((space, report))
}

fn filled(entries: impl IntoIterator<Item = (u16, Entry)>) -> Whole {
    let mut space = Whole::new();
    entries.into_iter().for_each(|(db, entry)| space.put(db, entry));
    space
}

#[test]
fn what_is_saved_is_loaded() {
    let disk = MemoryDisk::new();
    let mut space = Whole::new();
    let ttls = [None, Some(NOW_MS + 1), Some(u64::MAX >> 1)];
    for (db, ttl) in [0, 3, 15].into_iter().zip(ttls) {
        samples(ttl).into_iter().for_each(|entry| space.put(db, entry));
    }
    let saved = save(&disk, "dump.rdb", &mut space, &INFO).expect("it is saved");
    let (loaded, report) = read(&disk, "dump.rdb").expect("it is loaded");
    assert_eq!(loaded.contents(), space.contents());
    assert_eq!(report.keys, saved.keys);
    assert_eq!(report.bytes, saved.bytes);
    assert_eq!(disk.get("dump.rdb").map(|bytes| bytes.len() as u64), Some(saved.bytes));
    assert_eq!(disk.get("temp-dump.rdb"), None);
    let fact = |name: &str| report.facts.iter().find(|fact| fact.0 == name).map(|f| f.1.as_str());
    assert_eq!(fact("redis-ver"), Some("7.0.15"));
    assert_eq!(fact("ctime"), Some("1700000000"));
    assert_eq!(fact("repl-id"), Some("abc"));
}

#[test]
fn databases_may_come_in_several_runs() {
    let disk = MemoryDisk::new();
    let info = SaveInfo { sizes: &[(2, 0), (1, 1)], aof_base: true, ..INFO };
    let mut writer = Writer::create(&disk, "base.rdb", &info).expect("it is created");
    let entries = [(0, "a", None), (1, "b", Some(NOW_MS + 1)), (0, "c", None), (7, "d", None)];
    for (db, key, at_ms) in entries {
        writer.entry(db, &string(key, b"v", at_ms)).expect("it is written");
    }
    assert_eq!(writer.finish().expect("it is written").keys, 4);
    let (space, report) = read(&disk, "base.rdb").expect("it is loaded");
    let got: Vec<_> = space.contents().into_keys().collect();
    assert_eq!(got, [(0, "a".into()), (0, "c".into()), (1, "b".into()), (7, "d".into())]);
    assert!(report.facts.contains(&("aof-base".into(), "1".into())));
}

#[test]
fn nothing_is_saved_and_loaded_too() {
    let disk = MemoryDisk::new();
    assert_eq!(read(&disk, "dump.rdb").expect("no file is fine").1, LoadReport::default());
    save(&disk, "dump.rdb", &mut Whole::new(), &INFO).expect("it is saved");
    let (space, report) = read(&disk, "dump.rdb").expect("it is loaded");
    assert!(report.found && report.version == 10 && space.contents().is_empty());
}

#[test]
fn dead_keys_stay_behind() {
    let disk = MemoryDisk::new();
    let entry = |key: &str, at_ms| (0, string(key, b"v", Some(at_ms)));
    let mut space = filled([entry("past", 5), entry("now", NOW_MS), entry("later", NOW_MS + 1)]);
    save(&disk, "dump.rdb", &mut space, &INFO).expect("it is saved");
    let (space, report) = read(&disk, "dump.rdb").expect("it is loaded");
    assert_eq!((report.keys, report.dead), (1, 2));
    assert!(space.contents().contains_key(&(0, "later".into())));
}

/// A small file with all that a file can have.
fn small_file() -> Vec<u8> {
    let disk = MemoryDisk::new();
    let mut small = samples(Some(NOW_MS + 5));
    small.retain(|entry| {
        [&b"text"[..], b"n128", b"list1", b"hash1", b"zset1"].contains(&entry.key())
    });
    let mut list = engine::types::List::default();
    list.push_back(b"element");
    let mut space = filled(small.into_iter().map(|entry| (0, entry)));
    space.put(9, object("list", list, None));
    save(&disk, "dump.rdb", &mut space, &INFO).expect("it is saved");
    disk.get("dump.rdb").expect("it was saved")
}

#[test]
fn every_changed_byte_is_refused() {
    let disk = MemoryDisk::new();
    let good = small_file();
    assert!(good.len() < 500, "{}", good.len());
    for at in 0..good.len() {
        for flip in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            disk.set("bad.rdb", bad);
            assert!(read(&disk, "bad.rdb").is_err(), "byte {at} ^ {flip} went unnoticed");
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_refused() {
    let disk = MemoryDisk::new();
    let good = small_file();
    for len in 0..good.len() {
        disk.set("bad.rdb", good[..len].to_vec());
        match read(&disk, "bad.rdb") {
            Err(PersistError::Damaged { offset, .. }) => assert!(offset <= len as u64),
            other => panic!("cut at {len}: {:?}", other.map(|(_, report)| report)),
        }
    }
    disk.set("bad.rdb", [&good[..], b"x"].concat());
    assert!(read(&disk, "bad.rdb").is_err());
}

#[test]
fn a_changed_byte_never_panics_without_a_checksum() {
    let disk = MemoryDisk::new();
    let mut good = small_file();
    let sum_at = good.len() - 8;
    good[sum_at..].fill(0);
    disk.set("ok.rdb", good.clone());
    assert!(read(&disk, "ok.rdb").is_ok(), "a checksum of 0 means that there is none");
    for at in 0..sum_at {
        for byte in [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xfb, 0xfe, 0xff] {
            let mut bad = good.clone();
            bad[at] = byte;
            disk.set("bad.rdb", bad);
            drop(read(&disk, "bad.rdb"));
        }
    }
}

/// A file of version 10 without a checksum around `body`.
fn file_of(body: &[u8]) -> Vec<u8> {
    [b"REDIS0010", body, &[0xff; 1], &[0; 8]].concat()
}

#[test]
fn messages_name_the_place_and_the_key() {
    let disk = MemoryDisk::new();
    for (bytes, want) in [
        (b"".to_vec(), "f.rdb is damaged at byte 0: it ends in the middle"),
        (
            b"RADIS0010".to_vec(),
            "f.rdb is damaged at byte 9: it does not start as an RDB file does",
        ),
        (b"REDIS00x0".to_vec(), "f.rdb is damaged at byte 9: the version is not a number"),
        (
            b"REDIS0013".to_vec(),
            "f.rdb cannot be loaded: at byte 9, version 13 of the format is not known",
        ),
        (
            file_of(b"\x07\x06module"),
            "f.rdb cannot be loaded: at byte 17, \
             key \"module\": module values (type 7) are not supported",
        ),
        (
            file_of(b"\x63\x01k"),
            "f.rdb is damaged at byte 12: key \"k\": a value has an unknown type",
        ),
        (
            file_of(b"\x02\x01k\x02\x01a\x01a"),
            "f.rdb is damaged at byte 17: key \"k\": a collection holds the same element twice",
        ),
        (
            file_of(b"\xfe\x80\x00\x01\x00\x00"),
            "f.rdb is damaged at byte 15: there is no database 65536",
        ),
        (
            file_of(b"\xfe\x10\x00\x01k\x01v"),
            "f.rdb cannot be loaded: at byte 16, \
             key \"k\" is in database 16: there are not as many databases",
        ),
        (
            file_of(b"\x00\x01k\x01v\x00\x01k\x01w"),
            "f.rdb is damaged at byte 19: key \"k\" comes twice",
        ),
        (file_of(b"\xf7\x00"), "f.rdb cannot be loaded: at byte 10, it holds data of a module"),
    ] {
        disk.set("f.rdb", bytes);
        let error = read(&disk, "f.rdb").err().expect("it is refused");
        assert_eq!(error.to_string(), want);
    }
}

#[test]
fn older_and_newer_marks_are_understood() {
    let disk = MemoryDisk::new();
    // Times in seconds, idle times, frequencies, hints of a cluster, functions, empty collections.
    let body = b"\xfe\x02\xfb\x03\x01\xf4\x00\x01\x00\xf5\x04code\
        \xfd\xff\xff\xff\x7f\x00\x01a\x01x\
        \xf8\x05\x00\x01b\xc0\x07\xf9\x03\x00\x01c\x01z\x02\x01e\x00";
    disk.set("f.rdb", file_of(body));
    let (space, report) = read(&disk, "f.rdb").expect("it is loaded");
    assert_eq!((report.keys, report.empty, report.functions), (3, 1, vec![b"code".to_vec()]));
    let all = space.contents();
    assert_eq!(all[&(2, "a".into())], ("x".into(), Some(0x7fff_ffff * 1000)));
    assert_eq!(all[&(2, "b".into())], ("7".into(), None));
    // Before version 5 there was no checksum.
    disk.set("f.rdb", b"REDIS0003\xfe\x00\x00\x01k\x01v\xff".to_vec());
    assert_eq!(read(&disk, "f.rdb").expect("it is loaded").1.keys, 1);
}

#[test]
fn a_save_that_fails_leaves_the_old_file_and_nothing_else() {
    let good = MemoryDisk::new();
    save(&good, "dump.rdb", &mut Whole::new(), &INFO).expect("it is saved");
    let old = good.get("dump.rdb");
    let mut space = filled(samples(None).into_iter().map(|entry| (0, entry)));
    for (disk, held, want) in [
        (MemoryDisk { room_bytes: 1_000, ..good.clone() }, None, "cannot write"),
        (MemoryDisk { room_bytes: 400_000, ..good.clone() }, None, "cannot write"),
        (MemoryDisk { fail_sync: true, ..good.clone() }, None, "cannot write"),
        (MemoryDisk { fail_rename: true, ..good.clone() }, None, "cannot rename"),
        (good.clone(), Some(200), "shard 200 is held"),
    ] {
        space.held = held;
        let error = save(&disk, "dump.rdb", &mut space, &INFO).expect_err("it fails").to_string();
        assert!(error.contains(want), "{error}");
        assert_eq!(good.get("dump.rdb"), old, "{want}");
        assert_eq!(good.get("temp-dump.rdb"), None, "{want}");
    }
}
