//! Who may begin: long commands side by side while slots are free, the holder of exclusive mode
//! alone. First come, first served, so that neither kind keeps the other out. Knows no pass and no
//! shard.

use crate::sync::{Condvar, Mutex};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::time::Duration;

/// Others who run alone may come and go so often while one waits with patience.
const WAITS_MAX: usize = 4;

/// What one asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To run beside the loops, in a slot of one's own.
    Long,
    /// To run alone.
    Exclusive,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    number: u64,
    kind: Kind,
}

impl Ticket {
    /// What it was drawn for.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }
}

/// Those who run and those who wait.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    next: u64,
    waiting: VecDeque<Ticket>,
    /// Somebody runs alone, or is about to.
    alone: bool,
    slots: usize,
    free: SmallVec<[usize; 8]>,
}

impl State {
    /// All slots are free: no long command is in flight.
    fn is_quiet(&self) -> bool {
        !self.alone && self.free.len() == self.slots
    }

    /// Takes a ticket out if nobody who must come first waits before it.
    fn admit(&mut self, ticket: Ticket) -> bool {
        let first = self.waiting.iter().take_while(|other| **other != ticket);
        let blocked = match ticket.kind {
            Kind::Exclusive => first.count() > 0,
            Kind::Long => first.into_iter().any(|other| other.kind == Kind::Exclusive),
        };
        if !blocked {
            self.waiting.retain(|other| *other != ticket);
        }
        !blocked
    }
}

impl Queue {
    /// Nobody waits; slots `first` and on are for long commands.
    pub fn new(first: usize, slots: usize) -> Self {
        let free = (first..first + slots).rev().collect();
        let state = State { next: 0, waiting: VecDeque::new(), alone: false, slots, free };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Goes to the end of the queue.
    pub fn draw(&self, kind: Kind) -> Ticket {
        let mut state = self.state.lock();
        let ticket = Ticket { number: state.next, kind };
        state.next += 1;
        state.waiting.push_back(ticket);
        ticket
    }

    /// Leaves the queue.
    pub fn leave(&self, ticket: Ticket) {
        self.state.lock().waiting.retain(|other| *other != ticket);
        self.changed.notify_all();
    }

    /// Begins a long command, if there is room now: its slot.
    pub fn begin_long(&self, ticket: Ticket) -> Option<usize> {
        let mut state = self.state.lock();
        if state.alone || state.free.is_empty() || !state.admit(ticket) {
            return None;
        }
        state.free.pop()
    }

    /// Ends a long command.
    pub fn end_long(&self, slot: usize) {
        self.state.lock().free.push(slot);
        self.changed.notify_all();
    }

    /// Begins to run alone. Waits up to `patience` for each of a few others who run alone, and not
    /// at all for long commands: they can be very long.
    pub fn begin_alone(&self, ticket: Ticket, patience: Duration) -> bool {
        let mut state = self.state.lock();
        for _ in 0..WAITS_MAX {
            if state.is_quiet() && state.admit(ticket) {
                state.alone = true;
                return true;
            }
            let short = state.free.len() == state.slots;
            if !short || self.changed.wait_for(&mut state, patience).timed_out() {
                return false;
            }
        }
        false
    }

    /// As [`Queue::begin_alone`], for as long as it takes.
    pub fn begin_alone_at_last(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        while !(state.is_quiet() && state.admit(ticket)) {
            self.changed.wait(&mut state);
        }
        state.alone = true;
    }

    /// Ends running alone.
    pub fn end_alone(&self) {
        self.state.lock().alone = false;
        self.changed.notify_all();
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn first_come_first_served() {
        let queue = Queue::new(4, 2);
        let [a, b, c] = [Kind::Long, Kind::Long, Kind::Long].map(|kind| queue.draw(kind));
        assert_eq!((queue.begin_long(b), queue.begin_long(a)), (Some(4), Some(5)));
        assert_eq!(queue.begin_long(c), None, "all slots are in use");
        let alone = queue.draw(Kind::Exclusive);
        let late = queue.draw(Kind::Long);
        queue.end_long(4);
        assert_eq!(queue.begin_long(late), None, "somebody before it wants to be alone");
        assert_eq!(queue.begin_long(c), Some(4));
        assert!(!queue.begin_alone(alone, NOW), "long commands are in flight");
        queue.end_long(4);
        queue.end_long(5);
        assert!(queue.begin_alone(alone, NOW));
        assert_eq!(queue.begin_long(late), None);
        let other = queue.draw(Kind::Exclusive);
        assert!(!queue.begin_alone(other, NOW));
        queue.end_alone();
        assert!(!queue.begin_alone(other, NOW), "it is not its turn");
        assert!(queue.begin_long(late).is_some());
    }

    #[test]
    fn who_leaves_keeps_nobody_waiting() {
        let queue = Queue::new(1, 1);
        let alone = queue.draw(Kind::Exclusive);
        let long = queue.draw(Kind::Long);
        assert_eq!(queue.begin_long(long), None);
        queue.leave(alone);
        assert_eq!(queue.begin_long(long), Some(1));
    }
}
