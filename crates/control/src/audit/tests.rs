//! The audit log as files: written, turned over, torn, reopened, damaged in every way one can think
//! of, and verified.

use super::anchor::{Anchor, Found};
use super::chain::ChainKey;
use super::files::Files;
use super::log::{Limits, Log};
use super::lookup::Query;
use super::verify::{Report, verify};
use super::{Durability, UsedNonce, interrupted, used_nonces};
use crate::testing::Scratch;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use stdx::random::Rng;

const NOW: i64 = crate::testing::NOW_UNIX_MS;

fn key() -> ChainKey {
    ChainKey::new(&[9; 32])
}

fn limits(file_bytes_max: u64, files_max: usize) -> Limits {
    Limits { file_bytes_max, files_max, keep_ms: i64::MAX }
}

fn open(directory: &Path, limits: Limits) -> Log {
    Log::open(directory, key(), limits, NOW).expect("opened")
}

fn write(log: &mut Log, count: u64) {
    for n in 0..count {
        let line = crate::actions::object(json!({"event": "end", "n": n, "text": "x".repeat(40)}));
        let durability = if n % 3 == 0 { Durability::Synced } else { Durability::Buffered };
        log.append(line, durability, NOW).expect("written");
    }
}

fn check(directory: &Path) -> Report {
    verify(directory, &key()).expect("read")
}

fn events(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (_, path) in Files::of(directory).all().expect("listed") {
        let text = fs::read_to_string(path).expect("read");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        found.extend(lines.map(|line| line["event"].as_str().expect("an event").to_owned()));
    }
    found.retain(|event| event != "end" && event != "turned");
    found
}

#[test]
fn a_log_over_many_files_and_starts_is_whole() {
    let scratch = Scratch::new();
    for _ in 0..3 {
        write(&mut open(scratch.path(), limits(600, 100)), 20);
    }
    let report = check(scratch.path());
    assert_eq!((report.findings, report.notes), (vec![], vec![]));
    assert_eq!(report.lines, report.newest_seq);
    assert!(report.files > 10 && report.lines == 62 + report.files as u64);
    assert_eq!(events(scratch.path()), ["started"; 3]);
}

#[test]
fn what_is_dropped_is_told_and_still_whole() {
    let scratch = Scratch::new();
    let mut log = open(scratch.path(), limits(600, 2));
    write(&mut log, 40);
    let report = check(scratch.path());
    assert_eq!(report.findings, []);
    assert_eq!(report.files, 3);
    let Found::Whole(anchor) = log.anchor() else { panic!("an anchor") };
    assert!(anchor.first_seq > 20, "{anchor:?}");
    assert!(events(scratch.path()).contains(&"dropped".to_owned()));
    let short = Limits { keep_ms: 1, ..limits(600, 100) };
    let much_later = i64::MAX / 2;
    Log::open(scratch.path(), key(), short, much_later).expect("opened");
    assert_eq!(check(scratch.path()).files, 1);
    // Who takes away what retention would have kept is noticed.
    write(&mut open(scratch.path(), limits(600, 100)), 20);
    fs::remove_file(&Files::of(scratch.path()).set_aside().expect("listed")[0].1).expect("removed");
    assert_ne!(check(scratch.path()).findings, []);
}

#[test]
fn a_torn_line_is_cut_off_and_told() {
    let scratch = Scratch::new();
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 5);
    let current = Files::of(scratch.path()).current();
    let whole = fs::read(&current).expect("read");
    let torn = [&whole[..], b"{\"seq\":7,\"pre"].concat();
    fs::write(&current, &torn).expect("written");
    let report = check(scratch.path());
    assert_eq!((report.findings.len(), report.notes.len()), (0, 1));
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 1);
    assert_eq!(events(scratch.path()), ["started", "repaired", "started"]);
    let report = check(scratch.path());
    assert_eq!((report.findings.len(), report.notes.len(), report.lines), (0, 1, 9));
}

#[test]
fn a_line_that_came_before_its_anchor_counts() {
    let scratch = Scratch::new();
    let mut log = open(scratch.path(), limits(1 << 20, 2));
    write(&mut log, 3);
    let anchor = fs::read(Files::of(scratch.path()).anchor()).expect("read");
    write(&mut log, 2);
    drop(log);
    fs::write(Files::of(scratch.path()).anchor(), anchor).expect("written");
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 1);
    let report = check(scratch.path());
    assert_eq!((report.findings, report.lines), (vec![], 8));
}

