//! One connection's side of a run: what to send when, and which reply belongs to what. A state
//! machine that is told the time; knows no socket.
//!
//! Closed loop: `pipeline` operations are sent at once, the next ones when all are answered;
//! latency counts from the sending. Open loop: operations are due at fixed times whatever the
//! server does, and latency counts from the time they were due, so that a stalled server cannot
//! hide the operations that it kept from being sent.

use crate::replies::{Malformed, Replies};
use crate::tally::Tally;
use crate::workload::Stream;
use std::collections::VecDeque;

/// When operations are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As soon as the ones before are answered.
    Closed,
    /// At fixed times.
    Open {
        /// Time of the first one, µs.
        first_us: f64,
        /// Time between two, µs.
        interval_us: f64,
    },
}

/// When to stop sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// After this many operations.
    pub operations: u64,
    /// At this time, µs.
    pub at_us: u64,
}

/// Index of the operation, and when its latency began.
type Waiting = (u16, u64);

/// A connection's state.
#[derive(Debug)]
pub struct Lane {
    stream: Stream,
    pipeline: usize,
    pace: Pace,
    end: End,
    sent: u64,
    waiting: VecDeque<Waiting>,
    replies: Replies,
}

impl Lane {
    /// A lane that has sent nothing; at most `pipeline` operations wait for replies at a time.
    #[must_use]
    pub fn new(stream: Stream, pipeline: usize, pace: Pace, end: End) -> Self {
        let waiting = VecDeque::with_capacity(pipeline);
        Self { stream, pipeline, pace, end, sent: 0, waiting, replies: Replies::default() }
    }

    /// Appends to `out` whatever is to be sent at `now_us`.
    #[inline]
    pub fn fill(&mut self, now_us: u64, out: &mut Vec<u8>) {
        if self.pace == Pace::Closed && !self.waiting.is_empty() {
            return;
        }
        while self.waiting.len() < self.pipeline {
            let Some(due_us) = self.next_us(now_us).filter(|&due_us| due_us <= now_us) else {
                return;
            };
            let index = self.stream.write_next(out);
            self.waiting.push_back((index as u16, due_us));
            self.sent += 1;
        }
    }

