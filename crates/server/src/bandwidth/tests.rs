//! The buckets and the lines, against a plain account of what has passed.

use super::{Bandwidth, Direction, Line};
use std::collections::BTreeMap;
use stdx::Rng;

const MB: u64 = 1 << 20;

fn limited(bytes_per_s: u64) -> Bandwidth {
    let bandwidth = Bandwidth::default();
    bandwidth.set(bytes_per_s);
    bandwidth
}

#[test]
fn a_bucket_holds_a_second_and_fills_in_a_second() {
    // At 16 MiB/s a turn is 32 KiB: (milliseconds, wanted, granted).
    let rows: &[(u64, usize, Option<usize>)] = &[
        (0, 100, Some(100)),
        (0, 64 << 20, Some((16 << 20) - 100)),
        (0, 1, None),
        (1, 1, Some(1)),
        (1, 64 << 20, None),
        (1, 16 << 10, Some(16 << 10)),
        (2, 64 << 10, None),
        (502, 64 << 20, Some(8_405_777)),
        (3_000, 64 << 20, Some(16 << 20)),
        (3_000, 64, None),
    ];
    let bandwidth = limited(16 * MB);
    for &(ms, want, expected) in rows {
        let got = bandwidth.take(Direction::In, ms * 1_000, want).map(|grant| grant.bytes);
        let near = got.zip(expected).is_some_and(|(got, expected)| got.abs_diff(expected) <= 64);
        assert!(got == expected || near, "at {ms} ms of {want}: {got:?}, not {expected:?}");
    }
    let other = bandwidth.take(Direction::Out, 3_000_000, 64 << 20).map(|grant| grant.bytes);
    assert_eq!(other, Some(16 << 20), "the directions share nothing");
}

#[test]
fn without_a_limit_everything_passes() {
    let bandwidth = limited(10 * MB);
    let mut line = Line::new(Direction::Out);
    assert_eq!(line.ask(&bandwidth, 0, 64 << 20).map(|grant| grant.bytes), Some(10 << 20));
    assert!(line.ask(&bandwidth, 0, 64).is_none());
    assert!(line.join(7) && !line.join(7));
    assert!(line.next(&bandwidth, 0).is_none(), "a turn has to be saved up");
    let due_us = line.due_us().expect("one waits");
    assert!((1..5_000).contains(&due_us), "{due_us}");
    bandwidth.set(0);
    assert!(!bandwidth.is_on());
    line.join(8);
    let turn = line.next(&bandwidth, 1).expect("nothing to wait for any more");
    assert_eq!(turn.0, 7);
    let next = line.next(&bandwidth, 1).expect("nor for the next");
    assert_eq!((next.0, next.1.bytes), (8, 256 << 10));
    line.settle(&bandwidth, 1, next, 0);
    line.settle(&bandwidth, 1, turn, 0);
    assert_eq!((line.len(), line.due_us()), (0, None));
    let free = line.ask(&bandwidth, 1, usize::MAX).expect("no limit");
    assert_eq!(free.bytes, usize::MAX);
    bandwidth.give_back(Direction::Out, free, 5, 1);
}

#[test]
fn a_limit_changes_while_it_is_used() {
    let bandwidth = limited(10 * MB);
    bandwidth.take(Direction::In, 0, 64 << 20).expect("a full bucket");
    // Half a second of the old rate is half a second of the new one.
    bandwidth.set(40 * MB);
    let grant = bandwidth.take(Direction::In, 500_000, 64 << 20).expect("half of it");
    assert_eq!(grant.bytes, 20 << 20);
}

/// What has passed above the limit, in bytes times 10^9; never more than a second's worth.
#[derive(Default)]
struct Account {
    excess: u128,
    at_us: u64,
}

impl Account {
    fn add(&mut self, now_us: u64, bytes: usize, rate: u64) {
        let gone = u128::from(now_us - self.at_us) * 1_000 * u128::from(rate);
        self.excess = self.excess.saturating_sub(gone) + bytes as u128 * 1_000_000_000;
        self.at_us = now_us;
        assert!(self.excess <= u128::from(rate) * 1_000_000_000, "more than the limit passed");
    }

    fn room(&self, now_us: u64, rate: u64) -> usize {
        let gone = u128::from(now_us - self.at_us) * 1_000 * u128::from(rate);
        let excess = self.excess.saturating_sub(gone).div_ceil(1_000_000_000);
        rate as usize - excess as usize
    }
}