#[test]
fn after_a_crash_of_the_system_only_what_was_not_synced_may_be_gone() {
    for (kept, found) in [(8, "recovered"), (7, "recovered"), (6, "recovered"), (4, "damaged")] {
        let scratch = Scratch::new();
        let files = Files::of(scratch.path());
        // Lines 1 (started), 2 and 5 are synced.
        write(&mut open(scratch.path(), limits(1 << 20, 2)), 7);
        let Found::Whole(anchor) = Anchor::read(&files.anchor(), &key()).expect("read") else {
            panic!("an anchor");
        };
        let anchor = Anchor { boot_id: "of before".into(), synced_seq: 5, ..anchor };
        let file = Anchor::open(&files.anchor()).expect("opened");
        anchor.write(&file, &key()).expect("written");
        let text = fs::read_to_string(files.current()).expect("read");
        let lines: String = text.split_inclusive('\n').take(kept).collect();
        fs::write(files.current(), lines).expect("written");
        let kept_all = kept == text.lines().count();
        drop(open(scratch.path(), limits(1 << 20, 2)));
        let events = events(scratch.path());
        assert_eq!(events.contains(&found.to_owned()), !kept_all, "{kept} {events:?}");
        assert_eq!(check(scratch.path()).findings.is_empty(), found == "recovered", "{kept}");
    }
}

#[test]
fn lines_of_before_the_chain_are_kept_apart() {
    let scratch = Scratch::new();
    fs::write(scratch.path().join("audit.log"), "{\"event\":\"end\"}\n").expect("written");
    fs::write(scratch.path().join("audit.log.1"), "{\"event\":\"end\"}\n").expect("written");
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 1);
    assert_eq!(events(scratch.path()), ["unchained", "started"]);
    let report = check(scratch.path());
    assert_eq!((report.findings.len(), report.notes.len()), (0, 2));
}

/// Damages a log by one of the ways below; false when this one would change nothing.
type Damage = fn(&mut Rng, &mut Vec<(PathBuf, Vec<Vec<u8>>)>) -> bool;

fn pick(rng: &mut Rng, files: &[(PathBuf, Vec<Vec<u8>>)]) -> (usize, usize) {
    loop {
        let file = rng.below(files.len());
        if !files[file].1.is_empty() {
            return (file, rng.below(files[file].1.len()));
        }
    }
}

const DAMAGES: &[(&str, Damage)] = &[
    ("edit a byte", |rng, files| {
        let (file, line) = pick(rng, files);
        let line = &mut files[file].1[line];
        let at = rng.below(line.len() - 1);
        line[at] ^= 1 << rng.below(7);
        true
    }),
    ("delete a line", |rng, files| {
        let (file, line) = pick(rng, files);
        files[file].1.remove(line);
        true
    }),
    ("copy a line", |rng, files| {
        let ((from, line), (to, at)) = (pick(rng, files), pick(rng, files));
        let copy = files[from].1[line].clone();
        files[to].1.insert(at, copy);
        true
    }),
    ("insert a forged line", |rng, files| {
        let (file, at) = pick(rng, files);
        let forger = ChainKey::new(&[1; 32]);
        let fields = crate::actions::object(json!({"event": "end"}));
        let (line, _) = forger.seal(at as u64 + 1, forger.genesis(), fields);
        files[file].1.insert(at, line.into_bytes());
        true
    }),
    ("swap two lines", |rng, files| {
        let ((a, line_a), (b, line_b)) = (pick(rng, files), pick(rng, files));
        let (first, second) = (files[a].1[line_a].clone(), files[b].1[line_b].clone());
        files[a].1[line_a] = second.clone();
        files[b].1[line_b] = first.clone();
        first != second
    }),
    ("cut the end off", |rng, files| {
        let (_, lines) = files.last_mut().expect("files");
        lines.truncate(rng.below(lines.len().max(1)));
        true
    }),
    ("cut the end off within a line", |rng, files| {
        let Some(last) = files.last_mut().expect("files").1.last_mut() else { return false };
        last.truncate(1 + rng.below(last.len() - 1));
        true
    }),
    ("delete a file", |rng, files| {
        files.remove(rng.below(files.len()));
        true
    }),
    ("swap the content of two files", |rng, files| {
        let (a, b) = (rng.below(files.len()), rng.below(files.len()));
        let (first, second) = (files[a].1.clone(), files[b].1.clone());
        (files[a].1, files[b].1) = (second, first);
        a != b
    }),
    ("splice two files", |rng, files| {
        let (a, b) = (rng.below(files.len()), rng.below(files.len()));
        let tail = files[b].1.clone();
        files[a].1.extend(tail);
        files[b].1.clear();
        a != b && !files[a].1.is_empty()
    }),
];

