//! A blocked command against writers of both its keys, its timeout and its killer, in many orders:
//! it is served once or ended once, no element is lost or doubled, and nobody sleeps beside an
//! element. The handlers, queues and locks are the real ones.

use super::check;
use crate::executor::{Executor, Locked};
use crate::gate::GateState;
use catalog::events::Classes;
use engine::keyspace::{Access, Fate, Home, KeyStats, Keys, Keyspace, Moment, Waiter, shard_of};
use engine::{Blocking, CommandError, Ctx, Effects, NoTick};
use resp::{OwnedArgs, Protocol, Reply};
use shuttle::sync::Mutex;
use shuttle::thread;
use std::sync::Arc;
use stdx::Rng;
use stdx::hash::HashSeed;

const ORDERS: usize = 1_500;
const KEYS: [&str; 2] = ["left", "right"];
const NOW_MS: u64 = 1_000;

struct Node {
    executor: Executor,
    /// The blocked commands, as their connections' records have them.
    waiters: Mutex<Vec<Arc<Waiter>>>,
    /// Elements given to somebody.
    taken: Mutex<Vec<String>>,
    /// Clients whose wait was ended by what.
    ended: Mutex<Vec<(u64, Fate)>>,
}

impl Node {
    fn new() -> Arc<Self> {
        let seed = HashSeed::from_bytes([3; 16]);
        let gate = GateState::default();
        Arc::new(Self {
            executor: Executor::new(4, 1, seed, &gate),
            waiters: Mutex::default(),
            taken: Mutex::default(),
            ended: Mutex::default(),
        })
    }

    /// Takes the shards of all named keys, again and again, as a deferred connection does.
    fn with_keys<R>(&self, slot: usize, keys: &[&str], work: impl Fn(&mut Locked<'_>) -> R) -> R {
        let seed = self.executor.seed();
        let mut ids: Vec<u8> = keys.iter().map(|key| shard_of(seed.hash(key.as_bytes()))).collect();
        ids.sort_unstable();
        ids.dedup();
        loop {
            let pass = self.executor.pass(slot).expect("nobody is long");
            let done = self.executor.lock(&ids).ok().map(|mut locked| work(&mut locked));
            self.executor.give_back(pass);
            match done {
                Some(done) => return done,
                None => thread::yield_now(),
            }
        }
    }

    fn push(&self, slot: usize, key: &str, value: &str) {
        self.with_keys(slot, &[key], |locked| {
            let mut effects = Effects::default();
            let push = OwnedArgs::from_words(
                [&b"rpush"[..], key.as_bytes(), value.as_bytes()].into_iter(),
            );
            run(locked, &mut effects, &push, Blocking::Denied).expect("a list takes elements");
            while effects.has_ready() {
                for (db, key) in effects.take_ready() {
                    self.serve(locked, &mut effects, db, &key);
                }
            }
        });
    }

    fn serve(&self, locked: &mut Locked<'_>, effects: &mut Effects, db: u16, key: &[u8]) {
        let id = shard_of(self.executor.seed().hash(key));
        while let Some(shard) = locked.shard(id)
            && let Some(waiter) = shard.first_waiter(db, key, NOW_MS)
        {
            shard.stop_waiting(key, &waiter);
            thread::yield_now();
            if waiter.claim(Fate::Claimed) {
                let reply = run(locked, effects, &waiter.args, Blocking::Served(key, &waiter.wait));
                self.take(waiter.home.client, &reply.expect("the key holds something"));
            }
        }
    }

    fn take(&self, client: u64, reply: &str) {
        let element = reply.trim_end().rsplit("\r\n").next().expect("a reply has lines");
        self.taken.lock().expect("no thread panics").push(element.to_owned());
        self.ended.lock().expect("no thread panics").push((client, Fate::Claimed));
    }

    /// BLPOP of both keys: takes what is there, or waits.
    fn pop(&self, slot: usize, client: u64) {
        self.with_keys(slot, &KEYS, |locked| {
            let words = ["blpop", KEYS[0], KEYS[1], "0"];
            let args = OwnedArgs::from_words(words.iter().map(|word| word.as_bytes()));
            match run(locked, &mut Effects::default(), &args, Blocking::Allowed) {
                Ok(reply) => self.take(client, &reply),
                Err(CommandError::Block(wait)) => {
                    let home = Home { loop_id: 0, place: 0, client };
                    let waiter = Arc::new(Waiter::new(home, 0, args, wait));
                    for key in KEYS {
                        let id = shard_of(self.executor.seed().hash(key.as_bytes()));
                        let shard = locked.shard(id).expect("both are held");
                        shard.wait(key.as_bytes(), &waiter);
                    }
                    self.waiters.lock().expect("no thread panics").push(waiter);
                }
                Err(other) => panic!("{other:?}"),
            }
        });
    }

    /// What a timer, CLIENT UNBLOCK or a closed socket does.
    fn end(&self, fate: Fate) {
        let newest = self.waiters.lock().expect("no thread panics").last().cloned();
        thread::yield_now();
        if let Some(waiter) = newest
            && waiter.claim(fate)
        {
            self.ended.lock().expect("no thread panics").push((waiter.home.client, fate));
        }
    }

    fn check(&self, clients: u64, pushed: usize) {
        let left = self.with_keys(0, &KEYS, |locked| {
            let lengths = KEYS.map(|key| {
                let args = OwnedArgs::from_words([&b"llen"[..], key.as_bytes()].into_iter());
                let reply = run(locked, &mut Effects::default(), &args, Blocking::Denied);
                reply.expect("it is a list").trim_matches([':', '\r', '\n']).parse::<usize>()
            });
            lengths.into_iter().map(|length| length.expect("a number")).sum::<usize>()
        });
        let taken = self.taken.lock().expect("no thread panics");
        let mut distinct = taken.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), taken.len(), "nothing is given twice");
        assert_eq!(taken.len() + left, pushed, "nothing is lost");
        let ended = self.ended.lock().expect("no thread panics");
        let waiting = self.waiters.lock().expect("no thread panics");
        let waiting = waiting.iter().filter(|waiter| waiter.is_waiting()).count();
        assert!(waiting == 0 || left == 0, "nobody sleeps beside an element");
        for client in 0..clients {
            let ends = ended.iter().filter(|(other, _)| *other == client).count();
            assert!(ends <= 1, "client {client} got {ends} answers");
        }
        assert_eq!(ended.len() + waiting, clients as usize, "every wait ends or goes on");
    }
}

