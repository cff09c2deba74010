//! Nodes that follow others, without sockets: what one link sends is handed to the other's applier.

use super::{Applier, follow, lost, promote};
use crate::testing::Bench;
use crate::upstream::{Progress, Target};
use replication::{Event, Link};

/// A replica of `primary`, whose link is connection `z` there.
struct Pair {
    primary: Bench,
    replica: Bench,
    applier: Applier,
    target: Target,
    link: Link,
    input: Vec<u8>,
}

impl Pair {
    fn new(loops: usize) -> Self {
        let (primary, replica) = (Bench::new(loops), Bench::new(loops));
        let mut exclusive = replica.shared.executor.exclusive();
        follow(&replica.shared, &mut exclusive, "primary", 1);
        drop(exclusive);
        let target = replica.shared.upstream.wait_for_target().expect("it follows");
        let applier = Applier::new(&replica.shared);
        let link = Link::new(super::greeting(&replica.shared));
        let mut pair = Self { primary, replica, applier, target, link, input: Vec::new() };
        pair.exchange();
        pair
    }

    /// The link breaks and is made again.
    fn reconnect(&mut self) {
        self.primary.send_unread('z', b"QUIT\r\n");
        self.primary.read('z');
        self.primary.forget('z');
        lost(&self.replica.shared, &self.target);
        self.applier.begin(&self.replica.shared, "primary:1".to_owned());
        self.link = Link::new(super::greeting(&self.replica.shared));
        self.input.clear();
        self.exchange();
    }

    /// Carries bytes to and fro until both are silent.
    fn exchange(&mut self) {
        loop {
            let out = self.link.take_output();
            self.primary.send_unread('z', &out);
            self.primary.keep().expect("there is room");
            let came = self.primary.read_bytes('z');
            if came.is_empty() && out.is_empty() {
                return;
            }
            self.input.extend_from_slice(&came);
            self.take();
        }
    }

    fn take(&mut self) {
        let (shared, target) = (&self.replica.shared, &self.target);
        let mut at = 0;
        loop {
            let (mut done, event) = self.link.receive(&self.input[at..]).expect("it is right");
            match event {
                None if done == 0 => break,
                None | Some(Event::Begin(_)) => {}
                Some(Event::Full { id, offset }) => {
                    self.applier.expect_data(shared, id, offset).expect("there is room");
                }
                Some(Event::Data(bytes)) => self.applier.take_data(bytes).expect("there is room"),
                Some(Event::End) => {
                    self.applier.load(shared, target, Box::new(|| {})).expect("it is good");
                }
                Some(Event::Continue { id }) => {
                    self.applier.go_on(shared, target, id.as_deref()).expect("it goes on");
                }
                Some(Event::Stream(bytes)) => {
                    let applied = self.applier.apply(shared, target, bytes).expect("it is right");
                    assert_eq!(applied.failure, None);
                    if applied.must_acknowledge {
                        self.link.acknowledge(shared.journal.offset());
                    }
                    done = applied.consumed;
                    if done == 0 {
                        break;
                    }
                }
            }
            at += done;
        }
        self.input.drain(..at);
    }

    fn offsets(&self) -> (u64, u64) {
        (self.primary.shared.journal.offset(), self.replica.shared.journal.offset())
    }
}

#[test]
fn a_replica_takes_over_data_and_stream() {
    for loops in [1, 4] {
        let mut pair = Pair::new(loops);
        pair.primary.check("set k v => +OK\nrpush l a b => :2\nselect 3 => +OK\nset x 1 => +OK");
        pair.exchange();
        let (ours, theirs) = pair.offsets();
        assert_eq!(ours, theirs);
        pair.replica.check(
            "
            get k => $1 v
            lrange l 0 -1 => *2 $1 a $1 b
            select 3 => +OK
            get x => $1 1
            set k 1 => -READONLY You can't write against a read only replica.
            multi => +OK
            get x => +QUEUED
            set k 1 => -READONLY You can't write against a read only replica.
            exec => -EXECABORT Transaction discarded because of previous errors.
            config set replica-read-only no => +OK
            set local 1 => +OK
            role => *5 $5 slave $7 primary :1 $7 connect :-1
            ",
        );
        assert_eq!(pair.offsets(), (ours, ours), "local writes are not recorded");
        let ids = [&pair.primary, &pair.replica].map(|one| one.shared.journal.identity().id);
        assert_eq!(ids[0], ids[1]);
    }
}

#[test]
fn a_replica_removes_what_its_own_clients_gave_a_time() {
    for loops in [1, 4] {
        let mut pair = Pair::new(loops);
        pair.primary.check("set theirs v px 50 => +OK");
        pair.exchange();
        let (_, offset) = pair.offsets();
        pair.replica.check(
            "
            config set replica-read-only no => +OK
            set a v px 50 => +OK
            set b v => +OK
            pexpire b 50 => :1
            eval \"return(redis.call('psetex','c',50,'v'))\" 0 => +OK
            set later v px 5000 => +OK
            dbsize => :5
            ",
        );
        pair.replica.pass_ms(100);
        pair.replica.tick();
        pair.replica.check("dbsize => :2\nget a => $-1\nttl later => :5");
        let stats = pair.replica.shared.total(|stats| &stats.expired_keys);
        assert_eq!(stats, 3, "what the primary sent is the primary's to delete");
        assert_eq!(pair.offsets().1, offset, "what it removes itself is not recorded");
        let mut exclusive = pair.replica.shared.executor.exclusive();
        promote(&pair.replica.shared, &mut exclusive);
        drop(exclusive);
        pair.replica.pass_ms(5000);
        pair.replica.tick();
        pair.replica.check("dbsize => :0");
    }
}

