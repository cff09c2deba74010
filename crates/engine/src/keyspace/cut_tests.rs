//! Cuts against a model: commands and a walker take turns by a seed, and what the walker took must
//! be the state at the cut, each key exactly once.

use super::{Budget, Cut, Entry, Keyspace, Saved, Shard, Taken};
use crate::commands::testing::Bench;
use crate::effects::Effects;
use crate::rdb::encode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use stdx::Rng;

const SHARDS: usize = 2;
const DBS: u16 = 3;
const KEYS: usize = 400;

/// Database and key, with the value as it is saved and the time of death.
type State = BTreeMap<(u16, Vec<u8>), (Vec<u8>, Option<u64>)>;

fn add(state: &mut State, db: u16, entry: &Entry) {
    let mut value = vec![encode::kind_of(&entry.value())];
    encode::value(&mut value, &entry.value());
    let before = state.insert((db, entry.key().to_vec()), (value, entry.expiry_ms()));
    assert!(before.is_none(), "{} came twice", entry.key().escape_ascii());
}

/// A keyspace of few shards, so that tables grow and shrink, with a cut now and then.
struct World {
    bench: Bench,
    rng: Rng,
    saved: Arc<Saved>,
    number: u16,
}

impl World {
    fn new(seed: u64) -> Self {
        let bench = Bench::with_shards(SHARDS);
        Self { bench, rng: Rng::new(seed), saved: Arc::default(), number: 0 }
    }

    fn shards(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.bench.space.shards_mut().iter_mut()
    }

    fn state(&mut self) -> State {
        let mut state = State::new();
        for shard in self.shards() {
            for number in 0..DBS {
                let entries = shard.db(number).into_iter().flat_map(|db| db.table().iter());
                entries.for_each(|entry| add(&mut state, number, entry));
            }
        }
        state
    }

    fn line(&mut self) -> String {
        let (a, b) = (self.rng.below(KEYS), self.rng.below(KEYS));
        let (n, at_ms) = (self.rng.below(200), self.bench.now_ms + self.rng.below(300) as u64);
        match self.rng.below(24) {
            0..4 => format!("SET k{a} {n}"),
            4 => format!("SET k{a} {} PXAT {at_ms}", "x".repeat(n + 1)),
            5 => format!("APPEND k{a} {}", "y".repeat(n * 20 + 1)),
            6 => format!("SETRANGE k{a} {n} zz"),
            7 => format!("HSET h{a} f{n} {b} g{n} {n}"),
            8 => format!("HDEL h{a} f{n} f{b}"),
            9 => format!("RPUSH l{a} {n} {b} {a}"),
            10 => format!("LPOP l{a}"),
            11 => format!("SADD s{a} {n} m{b}"),
            12 => format!("SPOP s{a}"),
            13 => format!("ZADD z{a} {n} m{b} {b} m{n}"),
            14 => format!("ZREM z{a} m{n} m{b}"),
            15 => format!("RENAME k{a} k{b}"),
            16 => format!("RENAME h{a} l{b}"),
            17 => format!("PEXPIREAT k{a} {at_ms}"),
            18 => format!("PERSIST k{a}"),
            19 => format!("COPY s{a} s{b} DB {} REPLACE", n as u16 % DBS),
            20 => format!("MOVE k{a} {}", n as u16 % DBS),
            21 => format!("GET k{a}"),
            _ => format!("DEL k{a} h{b} l{a} s{b} z{a}"),
        }
    }

    /// Changes something: a command, or what the node does to whole databases.
    fn change(&mut self) {
        self.bench.db = self.rng.below(usize::from(DBS)) as u16;
        let (db, other) = (self.bench.db, self.rng.below(usize::from(DBS)) as u16);
        match self.rng.below(120) {
            0 => self.shards().for_each(|shard| drop(shard.clear_db(db))),
            1 => self.shards().for_each(|shard| shard.swap_dbs(db, other)),
            2 => {
                self.bench.now_ms += 40;
                let now_ms = self.bench.now_ms;
                self.shards()
                    .for_each(|shard| drop(shard.remove_dead(now_ms, 20, &mut Effects::default())));
            }
            // Many new or dying keys make tables grow or shrink.
            3..6 => {
                let words: String = (0..2 * KEYS).map(|n| format!(" k{n} {other}")).collect();
                self.bench.run(&format!("MSET{words}"));
            }
            6..9 => {
                let words: String = (0..2 * KEYS).map(|n| format!(" k{n}")).collect();
                self.bench.run(&format!("DEL{words}"));
            }
            _ => {
                let line = self.line();
                self.bench.run(&line);
            }
        }
        self.shards().for_each(|shard| shard.check_invariants());
    }

    fn begin(&mut self) {
        self.number += 1;
        let cut = Cut { number: self.number, saved: Arc::clone(&self.saved) };
        self.shards().for_each(|shard| shard.begin_cut(&cut));
    }

    /// One step of the walker; true when it was the last.
    fn step(&mut self, taken: &mut Taken) -> bool {
        let id = self.rng.below(SHARDS) as u8;
        let mut budget = Budget { steps: 1 + self.rng.below(30), bytes: 1 + self.rng.below(4000) };
        let only_saved = self.rng.below(4) == 0;
        let shard = self.bench.space.shard(id).expect("nobody holds it");
        if only_saved {
            shard.take_saved(taken);
        } else {
            shard.visit_cut(&mut budget, taken);
        }
        shard.check_invariants();
        self.shards().all(|shard| !shard.in_cut())
    }

    fn check_cut(&mut self, aborts: bool) {
        let want = self.state();
        self.begin();
        let mut taken = Taken::default();
        loop {
            for _ in 0..self.rng.below(8) {
                self.change();
            }
            if self.step(&mut taken) {
                break;
            }
            if aborts && self.rng.below(20) == 0 {
                self.shards().for_each(|shard| shard.end_cut(&mut taken));
                self.shards().for_each(|shard| shard.check_invariants());
                assert_eq!(
                    self.saved.waiting_bytes.load(Relaxed),
                    0,
                    "nothing is owed after the end"
                );
                return;
            }
        }
        let mut got = State::new();
        taken.entries.iter().for_each(|(db, entry)| add(&mut got, *db, entry));
        assert!(got == want, "{} keys of {}", got.len(), want.len());
        assert_eq!(self.saved.waiting_bytes.load(Relaxed), 0, "everything was taken");
    }
}

#[test]
fn a_walker_takes_the_state_at_the_cut_while_commands_run() {
    for seed in 0..8 {
        println!("seed {seed}");
        let mut world = World::new(seed);
        (0..world.rng.below(600)).for_each(|_| world.change());
        for _ in 0..4 {
            let aborts = world.rng.below(3) == 0;
            world.check_cut(aborts);
        }
    }
}

#[test]
fn numbers_of_cuts_can_be_used_again() {
    let mut world = World::new(7);
    (0..300).for_each(|_| world.change());
    world.check_cut(false);
    // Empty tables meet no walker, but a beginning makes them forget.
    (0..DBS).for_each(|db| world.shards().for_each(|shard| drop(shard.clear_db(db))));
    world.check_cut(false);
    world.number = 0;
    (0..300).for_each(|_| world.change());
    world.shards().for_each(Shard::forget_cuts);
    world.check_cut(false);
}
