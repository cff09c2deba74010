//! Loops on real threads, each driving its own connections against the others: what must hold of
//! any interleaving is checked at the end.

use crate::conn::State;
use crate::loop_core::{LoopCore, Peer};
use crate::shared::Shared;
use crate::snapshot::{self, Consumer, CutRequest, CutStart, End, Sink};
use crate::testing::{Bench, TestHost};
use engine::keyspace::{Entry, Keyspace, SHARDS, ValueRef, shard_of};
use persist::PersistError;
use rustix::time::{ClockId, clock_gettime};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use stdx::Rng;

const LOOPS: usize = 4;
const ACCOUNTS: usize = 16;
const START: i64 = 1000;
const ROUNDS: usize = 200;

/// One loop with connections at fixed places, and what it expects of them.
pub struct Driver {
    pub core: LoopCore,
    pub rng: Rng,
    loop_id: usize,
    /// Longest time that the loop was on a processor without looking at anything else.
    pub longest: Duration,
}

/// Time that this thread has been on a processor.
pub fn cpu_time() -> Duration {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

impl Driver {
    pub fn new(core: LoopCore, loop_id: usize) -> Self {
        Self { core, rng: Rng::new(loop_id as u64 + 1), loop_id, longest: Duration::ZERO }
    }

    fn timed(&mut self, work: impl FnOnce(&mut LoopCore)) {
        let start = cpu_time();
        work(&mut self.core);
        self.longest = self.longest.max(cpu_time() - start);
    }

    pub fn connect(&mut self) -> u32 {
        let peer = Peer { address: None, peer: "unix".into(), local: "unix".into() };
        self.core.connect(peer)
    }

    /// Sends requests and runs the loop until they are answered; `None` when the connection was
    /// closed meanwhile.
    pub fn ask(&mut self, place: u32, requests: &str) -> Option<String> {
        self.core.input(place)?.extend_from_slice(requests.as_bytes());
        self.timed(|core| core.process(place));
        loop {
            self.timed(LoopCore::run_jobs);
            self.core.read_mail();
            while let Some(touched) = self.core.touched.pop() {
                if self.core.conn_mut(touched).is_some_and(|conn| conn.session.closing) {
                    self.core.disconnect(touched);
                }
            }
            if self.core.is_away(place) {
                thread::yield_now();
                continue;
            }
            let conn = self.core.conn_mut(place)?;
            if conn.state == State::Ready {
                let text = String::from_utf8_lossy(conn.unsent()).into_owned();
                let sent = conn.unsent().len();
                conn.sent(sent);
                return Some(text);
            }
            thread::yield_now();
            self.timed(LoopCore::retry_waiting);
        }
    }

    /// Moves money between two accounts by a watched transaction; does nothing when it lost.
    fn transfer(&mut self, place: u32) {
        let (from, to) = (self.rng.below(ACCOUNTS), self.rng.below(ACCOUNTS));
        let seen = self.ask(place, &format!("WATCH a{from} a{to}\r\nMGET a{from} a{to}\r\n"));
        let seen = seen.expect("nobody closes this one");
        let words: Vec<&str> = seen.split("\r\n").collect();
        let [_, "*2", _, left, _, right, ""] = words[..] else { panic!("{seen:?}") };
        let (left, right): (i64, i64) =
            (left.parse().expect("a number"), right.parse().expect("a number"));
        let (left, right) = if from == to { (left, left) } else { (left - 1, right + 1) };
        let requests = format!("MULTI\r\nSET a{from} {left}\r\nSET a{to} {right}\r\nEXEC\r\n");
        let got = self.ask(place, &requests).expect("nobody closes this one");
        assert!(got.ends_with("*-1\r\n") || got.ends_with("*2\r\n+OK\r\n+OK\r\n"), "{got:?}");
    }

    /// Anything else that loops can do to each other.
    fn disturb(&mut self, place: u32, round: usize) {
        let (a, b) = (self.rng.below(64), self.rng.below(64));
        let request = match self.rng.below(10) {
            0 => "SELECT 1\r\nFLUSHDB\r\nSELECT 0\r\n".to_owned(),
            1 => format!("CONFIG SET timeout {}\r\n", a + 1000),
            2 => format!("PUBLISH news {}-{round}\r\n", self.loop_id),
            3 => format!("MSET m{a} x m{b} x p{a} x\r\n"),
            4 => format!("RENAME m{a} m{b}\r\n"),
            5 => format!("SELECT 1\r\nSET k{a} v PX 5\r\nSADD s{b} {a}\r\nSELECT 0\r\n"),
            6 => format!("SWAPDB 2 3\r\nSELECT 2\r\nSET s {a}\r\nFLUSHDB\r\nSELECT 0\r\n"),
            7 => "INFO\r\nCLIENT LIST\r\nRANDOMKEY\r\nSCAN 0\r\n".to_owned(),
            8 => format!("DEL m{a} m{b} p{a}\r\nMGET m{b} m{a} p{b}\r\n"),
            _ => "KEYS m*\r\nCONFIG RESETSTAT\r\n".to_owned(),
        };
        let got = self.ask(place, &request).expect("nobody closes this one");
        assert!(got.ends_with("\r\n"), "{request:?} got {got:?}");
    }

    /// Kills the first subscriber of any loop, and closes `listener` the polite way.
    fn kill(&mut self, killer: u32, listener: u32) {
        let list = self.ask(killer, "CLIENT LIST TYPE pubsub\r\n").expect("nobody closes this one");
        if let Some(id) = list.split("id=").nth(1).and_then(|rest| rest.split(' ').next()) {
            let got = self.ask(killer, &format!("CLIENT KILL ID {id}\r\n"));
            assert!(matches!(got.as_deref(), Some(":0\r\n" | ":1\r\n")), "{got:?}");
        }
        self.ask(listener, "QUIT\r\n");
    }

    /// Returns how often it counted.
    fn run(mut self, host: &TestHost) -> i64 {
        let (teller, other, mut listener) = (self.connect(), self.connect(), self.connect());
        let mut counted = 0;
        for round in 0..ROUNDS {
            self.transfer(teller);
            self.disturb(other, round);
            let count = "MULTI\r\nINCR counter\r\nDBSIZE\r\nEXEC\r\nINCR plain\r\n";
            counted += i64::from(self.ask(other, count).is_some());
            if self.ask(listener, "SUBSCRIBE news\r\nPSUBSCRIBE n*\r\n").is_none() {
                listener = self.connect();
            }
            if round % 20 == 7 {
                self.kill(other, listener);
                listener = self.connect();
            }
            host.pass_ms(1);
            self.core.tick();
        }
        for place in [teller, other, listener] {
            self.core.disconnect(place);
        }
        counted
    }
}

/// Counts the money in a cut, and looks that no key comes twice.
#[derive(Default)]
struct Count {
    sum: i64,
    keys: HashSet<(u16, Vec<u8>)>,
    sums: Arc<Mutex<Vec<i64>>>,
}

impl Sink for Count {
    fn begin(&mut self, _: &Shared, _: &CutStart) -> Result<(), PersistError> {
        Ok(())
    }
    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        assert!(self.keys.insert((db, entry.key().to_vec())), "{entry:?} came twice");
        if let (0, b'a', ValueRef::Integer(value)) = (db, entry.key()[0], entry.value()) {
            self.sum += value;
        }
        Ok(())
    }
    fn end(self: Box<Self>, _: &Shared, end: End) {
        match end {
            End::Complete => self.sums.lock().expect("not poisoned").push(self.sum),
            End::Aborted => {}
            End::Failed(error) => panic!("{error}"),
        }
    }
}