#[test]
fn a_transaction_is_taken_over_as_a_whole() {
    let mut pair = Pair::new(1);
    let start = pair.offsets().1;
    pair.primary.check("multi => +OK\nset a 1 => +QUEUED\nset b 2 => +QUEUED\nexec => *2 +OK +OK");
    let came = pair.primary.read_bytes('z');
    let half = came.len() - 20;
    pair.input.extend_from_slice(&came[..half]);
    pair.take();
    pair.replica.check("get a => $-1");
    assert_eq!(pair.offsets().1, start + 23, "only SELECT is complete");
    pair.input.extend_from_slice(&came[half..]);
    pair.take();
    pair.replica.check("mget a b => *2 $1 1 $1 2");
    let (ours, theirs) = pair.offsets();
    assert_eq!(ours, theirs);
}

#[test]
fn keys_die_on_a_replica_when_the_primary_says_so() {
    let mut pair = Pair::new(1);
    pair.primary.check("set k 1 PX 10 => +OK\nset n 1 PX 10 => +OK");
    pair.exchange();
    pair.replica.check("get k => $1 1");
    pair.replica.pass_ms(20);
    pair.replica.tick();
    pair.replica.check("get k => $-1\nexists n => :0\ndbsize => :2");
    // The primary's clock says otherwise: for its stream the key still lives.
    pair.primary.check("incr n => :2\npersist n => :1");
    pair.exchange();
    pair.replica.check("get n => $1 2");
    pair.primary.pass_ms(20);
    pair.primary.tick();
    pair.exchange();
    pair.replica.check("dbsize => :1");
}

#[test]
fn a_link_that_broke_goes_on_where_it_was() {
    let mut pair = Pair::new(1);
    pair.primary.check("select 5 => +OK\nset a 1 => +OK");
    pair.exchange();
    pair.primary.check("incr a => :2");
    pair.reconnect();
    pair.replica.check("select 5 => +OK\nget a => $1 2");
    let counts = &pair.primary.shared.links.counts;
    assert_eq!(counts.partial.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(pair.offsets().0, pair.offsets().1);
}

#[test]
fn a_promoted_replica_starts_a_history_that_its_old_primary_can_follow() {
    let mut pair = Pair::new(1);
    pair.primary.check("set a 1 => +OK");
    pair.exchange();
    let mut exclusive = pair.replica.shared.executor.exclusive();
    promote(&pair.replica.shared, &mut exclusive);
    drop(exclusive);
    assert_eq!(pair.replica.shared.upstream.status().progress, Progress::None);
    pair.replica.check("incr a => :2");
    let identity = pair.replica.shared.journal.identity();
    let old = pair.primary.shared.journal.identity().id;
    assert_eq!(identity.second_id.as_deref(), Some(&*old));
    assert!(pair.applier.apply(&pair.replica.shared, &pair.target, b"").is_err());
    std::mem::swap(&mut pair.primary, &mut pair.replica);
    let shared = std::sync::Arc::clone(&pair.replica.shared);
    follow(&shared, &mut shared.executor.exclusive(), "other", 2);
    pair.target = shared.upstream.wait_for_target().expect("it follows");
    pair.applier = Applier::new(&shared);
    pair.link = Link::new(super::greeting(&shared));
    pair.exchange();
    pair.replica.check("get a => $1 2");
    let counts = &pair.primary.shared.links.counts;
    assert_eq!(counts.partial.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(shared.journal.identity().id, identity.id);
}

#[test]
fn gates_of_both_roles() {
    let mut pair = Pair::new(1);
    pair.primary.check(
        "
        config set min-replicas-to-write 2 => +OK
        set a 1 => -NOREPLICAS Not enough good replicas to write.
        get a => $-1
        config set min-replicas-to-write 1 => +OK
        set a 1 => +OK
        ",
    );
    pair.primary.pass_ms(11_000);
    pair.primary.tick();
    pair.primary.check("set a 1 => -NOREPLICAS Not enough good replicas to write.");
    lost(&pair.replica.shared, &pair.target);
    pair.replica.check(
        "
        get a => $-1
        config set replica-serve-stale-data no => +OK
        get a => -MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.
        config set replica-serve-stale-data yes => +OK
        sync => -NOMASTERLINK Can't SYNC while not connected with my master
        replicaof primary 1 => +OK Already connected to specified master
        replicaof no one => +OK
        get a => $-1
        set a 1 => +OK
        replicaof x 70000 => -ERR Invalid master port
        ",
    );
}
