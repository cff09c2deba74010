//! Connections of one loop that wait for bandwidth, one line for each direction. All have a turn
//! each, round and round; who has moved less than a turn's worth in a round comes before them, so
//! that a small request does not wait for many large ones. Knows no socket.

use super::{Bandwidth, Direction, Grant};
use std::collections::{HashMap, HashSet, VecDeque};

/// The line. A place in it may be that of a connection that has ended or wants nothing any more:
/// its turn is then over at once.
#[derive(Debug)]
pub struct Line {
    direction: Direction,
    /// Those that have not had their share of this round.
    early: VecDeque<u32>,
    /// Those that have, and the round in which they had it.
    late: VecDeque<(u32, u64)>,
    /// All of both.
    places: HashSet<u32>,
    round: u64,
    /// What each has moved in this round.
    moved: HashMap<u32, usize>,
    /// What the first of them will get.
    reserved: Option<Grant>,
}

impl Line {
    /// A line in which nobody waits.
    #[must_use]
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            early: VecDeque::new(),
            late: VecDeque::new(),
            places: HashSet::new(),
            round: 0,
            moved: HashMap::new(),
            reserved: None,
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True when nobody waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// When somebody is to be served, in monotonic microseconds; 0 is at once.
    #[must_use]
    pub fn due_us(&self) -> Option<u64> {
        (!self.is_empty()).then(|| self.reserved.map_or(0, |grant| grant.ready_us))
    }

    /// Leave to move up to `want` bytes without waiting, which nobody has while others wait. What
    /// is not used is given back to the bandwidth.
    #[must_use]
    pub fn ask(&self, bandwidth: &Bandwidth, now_us: u64, want: usize) -> Option<Grant> {
        if self.is_empty() { bandwidth.take(self.direction, now_us, want) } else { None }
    }

    /// Puts a connection into the line; false when it is in it.
    pub fn join(&mut self, place: u32) -> bool {
        let joins = self.places.insert(place);
        if joins {
            self.early.push_back(place);
        }
        joins
    }

    /// Whose turn it is, and what it may move; to be followed by [`Line::settle`].
    pub fn next(&mut self, bandwidth: &Bandwidth, now_us: u64) -> Option<(u32, Grant)> {
        if self.is_empty() {
            return None;
        }
        let reserve = || bandwidth.reserve(self.direction, now_us);
        let mut grant = self.reserved.take().unwrap_or_else(reserve);
        if grant.is_stale(now_us) {
            bandwidth.give_back(self.direction, grant, grant.bytes, now_us);
            grant = reserve();
        }
        if grant.ready_us > now_us && bandwidth.is_on() {
            self.reserved = Some(grant);
            return None;
        }
        let place = self.early.pop_front().or_else(|| self.pop_late())?;
        Some((place, grant))
    }

    fn pop_late(&mut self) -> Option<u32> {
        let (place, round) = self.late.pop_front()?;
        if round == self.round {
            self.round += 1;
            self.moved.clear();
        }
        Some(place)
    }

    /// Ends a turn in which so many bytes were moved. Who has had his share of the round stays in
    /// the line behind all others, even if he wants nothing more: were he to leave it, he would
    /// come before them when he is back at once.
    pub fn settle(
        &mut self,
        bandwidth: &Bandwidth,
        now_us: u64,
        (place, grant): (u32, Grant),
        moved: usize,
    ) {
        bandwidth.give_back(self.direction, grant, grant.bytes - moved, now_us);
        let in_round = self.moved.entry(place).or_default();
        *in_round += moved;
        if moved > 0 && *in_round >= grant.bytes {
            self.late.push_back((place, self.round));
        } else {
            self.places.remove(&place);
        }
        if self.places.is_empty() {
            self.moved.clear();
        }
    }

    /// Everybody leaves.
    pub fn disband(&mut self) -> impl Iterator<Item = u32> + use<> {
        self.places.clear();
        let late = std::mem::take(&mut self.late).into_iter().map(|(place, _)| place);
        std::mem::take(&mut self.early).into_iter().chain(late)
    }
}
