//! What the structures under the collections cost, without commands: nanoseconds for each
//! operation and bytes for each element, by the counting allocator and as resident memory.
//!
//! `cargo run --release -p node --example collections [ELEMENTS]`
#![expect(clippy::disallowed_methods, reason = "what is measured is time")]

use engine::types::list::End;
use engine::types::{Hash, List, Object, Set, SortedSet};
use std::hint::black_box;
use std::time::Instant;
use stdx::Rng;
use stdx::alloc::{Counting, used_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Operations of a measurement.
const ROUNDS: usize = 300_000;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("it is a number") * 4096
}

/// Nanoseconds that this process has been on a processor: other work on the machine counts less.
fn busy_ns() -> u64 {
    let times = std::fs::read_to_string("/proc/self/schedstat").expect("Linux has it");
    times.split(' ').next().and_then(|time| time.parse().ok()).expect("it is a number")
}

/// Reports the bytes of each of `count` elements that `build` makes; returns what it made.
fn memory<T>(name: &str, count: usize, build: impl FnOnce() -> T) -> T {
    let (used, resident) = (used_bytes(), resident_bytes());
    let started = busy_ns();
    let built = build();
    let each_ns = (busy_ns() - started) as f64 / count as f64;
    let per = |after: u64, before: u64| after.saturating_sub(before) as f64 / count as f64;
    let (used, resident) = (per(used_bytes(), used), per(resident_bytes(), resident));
    println!("{name:<34}{used:8.1} B counted{resident:8.1} B resident{each_ns:9.0} ns to build");
    built
}

/// Reports the time of an operation.
fn time(name: &str, mut operation: impl FnMut(usize)) {
    let started = busy_ns();
    for round in 0..ROUNDS {
        operation(round);
    }
    let each_ns = (busy_ns() - started) as f64 / ROUNDS as f64;
    println!("{name:<34}{each_ns:9.1} ns");
}

fn name(number: usize) -> Vec<u8> {
    format!("element:{:07}", number.wrapping_mul(0x9e37_79b1) % 10_000_000).into_bytes()
}

fn hashes(names: &[Vec<u8>], small: usize) {
    let many = memory("hash 14/14", names.len(), || {
        let mut hash = Hash::default();
        for name in names {
            hash.insert(&name[1..], &name[1..]);
        }
        hash
    });
    let mut rng = Rng::new(1);
    time("hash get", |_| {
        black_box(many.get(&names[rng.below(names.len())][1..]));
    });
    let mut many = many;
    time("hash set existing", |_| {
        many.insert(&names[rng.below(names.len())][1..], b"12345678901234");
    });
    time("hash set new, remove", |round| {
        let field = [b'n', round as u8, (round >> 8) as u8, (round >> 16) as u8];
        many.insert(&field, b"value");
        many.remove(&names[rng.below(names.len())][1..]);
    });
    stall("hash", Object::Hash(many));
    let mut few = Hash::default();
    names[..small].iter().for_each(|name| _ = few.insert(name, name));
    time("hash of 1000, set existing", |_| {
        few.insert(&names[rng.below(small)], b"12345678901234x");
    });
    let fields: Vec<String> = (0..10).map(|i| format!("field{i}")).collect();
    let all = memory("hash of 10 fields 6/11", 100_000, || {
        let one = |_| {
            let mut hash = Hash::default();
            fields.iter().for_each(|field| _ = hash.insert(field.as_bytes(), b"value:12345"));
            Box::new(Object::Hash(hash))
        };
        (0..100_000).map(one).collect::<Vec<_>>()
    });
    drop(all);
}

fn sets(names: &[Vec<u8>], small: usize) {
    let mut many = memory("set 15", names.len(), || {
        let mut set = Set::default();
        names.iter().for_each(|name| _ = set.insert(name));
        set
    });
    let mut rng = Rng::new(2);
    time("set contains", |_| {
        black_box(many.contains(&names[rng.below(names.len())]));
    });
    time("set random", |_| {
        black_box(many.random(&mut rng));
    });
    time("set take random, add", |_| {
        let taken = many.take(rng.below(many.len()));
        taken.with(|bytes| many.insert(bytes));
    });
    stall("set", Object::Set(many));
    let mut few = Set::default();
    names[..small].iter().for_each(|name| _ = few.insert(name));
    time("set of 1000, add and remove", |round| {
        few.insert(&(round as u32).to_le_bytes());
        few.remove(&(round as u32).to_le_bytes());
    });
}

fn sorted_sets(names: &[Vec<u8>], small: usize) {
    let mut rng = Rng::new(3);
    let mut many = memory("zset 15", names.len(), || {
        let mut zset = SortedSet::default();
        names.iter().for_each(|name| _ = zset.insert(name, rng.below(1 << 30) as f64));
        zset
    });
    time("zset score", |_| {
        black_box(many.score(&names[rng.below(names.len())]));
    });
    time("zset rank", |_| {
        black_box(many.rank(&names[rng.below(names.len())]));
    });
    time("zset range of 100", |_| {
        let start = rng.below(many.len() - 100);
        black_box(many.ascend(start).take(100).map(|(member, _)| member.len()).sum::<usize>());
    });
    time("zset update score", |_| {
        many.insert(&names[rng.below(names.len())], rng.below(1 << 30) as f64);
    });
    time("zset pop lowest, add", |_| {
        let (member, _) = many.take(0);
        many.insert(&member, rng.below(1 << 30) as f64);
    });
    stall("zset", Object::SortedSet(many));
    let mut few = SortedSet::default();
    names[..small].iter().for_each(|name| _ = few.insert(name, rng.below(1000) as f64));
    time("zset of 1000, update score", |_| {
        few.insert(&names[rng.below(small)], rng.below(1000) as f64);
    });
    let equal = memory("zset 15, equal scores", names.len(), || {
        let mut zset = SortedSet::default();
        names.iter().for_each(|name| _ = zset.insert(name, 0.0));
        zset
    });
    let (started, mut position, mut calls) = (Instant::now(), 0, 0);
    loop {
        position = equal.scan(position, 10, |_, _| ());
        calls += 1;
        if position == 0 {
            break;
        }
    }
    println!("zset scan, equal scores: {calls} calls in {:?}", started.elapsed());
}

fn lists(names: &[Vec<u8>]) {
    let mut many = memory("list 15", names.len(), || {
        let mut list = List::default();
        names.iter().for_each(|name| list.push_back(name));
        list
    });
    let mut rng = Rng::new(4);
    time("list push front", |_| many.push_front(b"element:1234567"));
    time("list drop back", |_| many.drop_end(End::Back));
    time("list push front, drop back", |_| {
        many.push_front(b"element:1234567");
        many.drop_end(End::Back);
    });
    time("list get in the middle", |_| {
        black_box(many.get(rng.below(many.len())));
    });
    stall("list", Object::List(many));
}

/// Reports what a copy and the drops take.
fn stall(name: &str, object: Object) {
    let started = Instant::now();
    let copy = object.duplicate();
    let copied = started.elapsed();
    drop(object);
    let started = Instant::now();
    drop(copy);
    println!("{name}: copied in {copied:?}, dropped (by the reaper) in {:?}", started.elapsed());
}

fn main() {
    let count = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(500_000);
    let names: Vec<_> = (0..count).map(name).collect();
    lists(&names);
    hashes(&names, 1_000);
    sets(&names, 1_000);
    sorted_sets(&names, 1_000);
}
