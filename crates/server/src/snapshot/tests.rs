//! Cuts of a whole node: commands before, between and after the steps of the snapshot thread.

use super::{Consumer, CutRequest, CutStart, End, Sink, step};
use crate::shared::Shared;
use crate::testing::{Bench, TestHost};
use engine::keyspace::Entry;
use parking_lot::Mutex;
use persist::PersistError;
use std::sync::Arc;
use std::time::Duration;

/// Goes on with cuts until there is nothing to do; returns how long the thread would rest.
fn settle(bench: &Bench) -> Duration {
    for _ in 0..100_000 {
        let rest = step(&bench.shared).expect("the node does not end");
        if !rest.is_zero() {
            return rest;
        }
    }
    panic!("the snapshot thread never rests")
}

fn check_info(bench: &mut Bench, field: &str, want: &str) {
    let text = bench.send('i', b"INFO persistence\r\n");
    let found = text.split(' ').find_map(|line| line.strip_prefix(&format!("{field}:")));
    assert_eq!(found, Some(want), "{field}");
}

#[test]
fn bgsave_saves_what_was_there_when_it_came() {
    let host = TestHost::default();
    let mut bench = Bench::on(2, host.clone());
    for n in 0..2_000 {
        bench.check(&format!("set k{n} before => +OK"));
    }
    bench.check(
        "rpush l a b => :2
         bgsave => +Background saving started
         bgsave => -ERR Background save already in progress
         save => -ERR Background save already in progress",
    );
    check_info(&mut bench, "rdb_bgsave_in_progress", "1");
    check_info(&mut bench, "current_save_keys_total", "2001");
    for n in (0..2_000).rev() {
        bench.check(&format!("b> set k{n} after => +OK"));
        if n % 7 == 0 {
            bench.check(&format!("del k{n} => :1\nset new{n} x => +OK"));
            step(&bench.shared);
        }
    }
    bench.check("rpush l c => :3\nb> swapdb 0 1 => +OK\nb> flushdb => +OK");
    settle(&bench);
    check_info(&mut bench, "rdb_bgsave_in_progress", "0");
    check_info(&mut bench, "rdb_last_bgsave_status", "ok");
    let mut loaded = Bench::on(1, host);
    for n in 0..2_000 {
        loaded.check(&format!("get k{n} => $6 before"));
    }
    check_info(&mut loaded, "rdb_last_load_keys_loaded", "2001");
    loaded.check("dbsize => :2001\nlrange l 0 -1 => *2 $1 a $1 b\nselect 1 => +OK\ndbsize => :0");
}

#[test]
fn changes_since_the_save_began_count_for_the_next() {
    let mut bench = Bench::new(1);
    bench.check("set a 1 => +OK\nset b 1 => +OK\nbgsave => +Background saving started");
    check_info(&mut bench, "rdb_changes_since_last_save", "2");
    bench.check("set c 1 => +OK");
    bench.pass_ms(3_000);
    settle(&bench);
    check_info(&mut bench, "rdb_changes_since_last_save", "1");
    check_info(&mut bench, "rdb_last_bgsave_time_sec", "3");
    bench.check("lastsave => :1003\nsave => +OK");
    check_info(&mut bench, "rdb_changes_since_last_save", "0");
    check_info(&mut bench, "rdb_saves", "2");
}

#[test]
fn in_a_transaction_there_is_no_moment_to_save() {
    let mut bench = Bench::new(1);
    bench.check(
        "multi => +OK
         set a 1 => +QUEUED
         bgsave => +QUEUED
         set a 2 => +QUEUED
         exec => *3 +OK +Background saving scheduled +OK
         bgsave nonsense => -ERR syntax error",
    );
    settle(&bench);
    check_info(&mut bench, "rdb_saves", "1");
    check_info(&mut bench, "rdb_changes_since_last_save", "0");
}

#[test]
fn conditions_of_save_are_looked_at() {
    let mut bench = Bench::new(1);
    let rests = |bench: &Bench, seconds| assert_eq!(settle(bench), Duration::from_secs(seconds));
    bench.check("config set save '60 2 10 5' => +OK\nset a 1 => +OK");
    rests(&bench, 1);
    bench.pass_ms(100_000);
    rests(&bench, 1);
    check_info(&mut bench, "rdb_saves", "0");
    bench.check("set b 1 => +OK");
    rests(&bench, 1);
    check_info(&mut bench, "rdb_saves", "1");
    bench.check("mset a 1 b 1 => +OK\nset a 1 => +OK\nset b 1 => +OK");
    bench.pass_ms(61_000);
    rests(&bench, 1);
    check_info(&mut bench, "rdb_saves", "2");
    bench.check("config set save '' => +OK\nset a 1 => +OK\nset b 1 => +OK");
    bench.pass_ms(100_000);
    rests(&bench, 3600);
    check_info(&mut bench, "rdb_saves", "2");
}