    /// Reads replies that came at `now_us`.
    ///
    /// # Errors
    /// [`Malformed`] when they are none; the connection is of no more use.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now_us: u64,
        tally: &mut Tally,
    ) -> Result<(), Malformed> {
        let waiting = &mut self.waiting;
        let mut unasked = None;
        self.replies.feed(bytes, |outcome| match waiting.pop_front() {
            Some((index, from_us)) => {
                tally.record(usize::from(index), now_us.saturating_sub(from_us), outcome);
            }
            None => unasked = Some(format!("{outcome:?}")),
        })?;
        tally.received_bytes += bytes.len() as u64;
        tally.last_us = tally.last_us.max(now_us);
        match unasked {
            None => Ok(()),
            Some(reply) => Err(Malformed(format!("more replies than requests: {reply}"))),
        }
    }

    /// True when nothing is to be sent or received any more.
    #[must_use]
    pub fn is_done(&self, now_us: u64) -> bool {
        self.waiting.is_empty() && self.next_us(now_us).is_none()
    }

    /// When the next operation can be sent; `None` when none is left, or a reply must come first.
    #[must_use]
    pub fn wake_us(&self, now_us: u64) -> Option<u64> {
        let room = match self.pace {
            Pace::Closed => self.waiting.is_empty(),
            Pace::Open { .. } => self.waiting.len() < self.pipeline,
        };
        if room { self.next_us(now_us) } else { None }
    }

    /// True when replies are still to come.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The connection has ended or is given up: counts what remains undone.
    pub fn abandon(&mut self, why: &str, tally: &mut Tally) {
        tally.lost += 1;
        tally.fault(why, self.waiting.len().max(1) as u64);
        self.waiting.clear();
        tally.unsent += self.unsent();
        self.end.operations = self.sent;
    }

    /// Stops sending before the end; waiting replies still count.
    pub fn curtail(&mut self, tally: &mut Tally) {
        tally.unsent += self.unsent();
        self.end.operations = self.sent;
    }

    /// Planned operations that have not been sent; a closed loop without a number plans none.
    fn unsent(&self) -> u64 {
        let planned = match self.pace {
            Pace::Open { first_us, interval_us } if self.end.at_us != u64::MAX => {
                let span_us = self.end.at_us as f64 - first_us;
                ((span_us / interval_us).ceil().max(0.0) as u64).min(self.end.operations)
            }
            _ if self.end.operations == u64::MAX => self.sent,
            _ => self.end.operations,
        };
        planned.saturating_sub(self.sent)
    }

    /// When the next operation is due; `None` when none is left.
    #[inline]
    fn next_us(&self, now_us: u64) -> Option<u64> {
        let due_us = match self.pace {
            Pace::Closed => now_us,
            Pace::Open { first_us, interval_us } => {
                (first_us + interval_us * self.sent as f64) as u64
            }
        };
        (self.sent < self.end.operations && due_us < self.end.at_us).then_some(due_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distribution::Distribution;
    use crate::{mix, workload::Workload};
    use std::sync::Arc;

    const FOREVER: u64 = u64::MAX;

    fn lane(pipeline: usize, pace: Pace, end: (u64, u64)) -> Lane {
        let ping = vec![mix::named("ping").expect("is valid")];
        let work = Workload::new(ping, 1..=1, (1, Distribution::Uniform), 1);
        let end = End { operations: end.0, at_us: end.1 };
        Lane::new(Stream::random(&Arc::new(work), 0), pipeline, pace, end)
    }

    /// One event a line: `fill T = SENT`, `reply T COUNT`, `done T = BOOL`, `wake T = TIME`.
    fn check(mut lane: Lane, script: &str, latencies_us: &[u64]) {
        let mut tally = Tally::new(1);
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let now_us: u64 = words[1].parse().expect("a time");
            match words[0] {
                "fill" => {
                    let mut out = Vec::new();
                    lane.fill(now_us, &mut out);
                    let sent = out.len() / b"*1\r\n$4\r\nPING\r\n".len();
                    assert_eq!(sent.to_string(), words[3], "{line}");
                }
                "reply" => {
                    let bytes = "+PONG\r\n".repeat(words[2].parse().expect("a count"));
                    lane.receive(bytes.as_bytes(), now_us, &mut tally).expect("was asked");
                }
                "done" => assert_eq!(lane.is_done(now_us).to_string(), words[3], "{line}"),
                "wake" => assert_eq!(format!("{:?}", lane.wake_us(now_us)), words[3], "{line}"),
                other => panic!("no such event: {other}"),
            }
        }
        let latency_us = &tally.operations[0].latency_us;
        let got: Vec<u64> = latency_us
            .iter_recorded()
            .flat_map(|at| vec![at.value_iterated_to(); at.count_at_value() as usize])
            .collect();
        assert_eq!(got, latencies_us);
    }

    #[test]
    fn a_closed_loop_sends_when_all_is_answered() {
        let script = "
            fill 0 = 2
            fill 1 = 0
            reply 5 1
            fill 5 = 0
            reply 7 1
            wake 7 = Some(7)
            fill 7 = 1
            done 7 = false
            reply 10 1
            fill 10 = 0
            done 10 = true";
        check(lane(2, Pace::Closed, (3, FOREVER)), script, &[3, 5, 7]);
    }

    #[test]
    fn a_closed_loop_ends_in_time() {
        let script = "
            fill 0 = 1
            reply 9 1
            done 9 = false
            fill 9 = 1
            done 20 = false
            reply 20 1
            fill 20 = 0
            done 20 = true";
        check(lane(1, Pace::Closed, (FOREVER, 10)), script, &[9, 11]);
    }

    #[test]
    fn an_open_loop_counts_from_the_time_that_was_meant() {
        let script = "
            fill 0 = 0
            wake 0 = Some(5)
            fill 5 = 1
            wake 6 = Some(15)
            fill 50 = 1
            wake 50 = None
            fill 51 = 0
            reply 100 2
            fill 100 = 2
            reply 101 2
            done 101 = true";
        // Due at 5, 15, 25 and 35 µs; the server answers nothing before 100.
        let pace = Pace::Open { first_us: 5.0, interval_us: 10.0 };
        check(lane(2, pace, (FOREVER, 40)), script, &[66, 76, 85, 95]);
    }

    #[test]
    fn what_was_not_sent_is_counted() {
        let open = Pace::Open { first_us: 5.0, interval_us: 10.0 };
        for (pace, end, want) in [
            (open, (FOREVER, 40), 2),
            (open, (3, 40), 1),
            (Pace::Closed, (9, FOREVER), 7),
            (Pace::Closed, (FOREVER, 40), 0),
        ] {
            let mut lane = lane(2, pace, end);
            let mut tally = Tally::new(1);
            lane.fill(20, &mut Vec::new());
            lane.abandon("LOST by test", &mut tally);
            assert_eq!((tally.unsent, tally.lost), (want, 1), "{pace:?} {end:?}");
            assert_eq!(tally.errors["LOST"].count, 2);
            assert!(lane.is_done(20));
        }
    }

    #[test]
    fn replies_to_nothing_are_refused() {
        let mut lane = lane(1, Pace::Closed, (1, FOREVER));
        let error = lane.receive(b"+OK\r\n", 1, &mut Tally::new(1)).expect_err("nothing was asked");
        assert_eq!(error.0, "more replies than requests: Value");
    }
}