/// Random takers, reservations of several loops and returns never pass more than the limit, and
/// are not kept from what it leaves.
#[test]
fn random_use_agrees_with_a_plain_account() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let rate = 1 + rng.below(if seed % 2 == 0 { 1 << 20 } else { 300 << 20 }) as u64;
        let bandwidth = limited(rate);
        let mut account = Account::default();
        // A turn has to be a small part of a second for as many to be saved up at once.
        let loops = if rate < 8 * MB { 1 } else { 8 };
        let mut held = Vec::new();
        let mut draws = 0;
        let mut now_us = 1_000 * rng.below(10) as u64;
        for _ in 0..400 {
            let (pause_us, size) = ([1, 100, 10_000, 2_000_000][rng.below(4)], rng.below(24));
            now_us += rng.below(pause_us) as u64;
            let want = 1 + rng.below(1 << size);
            draws += 1;
            if rng.below(4) == 0 && held.len() < loops {
                held.push(bandwidth.reserve(Direction::In, now_us));
            } else if let Some(grant) = bandwidth.take(Direction::In, now_us, want) {
                let used = rng.below(grant.bytes + 1);
                account.add(now_us, used, rate);
                bandwidth.give_back(Direction::In, grant, grant.bytes - used, now_us);
            } else if held.is_empty() {
                let least = want.min(Bandwidth::turn_bytes(rate) as usize);
                // Each draw is rounded up to a nanosecond, each time down to a microsecond.
                let lost = draws * (rate / 1_000_000 + 1) as usize;
                let room = account.room(now_us, rate);
                assert!(room < least + lost, "seed {seed}: {room} left, {want} refused");
            }
            while let Some(at) = held.iter().position(|grant| grant.ready_us <= now_us) {
                let grant = held.remove(at);
                let stale = grant.is_stale(now_us);
                let used = if stale { 0 } else { rng.below(grant.bytes + 1) };
                account.add(now_us, used, rate);
                bandwidth.give_back(Direction::In, grant, grant.bytes - used, now_us);
            }
        }
    }
}

/// Clients with bytes to move: those in the line get them when it says so.
struct Clients {
    bandwidth: Bandwidth,
    line: Line,
    rate: u64,
    now_us: u64,
    wanted: BTreeMap<u32, usize>,
    moved: BTreeMap<u32, usize>,
    account: Account,
}

impl Clients {
    fn new(rate: u64) -> Self {
        let (bandwidth, line) = (limited(rate), Line::new(Direction::Out));
        let (wanted, moved, account) = Default::default();
        Self { bandwidth, line, rate, now_us: 0, wanted, moved, account }
    }

    /// A client has more to move, and goes about it.
    fn want(&mut self, place: u32, bytes: usize) {
        *self.wanted.entry(place).or_default() += bytes;
        match self.line.ask(&self.bandwidth, self.now_us, bytes) {
            Some(grant) => {
                let moved = self.act(place, grant.bytes);
                let unused = grant.bytes - moved;
                self.bandwidth.give_back(Direction::Out, grant, unused, self.now_us);
                if self.wanted[&place] > 0 {
                    self.line.join(place);
                }
            }
            None => drop(self.line.join(place)),
        }
    }

    fn act(&mut self, place: u32, bytes_max: usize) -> usize {
        let wanted = self.wanted.entry(place).or_default();
        let bytes = bytes_max.min(*wanted);
        *wanted -= bytes;
        *self.moved.entry(place).or_default() += bytes;
        self.account.add(self.now_us, bytes, self.rate);
        bytes
    }

    /// Lets time pass as a loop does: it wakes when the line says so.
    fn pass(&mut self, us: u64) {
        let until_us = self.now_us + us;
        loop {
            while let Some(turn) = self.line.next(&self.bandwidth, self.now_us) {
                let moved = self.act(turn.0, turn.1.bytes);
                self.line.settle(&self.bandwidth, self.now_us, turn, moved);
            }
            match self.line.due_us().filter(|due_us| *due_us <= until_us) {
                Some(due_us) => self.now_us = due_us,
                None => break self.now_us = until_us,
            }
        }
    }
}

#[test]
fn clients_share_alike_and_small_requests_do_not_wait_for_large_ones() {
    let rate = 48 * MB;
    let mut clients = Clients::new(rate);
    for place in 0..50 {
        clients.want(place, 1 << 30);
    }
    clients.pass(2_000_000);
    for round in 0..100 {
        clients.want(99, 100);
        // Its own turn, and that of the one whose turn it was.
        clients.pass(5_000);
        assert_eq!(clients.wanted[&99], 0, "round {round}");
        clients.pass(1_000 * round);
    }
    let total: usize = clients.moved.values().sum();
    let limit = rate as usize + (rate as u128 * u128::from(clients.now_us) / 1_000_000) as usize;
    assert!(total <= limit && total + (1 << 20) > limit, "{total} of {limit}");
    // The first took the whole bucket before the others came.
    let shares = clients.moved.range(1..50).map(|(_, bytes)| *bytes);
    let (least, most) = (shares.clone().min().expect("49"), shares.max().expect("49"));
    assert!(most - least <= 2 * Bandwidth::turn_bytes(rate) as usize, "{least} to {most}");
}

#[test]
fn whatever_is_wanted_is_moved_once() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut clients = Clients::new(MB + rng.below(100 << 20) as u64);
        let mut all = BTreeMap::<u32, usize>::new();
        for _ in 0..200 {
            let (place, size) = (rng.below(8) as u32, rng.below(22));
            let bytes = 1 + rng.below(1 << size);
            *all.entry(place).or_default() += bytes;
            clients.want(place, bytes);
            clients.pass(rng.below(20_000) as u64);
        }
        clients.pass(3_600_000_000);
        assert_eq!(clients.moved, all, "seed {seed}");
        assert!(clients.line.is_empty());
    }
    let mut line = Line::new(Direction::In);
    assert!([3, 1, 2].into_iter().all(|place| line.join(place)));
    assert_eq!(line.disband().collect::<Vec<_>>(), [3, 1, 2]);
    assert!(line.is_empty());
}
