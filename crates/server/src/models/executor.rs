//! Loops, long commands and holders of exclusive mode against each other.

use super::check;
use crate::executor::{Executor, Kind};
use crate::gate::GateState;
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use stdx::hash::HashSeed;

const ORDERS: usize = 2_000;
const LOOPS: usize = 2;

/// Who runs now, counted beside the checker's locks.
#[derive(Default)]
struct Inside {
    shared: AtomicUsize,
    alone: AtomicUsize,
    /// Generation of the last change of the gate that has been answered.
    answered: AtomicU64,
}

impl Inside {
    fn shared(&self, work: impl FnOnce()) {
        self.shared.fetch_add(1, SeqCst);
        assert_eq!(self.alone.load(SeqCst), 0, "somebody runs alone");
        work();
        assert_eq!(self.alone.load(SeqCst), 0, "somebody runs alone");
        self.shared.fetch_sub(1, SeqCst);
    }

    fn alone(&self, work: impl FnOnce()) {
        assert_eq!(self.alone.fetch_add(1, SeqCst), 0, "two run alone");
        assert_eq!(self.shared.load(SeqCst), 0, "others run");
        work();
        assert_eq!(self.shared.load(SeqCst), 0, "others run");
        self.alone.fetch_sub(1, SeqCst);
    }
}

struct Node {
    executor: Executor,
    inside: Inside,
}

fn node() -> Arc<Node> {
    let seed = HashSeed::from_bytes([3; 16]);
    let executor = Executor::new(LOOPS, 2, seed, &GateState::default());
    Arc::new(Node { executor, inside: Inside::default() })
}

fn spawn(node: &Arc<Node>, work: fn(&Node)) -> thread::JoinHandle<()> {
    let node = Arc::clone(node);
    thread::spawn(move || work(&node))
}

/// What a loop does in a batch: commands under its pass, one of which needs shards.
fn batch(node: &Node, slot: usize) -> bool {
    let answered = node.inside.answered.load(SeqCst);
    let Some(pass) = node.executor.pass(slot) else {
        thread::yield_now();
        return false;
    };
    node.inside.shared(|| {
        assert!(pass.gate.generation >= answered, "a change of the gate is seen by all");
        let locked = node.executor.lock(&[3, 7]);
        thread::yield_now();
        drop(locked);
    });
    node.executor.give_back(pass);
    true
}

fn loop_0(node: &Node) {
    (0..3).for_each(|_| _ = batch(node, 0));
}

fn loop_1(node: &Node) {
    (0..3).for_each(|_| _ = batch(node, 1));
}

fn change_gate(node: &Node) {
    let mut exclusive = node.executor.exclusive();
    node.inside.alone(|| {
        let next = exclusive.gate().generation + 1;
        exclusive.change_gate(|gate| gate.generation = next);
        thread::yield_now();
    });
    let generation = exclusive.gate().generation;
    drop(exclusive);
    node.inside.answered.fetch_max(generation, SeqCst);
}

/// A job in exclusive mode, as a loop tries it between its batches.
fn alone_for_long(node: &Node) {
    let ticket = node.executor.draw(Kind::Exclusive);
    loop {
        if let Some(exclusive) = node.executor.try_exclusive(ticket, Duration::ZERO) {
            node.inside.alone(|| {
                node.executor.declare_long();
                thread::yield_now();
                thread::yield_now();
            });
            drop(exclusive);
            return;
        }
        batch(node, 1);
    }
}

/// A long command, as a loop tries it between its batches.
fn beside(node: &Node) {
    let ticket = node.executor.draw(Kind::Long);
    loop {
        if let Some(pass) = node.executor.try_long(ticket) {
            node.inside.shared(|| {
                let locked = node.executor.lock(&[5, 7]);
                thread::yield_now();
                drop(locked);
            });
            drop(pass);
            return;
        }
        batch(node, 0);
    }
}

fn end(node: &Node, threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    assert!(!node.executor.is_wanted());
    assert!((0..LOOPS).all(|slot| node.executor.pass(slot).is_some()), "nobody is long any more");
    let exclusive = node.executor.exclusive();
    assert_eq!(exclusive.gate().generation, node.executor.published().generation);
}

fn model(works: &'static [fn(&Node)]) {
    check(ORDERS, || {
        let node = node();
        let threads = works.iter().map(|work| spawn(&node, *work)).collect();
        end(&node, threads);
    });
}

#[test]
fn changes_of_the_gate_exclude_all_and_are_seen_by_all() {
    model(&[loop_0, loop_1, change_gate, change_gate]);
}

#[test]
fn long_and_exclusive_jobs_take_turns() {
    model(&[loop_0, alone_for_long, beside, change_gate]);
}

#[test]
fn many_who_want_to_be_alone_all_come_to_it() {
    model(&[change_gate, alone_for_long, change_gate, beside, beside]);
}

#[test]
fn who_leaves_the_queue_keeps_nobody_waiting() {
    fn gives_up(node: &Node) {
        let ticket = node.executor.draw(Kind::Exclusive);
        match node.executor.try_exclusive(ticket, Duration::ZERO) {
            Some(exclusive) => drop(exclusive),
            None => node.executor.leave(ticket),
        }
    }
    model(&[gives_up, beside, change_gate, loop_1]);
}

#[test]
fn a_command_deferred_by_another_one_runs_at_last() {
    /// As a loop with a command for two shards does it.
    fn deferred(node: &Node) {
        for slot in [0, 1].into_iter().cycle() {
            let Some(pass) = node.executor.pass(slot) else { continue };
            let has_run = node.executor.lock(&[3, 5]).is_ok();
            node.executor.give_back(pass);
            if has_run {
                return;
            }
            thread::yield_now();
        }
    }
    model(&[beside, beside, deferred, change_gate]);
}
