//! A named hard case: large collections are saved while they are written, and nobody holds a loop
//! or a shard for longer than a moment. Counted is time on a processor, so that other programs of
//! the machine do not matter; `benches/snapshot_stalls.py` looks at clients of a whole node.

use super::{Consumer, CutRequest, CutStart, End, Sink, step};
use crate::shared::Shared;
use crate::stress::{Driver, cpu_time};
use crate::testing::Bench;
use engine::keyspace::Entry;
use persist::PersistError;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Elements of each collection. Copying them takes a debug build several times the limit.
const MEMBERS: usize = 100_000;
const STRING_BYTES: usize = 64 << 20;
const SMALL_KEYS: usize = 5_000;
const LIMIT: Duration = Duration::from_millis(5);
const CUTS: usize = 5;

/// Counts what comes.
struct Count(Arc<AtomicUsize>);

impl Sink for Count {
    fn begin(&mut self, _: &Shared, _: &CutStart) -> Result<(), PersistError> {
        Ok(())
    }
    fn entry(&mut self, _: u16, _: &Entry) -> Result<(), PersistError> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }
    fn end(self: Box<Self>, _: &Shared, end: End) {
        assert!(matches!(end, End::Complete), "{end:?}");
    }
}

fn fill(driver: &mut Driver, place: u32) {
    for start in (0..MEMBERS).step_by(1000) {
        let (mut scores, mut fields, mut names) = (String::new(), String::new(), String::new());
        for n in start..start + 1000 {
            let _ = write!(scores, " {n} m{n}");
            let _ = write!(fields, " f{n} v{n}");
            let _ = write!(names, " m{n}");
        }
        let request = format!(
            "ZADD zset{scores}\r\nHSET hash{fields}\r\nSADD set{names}\r\nRPUSH list{names}\r\n"
        );
        driver.ask(place, &request).expect("it is open");
    }
    for n in 0..SMALL_KEYS {
        driver.ask(place, &format!("SET k{n} v\r\n")).expect("it is open");
    }
    let last = STRING_BYTES - 1;
    driver.ask(place, &format!("SETRANGE string {last} x\r\n")).expect("it is open");
}

fn write_one(driver: &mut Driver, place: u32) {
    let (n, rng) = (driver.rng.below(MEMBERS), &mut driver.rng);
    let request = match rng.below(9) {
        0 => format!("ZADD zset {} m{n}\r\n", rng.below(MEMBERS)),
        1 => format!("ZREM zset m{n}\r\n"),
        2 => format!("HSET hash f{n} changed\r\n"),
        3 => format!("HDEL hash f{n}\r\n"),
        4 => format!("SADD set new{n}\r\nSREM set m{n}\r\n"),
        5 => format!("LSET list {} changed\r\n", n / 2),
        6 => "RPUSH list new\r\nLPOP list\r\n".to_owned(),
        7 => format!("SETRANGE string {} changed\r\n", rng.below(STRING_BYTES - 8)),
        _ => format!("SET k{} changed\r\n", n % SMALL_KEYS),
    };
    driver.ask(place, &request).expect("it is open");
}

/// The longest time that the loop took for anything.
fn write_until(mut driver: Driver, ends: &AtomicBool) -> Duration {
    let place = driver.connect();
    while !ends.load(Relaxed) {
        write_one(&mut driver, place);
    }
    driver.longest
}

/// Makes cuts one after the other; the longest step.
fn cut(shared: &Shared, entries: &Arc<AtomicUsize>) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..CUTS {
        let (sink, on_start) = (Box::new(Count(Arc::clone(entries))), Box::new(|_: &CutStart| {}));
        shared.cuts.request(CutRequest { consumer: Consumer::Save, sink, on_start });
        loop {
            let start = cpu_time();
            let rest = step(shared).expect("the node does not end");
            longest = longest.max(cpu_time() - start);
            if !rest.is_zero() {
                break;
            }
        }
    }
    longest
}

fn check(loops: usize) {
    let mut bench = Bench::new(loops);
    let drivers = bench.take_loops().into_iter().enumerate();
    let mut drivers: Vec<_> = drivers.map(|(id, core)| Driver::new(core, id)).collect();
    let place = drivers[0].connect();
    fill(&mut drivers[0], place);
    drivers[0].longest = Duration::ZERO;
    let (entries, ends) = (Arc::new(AtomicUsize::new(0)), AtomicBool::new(false));
    let (shared, ends) = (&bench.shared, &ends);
    let (stalls, step) = thread::scope(|scope| {
        let write = |driver| scope.spawn(|| write_until(driver, ends));
        let writers: Vec<_> = drivers.into_iter().map(write).collect();
        let step = scope.spawn(|| cut(shared, &entries)).join();
        ends.store(true, Relaxed);
        let stalls: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        (stalls, step)
    });
    let step = step.expect("no cut panics");
    assert!(entries.load(Relaxed) >= CUTS * (SMALL_KEYS + 5), "everything was handed over");
    assert!(step < LIMIT, "the walker took {step:?} with {loops} loops");
    for stall in stalls {
        let stall = stall.expect("no writer panics");
        assert!(stall < LIMIT, "a loop took {stall:?} with {loops} loops");
    }
}

#[test]
fn hard_case_saving_large_collections_while_they_are_written_stalls_nobody_1_loop() {
    check(1);
}

#[test]
fn hard_case_saving_large_collections_while_they_are_written_stalls_nobody_4_loops() {
    check(4);
}