/// Cuts one after the other until the node ends; the money in each of them.
fn cut_again_and_again(shared: &Shared) -> Vec<i64> {
    let sums = Arc::<Mutex<Vec<i64>>>::default();
    while let Some(rest) = snapshot::step(shared) {
        if !rest.is_zero() {
            let sink = Box::new(Count { sums: Arc::clone(&sums), ..Count::default() });
            let (consumer, on_start) = (Consumer::Replica, Box::new(|_: &CutStart| {}));
            shared.cuts.request(CutRequest { consumer, sink, on_start });
        }
    }
    Arc::try_unwrap(sums).map(|sums| sums.into_inner().expect("not poisoned")).unwrap_or_default()
}

#[test]
fn loops_on_threads_keep_what_must_hold() {
    let mut bench = Bench::new(LOOPS);
    bench.shared.journal.keep_backlog(1 << 20);
    for account in 0..ACCOUNTS {
        bench.check(&format!("set a{account} {START} => +OK"));
    }
    let host = bench.host.clone();
    let drivers = bench.take_loops().into_iter().enumerate();
    let drivers: Vec<_> = drivers.map(|(id, core)| Driver::new(core, id)).collect();
    let counted: i64 = thread::scope(|scope| {
        let threads: Vec<_> = drivers
            .into_iter()
            .map(|driver| {
                let host = &host;
                scope.spawn(move || driver.run(host))
            })
            .collect();
        let walker = scope.spawn(|| cut_again_and_again(&bench.shared));
        let counted = threads.into_iter().map(|thread| thread.join().expect("no driver panics"));
        let counted = counted.sum();
        bench.shared.cuts.close();
        let sums = walker.join().expect("no cut panics");
        assert!(!sums.is_empty(), "cuts were made meanwhile");
        let want = START * ACCOUNTS as i64;
        assert!(sums.iter().all(|sum| *sum == want), "each cut is one moment: {sums:?}");
        counted
    });
    assert_eq!(counted, (LOOPS * ROUNDS) as i64);
    let shared = bench.shared;
    let number = |key: &[u8]| {
        let mut space = shared.executor.walk();
        let hash = space.seed().hash(key);
        let db = space.shard(shard_of(hash)).and_then(|shard| shard.db(0)).expect("it was written");
        match db.at(db.find(hash, key).expect("nobody deletes it")).value() {
            ValueRef::Integer(value) => value,
            other => panic!("{other:?} is no number"),
        }
    };
    let sum: i64 = (0..ACCOUNTS).map(|at| number(format!("a{at}").as_bytes())).sum();
    assert_eq!(sum, START * ACCOUNTS as i64, "transfers neither make nor lose money");
    assert_eq!((number(b"counter"), number(b"plain")), (counted, counted));
    let mut space = shared.executor.walk();
    (0..SHARDS).for_each(|id| space.shard(id as u8).expect("nobody holds it").check_invariants());
    assert_eq!((shared.pubsub.patterns(), shared.pubsub.subscribers(b"news")), (0, 0));
    assert_eq!(shared.clients.len(), 1, "only the connection that made the accounts is left");
    assert!(!shared.executor.is_wanted());
}