/// Runs one command of the engine; gives its reply.
fn run(
    locked: &mut Locked<'_>,
    effects: &mut Effects,
    args: &OwnedArgs,
    blocking: Blocking<'_>,
) -> Result<String, CommandError> {
    let name = String::from_utf8_lossy(args.as_args().at(0)).into_owned();
    let mut bindings = engine::commands::BINDINGS.iter().copied().flatten();
    let handler = bindings.find(|(other, _)| *other == name).expect("it is bound").1;
    let (mut out, mut stats, mut rng) = (Vec::new(), KeyStats::default(), Rng::new(1));
    let moment = Moment {
        db: 0,
        dbs: 16,
        now_ms: NOW_MS,
        dead_ms: NOW_MS,
        may_expire: true,
        owns_mortals: false,
        no_touch: false,
        bulk_bytes_max: 1 << 20,
        clocks: Access::Time,
        events: Classes::default(),
    };
    handler(&mut Ctx {
        keys: Keys::new(locked, effects, &mut stats, moment),
        reply: Reply::new(&mut out, Protocol::Two),
        args: args.as_args(),
        rng: &mut rng,
        tick: &mut NoTick,
        blocking,
        scripted: false,
    })?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

type Part = fn(&Node);

fn model(clients: u64, pushed: usize, parts: &'static [Part]) {
    check(ORDERS, move || {
        let node = Node::new();
        let threads: Vec<_> = parts
            .iter()
            .map(|part| {
                let node = Arc::clone(&node);
                thread::spawn(move || part(&node))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
        node.check(clients, pushed);
    });
}

#[test]
fn a_waiter_is_served_by_one_of_two_writers() {
    model(1, 2, &[|n| n.pop(0, 0), |n| n.push(1, KEYS[0], "a"), |n| n.push(2, KEYS[1], "b")]);
}

#[test]
fn a_waiter_is_served_or_times_out_or_is_killed() {
    model(
        1,
        2,
        &[
            |n| n.pop(0, 0),
            |n| n.push(1, KEYS[0], "a"),
            |n| n.push(2, KEYS[1], "b"),
            |n| n.end(Fate::TimedOut),
            |n| n.end(Fate::Killed),
        ],
    );
}

#[test]
fn two_waiters_share_what_two_writers_bring() {
    model(
        2,
        3,
        &[
            |n| n.pop(0, 0),
            |n| n.pop(1, 1),
            |n| {
                n.push(2, KEYS[0], "a");
                n.push(2, KEYS[1], "b");
            },
            |n| n.push(3, KEYS[1], "c"),
            |n| n.end(Fate::Unblocked),
        ],
    );
}