#[test]
fn every_damage_is_found() {
    let seed = stdx::random::entropy::<8>();
    let seed = u64::from_le_bytes(seed);
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let scratch = Scratch::new();
    write(&mut open(scratch.path(), limits(900, 100)), 60);
    assert_eq!(check(scratch.path()).findings, []);
    let good: Vec<(PathBuf, Vec<Vec<u8>>)> = Files::of(scratch.path())
        .all()
        .expect("listed")
        .into_iter()
        .map(|(_, path)| {
            let text = fs::read(&path).expect("read");
            (path, text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
        })
        .collect();
    for round in 0..400 {
        let mut files = good.clone();
        let (name, damage) = DAMAGES[round % DAMAGES.len()];
        if !damage(&mut rng, &mut files) || files == good {
            continue;
        }
        for (path, _) in &good {
            match files.iter().find(|(kept, _)| kept == path) {
                Some((_, lines)) => fs::write(path, lines.concat()).expect("written"),
                None => fs::remove_file(path).expect("removed"),
            }
        }
        let report = check(scratch.path());
        assert_ne!(report.findings, [], "round {round}: {name}");
        for (path, lines) in &good {
            fs::write(path, lines.concat()).expect("restored");
        }
    }
    assert_eq!(check(scratch.path()).findings, [], "the checks above could pass");
}

#[test]
fn a_finding_names_file_and_line() {
    let scratch = Scratch::new();
    let path = Files::of(scratch.path()).current();
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 9);
    let good = fs::read_to_string(&path).expect("read");
    let lines: Vec<_> = good.split_inclusive('\n').collect();
    let edited = lines[3].replace("\"n\":2", "\"n\":7");
    let rows: [(Vec<&str>, &str); 4] = [
        ([&lines[..3], &[&edited], &lines[4..]].concat(), "audit.log:4: line 4 was changed"),
        ([&lines[..3], &lines[5..]].concat(), "audit.log:4: lines 4 to 5 are missing"),
        ([&lines[..3], &[lines[2]], &lines[3..]].concat(), "audit.log:4: line 3 is a copy"),
        (lines[..7].to_vec(), "audit.log: lines 8 to 10 are missing at the end"),
    ];
    for (lines, wanted) in rows {
        fs::write(&path, lines.concat()).expect("written");
        let found = check(scratch.path()).findings;
        let told: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].contains(wanted), "{wanted}: {told:?}");
    }
}

#[test]
fn a_start_over_a_damaged_log_goes_on_and_does_not_hide_it() {
    let damages: [fn(&Files); 4] = [
        |files| fs::write(files.current(), "").expect("written"),
        |files| fs::remove_file(files.current()).expect("removed"),
        |files| fs::remove_file(files.anchor()).expect("removed"),
        |files| fs::write(files.anchor(), "bent").expect("written"),
    ];
    for (n, damage) in damages.iter().enumerate() {
        let scratch = Scratch::new();
        write(&mut open(scratch.path(), limits(1 << 20, 2)), 9);
        damage(&Files::of(scratch.path()));
        write(&mut open(scratch.path(), limits(1 << 20, 2)), 9);
        write(&mut open(scratch.path(), limits(1 << 20, 2)), 9);
        let findings = check(scratch.path()).findings;
        assert!(!findings.is_empty() && findings.len() <= 2, "{n}: {findings:?}");
    }
}

#[test]
fn another_key_opens_nothing() {
    let scratch = Scratch::new();
    write(&mut open(scratch.path(), limits(1 << 20, 2)), 3);
    let report = verify(scratch.path(), &ChainKey::new(&[1; 32])).expect("read");
    assert_eq!((report.lines, report.findings.len()), (0, 5));
    let empty = Scratch::new();
    assert_eq!(check(empty.path()).findings.len(), 1, "no log is no whole log");
}

#[test]
fn nonces_of_changes_outlive_a_restart() {
    let scratch = Scratch::new();
    assert_eq!(used_nonces(&scratch.path().join("none"), 0).expect("no log yet"), []);
    let mut log = open(scratch.path(), limits(1 << 20, 2));
    let mut line = |event: &str, nonce: Value, time: &str| {
        let line = json!({"event": event, "access_key_id": "a", "nonce": nonce, "time": time});
        log.append(crate::actions::object(line), Durability::Buffered, NOW).expect("written");
    };
    line("begin", json!("early"), "1970-01-01T00:00:01Z");
    line("begin", json!("kept"), "1970-01-01T00:00:02Z");
    line("end", json!("kept"), "1970-01-01T00:00:03Z");
    line("begin", Value::Null, "1970-01-01T00:00:03Z");
    let kept = UsedNonce { access_key_id: "a".into(), nonce: "kept".into(), unix_ms: 2000 };
    assert_eq!(used_nonces(scratch.path(), 1500).expect("read"), [kept]);
}