#[test]
fn a_flush_gives_the_save_up() {
    let host = TestHost::default();
    let mut bench = Bench::on(1, host.clone());
    bench.check("config set rdb-key-save-delay 1000000 => +OK\nset a 1 => +OK\nset b 1 => +OK");
    bench.check("bgsave => +Background saving started");
    assert_eq!(settle(&bench), Duration::from_secs(1));
    assert_eq!(settle(&bench), Duration::from_secs(1), "a wake-up is no reason to go on");
    bench.pass_ms(1_000);
    assert_eq!(settle(&bench), Duration::from_secs(1), "the last one is followed by a rest, too");
    bench.check("flushall => +OK");
    check_info(&mut bench, "rdb_changes_since_last_save", "0");
    settle(&bench);
    check_info(&mut bench, "rdb_bgsave_in_progress", "0");
    check_info(&mut bench, "rdb_last_bgsave_status", "ok");
    assert_eq!(host.files(), ["dump.rdb"]);
    Bench::on(1, host).check("dbsize => :0");
}

#[test]
fn a_save_that_fails_stops_writes_until_one_succeeds() {
    let host = TestHost::default();
    let mut bench = Bench::on(1, host.clone());
    bench.check("set a 1 => +OK");
    host.fill_disk(true);
    bench.check("bgsave => +Background saving started");
    settle(&bench);
    check_info(&mut bench, "rdb_last_bgsave_status", "err");
    assert!(bench.send('a', b"SET a 2\r\n").starts_with("-MISCONF Redis is configured to save"));
    assert!(bench.send('a', b"PING\r\n").starts_with("-MISCONF"));
    bench.check("get a => $1 1\nconfig set stop-writes-on-bgsave-error no => +OK\nset a 3 => +OK");
    bench.check("config set stop-writes-on-bgsave-error yes => +OK");
    host.fill_disk(false);
    bench.check("bgsave => +Background saving started");
    settle(&bench);
    bench.check("set a 4 => +OK\nping => +PONG");
    assert_eq!(host.files(), ["dump.rdb"]);
}

/// Notes what it is told.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Sink for Notes {
    fn begin(&mut self, _: &Shared, start: &CutStart) -> Result<(), PersistError> {
        self.0.lock().push(format!("begin {}", start.number));
        Ok(())
    }
    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        let key = String::from_utf8_lossy(entry.key()).into_owned();
        self.0.lock().push(format!("{db} {key}"));
        Ok(())
    }
    fn end(self: Box<Self>, _: &Shared, end: End) {
        self.0.lock().push(format!("{end:?}"));
    }
}

impl Notes {
    fn request(&self, consumer: Consumer) -> CutRequest {
        let notes = self.clone();
        let on_start = move |start: &CutStart| {
            notes.0.lock().push(format!("start {} at {}", start.number, start.offset));
        };
        CutRequest { consumer, sink: Box::new(self.clone()), on_start: Box::new(on_start) }
    }

    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock()).join(", ")
    }
}

#[test]
fn who_comes_late_waits_for_the_next_cut() {
    let mut bench = Bench::new(1);
    bench.check("set k v => +OK");
    let (first, second, third) = (Notes::default(), Notes::default(), Notes::default());
    bench.shared.cuts.request(first.request(Consumer::AppendOnly));
    step(&bench.shared);
    bench.shared.cuts.request(second.request(Consumer::Replica));
    bench.shared.cuts.request(third.request(Consumer::AppendOnly));
    bench.check("bgsave => -ERR Background save already in progress");
    bench.shared.cuts.cancel(Consumer::Replica);
    bench.check("set l v => +OK");
    settle(&bench);
    assert_eq!(first.take(), "start 1 at 0, begin 1, 0 k, Complete");
    assert_eq!(second.take(), "Aborted");
    assert!(third.take().starts_with("start 2 at 0, begin 2, 0 "));
    bench.shared.cuts.request(first.request(Consumer::AppendOnly));
    step(&bench.shared);
    bench.check(
        "bgsave => -ERR Another child process is active (AOF?): can't BGSAVE right now. \
                 Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
    );
    bench.check("bgsave schedule => +Background saving scheduled");
    bench.shared.cuts.request(second.request(Consumer::Replica));
    bench.shared.cuts.close();
    assert_eq!(step(&bench.shared), None);
    assert_eq!(first.take(), "start 3 at 0, Aborted");
    assert_eq!(second.take(), "Aborted");
}
