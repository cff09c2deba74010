//! The heartbeat of one serving process: when it is asked for a sign of life, and when its silence
//! means that it must be replaced. The only place with these limits: a process is given up after
//! `MISSES_MAX` unanswered questions in a row, at least 7 s after its last answer. Must not know
//! how it is asked.

use crate::core::message::Ticket;

/// Pause between an answer, or the lack of one, and the next question, in milliseconds.
const BEAT_MS: u64 = 1_000;
/// Questions to all processes go out together at multiples of this, so that hundreds of them do not
/// wake the agent one by one.
const TOGETHER_MS: u64 = 100;
/// How long a process may think about one question, in milliseconds.
pub(crate) const ANSWER_MS_MAX: u64 = 2_000;
/// Unanswered questions in a row after which a process counts as dead.
const MISSES_MAX: u32 = 3;

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// It answered.
    Answered,
    /// It was connected and said nothing.
    Silent,
    /// It could not be asked, for instance for lack of descriptors here; that tells nothing.
    Unasked,
}

/// The heartbeat of one process.
#[derive(Debug, Default)]
pub(crate) struct Heart {
    asked: Option<(Ticket, u64)>,
    next_at: Option<u64>,
    misses: u32,
}

impl Heart {
    /// When something is due: the next question, or the end of the time for an answer. `None`
    /// while an answer is overdue that will be reported by itself.
    pub(crate) fn due_at(&mut self, now_ms: u64) -> Option<u64> {
        match self.asked {
            Some((_, since)) => Some(since + ANSWER_MS_MAX).filter(|&until| now_ms < until),
            None => Some(*self.next_at.get_or_insert(next_at(now_ms))),
        }
    }

    /// True while a question is open.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// A question goes out.
    pub(crate) fn ask(&mut self, ticket: Ticket, now_ms: u64) {
        assert!(self.asked.is_none(), "one question at a time");
        self.asked = Some((ticket, now_ms));
    }

    /// A question has ended, maybe another one. Returns true when the process counts as dead.
    /// Silence that was shorter than the limit was measured across a pause of our own.
    pub(crate) fn ended(&mut self, ticket: Ticket, beat: Beat, now_ms: u64) -> bool {
        let Some((_, since)) = self.asked.take_if(|(asked, _)| *asked == ticket) else {
            return false;
        };
        self.next_at = Some(next_at(now_ms));
        match beat {
            Beat::Answered => self.misses = 0,
            Beat::Silent if ANSWER_MS_MAX <= now_ms.saturating_sub(since) => self.misses += 1,
            Beat::Silent | Beat::Unasked => {}
        }
        MISSES_MAX <= self.misses
    }
}

fn next_at(now_ms: u64) -> u64 {
    (now_ms + BEAT_MS).next_multiple_of(TOGETHER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks as often as there are beats, each ending after so many milliseconds; returns when the
    /// process was given up, counted from the start.
    fn given_up(beats: &[(Beat, u64)]) -> Option<u64> {
        let mut heart = Heart::default();
        let mut now = 0;
        for (ticket, &(beat, took_ms)) in (1..).zip(beats) {
            now = heart.due_at(now).expect("a question is due");
            heart.ask(ticket, now);
            assert_eq!(heart.due_at(now), Some(now + ANSWER_MS_MAX));
            assert!(!heart.ended(ticket + 100, Beat::Silent, now + took_ms), "another's ending");
            now += took_ms;
            if heart.ended(ticket, beat, now) {
                return Some(now);
            }
        }
        None
    }

    #[test]
    fn only_lasting_silence_is_death() {
        use Beat::{Answered, Silent, Unasked};
        type Row<'a> = (&'a [(Beat, u64)], Option<u64>);
        let rows: &[Row<'_>] = &[
            (&[(Answered, 0); 9], None),
            (&[(Silent, 2_000); 2], None),
            (&[(Silent, 2_000); 3], Some(9_000)),
            (&[(Silent, 2_000), (Silent, 2_000), (Answered, 1_999), (Silent, 2_000)], None),
            (&[(Silent, 2_000), (Unasked, 0), (Silent, 2_000), (Silent, 2_000)], Some(10_000)),
            (&[(Silent, 1_999); 9], None),
            (&[(Unasked, 5_000); 9], None),
        ];
        for (beats, expected) in rows {
            assert_eq!(given_up(beats), *expected, "{beats:?}");
        }
    }

    #[test]
    fn an_overdue_answer_wakes_nobody() {
        let mut heart = Heart::default();
        assert_eq!(heart.due_at(5), Some(100 + BEAT_MS));
        assert_eq!(heart.due_at(500), Some(100 + BEAT_MS), "the first question is not put off");
        heart.ask(1, 2_000);
        assert!(heart.is_asked());
        assert_eq!(heart.due_at(2_000 + ANSWER_MS_MAX), None);
    }
}