#[test]
fn nonces_are_looked_for_where_their_time_is() {
    let scratch = Scratch::new();
    let mut log = open(scratch.path(), limits(1 << 30, 2));
    for n in 0..3_000 {
        let (nonce, time) = (n.to_string(), super::time(NOW + n));
        let line = json!({"event": "begin", "access_key_id": "a", "nonce": nonce, "time": time});
        log.append(crate::actions::object(line), Durability::Buffered, NOW).expect("written");
    }
    for since in [0, 1, 777, 2_999, 3_000] {
        let found = used_nonces(scratch.path(), NOW + since).expect("read");
        let first = found.first().map(|used| used.unix_ms - NOW);
        assert_eq!((found.len() as i64, first.unwrap_or(3_000)), (3_000 - since, since));
    }
}

/// Random questions, answered by the index and by looking at every line.
#[test]
fn answers_by_the_index_are_those_of_the_lines() {
    let seed = u64::from_le_bytes(stdx::random::entropy::<8>());
    println!("seed {seed}");
    let mut rng = Rng::new(seed);
    let scratch = Scratch::new();
    let mut log = open(scratch.path(), limits(4_000, 100));
    for n in 0..300 {
        let event = ["begin", "end", "end", "login", "system"][rng.below(5)];
        let line = json!({
            "time": super::time(NOW + n),
            "event": event,
            "account_id": (["1", "2"][rng.below(2)]),
            "principal": (["root", "alice", "bob"][rng.below(3)]),
            "action": (["A", "B"][rng.below(2)]),
            "rw": (["Read", "Write"][rng.below(2)]),
        });
        let line = crate::actions::object(line);
        log.append(line, Durability::Buffered, NOW + n).expect("written");
        if rng.below(40) == 0 {
            drop(log);
            if rng.below(2) == 0 {
                let index = Files::of(scratch.path()).current().with_extension("idx");
                let bytes = fs::read(&index).expect("there");
                fs::write(&index, &bytes[..rng.below(bytes.len() + 1)]).expect("cut off");
            }
            log = open(scratch.path(), limits(4_000, 100));
        }
    }
    let aside = Files::of(scratch.path()).set_aside().expect("listed");
    fs::remove_file(aside[0].1.with_extension("idx")).expect("an index is made again");
    let mut lines: Vec<Value> = Vec::new();
    for (_, path) in Files::of(scratch.path()).all().expect("listed") {
        let text = fs::read_to_string(path).expect("read");
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
    }
    for round in 0..300 {
        let mut fields = Vec::new();
        if rng.below(2) == 0 {
            fields.push(("principal", ["root", "alice", "nobody"][rng.below(3)].to_owned()));
        }
        if rng.below(2) == 0 {
            fields.push(("action", ["A", "B"][rng.below(2)].to_owned()));
        }
        let from = rng.below(300) as i64;
        let query = Query {
            account_id: ["1", "2"][rng.below(2)].into(),
            from_unix_ms: NOW + from,
            to_unix_ms: NOW + from + rng.below(300) as i64,
            fields,
            writes: [None, Some(true), Some(false)][rng.below(3)],
            seq: None,
            after: [None, Some(rng.below(300) as u64)][rng.below(2)],
            newest_first: rng.below(2) == 0,
            count: 1 + rng.below(30),
        };
        let answer = query.answer(log.sources().expect("opened")).expect("read");
        assert_eq!(answer, query.answer_plainly(&lines), "round {round}: {query:?}");
    }
}

#[test]
fn calls_that_a_crash_interrupted_are_ended_once() {
    let scratch = Scratch::new();
    assert_eq!(interrupted(&scratch.path().join("none")).expect("no log yet"), []);
    let mut log = open(scratch.path(), limits(1 << 20, 2));
    let line = |id: &str, event: &str| {
        let line = json!({"event": event, "request_id": id, "action": "X", "account_id": "1"});
        crate::actions::object(line)
    };
    for (id, event) in [("a", "begin"), ("b", "begin"), ("a", "end"), ("c", "refused")] {
        log.append(line(id, event), Durability::Buffered, NOW).expect("written");
    }
    let ends = interrupted(scratch.path()).expect("read");
    assert_eq!(ends.len(), 1);
    assert_eq!((&ends[0]["request_id"], &ends[0]["code"]), (&json!("b"), &json!("Interrupted")));
    for end in ends {
        log.append(end, Durability::Buffered, NOW).expect("written");
    }
    assert_eq!(interrupted(scratch.path()).expect("read"), []);
    assert_eq!(check(scratch.path()).findings, []);
}
